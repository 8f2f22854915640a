//! WebAssembly simd128 for x86, where vectors of 128 bits have 16 registers: tiles are small, and
//! loops over the depth are not unrolled, because engines unroll them or spill.

use std::arch::wasm32::*;

use super::Loaded;
use super::pack::{Reals, pack};
use super::tile::{Words, store, vectors, walk_windows, walk_words};
use crate::gemm::{Panels, RightPanel, Windows};
use crate::quant::Wide;

/// Up to this many columns, reading the map is faster than packing it first.
pub(super) const MAX_DIRECT_COLUMNS: usize = 192;

/// Rows of both tiles.
const ROWS: usize = 4;
/// Columns of both tiles.
const COLUMNS: usize = 8;

kernel! {
    /// 8-bit activations times weights in -127..=127, exact: maps and weights have 16 bits, and
    /// 2^16 products of at most 255 * 127 fit 32 bits.
    U8(Loaded) = "simd128_u8i8_4x8", "WebAssembly simd128";
    (Wide<0> => i16, i8 => i16) -> i32;
    tile ROWS, COLUMNS; group 2; max_depth 1 << 16;
    left |activation| activation.stored();
    right |weights| i16::from(weights[0]);
    const MAX_DIRECT_COLUMNS: usize = MAX_DIRECT_COLUMNS;

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [Wide<0>], panel: &mut [i16]) -> bool {
        pack::<Wide<0>>(rows, panel)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
        let mut acc = [[i32x4_splat(0); COLUMNS / 4]; ROWS];
        walk_words::<_, _, ROWS, { COLUMNS * 2 }>(panels.left, panels.right, |a, w| step_u8(&mut acc, a, w));
        store(acc, out, stride);
    }

    #[inline]
    unsafe fn tile_of_windows(
        self,
        windows: &Windows<'_, Wide<0>>,
        right: RightPanel<'_, Self>,
        out: &mut [i32],
        stride: usize,
    ) {
        let mut acc = [[i32x4_splat(0); COLUMNS / 4]; ROWS];
        walk_windows::<_, _, ROWS, { COLUMNS * 2 }>(windows, right.elements, |a, w| step_u8(&mut acc, a, w));
        store(acc, out, stride);
    }
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "the accumulators must stay in registers")]
fn step_u8(acc: &mut [[v128; COLUMNS / 4]; ROWS], a: impl Words, w: &[i16; COLUMNS * 2]) {
    let w: [v128; COLUMNS / 4] = vectors(w);
    for (row, sums) in acc.iter_mut().enumerate() {
        // SAFETY: `row < ROWS`, and the walk that made `a` is calling this step: its words can be
        // read.
        let a = unsafe { a.splat(row) };
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = i32x4_add(*sum, i32x4_dot_i16x8(a, w));
        }
    }
}

/// `a * b + c`, rounded once or twice, as the engine prefers.
#[cfg(target_feature = "relaxed-simd")]
pub(super) fn multiply_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_relaxed_madd(a, b, c)
}

/// `a * b + c`; the product and the sum are rounded.
#[cfg(not(target_feature = "relaxed-simd"))]
pub(super) fn multiply_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_add(f32x4_mul(a, b), c)
}

kernel! {
    /// Single precision. With relaxed SIMD, products and sums may be fused; this is one reason why
    /// networks in single precision are compared with a tolerance.
    F32(Loaded) = "simd128_f32_4x8", if cfg!(target_feature = "relaxed-simd") {
        "WebAssembly relaxed SIMD"
    } else {
        "WebAssembly simd128"
    };
    (f32 => f32, f32 => f32) -> f32;
    tile ROWS, COLUMNS; group 1; max_depth 1 << 20;
    left |activation| activation;
    right |weights| weights[0];
    const MAX_DIRECT_COLUMNS: usize = MAX_DIRECT_COLUMNS;

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [f32], panel: &mut [f32]) -> bool {
        pack::<Reals>(rows, panel)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [f32], stride: usize) {
        let mut acc = [[f32x4_splat(0.0); COLUMNS / 4]; ROWS];
        walk_words::<_, _, ROWS, { COLUMNS }>(panels.left, panels.right, |a, w| step_f32(&mut acc, a, w));
        store(acc, out, stride);
    }

    #[inline]
    unsafe fn tile_of_windows(
        self,
        windows: &Windows<'_, f32>,
        right: RightPanel<'_, Self>,
        out: &mut [f32],
        stride: usize,
    ) {
        let mut acc = [[f32x4_splat(0.0); COLUMNS / 4]; ROWS];
        walk_windows::<_, _, ROWS, COLUMNS>(windows, right.elements, |a, w| step_f32(&mut acc, a, w));
        store(acc, out, stride);
    }
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "the accumulators must stay in registers")]
fn step_f32(acc: &mut [[v128; COLUMNS / 4]; ROWS], a: impl Words, w: &[f32; COLUMNS]) {
    let w: [v128; COLUMNS / 4] = vectors(w);
    for (row, sums) in acc.iter_mut().enumerate() {
        // SAFETY: `row < ROWS`, and the walk that made `a` is calling this step: its words can be
        // read.
        let a = unsafe { a.splat(row) };
        for (sum, w) in sums.iter_mut().zip(w) {
            *sum = multiply_add(a, w, *sum);
        }
    }
}
