//! GIF files: the first frame, on a canvas that is clear where the frame does not reach.

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::gif::GifDecoder;

use crate::cost::Cost;
use crate::orient::Orientation;
use crate::stored::Stored;
use crate::{Limits, PictureError, pixels};

/// Bytes per pixel of a frame: red, green, blue and opacity.
const PIXEL_BYTES: u64 = 4;

/// Decodes the first frame of a GIF file.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, PictureError> {
    let mut decoder = GifDecoder::new(Cursor::new(bytes)).map_err(pixels::error_of)?;
    let (width, height) = decoder.dimensions();
    let cost = Cost::new(bytes, width, height)?;
    // A frame smaller than the canvas is decoded apart. It may declare any size, so the decoder has
    // limits of its own.
    let frame = cost.pixels().saturating_mul(PIXEL_BYTES);
    let mut own = image::Limits::no_limits();
    own.max_image_width = Some(width);
    own.max_image_height = Some(height);
    own.max_alloc = Some(frame);
    decoder.set_limits(own).map_err(pixels::error_of)?;
    pixels::read(decoder, Orientation::Upright, cost.with(frame), limits)
}
