//! AVX2: 256-bit vectors hold 8 columns.
//!
//! ```text
//! u4:  weights: 8 columns x 4 depths (i8); activations: 4 of a row (u8), broadcast;
//!      VPMADDUBSW adds pairs of products in i16
//! u8:  weights: 8 columns x 2 depths (i16); activations: 2 of a row (i16), broadcast;
//!      VPMADDWD adds pairs of products in i32
//! u7:  as u4, each pair widened to i32 at once (VPMADDWD by ones)
//! f32: weights: 8 columns; activations: 1 of a row, broadcast; VFMADD
//! ```

use std::arch::x86_64::*;

use super::tile::{bits256, tile, tile_at_points, x86_kernel};
use crate::gemm::pairs_fit;
use crate::quant::Wide;

/// Proof of AVX2 and FMA: only `detect` makes a value.
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
        // SAFETY: a value of this type exists, so `detect` has found AVX2.
        unsafe { with_avx2(work) }
    }
}

tile!(
    "avx2", bits256, tile_u4(i8) -> i32,
    |sum, a, w| _mm256_add_epi16(sum, _mm256_maddubs_epi16(a, w)),
    |sums| _mm256_madd_epi16(sums, _mm256_set1_epi16(1))
);
tile_at_points!(
    "avx2",
    bits256,
    tile_u4_at_points,
    add16,
    subtract16,
    |sum, a, w| _mm256_add_epi16(sum, _mm256_maddubs_epi16(a, w)),
    |sums| _mm256_madd_epi16(sums, _mm256_set1_epi16(1))
);
tile!(
    "avx2", bits256, tile_u7(i8) -> i32,
    |sum, a, w| _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, w), _mm256_set1_epi16(1))),
    |sums| sums
);
tile!(
    "avx2", bits256, tile_u8(i16) -> i32,
    |sum, a, w| _mm256_add_epi32(sum, _mm256_madd_epi16(a, w)),
    |sums| sums
);
tile!(
    "avx2,fma", bits256, tile_f32(f32) -> f32,
    |sum, a, w| {
        let (a, w) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(w));
        _mm256_castps_si256(_mm256_fmadd_ps(a, w, _mm256_castsi256_ps(sum)))
    },
    |sums| sums
);

x86_kernel!(
    /// 4-bit activations times weights in -8..=7, exact: a pair of products is within +-240, so
    /// those of 136 steps of 4 depths fit 16 bits.
    U4(Avx2) = "avx2_u4i4_6x16", "AVX2", bits256, tile_u4,
    (u8, i8, i8) -> i32, group 4, depth 136 * 4, fits pairs_fit,
    points Halves by tile_u4_at_points
);
x86_kernel!(
    /// 7-bit activations times weights in -127..=127, exact: a pair of products is at most
    /// 2 * 127 * 127 = 32258 and fits 16 bits; 2^16 products fit 32 bits.
    U7(Avx2) = "avx2_u7i8_6x16", "AVX2", bits256, tile_u7,
    (u8, i8, i8) -> i32, group 4, depth 1 << 16
);
x86_kernel!(
    /// 8-bit activations times weights in -127..=127, exact: maps and weights have 16 bits, and
    /// 2^16 products of at most 255 * 127 fit 32 bits.
    U8(Avx2) = "avx2_u8i8_6x16", "AVX2", bits256, tile_u8,
    (Wide<0>, i8, i16) -> i32, group 2, depth 1 << 16
);
x86_kernel!(
    /// Single precision with fused products.
    F32(Avx2) = "avx2_f32_6x16", "AVX2 with FMA", bits256, tile_f32,
    (f32, f32, f32) -> f32, group 1, depth 1 << 20
);
