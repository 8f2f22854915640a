//! Running one node on the tensors that it reads.

use super::arithmetic::{self, Addition, Step, activate, real, real_of_count, real_of_sum};
use super::depthwise::{self, Weights};
use super::machine::{Batch, Job};
use super::plan::{Class, Plan};
use super::prepare::{Finish, Prepared, Units};
use super::runner::Buffers;
use super::shape::Shape;
use super::vectors::Vectors;
use super::{Activation, Codes, Graph, Kind, Node, Op, operations as ops};

/// A node with what it needs to run.
pub(super) struct Context<'a> {
    pub(super) graph: &'a Graph,
    pub(super) plan: &'a Plan,
    pub(super) node: &'a Node,
    pub(super) vectors: Vectors,
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
                        unit.run::<{ depthwise::NARROW }, i16, i16>(
                            self.vectors,
                            (weights, &job),
                            input,
                            fill,
                            visit,
                        );
                    }
                    Weights::Wide(weights) => {
                        unit.run::<{ depthwise::WIDE }, i16, i32>(
                            self.vectors,
                            (weights, &job),
                            input,
                            fill,
                            visit,
                        );
                    }
                    Weights::Real(_) => unreachable!("reals have no codes"),
                }
            }
            _ => unreachable!("convolutions are prepared as such"),
        }
    }

    /// Runs a node that makes codes.
    pub(super) fn codes(
        &self,
        prepared: &Prepared,
        units: &mut Units,
        buffers: &Buffers,
        out: &mut [u8],
    ) {
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
    pub(super) fn sums(
        &self,
        prepared: &Prepared,
        units: &mut Units,
        buffers: &Buffers,
        out: &mut [i32],
    ) {
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
    pub(super) fn reals(
        &self,
        prepared: &Prepared,
        units: &mut Units,
        buffers: &Buffers,
        out: &mut [f32],
    ) {
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
                let visit = |first, sums: &[f32]| {
                    visit(Batch { first, group: 0, sums, stride }, width);
                };
                unit.run::<{ depthwise::WIDE }, f32, f32>(
                    vectors,
                    (weights, &job),
                    input,
                    &[0.0],
                    visit,
                );
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
                if let (Op::Identity, &[zero_point]) = (op, &codes.zero_points[..]) {
                    let scale = codes.scale;
                    self.vectors.run(
                        #[inline(always)]
                        || {
                            let elements = out.iter_mut().zip(from);
                            elements.for_each(|(out, &code)| *out = real(code, zero_point, scale));
                        },
                    );
                    return;
                }
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
