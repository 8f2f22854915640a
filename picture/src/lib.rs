//! Image files to gray pictures, the same bits on every target.
//!
//! The format is found from the content, never from a name. Dimensions and the memory that decoding
//! will need are checked against [`Limits`] before any pixel is decoded, EXIF orientation is applied,
//! and gray is computed in integers by [`nibble_gray`] from decoded RGB8, alpha over white.

mod error;
mod jpeg;
mod orient;
mod pixels;

use std::io::Cursor;

use image::{ImageDecoder, ImageFormat, ImageReader};
use nibble_gray::Gray;

pub use error::PictureError;

/// What decoding may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of the picture.
    pub max_pixels: u64,
    /// Bytes in use at the peak of decoding, the file itself included.
    pub max_bytes: u64,
}

impl Limits {
    /// Native programs: 64 megapixels, 16-bit RGBA included.
    pub const NATIVE: Self = Self { max_pixels: 64_000_000, max_bytes: 1 << 30 };

    /// A browser tab on a phone. A 12-megapixel 4:2:0 JPEG, progressive too, fits and the whole of
    /// wasm memory stays within 96 MB; the browser scales down what does not fit.
    pub const BROWSER: Self = Self { max_pixels: 26_000_000, max_bytes: 90_000_000 };
}

/// Decodes an image file to an upright gray picture.
///
/// # Errors
/// A [`PictureError`] that says whether the file is empty, no picture, of a format not read here,
/// broken, or beyond `limits`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Gray, PictureError> {
    let format = format_of(bytes)?;
    let coefficients = if format == ImageFormat::Jpeg {
        let layout = jpeg::Layout::of(bytes);
        if !layout.complete {
            return Err(PictureError::Broken("the JPEG ends before its picture does".to_owned()));
        }
        layout.coefficient_bytes
    } else {
        0
    };

    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format)
        .into_decoder()
        .map_err(PictureError::from_image)?;
    let (width, height) = decoder.dimensions();
    let too_large = PictureError::TooLarge { width, height };
    let pixel_count = u64::from(width) * u64::from(height);
    if pixel_count == 0 {
        return Err(PictureError::Broken("the picture has no pixels".to_owned()));
    }
    let scratch = match format {
        ImageFormat::Jpeg => coefficients.saturating_add(bytes.len() as u64),
        // Planes of a lossy picture, or packed colours of a lossless one.
        ImageFormat::WebP => pixel_count.saturating_mul(4),
        _ => 0,
    };
    let peak = decoder.total_bytes().saturating_add(scratch).saturating_add(bytes.len() as u64);
    if pixel_count > limits.max_pixels || peak > limits.max_bytes {
        return Err(too_large);
    }
    let orientation = decoder.orientation().map_err(PictureError::from_image)?;
    let color = decoder.color_type();
    let length = usize::try_from(decoder.total_bytes()).map_err(|_| too_large)?;
    let mut buffer = vec![0; length];
    decoder.read_image(&mut buffer).map_err(PictureError::from_image)?;

    pixels::to_gray_in_place(&mut buffer, color)?;
    orient::upright(buffer, width as usize, height as usize, orientation)
}

/// A gray picture from row-major RGBA8, as a browser's canvas gives it.
///
/// # Errors
/// [`PictureError::Broken`] if the length is not `width * height * 4` or there is no pixel.
pub fn from_rgba(width: usize, height: usize, mut rgba: Vec<u8>) -> Result<Gray, PictureError> {
    let expected = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(4));
    if rgba.is_empty() || expected != Some(rgba.len()) {
        return Err(PictureError::Broken("pixels do not match the dimensions".to_owned()));
    }
    pixels::to_gray_in_place(&mut rgba, image::ColorType::Rgba8)?;
    orient::upright(rgba, width, height, image::metadata::Orientation::NoTransforms)
}

fn format_of(bytes: &[u8]) -> Result<ImageFormat, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    if let Some(name) = foreign_format(bytes) {
        return Err(PictureError::Unsupported(name.to_owned()));
    }
    match image::guess_format(bytes) {
        Ok(format) if format.reading_enabled() => Ok(format),
        Ok(format) => Err(PictureError::Unsupported(format!("{format:?}"))),
        Err(_) => Err(PictureError::NotAPicture),
    }
}

/// Formats that people do choose, recognised so that the message can name them.
fn foreign_format(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"%PDF") {
        return Some("PDF");
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12)? {
            b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1" => Some("HEIC"),
            b"avif" | b"avis" => Some("AVIF"),
            _ => Some("video"),
        };
    }
    None
}
