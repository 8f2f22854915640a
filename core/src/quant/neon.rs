//! Requantisation with NEON: conversions round ties to even and saturate, and narrowing clamps at
//! 0.

use std::arch::aarch64::*;

use super::Requantisation;

/// Channels of a step: two vectors of sums.
const STEP: usize = 8;

/// [`Requantisation::apply`] for the first channels of each pixel, as many as fill whole steps;
/// returns their number.
///
/// # Safety
/// As for [`super::Code::requantise`].
pub(super) unsafe fn requantise(
    how: &Requantisation,
    sums: &[i32],
    stride: usize,
    codes: &mut [u8],
) -> usize {
    let channels = how.bias.len();
    let whole = channels / STEP * STEP;
    for first in (0..whole).step_by(STEP) {
        let (bias, scales) = (how.bias[first..].as_ptr(), how.scales[first..].as_ptr());
        for (pixel, codes) in codes.chunks_exact_mut(channels).enumerate() {
            let sums = sums[pixel * stride + first..][..STEP].as_ptr();
            let four = |at: usize| {
                // SAFETY: `at` is 0 or 4. `first + STEP <= channels`, the length of `bias` and
                // `scales`, and `sums` is a slice of `STEP`: four values can be read at each
                // pointer. NEON is part of every target that this is compiled for.
                unsafe {
                    let sum = vaddq_s32(vld1q_s32(sums.add(at)), vld1q_s32(bias.add(at)));
                    let scaled = vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(scales.add(at)));
                    vqmovn_s32(vcvtnq_s32_f32(scaled))
                }
            };
            let to = codes[first..][..STEP].as_mut_ptr();
            // SAFETY: `to` points to a slice of eight codes of one byte.
            unsafe {
                let bytes = vqmovun_s16(vcombine_s16(four(0), four(4)));
                vst1_u8(to, vmin_u8(bytes, vdup_n_u8(how.largest)));
            }
        }
    }
    whole
}
