//! Requantisation with AVX2: conversions round to even, and the saturation of narrowing clamps at zero.

use std::arch::x86_64::*;

use super::{Code, Requantisation, Wide};

/// Channels of a vector.
const LANES: usize = 8;

/// Codes that vectors of numbers become.
pub(super) trait Narrow: Code {
    /// Stores the codes of `V` vectors of numbers up to the largest code; those below zero become zero.
    ///
    /// # Safety
    /// There is room for them.
    unsafe fn put<const V: usize>(to: *mut Self, numbers: [__m256i; V]);
}

impl Narrow for u8 {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn put<const V: usize>(to: *mut Self, numbers: [__m256i; V]) {
        let pairs = |v: usize| _mm256_packs_epi32(numbers[v % V], numbers[(v + 1) % V]);
        let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(pairs(0), pairs(2)), in_order);
        // SAFETY: the caller's promise.
        unsafe {
            match V {
                1 => _mm_storel_epi64(to.cast(), _mm256_castsi256_si128(bytes)),
                2 => _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(bytes)),
                _ => _mm256_storeu_si256(to.cast(), bytes),
            }
        }
    }
}

impl<const CENTRE: i16> Narrow for Wide<CENTRE> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn put<const V: usize>(to: *mut Self, numbers: [__m256i; V]) {
        for v in (0..V).step_by(2) {
            let pair = _mm256_packus_epi32(numbers[v], numbers[(v + 1) % V]);
            let in_order = _mm256_permute4x64_epi64::<0b11_01_10_00>(pair);
            let in_order = _mm256_sub_epi16(in_order, _mm256_set1_epi16(CENTRE));
            // SAFETY: the caller's promise.
            unsafe {
                if V == 1 {
                    _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(in_order));
                } else {
                    _mm256_storeu_si256(to.add(v * LANES).cast(), in_order);
                }
            }
        }
    }
}

/// [`Requantisation::apply`] of as many channels as make whole vectors, which it says. None without AVX2.
///
/// # Safety
/// As of `Code::requantise`.
pub(super) unsafe fn requantise<C: Narrow>(
    how: &Requantisation,
    sums: &[i32],
    stride: usize,
    codes: &mut [C],
) -> usize {
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
                1 => block::<1, C>(how, sums, stride, codes, first),
                2 | 3 => block::<2, C>(how, sums, stride, codes, first),
                _ => block::<4, C>(how, sums, stride, codes, first),
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
unsafe fn block<const V: usize, C: Narrow>(
    how: &Requantisation,
    sums: &[i32],
    stride: usize,
    codes: &mut [C],
    first: usize,
) -> usize {
    let channels = how.bias.len();
    let top = _mm256_set1_ps(f32::from(how.largest));
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
        let codes = &mut codes[first..first + V * LANES];
        // SAFETY: a slice of so many codes.
        unsafe { C::put(codes.as_mut_ptr(), rounded) }
    }
    V * LANES
}
