//! WebAssembly relaxed SIMD: `i16x8.relaxed_dot_i8x16_i7x16_s` adds pairs of products of bytes.
//!
//! Engines may differ in two points, neither of which matters here. Whether the top bit of the
//! second operand is a sign: activations are at most 15, so it is 0. Whether a pair saturates: with
//! activations in 0..=15 and weights in -8..=7, a pair lies within +-240.

use std::arch::wasm32::*;

use super::Loaded;
use super::pack::{Bytes, pack};
use super::pair::broadcast32;
use super::simd128::MAX_DIRECT_COLUMNS;
use super::tile::{Words, store, store_pairs, vectors, walk_in_twos, walk_windows, walk_words};
use crate::gemm::winograd::{Lanes, PointPanel, PointRows, Strides};
use crate::gemm::{Panels, RightPanel, Windows, pairs_fit};

const ROWS: usize = 4;
const COLUMNS: usize = 8;

kernel! {
    /// 4-bit activations times weights in -8..=7, exact: a pair of products is within +-240, so
    /// those of 136 steps of 4 depths fit 16 bits.
    U4(Loaded) = "relaxed_u4i4_4x8_dot16", "WebAssembly relaxed SIMD";
    (u8 => u8, i8 => i8) -> i32;
    tile ROWS, COLUMNS; group 4; max_depth 136 * 4;
    left |activation| activation;
    right |weights| weights[0];
    const MAX_DIRECT_COLUMNS: usize = MAX_DIRECT_COLUMNS;

    fn fits(column: &[i8]) -> bool {
        pairs_fit(column)
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [u8]) -> bool {
        pack::<Bytes>(rows, panel)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
        let mut acc = [[i16x8_splat(0); COLUMNS / 4]; ROWS];
        walk_words::<_, _, ROWS, { COLUMNS * 4 }>(panels.left, panels.right, |a, w| step(&mut acc, a, w));
        store(acc.map(|row| row.map(|sums| i32x4_extadd_pairwise_i16x8(sums))), out, stride);
    }

    #[inline]
    unsafe fn tile_of_windows(
        self,
        windows: &Windows<'_, u8>,
        right: RightPanel<'_, Self>,
        out: &mut [i32],
        stride: usize,
    ) {
        let mut acc = [[i16x8_splat(0); COLUMNS / 4]; ROWS];
        walk_windows::<_, _, ROWS, { COLUMNS * 4 }>(windows, right.elements, |a, w| step(&mut acc, a, w));
        store(acc.map(|row| row.map(|sums| i32x4_extadd_pairwise_i16x8(sums))), out, stride);
    }

    const POINTS: Option<Lanes> = Some(Lanes::Halves);

    #[inline]
    unsafe fn tile_at_points(
        self,
        rows: &PointRows<'_, Self>,
        right: PointPanel<'_, Self>,
        out: &mut [i32],
        strides: Strides,
    ) {
        const POINT: usize = COLUMNS * 4;
        let mut acc = [[i16x8_splat(0); COLUMNS / 4]; ROWS];
        for (phase, (windows, weights)) in rows.windows.iter().zip(right.phases).enumerate() {
            if phase == 1 {
                join(&mut acc, right.corrections, i16x8_add, i16x8_sub);
            }
            walk_windows::<_, _, ROWS, { 2 * POINT }>(windows, weights, |a, w| {
                step_at_points(&mut acc, a, w, add_dot16);
            });
        }
        let sums = acc.map(|row| row.map(|sums| i32x4_extadd_pairwise_i16x8(sums)));
        store_pairs(sums, out, strides);
    }
}

#[inline]
fn add_dot16(sum: v128, a: v128, w: v128) -> v128 {
    i16x8_add(sum, i16x8_relaxed_dot_i8x16_i7x16(w, a))
}

#[inline]
fn add_dot32(sum: v128, a: v128, w: v128) -> v128 {
    i32x4_relaxed_dot_i8x16_i7x16_add(w, a, sum)
}

/// A step of a tile at points: the first half of the rows is multiplied by the first half of the
/// weights, the second by the second.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the accumulators must stay in registers")]
fn step_at_points(
    acc: &mut [[v128; COLUMNS / 4]; ROWS],
    a: impl Words,
    w: &[i8; 2 * COLUMNS * 4],
    add: impl Fn(v128, v128, v128) -> v128,
) {
    let w: [v128; 2 * COLUMNS / 4] = vectors(w);
    for (row, sums) in acc.iter_mut().enumerate() {
        // SAFETY: `row < ROWS`, and the walk that made `a` is calling this step: its words can be
        // read.
        let a = unsafe { a.splat(row) };
        let from = row / (ROWS / 2) * (COLUMNS / 4);
        for (vector, sum) in sums.iter_mut().enumerate() {
            *sum = add(*sum, a, w[from + vector]);
        }
    }
}

/// Turns the sums at points 1 and 2 into what both outputs need of them, corrections included.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the accumulators must stay in registers")]
fn join<const VECTORS: usize>(
    acc: &mut [[v128; VECTORS]; ROWS],
    corrections: &[i32],
    add: fn(v128, v128) -> v128,
    subtract: fn(v128, v128) -> v128,
) {
    assert!(corrections.len() >= 2 * VECTORS * 4, "one of each output and column");
    let correction = |index: usize| {
        // SAFETY: `index` is below `2 * VECTORS`, and that many vectors were asserted. Loads need
        // no alignment.
        unsafe { v128_load(corrections.as_ptr().add(index * 4).cast()) }
    };
    let (first, second) = acc.split_at_mut(ROWS / 2);
    for (first, second) in first.iter_mut().zip(second) {
        for (vector, (first, second)) in first.iter_mut().zip(second).enumerate() {
            let (one, two) = (*first, *second);
            *first = add(add(one, two), correction(vector));
            *second = add(subtract(one, two), correction(VECTORS + vector));
        }
    }
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "the accumulators must stay in registers")]
fn step(acc: &mut [[v128; COLUMNS / 4]; ROWS], a: impl Words, w: &[i8; COLUMNS * 4]) {
    let w: [v128; COLUMNS / 4] = vectors(w);
    for (row, sums) in acc.iter_mut().enumerate() {
        // SAFETY: `row < ROWS`, and the walk that made `a` is calling this step: its words can be
        // read.
        let a = unsafe { a.splat(row) };
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = i16x8_add(*sum, i16x8_relaxed_dot_i8x16_i7x16(w, a));
        }
    }
}

kernel! {
    /// Activations up to 127 times weights in -127..=127, exact: the instruction
    /// `i32x4.relaxed_dot_i8x16_i7x16_add_s` adds four products to a sum of 32 bits. Engines may
    /// add pairs in 16 bits first, which changes nothing: a pair is at most 2 * 127 * 127 = 32258.
    ///
    /// It is one instruction on arm64 with dotprod (SDOT, on phones) and on x86 with AVX-VNNI
    /// (VPDPBUSD), and a sequence elsewhere. A tile of 16 columns fills the 32 registers of arm64,
    /// one of 8 columns the 16 of x86. Used for 4 bits, and for 7-bit activations.
    Dot32<const DOT_COLUMNS: usize>(Loaded) = if DOT_COLUMNS == 16 {
        "relaxed_u7i8_4x16_dot32"
    } else {
        "relaxed_u7i8_4x8_dot32"
    }, "WebAssembly relaxed SIMD";
    (u8 => u8, i8 => i8) -> i32;
    tile ROWS, DOT_COLUMNS; group 4; max_depth 1 << 16;
    left |activation| activation;
    right |weights| weights[0];
    /// Packed rows are faster on arm64: broadcasting a lane is one instruction, a broadcasting load
    /// is three.
    const MAX_DIRECT_COLUMNS: usize = if DOT_COLUMNS == 16 { 0 } else { MAX_DIRECT_COLUMNS };

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [u8]) -> bool {
        pack::<Bytes>(rows, panel)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
        if DOT_COLUMNS == 16 {
            tile_by_lanes(panels.left, panels.right, out, stride);
        } else {
            let mut acc = [[i32x4_splat(0); COLUMNS / 4]; ROWS];
            walk_words::<_, _, ROWS, { COLUMNS * 4 }>(panels.left, panels.right, |a, w| {
                dot_step(&mut acc, a, w);
            });
            store(acc, out, stride);
        }
    }

    #[inline]
    unsafe fn tile_of_windows(
        self,
        windows: &Windows<'_, u8>,
        right: RightPanel<'_, Self>,
        out: &mut [i32],
        stride: usize,
    ) {
        let mut acc = [[i32x4_splat(0); COLUMNS / 4]; ROWS];
        walk_windows::<_, _, ROWS, { COLUMNS * 4 }>(windows, right.elements, |a, w| dot_step(&mut acc, a, w));
        store(acc, out, stride);
    }

    const POINTS: Option<Lanes> = Some(Lanes::Whole);

    #[inline]
    unsafe fn tile_at_points(
        self,
        rows: &PointRows<'_, Self>,
        right: PointPanel<'_, Self>,
        out: &mut [i32],
        strides: Strides,
    ) {
        if DOT_COLUMNS == 16 {
            return tile_at_points_by_lanes(rows.panels, right.phases, right.corrections, out, strides);
        }
        const POINT: usize = COLUMNS * 4;
        let mut acc = [[i32x4_splat(0); COLUMNS / 4]; ROWS];
        for (phase, (windows, weights)) in rows.windows.iter().zip(right.phases).enumerate() {
            if phase == 1 {
                join(&mut acc, right.corrections, i32x4_add, i32x4_sub);
            }
            walk_windows::<_, _, ROWS, { 2 * POINT }>(windows, weights, |a, w| {
                step_at_points(&mut acc, a, w, add_dot32);
            });
        }
        store_pairs(acc, out, strides);
    }
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "the accumulators must stay in registers")]
fn dot_step(acc: &mut [[v128; COLUMNS / 4]; ROWS], a: impl Words, w: &[i8; COLUMNS * 4]) {
    let w: [v128; COLUMNS / 4] = vectors(w);
    for (row, sums) in acc.iter_mut().enumerate() {
        // SAFETY: `row < ROWS`, and the walk that made `a` is calling this step: its words can be
        // read.
        let a = unsafe { a.splat(row) };
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = i32x4_relaxed_dot_i8x16_i7x16_add(w, a, *sum);
        }
    }
}

/// Columns of the tile for 32 registers.
const WIDE: usize = 16;

/// The tile for 32 registers: rows are broadcast from the lanes of a vector.
#[inline]
fn tile_by_lanes(left: &[u8], right: &[i8], out: &mut [i32], stride: usize) {
    const VECTORS: usize = WIDE / 4;
    let mut acc = [[i32x4_splat(0); VECTORS]; ROWS];
    walk_in_twos(left, right, |a: &[u8; ROWS * 4], w: &[i8; WIDE * 4]| {
        let ([a], w): ([v128; 1], [v128; VECTORS]) = (vectors(a), vectors(w));
        macro_rules! row {
            ($row:literal) => {
                let a = broadcast32!(a, $row);
                for (sum, w) in acc[$row].iter_mut().zip(w) {
                    *sum = i32x4_relaxed_dot_i8x16_i7x16_add(w, a, *sum);
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

/// The same at points: rows 0 and 1 are multiplied by the first half of the weights, rows 2 and 3
/// by the second.
#[inline]
fn tile_at_points_by_lanes(
    left: [&[u8]; 2],
    right: [&[i8]; 2],
    corrections: &[i32],
    out: &mut [i32],
    strides: Strides,
) {
    const VECTORS: usize = WIDE / 4;
    let mut acc = [[i32x4_splat(0); VECTORS]; ROWS];
    for (phase, (left, right)) in left.into_iter().zip(right).enumerate() {
        if phase == 1 {
            join(&mut acc, corrections, i32x4_add, i32x4_sub);
        }
        // One step a round: twice the loads of weights of the direct tile hide the loop's cost.
        let lefts = left.as_chunks::<{ ROWS * 4 }>().0.iter();
        for (a, w) in lefts.zip(right.as_chunks::<{ 2 * WIDE * 4 }>().0) {
            let ([a], w): ([v128; 1], [v128; 2 * VECTORS]) = (vectors(a), vectors(w));
            macro_rules! row {
                ($row:literal) => {
                    let a = broadcast32!(a, $row);
                    for (vector, sum) in acc[$row].iter_mut().enumerate() {
                        *sum = add_dot32(*sum, a, w[$row / 2 * VECTORS + vector]);
                    }
                };
            }
            row!(0);
            row!(1);
            row!(2);
            row!(3);
        }
    }
    store_pairs(acc, out, strides);
}
