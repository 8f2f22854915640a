//! Codes as feature maps hold them: what a kernel reads.

use super::Requantisation;
#[cfg(target_arch = "aarch64")]
use super::neon as vectors;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::simd128 as vectors;
#[cfg(target_arch = "x86_64")]
use super::x86 as vectors;

/// A code in a feature map.
pub(crate) trait Code: Copy + Ord + 'static {
    /// A code as maps hold it.
    fn of(code: u8) -> Self;

    /// The code.
    fn code(self) -> u8;

    /// Codes as maps hold them.
    fn all(codes: &[u8]) -> Vec<Self> {
        codes.iter().map(|&code| Self::of(code)).collect()
    }

    /// [`Requantisation::apply`] of as many channels of each pixel as vectors take, which it says; for layers without a zero point.
    ///
    /// # Safety
    /// `how` has as many scales as biases, and `sums` holds those of every pixel: with `n` pixels in
    /// `codes`, `(n - 1) * stride + bias.len() <= sums.len()` without wrap-around.
    unsafe fn requantise(_how: &Requantisation, _sums: &[i32], _stride: usize, _codes: &mut [Self]) -> usize {
        0
    }
}

impl Code for u8 {
    fn of(code: u8) -> Self {
        code
    }

    fn code(self) -> u8 {
        self
    }

    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    ))]
    #[inline]
    unsafe fn requantise(how: &Requantisation, sums: &[i32], stride: usize, codes: &mut [Self]) -> usize {
        // SAFETY: the contract of `vectors::requantise` is this function's own.
        unsafe { vectors::requantise(how, sums, stride, codes) }
    }
}

/// A code less `CENTRE`, in 16 bits: where instructions multiply 16 bits, maps of these are read as they are, and no window is packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "wasm32")),
    allow(dead_code, reason = "kernels of other machines multiply bytes")
)]
pub(crate) struct Wide<const CENTRE: i16>(i16);

impl<const CENTRE: i16> Wide<CENTRE> {
    /// The code less `CENTRE`, as it is stored.
    #[inline]
    #[must_use]
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn stored(self) -> i16 {
        self.0
    }
}

impl<const CENTRE: i16> Code for Wide<CENTRE> {
    #[inline]
    fn of(code: u8) -> Self {
        Self(i16::from(code) - CENTRE)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made of a code")]
    fn code(self) -> u8 {
        (self.0 + CENTRE) as u8
    }

    // No kernel reads these elsewhere.
    #[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
    #[inline]
    unsafe fn requantise(how: &Requantisation, sums: &[i32], stride: usize, codes: &mut [Self]) -> usize {
        // SAFETY: the contract of `vectors::requantise` is this function's own.
        unsafe { vectors::requantise(how, sums, stride, codes) }
    }
}
