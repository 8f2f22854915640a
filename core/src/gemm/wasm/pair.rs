//! WebAssembly simd128 for arm64 (phones), which has 32 registers, and multiplies and adds lanes of
//! 16 bits in one instruction (MLA).
//!
//! Activations are centred, so two products can be added in 16 bits before anything is widened. A
//! vector of a packed panel holds two depths of four rows. Each is broadcast from its lane by a
//! shuffle, which is one instruction on arm64 (DUP); a broadcasting load takes three.
//!
//! ```text
//! u4 ("p2"): lane = w0 + 256 w1,  p = a0 * lane(k0) + a1 * lane(k1)
//!                both fields of p lie within +-2 * 8 * 7 = +-112
//!            all += p,  high += q15mulr_sat(p, 128) = (p + 128) >> 8
//!                rounding to nearest gives the high field whatever the sign of the low one
//!            low = all - (high << 8) mod 2^16
//! u8:        p = a0 * w(k0) + a1 * w(k1) in 16 bits, |p| <= 2 * 128 * 127 = 32512,
//!            then added pairwise to sums of 32 bits (SADALP)
//! ```

use std::arch::wasm32::*;

use super::Loaded;
use super::pack::{Centred, Reals, pack, pack_halves};
use super::simd128::multiply_add;
use super::tile::{store, vectors, walk_in_fours, walk_in_twos};
use crate::gemm::Panels;

const ROWS: usize = 4;

/// Broadcasts a 16-bit lane.
macro_rules! broadcast16 {
    ($a:expr, $lane:expr) => {{
        const LANE: usize = $lane;
        i16x8_shuffle::<LANE, LANE, LANE, LANE, LANE, LANE, LANE, LANE>($a, $a)
    }};
}
#[cfg(not(target_feature = "relaxed-simd"))]
pub(super) use broadcast16;

/// Broadcasts a 32-bit lane.
macro_rules! broadcast32 {
    ($a:expr, $lane:expr) => {{
        const LANE: usize = $lane;
        i32x4_shuffle::<LANE, LANE, LANE, LANE>($a, $a)
    }};
}
#[cfg(target_feature = "relaxed-simd")]
pub(super) use broadcast32;

/// Columns of the 4-bit tile; a lane holds two of them.
const U4_COLUMNS: usize = 32;

kernel! {
    /// 4-bit activations times weights in -7..=7, exact: a depth adds at most 56 to either field,
    /// so both fit 16 bits for 584 depths. `all` may wrap around; the low field, computed mod 2^16,
    /// is exact even so.
    U4(Loaded) = "simd128_u4i4_4x32_p2", "WebAssembly simd128";
    (u8 => i16, i8 => i16) -> i32;
    tile ROWS, U4_COLUMNS; group 1; max_depth 584;
    left |activation| i16::from(activation) - Self::CENTRE;
    right |weights| i16::from(weights[0]) + 256 * i16::from(weights[1]);
    const LANE_COLUMNS: usize = 2;
    const MIN_WEIGHT: i8 = -7;
    const CENTRE: i16 = 8;

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [i16]) -> bool {
        pack_halves::<8>(rows, panel)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
        let Panels { left, right, .. } = panels;
        // Lanes of the right panel at one depth: two vectors.
        const LANES: usize = U4_COLUMNS / 2;
        let last_left = left.as_chunks::<{ ROWS * 2 }>().1;
        let last_right = right.as_chunks::<{ LANES * 2 }>().1;
        let mut all = [[i16x8_splat(0); 2]; ROWS];
        let mut high = all;
        let half = i16x8_splat(128);
        // An odd last depth is the first of a step whose second depth is zero.
        let (mut odd_left, mut odd_right) = ([0; ROWS * 2], [0; LANES * 2]);
        odd_left[..last_left.len()].copy_from_slice(last_left);
        odd_right[..last_right.len()].copy_from_slice(last_right);
        let mut step = |a: &[i16; ROWS * 2], w: &[i16; LANES * 2]| {
            let ([a], [w0, w1, w2, w3]) = (vectors(a), vectors(w));
            let (first, second) = ([w0, w1], [w2, w3]);
            macro_rules! row {
                ($row:literal) => {
                    let (a0, a1) = (broadcast16!(a, $row), broadcast16!(a, ROWS + $row));
                    for vector in 0..2 {
                        let pair = i16x8_add(i16x8_mul(a0, first[vector]), i16x8_mul(a1, second[vector]));
                        all[$row][vector] = i16x8_add(all[$row][vector], pair);
                        high[$row][vector] = i16x8_add(high[$row][vector], i16x8_q15mulr_sat(pair, half));
                    }
                };
            }
            row!(0);
            row!(1);
            row!(2);
            row!(3);
        };
        walk_in_fours(left, right, &mut step);
        if !last_left.is_empty() {
            step(&odd_left, &odd_right);
        }
        let mut sums = [[half; U4_COLUMNS / 4]; ROWS];
        for row in 0..ROWS {
            for vector in 0..2 {
                let high = high[row][vector];
                let low = i16x8_sub(all[row][vector], i16x8_shl(high, 8));
                // Lanes 4 apart stand for columns 8 apart.
                sums[row][4 * vector] = i32x4_extend_low_i16x8(low);
                sums[row][4 * vector + 1] = i32x4_extend_low_i16x8(high);
                sums[row][4 * vector + 2] = i32x4_extend_high_i16x8(low);
                sums[row][4 * vector + 3] = i32x4_extend_high_i16x8(high);
            }
        }
        store(sums, out, stride);
    }
}

const U8_COLUMNS: usize = 16;

kernel! {
    /// 8-bit activations times weights in -127..=127, exact by the argument above; 2^16 products
    /// fit 32 bits.
    U8(Loaded) = "simd128_u8i8_4x16_pair", "WebAssembly simd128";
    (u8 => i16, i8 => i16) -> i32;
    tile ROWS, U8_COLUMNS; group 2; max_depth 1 << 16;
    left |activation| i16::from(activation) - Self::CENTRE;
    right |weights| i16::from(weights[0]);
    const CENTRE: i16 = 128;

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [i16]) -> bool {
        pack::<Centred<128>>(rows, panel)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
        let Panels { left, right, .. } = panels;
        const VECTORS: usize = U8_COLUMNS / 4;
        // A step has two groups of two depths.
        let last_left = left.as_chunks::<{ ROWS * 4 }>().1;
        let last_right = right.as_chunks::<{ U8_COLUMNS * 4 }>().1;
        let mut acc = [[i32x4_splat(0); VECTORS]; ROWS];
        let (mut odd_left, mut odd_right) = ([0; ROWS * 4], [0; U8_COLUMNS * 4]);
        odd_left[..last_left.len()].copy_from_slice(last_left);
        odd_right[..last_right.len()].copy_from_slice(last_right);
        let mut step = |a: &[i16; ROWS * 4], w: &[i16; U8_COLUMNS * 4]| {
            let ([a0, a1], w): ([v128; 2], [v128; 2 * VECTORS]) = (vectors(a), vectors(w));
            macro_rules! row {
                ($row:literal) => {
                    let (a0, a1) = (broadcast32!(a0, $row), broadcast32!(a1, $row));
                    for vector in 0..VECTORS {
                        let pair = i16x8_add(i16x8_mul(a0, w[vector]), i16x8_mul(a1, w[VECTORS + vector]));
                        acc[$row][vector] = i32x4_add(acc[$row][vector], i32x4_extadd_pairwise_i16x8(pair));
                    }
                };
            }
            row!(0);
            row!(1);
            row!(2);
            row!(3);
        };
        walk_in_fours(left, right, &mut step);
        if !last_left.is_empty() {
            step(&odd_left, &odd_right);
        }
        store(acc, out, stride);
    }
}

const F32_COLUMNS: usize = 16;

kernel! {
    /// Single precision. Rows are broadcast from the lanes of a vector; with relaxed SIMD, products
    /// and sums may be fused.
    F32(Loaded) = "simd128_f32_4x16_lanes", if cfg!(target_feature = "relaxed-simd") {
        "WebAssembly relaxed SIMD"
    } else {
        "WebAssembly simd128"
    };
    (f32 => f32, f32 => f32) -> f32;
    tile ROWS, F32_COLUMNS; group 1; max_depth 1 << 20;
    left |activation| activation;
    right |weights| weights[0];

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [f32], panel: &mut [f32]) -> bool {
        pack::<Reals>(rows, panel)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [f32], stride: usize) {
        const VECTORS: usize = F32_COLUMNS / 4;
        let mut acc = [[f32x4_splat(0.0); VECTORS]; ROWS];
        walk_in_twos(panels.left, panels.right, |a: &[f32; ROWS], w: &[f32; F32_COLUMNS]| {
            let ([a], w): ([v128; 1], [v128; VECTORS]) = (vectors(a), vectors(w));
            macro_rules! row {
                ($row:literal) => {
                    let a = broadcast32!(a, $row);
                    for (sum, w) in acc[$row].iter_mut().zip(w) {
                        *sum = multiply_add(a, w, *sum);
                    }
                };
            }
            row!(0);
            row!(1);
            row!(2);
            row!(3);
        });
        store(acc, out, stride);
    }
}
