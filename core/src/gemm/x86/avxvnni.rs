//! AVX-VNNI: VPDPBUSD multiplies four bytes of activations (unsigned) by four of weights (signed)
//! and adds the products to a sum of 32 bits without saturation. Products of 8 bits are exact and
//! as fast as those of 4 bits, which save memory but no time here, except in the tile at points.

use std::arch::x86_64::*;

use super::avx2::Avx2;
use super::tile::{bits256, tile, tile_at_points, x86_kernel};

/// Proof of AVX2, FMA and AVX-VNNI: only `detect` makes a value.
#[derive(Debug, Clone, Copy)]
struct Vnni(Avx2);

impl Vnni {
    fn detect() -> Option<Self> {
        Avx2::detect().filter(|_| is_x86_feature_detected!("avxvnni")).map(Self)
    }

    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        self.0.vectorised(work)
    }
}

tile!(
    "avx2,avxvnni", bits256, tile_dot(i8) -> i32,
    |sum, a, w| _mm256_dpbusd_avx_epi32(sum, a, w),
    |sums| sums
);

tile_at_points!(
    "avx2,avxvnni",
    bits256,
    tile_dot_at_points,
    add32,
    subtract32,
    |sum, a, w| _mm256_dpbusd_avx_epi32(sum, a, w),
    |sums| sums
);

x86_kernel!(
    /// 8-bit activations times 8-bit weights, exact: 2^16 products of at most 255 * 128 fit 32
    /// bits. Used for 7 and 4 bits too.
    Integer(Vnni) = "avxvnni_u8i8_6x16", "AVX-VNNI", bits256, tile_dot,
    (u8, i8, i8) -> i32, group 4, depth 1 << 16, points Whole by tile_dot_at_points
);
