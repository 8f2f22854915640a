//! Raster work of the locator, all in integers: shrinking, box sums, ink.

#![allow(
    clippy::cast_possible_truncation,
    reason = "box sums of bytes over at most 25 x 25 pixels and means of them fit their types"
)]

use crate::gray::Gray;

/// A raster of 16-bit values, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<u16>,
}

/// Shrunk to 5/7 (0.714, near enough to the square root of one half) in both directions, bilinear between pixel centres.
pub(super) fn shrink_by_root_two(gray: &Gray) -> Gray {
    let (width, height) = ((gray.width() * 5 / 7).max(1), (gray.height() * 5 / 7).max(1));
    // In tenths of a pixel: the centre of output pixel i lies at 14 i + 7, the centre of input pixel j at 10 j + 5.
    let taps = |i: usize, len: usize| {
        let position = (14 * i + 7).saturating_sub(5);
        let first = (position / 10).min(len - 1);
        (first, (first + 1).min(len - 1), (position % 10) as u16)
    };
    let mut pixels = vec![0; width * height];
    let mut mixed = vec![0u16; gray.width()];
    for (y, out) in pixels.chunks_exact_mut(width).enumerate() {
        let (top, bottom, down) = taps(y, gray.height());
        for ((mixed, &upper), &lower) in mixed.iter_mut().zip(gray.row(top)).zip(gray.row(bottom)) {
            *mixed = u16::from(upper) * (10 - down) + u16::from(lower) * down;
        }
        let mean =
            |left: u16, right: u16, across: u16| ((left * (10 - across) + right * across + 50) / 100) as u8;
        // Seven pixels become five, always by the same shares.
        let (sevens, _) = mixed.as_chunks::<7>();
        let (fives, rest) = out.as_chunks_mut::<5>();
        for (five, seven) in fives.iter_mut().zip(sevens) {
            *five = [
                mean(seven[0], seven[1], 2),
                mean(seven[1], seven[2], 6),
                mean(seven[3], seven[4], 0),
                mean(seven[4], seven[5], 4),
                mean(seven[5], seven[6], 8),
            ];
        }
        for (x, pixel) in (5 * fives.len()..).zip(rest) {
            let (left, right, across) = taps(x, gray.width());
            *pixel = mean(mixed[left], mixed[right], across);
        }
    }
    Gray::new(width, height, pixels).unwrap_or_else(|| gray.clone())
}

/// Sums of `2 * radius + 1` values along a row; values beyond the ends repeat the end. `padded` is scratch.
fn row_sums<T: Copy + Into<u32>>(row: &[T], radius: usize, padded: &mut Vec<u32>, out: &mut [u32]) {
    let (Some(&first), Some(&last)) = (row.first(), row.last()) else { return };
    padded.clear();
    padded.extend(std::iter::repeat_n(first.into(), radius));
    padded.extend(row.iter().map(|&value| value.into()));
    padded.extend(std::iter::repeat_n(last.into(), radius));
    if radius == 1 {
        // Three slices side by side are vector instructions, a sliding sum is not.
        for (((value, a), b), c) in out.iter_mut().zip(&*padded).zip(&padded[1..]).zip(&padded[2..]) {
            *value = a + b + c;
        }
        return;
    }
    let mut sum: u32 = padded[..2 * radius].iter().sum();
    for ((value, enters), leaves) in out.iter_mut().zip(&padded[2 * radius..]).zip(&*padded) {
        sum += enters;
        *value = sum;
        sum -= leaves;
    }
}

/// The mean over the square of `2 * radius + 1` around each value, times `scale`; values beyond the border repeat it.
fn box_mean<'a, T: Copy + Into<u32> + 'a>(
    rows: impl Fn(usize) -> &'a [T],
    (width, height): (usize, usize),
    radius: usize,
    scale: u32,
) -> Raster {
    let side = 2 * radius + 1;
    let area = (side * side) as u32;
    // One multiplication instead of a division a pixel: exact enough (the error is below one part in 2^20) and the same everywhere.
    let reciprocal = ((u64::from(scale) << 32) / u64::from(area)) as u32;
    let mut ring = vec![0u32; width * side];
    let mut columns = vec![0u32; width];
    let mut padded = Vec::with_capacity(width + 2 * radius);
    let mut fill = |slot: usize, y: usize, columns: &mut [u32], first: bool| {
        let line = &mut ring[slot * width..][..width];
        if !first {
            for (column, value) in columns.iter_mut().zip(line.iter()) {
                *column -= value;
            }
        }
        row_sums(rows(y), radius, &mut padded, line);
        for (column, value) in columns.iter_mut().zip(line.iter()) {
            *column += value;
        }
    };
    let row_at = |index: usize| index.saturating_sub(radius).min(height - 1);
    for index in 0..2 * radius {
        fill(index % side, row_at(index), &mut columns, true);
    }
    let mut values = vec![0u16; width * height];
    for y in 0..height {
        let index = y + 2 * radius;
        fill(index % side, row_at(index), &mut columns, index < side);
        for (value, &sum) in values[y * width..][..width].iter_mut().zip(&columns) {
            *value = ((u64::from(sum) * u64::from(reciprocal)) >> 32) as u16;
        }
    }
    Raster { width, height, values }
}

/// Side of the square that closing fills: wider than a stroke at the scales of the locator, narrower than what lies beside a document.
const CLOSED_SIDE: usize = 7;

/// `pick` over the `CLOSED_SIDE` values around each of a row, fewer at its ends; `pick` is the larger or the smaller of two.
fn picked_along(row: &[u8], pick: impl Fn(u8, u8) -> u8, padded: &mut Vec<u8>, out: &mut [u8]) {
    const REACH: usize = CLOSED_SIDE / 2;
    let (Some(&first), Some(&last)) = (row.first(), row.last()) else { return };
    padded.clear();
    padded.extend([first; REACH]);
    padded.extend(row);
    padded.extend([last; REACH]);
    out.copy_from_slice(row);
    for shift in (0..CLOSED_SIDE).filter(|&shift| shift != REACH) {
        for (value, &other) in out.iter_mut().zip(&padded[shift..]) {
            *value = pick(*value, other);
        }
    }
}

/// `pick` over the square around each pixel.
fn picked(gray: &Gray, pick: impl Fn(u8, u8) -> u8 + Copy) -> Gray {
    let (width, height) = (gray.width(), gray.height());
    let (mut padded, mut along) = (Vec::new(), vec![0; width * height]);
    for (y, out) in along.chunks_exact_mut(width).enumerate() {
        picked_along(gray.row(y), pick, &mut padded, out);
    }
    let mut pixels = along.clone();
    for (y, out) in pixels.chunks_exact_mut(width).enumerate() {
        for near in y.saturating_sub(CLOSED_SIDE / 2)..(y + CLOSED_SIDE / 2 + 1).min(height) {
            for (value, &other) in out.iter_mut().zip(&along[near * width..]) {
                *value = pick(*value, other);
            }
        }
    }
    Gray::new(width, height, pixels).unwrap_or_else(|| gray.clone())
}

/// Ink: how much darker each pixel is than its surroundings (a square of `2 * radius + 1`), in quarter gray levels. What is darker than a stroke is wide is no ink: a table beside
/// a white page would outweigh the text at the page's edge. (The bottom hat of Serra, Image Analysis and Mathematical Morphology, 1982, bounds the difference to the mean.)
pub(super) fn ink(gray: &Gray, radius: usize) -> Raster {
    let closed = picked(&picked(gray, u8::max), u8::min);
    let mut mean = box_mean(|y| gray.row(y), (gray.width(), gray.height()), radius, 4);
    for ((value, &pixel), &closed) in mean.values.iter_mut().zip(gray.pixels()).zip(closed.pixels()) {
        *value = value.saturating_sub(4 * u16::from(pixel)).min(4 * u16::from(closed - pixel));
    }
    mean
}

impl Raster {
    pub(super) fn row(&self, y: usize) -> &[u16] {
        &self.values[y * self.width..][..self.width]
    }

    /// The mean over the square of `2 * radius + 1` around each value.
    pub(super) fn smooth(&self, radius: usize) -> Self {
        box_mean(|y| self.row(y), (self.width, self.height), radius, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive_mean(raster: &Raster, radius: usize, x: usize, y: usize) -> u64 {
        let at = |x: usize, y: usize| {
            let x = x.saturating_sub(radius).min(raster.width - 1);
            let y = y.saturating_sub(radius).min(raster.height - 1);
            u64::from(raster.values[y * raster.width + x])
        };
        let side = 0..=2 * radius;
        let sum: u64 = side.clone().map(|dy| side.clone().map(|dx| at(x + dx, y + dy)).sum::<u64>()).sum();
        sum / (2 * radius as u64 + 1).pow(2)
    }

    #[test]
    fn box_means_are_those_of_the_definition_up_to_the_reciprocal() {
        let (width, height) = (23, 9);
        let values = (0..width * height).map(|i| ((i * 7919 + 13) % 1021) as u16).collect();
        let raster = Raster { width, height, values };
        for radius in [1, 2, 5, 12] {
            let smooth = raster.smooth(radius);
            for y in 0..height {
                for x in 0..width {
                    let expected = naive_mean(&raster, radius, x, y);
                    let found = u64::from(smooth.row(y)[x]);
                    assert!(found == expected || found + 1 == expected, "{found} {expected}");
                }
            }
        }
    }

    #[test]
    fn five_sevenths_are_those_of_the_definition() {
        for (width, height) in [(7, 7), (21, 9), (23, 15), (40, 8), (5, 3)] {
            let pixels: Vec<u8> = (0..width * height).map(|i| ((i * 7919 + 13) % 256) as u8).collect();
            let gray = Gray::new(width, height, pixels).expect("sizes agree");
            let small = shrink_by_root_two(&gray);
            let at = |i: usize, len: usize| {
                let position = 14 * i + 2;
                let first = (position / 10).min(len - 1);
                (first, (first + 1).min(len - 1), position % 10)
            };
            for y in 0..small.height() {
                for x in 0..small.width() {
                    let ((left, right, across), (top, bottom, down)) = (at(x, width), at(y, height));
                    let row = |y: usize| {
                        usize::from(gray.row(y)[left]) * (10 - across)
                            + usize::from(gray.row(y)[right]) * across
                    };
                    let expected = (row(top) * (10 - down) + row(bottom) * down + 50) / 100;
                    assert_eq!(usize::from(small.row(y)[x]), expected, "{width} x {height}: {x} {y}");
                }
            }
        }
    }

    #[test]
    fn a_flat_picture_has_no_ink_and_keeps_its_gray() {
        let flat = Gray::new(30, 20, vec![77; 600]).expect("sizes agree");
        assert!(ink(&flat, 5).values.iter().all(|&v| v <= 1));
        assert!(flat.shrunk(3).pixels().iter().all(|&p| p == 77));
        assert!(shrink_by_root_two(&flat).pixels().iter().all(|&p| p == 77));
        assert_eq!((shrink_by_root_two(&flat).width(), shrink_by_root_two(&flat).height()), (21, 14));
    }

    #[test]
    fn one_pixel_survives() {
        let dot = Gray::new(1, 1, vec![9]).expect("sizes agree");
        assert_eq!(dot.shrunk(4).pixels(), [9]);
        assert_eq!(shrink_by_root_two(&dot).pixels(), [9]);
        assert_eq!(ink(&dot, 5).values.len(), 1);
    }
}
