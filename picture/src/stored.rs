//! Gray pixels as a file stores them, on their way to an upright picture.

use nibble_gray::Gray;

use crate::cost::Cost;
use crate::orient::{self, Orientation};
use crate::{Limits, PictureError};

/// A decoded picture, not yet upright.
pub(crate) struct Stored {
    /// Row-major pixels.
    pub(crate) gray: Vec<u8>,
    /// Pixels in a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// What makes the picture upright.
    pub(crate) orientation: Orientation,
}

impl Stored {
    /// Turns the picture upright.
    pub(crate) fn upright(self) -> Result<Gray, PictureError> {
        orient::upright(self.gray, self.width as usize, self.height as usize, self.orientation)
    }
}

/// Allocates `bytes` for samples, after checking that decoding is within `limits`. `cost` covers
/// everything except the samples themselves.
pub(crate) fn space(
    bytes: u64,
    orientation: Orientation,
    cost: Cost,
    limits: &Limits,
) -> Result<Vec<u8>, PictureError> {
    let mut cost = cost.with(bytes);
    if orientation != Orientation::Upright {
        cost = cost.with_turn();
    }
    cost.check(limits)?;
    // The address space may be smaller than the limits.
    let length = usize::try_from(bytes).map_err(|_| cost.too_large())?;
    Ok(vec![0; length])
}

/// Replaces each group of `N` bytes by one byte, and frees the rest of the buffer. The buffer is the
/// largest object in memory, so there is no second one.
pub(crate) fn squeeze<const N: usize>(buffer: &mut Vec<u8>, gray: impl Fn([u8; N]) -> u8) {
    let count = buffer.len() / N;
    for index in 0..count {
        let mut pixel = [0; N];
        pixel.copy_from_slice(&buffer[index * N..][..N]);
        buffer[index] = gray(pixel);
    }
    buffer.truncate(count);
    buffer.shrink_to_fit();
}
