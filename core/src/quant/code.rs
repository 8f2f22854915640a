//! Codes in the form in which a feature map stores them, and a kernel reads them.

use super::Requantisation;
#[cfg(target_arch = "aarch64")]
use super::neon as vectors;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::simd128 as vectors;
#[cfg(target_arch = "x86_64")]
use super::x86 as vectors;
use crate::gemm::winograd::{self, Chunk};

/// A stored code: an activation of an integer network.
pub(crate) trait Code: Copy + Ord + 'static {
    /// Whether any kernel computes pairs of outputs ([`crate::gemm::pairs`]) of such codes. Where
    /// none does, pages need not load the code for it.
    const HAS_PAIRS: bool = false;

    /// Stores a code.
    fn of(code: u8) -> Self;

    /// The code that is stored.
    fn code(self) -> u8;

    /// Stores all `codes`.
    fn all(codes: &[u8]) -> Vec<Self> {
        codes.iter().map(|&code| Self::of(code)).collect()
    }

    /// Inputs of neighbouring outputs at the points of [`crate::gemm::winograd`].
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the instruction set of its caller")]
    fn at_points(inputs: [Chunk<Self>; 4]) -> [Chunk<Self>; 4] {
        winograd::at_points(inputs)
    }

    /// [`Requantisation::apply`] for the first channels of each pixel, as many as fill whole
    /// vectors; returns their number. Ignores the zero point, which must be 0.
    ///
    /// # Safety
    /// - `how.scales` is as long as `how.bias`: the number of channels, which is at most `stride`.
    /// - With `n = codes.len() / channels` pixels, `n` is 0 or
    ///   `(n - 1) * stride + channels <= sums.len()`, computed without wrap-around.
    unsafe fn requantise(
        _how: &Requantisation,
        _sums: &[i32],
        _stride: usize,
        _codes: &mut [Self],
    ) -> usize {
        0
    }
}

impl Code for u8 {
    const HAS_PAIRS: bool = crate::gemm::pairs::EXIST;

    fn of(code: u8) -> Self {
        code
    }

    fn code(self) -> u8 {
        self
    }

    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "chunks must stay in registers")]
    fn at_points(inputs: [Chunk<Self>; 4]) -> [Chunk<Self>; 4] {
        winograd::at_points_in_vectors(inputs)
    }

    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    ))]
    #[inline]
    unsafe fn requantise(
        how: &Requantisation,
        sums: &[i32],
        stride: usize,
        codes: &mut [Self],
    ) -> usize {
        // SAFETY: `vectors::requantise` has the same contract.
        unsafe { vectors::requantise(how, sums, stride, codes) }
    }
}

/// A code of which `CENTRE` is subtracted, in 16 bits. Kernels whose instructions multiply 16 bits
/// read maps of these as they are, without packing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "wasm32")),
    allow(dead_code, reason = "kernels of other machines multiply bytes")
)]
pub(crate) struct Wide<const CENTRE: i16>(i16);

impl<const CENTRE: i16> Wide<CENTRE> {
    /// The stored number: the code minus `CENTRE`.
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
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "made from a code of 8 bits"
    )]
    fn code(self) -> u8 {
        (self.0 + CENTRE) as u8
    }

    // On other architectures no kernel reads these.
    #[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
    #[inline]
    unsafe fn requantise(
        how: &Requantisation,
        sums: &[i32],
        stride: usize,
        codes: &mut [Self],
    ) -> usize {
        // SAFETY: `vectors::requantise` has the same contract.
        unsafe { vectors::requantise(how, sums, stride, codes) }
    }
}
