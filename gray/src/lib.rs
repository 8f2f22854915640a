//! Gray pictures, which decoders make and readers take. From them on, every target computes the
//! same bits.
//!
//! ```
//! use nibble_gray::{Gray, luma, over_white};
//!
//! let picture = Gray::new(2, 1, vec![luma(255, 0, 0), over_white(0, 128)]).expect("two pixels");
//! assert_eq!(picture.pixels(), [77, 127]);
//! ```
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;

/// A gray picture: row-major, one byte per pixel, from 0 (black) to 255 (white).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gray {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Gray {
    /// A picture of `width * height` row-major pixels; `None` if there are more or fewer.
    #[must_use]
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        (width.checked_mul(height) == Some(pixels.len())).then_some(Self { width, height, pixels })
    }

    /// A picture of row-major RGBA pixels of 8 bits, as a browser's canvas holds them, over white;
    /// `None` if there are not `width * height` of them, or none at all.
    #[must_use]
    pub fn from_rgba(width: usize, height: usize, mut rgba: Vec<u8>) -> Option<Self> {
        let expected = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(4));
        if rgba.is_empty() || expected != Some(rgba.len()) {
            return None;
        }
        rgba_to_gray(&mut rgba);
        Self::new(width, height, rgba)
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All pixels, row-major.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Row `y`, `width` pixels.
    ///
    /// # Panics
    /// If `y >= height`.
    #[must_use]
    pub fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..][..self.width]
    }

    /// The picture of the means of all `factor` x `factor` blocks. Columns and rows at the right
    /// and bottom that fill no block are left out; a side shorter than `factor` is one block.
    #[must_use]
    pub fn shrunk(&self, factor: usize) -> Self {
        if factor <= 1 || self.pixels.is_empty() {
            return self.clone();
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
}

/// Values of luma in video: black, and the step to white.
const VIDEO_BLACK: i32 = 16;
const VIDEO_SPAN: i32 = 219;

impl Gray {
    /// The picture with the luma of video as gray: 16 becomes 0 and 235 becomes 255, what is outside
    /// becomes black or white.
    #[must_use]
    pub fn from_video_range(mut self) -> Self {
        let stretched = |luma: u8| {
            let above = (i32::from(luma) - VIDEO_BLACK) * 255;
            let gray = (above + VIDEO_SPAN / 2).div_euclid(VIDEO_SPAN);
            u8::try_from(gray.clamp(0, 255)).unwrap_or(u8::MAX)
        };
        let table: [u8; 256] = std::array::from_fn(|luma| stretched(u8::try_from(luma).unwrap_or(0)));
        for pixel in &mut self.pixels {
            *pixel = table[usize::from(*pixel)];
        }
        self
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
        let (columns, rows) = (Cover::of_all(whole.width, width)?, Cover::of_all(whole.height, height)?);
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
        let sum: u32 =
            sums.iter().zip(self.shares).map(|(&sum, share)| u32::from(sum) * u32::from(share)).sum();
        u8::try_from((sum + (1 << 15)) >> 16).unwrap_or(u8::MAX)
    }
}

/// Adds the sum of each block of a row to the sum of its column.
fn add_blocks<B: AsRef<[u8]>>(sums: &mut [u32], blocks: impl IntoIterator<Item = B>) {
    for (sum, block) in sums.iter_mut().zip(blocks) {
        *sum += block.as_ref().iter().map(|&p| u32::from(p)).sum::<u32>();
    }
}

/// The gray value of an RGB pixel: the weights of ITU-R BT.601 in 256ths, rounded, in integers. It is
/// within one of the luma that a JPEG file of the pixel stores.
#[must_use]
pub const fn luma(r: u8, g: u8, b: u8) -> u8 {
    // At most 255 * 256 + 128: 16 bits hold it, and after the shift 8 bits do.
    ((WEIGHTS[0] * r as u16 + WEIGHTS[1] * g as u16 + WEIGHTS[2] * b as u16 + 128) >> 8) as u8
}

/// Weights of red, green and blue in 256ths.
const WEIGHTS: [u16; 3] = [77, 150, 29];

/// `channel` with opacity `alpha` (0 to 255) over white, rounded, in integers.
#[must_use]
pub fn over_white(channel: u8, alpha: u8) -> u8 {
    let (c, a) = (u32::from(channel), u32::from(alpha));
    u8::try_from((c * a + 255 * (255 - a) + 127) / 255).unwrap_or(u8::MAX)
}

/// The gray value of an RGBA pixel over white.
#[must_use]
fn rgba_luma([r, g, b, a]: [u8; 4]) -> u8 {
    luma(over_white(r, a), over_white(g, a), over_white(b, a))
}

/// Turns RGB pixels of 8 bits into one gray byte each, in place, and frees the rest of the buffer.
pub fn rgb_to_gray(buffer: &mut Vec<u8>) {
    squeeze(buffer, |pixels, gray| {
        for (gray, &[r, g, b]) in gray.iter_mut().zip(pixels) {
            *gray = luma(r, g, b);
        }
    });
}

/// Turns RGBA pixels of 8 bits over white into one gray byte each, in place, and frees the rest of
/// the buffer.
pub fn rgba_to_gray(buffer: &mut Vec<u8>) {
    squeeze(buffer, |pixels, gray| {
        if pixels.iter().fold(u8::MAX, |all, pixel| all & pixel[3]) == u8::MAX {
            for (gray, &[r, g, b, _]) in gray.iter_mut().zip(pixels) {
                *gray = luma(r, g, b);
            }
        } else {
            for (gray, &pixel) in gray.iter_mut().zip(pixels) {
                *gray = rgba_luma(pixel);
            }
        }
    });
}

/// Pixels that [`squeeze`] takes at once: so many fit the registers, and copying them costs little.
const BLOCK: usize = 64;

/// Replaces each `N` bytes by one, in blocks of pixels that the compiler vectorises.
fn squeeze<const N: usize>(buffer: &mut Vec<u8>, convert: impl Fn(&[[u8; N]; BLOCK], &mut [u8; BLOCK])) {
    let count = buffer.len() / N;
    let (mut pixels, mut gray) = ([[0; N]; BLOCK], [0; BLOCK]);
    for first in (0..count).step_by(BLOCK) {
        let length = BLOCK.min(count - first);
        pixels.as_flattened_mut()[..length * N].copy_from_slice(&buffer[first * N..][..length * N]);
        convert(&pixels, &mut gray);
        buffer[first..first + length].copy_from_slice(&gray[..length]);
    }
    buffer.truncate(count);
    buffer.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_and_black_keep_their_value() {
        assert_eq!(luma(255, 255, 255), 255);
        assert_eq!(luma(0, 0, 0), 0);
        assert_eq!(over_white(0, 0), 255);
        assert_eq!(over_white(17, 255), 17);
    }

    #[test]
    fn the_weights_add_up() {
        assert_eq!(WEIGHTS.iter().sum::<u16>(), 256);
        let exact = [0.299, 0.587, 0.114];
        assert!(
            WEIGHTS
                .iter()
                .zip(exact)
                .all(|(&weight, exact)| (f64::from(weight) / 256.0 - exact).abs() < 0.5 / 256.0)
        );
    }

    /// Bytes without a pattern.
    fn noise(count: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..count).map(|_| byte()).collect()
    }

    #[test]
    fn blocks_give_what_pixels_give() {
        for count in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let rgb = noise(count * 3);
            let mut gray = rgb.clone();
            rgb_to_gray(&mut gray);
            let expected: Vec<u8> = rgb.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])).collect();
            assert_eq!(gray, expected, "{count} pixels of RGB");
            // All opaque, one clear, and all of some opacity.
            for clear in [None, Some(count / 2)] {
                let mut rgba = noise(count * 4);
                for (index, pixel) in rgba.chunks_exact_mut(4).enumerate() {
                    pixel[3] = if clear == Some(index) { 100 } else { 255 };
                }
                let expected: Vec<u8> = rgba.as_chunks().0.iter().map(|&pixel| rgba_luma(pixel)).collect();
                rgba_to_gray(&mut rgba);
                assert_eq!(rgba, expected, "{count} pixels of RGBA");
            }
            let mut rgba = noise(count * 4);
            let expected: Vec<u8> = rgba.as_chunks().0.iter().map(|&pixel| rgba_luma(pixel)).collect();
            rgba_to_gray(&mut rgba);
            assert_eq!(rgba, expected, "{count} clear pixels");
        }
    }

    #[test]
    fn video_range_is_stretched() {
        let luma: Vec<u8> = (0..=255).collect();
        let gray = Gray::new(256, 1, luma).expect("256 pixels").from_video_range();
        for (luma, &gray) in (0_u8..=255).zip(gray.pixels()) {
            let exact = (f64::from(luma) - 16.0) * 255.0 / 219.0;
            assert!((f64::from(gray) - exact.clamp(0.0, 255.0)).abs() <= 0.5, "{luma}: {gray}");
        }
    }

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
                            mean += overlap(px, x, scale[0]) * overlap(py, y, scale[1]) * f64::from(pixel);
                        }
                    }
                    assert!((f64::from(found) - mean).abs() < 2.0, "{from:?} to {to:?}: {found} for {mean}");
                }
            }
        }
        let picture = Gray::new(9, 6, noise(54)).expect("54 pixels");
        assert_eq!(picture.scaled_down(9, 6), Some(picture.clone()));
        for (width, height) in [(10, 6), (9, 7), (0, 1), (3, 6)] {
            assert_eq!(picture.scaled_down(width, height), None, "{width} x {height}");
        }
        let white = Gray::new(1440, 3, vec![255; 3 * 1440]).expect("sizes agree");
        assert!(white.scaled_down(1024, 3).is_some_and(|small| small.pixels().iter().all(|&p| p == 255)));
    }

    #[test]
    fn canvas_pixels_are_checked() {
        assert!(Gray::from_rgba(2, 2, vec![0; 15]).is_none());
        assert!(Gray::from_rgba(0, 0, Vec::new()).is_none());
        assert!(Gray::from_rgba(usize::MAX, 2, vec![0; 8]).is_none());
        let picture = Gray::from_rgba(2, 1, vec![10, 10, 10, 255, 0, 0, 0, 0]).expect("two pixels");
        assert_eq!(picture.pixels(), [10, 255]);
    }

    #[test]
    fn a_picture_needs_all_its_pixels() {
        assert!(Gray::new(2, 2, vec![0; 3]).is_none());
        assert!(Gray::new(usize::MAX, 2, vec![]).is_none());
    }
}
