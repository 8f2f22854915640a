//! Products to be timed and checked: operands of a shape, and a prepared run of each kernel.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "operands are made in the ranges of their types"
)]

use serde::Serialize;

use super::{Case, Shape};
use crate::Precision;
use crate::gemm::{self, Kernel, LeftPanel, Packed, Visitor, Windows, multiply_windows, oracle};
use crate::quant::{rectify, requantise};

/// Pseudo-random operands in the ranges of a precision.
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
    pub fn new(shape: Shape, precision: Precision) -> Self {
        let mut state = 0x9e37_79b9_u32;
        let mut below = |limit: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % limit
        };
        let (top, largest) = match precision {
            Precision::U4 => (15, 7),
            Precision::U8 | Precision::F32 => (255, 127),
        };
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

/// One kernel, ready to multiply operands of one shape.
pub struct GemmCase {
    precision: Precision,
    kernel: &'static str,
    isa: &'static str,
    reference: bool,
    run: Box<dyn FnMut()>,
}

impl GemmCase {
    pub(super) fn into_case(self) -> Case {
        let Self { precision, kernel, isa, reference, run } = self;
        Case { precision, kernel: kernel.to_owned(), isa: isa.to_owned(), reference, run }
    }
}

/// The kernels that this machine would choose, or all that it can run, the chosen ones first.
#[must_use]
pub fn gemm_cases(shape: Shape, all_kernels: bool) -> Vec<GemmCase> {
    let chosen = Precision::ALL.map(|precision| gemm::select(precision, Prepare { shape, precision }));
    let mut cases = Vec::from(chosen);
    if all_kernels {
        for mut case in gemm::every(|_, _, precision| Prepare { shape, precision }) {
            if !cases.iter().any(|known| known.kernel == case.kernel && known.precision == case.precision) {
                case.reference = false;
                cases.push(case);
            }
        }
    }
    cases
}

struct Prepare {
    shape: Shape,
    precision: Precision,
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
    fn new(kernel: K, shape: Shape, activations: Vec<K::Activation>, weights: &[K::Weight]) -> Self {
        let packed = Packed::new(weights, shape.n, shape.k);
        let sums = vec![K::Sum::default(); K::MR * packed.stride()];
        let (panel, starts) = (LeftPanel::new(shape.k), vec![0; K::MR]);
        Self { kernel, shape, packed, panel, activations, starts, sums }
    }

    fn run(&mut self, mut finish: impl FnMut(usize, &[K::Sum])) {
        let Shape { m, n, k } = self.shape;
        let stride = self.packed.stride();
        for first in (0..m).step_by(K::MR) {
            let count = K::MR.min(m - first);
            for (row, start) in self.starts.iter_mut().enumerate() {
                *start = (first + row.min(count - 1)) * k;
            }
            let windows = Windows { map: &self.activations, starts: &self.starts, runs: 1, run: k, pitch: 0 };
            multiply_windows(self.kernel, &windows, &mut self.panel, &self.packed, &mut self.sums);
            self.kernel.vectorised(
                #[inline(always)]
                || {
                    for row in 0..count {
                        finish(first + row, &self.sums[row * stride..][..n]);
                    }
                },
            );
        }
    }
}

impl Visitor for Prepare {
    type Result = GemmCase;

    fn integer<K: Kernel<Activation = u8, Weight = i8, Sum = i32>>(self, kernel: K) -> GemmCase {
        let Self { shape, precision } = self;
        let operands = Operands::new(shape, precision);
        let mut run = Run::new(kernel, shape, operands.activations, &operands.weights);
        let (scale, largest) = if precision == Precision::U4 { (0.011, 15) } else { (0.0009, 255) };
        let (scales, mut bias) = (vec![scale; shape.n], vec![7; shape.n]);
        bias.iter_mut().zip(run.packed.offsets()).for_each(|(bias, offset)| *bias += offset);
        let mut codes = vec![0; shape.m * shape.n];
        let run = Box::new(move || {
            run.run(|row, sums| {
                let codes = &mut codes[row * shape.n..][..shape.n];
                requantise(sums, &bias, &scales, largest, codes);
            });
            std::hint::black_box(&codes);
        });
        GemmCase { precision, kernel: K::NAME, isa: K::ISA, reference: true, run }
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> GemmCase {
        let Self { shape, precision } = self;
        let operands = Operands::new(shape, precision);
        let mut run = Run::new(kernel, shape, operands.real_activations(), &operands.real_weights());
        let bias = vec![0.25; shape.n];
        let mut reals = vec![0.0; shape.m * shape.n];
        let run = Box::new(move || {
            run.run(|row, sums| {
                let reals = &mut reals[row * shape.n..][..shape.n];
                rectify(sums, &bias, reals);
            });
            std::hint::black_box(&reals);
        });
        GemmCase { precision, kernel: K::NAME, isa: K::ISA, reference: true, run }
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
    gemm::every(|_, _, precision| Verify { precision })
}

/// Sizes around the edges of tiles and flushes.
const SHAPES: [(usize, usize, usize); 7] =
    [(1, 1, 1), (7, 17, 33), (25, 9, 291), (5, 33, 577), (24, 96, 1200), (13, 16, 128), (0, 4, 4)];

struct Verify {
    precision: Precision,
}

impl Visitor for Verify {
    type Result = SeenKernel;

    fn integer<K: Kernel<Activation = u8, Weight = i8, Sum = i32>>(self, kernel: K) -> SeenKernel {
        let same = |&(m, n, k): &(usize, usize, usize)| {
            let operands = Operands::new(Shape { m, n, k }, self.precision);
            let packed = Packed::<K>::new(&operands.weights, n, k);
            gemm::multiply(kernel, &operands.activations, m, &packed)
                == oracle::multiply(&operands.activations, &operands.weights, m, n, k)
        };
        self.seen::<K>(SHAPES.iter().all(same))
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> SeenKernel {
        let near = |&(m, n, k): &(usize, usize, usize)| {
            let operands = Operands::new(Shape { m, n, k }, self.precision);
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
        let precision = self.precision.name();
        SeenKernel { kernel: K::NAME, isa: K::ISA, precision, products: SHAPES.len(), exact }
    }
}
