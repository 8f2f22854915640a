//! BMP files: a header, a palette of at most 1 KB, and rows of pixels.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::bmp::BmpDecoder;

use crate::cost::Cost;
use crate::orient::Orientation;
use crate::stored::Stored;
use crate::{Limits, PictureError, pixels};

/// Maximum bytes per pixel in the file. The decoder holds one row of them.
const MAX_PIXEL_BYTES: u64 = 4;

/// Decodes a BMP file.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, PictureError> {
    let decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(pixels::error_of)?;
    let (width, height) = decoder.dimensions();
    let cost = Cost::new(bytes, width, height)?.with_working(u64::from(width) * MAX_PIXEL_BYTES);
    pixels::read(decoder, Orientation::Upright, cost, limits)
}
