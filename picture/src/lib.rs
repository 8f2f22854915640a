//! Image files to gray pictures, the same bits on every target.
//!
//! The format is found from the content, never from a name. Dimensions and the memory that decoding
//! will need are added up from what the file declares, and checked against [`Limits`], before that
//! memory is taken. Of metadata only the EXIF orientation is looked at, where it lies; decoders do
//! not see the rest. Gray is computed in integers by [`nibble_gray`] from decoded RGB8, alpha over
//! white.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;

mod bmp;
mod cost;
mod error;
mod jpeg;
mod orient;
mod pixels;
mod png;
mod stored;
#[cfg(feature = "tiff")]
mod tiff;
mod webp;

use image::ImageFormat;
use nibble_gray::Gray;

pub use error::PictureError;

/// What decoding may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Pixels of the picture.
    pub max_pixels: u64,
    /// Bytes in use at the peak of decoding: the file, of which there is one copy where it is a
    /// JPEG, the decoder's buffers and the picture. Up to 1 MiB of a decoder's tables and rows is
    /// not counted. Metadata is not read, so however much of it a file has, it costs nothing else.
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
    let stored = match format_of(bytes)? {
        ImageFormat::Jpeg => jpeg::decode(bytes, limits),
        ImageFormat::Png => png::decode(bytes, limits),
        ImageFormat::WebP => webp::decode(bytes, limits),
        ImageFormat::Bmp => bmp::decode(bytes, limits),
        #[cfg(feature = "tiff")]
        ImageFormat::Tiff => tiff::decode(bytes, limits),
        format => Err(PictureError::Unsupported(format!("{format:?}"))),
    }?;
    stored.into_gray()
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
    image::guess_format(bytes).map_err(|_| PictureError::NotAPicture)
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
