//! What the tiles of x86 share: six rows, packed or where they lie in the map, by two vectors of columns, so that 12 of the 16 registers accumulate. The
//! last panel may be one vector wide.

use super::Windows;

/// Rows of a tile.
pub(super) const MR: usize = 6;
/// Up to so many columns reading the map is faster than packing it first.
pub(super) const MOST_DIRECT_COLUMNS: usize = 192;

/// Vectors of 256 bits: eight columns.
pub(super) mod bits256 {
    pub(in crate::gemm) use std::arch::x86_64::{
        __m256i as Vector, _mm256_loadu_si256 as load, _mm256_set1_epi32 as splat,
        _mm256_setzero_si256 as zero, _mm256_storeu_si256 as store,
    };
}

/// Vectors of 128 bits: four columns.
pub(super) mod bits128 {
    pub(in crate::gemm) use std::arch::x86_64::{
        __m128i as Vector, _mm_loadu_si128 as load, _mm_set1_epi32 as splat, _mm_setzero_si128 as zero,
        _mm_storeu_si128 as store,
    };
}

/// Where the rows of a tile are read: packed, or in the map. Every step takes a word of 32 bits from each row.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    /// First word of each row.
    pub(super) words: [*const u32; MR],
    /// From a row's word to its next one, in words.
    pub(super) step: usize,
    /// Words of a stretch.
    pub(super) count: usize,
    /// Stretches, and bytes from the beginning of one to that of the next.
    pub(super) runs: usize,
    pub(super) pitch: usize,
}

impl Rows {
    pub(super) fn packed<T>(panel: &[T]) -> Self {
        let first = panel.as_ptr().cast::<u32>();
        let words = std::array::from_fn(|row| first.wrapping_add(row));
        Self { words, step: MR, count: size_of_val(panel) / (4 * MR), runs: 1, pitch: 0 }
    }

    pub(super) fn of_windows<T>(windows: &Windows<'_, T>) -> Self {
        let words = std::array::from_fn(|row| windows.map[windows.starts[row]..].as_ptr().cast());
        let size = size_of::<T>();
        Self {
            words,
            step: 1,
            count: windows.run * size / 4,
            runs: windows.runs,
            pitch: windows.pitch * size,
        }
    }
}

/// Defines a tile in vectors of `$bits`: `$step` says how a word of activations, in all lanes, meets a vector of weights, `$finish` makes 32-bit sums of what
/// was accumulated.
macro_rules! tile {
    (
        $features:literal, $bits:ident, $name:ident($right:ty) -> $sum:ty,
        |$acc:ident, $word:ident, $weights:ident| $step:expr, |$sums:ident| $finish:expr
    ) => {
        /// # Safety
        /// The CPU has the features. The rows can be read for as many steps as `right` holds vectors for all `columns`.
        #[target_feature(enable = $features)]
        unsafe fn $name(
            rows: $crate::gemm::x86_tile::Rows,
            right: &[$right],
            columns: usize,
            out: &mut [$sum],
            stride: usize,
        ) {
            use $crate::gemm::x86_tile::{MR, Rows};

            /// Bytes of a vector, and its columns.
            const SIZE: usize = size_of::<$bits::Vector>();
            const STEP: usize = SIZE / 4;

            /// # Safety
            /// As of the tile, with `V` vectors a row.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn of<const V: usize>(rows: Rows, right: &[$right], out: &mut [$sum], stride: usize) {
                const { assert!(size_of::<$sum>() == 4, "results of 32 bits") };
                let mut acc = [[$bits::zero(); V]; MR];
                let (mut left, mut right) =
                    (size_of_val(right) / (SIZE * V), right.as_ptr().cast::<$bits::Vector>());
                for run in 0..rows.runs {
                    let words = rows.words.map(|word| word.wrapping_byte_add(run * rows.pitch));
                    let steps = rows.count.min(left);
                    left -= steps;
                    let mut at = 0;
                    for _ in 0..steps {
                        let from = right;
                        right = right.wrapping_add(V);
                        let vector = |v| {
                            // SAFETY: `right` has vectors for each of these steps: the caller says so.
                            unsafe { $bits::load(from.add(v)) }
                        };
                        let w: [$bits::Vector; V] = std::array::from_fn(vector);
                        for (sums, word) in acc.iter_mut().zip(words) {
                            // SAFETY: so do the rows have words.
                            let word = unsafe { word.add(at).read_unaligned() };
                            let $word = $bits::splat(word.cast_signed());
                            for (sum, $weights) in sums.iter_mut().zip(w) {
                                let $acc = *sum;
                                *sum = $step;
                            }
                        }
                        at += rows.step;
                    }
                }
                // Constant places, so that the sums stay in registers until here.
                assert!(out.len() >= (MR - 1) * stride + V * STEP, "room for the tile");
                for (row, sums) in acc.into_iter().enumerate() {
                    for (vector, $sums) in sums.into_iter().enumerate() {
                        let sums = $finish;
                        // SAFETY: the last row's last vector was found to end within `out`.
                        unsafe {
                            $bits::store(out.as_mut_ptr().add(row * stride + vector * STEP).cast(), sums)
                        }
                    }
                }
            }
            // SAFETY: the caller's promise.
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

/// Defines a kernel by its tile. `$proof` is had from a `detect` that finds the features of the tile.
macro_rules! kernel {
    (
        $(#[$doc:meta])*
        $kernel:ident($proof:ty) = $name:literal, $isa:literal, $bits:ident, $tile:ident,
        ($activation:ty, $weight:ty, $right:ty) -> $sum:ty, group $group:literal, depth $depth:expr
        $(, fits $fits:path)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $kernel($proof);

        impl $crate::gemm::Kernel for $kernel {
            type Activation = $activation;
            type Weight = $weight;
            type Left = $activation;
            type Right = $right;
            type Sum = $sum;
            const NAME: &'static str = $name;
            const ISA: &'static str = $isa;
            const MR: usize = $crate::gemm::x86_tile::MR;
            const NR: usize = 2 * Self::STEP;
            const STEP: usize = size_of::<$bits::Vector>() / 4;
            const MOST_DIRECT_COLUMNS: usize = $crate::gemm::x86_tile::MOST_DIRECT_COLUMNS;
            const GROUP: usize = $group;
            const MAX_DEPTH: usize = $depth;

            fn detect() -> Option<Self> {
                <$proof>::detect().map(Self)
            }

            $(
                fn fits(column: &[$weight]) -> bool {
                    $fits(column)
                }
            )?

            #[inline]
            fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
                self.0.vectorised(work)
            }

            #[inline]
            fn left(activation: $activation) -> $activation {
                activation
            }

            #[inline]
            fn right(weights: &[$weight]) -> $right {
                weights[0].into()
            }

            #[inline]
            fn tile(self, panels: $crate::gemm::Panels<'_, Self>, columns: usize, out: &mut [$sum], stride: usize) {
                let rows = $crate::gemm::x86_tile::Rows::packed(panels.left);
                // SAFETY: holding `self` is the proof of the features. Panels have one depth.
                unsafe { $tile(rows, panels.right, columns, out, stride) }
            }

            #[inline]
            fn tile_of_windows(
                self,
                windows: &$crate::gemm::Windows<'_, $activation>,
                right: $crate::gemm::RightPanel<'_, Self>,
                out: &mut [$sum],
                stride: usize,
            ) {
                let rows = $crate::gemm::x86_tile::Rows::of_windows(windows);
                // SAFETY: holding `self` is the proof of the features. The windows are as long as columns.
                unsafe { $tile(rows, right.elements, right.columns, out, stride) }
            }

            #[inline]
            fn pack<'a>(rows: impl Fn(usize) -> &'a [$activation], panel: &mut [$activation]) -> bool {
                $crate::gemm::sse2_pack::pack(rows, panel)
            }
        }
    };
}

pub(super) use {kernel, tile};
