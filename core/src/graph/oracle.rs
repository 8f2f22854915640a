//! The slow, obvious meaning of every operation, with which runs are compared. It follows
//! `docs/model-file.md` line by line, in 64-bit integers, and shares no code with the runner.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "test values are small; conversions to f32 are those of the file format"
)]

use super::{Activation, Codes, Conv2d, Graph, Input, InputValues, Kind, Node, Op, Parameters};

/// A tensor: its shape, and its elements as integers or reals.
#[derive(Debug, Clone)]
pub(super) struct Map {
    pub(super) shape: [usize; 3],
    pub(super) integers: Vec<i64>,
    pub(super) reals: Vec<f32>,
}

impl Map {
    fn new(shape: [usize; 3], kind: &Kind) -> Self {
        let len = shape.iter().product();
        let real = *kind == Kind::Reals;
        Self {
            shape,
            integers: vec![0; if real { 0 } else { len }],
            reals: vec![0.0; if real { len } else { 0 }],
        }
    }

    fn at(&self, y: usize, x: usize, c: usize) -> usize {
        (y * self.shape[1] + x) * self.shape[2] + c
    }

    /// The integer at a place that may lie outside.
    fn integer(&self, y: i64, x: i64, c: usize) -> Option<i64> {
        self.place(y, x, c).map(|at| self.integers[at])
    }

    fn real(&self, y: i64, x: i64, c: usize) -> Option<f32> {
        self.place(y, x, c).map(|at| self.reals[at])
    }

    fn place(&self, y: i64, x: i64, c: usize) -> Option<usize> {
        let inside =
            (0..self.shape[0] as i64).contains(&y) && (0..self.shape[1] as i64).contains(&x);
        inside.then(|| self.at(y as usize, x as usize, c))
    }
}

fn zero_point(codes: &Codes, channel: usize) -> i64 {
    if codes.zero_points.len() == 1 {
        i64::from(codes.zero_points[0])
    } else {
        i64::from(codes.zero_points[channel])
    }
}

fn clamp(rounded: f32, codes: &Codes, activation: Activation) -> i64 {
    let zero = zero_point(codes, 0);
    let top = if codes.bits == 4 { 15 } else { 255 };
    let (low, high) = match activation {
        Activation::None => (0, top),
        Activation::Relu => (zero, top),
        Activation::Relu6 => (zero, top.min(zero + (6.0 / codes.scale).round_ties_even() as i64)),
    };
    // Saturates.
    (rounded as i64).saturating_add(zero).clamp(low, high)
}

fn requantise(sum: i64, factor: f32, codes: &Codes, activation: Activation) -> i64 {
    clamp((sum as f32 * factor).round_ties_even(), codes, activation)
}

/// All tensors of a run.
pub(super) fn run(graph: &Graph, inputs: &[Input<'_>]) -> Vec<Map> {
    let nothing = Map { shape: [0; 3], integers: Vec::new(), reals: Vec::new() };
    let mut maps = vec![nothing; graph.tensors.len()];
    for (source, input) in graph.inputs.iter().zip(inputs) {
        let kind = &graph.tensors[source.tensor].kind;
        let mut map = Map::new([input.height, input.width, source.channels], kind);
        match (input.values, kind) {
            (InputValues::Reals(reals), _) => map.reals = reals.to_vec(),
            (InputValues::Bytes(bytes), Kind::Codes(codes)) => {
                let code = |byte: u8| {
                    let byte = i64::from(byte);
                    if codes.bits == 4 { (byte * 15 + 127) / 255 } else { byte }
                };
                map.integers = bytes.iter().map(|&byte| code(byte)).collect();
            }
            _ => panic!("bytes are codes"),
        }
        maps[source.tensor] = map;
    }
    for node in &graph.nodes {
        maps[node.output] = compute(graph, node, &maps);
    }
    maps
}

/// The real number of an element.
fn real_of(graph: &Graph, tensor: usize, map: &Map, at: usize) -> f32 {
    let channel = at % map.shape[2];
    match &graph.tensors[tensor].kind {
        Kind::Codes(codes) => (map.integers[at] - zero_point(codes, channel)) as f32 * codes.scale,
        Kind::Reals => map.reals[at],
        Kind::Sums => {
            let maker = graph.nodes.iter().find(|node| node.output == tensor).unwrap();
            let step = match &maker.parameters {
                Some(Parameters::Integer { scales, .. }) => scales[channel],
                _ => 1.0,
            };
            map.integers[at] as f32 * step
        }
    }
}

fn compute(graph: &Graph, node: &Node, maps: &[Map]) -> Map {
    let kind = &graph.tensors[node.output].kind;
    let input = &maps[node.inputs[0]];
    let input_kind = &graph.tensors[node.inputs[0]].kind;
    let [height, width, channels] = input.shape;
    let codes = |kind: &Kind| match kind {
        Kind::Codes(codes) => codes.clone(),
        _ => Codes { bits: 8, scale: 1.0, zero_points: vec![0] },
    };
    let (from, to) = (codes(input_kind), codes(kind));
    let zero = zero_point(&from, 0);
    let real = *kind == Kind::Reals;
    match node.op {
        Op::Conv2d(_) | Op::Linear(_) => convolve(node, input, &from, kind),
        Op::MaxPool(_) | Op::GlobalMaxPool | Op::AveragePool(_) | Op::GlobalAveragePool => {
            let (kernel, stride, padding) = match node.op {
                Op::MaxPool(pool) => (pool.kernel, pool.stride, pool.padding),
                Op::AveragePool(pool) => (pool.kernel, pool.stride, pool.padding),
                _ => ([height, width], [1, 1], [0; 4]),
            };
            let count_padding = matches!(node.op, Op::AveragePool(pool) if pool.count_padding);
            let largest = matches!(node.op, Op::MaxPool(_) | Op::GlobalMaxPool);
            let rows = (height + padding[0] + padding[2] - kernel[0]) / stride[0] + 1;
            let columns = (width + padding[1] + padding[3] - kernel[1]) / stride[1] + 1;
            let mut map = Map::new([rows, columns, channels], kind);
            for y in 0..rows {
                for x in 0..columns {
                    for c in 0..channels {
                        let (mut integers, mut reals) = (Vec::new(), Vec::new());
                        for i in 0..kernel[0] {
                            for j in 0..kernel[1] {
                                let y = (y * stride[0] + i) as i64 - padding[0] as i64;
                                let x = (x * stride[1] + j) as i64 - padding[1] as i64;
                                if real {
                                    reals.extend(input.real(y, x, c));
                                } else {
                                    integers.extend(input.integer(y, x, c));
                                }
                            }
                        }
                        let inside = integers.len() + reals.len();
                        let n = if count_padding { kernel[0] * kernel[1] } else { inside };
                        let at = map.at(y, x, c);
                        if real {
                            map.reals[at] = if largest {
                                reals.iter().copied().fold(f32::NEG_INFINITY, f32::max)
                            } else {
                                reals.iter().fold(0.0, |sum, value| sum + value) / n as f32
                            };
                        } else {
                            map.integers[at] = if largest {
                                *integers.iter().max().unwrap()
                            } else {
                                let sum = integers.iter().map(|q| q - zero).sum();
                                let factor = from.scale / to.scale / n as f32;
                                requantise(sum, factor, &to, Activation::None)
                            };
                        }
                    }
                }
            }
            map
        }
        Op::Add(add) => {
            let other = &maps[node.inputs[1]];
            let second = codes(&graph.tensors[node.inputs[1]].kind);
            let mut map = Map::new(input.shape, kind);
            for at in 0..map.reals.len() {
                let sum = input.reals[at] + other.reals[at];
                map.reals[at] = match add.activation {
                    Activation::None => sum,
                    Activation::Relu => sum.max(0.0),
                    Activation::Relu6 => sum.clamp(0.0, 6.0),
                };
            }
            let t = if from.scale > second.scale { from.scale } else { second.scale };
            let m_a = (from.scale / t * 16384.0).round_ties_even() as i64;
            let m_b = (second.scale / t * 16384.0).round_ties_even() as i64;
            for at in 0..map.integers.len() {
                let sum = m_a * (input.integers[at] - zero)
                    + m_b * (other.integers[at] - zero_point(&second, 0));
                let factor = t / to.scale / 16384.0;
                map.integers[at] = requantise(sum, factor, &to, add.activation);
            }
            map
        }
        Op::Concat => {
            let total = node.inputs.iter().map(|&input| maps[input].shape[2]).sum();
            let mut map = Map::new([height, width, total], kind);
            for pixel in 0..height * width {
                let mut c = 0;
                for &place in &node.inputs {
                    let part = &maps[place];
                    for channel in 0..part.shape[2] {
                        let (at, from) = (pixel * total + c, pixel * part.shape[2] + channel);
                        if real {
                            map.reals[at] = part.reals[from];
                        } else {
                            let part_codes = codes(&graph.tensors[place].kind);
                            map.integers[at] = if part_codes == to {
                                part.integers[from]
                            } else {
                                let x = real_of(graph, place, part, from);
                                clamp((x / to.scale).round_ties_even(), &to, Activation::None)
                            };
                        }
                        c += 1;
                    }
                }
            }
            map
        }
        Op::UpsampleNearest | Op::UpsampleBilinear => {
            let mut map = Map::new([2 * height, 2 * width, channels], kind);
            let near = |index: usize| (index / 2) as i64;
            let far = |index: usize, len: usize| {
                let step = if index.is_multiple_of(2) { -1 } else { 1 };
                ((index / 2) as i64 + step).clamp(0, len as i64 - 1)
            };
            for y in 0..2 * height {
                for x in 0..2 * width {
                    for c in 0..channels {
                        let (ys, xs) = ([near(y), far(y, height)], [near(x), far(x, width)]);
                        let at = map.at(y, x, c);
                        let places = [(0, 0), (0, 1), (1, 0), (1, 1)]
                            .map(|(i, j)| input.place(ys[i], xs[j], c).unwrap());
                        let bilinear = node.op == Op::UpsampleBilinear;
                        if real {
                            let [a, b, c, d] = places.map(|at| input.reals[at]);
                            let sum = ((9.0 * a + 3.0 * b) + 3.0 * c) + d;
                            map.reals[at] = if bilinear { sum / 16.0 } else { a };
                        } else {
                            let [a, b, c, d] = places.map(|at| input.integers[at]);
                            let sum = [(9, a), (3, b), (3, c), (1, d)];
                            let sum = sum.into_iter().map(|(weight, q)| weight * (q - zero)).sum();
                            let factor = from.scale / to.scale / 16.0;
                            map.integers[at] = if bilinear {
                                requantise(sum, factor, &to, Activation::None)
                            } else {
                                a
                            };
                        }
                    }
                }
            }
            map
        }
        Op::Identity | Op::Relu | Op::Relu6 | Op::HardSigmoid | Op::HardSwish => {
            let mut map = Map::new(input.shape, kind);
            let same = input_kind == kind && node.op == Op::Identity;
            for at in 0..height * width * channels {
                let x = real_of(graph, node.inputs[0], input, at);
                let gate = (x + 3.0).clamp(0.0, 6.0);
                let y = match node.op {
                    Op::Relu => x.max(0.0),
                    Op::Relu6 => x.clamp(0.0, 6.0),
                    Op::HardSigmoid => gate / 6.0,
                    Op::HardSwish => x * gate / 6.0,
                    _ => x,
                };
                if real {
                    map.reals[at] = y;
                } else {
                    map.integers[at] = if same {
                        input.integers[at]
                    } else {
                        clamp((y / to.scale).round_ties_even(), &to, Activation::None)
                    };
                }
            }
            map
        }
        Op::Flatten => Map { shape: [1, 1, height * width * channels], ..input.clone() },
        Op::Softmax => {
            let mut map = Map::new(input.shape, kind);
            for pixel in 0..height * width {
                let value = |c: usize| real_of(graph, node.inputs[0], input, pixel * channels + c);
                let largest = (0..channels).map(value).fold(f32::NEG_INFINITY, f32::max);
                let powers: Vec<f32> = (0..channels).map(|c| power(value(c) - largest)).collect();
                let sum = powers.iter().fold(0.0f32, |sum, power| sum + power);
                for (c, power) in powers.iter().enumerate() {
                    map.reals[pixel * channels + c] = power / sum;
                }
            }
            map
        }
        Op::Argmax => {
            let mut map = Map::new([height, width, 1], kind);
            for pixel in 0..height * width {
                let value = |c: usize| real_of(graph, node.inputs[0], input, pixel * channels + c);
                let mut best = 0;
                for c in 1..channels {
                    if value(c) > value(best) {
                        best = c;
                    }
                }
                map.integers[pixel] = best as i64;
            }
            map
        }
    }
}

/// The exponential of the file format.
#[allow(clippy::excessive_precision, reason = "the polynomial as published")]
fn power(x: f32) -> f32 {
    if x < -86.0 {
        return 0.0;
    }
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    let f = (x - n * 0.693359375) + n * 2.1219444e-4;
    let p = 1.98756915e-4 * f + 1.39819995e-3;
    let p = p * f + 8.33345191e-3;
    let p = p * f + 4.16657959e-2;
    let p = p * f + 0.166666655;
    let p = p * f + 0.5;
    (0..-n as i32).fold((p * (f * f) + f) + 1.0, |power, _| power * 0.5)
}

fn convolve(node: &Node, input: &Map, from: &Codes, kind: &Kind) -> Map {
    let Conv2d {
        inputs,
        outputs,
        kernel,
        stride,
        dilation,
        padding: [top, left, bottom, right],
        groups,
        activation,
        ..
    } = node.op.convolution().unwrap();
    let [height, width, _] = input.shape;
    let rows = (height + top + bottom - (kernel[0] - 1) * dilation[0] - 1) / stride[0] + 1;
    let columns = (width + left + right - (kernel[1] - 1) * dilation[1] - 1) / stride[1] + 1;
    let mut map = Map::new([rows, columns, outputs], kind);
    let share = inputs / groups;
    for y in 0..rows {
        for x in 0..columns {
            for out in 0..outputs {
                let group = out / (outputs / groups);
                let (mut integer, mut real) = (0i64, 0f64);
                for i in 0..kernel[0] {
                    for j in 0..kernel[1] {
                        let y = (y * stride[0] + i * dilation[0]) as i64 - top as i64;
                        let x = (x * stride[1] + j * dilation[1]) as i64 - left as i64;
                        for k in 0..share {
                            let c = group * share + k;
                            let at = ((out * kernel[0] + i) * kernel[1] + j) * share + k;
                            match node.parameters.as_ref().unwrap() {
                                Parameters::Integer { weights, .. } => {
                                    let zero = zero_point(from, c);
                                    let q = input.integer(y, x, c).unwrap_or(zero);
                                    integer += i64::from(weights[at]) * (q - zero);
                                }
                                Parameters::Real { weights, .. } => {
                                    let value = input.real(y, x, c).unwrap_or(0.0);
                                    real += f64::from(weights[at]) * f64::from(value);
                                }
                            }
                        }
                    }
                }
                let at = map.at(y, x, out);
                match (node.parameters.as_ref().unwrap(), kind) {
                    (Parameters::Integer { bias, scales, .. }, Kind::Codes(to)) => {
                        let sum = integer + i64::from(bias[out]);
                        map.integers[at] = requantise(sum, scales[out], to, activation);
                    }
                    (Parameters::Integer { bias, .. }, _) => {
                        map.integers[at] = integer + i64::from(bias[out]);
                    }
                    (Parameters::Real { bias, .. }, _) => {
                        let sum = (real + f64::from(bias[out])) as f32;
                        map.reals[at] = match activation {
                            Activation::None => sum,
                            Activation::Relu => sum.max(0.0),
                            Activation::Relu6 => sum.clamp(0.0, 6.0),
                        };
                    }
                }
            }
        }
    }
    map
}
