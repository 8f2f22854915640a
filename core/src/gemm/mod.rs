//! Matrix products in blocks: one driver, one kernel trait, one file per instruction set.
//!
//! A product has `rows` (pixels) x `columns` (filters) results, each a sum over `depth`. The left operand (activations) is packed in
//! panels of `MR` rows, the right one (weights) once in panels of `NR` columns. Both panels run over the depth in groups of `GROUP`
//! neighbours, because the instructions that multiply narrow integers add neighbours:
//!
//! ```text
//! left panel:  [depth / GROUP][MR][GROUP]      right panel: [depth / GROUP][NR][GROUP]
//! ```
//!
//! Kernels are named `{isa}_{activations}{weights}_{MR}x{NR}`.

mod choice;
mod dispatch;
mod driver;
pub mod oracle;
mod pack;
mod portable;
#[cfg(test)]
mod suite;
mod zeros;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avxvnni;
#[cfg(target_arch = "aarch64")]
mod dotprod;
#[cfg(target_arch = "aarch64")]
mod i8mm;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
mod neon_pair;
#[cfg(target_arch = "aarch64")]
mod neon_paper;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
// The binary with relaxed SIMD is loaded faster without what its own kernels beat.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
mod simd128_mla;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128_pack;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128_pair;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128_tile;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
mod simd128_two;
#[cfg(target_arch = "x86_64")]
mod sse2_pack;
#[cfg(target_arch = "x86_64")]
mod sse41;
#[cfg(target_arch = "x86_64")]
mod x86_tile;

use std::ops::{AddAssign, Mul};

use crate::quant::Wide;

pub use choice::{Choice, choose, choose_among};
pub use dispatch::{Task, Visitor, every, select, select_for_zero_points};
pub use driver::{PANELS, Windows, multiply, multiply_panel, multiply_windows, window_length};
pub use pack::{LeftPanel, Packed, RightPanel};
pub use zeros::{ZeroPoints, Zeroed};

/// A number that products are made of.
pub trait Number: Copy + Default + Send + Sync + PartialEq + std::fmt::Debug + 'static {}
impl Number for u8 {}
impl Number for i8 {}
impl Number for i16 {}
impl Number for i32 {}
impl Number for f32 {}
impl<const CENTRE: i16> Number for Wide<CENTRE> {}

/// The inner loop of one instruction set, and the layout it reads.
///
/// A value of a kernel can only be had where its instructions exist ([`Kernel::detect`]), so holding one is the proof.
pub trait Kernel: Copy + Send + Sync + 'static {
    /// Activations as maps hold them: codes ([`crate::quant::Code`]) or `f32`.
    type Activation: Number;
    /// Weights before packing: `i8` or `f32`.
    type Weight: Number + Into<Self::Sum>;
    /// Elements of a left panel.
    type Left: Number;
    /// Elements of a right panel.
    type Right: Number;
    /// Results.
    type Sum: Number + AddAssign + Mul<Output = Self::Sum> + From<i16>;

    /// Name, after the rule of the module.
    const NAME: &'static str;
    /// Instruction set, for people.
    const ISA: &'static str;
    /// Rows of a tile.
    const MR: usize;
    /// Columns of a tile.
    const NR: usize;
    /// Columns of the narrowest tile: the last panel of weights is cut to a multiple of them.
    const STEP: usize = Self::NR;
    /// Neighbours along the depth that lie together.
    const GROUP: usize;
    /// Columns that share one element of a right panel.
    const LANE_COLUMNS: usize = 1;
    /// Largest depth whose sums cannot overflow the kernel's accumulators whatever the weights; a multiple of `GROUP`, at most 2^20 so that a panel's length
    /// fits 32 bits. Deeper products are cut and added, unless [`Kernel::fits`].
    const MAX_DEPTH: usize;
    /// The least 4-bit weight that is exact: networks have -7, codes with a zero point less 8 have -8.
    const LEAST_WEIGHT: i8 = -8;
    /// Up to so many columns, tiles read activations from the map by themselves ([`Kernel::tile_of_windows`]): packing pays only where many tiles share it.
    const MOST_DIRECT_COLUMNS: usize = 0;
    /// Whether tiles need the sum of each row's activations, because weights are stored with an offset.
    const ROW_SUMS: bool = false;
    /// What activations are stored less: so many times the sum of a column's weights belongs to its sums ([`Packed::offsets`]).
    const CENTRE: i16 = 0;

    /// The kernel, where the machine has its instructions.
    fn detect() -> Option<Self>;

    /// Whether sums with the weights of this column fit the accumulators at any depth: the bound of trained weights is far below that of any weights.
    fn fits(_column: &[Self::Weight]) -> bool {
        false
    }

    /// Depths, from any of a column's on, that fit accumulators which tiles empty by themselves ([`Panels::run`]).
    fn run(_column: &[Self::Weight]) -> usize {
        usize::MAX
    }

    /// Does `work` compiled for the kernel's instruction set: for plain loops that compilers turn into vectors.
    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    /// An activation as an element of a left panel.
    fn left(activation: Self::Activation) -> Self::Left;

    /// The weights of `LANE_COLUMNS` columns at one depth as an element of a right panel.
    fn right(weights: &[Self::Weight]) -> Self::Right;

    /// An activation as a term of a row sum; only asked for where `ROW_SUMS`.
    fn row_term(_activation: Self::Activation) -> i32 {
        0
    }

    /// One tile of `columns` columns, a multiple of `STEP` up to `NR`: `out[r * stride + c] = sum over the panels` (not added to what is there). `sums` has
    /// `MR` row sums where `ROW_SUMS`.
    ///
    /// Panels hold whole groups, no deeper than [`Packed`] cuts them.
    fn tile(self, panels: Panels<'_, Self>, columns: usize, out: &mut [Self::Sum], stride: usize);

    /// The same with activations read where they lie. Only asked for where `MOST_DIRECT_COLUMNS` allows it, with runs of whole groups that lie in the map.
    fn tile_of_windows(
        self,
        _windows: &Windows<'_, Self::Activation>,
        _right: RightPanel<'_, Self>,
        _out: &mut [Self::Sum],
        _stride: usize,
    ) {
        unreachable!("a kernel that reads maps says how")
    }

    /// Packs `MR` rows of one length into `panel`, which begins with their first group; `false` where there is no fast way. Only asked for with whole
    /// groups and without `ROW_SUMS`.
    #[inline]
    fn pack<'a>(_rows: impl Fn(usize) -> &'a [Self::Activation], _panel: &mut [Self::Left]) -> bool {
        false
    }
}

/// What a tile multiplies.
#[derive(Debug, Clone, Copy)]
pub struct Panels<'a, K: Kernel> {
    /// `[depth / GROUP][MR][GROUP]` activations.
    pub left: &'a [K::Left],
    /// `[depth / GROUP][columns / LANE_COLUMNS][GROUP]` weights.
    pub right: &'a [K::Right],
    /// Sums of the rows' activations, where `ROW_SUMS`.
    pub sums: &'a [i32],
    /// Depths after which the tile empties its accumulators, if it does: the least [`Kernel::run`] of its columns.
    pub run: usize,
}

/// Whether 16 bits hold sums of pairs of products with the weights of this column: a lane gains at most 15 |w| a depth.
#[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
fn pairs_fit(column: &[i8]) -> bool {
    column.iter().map(|&weight| 15 * i32::from(weight).abs()).sum::<i32>() <= i32::from(i16::MAX)
}

/// Puts a whole tile, `[MR][NR]`, where its rows are wanted.
fn place<K: Kernel>(tile: &[K::Sum], out: &mut [K::Sum], stride: usize) {
    for (target, results) in out.chunks_mut(stride).zip(tile.chunks_exact(K::NR)) {
        target[..K::NR].copy_from_slice(results);
    }
}
