//! BMP files: a header, a palette of at most 1 KB, and rows of pixels.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::bmp::BmpDecoder;
use image::metadata::Orientation;

use crate::cost::Cost;
use crate::stored::Stored;
use crate::{Limits, PictureError};

/// Maximum bytes per pixel in the file. The decoder holds one row of them.
const MAX_PIXEL_BYTES: u64 = 4;

/// Decodes a BMP file.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, PictureError> {
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(PictureError::from_image)?;
    let (width, height) = decoder.dimensions();
    let cost = Cost::new(bytes, width, height)?.with_working(u64::from(width) * MAX_PIXEL_BYTES);
    Stored::read(decoder, Orientation::NoTransforms, cost, limits)
}
