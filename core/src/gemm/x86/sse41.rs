//! SSE4.1: 128-bit vectors hold 4 columns; the steps are those of AVX2. These kernels are for CPUs
//! without AVX2, and are the yardstick for WebAssembly, whose vectors have the same width. CPUs
//! with AVX run the same operations encoded with three operands, which saves copies.

use std::arch::x86_64::*;

use super::tile::{Rows, bits128, tile, tile_at_points, x86_kernel};
use crate::gemm::winograd::{PointPanel, Strides};
use crate::gemm::{Kernel, pairs_fit};
use crate::quant::Wide;

/// Proof of SSE4.1 and SSSE3: only `detect` makes a value.
#[derive(Debug, Clone, Copy)]
struct Sse41(());

impl Sse41 {
    fn detect() -> Option<Self> {
        (is_x86_feature_detected!("sse4.1") && is_x86_feature_detected!("ssse3"))
            .then_some(Self(()))
    }

    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        #[inline]
        #[target_feature(enable = "sse4.1")]
        fn with_sse41<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: a value of this type exists, so `detect` has found SSE4.1.
        unsafe { with_sse41(work) }
    }
}

/// Defines a tile in both encodings.
macro_rules! tile_in_both {
    ($name:ident($right:ty) -> $sum:ty, $($steps:tt)*) => {
        /// # Safety
        /// - The CPU has SSE4.1 and SSSE3.
        /// - Rows can be read as `tile!` demands.
        unsafe fn $name(
            rows: Rows,
            right: &[$right],
            columns: usize,
            out: &mut [$sum],
            stride: usize,
        ) {
            tile!("sse4.1,ssse3", bits128, two_operands($right) -> $sum, $($steps)*);
            tile!("avx", bits128, three_operands($right) -> $sum, $($steps)*);
            // SAFETY: the branch has found AVX; SSE4.1 and SSSE3, and rows that can be read, are
            // demanded by this function's contract.
            unsafe {
                if is_x86_feature_detected!("avx") {
                    three_operands(rows, right, columns, out, stride);
                } else {
                    two_operands(rows, right, columns, out, stride);
                }
            }
        }
    };
}

/// # Safety
/// - The CPU has SSE4.1 and SSSE3.
/// - Rows can be read as `tile_at_points!` demands.
unsafe fn tile_u4_at_points<K: Kernel<Right = i8, Sum = i32>>(
    rows: [Rows; 2],
    right: PointPanel<'_, K>,
    out: &mut [i32],
    strides: Strides,
) {
    tile_at_points!(
        "sse4.1,ssse3",
        bits128,
        two_operands,
        add16,
        subtract16,
        |sum, a, w| _mm_add_epi16(sum, _mm_maddubs_epi16(a, w)),
        |sums| _mm_madd_epi16(sums, _mm_set1_epi16(1))
    );
    tile_at_points!(
        "avx",
        bits128,
        three_operands,
        add16,
        subtract16,
        |sum, a, w| _mm_add_epi16(sum, _mm_maddubs_epi16(a, w)),
        |sums| _mm_madd_epi16(sums, _mm_set1_epi16(1))
    );
    // SAFETY: the branch has found AVX; SSE4.1 and SSSE3, and rows that can be read, are demanded
    // by this function's contract.
    unsafe {
        if is_x86_feature_detected!("avx") {
            three_operands(rows, right, out, strides);
        } else {
            two_operands(rows, right, out, strides);
        }
    }
}

tile_in_both!(
    tile_u4(i8) -> i32,
    |sum, a, w| _mm_add_epi16(sum, _mm_maddubs_epi16(a, w)),
    |sums| _mm_madd_epi16(sums, _mm_set1_epi16(1))
);
tile_in_both!(
    tile_u7(i8) -> i32,
    |sum, a, w| _mm_add_epi32(sum, _mm_madd_epi16(_mm_maddubs_epi16(a, w), _mm_set1_epi16(1))),
    |sums| sums
);
tile_in_both!(tile_u8(i16) -> i32, |sum, a, w| _mm_add_epi32(sum, _mm_madd_epi16(a, w)), |sums| sums);
tile_in_both!(
    tile_f32(f32) -> f32,
    |sum, a, w| {
        let product = _mm_mul_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(w));
        _mm_castps_si128(_mm_add_ps(_mm_castsi128_ps(sum), product))
    },
    |sums| sums
);

x86_kernel!(
    /// 4-bit activations times weights in -8..=7, exact as with AVX2.
    U4(Sse41) = "sse41_u4i4_6x8", "SSE4.1", bits128, tile_u4,
    (u8, i8, i8) -> i32, group 4, depth 136 * 4, fits pairs_fit,
    points Halves by tile_u4_at_points
);
x86_kernel!(
    /// 7-bit activations times weights in -127..=127, exact as with AVX2.
    U7(Sse41) = "sse41_u7i8_6x8", "SSE4.1", bits128, tile_u7,
    (u8, i8, i8) -> i32, group 4, depth 1 << 16
);
x86_kernel!(
    /// 8-bit activations times weights in -127..=127, exact as with AVX2.
    U8(Sse41) = "sse41_u8i8_6x8", "SSE4.1", bits128, tile_u8,
    (Wide<0>, i8, i16) -> i32, group 2, depth 1 << 16
);
x86_kernel!(
    /// Single precision; each product and each sum is rounded.
    F32(Sse41) = "sse41_f32_6x8", "SSE4.1", bits128, tile_f32,
    (f32, f32, f32) -> f32, group 1, depth 1 << 20
);
