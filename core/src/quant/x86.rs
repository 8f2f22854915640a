//! Requantisation on x86, with AVX2 or else with SSE4.1: conversions round ties to even, and
//! narrowing saturates, which clamps at 0.

use std::arch::x86_64::*;

use super::{Code, Requantisation, Wide};

/// Vectors of 256 bits: eight channels.
mod bits256 {
    pub(super) use std::arch::x86_64::{
        _mm256_add_epi32 as add, _mm256_cvtepi32_ps as reals, _mm256_cvtps_epi32 as rounded,
        _mm256_loadu_ps as load_reals, _mm256_loadu_si256 as load, _mm256_min_ps as min,
        _mm256_mul_ps as mul, _mm256_set1_ps as splat,
    };
}

/// Vectors of 128 bits: four channels.
mod bits128 {
    pub(super) use std::arch::x86_64::{
        _mm_add_epi32 as add, _mm_cvtepi32_ps as reals, _mm_cvtps_epi32 as rounded,
        _mm_loadu_ps as load_reals, _mm_loadu_si128 as load, _mm_min_ps as min, _mm_mul_ps as mul,
        _mm_set1_ps as splat,
    };
}

/// Codes to which vectors of numbers are narrowed.
pub(super) trait Narrow: Code {
    /// Stores the codes of `V` (one, two or four) vectors of numbers that are at most the largest
    /// code; negative ones become 0.
    ///
    /// # Safety
    /// - The CPU has AVX2.
    /// - `8 * V` codes can be written at `to`, which need not be aligned.
    unsafe fn put256<const V: usize>(to: *mut Self, numbers: [__m256i; V]);

    /// The same with SSE4.1.
    ///
    /// # Safety
    /// - The CPU has SSE4.1.
    /// - `4 * V` codes can be written at `to`, which need not be aligned.
    unsafe fn put128<const V: usize>(to: *mut Self, numbers: [__m128i; V]);
}

impl Narrow for u8 {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn put256<const V: usize>(to: *mut Self, numbers: [__m256i; V]) {
        let pairs = |v: usize| _mm256_packs_epi32(numbers[v % V], numbers[(v + 1) % V]);
        let in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        let bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(pairs(0), pairs(2)), in_order);
        // SAFETY: `8 * V` codes, one byte each, can be written at `to`; each arm writes so many.
        unsafe {
            match V {
                1 => _mm_storel_epi64(to.cast(), _mm256_castsi256_si128(bytes)),
                2 => _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(bytes)),
                _ => _mm256_storeu_si256(to.cast(), bytes),
            }
        }
    }

    #[inline]
    #[target_feature(enable = "sse4.1")]
    unsafe fn put128<const V: usize>(to: *mut Self, numbers: [__m128i; V]) {
        let pairs = |v: usize| _mm_packs_epi32(numbers[v % V], numbers[(v + 1) % V]);
        let bytes = _mm_packus_epi16(pairs(0), pairs(2));
        // SAFETY: `4 * V` codes, one byte each, can be written at `to`; each arm writes so many.
        unsafe {
            match V {
                1 => to.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(bytes)),
                2 => _mm_storel_epi64(to.cast(), bytes),
                _ => _mm_storeu_si128(to.cast(), bytes),
            }
        }
    }
}

impl<const CENTRE: i16> Narrow for Wide<CENTRE> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn put256<const V: usize>(to: *mut Self, numbers: [__m256i; V]) {
        for v in (0..V).step_by(2) {
            let pair = _mm256_packus_epi32(numbers[v], numbers[(v + 1) % V]);
            let in_order = _mm256_permute4x64_epi64::<0b11_01_10_00>(pair);
            let in_order = _mm256_sub_epi16(in_order, _mm256_set1_epi16(CENTRE));
            // SAFETY: `8 * V` codes of two bytes can be written at `to`: eight from `v * 8` on for
            // each of the vectors `v` and, where `V > 1`, `v + 1 < V`.
            unsafe {
                if V == 1 {
                    _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(in_order));
                } else {
                    _mm256_storeu_si256(to.add(v * 8).cast(), in_order);
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "sse4.1")]
    unsafe fn put128<const V: usize>(to: *mut Self, numbers: [__m128i; V]) {
        for v in (0..V).step_by(2) {
            let pair = _mm_packus_epi32(numbers[v], numbers[(v + 1) % V]);
            let pair = _mm_sub_epi16(pair, _mm_set1_epi16(CENTRE));
            // SAFETY: `4 * V` codes of two bytes can be written at `to`: four from `v * 4` on for
            // each of the vectors `v` and, where `V > 1`, `v + 1 < V`.
            unsafe {
                if V == 1 {
                    _mm_storel_epi64(to.cast(), pair);
                } else {
                    _mm_storeu_si128(to.add(v * 4).cast(), pair);
                }
            }
        }
    }
}

/// Defines [`requantise`] in vectors of `$lanes` channels.
macro_rules! by_vectors {
    ($features:literal, $name:ident, $bits:ident, $lanes:literal, $put:ident) => {
        /// # Safety
        /// - The CPU has the features.
        /// - The rest as for [`Code::requantise`].
        #[target_feature(enable = $features)]
        unsafe fn $name<C: Narrow>(
            how: &Requantisation,
            sums: &[i32],
            stride: usize,
            codes: &mut [C],
        ) -> usize {
            /// Requantises `V` vectors of channels of all pixels, from channel `first` on; returns
            /// the number of these channels.
            ///
            /// # Safety
            /// - As for the function around it.
            /// - `first + V * $lanes <= how.bias.len()`.
            #[target_feature(enable = $features)]
            unsafe fn block<const V: usize, C: Narrow>(
                how: &Requantisation,
                sums: &[i32],
                stride: usize,
                codes: &mut [C],
                first: usize,
            ) -> usize {
                let channels = how.bias.len();
                let top = $bits::splat(f32::from(how.largest));
                // SAFETY: `bias` and `scales` have the same length, and by the contract
                // `first + V * $lanes` is at most that.
                let (bias, scales): ([_; V], [_; V]) = unsafe {
                    (
                        std::array::from_fn(|v| {
                            $bits::load(how.bias.as_ptr().add(first + v * $lanes).cast())
                        }),
                        std::array::from_fn(|v| {
                            $bits::load_reals(how.scales.as_ptr().add(first + v * $lanes))
                        }),
                    )
                };
                for (pixel, codes) in codes.chunks_exact_mut(channels).enumerate() {
                    // SAFETY: by the contract the sums of every pixel, `channels` of them from
                    // `pixel * stride` on, lie within `sums`, and `first < channels`.
                    let sums = unsafe { sums.as_ptr().add(pixel * stride + first) };
                    // Products too small for i32 become its minimum, which is clamped to 0.
                    let numbers: [_; V] = std::array::from_fn(|v| {
                        // SAFETY: `first + (v + 1) * $lanes <= channels`, so the sums of this
                        // vector are those of this pixel.
                        let sum = unsafe { $bits::load(sums.add(v * $lanes).cast()) };
                        let scaled = $bits::mul($bits::reals($bits::add(sum, bias[v])), scales[v]);
                        $bits::rounded($bits::min(scaled, top))
                    });
                    let codes = &mut codes[first..first + V * $lanes];
                    // SAFETY: the CPU has the features, and `codes` is a slice of `V * $lanes`
                    // codes.
                    unsafe { C::$put(codes.as_mut_ptr(), numbers) }
                }
                V * $lanes
            }
            let whole = how.bias.len() / $lanes * $lanes;
            let mut first = 0;
            while first < whole {
                // SAFETY: features, lengths and sums are as this function's contract demands, and
                // at least as many whole vectors as `V` are left from `first` on.
                first += unsafe {
                    match (whole - first) / $lanes {
                        1 => block::<1, C>(how, sums, stride, codes, first),
                        2 | 3 => block::<2, C>(how, sums, stride, codes, first),
                        _ => block::<4, C>(how, sums, stride, codes, first),
                    }
                };
            }
            whole
        }
    };
}

by_vectors!("avx2", by_avx2, bits256, 8, put256);
by_vectors!("sse4.1", by_sse41, bits128, 4, put128);

/// [`Requantisation::apply`] for the first channels of each pixel, as many as fill whole vectors;
/// returns their number, which is 0 without SSE4.1.
///
/// # Safety
/// As for [`Code::requantise`].
pub(super) unsafe fn requantise<C: Narrow>(
    how: &Requantisation,
    sums: &[i32],
    stride: usize,
    codes: &mut [C],
) -> usize {
    // SAFETY: each branch has found its features; the rest of the contract is this function's own.
    unsafe {
        if is_x86_feature_detected!("avx2") {
            by_avx2(how, sums, stride, codes)
        } else if is_x86_feature_detected!("sse4.1") {
            by_sse41(how, sums, stride, codes)
        } else {
            0
        }
    }
}
