//! AVX2: 256-bit vectors hold 8 columns; tiles are 6 rows by two vectors, so 12 of the 16 registers accumulate. The last panel may be one vector wide.
//!
//! ```text
//! u4:  one vector = 8 columns x 4 depths of weights (i8), times 4 activations of a row broadcast (u8): VPMADDUBSW adds pairs into i16
//! u8:  one vector = 8 columns x 2 depths (i16), VPMADDWD adds pairs into i32
//! u7:  as u4, widened to i32 at once (VPMADDWD by ones)
//! f32: one vector = 8 columns, VFMADD
//! ```

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "bit patterns are moved between signed and unsigned lanes"
)]

use std::arch::x86_64::*;

use super::sse2_pack;
use super::{Kernel, Panels, RightPanel, Windows};
use crate::quant::Wide;

pub(super) const MR: usize = 6;
pub(super) const NR: usize = 16;
/// Columns of a vector.
pub(super) const STEP: usize = 8;
/// Up to so many columns reading the map is faster than packing it first.
pub(super) const MOST_DIRECT_COLUMNS: usize = 192;

/// Proof of AVX2 and FMA: made by `detect` alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    #[inline]
    pub(super) fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: `self` can only be had from `detect`, which found AVX2.
        unsafe { with_avx2(work) }
    }
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

/// Vectors that stand side by side.
///
/// # Safety
/// They do.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn load<const V: usize>(from: *const __m256i) -> [__m256i; V] {
    // SAFETY: the caller's promise.
    std::array::from_fn(|vector| unsafe { _mm256_loadu_si256(from.add(vector)) })
}

/// Defines a function that adds up the sums of a tile, `V` vectors a row: `$step` says how a word of activations, in all lanes, meets a vector of weights.
macro_rules! accumulate {
    ($features:literal, $name:ident, |$sum:ident, $word:ident, $weights:ident| $step:expr) => {
        /// # Safety
        /// The rows can be read for as many steps as `right` holds, `V` vectors each.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn $name<T, const V: usize>(rows: Rows, right: &[T]) -> [[__m256i; V]; MR] {
            let mut acc = [[_mm256_setzero_si256(); V]; MR];
            let (mut left, mut right) = (size_of_val(right) / (32 * V), right.as_ptr().cast::<__m256i>());
            for run in 0..rows.runs {
                let words = rows.words.map(|word| word.wrapping_byte_add(run * rows.pitch));
                let steps = rows.count.min(left);
                left -= steps;
                let mut at = 0;
                for _ in 0..steps {
                    // SAFETY: `right` has vectors for each of these steps, and the rows as many words: the caller says so.
                    let w: [__m256i; V] = unsafe { load(right) };
                    right = right.wrapping_add(V);
                    for (sums, word) in acc.iter_mut().zip(words) {
                        // SAFETY: as above.
                        let $word = _mm256_set1_epi32(unsafe { word.add(at).read_unaligned() }.cast_signed());
                        for (sum, $weights) in sums.iter_mut().zip(w) {
                            let $sum = *sum;
                            *sum = $step;
                        }
                    }
                    at += rows.step;
                }
            }
            acc
        }
    };
}

accumulate!("avx2", u4_sums, |sum, a, w| _mm256_add_epi16(sum, _mm256_maddubs_epi16(a, w)));
accumulate!("avx2", u8_sums, |sum, a, w| _mm256_add_epi32(sum, _mm256_madd_epi16(a, w)));
accumulate!("avx2", u7_sums, |sum, a, w| {
    _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, w), _mm256_set1_epi16(1)))
});
accumulate!("avx2,fma", f32_sums, |sum, a, w| {
    let (a, w) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(w));
    _mm256_castps_si256(_mm256_fmadd_ps(a, w, _mm256_castsi256_ps(sum)))
});

/// # Safety
/// As `u4_sums`, with vectors for all `columns`.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile_u4(rows: Rows, right: &[i8], columns: usize, out: &mut [i32], stride: usize) {
    let ones = _mm256_set1_epi16(1);
    // SAFETY: the caller's promise.
    unsafe {
        if columns == NR {
            let sums: [[__m256i; 2]; MR] = u4_sums(rows, right);
            store(sums.map(|row| row.map(|sums| _mm256_madd_epi16(sums, ones))), out, stride);
        } else {
            let sums: [[__m256i; 1]; MR] = u4_sums(rows, right);
            store(sums.map(|row| row.map(|sums| _mm256_madd_epi16(sums, ones))), out, stride);
        }
    }
}

/// Defines a tile whose sums need nothing more.
macro_rules! tile {
    ($features:literal, $name:ident, $sums:ident, $right:ty, $sum:ty) => {
        /// # Safety
        /// As of its sums, with vectors for all `columns`.
        #[target_feature(enable = $features)]
        unsafe fn $name(rows: Rows, right: &[$right], columns: usize, out: &mut [$sum], stride: usize) {
            // SAFETY: the caller's promise.
            unsafe {
                if columns == NR {
                    store::<_, 2>($sums(rows, right), out, stride);
                } else {
                    store::<_, 1>($sums(rows, right), out, stride);
                }
            }
        }
    };
}

/// Defines the methods of kernels whose tiles read packed rows and maps alike, and whose activations are packed as they are.
macro_rules! reads_maps {
    ($tile:ident, $activation:ty, $right:ty, $sum:ty) => {
        #[inline]
        fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
            self.0.vectorised(work)
        }

        #[inline]
        fn left(activation: $activation) -> $activation {
            activation
        }

        #[inline]
        fn tile(self, panels: Panels<'_, Self>, columns: usize, out: &mut [$sum], stride: usize) {
            // SAFETY: `self` can only be had from `detect`, which found the features of the tile. Panels have one depth.
            unsafe { $tile(Rows::packed(panels.left), panels.right, columns, out, stride) }
        }

        #[inline]
        fn tile_of_windows(
            self,
            windows: &Windows<'_, $activation>,
            right: RightPanel<'_, Self>,
            out: &mut [$sum],
            stride: usize,
        ) {
            // SAFETY: `self` can only be had from `detect`, which found the features of the tile. The windows are as long as columns.
            unsafe { $tile(Rows::of_windows(windows), right.elements, right.columns, out, stride) }
        }

        #[inline]
        fn pack<'a>(rows: impl Fn(usize) -> &'a [$activation], panel: &mut [$activation]) -> bool {
            sse2_pack::pack(rows, panel)
        }
    };
}

pub(super) use {accumulate, reads_maps, tile};

tile!("avx2", tile_u7, u7_sums, i8, i32);
tile!("avx2", tile_u8, u8_sums, i16, i32);
tile!("avx2,fma", tile_f32, f32_sums, f32, f32);

/// Stores a tile's sums, 32 bits each, in rows `stride` apart. Constant places, so that the sums stay in registers until here.
///
/// # Panics
/// If `out` is too short.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store<T, const V: usize>(sums: [[__m256i; V]; MR], out: &mut [T], stride: usize) {
    const { assert!(size_of::<T>() == 4, "results of 32 bits") };
    assert!(out.len() >= (MR - 1) * stride + V * STEP, "room for the tile");
    for (row, sums) in sums.into_iter().enumerate() {
        for (vector, sums) in sums.into_iter().enumerate() {
            // SAFETY: the last row's last vector was found to end within `out`.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(row * stride + vector * STEP).cast(), sums) }
        }
    }
}

/// 4-bit activations times weights in -8..=7, exact: a pair sum is at most 240, so 136 steps of 4 depths fit 16 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct U4(Avx2);

impl Kernel for U4 {
    type Activation = u8;
    type Weight = i8;
    type Left = u8;
    type Right = i8;
    type Sum = i32;
    const NAME: &'static str = "avx2_u4i4_6x16";
    const ISA: &'static str = "AVX2";
    const MR: usize = MR;
    const NR: usize = NR;
    const STEP: usize = STEP;
    const MOST_DIRECT_COLUMNS: usize = MOST_DIRECT_COLUMNS;
    const GROUP: usize = 4;
    const MAX_DEPTH: usize = 136 * 4;

    fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }

    reads_maps!(tile_u4, u8, i8, i32);

    fn right(weights: &[i8]) -> i8 {
        weights[0]
    }

    fn fits(column: &[i8]) -> bool {
        // A lane gains at most 15 |w| a depth.
        let bound: i32 = column.iter().map(|&weight| 15 * i32::from(weight).abs()).sum();
        bound <= i32::from(i16::MAX)
    }
}

/// 7-bit activations times weights in -127..=127, exact: a pair of products is at most 2 * 127 * 127 = 32258 and fits 16 bits; 2^16 products fit 32.
#[derive(Debug, Clone, Copy)]
pub(super) struct U7(Avx2);

impl Kernel for U7 {
    type Activation = u8;
    type Weight = i8;
    type Left = u8;
    type Right = i8;
    type Sum = i32;
    const NAME: &'static str = "avx2_u7i8_6x16";
    const ISA: &'static str = "AVX2";
    const MR: usize = MR;
    const NR: usize = NR;
    const STEP: usize = STEP;
    const MOST_DIRECT_COLUMNS: usize = MOST_DIRECT_COLUMNS;
    const GROUP: usize = 4;
    const MAX_DEPTH: usize = 1 << 16;

    fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }

    reads_maps!(tile_u7, u8, i8, i32);

    fn right(weights: &[i8]) -> i8 {
        weights[0]
    }
}

/// 8-bit activations times weights in -127..=127, exact: maps and weights have 16 bits; 2^16 products fit 32.
#[derive(Debug, Clone, Copy)]
pub(super) struct U8(Avx2);

impl Kernel for U8 {
    type Activation = Wide<0>;
    type Weight = i8;
    type Left = Wide<0>;
    type Right = i16;
    type Sum = i32;
    const NAME: &'static str = "avx2_u8i8_6x16";
    const ISA: &'static str = "AVX2";
    const MR: usize = MR;
    const NR: usize = NR;
    const STEP: usize = STEP;
    const MOST_DIRECT_COLUMNS: usize = MOST_DIRECT_COLUMNS;
    const GROUP: usize = 2;
    const MAX_DEPTH: usize = 1 << 16;

    fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }

    reads_maps!(tile_u8, Wide<0>, i16, i32);

    fn right(weights: &[i8]) -> i16 {
        i16::from(weights[0])
    }
}

/// Single precision with fused products.
#[derive(Debug, Clone, Copy)]
pub(super) struct F32(Avx2);

impl Kernel for F32 {
    type Activation = f32;
    type Weight = f32;
    type Left = f32;
    type Right = f32;
    type Sum = f32;
    const NAME: &'static str = "avx2_f32_6x16";
    const ISA: &'static str = "AVX2 with FMA";
    const MR: usize = MR;
    const NR: usize = NR;
    const STEP: usize = STEP;
    const MOST_DIRECT_COLUMNS: usize = MOST_DIRECT_COLUMNS;
    const GROUP: usize = 1;
    const MAX_DEPTH: usize = 1 << 20;

    fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }

    reads_maps!(tile_f32, f32, f32, f32);

    fn right(weights: &[f32]) -> f32 {
        weights[0]
    }
}
