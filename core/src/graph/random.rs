//! Random graphs and inputs.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "test values are small"
)]

use std::collections::BTreeSet;

use super::{
    Activation, Add, AveragePool, Codes, Conv2d, Graph, Input, Kind, Linear, MAX_CHANNELS, Node,
    Op, Parameters, Pool, Source, Tensor,
};

/// A small generator (Knuth's constants).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        random.below(2);
        random
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }

    fn among<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A real number from -1 to 1.
    fn real(&mut self) -> f32 {
        self.below(20_001) as f32 / 10_000.0 - 1.0
    }
}

/// A graph in the making: shapes of all tensors, and whether they depend on sums of reals, whose
/// order differs between kernels.
struct Builder {
    random: Random,
    graph: Graph,
    shapes: Vec<[usize; 3]>,
    inexact: Vec<bool>,
}

/// Elements beyond which no node is added.
const MAX_ELEMENTS: usize = 20_000;

impl Builder {
    fn new(seed: u64) -> Self {
        let graph = Graph {
            name: format!("random {seed}"),
            release: String::new(),
            hash: String::new(),
            inputs: Vec::new(),
            tensors: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
        };
        Self { random: Random::new(seed), graph, shapes: Vec::new(), inexact: Vec::new() }
    }

    fn codes(&mut self, bits: u8) -> Kind {
        let top = if bits == 4 { 15 } else { 255 };
        let zero = self.random.among(&[0, 0, top / 2, self.random.0 as usize % (top + 1)]);
        let scale = 3.0 / top as f32 * (1.0 + self.random.below(1000) as f32 / 300.0);
        Kind::Codes(Codes { bits, scale, zero_points: vec![zero as u8] })
    }

    fn any_codes(&mut self) -> Kind {
        let bits = self.random.among(&[4, 8]);
        self.codes(bits)
    }

    fn tensor(&mut self, kind: Kind, shape: [usize; 3], inexact: bool) -> usize {
        let name = format!("t{}", self.graph.tensors.len());
        self.graph.tensors.push(Tensor { name, kind });
        self.shapes.push(shape);
        self.inexact.push(inexact);
        self.graph.tensors.len() - 1
    }

    fn input(&mut self) {
        let channels = self.random.among(&[1, 3, 4, 6, 17]);
        let shape = [1 + self.random.below(13), 1 + self.random.below(13), channels];
        let mut kind = if self.random.below(5) == 0 { Kind::Reals } else { self.any_codes() };
        if let Kind::Codes(codes) = &mut kind
            && self.random.below(3) == 0
        {
            let top = usize::from(codes.top());
            codes.zero_points = (0..channels).map(|_| self.random.below(top + 1) as u8).collect();
        }
        let tensor = self.tensor(kind, shape, false);
        // Half of the inputs have a size in the file.
        let fixed = self.random.below(2) == 0;
        let [height, width] = [shape[0], shape[1]].map(|side| fixed.then_some(side));
        self.graph.inputs.push(Source { tensor, channels, height, width });
    }

    fn kind(&self, tensor: usize) -> Kind {
        self.graph.tensors[tensor].kind.clone()
    }

    /// A tensor that `suits`.
    fn pick(&mut self, suits: impl Fn(&Kind, [usize; 3]) -> bool) -> Option<usize> {
        let fits = |&at: &usize| suits(&self.graph.tensors[at].kind, self.shapes[at]);
        let found: Vec<usize> = (0..self.shapes.len()).filter(fits).collect();
        (!found.is_empty()).then(|| self.random.among(&found))
    }

    fn add(
        &mut self,
        op: Op,
        inputs: Vec<usize>,
        kind: Kind,
        shape: [usize; 3],
        parameters: Option<Parameters>,
    ) {
        let too_wide = op == Op::Concat && shape[2] > MAX_CHANNELS;
        if too_wide || shape.iter().product::<usize>() > MAX_ELEMENTS {
            return;
        }
        let inexact = inputs.iter().any(|&input| self.inexact[input])
            || matches!(parameters, Some(Parameters::Real { .. }));
        let output = self.tensor(kind, shape, inexact);
        let name = format!("n{}", self.graph.nodes.len());
        self.graph.nodes.push(Node { name, op, inputs, output, parameters });
    }

    fn activation(&mut self) -> Activation {
        self.random.among(&[Activation::None, Activation::Relu, Activation::Relu6])
    }

    fn convolution(&mut self, linear: bool) {
        let single = |shape: [usize; 3]| shape[0] * shape[1] == 1;
        let suits =
            |kind: &Kind, shape: [usize; 3]| *kind != Kind::Sums && (!linear || single(shape));
        let Some(input) = self.pick(suits) else { return };
        let kind = self.kind(input);
        let [height, width, inputs] = self.shapes[input];
        if linear && matches!(&kind, Kind::Codes(codes) if codes.zero_points.len() > 1) {
            return;
        }
        let divisors: Vec<usize> = (1..=inputs).filter(|d| inputs % d == 0).collect();
        let groups = self.random.among(&[1, 1, self.random.0 as usize % 97, inputs]);
        let groups = if divisors.contains(&groups) { groups } else { 1 };
        let depthwise = groups == inputs && self.random.below(2) == 0;
        let groups = if linear { 1 } else { groups };
        let mut outputs = groups * self.random.among(&[1, 2, 5, 9, 17]);
        if depthwise && !linear {
            outputs = groups;
        }
        if outputs > 80 {
            return;
        }
        let mut side = || [1 + self.random.below(4), 1 + self.random.below(4)];
        let (kernel, stride, dilation) = (side(), side(), side());
        let mut padding = [0; 4];
        padding.iter_mut().for_each(|side| *side = self.random.below(4));
        let reach = [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] + 1);
        let out = |len: usize, before: usize, after: usize, axis: usize| {
            Some((len + before + after).checked_sub(reach[axis])? / stride[axis] + 1)
        };
        let sides =
            out(height, padding[0], padding[2], 0).zip(out(width, padding[1], padding[3], 1));
        let Some((rows, columns)) = sides.or(linear.then_some((1, 1))) else { return };
        let depth = if linear { inputs } else { kernel[0] * kernel[1] * inputs / groups };
        let count = outputs * depth;
        let (kind, weight_bits, parameters, activation) = if let Kind::Codes(codes) = &kind {
            let bits = self.random.among(&[4, 8]);
            let largest = if bits == 4 { 7i64 } else { 127 };
            let weight = |random: &mut Random| {
                (random.below(2 * largest as usize + 1) as i64 - largest) as i8
            };
            let mut weights: Vec<i8> = (0..count).map(|_| weight(&mut self.random)).collect();
            // Extreme filters: the largest sums that the operands can have.
            for (at, channel) in weights.chunks_exact_mut(depth).enumerate().take(2) {
                if self.random.below(3) == 0 {
                    channel.fill(if at == 0 { largest as i8 } else { -largest as i8 });
                }
            }
            let typical = (depth as f32).sqrt() * largest as f32 * f32::from(codes.top()) / 4.0;
            let output = if self.random.below(4) == 0 { Kind::Sums } else { self.any_codes() };
            let (top, activation) = match &output {
                Kind::Codes(codes) => (f32::from(codes.top()), self.activation()),
                _ => (255.0, Activation::None),
            };
            let spread = typical as usize;
            let bias =
                (0..outputs).map(|_| self.random.below(spread + 1) as i32 - spread as i32 / 2);
            let bias = bias.collect();
            let scales = (0..outputs).map(|_| top / typical / 3.0 * (self.random.real() + 1.1));
            let scales = scales.collect();
            (output, bits, Parameters::Integer { weights, bias, scales }, activation)
        } else {
            let weights = (0..count).map(|_| self.random.real()).collect();
            let bias = (0..outputs).map(|_| self.random.real()).collect();
            (Kind::Reals, 32, Parameters::Real { weights, bias }, self.activation())
        };
        let (op, shape) = if linear {
            (Op::Linear(Linear { inputs, outputs, weight_bits, activation }), [1, 1, outputs])
        } else {
            let convolution = Conv2d {
                inputs,
                outputs,
                kernel,
                stride,
                dilation,
                padding,
                groups,
                weight_bits,
                activation,
            };
            (Op::Conv2d(convolution), [rows, columns, outputs])
        };
        self.add(op, vec![input], kind, shape, Some(parameters));
    }

    fn node(&mut self) {
        let plain = |kind: &Kind, _: [usize; 3]| match kind {
            Kind::Codes(codes) => codes.zero_points.len() == 1,
            Kind::Sums => false,
            Kind::Reals => true,
        };
        let choice = self.random.below(22);
        match choice {
            0..5 => self.convolution(false),
            5 | 6 => self.convolution(true),
            7 | 8 => {
                let Some(input) = self.pick(plain) else { return };
                let [height, width, channels] = self.shapes[input];
                let kernel = [1 + self.random.below(3), 1 + self.random.below(3)];
                let stride = [1 + self.random.below(3), 1 + self.random.below(3)];
                let mut padding = [0; 4];
                for side in 0..4 {
                    padding[side] = self.random.below(kernel[side % 2]);
                }
                let out = |len: usize, before: usize, after: usize, axis: usize| {
                    Some((len + before + after).checked_sub(kernel[axis])? / stride[axis] + 1)
                };
                let rows = out(height, padding[0], padding[2], 0);
                let columns = out(width, padding[1], padding[3], 1);
                let Some((rows, columns)) = rows.zip(columns) else { return };
                let shape = [rows, columns, channels];
                let kind = self.kind(input);
                if choice == 7 {
                    let pool = Pool { kernel, stride, padding };
                    return self.add(Op::MaxPool(pool), vec![input], kind, shape, None);
                }
                let count_padding = self.random.below(2) == 0;
                let pool = AveragePool { kernel, stride, padding, count_padding };
                let kind = if kind == Kind::Reals { kind } else { self.any_codes() };
                self.add(Op::AveragePool(pool), vec![input], kind, shape, None);
            }
            9 | 10 => {
                let Some(input) = self.pick(plain) else { return };
                let (kind, channels) = (self.kind(input), self.shapes[input][2]);
                let (op, kind) = match (choice, kind) {
                    (9, kind) => (Op::GlobalMaxPool, kind),
                    (_, Kind::Reals) => (Op::GlobalAveragePool, Kind::Reals),
                    _ => (Op::GlobalAveragePool, self.any_codes()),
                };
                self.add(op, vec![input], kind, [1, 1, channels], None);
            }
            11 | 12 => {
                let Some(first) = self.pick(plain) else { return };
                let (shape, real) = (self.shapes[first], self.kind(first) == Kind::Reals);
                let like = |kind: &Kind, other: [usize; 3]| {
                    plain(kind, other) && (*kind == Kind::Reals) == real && other == shape
                };
                let Some(second) = self.pick(like) else { return };
                let kind = if real { Kind::Reals } else { self.any_codes() };
                let activation = self.activation();
                self.add(Op::Add(Add { activation }), vec![first, second], kind, shape, None);
            }
            13 => {
                let Some(first) = self.pick(plain) else { return };
                let (shape, real) = (self.shapes[first], self.kind(first) == Kind::Reals);
                let like = |kind: &Kind, other: [usize; 3]| {
                    plain(kind, other) && (*kind == Kind::Reals) == real && other[..2] == shape[..2]
                };
                let mut inputs = vec![first];
                for _ in 0..1 + self.random.below(2) {
                    inputs.extend(self.pick(like));
                }
                let channels = inputs.iter().map(|&input| self.shapes[input][2]).sum();
                let same = self.random.below(2) == 0;
                let kind = match (real, same) {
                    (true, _) => Kind::Reals,
                    (_, true) => self.kind(first),
                    _ => self.any_codes(),
                };
                self.add(Op::Concat, inputs, kind, [shape[0], shape[1], channels], None);
            }
            14 | 15 => {
                let Some(input) = self.pick(plain) else { return };
                let ([height, width, channels], kind) = (self.shapes[input], self.kind(input));
                let (op, kind) = match (choice, kind) {
                    (14, kind) => (Op::UpsampleNearest, kind),
                    (_, Kind::Reals) => (Op::UpsampleBilinear, Kind::Reals),
                    _ => (Op::UpsampleBilinear, self.any_codes()),
                };
                self.add(op, vec![input], kind, [2 * height, 2 * width, channels], None);
            }
            16..19 => {
                let op = self.random.among(&[
                    Op::Identity,
                    Op::Identity,
                    Op::Relu,
                    Op::Relu6,
                    Op::HardSigmoid,
                    Op::HardSwish,
                ]);
                let suits = |kind: &Kind, shape| op == Op::Identity || plain(kind, shape);
                let Some(input) = self.pick(suits) else { return };
                let real = self.inexact[input] || self.random.below(3) == 0;
                let kind = if real { Kind::Reals } else { self.any_codes() };
                let shape = self.shapes[input];
                self.add(op, vec![input], kind, shape, None);
            }
            19 => {
                let Some(input) = self.pick(plain) else { return };
                let (kind, len) = (self.kind(input), self.shapes[input].iter().product());
                self.add(Op::Flatten, vec![input], kind, [1, 1, len], None);
            }
            _ => {
                let suits = |kind: &Kind, shape| *kind == Kind::Sums || plain(kind, shape);
                let Some(input) = self.pick(suits) else { return };
                let shape = self.shapes[input];
                if choice == 20 {
                    return self.add(Op::Softmax, vec![input], Kind::Reals, shape, None);
                }
                if !self.inexact[input] {
                    let shape = [shape[0], shape[1], 1];
                    self.add(Op::Argmax, vec![input], Kind::Sums, shape, None);
                }
            }
        }
    }

    fn finish(mut self) -> (Graph, Vec<bool>) {
        let read: BTreeSet<usize> =
            self.graph.nodes.iter().flat_map(|node| node.inputs.clone()).collect();
        self.graph.outputs = (0..self.shapes.len()).filter(|at| !read.contains(at)).collect();
        (self.graph, self.inexact)
    }
}

/// A random graph, and whether its tensors depend on sums of reals.
pub(super) fn graph(seed: u64) -> (Graph, Vec<bool>) {
    let mut builder = Builder::new(seed);
    for _ in 0..1 + builder.random.below(2) {
        builder.input();
    }
    let wanted = 1 + builder.random.below(9);
    for _ in 0..1000 {
        builder.node();
        if builder.graph.nodes.len() >= wanted {
            break;
        }
    }
    builder.finish()
}

/// Rows and columns for the inputs of a graph; those without a size in the file have one in common.
pub(super) fn sizes(graph: &Graph, random: &mut Random) -> Vec<[usize; 2]> {
    let free = 1 + random.below(12);
    let size = |source: &Source| [source.height.unwrap_or(free), source.width.unwrap_or(free + 1)];
    graph.inputs.iter().map(size).collect()
}

/// Values for the inputs of a graph.
pub(super) enum Data {
    Bytes(Vec<u8>),
    Reals(Vec<f32>),
}

pub(super) fn data(graph: &Graph, sizes: &[[usize; 2]], random: &mut Random) -> Vec<Data> {
    let inputs = graph.inputs.iter().zip(sizes).map(|(source, size)| {
        let count = size[0] * size[1] * source.channels;
        match graph.tensors[source.tensor].kind {
            Kind::Reals => Data::Reals((0..count).map(|_| random.real() * 8.0).collect()),
            _ => Data::Bytes((0..count).map(|_| random.below(256) as u8).collect()),
        }
    });
    inputs.collect()
}

pub(super) fn inputs<'a>(data: &'a [Data], sizes: &[[usize; 2]]) -> Vec<Input<'a>> {
    let input = |(data, &[height, width]): (&'a Data, &[usize; 2])| match data {
        Data::Bytes(bytes) => Input::bytes(bytes, height, width),
        Data::Reals(reals) => Input::reals(reals, height, width),
    };
    data.iter().zip(sizes).map(input).collect()
}
