//! Depthwise convolutions: every channel by itself, so vectors hold channels and no product of
//! matrices is needed.
//!
//! ```text
//! for each block of channels:            the sums of a pair stay in registers
//!     for each pair of pixels:
//!         for each tap of the kernel:    sums += map[pixel + tap, block] * weights[tap, block]
//! ```
//!
//! Products of 4-bit operands are added in 16 bits where the trained weights allow it, which halves
//! the vectors; others in 32 bits. The loops are plain, and are compiled for the machine's vectors.

#![allow(
    clippy::inline_always,
    reason = "compiled for the vectors of the machine, which a call would lose"
)]

use super::Conv2d;
use super::machine::{Job, grow};
use super::vectors::Vectors;

/// Channels of a block whose sums have 16 bits: two vectors of 256 bits.
pub(super) const NARROW: usize = 32;
/// Channels of a block whose sums have 32 bits.
pub(super) const WIDE: usize = 16;
/// Channels of the blocks of layers that are too narrow for others.
const SMALL: usize = 8;
/// Pixels that share loaded weights.
const PAIR: usize = 2;
/// Pixels whose sums are passed on together.
const PIXELS: usize = 32;

/// An element of a map, with the arithmetic of its products.
pub(super) trait Lane<W, Acc, S>: Copy + Default {
    /// `sum + element * weight`, which the accumulator holds.
    fn add(sum: Acc, element: Self, weight: W) -> Acc;
    /// The accumulator as a sum.
    fn sum(acc: Acc) -> S;
}

impl Lane<i16, i16, i32> for u8 {
    #[inline(always)]
    fn add(sum: i16, element: u8, weight: i16) -> i16 {
        // `Weights::of_codes` has bounded the sum.
        sum.wrapping_add(i16::from(element).wrapping_mul(weight))
    }

    #[inline(always)]
    fn sum(acc: i16) -> i32 {
        i32::from(acc)
    }
}

impl Lane<i16, i32, i32> for u8 {
    #[inline(always)]
    fn add(sum: i32, element: u8, weight: i16) -> i32 {
        // At most 255 * 127, which 16 bits hold: a single instruction for all lanes.
        let product = i16::from(element).wrapping_mul(weight);
        // `Graph::check` has bounded the sum.
        sum.wrapping_add(i32::from(product))
    }

    #[inline(always)]
    fn sum(acc: i32) -> i32 {
        acc
    }
}

impl Lane<f32, f32, f32> for f32 {
    #[inline(always)]
    fn add(sum: f32, element: f32, weight: f32) -> f32 {
        sum + element * weight
    }

    #[inline(always)]
    fn sum(acc: f32) -> f32 {
        acc
    }
}

/// The weights of a depthwise convolution, `[tap][channel]`.
#[derive(Debug, Clone)]
pub(super) enum Weights {
    /// Sums fit 16 bits.
    Narrow(Vec<i16>),
    /// Sums fit 32 bits.
    Wide(Vec<i16>),
    /// Single precision.
    Real(Vec<f32>),
}

/// `[channel][tap]` to `[tap][channel]`.
fn transposed<W: Copy, T>(weights: &[W], taps: usize, convert: impl Fn(W) -> T) -> Vec<T> {
    let tap = |tap: usize| weights.iter().skip(tap).step_by(taps);
    (0..taps).flat_map(tap).map(|&weight| convert(weight)).collect()
}

impl Weights {
    /// Weights for codes up to `top`.
    pub(super) fn of_codes(weights: &[i8], convolution: &Conv2d, top: u8) -> Self {
        let taps = convolution.depth();
        let narrow = weights.chunks_exact(taps).all(|channel| {
            let sum: i64 = channel.iter().map(|&weight| i64::from(weight).abs()).sum();
            sum * i64::from(top) <= i64::from(i16::MAX)
        });
        let weights = transposed(weights, taps, i16::from);
        if narrow { Self::Narrow(weights) } else { Self::Wide(weights) }
    }

    pub(super) fn of_reals(weights: &[f32], convolution: &Conv2d) -> Self {
        Self::Real(transposed(weights, convolution.depth(), |weight| weight))
    }
}

/// The buffers of depthwise convolutions.
#[derive(Debug, Default)]
pub(super) struct Buffers<T, S> {
    map: Vec<T>,
    sums: Vec<S>,
}

/// Elements of these buffers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    map: usize,
    sums: usize,
}

impl Needs {
    pub(super) fn of(job: &Job) -> Self {
        let [rows, columns] = job.padded();
        let map = if job.convolution.padding == [0; 4] { 0 } else { rows * columns };
        let channels = job.input.channels;
        Self { map: map * channels, sums: PIXELS.min(job.output.columns) * channels }
    }

    /// What serves both.
    pub(super) fn or(self, other: Self) -> Self {
        Self { map: self.map.max(other.map), sums: self.sums.max(other.sums) }
    }

    pub(super) fn bytes<T, S>(self) -> Option<usize> {
        let map = self.map.checked_mul(size_of::<T>())?;
        self.sums.checked_mul(size_of::<S>())?.checked_add(map)
    }
}

impl<T: Copy + Default, S: Copy + Default> Buffers<T, S> {
    pub(super) fn reserve(&mut self, needs: Needs) {
        grow(&mut self.map, needs.map);
        grow(&mut self.sums, needs.sums);
    }

    /// Computes a depthwise convolution. `fill` is the padding, for each channel. `visit` receives
    /// a pixel, and the sums of the pixels from there on, `[pixel][channel]`. `BLOCK` channels are
    /// computed together.
    pub(super) fn run<const BLOCK: usize, W: Copy, Acc: Copy + Default>(
        &mut self,
        vectors: Vectors,
        (weights, job): (&[W], &Job),
        input: &[T],
        fill: &[T],
        mut visit: impl FnMut(usize, &[S]),
    ) where
        T: Lane<W, Acc, S>,
    {
        let Conv2d { stride, dilation, kernel, padding, .. } = job.convolution;
        let channels = job.input.channels;
        let [_, width] = job.padded();
        let Self { map, sums } = self;
        let map = if padding == [0; 4] {
            input
        } else {
            pad(job, input, fill, map);
            &*map
        };
        let taps = Taps {
            rows: kernel[0],
            columns: kernel[1],
            row_step: dilation[0] * width * channels,
            column_step: dilation[1] * channels,
        };
        let step = stride[1] * channels;
        for y in 0..job.output.rows {
            for x in (0..job.output.columns).step_by(PIXELS) {
                let count = PIXELS.min(job.output.columns - x);
                let start = y * stride[0] * width * channels + x * step;
                let sums = &mut sums[..count * channels];
                vectors.run(
                    #[inline(always)]
                    || {
                        row::<BLOCK, T, W, Acc, S>(
                            (&map[start..], weights, sums),
                            step,
                            &taps,
                            channels,
                        )
                    },
                );
                visit(y * job.output.columns + x, sums);
            }
        }
    }
}

/// The offsets of a window's taps in the map.
struct Taps {
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl Taps {
    /// The offset of the last tap of the window at `start`; `None` if it wraps around.
    fn reach(&self, start: Option<usize>) -> Option<usize> {
        let rows = (self.rows - 1).checked_mul(self.row_step)?;
        let columns = (self.columns - 1).checked_mul(self.column_step)?;
        start?.checked_add(rows)?.checked_add(columns)
    }
}

/// Copies the input into a padded map.
fn pad<T: Copy>(job: &Job, input: &[T], fill: &[T], map: &mut [T]) {
    let [top, left, _, _] = job.convolution.padding;
    let ([rows, columns], channels) = (job.padded(), job.input.channels);
    let (pitch, inside) = (columns * channels, job.input.columns * channels);
    let border = |border: &mut [T]| {
        for (place, &fill) in border.iter_mut().zip(fill.iter().cycle()) {
            *place = fill;
        }
    };
    for (y, line) in map[..rows * pitch].chunks_exact_mut(pitch).enumerate() {
        if y < top || y >= top + job.input.rows {
            border(line);
            continue;
        }
        let (before, line) = line.split_at_mut(left * channels);
        let (line, after) = line.split_at_mut(inside);
        border(before);
        line.copy_from_slice(&input[(y - top) * inside..][..inside]);
        border(after);
    }
}

/// The sums of neighbouring pixels, `[pixel][channel]`.
#[inline(always)]
fn row<const BLOCK: usize, T, W, Acc, S>(
    (map, weights, sums): (&[T], &[W], &mut [S]),
    step: usize,
    taps: &Taps,
    channels: usize,
) where
    T: Lane<W, Acc, S>,
    W: Copy,
    Acc: Copy + Default,
{
    let len = [BLOCK, WIDE, SMALL].into_iter().find(|&len| len <= channels).unwrap_or(1);
    for first in (0..channels).step_by(len) {
        // The last block begins earlier where it would end beyond the last channel, and computes
        // some sums again.
        let first = first.min(channels - len);
        let operands = (&map[first..], &weights[first..], &mut sums[first..]);
        if len == BLOCK {
            block::<BLOCK, PAIR, T, W, Acc, S>(operands, step, taps, channels);
        } else if len == WIDE {
            block::<WIDE, PAIR, T, W, Acc, S>(operands, step, taps, channels);
        } else if len == SMALL {
            // Not in pairs, which the compiler would join in one vector by many shuffles.
            block::<SMALL, 1, T, W, Acc, S>(operands, step, taps, channels);
        } else {
            block::<1, 1, T, W, Acc, S>(operands, step, taps, channels);
        }
    }
}

/// The sums of `B` channels of neighbouring pixels, `step` apart in the map, `P` at a time.
///
/// # Panics
/// If a window does not lie inside the map, or the weights are not those of all taps.
#[inline(always)]
fn block<const B: usize, const P: usize, T, W, Acc, S>(
    (map, weights, sums): (&[T], &[W], &mut [S]),
    step: usize,
    taps: &Taps,
    channels: usize,
) where
    T: Lane<W, Acc, S>,
    W: Copy,
    Acc: Copy + Default,
{
    // The last row of sums ends with the last channel, not `channels` behind the first.
    let pixels = sums.len().div_ceil(channels);
    const { assert!(P == 1 || P == 2, "at most one pixel is left") };
    let reach = taps.reach((pixels - 1).checked_mul(step)).and_then(|last| last.checked_add(B));
    assert!(reach.is_some_and(|reach| reach <= map.len()), "windows lie inside the map");
    let last = (taps.rows * taps.columns - 1).checked_mul(channels);
    let reach = last.and_then(|last| last.checked_add(B));
    assert!(reach.is_some_and(|reach| reach <= weights.len()), "weights of all taps");
    let mut rest = sums;
    for first in (0..pixels).step_by(P) {
        let map = &map[first * step..];
        if pixels - first >= P {
            let (pair, others) = rest.split_at_mut((P * channels).min(rest.len()));
            rest = others;
            // SAFETY: asserted above: the windows of all pixels lie inside the map, those of
            // `first` and the next one therefore behind the start of this slice, and the weights
            // are those of all taps.
            unsafe { pixels_of::<B, P, T, W, Acc, S>((map, weights, pair), step, taps, channels) }
        } else {
            // SAFETY: as above, for the one pixel that is left.
            unsafe {
                pixels_of::<B, 1, T, W, Acc, S>((map, weights, &mut *rest), step, taps, channels)
            }
        }
    }
}

/// The sums of `B` channels of `P` pixels.
///
/// # Safety
/// - `(P - 1) * step`, plus the offset of the last tap, plus `B` is at most the length of `map`.
/// - The offset of the last tap's weights, `(rows * columns - 1) * channels`, plus `B` is at most
///   the length of `weights`.
#[inline(always)]
unsafe fn pixels_of<const B: usize, const P: usize, T, W, Acc, S>(
    (map, weights, sums): (&[T], &[W], &mut [S]),
    step: usize,
    taps: &Taps,
    channels: usize,
) where
    T: Lane<W, Acc, S>,
    W: Copy,
    Acc: Copy + Default,
{
    let mut acc = [[Acc::default(); B]; P];
    let mut weights = weights.as_ptr();
    for row in 0..taps.rows {
        // SAFETY: the first tap of a row is none behind the last tap.
        let mut element = unsafe { map.as_ptr().add(row * taps.row_step) };
        for _ in 0..taps.columns {
            // SAFETY: this is tap `row * columns + column`, whose weights of `B` channels lie
            // inside `weights`.
            let weight = unsafe { weights.cast::<[W; B]>().read() };
            for (pixel, acc) in acc.iter_mut().enumerate() {
                // SAFETY: this tap is none behind the last one, and `pixel` is less than `P`.
                let elements = unsafe { element.add(pixel * step).cast::<[T; B]>().read() };
                for ((acc, &element), &weight) in acc.iter_mut().zip(&elements).zip(&weight) {
                    *acc = T::add(*acc, element, weight);
                }
            }
            // Wrapping, because the steps behind the last tap are never read.
            element = element.wrapping_add(taps.column_step);
            weights = weights.wrapping_add(channels);
        }
    }
    for (sums, acc) in sums.chunks_mut(channels).zip(acc) {
        // An array, whose length the compiler knows: lanes are stored together.
        let Some(sums) = sums.first_chunk_mut::<B>() else { unreachable!("sums of all channels") };
        for (sum, acc) in sums.iter_mut().zip(acc) {
            *sum = T::sum(acc);
        }
    }
}
