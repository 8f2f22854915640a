//! Matrix products in blocks: one driver, one kernel trait, one folder per architecture.
//!
//! # Glossary
//! | word | meaning |
//! |---|---|
//! | *row* | one output pixel: the activations of its window, `depth` of them |
//! | *column* | one output channel: the weights of its filter, `depth` of them |
//! | *depth* | number of products summed for one result |
//! | *tile* | the `MR` x `NR` results that a kernel keeps in registers |
//! | *panel* | a tile's packed operand: `MR` rows of activations, or `NR` columns of weights |
//! | *group* | `GROUP` neighbours along the depth, stored together because instructions add them |
//! | *step* | what one pass of a kernel's innermost loop multiplies |
//! | *code* | an activation of an integer network, an unsigned number of 4 or 8 bits |
//! | *window* | the part of a feature map under a filter, as long as the depth |
//! | *stretch* | contiguous activations of a window: those under one row of the filter |
//! | *pitch* | the distance between the beginnings of neighbouring stretches in the map |
//! | *stride* | the distance between the beginnings of neighbouring rows of results |
//! | *flush* | adding accumulators to wider ones, and clearing them, before they overflow |
//! | *cut* | a part of the depth that accumulators hold; deeper products are cut into several |
//! | *centre* | the constant subtracted from activations when they are stored |
//! | *offset* | the constant that a column's sums lack because activations are centred |
//! | *point* | one of the four products of transformed operands ([`winograd`]) |
//!
//! # Layout
//! Both operands run over the depth in groups:
//!
//! ```text
//! left panel:  [depth / GROUP][MR][GROUP]      right panel: [depth / GROUP][columns][GROUP]
//! ```
//!
//! Left panels hold activations and are packed for each product, unless tiles read the map itself.
//! Right panels hold weights and are packed once ([`Packed`]); the last one may be narrower.
//!
//! # Names
//! Kernels are named `{isa}_{activations}{weights}_{MR}x{NR}`, followed by `_{form}` where one
//! instruction set has several kernels for the same operands.

mod choice;
#[cfg(feature = "bench")]
pub(crate) mod compare;
mod dispatch;
mod driver;
pub(crate) mod oracle;
mod pack;
pub(crate) mod pairs;
mod portable;
#[cfg(feature = "bench")]
pub(crate) mod products;
mod race;
#[cfg(test)]
mod suite;
mod windows;
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "relaxed-simd")
    )),
    allow(dead_code, reason = "no kernel of these machines has a tile at points")
)]
pub(crate) mod winograd;
mod winograd_check;
#[cfg(any(test, feature = "bench"))]
mod zeros;

use std::ops::{AddAssign, Mul};

pub(crate) use crate::bounds::tile_fits;
use crate::quant::Wide;

pub use choice::{Choice, Kernels};
pub use dispatch::OperandRange;
pub(crate) use dispatch::Visitor;
#[cfg(any(test, feature = "bench"))]
pub(crate) use dispatch::every;
pub(crate) use driver::{PANELS, multiply, multiply_windows, window_length};
pub(crate) use pack::{LeftPanel, Packed, RightPanel};
pub(crate) use windows::Windows;
use winograd::{Lanes, PointPanel, PointRows, Strides};
#[cfg(any(test, feature = "bench"))]
pub(crate) use zeros::{ZeroPoints, Zeroed};

/// An element of an operand, or a result.
pub(crate) trait Number:
    Copy + Default + Send + Sync + PartialEq + std::fmt::Debug + 'static
{
}
impl Number for u8 {}
impl Number for i8 {}
impl Number for i16 {}
impl Number for i32 {}
impl Number for f32 {}
impl<const CENTRE: i16> Number for Wide<CENTRE> {}

/// The inner loop of one instruction set, and the layout it reads.
///
/// # Safety
/// Implementations promise, and their callers rely on it:
///
/// - [`Kernel::detect`] returns a value only on a CPU that has every instruction of the kernel.
/// - [`Kernel::tile`] and [`Kernel::tile_of_windows`] read only the operands they are given, and
///   write only `out[r * stride + c]` with `r < MR` and `c < columns`; [`Kernel::tile_at_points`]
///   likewise, in the rows of its [`Strides`].
/// - No sum wraps around: with operands in the range of the kernel's [`OperandRange`], a depth of
///   at most `MAX_DEPTH`, or any depth where [`Kernel::fits`], the accumulators hold every sum.
pub(crate) unsafe trait Kernel: Copy + Send + Sync + 'static {
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
    /// Columns of the narrowest tile; the last panel of weights is cut to a multiple of this.
    const STEP: usize = Self::NR;
    /// Neighbours along the depth that lie together in a panel.
    const GROUP: usize;
    /// Columns that share one element of a right panel.
    const LANE_COLUMNS: usize = 1;
    /// Largest depth whose sums cannot overflow the accumulators, whatever the weights. A multiple
    /// of `GROUP`, at most 2^20 so that the length of a panel fits 32 bits. Deeper products are
    /// cut into parts and added in 32 bits, unless [`Kernel::fits`].
    const MAX_DEPTH: usize;
    /// The smallest 4-bit weight that is exact. Networks have -7 at least; codes with a zero point,
    /// stored as `w - 8`, have -8.
    #[cfg_attr(not(any(test, feature = "bench")), allow(dead_code, reason = "for zero points"))]
    const MIN_WEIGHT: i8 = -8;
    /// Up to this many columns, tiles read activations straight from the map
    /// ([`Kernel::tile_of_windows`]). Beyond it, enough tiles share a panel for packing to pay.
    const MAX_DIRECT_COLUMNS: usize = 0;
    /// Whether tiles need the sum of each row's activations, because weights are stored with an
    /// offset.
    const ROW_SUMS: bool = false;
    /// Constant subtracted from stored activations: the sums of a column then lack `CENTRE` times
    /// the sum of its weights ([`Packed::offsets`]).
    const CENTRE: i16 = 0;

    /// How accumulators hold sums, for kernels that can multiply at points ([`winograd`]): they
    /// must take activations up to 30 and weights within -21..=21.
    const POINTS: Option<Lanes> = None;

    /// The kernel, where the machine has its instructions.
    #[allow(dead_code, reason = "machines without kernels of their own detect none")]
    fn detect() -> Option<Self>;

    /// Whether sums with the weights of this column fit the accumulators at any depth. Trained
    /// weights are far below the bound for all possible ones.
    fn fits(_column: &[Self::Weight]) -> bool {
        false
    }

    /// Depth after which a tile must flush its accumulators with the weights of this column,
    /// wherever in the column it starts. Used by kernels that flush ([`Panels::flush_depth`]).
    fn flush_depth(_column: &[Self::Weight]) -> usize {
        usize::MAX
    }

    /// Runs `work` compiled for the kernel's instruction set: for plain loops that the compiler
    /// vectorises.
    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    /// An activation as an element of a left panel.
    fn left(activation: Self::Activation) -> Self::Left;

    /// The weights of `LANE_COLUMNS` columns at one depth as an element of a right panel.
    fn right(weights: &[Self::Weight]) -> Self::Right;

    /// An activation as a term of a row sum. Called only where `ROW_SUMS`.
    fn row_term(_activation: Self::Activation) -> i32 {
        0
    }

    /// Computes one tile: `out[r * stride + c] = sum over the panels`, for `r < MR` and
    /// `c < columns`. What `out` held before is overwritten.
    ///
    /// # Safety
    /// - `columns` is a multiple of `STEP`, from `STEP` to `NR`.
    /// - `panels.left` holds `n * MR * GROUP` elements and `panels.right` holds
    ///   `n * columns / LANE_COLUMNS * GROUP`, for one number of groups `n`.
    /// - `panels.sums` holds `MR` row sums where `ROW_SUMS`.
    /// - `out` has room: [`tile_fits`] holds for `MR`, `columns`, `stride` and `out.len()`.
    unsafe fn tile(
        self,
        panels: Panels<'_, Self>,
        columns: usize,
        out: &mut [Self::Sum],
        stride: usize,
    );

    /// The same tile with activations read where they lie. Called only where
    /// `MAX_DIRECT_COLUMNS` allows it.
    ///
    /// # Safety
    /// - `windows` has exactly `MR` windows; that they lie inside their map is proved by the type.
    /// - Their stretches are whole groups, and `right` holds no more groups than a window does.
    /// - `right.columns` is a multiple of `STEP`, from `STEP` to `NR`.
    /// - `out` has room, as for [`Kernel::tile`].
    unsafe fn tile_of_windows(
        self,
        _windows: &Windows<'_, Self::Activation>,
        _right: RightPanel<'_, Self>,
        _out: &mut [Self::Sum],
        _stride: usize,
    ) {
        unreachable!("MAX_DIRECT_COLUMNS is 0: this kernel reads packed panels only")
    }

    /// A tile of products at points ([`winograd`]): sums of `MR / 2` windows, two outputs each.
    /// Called only where `POINTS` says how.
    ///
    /// # Safety
    /// - `rows` has `MR` windows a phase, packed too where `MAX_DIRECT_COLUMNS` is 0; `right` has a
    ///   group for each point of a phase where they have a group.
    /// - `right.columns` is a multiple of `STEP`, from `STEP` to `NR`.
    /// - `out` has room: [`Strides::fit`] holds for `MR / 2`, `right.columns` and `out.len()`.
    unsafe fn tile_at_points(
        self,
        _rows: &PointRows<'_, Self>,
        _right: PointPanel<'_, Self>,
        _out: &mut [Self::Sum],
        _strides: Strides,
    ) {
        unreachable!("POINTS is `None`: this kernel has no such tile")
    }

    /// Packs `MR` rows of equal length, whole groups, into `panel` from its first element on.
    /// Returns `false` if it has packed nothing, because the kernel has no fast way for this
    /// length. Not called where `ROW_SUMS`.
    #[inline]
    fn pack<'a>(
        _rows: impl Fn(usize) -> &'a [Self::Activation],
        _panel: &mut [Self::Left],
    ) -> bool {
        false
    }
}

/// The operands of a tile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels<'a, K: Kernel> {
    /// `[depth / GROUP][MR][GROUP]` activations.
    pub(crate) left: &'a [K::Left],
    /// `[depth / GROUP][columns / LANE_COLUMNS][GROUP]` weights.
    pub(crate) right: &'a [K::Right],
    /// Sum of each row's activations, where `ROW_SUMS`; empty elsewhere.
    #[cfg_attr(
        not(all(target_arch = "aarch64", feature = "bench")),
        allow(dead_code, reason = "the paper's kernel alone needs row sums")
    )]
    pub(crate) sums: &'a [i32],
    /// Depth after which the tile flushes its accumulators, for kernels that do: the smallest
    /// [`Kernel::flush_depth`] of the columns.
    #[allow(dead_code, reason = "only the kernels with two filters a lane flush by themselves")]
    pub(crate) flush_depth: usize,
}

/// Whether 16 bits hold sums of pairs of products with the weights of this column: a lane gains at
/// most `15 * |w|` for each weight.
#[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
fn pairs_fit(column: &[i8]) -> bool {
    let bound: i32 = column.iter().map(|&weight| 15 * i32::from(weight).abs()).sum();
    bound <= i32::from(i16::MAX)
}

/// Copies a whole tile, `[MR][NR]`, to rows `stride` apart.
fn place<K: Kernel>(tile: &[K::Sum], out: &mut [K::Sum], stride: usize) {
    for (target, results) in out.chunks_mut(stride).zip(tile.chunks_exact(K::NR)) {
        target[..K::NR].copy_from_slice(results);
    }
}

/// Writes what every `impl Kernel` repeats: the kernel's type, its proof, its operands and sizes.
/// The items that differ follow.
///
/// `$proof` is a type whose values exist only where the instructions do; the kernel is detected by
/// its `detect`. `tile` receives the kernel by value, so a tile may rely on the instructions.
macro_rules! kernel {
    (
        $(#[$doc:meta])*
        $kernel:ident $(<const $size:ident: usize>)? ($proof:ty) = $name:expr, $isa:expr;
        ($activation:ty => $left:ty, $weight:ty => $right:ty) -> $sum:ty;
        tile $mr:expr, $nr:expr; group $group:expr; max_depth $depth:expr;
        left |$a:ident| $left_of:expr;
        right |$w:ident| $right_of:expr;
        $($items:tt)*
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(in crate::gemm) struct $kernel $(<const $size: usize>)? (
            #[allow(dead_code, reason = "holding the proof is its use")] $proof,
        );

        // SAFETY: `detect` returns a value only together with the proof of the instructions. The
        // tile stays within the bounds that it is given, and the doc above argues why no sum
        // overflows.
        unsafe impl $(<const $size: usize>)? $crate::gemm::Kernel for $kernel $(<$size>)? {
            type Activation = $activation;
            type Weight = $weight;
            type Left = $left;
            type Right = $right;
            type Sum = $sum;
            const NAME: &'static str = $name;
            const ISA: &'static str = $isa;
            const MR: usize = $mr;
            const NR: usize = $nr;
            const GROUP: usize = $group;
            const MAX_DEPTH: usize = $depth;

            fn detect() -> Option<Self> {
                <$proof>::detect().map(Self)
            }

            #[inline]
            fn left($a: $activation) -> $left {
                $left_of
            }

            #[inline]
            fn right($w: &[$weight]) -> $right {
                $right_of
            }

            $($items)*
        }
    };
}
use kernel;

#[cfg(target_arch = "aarch64")]
#[path = "aarch64/mod.rs"]
mod arch;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[path = "wasm/mod.rs"]
mod arch;
#[cfg(target_arch = "x86_64")]
#[path = "x86/mod.rs"]
mod arch;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
#[path = "portable_only.rs"]
mod arch;
