//! The gray value of pixels in colour, and of the luma of video.

use crate::Gray;

/// The gray value of an RGB pixel: the weights of ITU-R BT.601 in 256ths, rounded, in integers. It is
/// within one of the luma that a JPEG file of the pixel stores.
#[must_use]
pub const fn luma(r: u8, g: u8, b: u8) -> u8 {
    // At most 255 * 256 + 128: 16 bits hold it, and after the shift 8 bits do.
    ((WEIGHTS[0] * r as u16 + WEIGHTS[1] * g as u16 + WEIGHTS[2] * b as u16 + 128) >> 8) as u8
}

/// Weights of red, green and blue in 256ths.
const WEIGHTS: [u16; 3] = [77, 150, 29];

/// `channel` with opacity `alpha` (0 to 255) over white, rounded, in integers.
#[must_use]
pub fn over_white(channel: u8, alpha: u8) -> u8 {
    let (c, a) = (u32::from(channel), u32::from(alpha));
    u8::try_from((c * a + 255 * (255 - a) + 127) / 255).unwrap_or(u8::MAX)
}

/// The gray value of an RGBA pixel over white.
#[must_use]
fn rgba_luma([r, g, b, a]: [u8; 4]) -> u8 {
    luma(over_white(r, a), over_white(g, a), over_white(b, a))
}

/// Turns RGB pixels of 8 bits into one gray byte each, in place, and frees the rest of the buffer.
pub fn rgb_to_gray(buffer: &mut Vec<u8>) {
    squeeze(buffer, |pixels, gray| {
        for (gray, &[r, g, b]) in gray.iter_mut().zip(pixels) {
            *gray = luma(r, g, b);
        }
    });
}

/// Turns RGBA pixels of 8 bits over white into one gray byte each, in place, and frees the rest of
/// the buffer.
pub fn rgba_to_gray(buffer: &mut Vec<u8>) {
    squeeze(buffer, |pixels, gray| {
        if pixels.iter().fold(u8::MAX, |all, pixel| all & pixel[3]) == u8::MAX {
            for (gray, &[r, g, b, _]) in gray.iter_mut().zip(pixels) {
                *gray = luma(r, g, b);
            }
        } else {
            for (gray, &pixel) in gray.iter_mut().zip(pixels) {
                *gray = rgba_luma(pixel);
            }
        }
    });
}

/// Pixels that [`squeeze`] takes at once: so many fit the registers, and copying them costs little.
const BLOCK: usize = 64;

/// Replaces each `N` bytes by one, in blocks of pixels that the compiler vectorises.
fn squeeze<const N: usize>(
    buffer: &mut Vec<u8>,
    convert: impl Fn(&[[u8; N]; BLOCK], &mut [u8; BLOCK]),
) {
    let count = buffer.len() / N;
    let (mut pixels, mut gray) = ([[0; N]; BLOCK], [0; BLOCK]);
    for first in (0..count).step_by(BLOCK) {
        let length = BLOCK.min(count - first);
        pixels.as_flattened_mut()[..length * N].copy_from_slice(&buffer[first * N..][..length * N]);
        convert(&pixels, &mut gray);
        buffer[first..first + length].copy_from_slice(&gray[..length]);
    }
    buffer.truncate(count);
    buffer.shrink_to_fit();
}

/// Values of luma in video: black, and the step to white.
const VIDEO_BLACK: i32 = 16;
const VIDEO_SPAN: i32 = 219;

impl Gray {
    /// The picture with the luma of video as gray: 16 becomes 0 and 235 becomes 255, what is outside
    /// becomes black or white.
    #[must_use]
    pub fn from_video_range(mut self) -> Self {
        let stretched = |luma: u8| {
            let above = (i32::from(luma) - VIDEO_BLACK) * 255;
            let gray = (above + VIDEO_SPAN / 2).div_euclid(VIDEO_SPAN);
            u8::try_from(gray.clamp(0, 255)).unwrap_or(u8::MAX)
        };
        let table: [u8; 256] =
            std::array::from_fn(|luma| stretched(u8::try_from(luma).unwrap_or(0)));
        for pixel in &mut self.pixels {
            *pixel = table[usize::from(*pixel)];
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::noise;

    #[test]
    fn white_and_black_keep_their_value() {
        assert_eq!(luma(255, 255, 255), 255);
        assert_eq!(luma(0, 0, 0), 0);
        assert_eq!(over_white(0, 0), 255);
        assert_eq!(over_white(17, 255), 17);
    }

    #[test]
    fn the_weights_add_up() {
        assert_eq!(WEIGHTS.iter().sum::<u16>(), 256);
        let exact = [0.299, 0.587, 0.114];
        assert!(
            WEIGHTS
                .iter()
                .zip(exact)
                .all(|(&weight, exact)| (f64::from(weight) / 256.0 - exact).abs() < 0.5 / 256.0)
        );
    }

    #[test]
    fn blocks_give_what_pixels_give() {
        for count in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let rgb = noise(count * 3);
            let mut gray = rgb.clone();
            rgb_to_gray(&mut gray);
            let expected: Vec<u8> = rgb.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])).collect();
            assert_eq!(gray, expected, "{count} pixels of RGB");
            // All opaque, one clear, and all of some opacity.
            for clear in [None, Some(count / 2)] {
                let mut rgba = noise(count * 4);
                for (index, pixel) in rgba.chunks_exact_mut(4).enumerate() {
                    pixel[3] = if clear == Some(index) { 100 } else { 255 };
                }
                let expected: Vec<u8> =
                    rgba.as_chunks().0.iter().map(|&pixel| rgba_luma(pixel)).collect();
                rgba_to_gray(&mut rgba);
                assert_eq!(rgba, expected, "{count} pixels of RGBA");
            }
            let mut rgba = noise(count * 4);
            let expected: Vec<u8> =
                rgba.as_chunks().0.iter().map(|&pixel| rgba_luma(pixel)).collect();
            rgba_to_gray(&mut rgba);
            assert_eq!(rgba, expected, "{count} clear pixels");
        }
    }

    #[test]
    fn video_range_is_stretched() {
        let luma: Vec<u8> = (0..=255).collect();
        let gray = Gray::new(256, 1, luma).expect("256 pixels").from_video_range();
        for (luma, &gray) in (0_u8..=255).zip(gray.pixels()) {
            let exact = (f64::from(luma) - 16.0) * 255.0 / 219.0;
            assert!((f64::from(gray) - exact.clamp(0.0, 255.0)).abs() <= 0.5, "{luma}: {gray}");
        }
    }
}
