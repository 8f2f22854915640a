//! Files of version 1 as graphs: chains of convolutions and max pools.

use super::{Activation, Codes, Conv2d, Graph, Kind, Node, Op, Parameters, Pool, Source, Tensor};
use crate::Precision;
use crate::model::{self, Layer, Model, ModelError};

/// The graph of a checked model. Its integers are those of [`crate::Network`].
///
/// # Errors
/// [`ModelError`] if the graph does not pass [`Graph::check`].
pub(super) fn graph(model: &Model) -> Result<Graph, ModelError> {
    let real = model.precision == Precision::F32;
    let bits = if model.precision == Precision::U4 { 4 } else { 8 };
    let next = |index: usize| {
        model.layers[index..].iter().find_map(|layer| match layer {
            Layer::Convolution(convolution) => Some(convolution),
            Layer::MaxPool(_) => None,
        })
    };
    // The scales of tensors are not in the file. They are the factors of sums and codes alike, so
    // any will do where no operation needs them: 1, and for the input the value of a step.
    let kind = |index: usize, scale: f32| {
        if real {
            return Kind::Reals;
        }
        let zero_point = next(index).map_or(0, |convolution| convolution.zero_point);
        Kind::Codes(Codes { bits, scale, zero_points: vec![zero_point] })
    };
    let mut tensors = Vec::with_capacity(model.layers.len() + 2);
    let mut nodes = Vec::with_capacity(model.layers.len() + 1);
    // Gray values are codes. In single precision they are converted by a node of their own.
    let input_bits = if real { 8 } else { bits };
    let step = if input_bits == 4 { 1.0 / 15.0 } else { 1.0 / 255.0 };
    let zero_points = vec![if real { 0 } else { next(0).map_or(0, |first| first.zero_point) }];
    let codes = Codes { bits: input_bits, scale: step, zero_points };
    tensors.push(Tensor { name: String::from("gray"), kind: Kind::Codes(codes) });
    if real {
        tensors.push(Tensor { name: String::from("real"), kind: Kind::Reals });
        nodes.push(Node {
            name: String::from("input"),
            op: Op::Identity,
            inputs: vec![0],
            output: 1,
            parameters: None,
        });
    }
    for (index, layer) in model.layers.iter().enumerate() {
        let last = index + 1 == model.layers.len();
        let read = tensors.len() - 1;
        let (name, op, parameters) = match layer {
            Layer::MaxPool(window) => {
                let pool = Pool { kernel: window.kernel, stride: window.stride, padding: [0; 4] };
                (format!("pool{index}"), Op::MaxPool(pool), None)
            }
            Layer::Convolution(convolution) => {
                let (op, parameters) = of_convolution(convolution, real, last);
                (convolution.name.clone(), Op::Conv2d(op), Some(parameters))
            }
        };
        let kind = match layer {
            Layer::MaxPool(_) => tensors[read].kind.clone(),
            Layer::Convolution(_) if last && !real => Kind::Sums,
            Layer::Convolution(_) => kind(index + 1, 1.0),
        };
        tensors.push(Tensor { name: format!("{name}:{index}"), kind });
        nodes.push(Node { name, op, inputs: vec![read], output: read + 1, parameters });
    }
    // Names of version 1 need not be unique.
    for (index, node) in nodes.iter_mut().enumerate() {
        node.name = format!("{}:{index}", node.name.chars().take(100).collect::<String>());
    }
    for (index, tensor) in tensors.iter_mut().enumerate().skip(1) {
        tensor.name = format!("tensor{index}");
    }
    let output = tensors.len() - 1;
    let graph = Graph {
        name: String::new(),
        release: model.release.clone(),
        hash: model.hash.clone(),
        inputs: vec![Source { tensor: 0, channels: 1, height: model.height, width: None }],
        tensors,
        nodes,
        outputs: vec![output],
    };
    graph.check()?;
    Ok(graph)
}

fn of_convolution(
    convolution: &model::Convolution,
    real: bool,
    last: bool,
) -> (Conv2d, Parameters) {
    let window = &convolution.window;
    let [vertical, horizontal] = window.padding;
    let op = Conv2d {
        inputs: convolution.inputs,
        outputs: convolution.outputs,
        kernel: window.kernel,
        stride: window.stride,
        dilation: [1, 1],
        padding: [vertical, horizontal, vertical, horizontal],
        groups: 1,
        weight_bits: if real { 32 } else { convolution.activation_bits },
        // Clamping at 0 is part of requantisation; below the zero point there are codes.
        activation: if real && !last { Activation::Relu } else { Activation::None },
    };
    let parameters = match &convolution.parameters {
        model::Parameters::Float { weights, bias } => {
            Parameters::Real { weights: weights.clone(), bias: bias.clone() }
        }
        model::Parameters::Integer { weights, bias, scale } => {
            // `Model::parse` has folded the zero point into the bias.
            let zero = i32::from(convolution.zero_point);
            let unfolded = weights.chunks_exact(convolution.depth()).zip(bias);
            let unfolded = unfolded.map(|(channel, &bias)| {
                let sum: i32 = channel.iter().map(|&weight| i32::from(weight)).sum();
                bias.wrapping_add(zero.wrapping_mul(sum))
            });
            let scales = match scale[..] {
                [single] => vec![single; convolution.outputs],
                _ => scale.clone(),
            };
            Parameters::Integer { weights: weights.clone(), bias: unfolded.collect(), scales }
        }
    };
    (op, parameters)
}
