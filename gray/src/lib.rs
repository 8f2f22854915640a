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

mod luma;
mod scale;
pub mod sheet;

pub use luma::{luma, over_white, rgb_to_gray, rgba_to_gray};

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

    /// The negative: black for white.
    #[must_use]
    pub fn inverted(&self) -> Self {
        Self { pixels: self.pixels.iter().map(|&pixel| 255 - pixel).collect(), ..*self }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Bytes without a pattern.
    pub(crate) fn noise(count: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..count).map(|_| byte()).collect()
    }

    #[test]
    fn a_negative_of_a_negative_is_the_picture() {
        let picture = Gray::new(2, 1, vec![0, 200]).expect("two pixels");
        assert_eq!(picture.inverted().pixels(), [255, 55]);
        assert_eq!(picture.inverted().inverted(), picture);
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
