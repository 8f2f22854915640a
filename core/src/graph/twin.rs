//! Twins: the same network at another precision, to compare times and results with.

use super::file::bad_node;
use super::{Activation, Codes, Graph, Kind, Node, Op, Parameters, Tensor};
use crate::Precision;
use crate::model::ModelError;

/// A weight of 4 bits times this is one of 8 bits: 7 becomes 126.
const WEIGHT_RATIO: i8 = 18;
/// A code of 4 bits times this is one of 8 bits: 15 becomes 255.
const CODE_RATIO: u8 = 17;

impl Graph {
    /// The narrowest arithmetic of a convolution or fully connected layer.
    #[must_use]
    pub fn narrowest(&self) -> Precision {
        let precisions = self.nodes.iter().filter_map(|node| {
            let convolution = node.op.convolution()?;
            Some(match &self.tensors[*node.inputs.first()?].kind {
                Kind::Codes(codes) if codes.bits == 4 && convolution.weight_bits == 4 => {
                    Precision::U4
                }
                Kind::Codes(_) => Precision::U8,
                _ => Precision::F32,
            })
        });
        precisions.max().unwrap_or(Precision::F32)
    }

    /// The same network in 8 bits or in single precision: what its integers stand for, with steps
    /// as fine as the other precision has them. Results differ by rounding, and because reals are not
    /// clamped at the largest code. `None` where `precision` is not wider than the graph's own.
    ///
    /// # Errors
    /// [`ModelError`] if the graph does not pass [`Graph::check`], or if a bias is too large for 8
    /// bits.
    pub fn twin(&self, precision: Precision) -> Result<Option<Self>, ModelError> {
        self.check()?;
        // The order of precisions is from the widest on.
        if precision >= self.narrowest() {
            return Ok(None);
        }
        let mut twin = match precision {
            Precision::F32 => self.in_reals(),
            _ => self.in_eight_bits()?,
        };
        twin.hash.clear();
        twin.check()?;
        Ok(Some(twin))
    }

    fn in_eight_bits(&self) -> Result<Self, ModelError> {
        let mut twin = self.clone();
        for tensor in &mut twin.tensors {
            if let Kind::Codes(codes) = &mut tensor.kind
                && codes.bits == 4
            {
                codes.bits = 8;
                codes.scale /= f32::from(CODE_RATIO);
                codes.zero_points.iter_mut().for_each(|zero_point| *zero_point *= CODE_RATIO);
            }
        }
        let finer = |tensor: usize| match &self.tensors[tensor].kind {
            Kind::Codes(codes) if codes.bits == 4 => CODE_RATIO,
            _ => 1,
        };
        for node in &mut twin.nodes {
            let (input, output) = (finer(node.inputs[0]), finer(node.output));
            let Some(Parameters::Integer { weights, bias, scales }) = &mut node.parameters else {
                continue;
            };
            let bits = match &mut node.op {
                Op::Conv2d(convolution) => &mut convolution.weight_bits,
                Op::Linear(linear) => &mut linear.weight_bits,
                _ => continue,
            };
            let ratio = if *bits == 4 { WEIGHT_RATIO } else { 1 };
            *bits = 8;
            weights.iter_mut().for_each(|weight| *weight *= ratio);
            let finer_sums = i32::from(ratio) * i32::from(input);
            for bias in bias {
                *bias = bias
                    .checked_mul(finer_sums)
                    .ok_or_else(|| bad_node(&node.name, "its bias is too large for 8 bits"))?;
            }
            let factor = f32::from(output) / (f32::from(ratio) * f32::from(input));
            scales.iter_mut().for_each(|scale| *scale *= factor);
        }
        Ok(twin)
    }

    #[allow(clippy::cast_precision_loss, reason = "a twin in single precision is near, not exact")]
    fn in_reals(&self) -> Self {
        let mut twin = self.clone();
        // Inputs of codes stay, and are converted first.
        let mut real_of: Vec<usize> = (0..self.tensors.len()).collect();
        let mut nodes = Vec::with_capacity(self.nodes.len() + self.inputs.len());
        for source in &self.inputs {
            let tensor = &self.tensors[source.tensor];
            if matches!(tensor.kind, Kind::Codes(_)) {
                let name = format!("{}:real", tensor.name.chars().take(30).collect::<String>());
                real_of[source.tensor] = twin.tensors.len();
                twin.tensors.push(Tensor { name: name.clone(), kind: Kind::Reals });
                nodes.push(Node {
                    name,
                    op: Op::Identity,
                    inputs: vec![source.tensor],
                    output: real_of[source.tensor],
                    parameters: None,
                });
            }
        }
        for node in &self.nodes {
            if node.op != Op::Argmax {
                twin.tensors[node.output].kind = Kind::Reals;
            }
            let mut real = node.clone();
            for input in &mut real.inputs {
                *input = real_of[*input];
            }
            if let Some(Parameters::Integer { weights, bias, scales }) = &node.parameters
                && let Kind::Codes(from) = &self.tensors[node.inputs[0]].kind
            {
                let to = match &self.tensors[node.output].kind {
                    Kind::Codes(codes) => Some(codes),
                    _ => None,
                };
                let sizes: Vec<f32> =
                    scales.iter().map(|scale| scale * to.map_or(1.0, |to| to.scale)).collect();
                let depth = weights.len() / sizes.len().max(1);
                let reals =
                    weights.chunks_exact(depth.max(1)).zip(&sizes).flat_map(|(channel, size)| {
                        channel.iter().map(move |&weight| f32::from(weight) * size / from.scale)
                    });
                real.parameters = Some(Parameters::Real {
                    weights: reals.collect(),
                    bias: bias.iter().zip(&sizes).map(|(&bias, size)| bias as f32 * size).collect(),
                });
                let (bits, activation) = match &mut real.op {
                    Op::Conv2d(conv) => (&mut conv.weight_bits, &mut conv.activation),
                    Op::Linear(linear) => (&mut linear.weight_bits, &mut linear.activation),
                    _ => continue,
                };
                *bits = 32;
                // Where 0.0 is the smallest code, codes are rectified without saying so.
                if *activation == Activation::None && to.is_some_and(starts_at_zero) {
                    *activation = Activation::Relu;
                }
            }
            nodes.push(real);
        }
        twin.nodes = nodes;
        twin
    }
}

fn starts_at_zero(codes: &Codes) -> bool {
    codes.zero_points == [0]
}
