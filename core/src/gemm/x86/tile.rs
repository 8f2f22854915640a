//! The tile that all kernels of x86 share: six rows, packed or read from the map, by two vectors of
//! columns, so that 12 of the 16 registers are accumulators. The tile of a narrow last panel is one
//! vector wide.

use crate::gemm::Windows;

/// Rows of a tile.
pub(super) const MR: usize = 6;
/// Up to this many columns, reading the map is faster than packing it first.
pub(super) const MAX_DIRECT_COLUMNS: usize = 192;

/// Vectors of 256 bits: eight columns.
pub(super) mod bits256 {
    pub(in crate::gemm) use std::arch::x86_64::{
        __m256i as Vector, _mm256_add_epi16 as add16, _mm256_add_epi32 as add32,
        _mm256_loadu_si256 as load, _mm256_set1_epi32 as splat, _mm256_setzero_si256 as zero,
        _mm256_storeu_si256 as store, _mm256_sub_epi16 as subtract16,
        _mm256_sub_epi32 as subtract32,
    };
}

/// Vectors of 128 bits: four columns.
pub(super) mod bits128 {
    pub(in crate::gemm) use std::arch::x86_64::{
        __m128i as Vector, _mm_add_epi16 as add16, _mm_loadu_si128 as load,
        _mm_set1_epi32 as splat, _mm_setzero_si128 as zero, _mm_storeu_si128 as store,
        _mm_sub_epi16 as subtract16,
    };
}

/// Where a tile reads its rows: packed, or in the map. Every step reads a 32-bit word of each row.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// First word of each row.
    pub(super) words: [*const u32; MR],
    /// Distance from a word of a row to the next one, in words.
    pub(super) step: usize,
    /// Words of a stretch.
    pub(super) stretch_words: usize,
    /// Stretches of a row.
    pub(super) stretches: usize,
    /// Distance between the beginnings of neighbouring stretches, in bytes.
    pub(super) pitch: usize,
}

impl Rows {
    /// The rows of a panel, `[steps][MR]` words.
    pub(super) fn packed<T>(panel: &[T]) -> Self {
        let first = panel.as_ptr().cast::<u32>();
        let words = std::array::from_fn(|row| first.wrapping_add(row));
        let stretch_words = size_of_val(panel) / (4 * MR);
        Self { words, step: MR, stretch_words, stretches: 1, pitch: 0 }
    }

    /// The first `MR` of `windows`.
    ///
    /// # Panics
    /// If there are fewer.
    pub(super) fn of_windows<T>(windows: &Windows<'_, T>) -> Self {
        let size = size_of::<T>();
        Self {
            words: std::array::from_fn(|row| windows.first(row).cast()),
            step: 1,
            stretch_words: windows.stretch_len() * size / 4,
            stretches: windows.stretches(),
            // Windows of one stretch may have any pitch, which is then only multiplied by 0.
            pitch: windows.pitch().wrapping_mul(size),
        }
    }
}

/// Adds the products of all steps to the accumulators `$acc`, `[MR][$vectors]`. `$halves` is 1
/// where all rows share the weights of a step, and 2 where the second half of the rows has its own.
/// `$step` is as for [`tile!`], whose contract the rows keep.
macro_rules! walk {
    (
        $bits:ident, $acc:ident, $rows:expr, $right:expr, $halves:literal, $vectors:ident,
        |$sum:ident, $word:ident, $weights:ident| $step:expr
    ) => {
        let (rows, right): (Rows, &[_]) = ($rows, $right);
        let mut left = size_of_val(right) / (size_of::<$bits::Vector>() * $vectors * $halves);
        let mut right = right.as_ptr().cast::<$bits::Vector>();
        for stretch in 0..rows.stretches {
            let offset = stretch * rows.pitch;
            let words = rows.words.map(|word| word.wrapping_byte_add(offset));
            let steps = rows.stretch_words.min(left);
            left -= steps;
            let mut at = 0;
            for _ in 0..steps {
                let from = right;
                right = right.wrapping_add($vectors * $halves);
                let halves =
                    $acc.chunks_exact_mut(MR / $halves).zip(words.chunks_exact(MR / $halves));
                for (half, (acc, words)) in halves.enumerate() {
                    let vector = |v| {
                        // SAFETY: `left` began as the number of steps that `right` holds, `$halves`
                        // times `$vectors` vectors each, and every step made was subtracted from
                        // it.
                        unsafe { $bits::load(from.add(half * $vectors + v)) }
                    };
                    let w: [$bits::Vector; $vectors] = std::array::from_fn(vector);
                    for (sums, word) in acc.iter_mut().zip(words) {
                        // SAFETY: `at` is `step` times the word's index, which is below
                        // `stretch_words` and the number of steps in `right`: by the contract it
                        // can be read. Reads need no alignment.
                        let word = unsafe { word.add(at).read_unaligned() };
                        let $word = $bits::splat(word.cast_signed());
                        for (sum, $weights) in sums.iter_mut().zip(w) {
                            let $sum = *sum;
                            *sum = $step;
                        }
                    }
                }
                at += rows.step;
            }
        }
    };
}

/// Defines a tile in vectors of `$bits`. `$step` multiplies a word of activations, broadcast to all
/// lanes, by a vector of weights and adds the products to an accumulator; `$finish` turns
/// accumulators into 32-bit sums.
macro_rules! tile {
    (
        $features:literal, $bits:ident, $name:ident($right:ty) -> $sum:ty,
        |$acc:ident, $word:ident, $weights:ident| $step:expr, |$sums:ident| $finish:expr
    ) => {
        /// # Safety
        /// - The CPU has the features.
        /// - As many words of each row can be read as `right` holds steps, or all words of its
        ///   stretches if these are fewer. Stretch `s` of a row begins `s * pitch` bytes after the
        ///   row's first word, and its words are `step` words apart.
        #[target_feature(enable = $features)]
        unsafe fn $name(
            rows: $crate::gemm::arch::tile::Rows,
            right: &[$right],
            columns: usize,
            out: &mut [$sum],
            stride: usize,
        ) {
            use $crate::gemm::arch::tile::{MR, Rows};

            /// Columns of a vector.
            const STEP: usize = size_of::<$bits::Vector>() / 4;
            const { assert!(size_of::<$sum>() == 4, "results of 32 bits") };

            /// # Safety
            /// As for the tile; a step has `V` vectors.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn of<const V: usize>(
                rows: Rows,
                right: &[$right],
                out: &mut [$sum],
                stride: usize,
            ) {
                let mut acc = [[$bits::zero(); V]; MR];
                $crate::gemm::arch::tile::walk!(
                    $bits,
                    acc,
                    rows,
                    right,
                    1,
                    V,
                    |$acc, $word, $weights| $step
                );
                // All indices are constants, so the sums stay in registers.
                assert!(
                    $crate::gemm::tile_fits(MR, V * STEP, stride, out.len()),
                    "room for the tile"
                );
                for (row, sums) in acc.into_iter().enumerate() {
                    for (vector, $sums) in sums.into_iter().enumerate() {
                        let sums = $finish;
                        // SAFETY: `tile_fits` holds, so the last vector of the last row ends within
                        // `out`, and all others end before it. Stores need no alignment.
                        unsafe {
                            let to = out.as_mut_ptr().add(row * stride + vector * STEP);
                            $bits::store(to.cast(), sums);
                        }
                    }
                }
            }
            // SAFETY: the contract is that of this function: features, and rows that can be read.
            unsafe {
                if columns > STEP {
                    of::<2>(rows, right, out, stride);
                } else {
                    of::<1>(rows, right, out, stride);
                }
            }
        }
    };
}

/// Defines a tile at points ([`crate::gemm::winograd`]), as [`tile!`] does. `$add` and `$subtract`
/// work on the lanes of accumulators.
macro_rules! tile_at_points {
    (
        $features:literal, $bits:ident, $name:ident, $add:ident, $subtract:ident,
        |$acc:ident, $word:ident, $weights:ident| $step:expr, |$sums:ident| $finish:expr
    ) => {
        /// # Safety
        /// - The CPU has the features.
        /// - Rows of both phases can be read as [`tile!`] demands, two vectors of each panel's
        ///   weights a step.
        /// - `right.corrections` holds `2 * right.columns` of them.
        #[target_feature(enable = $features)]
        unsafe fn $name<K: $crate::gemm::Kernel<Right = i8, Sum = i32>>(
            rows: [$crate::gemm::arch::tile::Rows; 2],
            right: $crate::gemm::winograd::PointPanel<'_, K>,
            out: &mut [i32],
            strides: $crate::gemm::winograd::Strides,
        ) {
            use $crate::gemm::arch::tile::{MR, Rows};

            /// Columns of a vector.
            const STEP: usize = size_of::<$bits::Vector>() / 4;

            /// # Safety
            /// As for the tile; a step has `V` vectors a point.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn of<const V: usize>(
                rows: [Rows; 2],
                phases: [&[i8]; 2],
                corrections: &[i32],
                out: &mut [i32],
                strides: $crate::gemm::winograd::Strides,
            ) {
                let mut acc = [[$bits::zero(); V]; MR];
                $crate::gemm::arch::tile::walk!(
                    $bits,
                    acc,
                    rows[0],
                    phases[0],
                    2,
                    V,
                    |$acc, $word, $weights| $step
                );
                assert!(corrections.len() >= 2 * V * STEP, "one of each output and column");
                let correction = |at: usize| {
                    // SAFETY: callers pass vectors below `2 * V`, and that many were asserted.
                    unsafe { $bits::load(corrections.as_ptr().add(at * STEP).cast()) }
                };
                for row in 0..MR / 2 {
                    for v in 0..V {
                        let (sum, difference) = (acc[row][v], acc[row + MR / 2][v]);
                        acc[row][v] = $bits::$add($bits::$add(sum, difference), correction(v));
                        acc[row + MR / 2][v] =
                            $bits::$add($bits::$subtract(sum, difference), correction(V + v));
                    }
                }
                $crate::gemm::arch::tile::walk!(
                    $bits,
                    acc,
                    rows[1],
                    phases[1],
                    2,
                    V,
                    |$acc, $word, $weights| $step
                );
                assert!(strides.fit(MR / 2, V * STEP, out.len()), "room for the tile");
                for (row, sums) in acc.into_iter().enumerate() {
                    for (vector, $sums) in sums.into_iter().enumerate() {
                        let sums = $finish;
                        // SAFETY: `fit` holds, so the vectors of all rows end within `out`. Stores
                        // need no alignment.
                        unsafe {
                            let to = out.as_mut_ptr().add(strides.row(row, MR) + vector * STEP);
                            $bits::store(to.cast(), sums);
                        }
                    }
                }
            }
            // SAFETY: the contract is that of this function: features, and rows that can be read.
            unsafe {
                if right.columns > STEP {
                    of::<2>(rows, right.phases, right.corrections, out, strides);
                } else {
                    of::<1>(rows, right.phases, right.corrections, out, strides);
                }
            }
        }
    };
}

/// Defines a kernel of x86 by its tile. `$proof::detect` checks the features that the tile needs.
macro_rules! x86_kernel {
    (
        $(#[$doc:meta])*
        $kernel:ident($proof:ty) = $name:literal, $isa:literal, $bits:ident, $tile:ident,
        ($activation:ty, $weight:ty, $right:ty) -> $sum:ty, group $group:literal, depth $depth:expr
        $(, fits $fits:path)? $(, points $lanes:ident by $points:ident)?
    ) => {
        $crate::gemm::kernel! {
            $(#[$doc])*
            $kernel($proof) = $name, $isa;
            ($activation => $activation, $weight => $right) -> $sum;
            tile $crate::gemm::arch::tile::MR, 2 * Self::STEP; group $group; max_depth $depth;
            left |activation| activation;
            right |weights| weights[0].into();
            const STEP: usize = size_of::<$bits::Vector>() / 4;
            const MAX_DIRECT_COLUMNS: usize = $crate::gemm::arch::tile::MAX_DIRECT_COLUMNS;

            $(
                fn fits(column: &[$weight]) -> bool {
                    $fits(column)
                }
            )?

            $(
                const POINTS: Option<$crate::gemm::winograd::Lanes> =
                    Some($crate::gemm::winograd::Lanes::$lanes);

                #[inline]
                unsafe fn tile_at_points(
                    self,
                    rows: &$crate::gemm::winograd::PointRows<'_, Self>,
                    right: $crate::gemm::winograd::PointPanel<'_, Self>,
                    out: &mut [$sum],
                    strides: $crate::gemm::winograd::Strides,
                ) {
                    let rows = rows.windows.each_ref().map($crate::gemm::arch::tile::Rows::of_windows);
                    // SAFETY: `self` holds the proof of the features. All windows of a `Windows`
                    // lie inside its map, so all words of their stretches can be read.
                    unsafe { $points::<Self>(rows, right, out, strides) }
                }
            )?

            #[inline]
            fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
                self.0.vectorised(work)
            }

            #[inline]
            unsafe fn tile(
                self,
                panels: $crate::gemm::Panels<'_, Self>,
                columns: usize,
                out: &mut [$sum],
                stride: usize,
            ) {
                let rows = $crate::gemm::arch::tile::Rows::packed(panels.left);
                // SAFETY: `self` holds the proof of the features. Both panels have the same number
                // of groups, and a group of `MR` rows is one step of `MR` words.
                unsafe { $tile(rows, panels.right, columns, out, stride) }
            }

            #[inline]
            unsafe fn tile_of_windows(
                self,
                windows: &$crate::gemm::Windows<'_, $activation>,
                right: $crate::gemm::RightPanel<'_, Self>,
                out: &mut [$sum],
                stride: usize,
            ) {
                let rows = $crate::gemm::arch::tile::Rows::of_windows(windows);
                // SAFETY: `self` holds the proof of the features. All windows of a `Windows` lie
                // inside its map, so all words of their stretches can be read.
                unsafe { $tile(rows, right.elements, right.columns, out, stride) }
            }

            #[inline]
            fn pack<'a>(
                rows: impl Fn(usize) -> &'a [$activation],
                panel: &mut [$activation],
            ) -> bool {
                $crate::gemm::arch::pack::pack(rows, panel)
            }
        }
    };
}

pub(super) use {tile, tile_at_points, walk, x86_kernel};
