//! Requantisation with simd128. Code that LLVM vectorises narrows by a shuffle, whose constant
//! engines materialise anew for every four channels.

use std::arch::wasm32::*;

use super::{Code, ROUNDER, Requantisation, Wide};

/// Codes to which numbers of 16 bits are narrowed.
pub(super) trait Narrow: Code {
    /// Stores eight codes of each of two pixels: the numbers, none of which is negative, clamped to
    /// `largest`. Two pixels, because LLVM narrows one vector by several instructions.
    ///
    /// # Safety
    /// Eight codes can be written at each pointer of `to`; they need not be aligned.
    unsafe fn put(to: [*mut Self; 2], numbers: [v128; 2], largest: u8);
}

impl Narrow for u8 {
    #[inline]
    unsafe fn put([first, second]: [*mut Self; 2], numbers: [v128; 2], largest: u8) {
        // Unsigned, so that LLVM sees that all numbers fit: otherwise it clamps them once more.
        let [a, b] = numbers.map(|numbers| u16x8_min(numbers, u16x8_splat(u16::from(largest))));
        let bytes = u8x16_narrow_i16x8(a, b);
        // SAFETY: eight codes, which are 8 bytes, can be written at each pointer.
        unsafe {
            v128_store64_lane::<0>(bytes, first.cast());
            v128_store64_lane::<1>(bytes, second.cast());
        }
    }
}

impl<const CENTRE: i16> Narrow for Wide<CENTRE> {
    #[inline]
    unsafe fn put(to: [*mut Self; 2], numbers: [v128; 2], largest: u8) {
        for (to, numbers) in to.into_iter().zip(numbers) {
            let codes = i16x8_min(numbers, i16x8_splat(i16::from(largest)));
            // SAFETY: eight codes, which are 16 bytes, can be written at each pointer.
            unsafe { v128_store(to.cast(), i16x8_sub(codes, i16x8_splat(CENTRE))) }
        }
    }
}

/// Channels of a step: two vectors of sums. With four, biases and scales leave engines too few
/// registers.
const STEP: usize = 8;

/// [`Requantisation::apply`] for the first channels of each pixel, as many as fill whole steps;
/// returns their number.
///
/// # Safety
/// As for [`Code::requantise`].
pub(super) unsafe fn requantise<C: Narrow>(
    how: &Requantisation,
    sums: &[i32],
    stride: usize,
    codes: &mut [C],
) -> usize {
    let channels = how.bias.len();
    let zero = f32x4_splat(0.0);
    // Hidden from the compiler, so that engines keep it in a register. Subtracting its bits as an
    // integer leaves the rounded number as an integer.
    let rounder = f32x4_splat(std::hint::black_box(ROUNDER));
    let whole = channels / STEP * STEP;
    for first in (0..whole).step_by(STEP) {
        let two = |of: *const v128| {
            // SAFETY: every pointer passed has `STEP` values of 32 bits behind it, two vectors:
            // `first + STEP <= channels`, which is the length of `bias` and `scales`, and by the
            // contract the sums of every pixel, `channels` of them, lie within `sums`.
            unsafe { [v128_load(of), v128_load(of.add(1))] }
        };
        let bias = two(how.bias[first..].as_ptr().cast());
        let scales = two(how.scales[first..].as_ptr().cast());
        let eight = |sums: *const i32| {
            let sums = two(sums.cast());
            let [low, high] = std::array::from_fn(|v| {
                let scaled = f32x4_mul(f32x4_convert_i32x4(i32x4_add(sums[v], bias[v])), scales[v]);
                // Floats that are too large for this rounding still give integers that are larger
                // than any code.
                i32x4_sub(f32x4_add(f32x4_pmax(zero, scaled), rounder), rounder)
            });
            i16x8_narrow_i32x4(low, high)
        };
        let (mut from, mut to) = (sums[first..].as_ptr(), codes[first..].as_mut_ptr());
        let pixels = codes.len() / channels;
        for _ in 0..pixels / 2 {
            let (from2, to2) = (from.wrapping_add(stride), to.wrapping_add(channels));
            // SAFETY: `to` and `to2` point to channel `first` of two pixels within `codes`, each of
            // which has at least `STEP` channels from there on.
            unsafe { C::put([to, to2], [eight(from), eight(from2)], how.largest) };
            (from, to) = (from2.wrapping_add(stride), to2.wrapping_add(channels));
        }
        if pixels % 2 == 1 {
            let last = eight(from);
            // SAFETY: `to` points to channel `first` of the last pixel, as above.
            unsafe { C::put([to, to], [last, last], how.largest) };
        }
    }
    whole
}
