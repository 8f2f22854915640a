//! Operations on maps, apart from convolutions. Maps are `[row][column][channel]`.

#![allow(
    clippy::inline_always,
    reason = "compiled for the vectors of the machine, which a call would lose"
)]

use super::arithmetic::{Addition, Step, activate, exponential};
use super::shape::Shape;
use super::{Activation, AveragePool, Pool};

/// The positions of a window that lie inside a side of length `len`.
#[inline(always)]
fn inside(index: usize, stride: usize, kernel: usize, before: usize, len: usize) -> [usize; 2] {
    let start = index * stride;
    [start.saturating_sub(before), (start + kernel).saturating_sub(before).min(len)]
}

/// The larger of both; of reals, the second if one is NaN.
#[inline(always)]
fn larger<T: PartialOrd>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

/// Largest value of each window.
#[inline(always)]
pub(super) fn max_pool<T: Copy + PartialOrd>(
    pool: &Pool,
    (shape, from): (Shape, &[T]),
    (out, to): (Shape, &mut [T]),
) {
    let Shape { rows, columns, channels } = shape;
    let [top, left, _, _] = pool.padding;
    for (pixel, to) in to.chunks_exact_mut(channels).enumerate() {
        let [first_row, last_row] =
            inside(pixel / out.columns, pool.stride[0], pool.kernel[0], top, rows);
        let [first, last] =
            inside(pixel % out.columns, pool.stride[1], pool.kernel[1], left, columns);
        to.copy_from_slice(&from[(first_row * columns + first) * channels..][..channels]);
        for y in first_row..last_row {
            let line = &from[(y * columns + first) * channels..(y * columns + last) * channels];
            for from in line.chunks_exact(channels) {
                for (to, &value) in to.iter_mut().zip(from) {
                    *to = larger(value, *to);
                }
            }
        }
    }
}

/// Largest value of each channel.
#[inline(always)]
pub(super) fn global_max<T: Copy + PartialOrd>(channels: usize, from: &[T], to: &mut [T]) {
    to.copy_from_slice(&from[..channels]);
    for from in from.chunks_exact(channels) {
        for (to, &value) in to.iter_mut().zip(from) {
            *to = larger(value, *to);
        }
    }
}

/// Means of windows as sums, and the number of positions of each.
///
/// `finish` receives the place of a pixel in the output, its sums, and the number by which they are
/// divided. `sums` has room for a sum for each channel.
#[inline(always)]
pub(super) fn average_pool<T: Copy, S: Copy>(
    pool: &AveragePool,
    (shape, from): (Shape, &[T]),
    out: Shape,
    (zero, sums): (S, &mut [S]),
    add: impl Fn(S, T) -> S,
    mut finish: impl FnMut(usize, &[S], usize),
) {
    let Shape { rows, columns, channels } = shape;
    let [top, left, _, _] = pool.padding;
    for pixel in 0..out.positions() {
        let [first_row, last_row] =
            inside(pixel / out.columns, pool.stride[0], pool.kernel[0], top, rows);
        let [first, last] =
            inside(pixel % out.columns, pool.stride[1], pool.kernel[1], left, columns);
        sums.fill(zero);
        for y in first_row..last_row {
            let line = &from[(y * columns + first) * channels..(y * columns + last) * channels];
            for from in line.chunks_exact(channels) {
                for (sum, &value) in sums.iter_mut().zip(from) {
                    *sum = add(*sum, value);
                }
            }
        }
        let count = if pool.count_padding {
            pool.kernel[0] * pool.kernel[1]
        } else {
            (last_row - first_row) * (last - first)
        };
        finish(pixel, sums, count);
    }
}

/// Sums of all positions of each channel.
#[inline(always)]
pub(super) fn global_sums<T: Copy, S: Copy>(
    from: &[T],
    (zero, sums): (S, &mut [S]),
    add: impl Fn(S, T) -> S,
) {
    sums.fill(zero);
    for from in from.chunks_exact(sums.len().max(1)) {
        for (sum, &value) in sums.iter_mut().zip(from) {
            *sum = add(*sum, value);
        }
    }
}

/// Sum of two maps of codes with these zero points.
#[inline(always)]
pub(super) fn add_codes(
    Addition { multipliers: [m, n], scale }: Addition,
    step: Step,
    [(a, za), (b, zb)]: [(&[u8], u8); 2],
    to: &mut [u8],
) {
    let (za, zb) = (i16::from(za), i16::from(zb));
    let sum = |a: u8, b: u8| i32::from(i16::from(a) - za) * m + i32::from(i16::from(b) - zb) * n;
    for ((&a, &b), to) in a.iter().zip(b).zip(to) {
        *to = step.code(sum(a, b), scale);
    }
}

/// Sum of two maps of reals.
#[inline(always)]
pub(super) fn add_reals(activation: Activation, a: &[f32], b: &[f32], to: &mut [f32]) {
    for ((a, b), to) in a.iter().zip(b).zip(to) {
        *to = activate(a + b, activation);
    }
}

/// Copies a map between the channels of a wider one, from channel `first` on.
#[inline(always)]
pub(super) fn place_channels<T>(
    channels: usize,
    from: &[T],
    (width, first): (usize, usize),
    to: &mut [T],
    mut copy: impl FnMut(&[T], &mut [T]),
) {
    for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(width)) {
        copy(from, &mut to[first..first + channels]);
    }
}

/// Doubles rows and columns by repetition.
#[inline(always)]
pub(super) fn upsample_nearest<T: Copy>(shape: Shape, from: &[T], to: &mut [T]) {
    let Shape { columns, channels, .. } = shape;
    let pitch = 2 * columns * channels;
    for (from, to) in from.chunks_exact(columns * channels).zip(to.chunks_exact_mut(2 * pitch)) {
        let (line, second) = to.split_at_mut(pitch);
        for (from, to) in from.chunks_exact(channels).zip(line.chunks_exact_mut(2 * channels)) {
            to[..channels].copy_from_slice(from);
            to[channels..].copy_from_slice(from);
        }
        second.copy_from_slice(line);
    }
}

/// Doubles rows and columns by linear interpolation. `mix` makes a value from the nearest one, its
/// neighbour in the row, its neighbour in the column, and the one across, whose weights are 9, 3, 3
/// and 1.
#[inline(always)]
pub(super) fn upsample_bilinear<T: Copy>(
    shape: Shape,
    from: &[T],
    to: &mut [T],
    mix: impl Fn([T; 4]) -> T,
) {
    let Shape { rows, columns, channels } = shape;
    let beside = |index: usize, len: usize| {
        let near = index / 2;
        let far = if index.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 };
        [near, far.min(len - 1)]
    };
    for (pixel, to) in to.chunks_exact_mut(channels).enumerate() {
        let [y, other_y] = beside(pixel / (2 * columns), rows);
        let [x, other_x] = beside(pixel % (2 * columns), columns);
        let at = |y: usize, x: usize| &from[(y * columns + x) * channels..][..channels];
        let (a, b, c, d) = (at(y, x), at(y, other_x), at(other_y, x), at(other_y, other_x));
        for ((((to, &a), &b), &c), &d) in to.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *to = mix([a, b, c, d]);
        }
    }
}

/// Shares of the exponentials. `real` makes a number of a value and its channel.
pub(super) fn softmax<T: Copy>(
    channels: usize,
    from: &[T],
    to: &mut [f32],
    real: impl Fn(T, usize) -> f32,
) {
    for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(channels)) {
        let mut largest = f32::NEG_INFINITY;
        for (channel, (to, &value)) in to.iter_mut().zip(from).enumerate() {
            *to = real(value, channel);
            largest = larger(*to, largest);
        }
        let mut sum = 0.0;
        for to in &mut *to {
            *to = exponential(*to - largest);
            sum += *to;
        }
        for to in to {
            *to /= sum;
        }
    }
}

/// The first channel of the largest value.
pub(super) fn argmax<T: Copy>(
    channels: usize,
    from: &[T],
    to: &mut [i32],
    real: impl Fn(T, usize) -> f32,
) {
    for (from, to) in from.chunks_exact(channels).zip(to) {
        let mut best = (0, f32::NEG_INFINITY);
        for ((index, channel), &value) in (0..).zip(0..channels).zip(from) {
            let value = real(value, channel);
            if value > best.1 {
                best = (index, value);
            }
        }
        *to = best.0;
    }
}
