//! Gray pictures: the first stage, and the point from which every target computes the same bits.

/// A gray picture, row-major, one byte a pixel, 0 black to 255 white.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gray {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Gray {
    /// A picture from `width * height` row-major pixels; `None` if the length differs or overflows.
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
}

/// Gray of one RGB pixel: ITU-R BT.709 weights in ten-thousandths, rounded, in integers.
#[must_use]
pub fn luma(r: u8, g: u8, b: u8) -> u8 {
    let sum = 2126 * u32::from(r) + 7152 * u32::from(g) + 722 * u32::from(b) + 5000;
    u8::try_from(sum / 10_000).unwrap_or(u8::MAX)
}

/// `channel` with opacity `alpha` over white, rounded, in integers.
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
    fn a_picture_needs_all_its_pixels() {
        assert!(Gray::new(2, 2, vec![0; 3]).is_none());
        assert!(Gray::new(usize::MAX, 2, vec![]).is_none());
    }
}
