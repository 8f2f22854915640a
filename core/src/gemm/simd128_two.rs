//! WebAssembly simd128 with two filters in one 16-bit lane, for x86 without relaxed SIMD: `lane = w0 + 4096 * w1`. One `i32x4.dot_i16x8_s` then makes 16 products:
//!
//! ```text
//! vector of weights (8 columns x 2 depths)      row of activations, broadcast
//! | w0 w4 | w0 w4 | w1 w5 | w1 w5 | ...   .   | a0 | a1 | a0 | a1 | ...
//!   k0      k1      k0      k1                  -> i32 lanes: (sum for column c) + 4096 * (sum for column c + 4)
//! ```
//!
//! Activations are packed as `a - 8`, so a product lies within `8 |w|`. A run ends before the low field's bound exceeds its 12 bits, sign included: after 18 pairs of the largest
//! weights, twice as many of trained ones. Rounding to a multiple of 4096 splits the field off; what remains belongs to the high filter and keeps accumulating.
//! The low sums stay in memory: with them in registers engines spill the loop.

use std::arch::wasm32::*;

use super::simd128_pack::{Centred, pack};
use super::simd128_tile::{Words, vectors, walk_words};
use super::{Kernel, Panels};

/// Largest sum of a run in the low field.
const MOST_LOW: usize = 2047;
/// What activations are centred by.
const CENTRE: i16 = 8;

/// 4-bit activations times weights in -7..=7, exact: high sums have 20 bits and gain at most 112 a pair, enough for 2^12 depths and more.
#[derive(Debug, Clone, Copy)]
pub(super) struct U4(());

/// Rows of a panel, which a tile goes through in passes: packing and finishing four rows costs little more than two.
const U4_MR: usize = 4;
/// Rows of a pass: its accumulators, two by three, leave registers for the operands.
const U4_ROWS: usize = 2;
const U4_COLUMNS: usize = 24;
/// Columns of a vector of weights.
const U4_STEP: usize = 8;

impl Kernel for U4 {
    type Activation = u8;
    type Weight = i8;
    type Left = i16;
    type Right = i16;
    type Sum = i32;
    const NAME: &'static str = "simd128_u4i4_4x24_pairs";
    const ISA: &'static str = "WebAssembly simd128";
    const MR: usize = U4_MR;
    const NR: usize = U4_COLUMNS;
    const STEP: usize = U4_STEP;
    const GROUP: usize = 2;
    const LANE_COLUMNS: usize = 2;
    const LEAST_WEIGHT: i8 = -7;
    const MAX_DEPTH: usize = 4096;
    const CENTRE: i16 = CENTRE;

    fn detect() -> Option<Self> {
        Some(Self(()))
    }

    #[inline]
    fn left(activation: u8) -> i16 {
        i16::from(activation) - CENTRE
    }

    fn right(weights: &[i8]) -> i16 {
        i16::from(weights[0]) + 4096 * i16::from(weights[1])
    }

    fn run(column: &[i8]) -> usize {
        // Runs are of whole pairs; the bound holds wherever one begins.
        let pairs: Vec<usize> = column
            .chunks(Self::GROUP)
            .map(|pair| pair.iter().map(|&weight| CENTRE as usize * usize::from(weight.unsigned_abs())).sum())
            .collect();
        let (mut first, mut bound, mut shortest) = (0, 0, pairs.len());
        for (last, pair) in pairs.iter().enumerate() {
            bound += pair;
            while bound > MOST_LOW {
                shortest = shortest.min(last - first);
                bound -= pairs[first];
                first += 1;
            }
        }
        shortest.max(1) * Self::GROUP
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [i16]) -> bool {
        pack::<Centred<CENTRE>, U4_MR>(rows, panel)
    }

    #[inline]
    fn tile(self, panels: Panels<'_, Self>, columns: usize, out: &mut [i32], stride: usize) {
        for first in (0..U4_MR).step_by(U4_ROWS) {
            let out = &mut out[first * stride..];
            match columns / U4_STEP {
                1 => pass_u4::<1, { U4_STEP }>(panels, first, out, stride),
                2 => pass_u4::<2, { 2 * U4_STEP }>(panels, first, out, stride),
                _ => pass_u4::<3, { 3 * U4_STEP }>(panels, first, out, stride),
            }
        }
    }
}

/// The rows of a tile from `first` on, `V` vectors each; `COLUMNS` is `V * U4_STEP`.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a small function would be merged into one that counts its vectors")]
fn pass_u4<const V: usize, const COLUMNS: usize>(
    panels: Panels<'_, U4>,
    first: usize,
    out: &mut [i32],
    stride: usize,
) {
    assert!(out.len() >= (U4_ROWS - 1) * stride + COLUMNS, "room for the tile");
    let out = out.as_mut_ptr();
    // SAFETY: the last row's last vector was found to end within `out`. Low sums stand in the first half of each vector's columns.
    let low = |row: usize, vector: usize| unsafe { out.add(row * stride + vector * U4_STEP).cast::<v128>() };
    let mut run = [[i32x4_splat(0); V]; U4_ROWS];
    for (row, run) in run.iter().enumerate() {
        for (vector, zero) in run.iter().enumerate() {
            // SAFETY: `low` points into `out`.
            unsafe { v128_store(low(row, vector), *zero) }
        }
    }
    let run_length = panels.run / U4::GROUP;
    // As little known, so that engines keep them instead of making them anew at each split.
    let (half, high) = std::hint::black_box((i32x4_splat(2048), i32x4_splat(!0xfff)));
    let (mut left, mut right) = (panels.left, panels.right);
    while !left.is_empty() {
        // Cut by lengths, because a count of chunks would be a division for each tile.
        let (a, rest) = left.split_at(left.len().min(run_length * U4_MR * 2));
        left = rest;
        let (w, rest) = right.split_at(right.len().min(run_length * COLUMNS));
        right = rest;
        walk_words::<_, _, U4_MR, COLUMNS>(a, w, first, |a, w| {
            let w: [v128; V] = vectors(w);
            for (row, run) in run.iter_mut().enumerate() {
                let a = a.splat(row);
                for (run, w) in run.iter_mut().zip(w) {
                    *run = i32x4_add(*run, i32x4_dot_i16x8(a, w));
                }
            }
        });
        for (row, run) in run.iter_mut().enumerate() {
            for (vector, run) in run.iter_mut().enumerate() {
                let kept = v128_and(i32x4_add(*run, half), high);
                let field = i32x4_sub(*run, kept);
                *run = kept;
                // SAFETY: `low` points into `out`.
                unsafe { v128_store(low(row, vector), i32x4_add(v128_load(low(row, vector)), field)) }
            }
        }
    }
    for (row, run) in run.iter().enumerate() {
        for (vector, run) in run.iter().enumerate() {
            // SAFETY: the other half of the columns of a vector in `out`.
            unsafe { v128_store(low(row, vector).add(1), i32x4_shr(*run, 12)) }
        }
    }
}
