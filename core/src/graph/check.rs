//! The checks that a graph must pass before a runner is built from it.

use std::collections::HashSet;

use super::file::{bad_node, bad_tensor};
use super::shape::{self, MAX_POSITIONS};
use super::{
    Activation, Codes, Conv2d, Graph, Kind, MAX_CHANNELS, MAX_ENDS, MAX_FEATURES, MAX_NAME,
    MAX_NODES, MAX_PADDING, MAX_SIDE, Node, Op, Parameters,
};
use crate::model::ModelError;

/// Scales of tensors lie between the inverse of this and this, 2^48: ratios of two, and shares of
/// them, are then normal numbers.
const MAX_SCALE: f32 = 281_474_976_710_656.0;
/// Likewise for the scales of convolutions, 2^96.
const MAX_FACTOR: f32 = MAX_SCALE * MAX_SCALE;

/// The problem of a node whose sums may not fit 32 bits.
const OVERFLOW: &str = "sums could overflow 32 bits";

fn within(value: f32, limit: f32) -> bool {
    // False for NaN.
    value >= 1.0 / limit && value <= limit
}

/// Checks that the attributes of a convolution lie in their ranges: those of a fully connected
/// layer if `linear`.
pub(super) fn sizes(convolution: &Conv2d, linear: bool) -> Result<(), &'static str> {
    let Conv2d { inputs, outputs, kernel, stride, dilation, padding, groups, weight_bits, .. } =
        *convolution;
    let side = 1..=MAX_SIDE;
    if [kernel, stride, dilation].as_flattened().iter().any(|value| !side.contains(value)) {
        return Err("kernel, stride and dilation must be 1 to 64");
    }
    if padding.iter().any(|&padding| padding > MAX_PADDING) {
        return Err("padding must be 0 to 4095");
    }
    let most = if linear { MAX_FEATURES } else { MAX_CHANNELS };
    if !(1..=most).contains(&inputs) || !(1..=most).contains(&outputs) {
        return Err("it must have 1 to 4096 channels, or, if fully connected, 1 to 65536 values");
    }
    if groups == 0 || !inputs.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
        return Err("`groups` must divide the channels of input and output");
    }
    if ![4, 8, 32].contains(&weight_bits) {
        return Err("`weight_bits` must be 4, 8 or 32");
    }
    Ok(())
}

impl Graph {
    /// Checks everything that running the graph relies on: that tensors are made before they are
    /// read, that types and channels fit together, that parameters have their sizes and ranges, and
    /// that no sum can overflow.
    ///
    /// # Errors
    /// [`ModelError`] names the node or tensor.
    pub fn check(&self) -> Result<(), ModelError> {
        let description = |reason: &str| Err(ModelError::Description(reason.to_owned()));
        if !(1..=MAX_NODES).contains(&self.nodes.len()) {
            return description("a graph must have 1 to 1024 nodes");
        }
        let ends = 1..=MAX_ENDS;
        if !ends.contains(&self.inputs.len()) || !ends.contains(&self.outputs.len()) {
            return description("a graph must have 1 to 16 inputs and 1 to 16 outputs");
        }
        let count = self.tensors.len();
        let places = self.nodes.iter().flat_map(|node| node.inputs.iter().chain([&node.output]));
        let ends = self.inputs.iter().map(|source| &source.tensor).chain(&self.outputs);
        if places.chain(ends).any(|&place| place >= count) {
            return description("a place lies beyond the list of tensors");
        }
        self.check_names()?;
        self.check_order()?;
        for (place, tensor) in self.tensors.iter().enumerate() {
            let Kind::Codes(codes) = &tensor.kind else { continue };
            let source = self.inputs.iter().find(|source| source.tensor == place);
            let channels = source.map_or(1, |source| source.channels);
            check_codes(codes, channels).map_err(|problem| bad_tensor(&*tensor.name, problem))?;
        }
        for source in &self.inputs {
            let tensor = &self.tensors[source.tensor];
            if !(1..=MAX_CHANNELS).contains(&source.channels) {
                return Err(bad_tensor(&*tensor.name, "an input must have 1 to 4096 channels"));
            }
            if tensor.kind == Kind::Sums {
                return Err(bad_tensor(&*tensor.name, "an input must be of codes or reals"));
            }
            if source.height == Some(0) || source.width == Some(0) {
                return Err(bad_tensor(&*tensor.name, "an input cannot be empty"));
            }
        }
        for node in &self.nodes {
            self.check_node(node)?;
        }
        shape::check_channels(self)?;
        // Where the file alone decides all shapes, they must fit.
        let fixed = self.inputs.iter().map(|source| Some([source.height?, source.width?]));
        if let Some(sizes) = fixed.collect::<Option<Vec<_>>>() {
            shape::infer(self, &sizes, shape::Limits::default())
                .map_err(|error| ModelError::Description(error.to_string()))?;
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), ModelError> {
        let tensors = self.tensors.iter().map(|tensor| &tensor.name);
        let nodes = self.nodes.iter().map(|node| &node.name);
        for name in tensors.clone().chain(nodes.clone()) {
            if name.is_empty() || name.len() > MAX_NAME {
                return Err(ModelError::Description(String::from(
                    "a name must have 1 to 128 bytes",
                )));
            }
        }
        let mut seen = HashSet::new();
        for name in tensors {
            if !seen.insert(name) {
                return Err(bad_tensor(&**name, "described twice"));
            }
        }
        seen.clear();
        for name in nodes {
            if !seen.insert(name) {
                return Err(bad_node(name, "another node has its name"));
            }
        }
        Ok(())
    }

    /// Every tensor is made once, before it is read, and is read or an output.
    fn check_order(&self) -> Result<(), ModelError> {
        let name = |place: usize| self.tensors[place].name.as_str();
        let (mut made, mut used) =
            (vec![false; self.tensors.len()], vec![false; self.tensors.len()]);
        for source in &self.inputs {
            if std::mem::replace(&mut made[source.tensor], true) {
                return Err(bad_tensor(name(source.tensor), "an input twice"));
            }
        }
        for node in &self.nodes {
            for &input in &node.inputs {
                used[input] = true;
                if made[input] {
                    continue;
                }
                let later = self.nodes.iter().any(|node| node.output == input);
                return Err(ModelError::Description(format!(
                    "node `{}` reads tensor `{}`, which {}",
                    node.name,
                    name(input),
                    if later {
                        "it or a later node makes: the graph has a cycle, or is out of order"
                    } else {
                        "nothing makes"
                    }
                )));
            }
            if std::mem::replace(&mut made[node.output], true) {
                return Err(bad_tensor(name(node.output), "made twice"));
            }
        }
        for &output in &self.outputs {
            used[output] = true;
        }
        for place in 0..self.tensors.len() {
            if !made[place] {
                return Err(bad_tensor(name(place), "nothing makes it"));
            }
            if !used[place] {
                return Err(bad_tensor(name(place), "nothing reads it, and it is no output"));
            }
        }
        Ok(())
    }

    fn check_node(&self, node: &Node) -> Result<(), ModelError> {
        let problem = |problem| Err(bad_node(&node.name, problem));
        let wanted = match node.op {
            Op::Add(_) => 2..=2,
            Op::Concat => 2..=MAX_NODES,
            _ => 1..=1,
        };
        if !wanted.contains(&node.inputs.len()) {
            return problem("its number of inputs does not match its operation");
        }
        let kinds: Vec<&Kind> =
            node.inputs.iter().map(|&input| &self.tensors[input].kind).collect();
        let output = &self.tensors[node.output].kind;
        for &input in &node.inputs {
            let Kind::Codes(codes) = &self.tensors[input].kind else { continue };
            // Each channel is padded with its own zero point, and has one in any conversion.
            let one_channel_each = matches!(node.op, Op::Conv2d(_) | Op::Identity);
            if codes.zero_points.len() > 1 && !one_channel_each {
                return problem(
                    "an input with a zero point for each channel is read by `conv2d` or `identity`",
                );
            }
        }
        let all_codes = kinds.iter().all(|kind| matches!(kind, Kind::Codes(_)));
        let all_reals = kinds.iter().all(|kind| **kind == Kind::Reals);
        let arithmetic = match output {
            Kind::Codes(_) => all_codes,
            Kind::Reals => all_reals,
            Kind::Sums => false,
        };
        let fits = match node.op {
            Op::Conv2d(_) | Op::Linear(_) => return self.check_convolution(node),
            Op::MaxPool(_) | Op::GlobalMaxPool | Op::UpsampleNearest | Op::Flatten => {
                kinds[0] == output && *output != Kind::Sums
            }
            Op::AveragePool(_)
            | Op::GlobalAveragePool
            | Op::Add(_)
            | Op::Concat
            | Op::UpsampleBilinear => arithmetic,
            Op::Identity => *output != Kind::Sums,
            Op::Relu | Op::Relu6 | Op::HardSigmoid | Op::HardSwish => {
                *output != Kind::Sums && *kinds[0] != Kind::Sums
            }
            Op::Softmax => *output == Kind::Reals,
            Op::Argmax => *output == Kind::Sums,
        };
        if !fits {
            return problem("the types of its tensors do not match its operation");
        }
        let window = match node.op {
            Op::MaxPool(pool) => Some((pool.kernel, pool.stride, pool.padding)),
            Op::AveragePool(pool) => Some((pool.kernel, pool.stride, pool.padding)),
            _ => None,
        };
        if let Some((kernel, stride, padding)) = window {
            let side = 1..=MAX_SIDE;
            if kernel.iter().chain(&stride).any(|value| !side.contains(value)) {
                return problem("kernel and stride must be 1 to 64");
            }
            if (0..4).any(|side| padding[side] >= kernel[side % 2]) {
                return problem("padding must be smaller than the window");
            }
        }
        Ok(())
    }

    fn check_convolution(&self, node: &Node) -> Result<(), ModelError> {
        let problem = |problem| bad_node(&node.name, problem);
        let tensor = |part: &str, problem| bad_tensor(format!("{}.{part}", node.name), problem);
        let Some((convolution, parameters)) = node.op.convolution().zip(node.parameters.as_ref())
        else {
            return Err(problem("it has no parameters"));
        };
        sizes(&convolution, matches!(node.op, Op::Linear(_))).map_err(problem)?;
        let (outputs, depth) = (convolution.outputs, convolution.depth());
        // Packing rounds outputs and depth up to whole tiles, which at most doubles each; a weight
        // has at most 4 bytes.
        let count = outputs.checked_mul(depth);
        let bytes = count.and_then(|count| count.checked_mul(16));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(problem("its weights exceed this machine's memory"));
        }
        let (input, output) = (&self.tensors[node.inputs[0]].kind, &self.tensors[node.output].kind);
        let lengths = match parameters {
            Parameters::Integer { weights, bias, scales } => {
                [weights.len(), bias.len(), scales.len()]
            }
            Parameters::Real { weights, bias } => [weights.len(), bias.len(), outputs],
        };
        for (part, (found, wanted)) in ["weight", "bias", "scale"]
            .into_iter()
            .zip(lengths.into_iter().zip([count.unwrap_or(0), outputs, outputs]))
        {
            if found != wanted {
                return Err(tensor(part, "its number of elements does not match the node"));
            }
        }
        match (parameters, input) {
            (Parameters::Real { weights, bias }, Kind::Reals) => {
                if convolution.weight_bits != 32 || *output != Kind::Reals {
                    return Err(problem("the types of its tensors do not match its weights"));
                }
                let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
                if !finite(weights) {
                    return Err(tensor("weight", "weights must be finite"));
                }
                if !finite(bias) {
                    return Err(tensor("bias", "biases must be finite"));
                }
                Ok(())
            }
            (Parameters::Integer { weights, bias, scales }, Kind::Codes(codes)) => {
                let max_weight = match convolution.weight_bits {
                    4 => 7,
                    8 => 127,
                    _ => return Err(problem("`weight_bits` must match its parameters")),
                };
                match output {
                    Kind::Reals => {
                        return Err(problem("the types of its tensors do not match its weights"));
                    }
                    Kind::Sums if convolution.activation != Activation::None => {
                        return Err(problem("sums that are not requantised have no activation"));
                    }
                    _ => {}
                }
                if weights.iter().any(|weight| weight.unsigned_abs() > max_weight) {
                    let range = "weights must lie within -7..=7 at 4 bits, -127..=127 at 8";
                    return Err(tensor("weight", range));
                }
                if !scales.iter().all(|&scale| within(scale, MAX_FACTOR)) {
                    return Err(tensor("scale", "scales must lie within 2^-96..=2^96"));
                }
                if codes.zero_points.len() > 1 && codes.zero_points.len() != convolution.inputs {
                    return Err(problem("its input has another number of zero points"));
                }
                let folded = folded_bias(&convolution, weights, bias, codes);
                let top = i64::from(codes.top());
                let fits = weights.chunks_exact(depth).zip(&folded).all(|(channel, bias)| {
                    let sum: i64 = channel.iter().map(|&weight| i64::from(weight).abs()).sum();
                    bias.abs() + top * sum <= i64::from(i32::MAX)
                });
                if fits { Ok(()) } else { Err(tensor("bias", OVERFLOW)) }
            }
            _ => Err(problem("the types of its tensors do not match its weights")),
        }
    }
}

fn check_codes(codes: &Codes, channels: usize) -> Result<(), &'static str> {
    if !within(codes.scale, MAX_SCALE) {
        return Err("its scale must lie within 2^-48..=2^48");
    }
    if codes.bits != 4 && codes.bits != 8 {
        return Err("codes must have 4 or 8 bits");
    }
    if codes.zero_points.len() != 1 && codes.zero_points.len() != channels {
        return Err("it must have one zero point, or, as an input, one for each channel");
    }
    if codes.zero_points.iter().any(|&zero_point| zero_point > codes.top()) {
        return Err("a zero point must be a code");
    }
    Ok(())
}

/// The bias of each output channel, from which the zero points times their weights are taken:
/// kernels multiply codes as they are.
pub(super) fn folded_bias(
    convolution: &Conv2d,
    weights: &[i8],
    bias: &[i32],
    codes: &Codes,
) -> Vec<i64> {
    let inputs = convolution.inputs / convolution.groups;
    let outputs = convolution.outputs / convolution.groups;
    let channels = weights.chunks_exact(convolution.depth()).zip(bias).enumerate();
    let folded = channels.map(|(output, (channel, &bias))| {
        let first = output / outputs * inputs;
        let taps = channel.chunks_exact(inputs).flat_map(|tap| tap.iter().enumerate());
        let zeros: i64 = taps
            .map(|(input, &weight)| i64::from(codes.zero_point(first + input)) * i64::from(weight))
            .sum();
        i64::from(bias) - zeros
    });
    folded.collect()
}

const _: () = assert!(MAX_POSITIONS * 255 < i32::MAX as usize, "sums of means fit 32 bits");
