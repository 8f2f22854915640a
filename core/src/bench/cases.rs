//! Products to be timed and checked: operands of a shape, and a prepared run of each kernel.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "operands are made in the ranges of their types"
)]

use std::ops::Range;

use serde::Serialize;

use super::{Case, Shape};
use crate::gemm::{
    self, Kernel, LeftPanel, PANELS, Packed, Task, Visitor, Windows, ZeroPoints, Zeroed, multiply_windows,
    oracle,
};
use crate::quant::{Code, Requantisation, rectify};

/// Pseudo-random operands in the ranges of a task.
#[derive(Debug, Clone)]
pub struct Operands {
    /// `[m][k]` codes.
    pub activations: Vec<u8>,
    /// `[n][k]` weights.
    pub weights: Vec<i8>,
}

impl Operands {
    /// Operands for `shape`; the first row and the first column are at their extremes.
    #[must_use]
    pub fn new(shape: Shape, task: Task) -> Self {
        let mut state = 0x9e37_79b9_u32;
        let mut below = |limit: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % limit
        };
        let (top, largest) = (u32::from(task.largest_activation()), task.largest_weight() as u32);
        let mut activations: Vec<u8> = (0..shape.m * shape.k).map(|_| below(top + 1) as u8).collect();
        let mut weights: Vec<i8> =
            (0..shape.n * shape.k).map(|_| (below(2 * largest + 1) as i32 - largest as i32) as i8).collect();
        activations.iter_mut().take(shape.k).for_each(|code| *code = top as u8);
        weights.iter_mut().take(shape.k).for_each(|weight| *weight = -(largest as i8));
        Self { activations, weights }
    }

    /// The activations as reals.
    #[must_use]
    pub fn real_activations(&self) -> Vec<f32> {
        self.activations.iter().map(|&code| f32::from(code) / 255.0).collect()
    }

    /// The weights as reals.
    #[must_use]
    pub fn real_weights(&self) -> Vec<f32> {
        self.weights.iter().map(|&weight| f32::from(weight) / 127.0).collect()
    }
}

/// The column of 4-bit codes with zero points on both sides.
const ZERO_POINTS: &str = "u4z";

/// The kernels that this machine would choose, a case for each column of the table; or all that it can run, the chosen ones first.
#[must_use]
pub fn gemm_cases(shape: Shape, all_kernels: bool) -> Vec<Case> {
    let mut cases: Vec<Case> =
        Task::ALL.map(|task| gemm::select(task, Prepare { shape, task, zeros: false })).into();
    let zeros = Prepare { shape, task: Task::U4, zeros: true };
    cases.push(gemm::select_for_zero_points(zeros));
    if all_kernels {
        for mut case in gemm::every(|task| Prepare { shape, task, zeros: false }) {
            if !cases.iter().any(|known| known.kernel == case.kernel && known.column == case.column) {
                case.reference = false;
                cases.push(case);
            }
        }
    }
    cases
}

/// A case of the kernel of this name, if this machine can run it: for those who count its instructions.
#[must_use]
pub fn case_of_kernel(name: &str, shape: Shape) -> Option<Case> {
    gemm::every(|task| Prepare { shape, task, zeros: false }).into_iter().find(|case| case.kernel == name)
}

struct Prepare {
    shape: Shape,
    task: Task,
    /// Zero points on both sides; only of 4-bit codes.
    zeros: bool,
}

/// Packs where that pays, multiplies and finishes all rows, the way a convolution does.
struct Run<K: Kernel> {
    kernel: K,
    shape: Shape,
    packed: Packed<K>,
    panel: LeftPanel<K>,
    activations: Vec<K::Activation>,
    starts: Vec<usize>,
    sums: Vec<K::Sum>,
}

impl<K: Kernel> Run<K> {
    fn new(kernel: K, shape: Shape, activations: Vec<K::Activation>, packed: Packed<K>) -> Self {
        let sums = vec![K::Sum::default(); PANELS * K::MR * packed.stride()];
        let (panel, starts) = (LeftPanel::new(shape.k), vec![0; PANELS * K::MR]);
        Self { kernel, shape, packed, panel, activations, starts, sums }
    }

    /// `finish` gets the rows of some panels, their activations, and their sums with the stride of these.
    fn run(&mut self, mut finish: impl FnMut(Range<usize>, &[K::Activation], &[K::Sum], usize)) {
        let Shape { m, k, .. } = self.shape;
        let stride = self.packed.stride();
        for first in (0..m).step_by(PANELS * K::MR) {
            let rows = first..m.min(first + PANELS * K::MR);
            for (row, start) in self.starts.iter_mut().enumerate() {
                *start = (first + row).min(rows.end - 1) * k;
            }
            let starts = &self.starts[..rows.len().next_multiple_of(K::MR)];
            let windows = Windows { map: &self.activations, starts, runs: 1, run: k, pitch: 0 };
            multiply_windows(self.kernel, &windows, &mut self.panel, &self.packed, &mut self.sums);
            let activations = &self.activations[rows.start * k..rows.end * k];
            self.kernel.vectorised(
                #[inline(always)]
                || finish(rows, activations, &self.sums, stride),
            );
        }
    }
}

impl Visitor for Prepare {
    type Result = Case;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> Case {
        let Self { shape, task, zeros } = self;
        let operands = Operands::new(shape, task);
        let (scale, largest) = if task == Task::U4 { (0.011, 15) } else { (0.0009, 255) };
        let mut how =
            Requantisation { bias: vec![7; shape.n], scales: vec![scale; shape.n], zero_point: 0, largest };
        let activations = K::Activation::all(&operands.activations);
        let mut codes = K::Activation::all(&vec![0; shape.m * shape.n]);
        if zeros {
            let weights: Vec<u8> = operands.weights.iter().map(|&weight| (weight + 7) as u8).collect();
            let zeroed =
                Zeroed::<K>::new(&weights, shape.n, shape.k, ZeroPoints { activations: 5, weights: 9 });
            how.bias.iter_mut().zip(zeroed.column_terms()).for_each(|(bias, term)| *bias += term);
            let bias = how.bias.clone();
            let mut run = Run::new(kernel, shape, activations, zeroed.packed().clone());
            let run = Box::new(move || {
                run.run(|rows, activations, sums, stride| {
                    let codes = codes[rows.start * shape.n..rows.end * shape.n].chunks_exact_mut(shape.n);
                    let activations = activations.chunks_exact(shape.k);
                    for ((activations, sums), codes) in activations.zip(sums.chunks_exact(stride)).zip(codes)
                    {
                        let term = zeroed.row_term(activations);
                        how.bias.iter_mut().zip(&bias).for_each(|(of_row, bias)| *of_row = bias + term);
                        how.apply(sums, stride, codes);
                    }
                });
                std::hint::black_box(&codes);
            });
            return Case { column: ZERO_POINTS, ..Case::of_kernel::<K>(task, run) };
        }
        let packed = Packed::new(&operands.weights, shape.n, shape.k);
        how.bias.iter_mut().zip(packed.offsets()).for_each(|(bias, offset)| *bias += offset);
        let mut run = Run::new(kernel, shape, activations, packed);
        let run = Box::new(move || {
            run.run(|rows, _, sums, stride| {
                how.apply(sums, stride, &mut codes[rows.start * shape.n..rows.end * shape.n]);
            });
            std::hint::black_box(&codes);
        });
        Case::of_kernel::<K>(task, run)
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Case {
        let Self { shape, task, .. } = self;
        let operands = Operands::new(shape, task);
        let packed = Packed::new(&operands.real_weights(), shape.n, shape.k);
        let mut run = Run::new(kernel, shape, operands.real_activations(), packed);
        let bias = vec![0.25; shape.n];
        let mut reals = vec![0.0; shape.m * shape.n];
        let run = Box::new(move || {
            run.run(|rows, _, sums, stride| {
                rectify(sums, stride, &bias, &mut reals[rows.start * shape.n..rows.end * shape.n]);
            });
            std::hint::black_box(&reals);
        });
        Case::of_kernel::<K>(task, run)
    }
}

/// The verdict on one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenKernel {
    /// Its name.
    pub kernel: &'static str,
    /// Its instruction set.
    pub isa: &'static str,
    /// The arithmetic.
    pub precision: &'static str,
    /// Products compared.
    pub products: usize,
    /// Whether every integer was that of the naive product; for f32, whether all stay within its rounding.
    pub exact: bool,
}

/// Compares every kernel that this machine can run with the naive product.
#[must_use]
pub fn verify() -> Vec<SeenKernel> {
    gemm::every(Verify)
}

/// Sizes around the edges of tiles and flushes.
const SHAPES: [(usize, usize, usize); 7] =
    [(1, 1, 1), (7, 17, 33), (25, 9, 291), (5, 33, 577), (24, 96, 1200), (13, 16, 128), (0, 4, 4)];

struct Verify(Task);

impl Visitor for Verify {
    type Result = SeenKernel;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> SeenKernel {
        let same = |&(m, n, k): &(usize, usize, usize)| {
            let operands = Operands::new(Shape { m, n, k }, self.0);
            let packed = Packed::<K>::new(&operands.weights, n, k);
            gemm::multiply(kernel, &K::Activation::all(&operands.activations), m, &packed)
                == oracle::multiply(&operands.activations, &operands.weights, m, n, k)
        };
        self.seen::<K>(SHAPES.iter().all(same))
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> SeenKernel {
        let near = |&(m, n, k): &(usize, usize, usize)| {
            let operands = Operands::new(Shape { m, n, k }, self.0);
            let (activations, weights) = (operands.real_activations(), operands.real_weights());
            let found = gemm::multiply(kernel, &activations, m, &Packed::<K>::new(&weights, n, k));
            let wanted = oracle::multiply_f32(&activations, &weights, m, n, k);
            let bound = k as f32 * k as f32 * f32::EPSILON;
            found.len() == wanted.len() && found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() <= bound)
        };
        self.seen::<K>(SHAPES.iter().all(near))
    }
}

impl Verify {
    fn seen<K: Kernel>(&self, exact: bool) -> SeenKernel {
        let precision = self.0.name();
        SeenKernel { kernel: K::NAME, isa: K::ISA, precision, products: SHAPES.len(), exact }
    }
}
