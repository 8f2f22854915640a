//! Products prepared for benches, and checks of every kernel. No public function is generic, so all
//! kernels are compiled in this crate alone.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "operands are made in the ranges of their types"
)]

use std::ops::Range;

use serde::Serialize;

use super::winograd_check::pairs_equal;
use super::{
    Kernel, Kernels, LeftPanel, OperandRange, PANELS, Packed, Visitor, Windows, ZeroPoints, Zeroed,
    multiply, multiply_windows, oracle,
};
use crate::quant::{Code, Requantisation, Wide, rectify, requantise_one};

/// Size of a product: `m` pixels, `n` filters, depth `k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Rows.
    pub m: usize,
    /// Columns.
    pub n: usize,
    /// Depth.
    pub k: usize,
}

impl Shape {
    /// Multiply-adds.
    #[must_use]
    pub fn macs(self) -> f64 {
        self.m as f64 * self.n as f64 * self.k as f64
    }
}

/// Pseudo-random operands within a range.
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
    pub fn new(shape: Shape, range: OperandRange) -> Self {
        let mut state = 0x9e37_79b9_u32;
        let mut below = |limit: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % limit
        };
        let (top, largest) = (u32::from(range.max_activation()), range.max_weight() as u32);
        let mut activations: Vec<u8> =
            (0..shape.m * shape.k).map(|_| below(top + 1) as u8).collect();
        let mut weights: Vec<i8> = (0..shape.n * shape.k)
            .map(|_| (below(2 * largest + 1) as i32 - largest as i32) as i8)
            .collect();
        activations.iter_mut().take(shape.k).for_each(|code| *code = top as u8);
        weights.iter_mut().take(shape.k).for_each(|weight| *weight = -(largest as i8));
        Self { activations, weights }
    }

    /// The activations as real numbers from 0 to 1.
    #[must_use]
    pub fn real_activations(&self) -> Vec<f32> {
        self.activations.iter().map(|&code| f32::from(code) / 255.0).collect()
    }

    /// The weights as real numbers from -1 to 1.
    #[must_use]
    pub fn real_weights(&self) -> Vec<f32> {
        self.weights.iter().map(|&weight| f32::from(weight) / 127.0).collect()
    }
}

/// The table's column for 4-bit codes with zero points on both sides.
const ZERO_POINTS: &str = "u4z";

/// A product by one kernel, ready to run: packing where the kernel needs it, the product itself,
/// and requantisation.
pub struct Product {
    /// The table's column: the name of a range of operands, or `u4z` for zero points on both sides.
    pub column: &'static str,
    /// Name of the kernel.
    pub kernel: &'static str,
    /// Its instruction set, for people.
    pub isa: &'static str,
    /// Computes the product once.
    pub run: Box<dyn FnMut()>,
}

impl Product {
    fn of<K: Kernel>(column: &'static str, run: Box<dyn FnMut()>) -> Self {
        Self { column, kernel: K::NAME, isa: K::ISA, run }
    }
}

impl std::fmt::Debug for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Product")
            .field("column", &self.column)
            .field("kernel", &self.kernel)
            .finish_non_exhaustive()
    }
}

/// A product of this shape for every range of operands, and one with zero points on both sides,
/// each by the kernel that `kernels` holds for it.
#[must_use]
pub fn chosen(kernels: &Kernels, shape: Shape) -> Vec<Product> {
    let of_range = |range| kernels.visit(range, Prepare { shape, range, zeros: false });
    let mut products: Vec<Product> = OperandRange::ALL.into_iter().map(of_range).collect();
    let zeros = Prepare { shape, range: OperandRange::U4, zeros: true };
    products.push(kernels.visit_where(OperandRange::U4, zeros, |kernel| kernel.min_weight <= -8));
    products
}

/// A product of this shape by every kernel that this machine can run.
#[must_use]
pub fn every(shape: Shape) -> Vec<Product> {
    super::every(|range| Prepare { shape, range, zeros: false })
}

/// A product of this shape by the kernel of this name; `None` if this machine cannot run it.
#[must_use]
pub fn of_kernel(name: &str, shape: Shape) -> Option<Product> {
    every(shape).into_iter().find(|product| product.kernel == name)
}

struct Prepare {
    shape: Shape,
    range: OperandRange,
    /// Zero points on both sides; 4-bit codes only.
    zeros: bool,
}

/// A product that runs as a convolution does: some panels are packed, multiplied and finished at a
/// time.
struct Prepared<K: Kernel> {
    kernel: K,
    shape: Shape,
    packed: Packed<K>,
    panel: LeftPanel<K>,
    activations: Vec<K::Activation>,
    starts: Vec<usize>,
    sums: Vec<K::Sum>,
}

impl<K: Kernel> Prepared<K> {
    fn new(kernel: K, shape: Shape, activations: Vec<K::Activation>, packed: Packed<K>) -> Self {
        let sums = vec![K::Sum::default(); PANELS * K::MR * packed.stride()];
        let (panel, starts) = (LeftPanel::new(shape.k), vec![0; PANELS * K::MR]);
        Self { kernel, shape, packed, panel, activations, starts, sums }
    }

    /// Calls `finish` for each batch of panels: its rows, their activations, their sums and stride.
    fn run(&mut self, mut finish: impl FnMut(Range<usize>, &[K::Activation], &[K::Sum], usize)) {
        let Shape { m, k, .. } = self.shape;
        let stride = self.packed.stride();
        for first in (0..m).step_by(PANELS * K::MR) {
            let rows = first..m.min(first + PANELS * K::MR);
            for (row, start) in self.starts.iter_mut().enumerate() {
                *start = (first + row).min(rows.end - 1) * k;
            }
            let starts = &self.starts[..rows.len().next_multiple_of(K::MR)];
            let windows = Windows::new(&self.activations, starts, [1, k, 0])
                .unwrap_or_else(|| unreachable!("rows lie inside their matrix"));
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
    type Result = Product;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> Product {
        let Self { shape, range, zeros } = self;
        let operands = Operands::new(shape, range);
        let (scale, largest) = if range == OperandRange::U4 { (0.011, 15) } else { (0.0009, 255) };
        let mut how = Requantisation {
            bias: vec![7; shape.n],
            scales: vec![scale; shape.n],
            zero_point: 0,
            largest,
        };
        let activations = K::Activation::all(&operands.activations);
        let mut codes = K::Activation::all(&vec![0; shape.m * shape.n]);
        if zeros {
            let weights: Vec<u8> =
                operands.weights.iter().map(|&weight| (weight + 7) as u8).collect();
            let zeroed = Zeroed::<K>::new(
                &weights,
                shape.n,
                shape.k,
                ZeroPoints { activations: 5, weights: 9 },
            );
            how.bias.iter_mut().zip(zeroed.column_terms()).for_each(|(bias, term)| *bias += term);
            let bias = how.bias.clone();
            let mut product = Prepared::new(kernel, shape, activations, zeroed.packed().clone());
            let run = Box::new(move || {
                product.run(|rows, activations, sums, stride| {
                    let codes =
                        codes[rows.start * shape.n..rows.end * shape.n].chunks_exact_mut(shape.n);
                    let activations = activations.chunks_exact(shape.k);
                    for ((activations, sums), codes) in
                        activations.zip(sums.chunks_exact(stride)).zip(codes)
                    {
                        let term = zeroed.row_term(activations);
                        how.bias
                            .iter_mut()
                            .zip(&bias)
                            .for_each(|(of_row, bias)| *of_row = bias + term);
                        how.apply(sums, stride, codes);
                    }
                });
                std::hint::black_box(&codes);
            });
            return Product::of::<K>(ZERO_POINTS, run);
        }
        let packed = Packed::new(&operands.weights, shape.n, shape.k);
        how.bias.iter_mut().zip(packed.offsets()).for_each(|(bias, offset)| *bias += offset);
        let mut product = Prepared::new(kernel, shape, activations, packed);
        let run = Box::new(move || {
            product.run(|rows, _, sums, stride| {
                how.apply(sums, stride, &mut codes[rows.start * shape.n..rows.end * shape.n]);
            });
            std::hint::black_box(&codes);
        });
        Product::of::<K>(range.name(), run)
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Product {
        let Self { shape, range, .. } = self;
        let operands = Operands::new(shape, range);
        let packed = Packed::new(&operands.real_weights(), shape.n, shape.k);
        let mut product = Prepared::new(kernel, shape, operands.real_activations(), packed);
        let bias = vec![0.25; shape.n];
        let mut reals = vec![0.0; shape.m * shape.n];
        let run = Box::new(move || {
            product.run(|rows, _, sums, stride| {
                rectify(sums, stride, &bias, &mut reals[rows.start * shape.n..rows.end * shape.n]);
            });
            std::hint::black_box(&reals);
        });
        Product::of::<K>(range.name(), run)
    }
}

/// The result of checking one kernel.
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
    /// Whether every result equals that of the naive product; for f32, whether the difference is
    /// within the bound of rounding.
    pub exact: bool,
}

/// Compares every kernel that this machine can run with the naive product.
#[must_use]
pub fn verify() -> Vec<SeenKernel> {
    super::every(Verify)
}

/// Whether requantisation by this machine's vectors equals its definition bit for bit: whole
/// vectors and their remainder, at every magnitude that sums and scales can have.
#[must_use]
pub fn requantisation_is_exact() -> bool {
    const CHANNELS: usize = 29;
    let sum = |at: i32| (at * 40_503 - 1_619_783).wrapping_mul(1 << (at % 31));
    let sums: Vec<i32> = (0..CHANNELS as i32 * 40).map(sum).collect();
    (97..=157).all(|exponent: u32| {
        // 1.37 * 2^-30 to 1.37 * 2^30.
        let scale = f32::from_bits(1.37f32.to_bits() & 0x007f_ffff | exponent << 23);
        [15, 255].into_iter().all(|largest| {
            let (bias, scales) = (vec![3; CHANNELS], vec![scale; CHANNELS]);
            let how = Requantisation { bias, scales, zero_point: 0, largest };
            let mut codes = vec![0u8; sums.len()];
            let mut wide = vec![Wide::<8>::of(0); sums.len()];
            how.apply(&sums, CHANNELS, &mut codes);
            how.apply(&sums, CHANNELS, &mut wide);
            sums.iter().zip(codes.into_iter().zip(wide)).all(|(sum, (code, wide))| {
                let one = requantise_one(sum.wrapping_add(3), scale, 0, largest);
                [code, wide.code()] == [one; 2]
            })
        })
    })
}

/// Rows, columns and depths around the edges of tiles and cuts.
const SHAPES: [(usize, usize, usize); 7] =
    [(1, 1, 1), (7, 17, 33), (25, 9, 291), (5, 33, 577), (24, 96, 1200), (13, 16, 128), (0, 4, 4)];

/// Windows, columns and groups of pairs of outputs, for kernels that compute them.
const PAIRS: [[usize; 3]; 3] = [[1, 1, 1], [9, 37, 3], [26, 16, 9]];

struct Verify(OperandRange);

impl Visitor for Verify {
    type Result = SeenKernel;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> SeenKernel {
        let same = |&(m, n, k): &(usize, usize, usize)| {
            let operands = Operands::new(Shape { m, n, k }, self.0);
            let packed = Packed::<K>::new(&operands.weights, n, k);
            multiply(kernel, &K::Activation::all(&operands.activations), m, &packed)
                == oracle::multiply(&operands.activations, &operands.weights, m, n, k)
        };
        let pairs = |&[windows, columns, groups]: &[usize; 3]| {
            let depth = groups * K::GROUP;
            let shape = Shape { m: windows * 4, n: columns * 3, k: depth };
            let Operands { activations, weights } = Operands::new(shape, self.0);
            pairs_equal(kernel, [windows, columns, depth], &activations, &weights) != Some(false)
        };
        let pairs_are_exact = self.0 != OperandRange::U4 || PAIRS.iter().all(pairs);
        self.seen::<K>(SHAPES.iter().all(same) && pairs_are_exact)
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> SeenKernel {
        let near = |&(m, n, k): &(usize, usize, usize)| {
            let operands = Operands::new(Shape { m, n, k }, self.0);
            let (activations, weights) = (operands.real_activations(), operands.real_weights());
            let found = multiply(kernel, &activations, m, &Packed::<K>::new(&weights, n, k));
            let wanted = oracle::multiply_f32(&activations, &weights, m, n, k);
            let bound = k as f32 * k as f32 * f32::EPSILON;
            found.len() == wanted.len()
                && found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() <= bound)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_sound() {
        let seen = verify();
        assert!(seen.len() >= 4 && seen.iter().all(|kernel| kernel.exact), "{seen:?}");
        assert!(requantisation_is_exact());
    }

    #[test]
    fn products_run_on_every_kernel() {
        let shape = Shape { m: 7, n: 5, k: 9 };
        let products = chosen(&Kernels::detect(), shape).into_iter().chain(every(shape));
        for mut product in products {
            (product.run)();
            assert!(of_kernel(product.kernel, shape).is_some());
        }
        assert!(of_kernel("none", shape).is_none());
    }
}
