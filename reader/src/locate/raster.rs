//! The locator's raster operations, all in integers. Operations on whole pictures pass rows from
//! stage to stage. Each stage keeps only the few rows that it needs, so that they stay in the L1
//! cache.

#![allow(
    clippy::cast_possible_truncation,
    reason = "sums are kept within 16 bits: see `BoxMean::of`"
)]

use nibble_gray::Gray;

/// Shrinks a picture to 5/7 of its width and height (0.714, close to the square root of one half),
/// by bilinear interpolation between pixel centres.
pub(super) fn shrink_by_root_two(gray: &Gray) -> Gray {
    let (width, height) = ((gray.width() * 5 / 7).max(1), (gray.height() * 5 / 7).max(1));
    // In tenths of an input pixel, the centre of output pixel i lies at 14 i + 7, that of input
    // pixel j at 10 j + 5.
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
        let mean = |left: u16, right: u16, across: u16| {
            ((left * (10 - across) + right * across + 50) / 100) as u8
        };
        // Seven pixels become five, always with the same weights.
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

/// A raster of bytes or 16-bit values that is computed row by row. Stages hold their sources as
/// trait objects: one virtual call per row costs nothing, and each stage is compiled only once.
pub(super) trait Rows<T> {
    /// Width and height, both at least 1.
    fn size(&self) -> (usize, usize);

    /// Writes the next row. Called no more often than there are rows.
    fn next(&mut self, out: &mut [T]);
}

/// The pixels of a picture.
struct Pixels<'a> {
    gray: &'a Gray,
    y: usize,
}

impl<'a> Pixels<'a> {
    fn of(gray: &'a Gray) -> Self {
        Self { gray, y: 0 }
    }
}

impl<T: From<u8>> Rows<T> for Pixels<'_> {
    fn size(&self) -> (usize, usize) {
        (self.gray.width(), self.gray.height())
    }

    fn next(&mut self, out: &mut [T]) {
        for (value, &pixel) in out.iter_mut().zip(self.gray.row(self.y)) {
            *value = T::from(pixel);
        }
        self.y += 1;
    }
}

/// The current row of a raster and the rows around it: up to `reach` below and `reach + 1` above.
struct Around<'a, T> {
    source: Box<dyn Rows<T> + 'a>,
    reach: usize,
    /// A ring buffer of rows.
    rows: Vec<T>,
    /// Number of rows read from the source.
    known: usize,
    /// Number of rows that have been current, the present one included.
    turns: usize,
}

impl<'a, T: Copy + Default> Around<'a, T> {
    fn of(source: impl Rows<T> + 'a, reach: usize) -> Self {
        let rows = vec![T::default(); (2 * reach + 2) * source.size().0];
        Self { source: Box::new(source), reach, rows, known: 0, turns: 0 }
    }

    /// Advances to the next row; returns whether it is the first one.
    fn advance(&mut self) -> bool {
        let (width, height) = self.source.size();
        self.turns += 1;
        while self.known < (self.turns + self.reach).min(height) {
            let slot = self.known % (2 * self.reach + 2);
            self.source.next(&mut self.rows[slot * width..][..width]);
            self.known += 1;
        }
        self.turns == 1
    }

    /// The row `offset - reach` below the current one, clamped to the raster.
    fn row(&self, offset: usize) -> &[T] {
        self.clamped((self.turns - 1 + offset).saturating_sub(self.reach))
    }

    /// The row that went out of reach when the current one was reached, clamped to the raster.
    fn left_behind(&self) -> &[T] {
        self.clamped(self.turns.saturating_sub(self.reach + 2))
    }

    fn clamped(&self, y: usize) -> &[T] {
        let (width, height) = self.source.size();
        &self.rows[y.min(height - 1) % (2 * self.reach + 2) * width..][..width]
    }
}

/// Combines, by `op`, the `2 * reach + 1` values around each value of a row. Beyond the ends of the
/// row its end values repeat. `scratch` is passed in so that its memory is reused for each row.
fn along<T: Copy>(
    row: &[T],
    reach: usize,
    op: impl Fn(T, T) -> T,
    scratch: &mut [Vec<T>; 2],
    out: &mut [T],
) {
    let (Some(&first), Some(&last)) = (row.first(), row.last()) else { return };
    let side = 2 * reach + 1;
    let [blocks, doubled] = scratch;
    blocks.clear();
    blocks.extend(std::iter::repeat_n(first, reach));
    blocks.extend_from_slice(row);
    blocks.extend(std::iter::repeat_n(last, reach));
    // Combine blocks of 1, 2, 4, ... values from each position on. The blocks whose sizes are the
    // binary digits of `side`, laid end to end, cover it. All of this compiles to vector
    // instructions, unlike a sliding sum.
    out.copy_from_slice(&blocks[..row.len()]);
    let (mut size, mut done) = (1, 1);
    while 2 * size <= side {
        doubled.clear();
        doubled.extend(blocks.iter().zip(&blocks[size..]).map(|(&a, &b)| op(a, b)));
        std::mem::swap(blocks, doubled);
        size *= 2;
        if side & size != 0 {
            for (value, &block) in out.iter_mut().zip(&blocks[done..]) {
                *value = op(*value, block);
            }
            done += size;
        }
    }
}

/// `value * share / 65536`: the high half of the product.
fn share_of(value: u16, share: u16) -> u16 {
    ((u32::from(value) * u32::from(share)) >> 16) as u16
}

/// The mean over the square of side `2 * radius + 1` around each value, times `scale`. Border
/// values repeat beyond the border.
pub(super) struct BoxMean<'a> {
    around: Around<'a, u16>,
    /// The sum of each column over the rows within reach.
    columns: Vec<u16>,
    /// Factor by which column sums are scaled down, in 65536ths; `None` where sums over the square
    /// fit 16 bits without it.
    column_share: Option<u16>,
    /// Ratio of the result to the sum over the square, in 65536ths.
    share: u16,
    scratch: [Vec<u16>; 2],
}

impl<'a> BoxMean<'a> {
    /// The means of a source whose values do not exceed `max`. Sums of `2 * radius + 1` such values
    /// must fit 16 bits.
    pub(super) fn of(source: impl Rows<u16> + 'a, radius: usize, max: u16, scale: usize) -> Self {
        let side = 2 * radius + 1;
        let columns = vec![0; source.size().0];
        // Each column sum is scaled down to that of `kept` values.
        let kept = (usize::from(u16::MAX / max) / side).clamp(1, side);
        let in_65536ths = |part: usize, of: usize| {
            (((part << 16) + of / 2) / of).min(usize::from(u16::MAX)) as u16
        };
        Self {
            around: Around::of(source, radius),
            columns,
            column_share: (kept < side).then(|| in_65536ths(kept, side)),
            share: in_65536ths(scale, kept * side),
            scratch: Default::default(),
        }
    }

    /// The source's row at which the last means are centred.
    pub(super) fn middle(&self) -> &[u16] {
        self.around.row(self.around.reach)
    }
}

impl Rows<u16> for BoxMean<'_> {
    fn size(&self) -> (usize, usize) {
        self.around.source.size()
    }

    fn next(&mut self, out: &mut [u16]) {
        let Self { around, columns, .. } = self;
        let reach = around.reach;
        if around.advance() {
            for offset in 0..=2 * reach {
                for (sum, &value) in columns.iter_mut().zip(around.row(offset)) {
                    *sum += value;
                }
            }
        } else {
            for ((sum, &enters), &leaves) in
                columns.iter_mut().zip(around.row(2 * reach)).zip(around.left_behind())
            {
                *sum = *sum + enters - leaves;
            }
        }
        match self.column_share {
            None => along(columns, reach, |a, b| a + b, &mut self.scratch, out),
            Some(share) => {
                let kept: Vec<u16> = columns.iter().map(|&sum| share_of(sum, share)).collect();
                along(&kept, reach, |a, b| a + b, &mut self.scratch, out);
            }
        }
        for value in out {
            *value = share_of(*value, self.share);
        }
    }
}

/// Reach of the square used for closing. The square is wider than a stroke at the locator's scales,
/// and narrower than the dark areas next to a document.
const CLOSED_REACH: usize = 3;

/// The maximum or the minimum over the square around each pixel.
struct Extreme<'a> {
    around: Around<'a, u8>,
    largest: bool,
    column: Vec<u8>,
    scratch: [Vec<u8>; 2],
}

impl<'a> Extreme<'a> {
    fn of(source: impl Rows<u8> + 'a, largest: bool) -> Self {
        Self {
            around: Around::of(source, CLOSED_REACH),
            largest,
            column: Vec::new(),
            scratch: Default::default(),
        }
    }

    fn picked(&mut self, pick: impl Fn(u8, u8) -> u8, out: &mut [u8]) {
        let Self { around, column, .. } = self;
        column.clear();
        column.extend_from_slice(around.row(0));
        for offset in 1..=2 * CLOSED_REACH {
            for (value, &other) in column.iter_mut().zip(around.row(offset)) {
                *value = pick(*value, other);
            }
        }
        along(column, CLOSED_REACH, pick, &mut self.scratch, out);
    }
}

impl Rows<u8> for Extreme<'_> {
    fn size(&self) -> (usize, usize) {
        self.around.source.size()
    }

    fn next(&mut self, out: &mut [u8]) {
        self.around.advance();
        if self.largest { self.picked(u8::max, out) } else { self.picked(u8::min, out) }
    }
}

/// Ink: how much darker each pixel is than the mean of the square of side `2 * radius + 1` around
/// it, in quarter gray levels.
///
/// Dark areas wider than a stroke are not ink: otherwise a dark table next to a white page would
/// outweigh the text at the page's edge. So the bottom-hat transform (Serra, Image Analysis and
/// Mathematical Morphology, 1982) bounds the difference from the mean.
pub(super) struct Ink<'a> {
    pixels: Pixels<'a>,
    mean: BoxMean<'a>,
    closed: Extreme<'a>,
    row: Vec<u8>,
    closed_row: Vec<u8>,
}

/// Maximum value of [`Ink`].
pub(super) const MAX_INK: u16 = 4 * 255;

impl<'a> Ink<'a> {
    pub(super) fn of(gray: &'a Gray, radius: usize) -> Self {
        Self {
            pixels: Pixels::of(gray),
            mean: BoxMean::of(Pixels::of(gray), radius, 255, 4),
            closed: Extreme::of(Extreme::of(Pixels::of(gray), true), false),
            row: vec![0; gray.width()],
            closed_row: vec![0; gray.width()],
        }
    }
}

impl Rows<u16> for Ink<'_> {
    fn size(&self) -> (usize, usize) {
        self.mean.size()
    }

    fn next(&mut self, out: &mut [u16]) {
        self.mean.next(out);
        self.closed.next(&mut self.closed_row);
        self.pixels.next(&mut self.row);
        for ((value, &pixel), &closed) in out.iter_mut().zip(&self.row).zip(&self.closed_row) {
            *value = value.saturating_sub(4 * u16::from(pixel)).min(4 * u16::from(closed - pixel));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: usize, height: usize) -> Gray {
        Gray::new(
            width,
            height,
            (0..width * height).map(|i| ((i * 7919 + 13) % 256) as u8).collect(),
        )
        .expect("sizes agree")
    }

    fn all<T: Copy + Default>(mut rows: impl Rows<T>) -> Vec<T> {
        let (width, height) = rows.size();
        let mut values = vec![T::default(); width * height];
        values.chunks_exact_mut(width).for_each(|row| rows.next(row));
        values
    }

    /// The pixels of the square around a place; border pixels repeat beyond the border.
    fn square(gray: &Gray, (x, y): (usize, usize), radius: usize) -> impl Iterator<Item = u8> {
        let at = move |dx: usize, dy: usize| {
            let x = (x + dx).saturating_sub(radius).min(gray.width() - 1);
            let y = (y + dy).saturating_sub(radius).min(gray.height() - 1);
            gray.row(y)[x]
        };
        (0..=2 * radius).flat_map(move |dy| (0..=2 * radius).map(move |dx| at(dx, dy)))
    }

    fn places(gray: &Gray) -> impl Iterator<Item = (usize, usize)> {
        (0..gray.height()).flat_map(|y| (0..gray.width()).map(move |x| (x, y)))
    }

    #[test]
    fn box_means_are_those_of_the_definition_up_to_one() {
        for (width, height) in [(23, 9), (1, 1), (2, 40), (40, 2)] {
            let gray = noise(width, height);
            // With a maximum above the actual values, column sums are scaled down.
            for (radius, max) in [(1, 255), (2, 255), (5, 255), (12, 255), (12, 1020)] {
                let means = all(BoxMean::of(Pixels::of(&gray), radius, max, 4));
                for (mean, place) in means.iter().zip(places(&gray)) {
                    let sum: u64 = square(&gray, place, radius).map(u64::from).sum();
                    let expected = 4 * sum / (2 * radius as u64 + 1).pow(2);
                    let off = if max == 255 { 1 } else { 3 };
                    assert!(
                        expected.abs_diff(u64::from(*mean)) <= off,
                        "{mean} {expected} {radius} {max}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_largest_values_fit() {
        let white = Gray::new(60, 60, vec![255; 3600]).expect("sizes agree");
        for radius in [1, 5, 12] {
            let means = all(BoxMean::of(Pixels::of(&white), radius, 255, 4));
            assert!(
                means.iter().all(|&mean| mean.abs_diff(MAX_INK) <= 4),
                "{radius} {:?}",
                means[0]
            );
        }
    }

    #[test]
    fn closing_is_that_of_the_definition() {
        for (width, height) in [(23, 19), (1, 1), (3, 40), (40, 3)] {
            let gray = noise(width, height);
            let darkest = all(Extreme::of(Pixels::of(&gray), false));
            for (&value, place) in darkest.iter().zip(places(&gray)) {
                assert_eq!(
                    Some(value),
                    square(&gray, place, CLOSED_REACH).min(),
                    "{width} x {height} {place:?}"
                );
            }
        }
    }

    #[test]
    fn five_sevenths_are_those_of_the_definition() {
        for (width, height) in [(7, 7), (21, 9), (23, 15), (40, 8), (5, 3)] {
            let gray = noise(width, height);
            let small = shrink_by_root_two(&gray);
            let at = |i: usize, len: usize| {
                let position = 14 * i + 2;
                let first = (position / 10).min(len - 1);
                (first, (first + 1).min(len - 1), position % 10)
            };
            for y in 0..small.height() {
                for x in 0..small.width() {
                    let ((left, right, across), (top, bottom, down)) =
                        (at(x, width), at(y, height));
                    let row = |y: usize| {
                        usize::from(gray.row(y)[left]) * (10 - across)
                            + usize::from(gray.row(y)[right]) * across
                    };
                    let expected = (row(top) * (10 - down) + row(bottom) * down + 50) / 100;
                    assert_eq!(
                        usize::from(small.row(y)[x]),
                        expected,
                        "{width} x {height}: {x} {y}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_flat_picture_has_no_ink_and_keeps_its_gray() {
        let flat = Gray::new(30, 20, vec![77; 600]).expect("sizes agree");
        assert!(all(Ink::of(&flat, 5)).iter().all(|&v| v <= 1));
        assert!(flat.shrunk(3).pixels().iter().all(|&p| p == 77));
        assert!(shrink_by_root_two(&flat).pixels().iter().all(|&p| p == 77));
        assert_eq!(
            (shrink_by_root_two(&flat).width(), shrink_by_root_two(&flat).height()),
            (21, 14)
        );
    }

    #[test]
    fn one_pixel_survives() {
        let dot = Gray::new(1, 1, vec![9]).expect("sizes agree");
        assert_eq!(dot.shrunk(4).pixels(), [9]);
        assert_eq!(shrink_by_root_two(&dot).pixels(), [9]);
        assert_eq!(all(Ink::of(&dot, 5)).len(), 1);
    }
}
