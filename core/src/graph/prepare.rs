//! What nodes compute before any run: packed weights, tables, and what follows their sums.

use super::arithmetic::{Rescale, Table};
use super::check::folded_bias;
use super::depthwise::{self, Weights};
use super::machine::{self, IntegerMachine, RealMachine, grow};
use super::{Activation, Conv2d, Graph, Kind, Node, Op, Parameters};
use crate::gemm::{Kernels, OperandRange};

/// The machines: one for each range of operands that the graph has.
pub(super) struct Units {
    pub(super) u4: Option<Box<IntegerMachine>>,
    pub(super) u8: Option<Box<IntegerMachine>>,
    pub(super) reals: Option<Box<RealMachine>>,
    pub(super) depthwise_codes: depthwise::Buffers<u8, i32>,
    pub(super) depthwise_reals: depthwise::Buffers<f32, f32>,
    /// Sums of the channels of one position.
    pub(super) row_sums: Vec<i32>,
    pub(super) row_reals: Vec<f32>,
}

/// The buffers of a run beside those of tensors.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    pub(super) u4: machine::Needs,
    pub(super) u8: machine::Needs,
    pub(super) reals: machine::Needs,
    pub(super) depthwise_codes: depthwise::Needs,
    pub(super) depthwise_reals: depthwise::Needs,
    pub(super) row_sums: usize,
    pub(super) row_reals: usize,
    /// Bytes of all.
    pub(super) bytes: usize,
}

impl Units {
    /// Machines on the kernels that `kernels` holds. Those of 4 bits and of reals are made when a
    /// layer needs them.
    pub(super) fn new(kernels: &Kernels) -> Self {
        Self {
            u4: None,
            u8: Some(machine::of_codes(kernels, OperandRange::U8)),
            reals: None,
            depthwise_codes: depthwise::Buffers::default(),
            depthwise_reals: depthwise::Buffers::default(),
            row_sums: Vec::new(),
            row_reals: Vec::new(),
        }
    }

    /// Bytes of the buffers; `None` if they wrap around.
    pub(super) fn bytes(&self, needs: &Needs) -> Option<usize> {
        let of_codes = |unit: &Option<Box<IntegerMachine>>, needs| {
            unit.as_ref().map_or(Some(0), |unit| unit.bytes(needs))
        };
        let parts = [
            of_codes(&self.u4, needs.u4)?,
            of_codes(&self.u8, needs.u8)?,
            self.reals.as_ref().map_or(Some(0), |unit| unit.bytes(needs.reals))?,
            needs.depthwise_codes.bytes::<u8, i32>()?,
            needs.depthwise_reals.bytes::<f32, f32>()?,
            needs.row_sums.checked_mul(4)?,
            needs.row_reals.checked_mul(4)?,
        ];
        parts.into_iter().try_fold(0usize, usize::checked_add)
    }

    pub(super) fn reserve(&mut self, needs: Needs) {
        if let Some(unit) = &mut self.u4 {
            unit.reserve(needs.u4);
        }
        if let Some(unit) = &mut self.u8 {
            unit.reserve(needs.u8);
        }
        if let Some(unit) = &mut self.reals {
            unit.reserve(needs.reals);
        }
        self.depthwise_codes.reserve(needs.depthwise_codes);
        self.depthwise_reals.reserve(needs.depthwise_reals);
        grow(&mut self.row_sums, needs.row_sums);
        grow(&mut self.row_reals, needs.row_reals);
    }

    pub(super) fn integers(&mut self, range: OperandRange) -> Option<&mut IntegerMachine> {
        let unit = if range == OperandRange::U4 { &mut self.u4 } else { &mut self.u8 };
        unit.as_deref_mut()
    }
}

/// What a node has computed before any run.
pub(super) enum Prepared {
    /// A convolution by products of matrices.
    Product { range: OperandRange, layer: usize, finish: Finish, fill: Vec<u8> },
    /// A depthwise convolution.
    Depthwise { weights: Weights, finish: Finish, fill: Vec<u8> },
    /// Tables by input, or, where an input has several zero points, by channel.
    Tables(Vec<Table>),
    /// Nothing.
    Plain,
}

/// What becomes of the sums of a convolution.
pub(super) enum Finish {
    /// Codes; a rescaling for each group of products.
    Codes(Vec<Rescale>),
    /// Sums with a bias.
    Sums(Vec<i32>),
    /// Reals with a bias.
    Reals(Vec<f32>, Activation),
}

/// Prepares a node of a checked graph.
pub(super) fn prepare(
    graph: &Graph,
    node: &Node,
    kernels: &Kernels,
    units: &mut Units,
) -> Prepared {
    let input = &graph.tensors[node.inputs[0]].kind;
    let output = &graph.tensors[node.output].kind;
    if let Some((convolution, parameters)) = node.op.convolution().zip(node.parameters.as_ref()) {
        return prepare_convolution(&convolution, parameters, [input, output], kernels, units);
    }
    let Kind::Codes(to) = output else { return Prepared::Plain };
    match node.op {
        Op::Identity | Op::Relu | Op::Relu6 | Op::HardSigmoid | Op::HardSwish => {
            let Kind::Codes(from) = input else { return Prepared::Plain };
            let channels = 0..from.zero_points.len();
            Prepared::Tables(
                channels.map(|channel| Table::new(&node.op, from, channel, to)).collect(),
            )
        }
        Op::Concat => {
            let kinds = node.inputs.iter().map(|&input| &graph.tensors[input].kind);
            let tables = kinds.filter_map(|kind| match kind {
                Kind::Codes(from) => Some(Table::new(&node.op, from, 0, to)),
                _ => None,
            });
            Prepared::Tables(tables.collect())
        }
        _ => Prepared::Plain,
    }
}

fn prepare_convolution(
    convolution: &Conv2d,
    parameters: &Parameters,
    [input, output]: [&Kind; 2],
    kernels: &Kernels,
    units: &mut Units,
) -> Prepared {
    let depthwise = convolution.is_depthwise();
    match (parameters, input) {
        (Parameters::Integer { weights, bias, scales }, Kind::Codes(codes)) => {
            let folded = folded_bias(convolution, weights, bias, codes);
            // `Graph::check` has bounded it.
            let bias = folded.into_iter().map(|bias| i32::try_from(bias).unwrap_or_default());
            let mut bias: Vec<i32> = bias.collect();
            let fill = codes.zero_points.clone();
            if depthwise {
                let weights = Weights::of_codes(weights, convolution, codes.top());
                let finish = finish(bias, scales, output, 1, convolution.activation);
                return Prepared::Depthwise { weights, finish, fill };
            }
            let range = machine::range(codes, convolution.weight_bits);
            let unit = if range == OperandRange::U4 { &mut units.u4 } else { &mut units.u8 };
            let unit = unit.get_or_insert_with(|| machine::of_codes(kernels, range));
            let layer = unit.add(convolution, weights);
            for (bias, offset) in bias.iter_mut().zip(unit.offsets(layer)) {
                *bias = bias.wrapping_add(offset);
            }
            let finish = finish(bias, scales, output, convolution.groups, convolution.activation);
            Prepared::Product { range, layer, finish, fill }
        }
        (Parameters::Real { weights, bias }, _) => {
            let finish = Finish::Reals(bias.clone(), convolution.activation);
            if depthwise {
                let weights = Weights::of_reals(weights, convolution);
                return Prepared::Depthwise { weights, finish, fill: Vec::new() };
            }
            let unit = units.reals.get_or_insert_with(|| machine::of_reals(kernels));
            let layer = unit.add(convolution, weights);
            Prepared::Product { range: OperandRange::F32, layer, finish, fill: Vec::new() }
        }
        _ => unreachable!("`Graph::check` refuses integer weights on other inputs"),
    }
}

fn finish(
    bias: Vec<i32>,
    scales: &[f32],
    output: &Kind,
    groups: usize,
    activation: Activation,
) -> Finish {
    let Kind::Codes(codes) = output else { return Finish::Sums(bias) };
    let share = bias.len() / groups;
    let parts = bias.chunks_exact(share).zip(scales.chunks_exact(share));
    let rescale = |(bias, scales): (&[i32], &[f32])| {
        Rescale::new(bias.to_vec(), scales.to_vec(), codes, activation)
    };
    Finish::Codes(parts.map(rescale).collect())
}
