//! WebAssembly relaxed SIMD: `i16x8.relaxed_dot_i8x16_i7x16_s` adds pairs of products of bytes.
//!
//! The instruction leaves two things open, and neither can be met here. Whether the second operand's top bit is a sign: it is an activation,
//! at most 15. Whether a pair saturates: with activations of 0..=15 and weights of -8..=7 a pair lies within +-240.

use std::arch::wasm32::*;

use super::simd128::MOST_DIRECT_COLUMNS;
use super::simd128_pack::{Bytes, pack};
use super::simd128_pair::broadcast32;
use super::simd128_tile::{Words, store, vectors, walk_in_twos, walk_windows, walk_words};
use super::{Kernel, Panels, RightPanel, Windows, pairs_fit};

const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// 4-bit activations times weights in -8..=7, exact: a pair is at most 240, so 136 steps of 4 depths fit 16 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct U4(());

impl Kernel for U4 {
    type Activation = u8;
    type Weight = i8;
    type Left = u8;
    type Right = i8;
    type Sum = i32;
    const NAME: &'static str = "relaxed_u4i4_4x8_dot16";
    const ISA: &'static str = "WebAssembly relaxed SIMD";
    const MR: usize = ROWS;
    const NR: usize = COLUMNS;
    const GROUP: usize = 4;
    const MOST_DIRECT_COLUMNS: usize = MOST_DIRECT_COLUMNS;
    const MAX_DEPTH: usize = 136 * 4;

    fn detect() -> Option<Self> {
        Some(Self(()))
    }

    #[inline]
    fn left(activation: u8) -> u8 {
        activation
    }

    fn right(weights: &[i8]) -> i8 {
        weights[0]
    }

    fn fits(column: &[i8]) -> bool {
        pairs_fit(column)
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [u8]) -> bool {
        pack::<Bytes>(rows, panel)
    }

    #[inline]
    fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
        let mut acc = [[i16x8_splat(0); COLUMNS / 4]; ROWS];
        walk_words::<_, _, ROWS, { COLUMNS * 4 }>(panels.left, panels.right, |a, w| step(&mut acc, a, w));
        store(acc.map(|row| row.map(|sums| i32x4_extadd_pairwise_i16x8(sums))), out, stride);
    }

    #[inline]
    fn tile_of_windows(
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
        let a = a.splat(row);
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = i16x8_add(*sum, i16x8_relaxed_dot_i8x16_i7x16(w, a));
        }
    }
}

/// Weights in -127..=127 times activations up to 127, exact: `i32x4.relaxed_dot_i8x16_i7x16_add_s` adds four products into 32 bits. The instruction
/// leaves the order of its inner sums open, which 32 bits do not show: four products stay within +-4 * 127 * 127, two of them within 16 bits (32258).
///
/// It is one instruction on arm64 with dotprod (SDOT: phones) and on x86 with AVX-VNNI (VPDPBUSD), and a sequence elsewhere. 16 columns fill the 32 registers
/// of arm64, 8 those of x86. Serves 4 bits, and 7-bit activations with 8-bit weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dot32<const DOT_COLUMNS: usize>(());

impl<const DOT_COLUMNS: usize> Kernel for Dot32<DOT_COLUMNS> {
    type Activation = u8;
    type Weight = i8;
    type Left = u8;
    type Right = i8;
    type Sum = i32;
    const NAME: &'static str =
        if DOT_COLUMNS == 16 { "relaxed_u7i8_4x16_dot32" } else { "relaxed_u7i8_4x8_dot32" };
    const ISA: &'static str = "WebAssembly relaxed SIMD";
    const MR: usize = ROWS;
    const NR: usize = DOT_COLUMNS;
    const GROUP: usize = 4;
    /// On arm64 packed rows are better: a lane is broadcast by one instruction, a load that broadcasts is three.
    const MOST_DIRECT_COLUMNS: usize = if DOT_COLUMNS == 16 { 0 } else { MOST_DIRECT_COLUMNS };
    const MAX_DEPTH: usize = 1 << 16;

    fn detect() -> Option<Self> {
        Some(Self(()))
    }

    #[inline]
    fn left(activation: u8) -> u8 {
        activation
    }

    fn right(weights: &[i8]) -> i8 {
        weights[0]
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [u8]) -> bool {
        pack::<Bytes>(rows, panel)
    }

    #[inline]
    fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
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
    fn tile_of_windows(
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
        let a = a.splat(row);
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = i32x4_relaxed_dot_i8x16_i7x16_add(w, a, *sum);
        }
    }
}

/// Columns of the tile for 32 registers.
const WIDE: usize = 16;

/// The tile for 32 registers: rows are broadcast from the lanes of one vector.
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
