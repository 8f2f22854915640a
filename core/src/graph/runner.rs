//! Running a graph.

use super::arithmetic::{real, real_of_sum};
use super::depthwise::{self, Weights};
use super::machine::{Job, grow};
use super::node::Context;
use super::plan::{Class, Plan};
use super::prepare::{Needs, Prepared, Units, prepare};
use super::shape::{self, Limits, RunError, Shape};
use super::vectors::Vectors;
use super::{Graph, Kind, Node, Op, Parameters};
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
    limits: Limits,
    plan: Option<Plan>,
    /// Whether the buffers hold the outputs of a run.
    has_run: bool,
    buffers: Buffers,
}

/// The buffers of tensors. A slot of the plan uses the one of its class.
#[derive(Default)]
pub(super) struct Buffers {
    pub(super) codes: Vec<Vec<u8>>,
    pub(super) sums: Vec<Vec<i32>>,
    pub(super) reals: Vec<Vec<f32>>,
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
        let mut units = Units::new(kernels);
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
        let (limits, buffers) = (Limits::default(), Buffers::default());
        Ok(Self { graph, steps, units, vectors, limits, plan: None, has_run: false, buffers })
    }

    /// What a run may take at most.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Sets the limits of later runs. The outputs of the last run are lost; memory that earlier
    /// runs took is kept.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.plan = None;
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
        let shapes = shape::infer(&self.graph, sizes, self.limits)?;
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
        self.has_run = false;
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
        let Self { graph, steps, units, vectors, plan, buffers, .. } = self;
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
        self.has_run = true;
        let Some(outputs) = self.outputs() else { unreachable!("planned above") };
        Ok(outputs)
    }

    /// The outputs of the last run; `None` before the first, and after one that failed.
    #[must_use]
    pub fn outputs(&self) -> Option<Outputs<'_>> {
        let plan = self.plan.as_ref().filter(|_| self.has_run)?;
        Some(Outputs { runner: self, plan })
    }

    fn plan(&self, sizes: &[[usize; 2]]) -> Result<Plan, RunError> {
        let shapes = shape::infer(&self.graph, sizes, self.limits)?;
        Plan::new(&self.graph, sizes, shapes, self.limits)
    }

    /// The buffers beside those of tensors.
    fn needs(&self, plan: &Plan) -> Result<Needs, RunError> {
        let mut needs = Needs::default();
        for (node, prepared) in self.graph.nodes.iter().zip(&self.steps) {
            self.add_needs(&mut needs, node, prepared, plan);
            let bytes = self.units.bytes(&needs).and_then(|bytes| bytes.checked_add(plan.bytes()));
            let bytes = bytes.and_then(|bytes| self.limits.fit(bytes));
            let bytes = bytes.ok_or_else(|| self.limits.too_large(node))?;
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
