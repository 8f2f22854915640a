//! Smaller pictures, whose pixels are means of areas.

use crate::Gray;

impl Gray {
    /// The picture of the means of all `factor` x `factor` blocks. Columns and rows at the right
    /// and bottom that fill no block are left out; a side shorter than `factor` is one block.
    #[must_use]
    pub fn shrunk(&self, factor: usize) -> Self {
        if factor <= 1 || self.pixels.is_empty() {
            return self.clone();
        }
        if factor == 2 && self.width > 1 && self.height > 1 {
            return self.halved();
        }
        let (block_width, block_height) = (factor.min(self.width), factor.min(self.height));
        let (width, height) = (self.width / block_width, self.height / block_height);
        let mut pixels = vec![0; width * height];
        let mut sums = vec![0u32; width];
        let area = u32::try_from(block_width * block_height).unwrap_or(u32::MAX);
        // A multiplication instead of a division; exact for blocks of up to 64 x 64 pixels.
        let reciprocal = u64::from(u32::MAX) / u64::from(area) + 1;
        for (y, out) in pixels.chunks_exact_mut(width).enumerate() {
            sums.fill(area / 2);
            for row in (0..block_height).map(|dy| self.row(y * block_height + dy)) {
                // The compiler vectorises the sums only for a width that it knows.
                match block_width {
                    2 => add_blocks(&mut sums, row.as_chunks::<2>().0),
                    3 => add_blocks(&mut sums, row.as_chunks::<3>().0),
                    _ => add_blocks(&mut sums, row.chunks_exact(block_width)),
                }
            }
            for (pixel, sum) in out.iter_mut().zip(&sums) {
                *pixel = u8::try_from((u64::from(*sum) * reciprocal) >> 32).unwrap_or(u8::MAX);
            }
        }
        Self { width, height, pixels }
    }

    /// The picture shrunk by 2, in 16-bit lanes. Both sides are at least 2.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let mut pixels = vec![0; width * height];
        for (out, rows) in
            pixels.chunks_exact_mut(width).zip(self.pixels.chunks_exact(2 * self.width))
        {
            let (upper, lower) = rows.split_at(self.width);
            let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
            for (pixel, (&upper, &lower)) in out.iter_mut().zip(pairs) {
                let (upper, lower) = (u16::from_le_bytes(upper), u16::from_le_bytes(lower));
                let sum = (upper & 255) + (upper >> 8) + (lower & 255) + (lower >> 8);
                // A quarter of at most 1022.
                *pixel = ((sum + 2) >> 2).to_le_bytes()[0];
            }
        }
        Self { width, height, pixels }
    }

    /// The picture scaled down to `width` x `height` pixels: each is the mean of the area that it
    /// covers. `None` if a side would grow, if there are no pixels, or if the sides would shrink so
    /// differently that one does by a factor more than twice the other's.
    #[must_use]
    pub fn scaled_down(&self, width: usize, height: usize) -> Option<Self> {
        if width == 0 || height == 0 || width > self.width || height > self.height {
            return None;
        }
        // Whole blocks first.
        let factor = (self.width / width).min(self.height / height);
        let whole = if factor > 1 { &self.shrunk(factor) } else { self };
        let (columns, rows) =
            (Cover::of_all(whole.width, width)?, Cover::of_all(whole.height, height)?);
        let mut pixels = vec![0; width * height];
        let mut sums = vec![0; whole.width.max(PARTS)];
        for (out, cover) in pixels.chunks_exact_mut(width).zip(&rows) {
            cover.add_rows(whole, &mut sums);
            for (pixel, cover) in out.iter_mut().zip(&columns) {
                *pixel = cover.mean(&sums);
            }
        }
        Self::new(width, height, pixels)
    }
}

/// Maximum number of pixels of a line that an output pixel covers if it is less than two pixels long.
const PARTS: usize = 3;

/// Which pixels of a line an output pixel covers.
#[derive(Debug, Clone, Copy)]
struct Cover {
    first: usize,
    /// The share of each pixel from the first on, in 256ths; they add up to 256.
    shares: [u16; PARTS],
}

impl Cover {
    /// The cover of each of `count` pixels that together cover `length` pixels; `None` if they are
    /// two pixels long or more.
    fn of_all(length: usize, count: usize) -> Option<Vec<Self>> {
        // Positions in units of which a pixel has `count`.
        let cover = |index: usize| {
            let (begin, end) = (index * length, (index + 1) * length);
            // Near the end, the first parts are nothing.
            let first = (begin / count).min(length.saturating_sub(PARTS));
            let mut left = (256, length);
            let shares = std::array::from_fn(|part| {
                let pixel = first + part;
                let part = end.min((pixel + 1) * count).saturating_sub(begin.max(pixel * count));
                // What is left is divided among the parts that are left, so that nothing is lost.
                let share = if part == 0 { 0 } else { (left.0 * part + left.1 / 2) / left.1 };
                left = (left.0 - share, left.1 - part);
                u16::try_from(share).unwrap_or(0)
            });
            Self { first, shares }
        };
        (length < 2 * count).then(|| (0..count).map(cover).collect())
    }

    /// The weighted sum of the rows that this covers, for each column.
    fn add_rows(&self, picture: &Gray, sums: &mut [u16]) {
        sums.fill(0);
        for (row, share) in (self.first..).zip(self.shares).filter(|(_, share)| *share > 0) {
            for (sum, &pixel) in sums.iter_mut().zip(picture.row(row)) {
                *sum += share * u16::from(pixel);
            }
        }
    }

    /// The mean of the columns that this covers, from sums in 256ths.
    fn mean(&self, sums: &[u16]) -> u8 {
        let sums = &sums[self.first..][..PARTS];
        let sum: u32 = sums
            .iter()
            .zip(self.shares)
            .map(|(&sum, share)| u32::from(sum) * u32::from(share))
            .sum();
        u8::try_from((sum + (1 << 15)) >> 16).unwrap_or(u8::MAX)
    }
}

/// Adds the sum of each block of a row to the sum of its column.
fn add_blocks<B: AsRef<[u8]>>(sums: &mut [u32], blocks: impl IntoIterator<Item = B>) {
    for (sum, block) in sums.iter_mut().zip(blocks) {
        *sum += block.as_ref().iter().map(|&p| u32::from(p)).sum::<u32>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::noise;

    /// The share of output pixel `index` that lies on pixel `at`, where pixels shrink by `scale`.
    fn overlap(at: usize, index: usize, scale: f64) -> f64 {
        let of = |number: usize| f64::from(u32::try_from(number).expect("a small picture"));
        let (begin, end) = (of(index) * scale, of(index + 1) * scale);
        (end.min(of(at) + 1.0) - begin.max(of(at))).max(0.0) / scale
    }

    #[test]
    fn pixels_scaled_down_are_means_of_areas() {
        let sizes: [([u32; 2], [u32; 2]); 5] = [
            ([7, 5], [7, 5]),
            ([9, 6], [6, 4]),
            ([31, 23], [21, 16]),
            ([64, 48], [24, 18]),
            ([5, 1], [4, 1]),
        ];
        for (from, to) in sizes {
            let [width, height] = from.map(|side| side as usize);
            let picture = Gray::new(width, height, noise(width * height)).expect("sizes agree");
            let small = picture.scaled_down(to[0] as usize, to[1] as usize).expect("smaller");
            // Whole blocks are taken first.
            let factor = (from[0] / to[0]).min(from[1] / to[1]);
            let picture = picture.shrunk(factor as usize);
            let scale = [0, 1].map(|side| f64::from(from[side] / factor) / f64::from(to[side]));
            for (y, row) in small.pixels().chunks_exact(small.width()).enumerate() {
                for (x, &found) in row.iter().enumerate() {
                    let mut mean = 0.0;
                    for py in 0..picture.height() {
                        for (px, &pixel) in picture.row(py).iter().enumerate() {
                            mean += overlap(px, x, scale[0])
                                * overlap(py, y, scale[1])
                                * f64::from(pixel);
                        }
                    }
                    assert!(
                        (f64::from(found) - mean).abs() < 2.0,
                        "{from:?} to {to:?}: {found} for {mean}"
                    );
                }
            }
        }
        let picture = Gray::new(9, 6, noise(54)).expect("54 pixels");
        assert_eq!(picture.scaled_down(9, 6), Some(picture.clone()));
        for (width, height) in [(10, 6), (9, 7), (0, 1), (3, 6)] {
            assert_eq!(picture.scaled_down(width, height), None, "{width} x {height}");
        }
        let white = Gray::new(1440, 3, vec![255; 3 * 1440]).expect("sizes agree");
        assert!(
            white
                .scaled_down(1024, 3)
                .is_some_and(|small| small.pixels().iter().all(|&p| p == 255))
        );
    }
}
