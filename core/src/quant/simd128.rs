//! Requantisation with simd128. LLVM's own vectors narrow by a shuffle whose constant engines make anew for every four channels.

use std::arch::wasm32::*;

use super::ROUNDER;

/// Channels of a step.
const STEP: usize = 8;

/// [`super::requantise`] of as many channels as make whole steps, which it says.
///
/// # Panics
/// If a slice is shorter than `codes`.
#[inline]
pub(super) fn requantise(sums: &[i32], bias: &[i32], scales: &[f32], largest: u8, codes: &mut [u8]) -> usize {
    let steps = codes.len() / STEP;
    let done = steps * STEP;
    assert!(sums.len() >= done && bias.len() >= done && scales.len() >= done, "one element a channel");
    let (zero, top) = (f32x4_splat(0.0), f32x4_splat(f32::from(largest)));
    // Not known to the compiler, so that engines keep it in a register. Taken away as an integer, it leaves one.
    let rounder = f32x4_splat(std::hint::black_box(ROUNDER));
    let (mut sums, mut bias, mut scales) = (sums.as_ptr(), bias.as_ptr(), scales.as_ptr());
    let mut to = codes.as_mut_ptr();
    for _ in 0..steps {
        let four = |at: usize| {
            // SAFETY: all slices hold another eight channels.
            let (sum, bias, scale) = unsafe {
                (
                    v128_load(sums.add(at).cast()),
                    v128_load(bias.add(at).cast()),
                    v128_load(scales.add(at).cast()),
                )
            };
            let scaled = f32x4_mul(f32x4_convert_i32x4(i32x4_add(sum, bias)), scale);
            let clamped = f32x4_pmin(top, f32x4_pmax(zero, scaled));
            i32x4_sub(f32x4_add(clamped, rounder), rounder)
        };
        let narrow = i16x8_narrow_i32x4(four(0), four(4));
        // SAFETY: all slices hold another eight channels.
        unsafe {
            v128_store64_lane::<0>(u8x16_narrow_i16x8(narrow, narrow), to.cast());
            (sums, bias, scales, to) = (sums.add(STEP), bias.add(STEP), scales.add(STEP), to.add(STEP));
        }
    }
    done
}
