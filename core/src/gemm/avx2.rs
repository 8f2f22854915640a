//! AVX2: 256-bit vectors hold 8 columns; tiles are 6 rows by two vectors, so 12 of the 16 registers accumulate.
//!
//! ```text
//! u4:  one vector = 8 columns x 4 depths of weights (i8), times 4 activations of a row broadcast (u8): VPMADDUBSW adds pairs into i16
//! u8:  one vector = 8 columns x 2 depths (i16), VPMADDWD adds pairs into i32
//! f32: one vector = 8 columns, VFMADD
//! ```

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "bit patterns are moved between signed and unsigned lanes"
)]

use std::arch::x86_64::*;

use super::Kernel;
use super::sse2_pack::{self, Widened};

const MR: usize = 6;
const NR: usize = 16;

/// Proof of AVX2 and FMA: made by `detect` alone.
#[derive(Debug, Clone, Copy)]
struct Avx2(());

impl Avx2 {
    fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: `self` can only be had from `detect`, which found AVX2.
        unsafe { with_avx2(work) }
    }
}

/// 4-bit activations times weights in -8..=7, exact: a pair sum is at most 240, so 136 steps of 4 depths fit 16 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct U4(Avx2);

impl Kernel for U4 {
    type Activation = u8;
    type Weight = i8;
    type Left = u8;
    type Right = i8;
    type Sum = i32;
    const NAME: &'static str = "avx2_u4i4_6x16";
    const ISA: &'static str = "AVX2";
    const MR: usize = MR;
    const NR: usize = NR;
    const GROUP: usize = 4;
    const MAX_DEPTH: usize = 136 * 4;

    fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }

    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        self.0.vectorised(work)
    }

    #[inline]
    fn left(activation: u8) -> u8 {
        activation
    }

    fn right(weights: &[i8]) -> i8 {
        weights[0]
    }

    fn add(a: i32, b: i32) -> i32 {
        a + b
    }

    #[inline]
    fn tile(self, left: &[u8], right: &[i8], sums: &[i32], out: &mut [i32]) {
        self.tile_into(left, right, sums, out, NR);
    }

    #[inline]
    fn tile_into(self, left: &[u8], right: &[i8], _sums: &[i32], out: &mut [i32], stride: usize) {
        let (rows, columns) = (left.as_chunks::<{ MR * 4 }>().0, right.as_chunks::<{ NR * 4 }>().0);
        // SAFETY: `self` can only be had from `detect`, which found AVX2.
        unsafe { tile_u4(rows, columns, out, stride) }
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [u8]) -> usize {
        sse2_pack::pack(rows, panel)
    }
}

#[target_feature(enable = "avx2")]
fn tile_u4(left: &[[u8; MR * 4]], right: &[[i8; NR * 4]], out: &mut [i32], stride: usize) {
    let mut acc = [[_mm256_setzero_si256(); 2]; MR];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `w` is 64 bytes, two vectors.
        let (w0, w1) =
            unsafe { (_mm256_loadu_si256(w.as_ptr().cast()), _mm256_loadu_si256(w.as_ptr().add(32).cast())) };
        for (row, a) in acc.iter_mut().zip(a.as_chunks::<4>().0) {
            let a = _mm256_set1_epi32(i32::from_le_bytes(*a));
            row[0] = _mm256_add_epi16(row[0], _mm256_maddubs_epi16(a, w0));
            row[1] = _mm256_add_epi16(row[1], _mm256_maddubs_epi16(a, w1));
        }
    }
    let ones = _mm256_set1_epi16(1);
    store(acc.map(|row| row.map(|sums| _mm256_madd_epi16(sums, ones))), out, stride);
}

/// Stores a tile's sums, 32 bits each, in rows `stride` apart. Constant places, so that the sums stay in registers until here.
///
/// # Panics
/// If `out` is too short.
#[inline]
#[target_feature(enable = "avx2")]
fn store<T>(sums: [[__m256i; 2]; MR], out: &mut [T], stride: usize) {
    const { assert!(size_of::<T>() == 4, "results of 32 bits") };
    assert!(out.len() >= (MR - 1) * stride + NR, "room for the tile");
    for (row, sums) in sums.into_iter().enumerate() {
        for (half, sums) in sums.into_iter().enumerate() {
            // SAFETY: the last row's second half was found to end within `out`.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(row * stride + half * 8).cast(), sums) }
        }
    }
}

/// 8-bit activations times weights in -127..=127, exact: both are widened to 16 bits when packed; 2^16 products fit 32 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct U8(Avx2);

impl Kernel for U8 {
    type Activation = u8;
    type Weight = i8;
    type Left = i16;
    type Right = i16;
    type Sum = i32;
    const NAME: &'static str = "avx2_u8i8_6x16";
    const ISA: &'static str = "AVX2";
    const MR: usize = MR;
    const NR: usize = NR;
    const GROUP: usize = 2;
    const MAX_DEPTH: usize = 1 << 16;

    fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }

    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        self.0.vectorised(work)
    }

    #[inline]
    fn left(activation: u8) -> i16 {
        i16::from(activation)
    }

    fn right(weights: &[i8]) -> i16 {
        i16::from(weights[0])
    }

    fn add(a: i32, b: i32) -> i32 {
        a + b
    }

    #[inline]
    fn tile(self, left: &[i16], right: &[i16], sums: &[i32], out: &mut [i32]) {
        self.tile_into(left, right, sums, out, NR);
    }

    #[inline]
    fn tile_into(self, left: &[i16], right: &[i16], _sums: &[i32], out: &mut [i32], stride: usize) {
        let (rows, columns) = (left.as_chunks::<{ MR * 2 }>().0, right.as_chunks::<{ NR * 2 }>().0);
        // SAFETY: `self` can only be had from `detect`, which found AVX2.
        unsafe { tile_u8(rows, columns, out, stride) }
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [i16]) -> usize {
        sse2_pack::pack(|row| Widened::of(rows(row)), panel)
    }
}

#[target_feature(enable = "avx2")]
fn tile_u8(left: &[[i16; MR * 2]], right: &[[i16; NR * 2]], out: &mut [i32], stride: usize) {
    let mut acc = [[_mm256_setzero_si256(); 2]; MR];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `w` is 64 bytes, two vectors.
        let (w0, w1) =
            unsafe { (_mm256_loadu_si256(w.as_ptr().cast()), _mm256_loadu_si256(w.as_ptr().add(16).cast())) };
        for (row, pair) in acc.iter_mut().zip(a.as_chunks::<2>().0) {
            let pair = (i32::from(pair[1]) << 16) | i32::from(pair[0] as u16);
            let a = _mm256_set1_epi32(pair);
            row[0] = _mm256_add_epi32(row[0], _mm256_madd_epi16(a, w0));
            row[1] = _mm256_add_epi32(row[1], _mm256_madd_epi16(a, w1));
        }
    }
    store(acc, out, stride);
}

/// Single precision with fused products.
#[derive(Debug, Clone, Copy)]
pub(super) struct F32(Avx2);

impl Kernel for F32 {
    type Activation = f32;
    type Weight = f32;
    type Left = f32;
    type Right = f32;
    type Sum = f32;
    const NAME: &'static str = "avx2_f32_6x16";
    const ISA: &'static str = "AVX2 with FMA";
    const MR: usize = MR;
    const NR: usize = NR;
    const GROUP: usize = 1;
    const MAX_DEPTH: usize = 1 << 20;

    fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }

    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        self.0.vectorised(work)
    }

    #[inline]
    fn left(activation: f32) -> f32 {
        activation
    }

    fn right(weights: &[f32]) -> f32 {
        weights[0]
    }

    fn add(a: f32, b: f32) -> f32 {
        a + b
    }

    #[inline]
    fn tile(self, left: &[f32], right: &[f32], sums: &[i32], out: &mut [f32]) {
        self.tile_into(left, right, sums, out, NR);
    }

    #[inline]
    fn tile_into(self, left: &[f32], right: &[f32], _sums: &[i32], out: &mut [f32], stride: usize) {
        let (rows, columns) = (left.as_chunks::<MR>().0, right.as_chunks::<NR>().0);
        // SAFETY: `self` can only be had from `detect`, which found AVX2 and FMA.
        unsafe { tile_f32(rows, columns, out, stride) }
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [f32], panel: &mut [f32]) -> usize {
        sse2_pack::pack(rows, panel)
    }
}

#[target_feature(enable = "avx2,fma")]
fn tile_f32(left: &[[f32; MR]], right: &[[f32; NR]], out: &mut [f32], stride: usize) {
    let mut acc = [[_mm256_setzero_ps(); 2]; MR];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `w` is 16 values, two vectors.
        let (w0, w1) = unsafe { (_mm256_loadu_ps(w.as_ptr()), _mm256_loadu_ps(w.as_ptr().add(8))) };
        for (row, &a) in acc.iter_mut().zip(a) {
            let a = _mm256_set1_ps(a);
            row[0] = _mm256_fmadd_ps(a, w0, row[0]);
            row[1] = _mm256_fmadd_ps(a, w1, row[1]);
        }
    }
    store(acc.map(|row| row.map(|sums| _mm256_castps_si256(sums))), out, stride);
}
