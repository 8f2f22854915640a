//! Quantisation: input codes, requantisation and nibbles. In integer networks, the only float
//! operations between input and logits are here.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "requantisation is defined by these conversions; results are clamped before they are narrowed"
)]

mod code;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use code::{Code, Wide};

use crate::bounds::tile_fits;

/// 1.5 * 2^23: adding and subtracting it rounds an f32 of magnitude below 2^22 to the nearest
/// integer, ties to even.
const ROUNDER: f32 = 12_582_912.0;

/// `clamp(round_ties_even(f32(accumulator) * scale) + zero_point, 0, largest)`.
///
/// One conversion, one product and one rounding, never fused: the same bits on every machine. The
/// product is clamped before it is rounded, which gives the same result, because the bounds are
/// integers, and keeps it in the range where adding [`ROUNDER`] rounds.
#[must_use]
pub(crate) fn requantise_one(accumulator: i32, scale: f32, zero_point: u8, largest: u8) -> u8 {
    let (zero, top) = (f32::from(zero_point), f32::from(largest));
    let scaled = (accumulator as f32 * scale).max(-zero).min(top - zero);
    (((scaled + ROUNDER) - ROUNDER) + zero) as u8
}

/// How the sums of a layer become the codes of the next one.
#[derive(Debug, Clone)]
pub(crate) struct Requantisation {
    /// Added to a channel's sums.
    pub(crate) bias: Vec<i32>,
    /// A channel's factor, positive and finite.
    pub(crate) scales: Vec<f32>,
    /// The code that means 0.0.
    pub(crate) zero_point: u8,
    /// The largest code.
    pub(crate) largest: u8,
}

impl Requantisation {
    /// The requantisation of sums that are twice as large, with the same codes: doubling is exact
    /// in f32, and so is halving a scale. `None` where it would not be: if a bias leaves sums less
    /// than three quarters of 31 bits, or a scale is next to the smallest number.
    pub(crate) fn doubled(&self) -> Option<Self> {
        const MAX_BIAS: u32 = 1 << 29;
        let mut doubled = self.clone();
        for scale in &mut doubled.scales {
            *scale /= 2.0;
            if !scale.is_normal() {
                return None;
            }
        }
        for bias in &mut doubled.bias {
            if bias.unsigned_abs() > MAX_BIAS {
                return None;
            }
            *bias *= 2;
        }
        Some(doubled)
    }

    /// Requantises the sums of pixels, `stride` apart, to `codes`, `[pixel][channel]`: by
    /// [`requantise_one`], with the bias added to each sum.
    ///
    /// # Panics
    /// If `bias` and `scales` differ in length, if `stride` is smaller than that, or if `sums` is
    /// too short for the pixels of `codes`.
    pub(crate) fn apply<C: Code>(&self, sums: &[i32], stride: usize, codes: &mut [C]) {
        let channels = self.bias.len();
        assert!(channels == self.scales.len() && channels <= stride, "one of each a channel");
        let pixels = codes.len().checked_div(channels).unwrap_or(0);
        assert!(
            pixels == 0 || tile_fits(pixels, channels, stride, sums.len()),
            "sums of every pixel"
        );
        let mut done = 0;
        if self.zero_point == 0 {
            // SAFETY: asserted above: `scales` is as long as `bias`, and by `tile_fits` the sums of
            // the last pixel end within `sums`, without wrap-around.
            done = unsafe { C::requantise(self, sums, stride, codes) };
        }
        for (codes, sums) in codes.chunks_exact_mut(channels.max(1)).zip(sums.chunks(stride.max(1)))
        {
            for channel in done..channels {
                let sum = sums[channel].wrapping_add(self.bias[channel]);
                let code = requantise_one(sum, self.scales[channel], self.zero_point, self.largest);
                codes[channel] = C::of(code);
            }
        }
    }
}

/// Rectifies the sums of pixels, `stride` apart, to `reals`, `[pixel][channel]`: `max(sum + bias,
/// 0)`.
///
/// # Panics
/// If `stride` is smaller than the number of channels.
#[inline]
pub(crate) fn rectify(sums: &[f32], stride: usize, bias: &[f32], reals: &mut [f32]) {
    for (reals, sums) in reals.chunks_exact_mut(bias.len().max(1)).zip(sums.chunks(stride.max(1))) {
        for ((real, sum), bias) in reals.iter_mut().zip(&sums[..bias.len()]).zip(bias) {
            let sum = sum + bias;
            // `f32::max` treats NaN specially, which takes several instructions.
            *real = if sum > 0.0 { sum } else { 0.0 };
        }
    }
}

/// The 4-bit code of a gray value: `gray * 15 / 255`, rounded.
#[must_use]
pub(crate) fn gray_to_u4(gray: u8) -> u8 {
    ((u16::from(gray) * 15 + 127) / 255) as u8
}

/// Unpacks `count` weights from two's complement nibbles; weights of even index are in the low
/// nibble. Missing bytes count as zero.
#[must_use]
pub(crate) fn unpack_nibbles(packed: &[u8], count: usize) -> Vec<i8> {
    let signed = |nibble: u8| (nibble << 4).cast_signed() >> 4;
    (0..count)
        .map(|k| {
            packed
                .get(k / 2)
                .map_or(0, |&byte| signed(if k % 2 == 0 { byte & 15 } else { byte >> 4 }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_even_and_clamped() {
        let of = |accumulator| requantise_one(accumulator, 0.5, 0, 15);
        assert_eq!([1, 3, 5, 7].map(of), [0, 2, 2, 4]);
        assert_eq!(of(-9), 0);
        assert_eq!(of(i32::MAX), 15);
        assert_eq!(of(i32::MIN), 0);
        assert_eq!(requantise_one(-3, 1.0, 5, 15), 2);
        assert_eq!(requantise_one(-30, 1.0, 5, 15), 0);
    }

    #[test]
    fn requantisation_is_the_definition() {
        let mut state = 7u32;
        // Miri interprets, which takes a thousand times as long.
        for _ in 0..if cfg!(miri) { 50 } else { 100_000 } {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let accumulator = (state.cast_signed()) >> (state % 23);
            let scale = f32::from_bits(0x3000_0000 + (state >> 6));
            for largest in [15u8, 255] {
                let defined = (accumulator as f32 * scale)
                    .round_ties_even()
                    .clamp(0.0, f32::from(largest)) as u8;
                assert_eq!(
                    requantise_one(accumulator, scale, 0, largest),
                    defined,
                    "{accumulator} {scale}"
                );
                // Whole vectors and a remainder; neighbouring sums differ.
                for zero_point in [0, 3] {
                    let mut sums = [accumulator.wrapping_sub(9); 3 * 64];
                    sums.iter_mut().step_by(2).for_each(|sum| *sum /= 3);
                    let how = Requantisation {
                        bias: vec![9; 61],
                        scales: vec![scale; 61],
                        zero_point,
                        largest,
                    };
                    let (mut codes, mut wide) = ([0; 3 * 61], [Wide::<8>::of(0); 3 * 61]);
                    how.apply(&sums, 64, &mut codes);
                    how.apply(&sums, 64, &mut wide);
                    for (at, (&code, wide)) in codes.iter().zip(wide).enumerate() {
                        let sum = sums[at / 61 * 64 + at % 61];
                        let one = requantise_one(sum.wrapping_add(9), scale, zero_point, largest);
                        assert_eq!([code, wide.code()], [one; 2], "{sum} {scale}");
                    }
                }
            }
        }
    }

    /// The bound of four pixels wraps around to 7, which an unchecked computation would accept.
    #[test]
    #[should_panic(expected = "sums of every pixel")]
    #[cfg(target_pointer_width = "64")]
    fn strides_that_wrap_around_are_refused() {
        let (bias, scales) = (vec![0; 8], vec![1.0; 8]);
        let how = Requantisation { bias, scales, zero_point: 0, largest: 15 };
        how.apply(&[0; 8], 0x5555_5555_5555_5555, &mut [0u8; 32]);
    }

    #[test]
    fn codes_and_nibbles() {
        assert_eq!([0, 8, 9, 25, 26, 255].map(gray_to_u4), [0, 0, 1, 1, 2, 15]);
        assert_eq!(unpack_nibbles(&[0x9f, 0x07], 3), [-1, -7, 7]);
    }
}
