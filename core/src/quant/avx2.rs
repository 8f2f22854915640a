//! Requantisation with AVX2: conversions round to even, and the saturation of narrowing clamps at zero.

use std::arch::x86_64::*;

use super::Requantisation;

/// Channels of a vector.
const LANES: usize = 8;

/// [`Requantisation::apply`] of as many channels as make whole vectors, which it says. None without AVX2.
pub(super) fn requantise(how: &Requantisation, sums: &[i32], stride: usize, codes: &mut [u8]) -> usize {
    if !is_x86_feature_detected!("avx2") {
        return 0;
    }
    let channels = how.bias.len();
    let whole = channels / LANES * LANES;
    let mut first = 0;
    while first < whole {
        // SAFETY: AVX2 was found; the caller has seen that every pixel has sums, and the channels are there.
        first += unsafe {
            match (whole - first) / LANES {
                1 => block::<1>(how, sums, stride, codes, first),
                2 | 3 => block::<2>(how, sums, stride, codes, first),
                _ => block::<4>(how, sums, stride, codes, first),
            }
        };
    }
    whole
}

/// `V` vectors of channels of all pixels, from channel `first` on. Says how many channels these are.
///
/// # Safety
/// There are so many channels, and `sums` holds those of every pixel.
#[target_feature(enable = "avx2")]
unsafe fn block<const V: usize>(
    how: &Requantisation,
    sums: &[i32],
    stride: usize,
    codes: &mut [u8],
    first: usize,
) -> usize {
    let channels = how.bias.len();
    let top = _mm256_set1_ps(f32::from(how.largest));
    let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    // SAFETY: the caller's promise.
    let (bias, scales): ([_; V], [_; V]) = unsafe {
        (
            std::array::from_fn(|v| _mm256_loadu_si256(how.bias.as_ptr().add(first + v * LANES).cast())),
            std::array::from_fn(|v| _mm256_loadu_ps(how.scales.as_ptr().add(first + v * LANES))),
        )
    };
    for (pixel, codes) in codes.chunks_exact_mut(channels).enumerate() {
        // SAFETY: the caller's promise.
        let sums = unsafe { sums.as_ptr().add(pixel * stride + first) };
        // What is too small, or no i32, becomes negative.
        let rounded: [_; V] = std::array::from_fn(|v| {
            // SAFETY: the caller's promise.
            let sum = unsafe { _mm256_loadu_si256(sums.add(v * LANES).cast()) };
            let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sum, bias[v])), scales[v]);
            _mm256_cvtps_epi32(_mm256_min_ps(scaled, top))
        });
        let pairs = |v: usize| _mm256_packs_epi32(rounded[v % V], rounded[(v + 1) % V]);
        let bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(pairs(0), pairs(2)), in_order);
        let to = codes[first..first + V * LANES].as_mut_ptr();
        // SAFETY: a slice of so many codes.
        unsafe {
            match V {
                1 => _mm_storel_epi64(to.cast(), _mm256_castsi256_si128(bytes)),
                2 => _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(bytes)),
                _ => _mm256_storeu_si256(to.cast(), bytes),
            }
        }
    }
    V * LANES
}
