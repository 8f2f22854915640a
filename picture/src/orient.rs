//! EXIF orientation, applied to gray pixels.

use image::metadata::Orientation;
use nibble_gray::Gray;

use crate::PictureError;

/// Turns `pixels`, stored as `width` x `height` with `orientation`, into an upright picture.
pub(crate) fn upright(
    pixels: Vec<u8>,
    width: usize,
    height: usize,
    orientation: Orientation,
) -> Result<Gray, PictureError> {
    let (last_x, last_y) = (width - 1, height - 1);
    let at = |x: usize, y: usize| pixels[y * width + x];
    let turned = match orientation {
        Orientation::NoTransforms => Gray::new(width, height, pixels),
        Orientation::FlipHorizontal => compose(width, height, |x, y| at(last_x - x, y)),
        Orientation::Rotate180 => compose(width, height, |x, y| at(last_x - x, last_y - y)),
        Orientation::FlipVertical => compose(width, height, |x, y| at(x, last_y - y)),
        Orientation::Rotate90FlipH => compose(height, width, |x, y| at(y, x)),
        Orientation::Rotate90 => compose(height, width, |x, y| at(y, last_y - x)),
        Orientation::Rotate270FlipH => compose(height, width, |x, y| at(last_x - y, last_y - x)),
        Orientation::Rotate270 => compose(height, width, |x, y| at(last_x - y, x)),
    };
    turned.ok_or_else(|| PictureError::Broken("pixels do not match the dimensions".to_owned()))
}

/// A `width` x `height` picture whose pixel at (x, y) is `source(x, y)`.
fn compose(width: usize, height: usize, source: impl Fn(usize, usize) -> u8) -> Option<Gray> {
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        pixels.extend((0..width).map(|x| source(x, y)));
    }
    Gray::new(width, height, pixels)
}
