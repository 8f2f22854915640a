//! Pixels from the decoders of the crate `image`, converted to gray in place.

use image::{ColorType, ImageDecoder, ImageError};
use nibble_gray::{luma, over_white, rgb_to_gray, rgba_to_gray};

use crate::cost::Cost;
use crate::orient::Orientation;
use crate::stored::{Stored, space, squeeze};
use crate::{Limits, PictureError};

/// Reads the pixels of a decoder that has read its header. `cost` covers everything except the pixels
/// themselves.
pub(crate) fn read(
    decoder: impl ImageDecoder,
    orientation: Orientation,
    cost: Cost,
    limits: &Limits,
) -> Result<Stored, PictureError> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    // The buffer is empty: this only checks that the pixel type is supported.
    to_gray_in_place(&mut Vec::new(), color)?;
    let mut gray = space(decoder.total_bytes(), orientation, cost, limits)?;
    decoder.read_image(&mut gray).map_err(error_of)?;
    to_gray_in_place(&mut gray, color)?;
    Ok(Stored { gray, width, height, orientation })
}

/// Our error for one of `image`.
pub(crate) fn error_of(error: ImageError) -> PictureError {
    match error {
        ImageError::Unsupported(error) => PictureError::Unsupported(error.to_string()),
        error => PictureError::Broken(error.to_string()),
    }
}

/// Turns `buffer`, pixels of type `color` in native byte order, into one gray byte per pixel.
fn to_gray_in_place(buffer: &mut Vec<u8>, color: ColorType) -> Result<(), PictureError> {
    match color {
        ColorType::L8 => {}
        ColorType::La8 => squeeze(buffer, |[l, a]: [u8; 2]| over_white(l, a)),
        ColorType::Rgb8 => rgb_to_gray(buffer),
        ColorType::Rgba8 => rgba_to_gray(buffer),
        ColorType::L16 => squeeze(buffer, |p: [u8; 2]| narrow([p[0], p[1]])),
        ColorType::La16 => {
            squeeze(buffer, |p: [u8; 4]| over_white(narrow([p[0], p[1]]), narrow([p[2], p[3]])))
        }
        ColorType::Rgb16 => squeeze(buffer, |p: [u8; 6]| {
            luma(narrow([p[0], p[1]]), narrow([p[2], p[3]]), narrow([p[4], p[5]]))
        }),
        ColorType::Rgba16 => squeeze(buffer, |p: [u8; 8]| {
            rgba_luma([
                narrow([p[0], p[1]]),
                narrow([p[2], p[3]]),
                narrow([p[4], p[5]]),
                narrow([p[6], p[7]]),
            ])
        }),
        other => return Err(PictureError::Unsupported(format!("pixels of type {other:?}"))),
    }
    Ok(())
}

fn rgba_luma([r, g, b, a]: [u8; 4]) -> u8 {
    luma(over_white(r, a), over_white(g, a), over_white(b, a))
}

/// Converts 16 bits to 8, rounded to the nearest value.
fn narrow(bytes: [u8; 2]) -> u8 {
    let wide = u32::from(u16::from_ne_bytes(bytes));
    u8::try_from((wide + 128) / 257).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_round_to_the_nearest_of_eight() {
        for value in 0..=u16::MAX {
            let nearest = (f64::from(value) * 255.0 / 65535.0).round();
            assert_eq!(f64::from(narrow(value.to_ne_bytes())), nearest, "{value}");
        }
    }

    #[test]
    fn colours_become_gray_pixel_by_pixel() {
        let mut buffer = vec![255, 0, 0, 0, 255, 0];
        to_gray_in_place(&mut buffer, ColorType::Rgb8).unwrap();
        assert_eq!(buffer, [77, 149]);
        let mut clear = vec![0, 0, 0, 0, 9, 9, 9, 255];
        to_gray_in_place(&mut clear, ColorType::Rgba8).unwrap();
        assert_eq!(clear, [255, 9]);
    }

    #[test]
    fn float_pixels_are_refused() {
        assert!(to_gray_in_place(&mut vec![0; 12], ColorType::Rgb32F).is_err());
    }
}
