//! Line strips: what the network reads.

/// Gray codes of one line, row-major: dark text on light, stretched to the full range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Strip {
    /// A strip from `width * height` row-major codes; `None` if the length differs, overflows or is zero.
    #[must_use]
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        let fits = !pixels.is_empty() && width.checked_mul(height) == Some(pixels.len());
        fits.then_some(Self { width, height, pixels })
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// All codes, row-major.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}
