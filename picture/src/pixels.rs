//! Converts decoded pixels to gray in place. The pixel buffer is the largest object in memory, so
//! gray is written over it and the rest of the buffer is freed.

use image::ColorType;
use nibble_gray::{luma, over_white, rgb_to_gray, rgba_to_gray};

use crate::PictureError;

/// Turns `buffer`, pixels of type `color` in native byte order, into one gray byte per pixel.
pub(crate) fn to_gray_in_place(buffer: &mut Vec<u8>, color: ColorType) -> Result<(), PictureError> {
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

/// Keeps the first byte of each three, the luma of a pixel, and frees the rest of the buffer.
pub(crate) fn keep_first_of_three(buffer: &mut Vec<u8>) {
    squeeze(buffer, |[luma, _, _]: [u8; 3]| luma);
}

/// Replaces each group of `N` bytes by one byte, and frees the rest of the buffer.
fn squeeze<const N: usize>(buffer: &mut Vec<u8>, gray: impl Fn([u8; N]) -> u8) {
    let count = buffer.len() / N;
    for index in 0..count {
        let mut pixel = [0; N];
        pixel.copy_from_slice(&buffer[index * N..][..N]);
        buffer[index] = gray(pixel);
    }
    buffer.truncate(count);
    buffer.shrink_to_fit();
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
