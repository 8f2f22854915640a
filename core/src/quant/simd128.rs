//! Requantisation with simd128. LLVM's own vectors narrow by a shuffle whose constant engines make anew for every four channels.

use std::arch::wasm32::*;

use super::{ROUNDER, Requantisation};

/// Channels of a step: two vectors of sums. With four, their constants leave engines too few registers.
const STEP: usize = 8;

/// [`Requantisation::apply`] of as many channels as make whole steps, which it says.
pub(super) fn requantise(how: &Requantisation, sums: &[i32], stride: usize, codes: &mut [u8]) -> usize {
    let channels = how.bias.len();
    let (zero, largest) = (f32x4_splat(0.0), u8x16_splat(how.largest));
    // Not known to the compiler, so that engines keep it in a register. Taken away as an integer, it leaves one.
    let rounder = f32x4_splat(std::hint::black_box(ROUNDER));
    let whole = channels / STEP * STEP;
    for first in (0..whole).step_by(STEP) {
        let two = |of: *const v128| {
            // SAFETY: whatever has channels holds another eight; the caller has seen that every pixel has sums.
            unsafe { [v128_load(of), v128_load(of.add(1))] }
        };
        let bias = two(how.bias[first..].as_ptr().cast());
        let scales = two(how.scales[first..].as_ptr().cast());
        let (mut from, mut to) = (sums[first..].as_ptr(), codes[first..].as_mut_ptr());
        for _ in 0..codes.len() / channels {
            let sums = two(from.cast());
            let [low, high] = std::array::from_fn(|v| {
                let scaled = f32x4_mul(f32x4_convert_i32x4(i32x4_add(sums[v], bias[v])), scales[v]);
                // Floats beyond the range of the trick are integers beyond the largest code all the same.
                i32x4_sub(f32x4_add(f32x4_pmax(zero, scaled), rounder), rounder)
            });
            let narrow = i16x8_narrow_i32x4(low, high);
            let bytes = u8x16_min(u8x16_narrow_i16x8(narrow, narrow), largest);
            // SAFETY: the codes of every pixel are there.
            unsafe { v128_store64_lane::<0>(bytes, to.cast()) };
            (from, to) = (from.wrapping_add(stride), to.wrapping_add(channels));
        }
    }
    whole
}
