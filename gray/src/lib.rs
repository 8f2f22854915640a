//! Gray pictures, which decoders make and readers take. From them on, every target computes the
//! same bits.
//!
//! ```
//! use nibble_gray::{Gray, luma, over_white};
//!
//! let picture = Gray::new(2, 1, vec![luma(255, 0, 0), over_white(0, 128)]).expect("two pixels");
//! assert_eq!(picture.pixels(), [54, 127]);
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

    /// The negative: black for white.
    #[must_use]
    pub fn inverted(&self) -> Self {
        Self { pixels: self.pixels.iter().map(|&pixel| 255 - pixel).collect(), ..*self }
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

/// Adds the sum of each block of a row to the sum of its column.
fn add_blocks<B: AsRef<[u8]>>(sums: &mut [u32], blocks: impl IntoIterator<Item = B>) {
    for (sum, block) in sums.iter_mut().zip(blocks) {
        *sum += block.as_ref().iter().map(|&p| u32::from(p)).sum::<u32>();
    }
}

/// The gray value of an RGB pixel: ITU-R BT.709 weights in ten-thousandths, rounded, in integers.
#[must_use]
pub fn luma(r: u8, g: u8, b: u8) -> u8 {
    let sum = 2126 * u32::from(r) + 7152 * u32::from(g) + 722 * u32::from(b) + 5000;
    u8::try_from(sum / 10_000).unwrap_or(u8::MAX)
}

/// `channel` with opacity `alpha` (0 to 255) over white, rounded, in integers.
#[must_use]
pub fn over_white(channel: u8, alpha: u8) -> u8 {
    let (c, a) = (u32::from(channel), u32::from(alpha));
    u8::try_from((c * a + 255 * (255 - a) + 127) / 255).unwrap_or(u8::MAX)
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
    fn a_negative_of_a_negative_is_the_picture() {
        let picture = Gray::new(2, 1, vec![0, 200]).expect("two pixels");
        assert_eq!(picture.inverted().pixels(), [255, 55]);
        assert_eq!(picture.inverted().inverted(), picture);
    }

    #[test]
    fn a_picture_needs_all_its_pixels() {
        assert!(Gray::new(2, 2, vec![0; 3]).is_none());
        assert!(Gray::new(usize::MAX, 2, vec![]).is_none());
    }
}
