//! Running a graph.

use super::arithmetic::{self, Addition, Rescale, Step, Table, activate, real};
use super::check::folded_bias;
use super::depthwise::{self, Weights};
use super::machine::{self, Batch, IntegerMachine, Job, RealMachine, grow};
use super::plan::{Class, Plan};
use super::shape::{self, MAX_BYTES, RunError, Shape};
use super::vectors::Vectors;
use super::{Activation, Codes, Conv2d, Graph, Kind, Node, Op, Parameters, operations as ops};
use crate::gemm::{Kernels, OperandRange};
use crate::model::ModelError;
use crate::quant::gray_to_u4;

/// An input of a run, `[row][column][channel]`.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The values.
    pub values: InputValues<'a>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// The values of an input.
#[derive(Debug, Clone, Copy)]
pub enum InputValues<'a> {
    /// Bytes, for an input of codes.
    Bytes(&'a [u8]),
    /// Real numbers, for an input of type `f32`.
    Reals(&'a [f32]),
}

impl<'a> Input<'a> {
    /// An image of bytes, its channels interleaved.
    #[must_use]
    pub fn bytes(bytes: &'a [u8], height: usize, width: usize) -> Self {
        Self { values: InputValues::Bytes(bytes), height, width }
    }

    /// Real numbers.
    #[must_use]
    pub fn reals(reals: &'a [f32], height: usize, width: usize) -> Self {
        Self { values: InputValues::Reals(reals), height, width }
    }
}

/// The elements of a tensor, `[row][column][channel]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values<'a> {
    /// Codes.
    Codes(&'a [u8]),
    /// 32-bit sums or indices.
    Sums(&'a [i32]),
    /// Single precision.
    Reals(&'a [f32]),
}

/// A tensor of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its shape.
    pub shape: Shape,
    /// Its elements.
    pub values: Values<'a>,
    kind: &'a Kind,
    steps: &'a [f32],
}

impl View<'_> {
    /// The real numbers that the elements stand for.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        let channels = self.shape.channels;
        match (self.values, self.kind) {
            (Values::Codes(codes), Kind::Codes(meaning)) => codes
                .iter()
                .enumerate()
                .map(|(at, &code)| real(code, meaning.zero_point(at % channels), meaning.scale))
                .collect(),
            (Values::Sums(sums), _) => {
                let steps = self.steps.iter().cycle();
                sums.iter().zip(steps).map(|(&sum, &step)| real_of_sum(sum, step)).collect()
            }
            (Values::Reals(reals), _) => reals.to_vec(),
            (Values::Codes(_), _) => Vec::new(),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "the file format defines this conversion")]
fn real_of_sum(sum: i32, step: f32) -> f32 {
    sum as f32 * step
}

/// The outputs of a run, which lie in the runner's buffers.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    runner: &'a Runner,
    plan: &'a Plan,
}

impl<'a> Outputs<'a> {
    /// Number of outputs.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a graph has at least one output")]
    pub fn len(&self) -> usize {
        self.runner.graph.outputs.len()
    }

    /// The output at a place of the file's list.
    ///
    /// # Panics
    /// If there is no such place.
    #[must_use]
    pub fn at(&self, place: usize) -> View<'a> {
        view(&self.runner.graph, &self.runner.buffers, self.plan, self.runner.graph.outputs[place])
    }

    /// The output of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<View<'a>> {
        (0..self.len()).map(|place| self.at(place)).find(|view| view.name == name)
    }
}

/// A graph that is ready to run, with its buffers.
pub struct Runner {
    graph: Graph,
    steps: Vec<Prepared>,
    units: Units,
    vectors: Vectors,
    plan: Option<Plan>,
    buffers: Buffers,
}

/// The machines: one for each range of operands that the graph has.
struct Units {
    u4: Option<Box<IntegerMachine>>,
    u8: Option<Box<IntegerMachine>>,
    reals: Option<Box<RealMachine>>,
    depthwise_codes: depthwise::Buffers<u8, i32>,
    depthwise_reals: depthwise::Buffers<f32, f32>,
    /// Sums of the channels of one position.
    row_sums: Vec<i32>,
    row_reals: Vec<f32>,
}

/// The buffers of tensors. A slot of the plan uses the one of its class.
#[derive(Default)]
struct Buffers {
    codes: Vec<Vec<u8>>,
    sums: Vec<Vec<i32>>,
    reals: Vec<Vec<f32>>,
}

/// What a node has computed before any run.
enum Prepared {
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
enum Finish {
    /// Codes; a rescaling for each group of products.
    Codes(Vec<Rescale>),
    /// Sums with a bias.
    Sums(Vec<i32>),
    /// Reals with a bias.
    Reals(Vec<f32>, Activation),
}

impl Runner {
    /// Packs a graph for this machine, on the kernels of [`Kernels::detect`].
    ///
    /// # Errors
    /// [`ModelError`] if the graph does not pass [`Graph::check`].
    pub fn new(graph: Graph) -> Result<Self, ModelError> {
        Self::with_kernels(graph, &Kernels::detect())
    }

    /// Packs a graph for the kernels that `kernels` holds.
    ///
    /// # Errors
    /// [`ModelError`] if the graph does not pass [`Graph::check`].
    pub fn with_kernels(mut graph: Graph, kernels: &Kernels) -> Result<Self, ModelError> {
        graph.check()?;
        let mut units = Units {
            u4: None,
            u8: Some(machine::of_codes(kernels, OperandRange::U8)),
            reals: None,
            depthwise_codes: depthwise::Buffers::default(),
            depthwise_reals: depthwise::Buffers::default(),
            row_sums: Vec::new(),
            row_reals: Vec::new(),
        };
        let isa = units.u8.as_ref().map_or("", |unit| unit.kernel()[1]);
        let vectors = Vectors::beside(isa);
        let steps = graph.nodes.iter().map(|node| prepare(&graph, node, kernels, &mut units));
        let steps = steps.collect();
        // The machines have copies in the layout of their kernels. The scales of sums stay.
        for node in &mut graph.nodes {
            match &mut node.parameters {
                Some(Parameters::Integer { weights, bias, .. }) => {
                    (*weights, *bias) = (Vec::new(), Vec::new());
                }
                Some(Parameters::Real { weights, bias }) => {
                    (*weights, *bias) = (Vec::new(), Vec::new());
                }
                None => {}
            }
        }
        let buffers = Buffers::default();
        Ok(Self { graph, steps, units, vectors, plan: None, buffers })
    }

    /// The graph, without its weights and biases: the runner holds them packed.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Name of the kernel that computes a node; `None` if it is no convolution.
    ///
    /// # Panics
    /// If there is no such node.
    #[must_use]
    pub fn kernel(&self, node: usize) -> Option<&'static str> {
        match &self.steps[node] {
            Prepared::Product { range: OperandRange::F32, .. } => {
                self.units.reals.as_ref().map(|unit| unit.kernel()[0])
            }
            Prepared::Product { range: OperandRange::U4, .. } => {
                self.units.u4.as_ref().map(|unit| unit.kernel()[0])
            }
            Prepared::Product { .. } => self.units.u8.as_ref().map(|unit| unit.kernel()[0]),
            Prepared::Depthwise { weights: Weights::Narrow(_), .. } => Some("depthwise_16"),
            Prepared::Depthwise { weights: Weights::Wide(_), .. } => Some("depthwise_32"),
            Prepared::Depthwise { weights: Weights::Real(_), .. } => Some("depthwise_f32"),
            Prepared::Tables(_) | Prepared::Plain => None,
        }
    }

    /// Multiply-adds of each node for inputs of these rows and columns; 0 where it has none.
    ///
    /// # Errors
    /// [`RunError`] if the graph cannot run on them.
    pub fn macs(&self, sizes: &[[usize; 2]]) -> Result<Vec<u64>, RunError> {
        let shapes = shape::infer(&self.graph, sizes)?;
        let macs = self.graph.nodes.iter().map(|node| match node.op.convolution() {
            Some(_) => shape::work_of(node, shapes[node.output], shapes[node.inputs[0]]),
            None => 0,
        });
        Ok(macs.collect())
    }

    /// Bytes of all tensors and buffers that a run on inputs of these rows and columns needs, apart
    /// from the weights. Nothing is run or kept.
    ///
    /// # Errors
    /// [`RunError`] if the graph cannot run on them.
    pub fn peak_bytes(&self, sizes: &[[usize; 2]]) -> Result<usize, RunError> {
        let plan = self.plan(sizes)?;
        Ok(plan.bytes() + self.needs(&plan)?.bytes)
    }

    /// Runs the graph. The first run on inputs of some size allocates its memory; later ones do not
    /// allocate.
    ///
    /// # Errors
    /// [`RunError`] if the graph cannot run on these inputs.
    pub fn run(&mut self, inputs: &[Input<'_>]) -> Result<Outputs<'_>, RunError> {
        self.run_observed(inputs, &mut |_, _| {})
    }

    /// As [`Runner::run`], but calls `observe` after each node with its place and its output: to
    /// measure times, or to look at the tensors.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub fn run_observed(
        &mut self,
        inputs: &[Input<'_>],
        observe: &mut dyn FnMut(usize, View<'_>),
    ) -> Result<Outputs<'_>, RunError> {
        let sizes = inputs.iter().map(|input| [input.height, input.width]);
        let planned = self.plan.as_ref();
        if planned.is_none_or(|plan| !plan.sizes.iter().copied().eq(sizes.clone())) {
            let sizes: Vec<_> = sizes.collect();
            let plan = self.plan(&sizes)?;
            let needs = self.needs(&plan)?;
            self.units.reserve(needs);
            self.buffers.reserve(&plan);
            self.plan = Some(plan);
        }
        let Self { graph, steps, units, vectors, plan, buffers } = self;
        let Some(plan) = plan else { unreachable!("planned above") };
        for (source, input) in graph.inputs.iter().zip(inputs) {
            let tensor = &graph.tensors[source.tensor];
            let (slot, len) = (plan.slot_of[source.tensor], plan.shapes[source.tensor].len());
            take(input, &tensor.kind, len, buffers, slot)
                .map_err(|problem| RunError::Input { input: tensor.name.clone(), problem })?;
        }
        for (index, (node, prepared)) in graph.nodes.iter().zip(steps).enumerate() {
            let context = Context { graph, plan, node, vectors: *vectors };
            let slot = plan.slot_of[node.output];
            let len = plan.shapes[node.output].len();
            // The output's buffer is taken out while the node runs, and is no input's.
            match Class::of(&graph.tensors[node.output].kind) {
                Class::Codes => {
                    let mut out = std::mem::take(&mut buffers.codes[slot]);
                    context.codes(prepared, units, buffers, &mut out[..len]);
                    buffers.codes[slot] = out;
                }
                Class::Sums => {
                    let mut out = std::mem::take(&mut buffers.sums[slot]);
                    context.sums(prepared, units, buffers, &mut out[..len]);
                    buffers.sums[slot] = out;
                }
                Class::Reals => {
                    let mut out = std::mem::take(&mut buffers.reals[slot]);
                    context.reals(prepared, units, buffers, &mut out[..len]);
                    buffers.reals[slot] = out;
                }
            }
            observe(index, view(graph, buffers, plan, node.output));
        }
        let Self { plan: Some(plan), .. } = &*self else { unreachable!("planned above") };
        Ok(Outputs { runner: self, plan })
    }

    fn plan(&self, sizes: &[[usize; 2]]) -> Result<Plan, RunError> {
        let shapes = shape::infer(&self.graph, sizes)?;
        Plan::new(&self.graph, sizes, shapes)
    }

    /// The buffers beside those of tensors.
    fn needs(&self, plan: &Plan) -> Result<Needs, RunError> {
        let mut needs = Needs::default();
        for (node, prepared) in self.graph.nodes.iter().zip(&self.steps) {
            self.add_needs(&mut needs, node, prepared, plan);
            let bytes = self.units.bytes(&needs).and_then(|bytes| bytes.checked_add(plan.bytes()));
            let Some(bytes) = bytes.filter(|&bytes| bytes <= MAX_BYTES) else {
                return Err(RunError::TooLarge { node: node.name.clone() });
            };
            needs.bytes = bytes - plan.bytes();
        }
        Ok(needs)
    }

    fn add_needs(&self, needs: &mut Needs, node: &Node, prepared: &Prepared, plan: &Plan) {
        let (input, output) = (plan.shapes[node.inputs[0]], plan.shapes[node.output]);
        let reads_codes = matches!(self.graph.tensors[node.inputs[0]].kind, Kind::Codes(_));
        let job = node.op.convolution().map(|convolution| Job { convolution, input, output });
        match (prepared, job) {
            (Prepared::Product { range, layer, .. }, Some(job)) => {
                let Units { u4, u8, reals, .. } = &self.units;
                match range {
                    OperandRange::F32 => {
                        let need = reals.as_ref().map(|unit| unit.needs(*layer, &job));
                        needs.reals = needs.reals.or(need.unwrap_or_default());
                    }
                    OperandRange::U4 => {
                        let need = u4.as_ref().map(|unit| unit.needs(*layer, &job));
                        needs.u4 = needs.u4.or(need.unwrap_or_default());
                    }
                    _ => {
                        let need = u8.as_ref().map(|unit| unit.needs(*layer, &job));
                        needs.u8 = needs.u8.or(need.unwrap_or_default());
                    }
                }
            }
            (Prepared::Depthwise { .. }, Some(job)) => {
                let need = depthwise::Needs::of(&job);
                if reads_codes {
                    needs.depthwise_codes = needs.depthwise_codes.or(need);
                } else {
                    needs.depthwise_reals = needs.depthwise_reals.or(need);
                }
            }
            _ if matches!(node.op, Op::AveragePool(_) | Op::GlobalAveragePool) => {
                let row = if reads_codes { &mut needs.row_sums } else { &mut needs.row_reals };
                *row = (*row).max(input.channels);
            }
            _ => {}
        }
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("graph", &self.graph.name)
            .field("vectors", &self.vectors)
            .finish_non_exhaustive()
    }
}

/// The buffers of a run beside those of tensors.
#[derive(Debug, Clone, Copy, Default)]
struct Needs {
    u4: machine::Needs,
    u8: machine::Needs,
    reals: machine::Needs,
    depthwise_codes: depthwise::Needs,
    depthwise_reals: depthwise::Needs,
    row_sums: usize,
    row_reals: usize,
    /// Bytes of all.
    bytes: usize,
}

impl Units {
    /// Bytes of the buffers; `None` if they wrap around.
    fn bytes(&self, needs: &Needs) -> Option<usize> {
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

    fn reserve(&mut self, needs: Needs) {
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

    fn integers(&mut self, range: OperandRange) -> Option<&mut IntegerMachine> {
        let unit = if range == OperandRange::U4 { &mut self.u4 } else { &mut self.u8 };
        unit.as_deref_mut()
    }
}

impl Buffers {
    fn reserve(&mut self, plan: &Plan) {
        let count = plan.slots.len();
        self.codes.resize_with(count.max(self.codes.len()), Vec::new);
        self.sums.resize_with(count.max(self.sums.len()), Vec::new);
        self.reals.resize_with(count.max(self.reals.len()), Vec::new);
        for (index, slot) in plan.slots.iter().enumerate() {
            match slot.class {
                Class::Codes => grow(&mut self.codes[index], slot.len),
                Class::Sums => grow(&mut self.sums[index], slot.len),
                Class::Reals => grow(&mut self.reals[index], slot.len),
            }
        }
    }
}

/// A tensor in its buffer.
fn view<'a>(graph: &'a Graph, buffers: &'a Buffers, plan: &Plan, tensor: usize) -> View<'a> {
    let (shape, slot) = (plan.shapes[tensor], plan.slot_of[tensor]);
    let kind = &graph.tensors[tensor].kind;
    let values = match Class::of(kind) {
        Class::Codes => Values::Codes(&buffers.codes[slot][..shape.len()]),
        Class::Sums => Values::Sums(&buffers.sums[slot][..shape.len()]),
        Class::Reals => Values::Reals(&buffers.reals[slot][..shape.len()]),
    };
    let steps = graph.steps_of_sums(tensor);
    View { name: &graph.tensors[tensor].name, shape, values, kind, steps }
}

/// Stores an input in its buffer.
fn take(
    input: &Input<'_>,
    kind: &Kind,
    len: usize,
    buffers: &mut Buffers,
    slot: usize,
) -> Result<(), &'static str> {
    const LENGTH: &str = "its number of values does not match its size";
    match (kind, input.values) {
        (Kind::Codes(codes), InputValues::Bytes(bytes)) => {
            let to = &mut buffers.codes[slot][..len];
            if bytes.len() != len {
                return Err(LENGTH);
            }
            if codes.bits == 4 {
                to.iter_mut().zip(bytes).for_each(|(to, &byte)| *to = gray_to_u4(byte));
            } else {
                to.copy_from_slice(bytes);
            }
            Ok(())
        }
        (Kind::Reals, InputValues::Reals(reals)) => {
            let to = &mut buffers.reals[slot][..len];
            if reals.len() != len {
                return Err(LENGTH);
            }
            to.copy_from_slice(reals);
            Ok(())
        }
        (Kind::Codes(_), InputValues::Reals(_)) => Err("it is given as bytes"),
        _ => Err("it is given as real numbers"),
    }
}

/// Prepares a node of a checked graph.
fn prepare(graph: &Graph, node: &Node, kernels: &Kernels, units: &mut Units) -> Prepared {
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

/// A node with what it needs to run.
struct Context<'a> {
    graph: &'a Graph,
    plan: &'a Plan,
    node: &'a Node,
    vectors: Vectors,
}

impl Context<'_> {
    fn kind(&self, input: usize) -> &Kind {
        &self.graph.tensors[self.node.inputs[input]].kind
    }

    fn shape(&self, input: usize) -> Shape {
        self.plan.shapes[self.node.inputs[input]]
    }

    fn output(&self) -> Shape {
        self.plan.shapes[self.node.output]
    }

    /// The codes of an input with their meaning.
    fn input_codes<'b>(&'b self, buffers: &'b Buffers, input: usize) -> (&'b Codes, &'b [u8]) {
        let slot = self.plan.slot_of[self.node.inputs[input]];
        let Kind::Codes(codes) = self.kind(input) else {
            unreachable!("`Graph::check` refuses other types")
        };
        (codes, &buffers.codes[slot][..self.shape(input).len()])
    }

    fn input_sums<'b>(&self, buffers: &'b Buffers, input: usize) -> &'b [i32] {
        &buffers.sums[self.plan.slot_of[self.node.inputs[input]]][..self.shape(input).len()]
    }

    fn input_reals<'b>(&self, buffers: &'b Buffers, input: usize) -> &'b [f32] {
        &buffers.reals[self.plan.slot_of[self.node.inputs[input]]][..self.shape(input).len()]
    }

    fn job(&self) -> Job {
        let Some(convolution) = self.node.op.convolution() else {
            unreachable!("only convolutions are jobs")
        };
        Job { convolution, input: self.shape(0), output: self.output() }
    }

    /// Sums of a convolution of codes.
    fn convolve(
        &self,
        prepared: &Prepared,
        units: &mut Units,
        buffers: &Buffers,
        visit: &mut dyn FnMut(Batch<'_, i32>),
    ) {
        let (job, (_, input)) = (self.job(), self.input_codes(buffers, 0));
        match prepared {
            Prepared::Product { range, layer, fill, .. } => {
                if let Some(unit) = units.integers(*range) {
                    unit.run(*layer, &job, input, fill, visit);
                }
            }
            Prepared::Depthwise { weights, fill, .. } => {
                let stride = job.output.channels;
                let visit = |first, sums: &[i32]| visit(Batch { first, group: 0, sums, stride });
                let unit = &mut units.depthwise_codes;
                match weights {
                    Weights::Narrow(weights) => {
                        unit.run::<i16, i16>(self.vectors, (weights, &job), input, fill, visit);
                    }
                    Weights::Wide(weights) => {
                        unit.run::<i16, i32>(self.vectors, (weights, &job), input, fill, visit);
                    }
                    Weights::Real(_) => unreachable!("reals have no codes"),
                }
            }
            _ => unreachable!("convolutions are prepared as such"),
        }
    }

    /// Runs a node that makes codes.
    fn codes(&self, prepared: &Prepared, units: &mut Units, buffers: &Buffers, out: &mut [u8]) {
        let Kind::Codes(to) = &self.graph.tensors[self.node.output].kind else {
            unreachable!("called for codes")
        };
        let shapes = (self.shape(0), self.output());
        let channels = shapes.0.channels;
        match self.node.op {
            Op::Conv2d(_) | Op::Linear(_) => {
                let (Prepared::Product { finish, .. } | Prepared::Depthwise { finish, .. }) =
                    prepared
                else {
                    unreachable!("convolutions are prepared as such")
                };
                let Finish::Codes(groups) = finish else { unreachable!("finished as codes") };
                let width = shapes.1.channels;
                let vectors = self.vectors;
                self.convolve(prepared, units, buffers, &mut |batch| {
                    let Batch { first, group, sums, stride } = batch;
                    let (how, pixels) = (&groups[group], sums.len() / stride);
                    let out = &mut out[first * width..][..pixels * width];
                    vectors.run(
                        #[inline(always)]
                        || {
                            if groups.len() == 1 {
                                return how.apply(sums, stride, out);
                            }
                            let channels = how.channels();
                            let pixels = out.chunks_exact_mut(width).zip(sums.chunks_exact(stride));
                            for (out, sums) in pixels {
                                how.apply(sums, stride, &mut out[group * channels..][..channels]);
                            }
                        },
                    );
                });
            }
            Op::MaxPool(pool) => {
                let (_, from) = self.input_codes(buffers, 0);
                self.vectors.run(
                    #[inline(always)]
                    || ops::max_pool(&pool, (shapes.0, from), (shapes.1, out)),
                );
            }
            Op::GlobalMaxPool => {
                let (_, from) = self.input_codes(buffers, 0);
                self.vectors.run(
                    #[inline(always)]
                    || ops::global_max(channels, from, out),
                );
            }
            Op::AveragePool(_) | Op::GlobalAveragePool => {
                self.average_codes(units, buffers, to, out)
            }
            Op::Add(add) => {
                let ((a, from), (b, other)) =
                    (self.input_codes(buffers, 0), self.input_codes(buffers, 1));
                let (addition, step) = (Addition::new(a, b, to), Step::towards(to, add.activation));
                let zero_points = [a.zero_point(0), b.zero_point(0)];
                self.vectors.run(
                    #[inline(always)]
                    || {
                        let operands = [(from, zero_points[0]), (other, zero_points[1])];
                        ops::add_codes(addition, step, operands, out);
                    },
                );
            }
            Op::Concat => {
                let Prepared::Tables(tables) = prepared else { unreachable!("has tables") };
                let mut first = 0;
                for (input, table) in tables.iter().enumerate() {
                    let (_, from) = self.input_codes(buffers, input);
                    let channels = self.shape(input).channels;
                    let place = (shapes.1.channels, first);
                    ops::place_channels(channels, from, place, out, |from, to| {
                        table.apply(from, to);
                    });
                    first += channels;
                }
            }
            Op::UpsampleNearest => {
                ops::upsample_nearest(shapes.0, self.input_codes(buffers, 0).1, out);
            }
            Op::UpsampleBilinear => {
                let (codes, from) = self.input_codes(buffers, 0);
                let (zero, step) =
                    (16 * i32::from(codes.zero_point(0)), Step::towards(to, Activation::None));
                let scale = codes.scale / to.scale / 16.0;
                self.vectors.run(
                    #[inline(always)]
                    || {
                        ops::upsample_bilinear(shapes.0, from, out, |values| {
                            let [a, b, c, d] = values.map(i32::from);
                            step.code(9 * a + 3 * (b + c) + d - zero, scale)
                        });
                    },
                );
            }
            Op::Flatten => out.copy_from_slice(self.input_codes(buffers, 0).1),
            _ => self.function_codes(prepared, buffers, to, out),
        }
    }

    /// A function of one value that makes codes.
    fn function_codes(&self, prepared: &Prepared, buffers: &Buffers, to: &Codes, out: &mut [u8]) {
        let channels = self.shape(0).channels;
        match (prepared, Class::of(self.kind(0))) {
            (Prepared::Tables(tables), _) => {
                let (_, from) = self.input_codes(buffers, 0);
                if let [table] = &tables[..] {
                    return table.apply(from, out);
                }
                let elements = from.chunks_exact(1).zip(out.chunks_exact_mut(1));
                for ((from, to), table) in elements.zip(tables.iter().cycle()) {
                    table.apply(from, to);
                }
            }
            (_, Class::Reals) => {
                for (out, &x) in out.iter_mut().zip(self.input_reals(buffers, 0)) {
                    *out = arithmetic::quantise(arithmetic::function(&self.node.op, x), to);
                }
            }
            _ => {
                let steps = self.graph.steps_of_sums(self.node.inputs[0]);
                let pixels = self.input_sums(buffers, 0).chunks_exact(channels);
                for (sums, out) in pixels.zip(out.chunks_exact_mut(channels)) {
                    let steps = steps.iter().cycle();
                    for ((out, &sum), &step) in out.iter_mut().zip(sums).zip(steps) {
                        *out = arithmetic::quantise(real_of_sum(sum, step), to);
                    }
                }
            }
        }
    }

    /// Means that make codes.
    fn average_codes(&self, units: &mut Units, buffers: &Buffers, to: &Codes, out: &mut [u8]) {
        let (codes, from) = self.input_codes(buffers, 0);
        let (input, output) = (self.shape(0), self.output());
        let channels = input.channels;
        let zero = i32::from(codes.zero_point(0));
        let (step, ratio) = (Step::towards(to, Activation::None), codes.scale / to.scale);
        let row = &mut units.row_sums[..channels];
        let add = |sum: i32, code: u8| sum + (i32::from(code) - zero);
        let mut finish = |pixel: usize, sums: &[i32], count: usize| {
            let scale = ratio / real_of_count(count);
            for (out, &sum) in out[pixel * channels..].iter_mut().zip(sums) {
                *out = step.code(sum, scale);
            }
        };
        self.vectors.run(
            #[inline(always)]
            || match self.node.op {
                Op::AveragePool(pool) => {
                    ops::average_pool(&pool, (input, from), output, (0, row), add, finish);
                }
                _ => {
                    ops::global_sums(from, (0, &mut *row), add);
                    finish(0, row, input.positions());
                }
            },
        );
    }

    /// Runs a node that makes sums or indices.
    fn sums(&self, prepared: &Prepared, units: &mut Units, buffers: &Buffers, out: &mut [i32]) {
        let input = self.shape(0);
        if let Prepared::Product { finish, .. } | Prepared::Depthwise { finish, .. } = prepared {
            let Finish::Sums(bias) = finish else { unreachable!("finished as sums") };
            let width = self.output().channels;
            self.convolve(prepared, units, buffers, &mut |batch| {
                let Batch { first, group, sums, stride } = batch;
                let share = match prepared {
                    Prepared::Product { .. } => width / self.job().convolution.groups,
                    _ => width,
                };
                let bias = &bias[group * share..][..share];
                let out = out[first * width..].chunks_exact_mut(width);
                for (out, sums) in out.zip(sums.chunks_exact(stride)) {
                    let out = &mut out[group * share..][..share];
                    for ((out, sum), bias) in out.iter_mut().zip(sums).zip(bias) {
                        *out = sum.wrapping_add(*bias);
                    }
                }
            });
            return;
        }
        match self.kind(0) {
            Kind::Codes(codes) => {
                let from = self.input_codes(buffers, 0).1;
                ops::argmax(input.channels, from, out, |code, _| {
                    real(code, codes.zero_point(0), codes.scale)
                });
            }
            Kind::Sums => {
                let steps = self.graph.steps_of_sums(self.node.inputs[0]);
                let from = self.input_sums(buffers, 0);
                ops::argmax(input.channels, from, out, |sum, channel| {
                    real_of_sum(sum, steps[channel % steps.len()])
                });
            }
            Kind::Reals => {
                ops::argmax(input.channels, self.input_reals(buffers, 0), out, |x, _| x);
            }
        }
    }

    /// Runs a node that makes reals.
    fn reals(&self, prepared: &Prepared, units: &mut Units, buffers: &Buffers, out: &mut [f32]) {
        let (input, output) = (self.shape(0), self.output());
        let channels = input.channels;
        match self.node.op {
            Op::Conv2d(_) | Op::Linear(_) => self.convolve_reals(prepared, units, buffers, out),
            Op::Softmax | Op::Identity | Op::Relu | Op::Relu6 | Op::HardSigmoid | Op::HardSwish => {
                self.function_reals(buffers, out);
            }
            Op::MaxPool(pool) => {
                let from = self.input_reals(buffers, 0);
                ops::max_pool(&pool, (input, from), (output, out));
            }
            Op::GlobalMaxPool => ops::global_max(channels, self.input_reals(buffers, 0), out),
            Op::AveragePool(_) | Op::GlobalAveragePool => {
                let from = self.input_reals(buffers, 0);
                let row = &mut units.row_reals[..channels];
                let add = |sum: f32, value: f32| sum + value;
                let mut finish = |pixel: usize, sums: &[f32], count: usize| {
                    for (out, &sum) in out[pixel * channels..].iter_mut().zip(sums) {
                        *out = sum / real_of_count(count);
                    }
                };
                if let Op::AveragePool(pool) = self.node.op {
                    ops::average_pool(&pool, (input, from), output, (0.0, row), add, finish);
                } else {
                    ops::global_sums(from, (0.0, &mut *row), add);
                    finish(0, row, input.positions());
                }
            }
            Op::Add(add) => {
                let (a, b) = (self.input_reals(buffers, 0), self.input_reals(buffers, 1));
                self.vectors.run(
                    #[inline(always)]
                    || ops::add_reals(add.activation, a, b, out),
                );
            }
            Op::Concat => {
                let mut first = 0;
                for place in 0..self.node.inputs.len() {
                    let channels = self.shape(place).channels;
                    let from = self.input_reals(buffers, place);
                    let to = (output.channels, first);
                    ops::place_channels(channels, from, to, out, |from, to| {
                        to.copy_from_slice(from);
                    });
                    first += channels;
                }
            }
            Op::UpsampleNearest => {
                ops::upsample_nearest(input, self.input_reals(buffers, 0), out);
            }
            Op::UpsampleBilinear => {
                let from = self.input_reals(buffers, 0);
                ops::upsample_bilinear(input, from, out, |[a, b, c, d]| {
                    (((9.0 * a + 3.0 * b) + 3.0 * c) + d) / 16.0
                });
            }
            Op::Flatten => out.copy_from_slice(self.input_reals(buffers, 0)),
            Op::Argmax => unreachable!("`argmax` makes indices"),
        }
    }

    fn convolve_reals(
        &self,
        prepared: &Prepared,
        units: &mut Units,
        buffers: &Buffers,
        out: &mut [f32],
    ) {
        let (job, input) = (self.job(), self.input_reals(buffers, 0));
        let width = job.output.channels;
        let (Prepared::Product { finish, .. } | Prepared::Depthwise { finish, .. }) = prepared
        else {
            unreachable!("convolutions are prepared as such")
        };
        let Finish::Reals(bias, activation) = finish else { unreachable!("finished as reals") };
        let vectors = self.vectors;
        let mut visit = |batch: Batch<'_, f32>, share: usize| {
            let Batch { first, group, sums, stride } = batch;
            let bias = &bias[group * share..][..share];
            let out = &mut out[first * width..];
            vectors.run(
                #[inline(always)]
                || {
                    let pixels = out.chunks_exact_mut(width).zip(sums.chunks_exact(stride));
                    for (out, sums) in pixels {
                        let out = &mut out[group * share..][..share];
                        for ((out, sum), bias) in out.iter_mut().zip(sums).zip(bias) {
                            *out = activate(sum + bias, *activation);
                        }
                    }
                },
            );
        };
        match prepared {
            Prepared::Product { layer, .. } => {
                let share = width / job.convolution.groups;
                if let Some(unit) = &mut units.reals {
                    unit.run(*layer, &job, input, &[0.0], &mut |batch| visit(batch, share));
                }
            }
            Prepared::Depthwise { weights: Weights::Real(weights), .. } => {
                let unit = &mut units.depthwise_reals;
                let stride = width;
                unit.run(vectors, (weights, &job), input, &[0.0], |first, sums| {
                    visit(Batch { first, group: 0, sums, stride }, width);
                });
            }
            _ => unreachable!("reals have weights of reals"),
        }
    }

    /// A function of one value, or softmax, that makes reals of any type.
    fn function_reals(&self, buffers: &Buffers, out: &mut [f32]) {
        let (op, channels) = (&self.node.op, self.shape(0).channels);
        match self.kind(0) {
            Kind::Codes(codes) => {
                let from = self.input_codes(buffers, 0).1;
                let real = |code, channel| real(code, codes.zero_point(channel), codes.scale);
                function_of(op, channels, from, out, real);
            }
            Kind::Sums => {
                let steps = self.graph.steps_of_sums(self.node.inputs[0]);
                let real = |sum, channel| real_of_sum(sum, steps[channel % steps.len()]);
                function_of(op, channels, self.input_sums(buffers, 0), out, real);
            }
            Kind::Reals => {
                function_of(op, channels, self.input_reals(buffers, 0), out, |x, _| x);
            }
        }
    }
}

/// A function of the real numbers that `real` makes of values and their channels.
fn function_of<T: Copy>(
    op: &Op,
    channels: usize,
    from: &[T],
    to: &mut [f32],
    real: impl Fn(T, usize) -> f32,
) {
    if *op == Op::Softmax {
        return ops::softmax(channels, from, to, real);
    }
    for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(channels)) {
        for (channel, (to, &value)) in to.iter_mut().zip(from).enumerate() {
            *to = arithmetic::function(op, real(value, channel));
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "at most 2^23 positions are counted")]
fn real_of_count(count: usize) -> f32 {
    count as f32
}
