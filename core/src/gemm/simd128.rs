//! WebAssembly simd128: 128-bit vectors, 16 registers on x86, so small tiles and no unrolling over the depth (engines spill it).
//!
//! The 4-bit kernel keeps two filters in one 16-bit lane: `lane = w0 + 4096 * w1`. One `i32x4.dot_i16x8_s` then makes 16 products:
//!
//! ```text
//! vector of weights (8 columns x 2 depths)      row of activations, broadcast
//! | w0 w4 | w0 w4 | w1 w5 | w1 w5 | ...   .   | a0 | a1 | a0 | a1 | ...
//!   k0      k1      k0      k1                  -> i32 lanes: (sum for column c) + 4096 * (sum for column c + 4)
//! ```
//!
//! A pair of products lies within +-2 * 15 * 7 = +-210. A run of 8 pairs starts at 2048, so its low field stays within 2048 +- 1680, inside
//! 12 bits, and is split off exactly: `low = run & 0xfff`. What remains above belongs to the high filter and keeps accumulating.

use std::arch::wasm32::*;

use super::Kernel;
use super::simd128_pack::{Reals, Widened, pack};
use super::simd128_tile::{Words, store, vectors, walk_words};

/// Pairs of depths between two splits of the fields.
const RUN: usize = 8;
/// Where the low field starts, so that it never borrows from the high one.
const MIDDLE: i32 = 2048;

/// 4-bit activations times weights in -7..=7, exact: high sums have 20 bits, enough for 2^12 depths and more.
#[derive(Debug, Clone, Copy)]
pub(super) struct U4(());

const U4_ROWS: usize = 2;
const U4_COLUMNS: usize = 24;

impl Kernel for U4 {
    type Activation = u8;
    type Weight = i8;
    type Left = i16;
    type Right = i16;
    type Sum = i32;
    const NAME: &'static str = "simd128_u4i4_2x24_pairs";
    const ISA: &'static str = "WebAssembly simd128";
    const MR: usize = U4_ROWS;
    const NR: usize = U4_COLUMNS;
    const GROUP: usize = 2;
    const LANE_COLUMNS: usize = 2;
    const MAX_DEPTH: usize = 4096;

    fn detect() -> Option<Self> {
        Some(Self(()))
    }

    #[inline]
    fn left(activation: u8) -> i16 {
        i16::from(activation)
    }

    fn right(weights: &[i8]) -> i16 {
        i16::from(weights[0]) + 4096 * i16::from(weights[1])
    }

    fn add(a: i32, b: i32) -> i32 {
        a + b
    }

    #[inline]
    fn tile(self, left: &[i16], right: &[i16], sums: &[i32], out: &mut [i32]) {
        self.tile_into(left, right, sums, out, U4_COLUMNS);
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [i16]) -> usize {
        pack::<Widened, U4_ROWS>(rows, panel)
    }

    #[inline]
    fn tile_into(self, left: &[i16], right: &[i16], _sums: &[i32], out: &mut [i32], stride: usize) {
        const VECTORS: usize = U4_COLUMNS / 8;
        let (middle, mask) = (i32x4_splat(MIDDLE), i32x4_splat(0xfff));
        let mut run = [[middle; VECTORS]; U4_ROWS];
        let mut low = [[i32x4_splat(0); VECTORS]; U4_ROWS];
        let mut runs = 0;
        // A count that the compiler does not know: it would unroll the run, and engines spill that.
        let run_length = std::hint::black_box(RUN);
        let (mut left, mut right) = (left, right);
        while !left.is_empty() {
            // Cut by lengths, because a count of chunks would be a division for each tile.
            let (a, rest) = left.split_at(left.len().min(run_length * U4_ROWS * 2));
            left = rest;
            let (w, rest) = right.split_at(right.len().min(run_length * U4_COLUMNS));
            right = rest;
            walk_words(a, w, |a: Words<'_, U4_ROWS>, w: &[i16; U4_COLUMNS]| {
                let w: [v128; VECTORS] = vectors(w);
                for (row, run) in run.iter_mut().enumerate() {
                    let a = a.splat(row);
                    for (run, w) in run.iter_mut().zip(w) {
                        *run = i32x4_add(*run, i32x4_dot_i16x8(a, w));
                    }
                }
            });
            for (run, low) in run.iter_mut().flatten().zip(low.iter_mut().flatten()) {
                let field = v128_and(*run, mask);
                *low = i32x4_add(*low, field);
                *run = v128_or(v128_xor(*run, field), middle);
            }
            runs += 1;
        }
        let started = i32x4_splat(MIDDLE * runs);
        let mut sums = [[started; 2 * VECTORS]; U4_ROWS];
        for row in 0..U4_ROWS {
            for vector in 0..VECTORS {
                sums[row][2 * vector] = i32x4_sub(low[row][vector], started);
                sums[row][2 * vector + 1] = i32x4_shr(run[row][vector], 12);
            }
        }
        store(sums, out, stride);
    }
}

/// Rows and columns of the 8-bit and the float tile.
const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// 8-bit activations times weights in -127..=127, exact: both are widened to 16 bits when packed; 2^16 products fit 32 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct U8(());

impl Kernel for U8 {
    type Activation = u8;
    type Weight = i8;
    type Left = i16;
    type Right = i16;
    type Sum = i32;
    const NAME: &'static str = "simd128_u8i8_4x8";
    const ISA: &'static str = "WebAssembly simd128";
    const MR: usize = ROWS;
    const NR: usize = COLUMNS;
    const GROUP: usize = 2;
    const MAX_DEPTH: usize = 1 << 16;

    fn detect() -> Option<Self> {
        Some(Self(()))
    }

    #[inline]
    fn left(activation: u8) -> i16 {
        i16::from(activation)
    }

    fn right(weights: &[i8]) -> i16 {
        i16::from(weights[0])
    }

    fn add(a: i32, b: i32) -> i32 {
        a + b
    }

    #[inline]
    fn tile(self, left: &[i16], right: &[i16], sums: &[i32], out: &mut [i32]) {
        self.tile_into(left, right, sums, out, COLUMNS);
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [i16]) -> usize {
        pack::<Widened, ROWS>(rows, panel)
    }

    #[inline]
    fn tile_into(self, left: &[i16], right: &[i16], _sums: &[i32], out: &mut [i32], stride: usize) {
        let mut acc = [[i32x4_splat(0); COLUMNS / 4]; ROWS];
        walk_words(left, right, |a: Words<'_, ROWS>, w: &[i16; COLUMNS * 2]| {
            let w: [v128; COLUMNS / 4] = vectors(w);
            for (row, sums) in acc.iter_mut().enumerate() {
                let a = a.splat(row);
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = i32x4_add(*sum, i32x4_dot_i16x8(a, w));
                }
            }
        });
        store(acc, out, stride);
    }
}

/// Single precision; fused where relaxed SIMD has it, which is why this network is compared with a tolerance.
#[derive(Debug, Clone, Copy)]
pub(super) struct F32(());

#[cfg(target_feature = "relaxed-simd")]
fn multiply_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_relaxed_madd(a, b, c)
}

#[cfg(not(target_feature = "relaxed-simd"))]
fn multiply_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_add(f32x4_mul(a, b), c)
}

impl Kernel for F32 {
    type Activation = f32;
    type Weight = f32;
    type Left = f32;
    type Right = f32;
    type Sum = f32;
    const NAME: &'static str = "simd128_f32_4x8";
    const ISA: &'static str = if cfg!(target_feature = "relaxed-simd") {
        "WebAssembly relaxed SIMD"
    } else {
        "WebAssembly simd128"
    };
    const MR: usize = ROWS;
    const NR: usize = COLUMNS;
    const GROUP: usize = 1;
    const MAX_DEPTH: usize = 1 << 20;

    fn detect() -> Option<Self> {
        Some(Self(()))
    }

    #[inline]
    fn left(activation: f32) -> f32 {
        activation
    }

    fn right(weights: &[f32]) -> f32 {
        weights[0]
    }

    fn add(a: f32, b: f32) -> f32 {
        a + b
    }

    #[inline]
    fn tile(self, left: &[f32], right: &[f32], sums: &[i32], out: &mut [f32]) {
        self.tile_into(left, right, sums, out, COLUMNS);
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [f32], panel: &mut [f32]) -> usize {
        pack::<Reals, ROWS>(rows, panel)
    }

    #[inline]
    fn tile_into(self, left: &[f32], right: &[f32], _sums: &[i32], out: &mut [f32], stride: usize) {
        let mut acc = [[f32x4_splat(0.0); COLUMNS / 4]; ROWS];
        walk_words(left, right, |a: Words<'_, ROWS>, w: &[f32; COLUMNS]| {
            let w: [v128; COLUMNS / 4] = vectors(w);
            for (row, sums) in acc.iter_mut().enumerate() {
                let a = a.splat(row);
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = multiply_add(a, w, *sum);
                }
            }
        });
        store(acc, out, stride);
    }
}
