//! Pixels as a file stores them, on their way to an upright gray picture.

use image::metadata::Orientation;
use image::{ColorType, ImageDecoder};
use nibble_gray::Gray;

use crate::cost::Cost;
use crate::{Limits, PictureError, orient, pixels};

/// A decoded picture, not yet gray or upright.
pub(crate) struct Stored {
    /// Row-major samples in native byte order.
    pub(crate) samples: Vec<u8>,
    /// Pixels in a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// Type of the samples.
    pub(crate) color: ColorType,
    /// How the picture must be turned to be upright.
    pub(crate) orientation: Orientation,
}

impl Stored {
    /// Reads the pixels of a decoder that has read its header. `cost` covers everything except the
    /// pixels themselves.
    pub(crate) fn read(
        decoder: impl ImageDecoder,
        orientation: Orientation,
        cost: Cost,
        limits: &Limits,
    ) -> Result<Self, PictureError> {
        let (width, height) = decoder.dimensions();
        let color = decoder.color_type();
        let mut samples = space(decoder.total_bytes(), color, orientation, cost, limits)?;
        decoder.read_image(&mut samples).map_err(PictureError::from_image)?;
        Ok(Self { samples, width, height, color, orientation })
    }

    /// Converts the picture to gray and turns it upright.
    pub(crate) fn into_gray(mut self) -> Result<Gray, PictureError> {
        pixels::to_gray_in_place(&mut self.samples, self.color)?;
        orient::upright(self.samples, self.width as usize, self.height as usize, self.orientation)
    }
}

/// Allocates `bytes` for samples, after checking that their type is supported and that decoding is
/// within `limits`.
pub(crate) fn space(
    bytes: u64,
    color: ColorType,
    orientation: Orientation,
    cost: Cost,
    limits: &Limits,
) -> Result<Vec<u8>, PictureError> {
    // The buffer is empty: this only checks that the pixel type is supported.
    pixels::to_gray_in_place(&mut Vec::new(), color)?;
    let mut cost = cost.with(bytes);
    if orientation != Orientation::NoTransforms {
        cost = cost.with_turn();
    }
    cost.check(limits)?;
    // The address space may be smaller than the limits.
    let length = usize::try_from(bytes).map_err(|_| cost.too_large())?;
    Ok(vec![0; length])
}
