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
use super::tile::{Words, store, vectors, walk_in_twos, walk_windows, walk_words};
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
