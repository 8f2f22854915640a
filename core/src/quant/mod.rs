//! Quantisation: input codes, requantisation, nibbles. The only float operations between a strip and the logits are here.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "requantisation is defined by these conversions; results are clamped before they are narrowed"
)]

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

/// Added and subtracted, 1.5 * 2^23 rounds an f32 of magnitude below 2^22 to the nearest integer, ties to even.
const ROUNDER: f32 = 12_582_912.0;

/// `clamp(round_ties_even(f32(accumulator) * scale) + zero_point, 0, largest)`.
///
/// One conversion, one product, one rounding, never fused: the same bits on every machine. Clamping to integers first leaves the rounded
/// result as it is and keeps it in the range where adding [`ROUNDER`] rounds.
#[must_use]
pub fn requantise_one(accumulator: i32, scale: f32, zero_point: u8, largest: u8) -> u8 {
    let (zero, top) = (f32::from(zero_point), f32::from(largest));
    let scaled = (accumulator as f32 * scale).max(-zero).min(top - zero);
    (((scaled + ROUNDER) - ROUNDER) + zero) as u8
}

/// One pixel's accumulators to codes, channel by channel: [`requantise_one`] of `sums + bias` without a zero point, in a form that compilers
/// turn into vectors. All slices have one element a channel; scales are positive.
///
/// # Panics
/// If a slice is shorter than `codes`.
#[inline]
pub fn requantise(sums: &[i32], bias: &[i32], scales: &[f32], largest: u8, codes: &mut [u8]) {
    let channels = codes.len();
    let (sums, bias, scales) = (&sums[..channels], &bias[..channels], &scales[..channels]);
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    let done = simd128::requantise(sums, bias, scales, largest, codes);
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    let done = 0;
    let top = f32::from(largest);
    for channel in done..channels {
        let scaled = sums[channel].wrapping_add(bias[channel]) as f32 * scales[channel];
        let scaled = if scaled > 0.0 { scaled } else { 0.0 };
        let scaled = if scaled < top { scaled } else { top };
        // The sum is in 2^23..2^24, where an f32 is an integer with its low bits in the low byte.
        codes[channel] = (scaled + ROUNDER).to_bits() as u8;
    }
}

/// One pixel's sums to rectified reals, channel by channel: `max(sums + bias, 0)`. All slices have one element a channel.
///
/// # Panics
/// If a slice is shorter than `reals`.
#[inline]
pub fn rectify(sums: &[f32], bias: &[f32], reals: &mut [f32]) {
    let channels = reals.len();
    let (sums, bias) = (&sums[..channels], &bias[..channels]);
    for channel in 0..channels {
        let sum = sums[channel] + bias[channel];
        // `f32::max` has rules for what is no number, which take several instructions.
        reals[channel] = if sum > 0.0 { sum } else { 0.0 };
    }
}

/// The 4-bit code of a gray code: `gray * 15 / 255`, rounded.
#[must_use]
pub fn gray_to_u4(gray: u8) -> u8 {
    ((u16::from(gray) * 15 + 127) / 255) as u8
}

/// Two's complement nibbles of `count` weights, even places in the low nibble. Missing bytes read as zero.
#[must_use]
pub fn unpack_nibbles(packed: &[u8], count: usize) -> Vec<i8> {
    let signed = |nibble: u8| (nibble << 4).cast_signed() >> 4;
    (0..count)
        .map(|k| packed.get(k / 2).map_or(0, |&byte| signed(if k % 2 == 0 { byte & 15 } else { byte >> 4 })))
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
        for _ in 0..100_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let accumulator = (state.cast_signed()) >> (state % 23);
            let scale = f32::from_bits(0x3000_0000 + (state >> 6));
            for largest in [15u8, 255] {
                let defined =
                    (accumulator as f32 * scale).round_ties_even().clamp(0.0, f32::from(largest)) as u8;
                assert_eq!(requantise_one(accumulator, scale, 0, largest), defined, "{accumulator} {scale}");
                // Whole vectors and what is left of them; neighbours differ.
                let mut sums = [accumulator.wrapping_sub(9); 61];
                sums.iter_mut().step_by(2).for_each(|sum| *sum /= 3);
                let mut codes = [0; 61];
                requantise(&sums, &[9; 61], &[scale; 61], largest, &mut codes);
                for (sum, code) in sums.into_iter().zip(codes) {
                    let one = requantise_one(sum.wrapping_add(9), scale, 0, largest);
                    assert_eq!(code, one, "{sum} {scale}");
                }
            }
        }
    }

    #[test]
    fn codes_and_nibbles() {
        assert_eq!([0, 8, 9, 25, 26, 255].map(gray_to_u4), [0, 0, 1, 1, 2, 15]);
        assert_eq!(unpack_nibbles(&[0x9f, 0x07], 3), [-1, -7, 7]);
    }
}
