//! Graphs made by hand.
#![allow(clippy::cast_precision_loss, reason = "sizes of test graphs are small")]

use nibble_core::graph::{
    Activation, Add, AveragePool, Codes, Conv2d, Graph, Kind, Linear, Node, Op, Parameters, Pool,
    Source, Tensor,
};

/// A graph in the making. The weights are pseudo-random.
pub(crate) struct Builder {
    graph: Graph,
    state: u32,
}

/// Codes with a zero point.
pub(crate) fn codes(bits: u8, scale: f32, zero_point: u8) -> Kind {
    Kind::Codes(Codes { bits, scale, zero_points: vec![zero_point] })
}

/// A convolution with padding that keeps the size at stride 1.
pub(crate) fn same(inputs: usize, outputs: usize, side: usize, stride: usize, bits: u8) -> Conv2d {
    Conv2d {
        inputs,
        outputs,
        kernel: [side; 2],
        stride: [stride; 2],
        dilation: [1; 2],
        padding: [side / 2; 4],
        groups: 1,
        weight_bits: bits,
        activation: Activation::Relu,
    }
}

impl Builder {
    pub(crate) fn new(name: &str, channels: usize, kind: Kind) -> Self {
        let graph = Graph {
            name: name.to_owned(),
            release: String::from("test"),
            hash: String::new(),
            inputs: vec![Source { tensor: 0, channels, height: None, width: None }],
            tensors: vec![Tensor { name: String::from("image"), kind }],
            nodes: Vec::new(),
            outputs: Vec::new(),
        };
        Self { graph, state: 1 }
    }

    fn random(&mut self) -> i32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.state >> 16).cast_signed() & 0x7fff
    }

    pub(crate) fn node(&mut self, name: &str, op: Op, inputs: &[usize], kind: Kind) -> usize {
        let parameters = op.convolution().map(|convolution| {
            let count = convolution.outputs * convolution.depth();
            if convolution.weight_bits == 32 {
                let weights = (0..count).map(|_| (self.random() % 200 - 100) as f32 / 200.0);
                let weights = weights.collect();
                return Parameters::Real { weights, bias: vec![0.1; convolution.outputs] };
            }
            let largest = if convolution.weight_bits == 4 { 7 } else { 127 };
            let weight = |random: i32| i8::try_from(random % (2 * largest + 1) - largest).unwrap();
            let weights = (0..count).map(|_| weight(self.random())).collect();
            let scale = 0.2 / largest as f32 / (convolution.depth() as f32).sqrt();
            Parameters::Integer {
                weights,
                bias: vec![3; convolution.outputs],
                scales: vec![scale; convolution.outputs],
            }
        });
        self.graph.tensors.push(Tensor { name: format!("{name}.out"), kind });
        let output = self.graph.tensors.len() - 1;
        let inputs = inputs.to_vec();
        self.graph.nodes.push(Node { name: name.to_owned(), op, inputs, output, parameters });
        output
    }

    pub(crate) fn finish(mut self, outputs: &[usize]) -> Graph {
        self.graph.outputs = outputs.to_vec();
        self.graph
    }
}

/// 4 and 8 bits and reals, and every kind of operation that keeps buffers, on pictures of an even
/// number of rows and columns.
pub(crate) fn mixed() -> Graph {
    let image = Kind::Codes(Codes { bits: 8, scale: 0.02, zero_points: vec![120, 110, 100] });
    let mut builder = Builder::new("mixed", 3, image);
    let [u4, u8] = [codes(4, 0.2, 0), codes(8, 0.02, 128)];
    let first = builder.node("first", Op::Conv2d(same(3, 24, 3, 1, 8)), &[0], u4.clone());
    let depthwise = Conv2d { groups: 24, ..same(24, 24, 3, 2, 4) };
    let depthwise = builder.node("depthwise", Op::Conv2d(depthwise), &[first], u4.clone());
    let wide = Conv2d { activation: Activation::None, ..same(24, 40, 1, 1, 4) };
    let wide = builder.node("wide", Op::Conv2d(wide), &[depthwise], u8.clone());
    let dilated = Conv2d { dilation: [2; 2], padding: [2; 4], ..same(40, 40, 3, 1, 8) };
    let dilated = builder.node("dilated", Op::Conv2d(dilated), &[wide], u8.clone());
    let add = Op::Add(Add { activation: Activation::None });
    let sum = builder.node("sum", add, &[wide, dilated], codes(4, 0.3, 7));
    let grouped = Conv2d { groups: 4, ..same(40, 16, 3, 1, 4) };
    let grouped = builder.node("grouped", Op::Conv2d(grouped), &[sum], u4.clone());
    let up = builder.node("up", Op::UpsampleBilinear, &[grouped], u8.clone());
    let joined = builder.node("joined", Op::Concat, &[up, first], u8.clone());
    let pool = Pool { kernel: [3, 3], stride: [2, 2], padding: [1; 4] };
    let pooled = builder.node("pooled", Op::MaxPool(pool), &[joined], u8.clone());
    let pool =
        AveragePool { kernel: [2, 2], stride: [2, 2], padding: [0; 4], count_padding: false };
    let means = builder.node("means", Op::AveragePool(pool), &[joined], u8.clone());
    let swish = builder.node("swish", Op::HardSwish, &[means], u8);
    let reals = builder.node("reals", Op::Identity, &[swish], Kind::Reals);
    let real = builder.node("real", Op::Conv2d(same(40, 8, 3, 1, 32)), &[reals], Kind::Reals);
    let global = builder.node("global", Op::GlobalAveragePool, &[pooled], codes(8, 0.02, 0));
    let linear = Linear { inputs: 40, outputs: 10, weight_bits: 8, activation: Activation::None };
    let scores = builder.node("scores", Op::Linear(linear), &[global], Kind::Sums);
    let shares = builder.node("shares", Op::Softmax, &[scores], Kind::Reals);
    let best = builder.node("best", Op::Argmax, &[scores], Kind::Sums);
    builder.finish(&[real, shares, best])
}
