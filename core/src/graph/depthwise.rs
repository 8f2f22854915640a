//! Depthwise convolutions: every channel by itself, so vectors hold channels and no product of
//! matrices is needed.
//!
//! ```text
//! for each block of channels:            a few vectors of sums stay in registers
//!     for each pixel of a row:
//!         for each tap of the kernel:    sums += map[tap, block] * weights[tap, block]
//! ```
//!
//! Products of 4-bit operands are added in 16 bits where the trained weights allow it, which halves
//! the vectors; others in 32 bits. The loops are plain, and are compiled for the machine's vectors.

use super::Conv2d;
use super::machine::{Job, grow};
use super::vectors::Vectors;

/// Channels whose sums are kept in registers.
const BLOCK: usize = 32;
/// Channels of a block at the end.
const SMALL_BLOCK: usize = 8;
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
    #[inline]
    fn add(sum: i16, element: u8, weight: i16) -> i16 {
        // `Weights::of_codes` has bounded the sum.
        sum.wrapping_add(i16::from(element).wrapping_mul(weight))
    }

    #[inline]
    fn sum(acc: i16) -> i32 {
        i32::from(acc)
    }
}

impl Lane<i16, i32, i32> for u8 {
    #[inline]
    fn add(sum: i32, element: u8, weight: i16) -> i32 {
        // At most 255 * 127, which 16 bits hold: a single instruction for all lanes.
        let product = i16::from(element).wrapping_mul(weight);
        // `Graph::check` has bounded the sum.
        sum.wrapping_add(i32::from(product))
    }

    #[inline]
    fn sum(acc: i32) -> i32 {
        acc
    }
}

impl Lane<f32, f32, f32> for f32 {
    #[inline]
    fn add(sum: f32, element: f32, weight: f32) -> f32 {
        sum + element * weight
    }

    #[inline]
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
    /// a pixel, and the sums of the pixels from there on, `[pixel][channel]`.
    pub(super) fn run<W: Copy, Acc: Copy + Default>(
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
                    || row::<T, W, Acc, S>(&map[start..], step, &taps, weights, channels, sums),
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
#[inline]
fn row<T, W, Acc, S>(
    map: &[T],
    step: usize,
    taps: &Taps,
    weights: &[W],
    channels: usize,
    sums: &mut [S],
) where
    T: Lane<W, Acc, S>,
    W: Copy,
    Acc: Copy + Default,
{
    let mut first = 0;
    while first + BLOCK <= channels {
        block::<BLOCK, T, W, Acc, S>(
            &map[first..],
            step,
            taps,
            &weights[first..],
            channels,
            &mut sums[first..],
        );
        first += BLOCK;
    }
    while first + SMALL_BLOCK <= channels {
        block::<SMALL_BLOCK, T, W, Acc, S>(
            &map[first..],
            step,
            taps,
            &weights[first..],
            channels,
            &mut sums[first..],
        );
        first += SMALL_BLOCK;
    }
    while first < channels {
        block::<1, T, W, Acc, S>(
            &map[first..],
            step,
            taps,
            &weights[first..],
            channels,
            &mut sums[first..],
        );
        first += 1;
    }
}

/// The sums of `B` channels.
#[inline]
fn block<const B: usize, T, W, Acc, S>(
    map: &[T],
    step: usize,
    taps: &Taps,
    weights: &[W],
    channels: usize,
    sums: &mut [S],
) where
    T: Lane<W, Acc, S>,
    W: Copy,
    Acc: Copy + Default,
{
    // The last row of sums ends with the last channel, not `channels` behind the first.
    for (pixel, sums) in sums.chunks_mut(channels).enumerate() {
        let mut acc = [Acc::default(); B];
        let mut lines = weights.chunks(channels);
        for row in 0..taps.rows {
            for column in 0..taps.columns {
                let at = pixel * step + row * taps.row_step + column * taps.column_step;
                let (Some(elements), Some(weights)) = (
                    map[at..].first_chunk::<B>(),
                    lines.next().and_then(|line| line.first_chunk::<B>()),
                ) else {
                    unreachable!("windows lie inside the padded map")
                };
                for ((acc, &element), &weight) in acc.iter_mut().zip(elements).zip(weights) {
                    *acc = T::add(*acc, element, weight);
                }
            }
        }
        for (sum, acc) in sums.iter_mut().zip(acc) {
            *sum = T::sum(acc);
        }
    }
}
