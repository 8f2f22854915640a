//! Decodes image files to gray pictures, with the same bits on every target.
//!
//! The format is detected from the content, never from a file name. The dimensions and the memory
//! that decoding will need are computed from what the file declares, and checked against [`Limits`]
//! before that memory is allocated. Of all metadata only the EXIF orientation is used; it is read
//! in place. [`nibble_gray`] computes gray in integer arithmetic from decoded RGB8, with alpha
//! blended over white.
#![forbid(unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;

#[cfg(feature = "bmp")]
mod bmp;
mod cost;
mod error;
mod format;
#[cfg(feature = "gif")]
mod gif;
#[cfg(feature = "jpeg")]
mod jpeg;
mod orient;
#[cfg(feature = "image")]
mod pixels;
#[cfg(feature = "png")]
mod png;
mod stored;
#[cfg(feature = "tiff")]
mod tiff;
#[cfg(feature = "webp")]
mod webp;

use nibble_gray::Gray;

use crate::stored::Stored;

pub use error::PictureError;

/// Limits on what decoding may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of pixels in the picture. All scans of a JPEG together may visit ten times as
    /// many samples, so that no file takes much more time than the largest picture.
    pub max_pixels: u64,
    /// Maximum bytes in use at the peak of decoding: the file (and a copy of it if it is a JPEG),
    /// the decoder's buffers, and the picture. Up to 1 MiB of the decoder's tables and rows is not
    /// counted. Metadata is not decoded, so it costs nothing beyond its bytes in the file.
    pub max_bytes: u64,
}

impl Limits {
    /// For native programs: 64 megapixels, even in 16-bit RGBA.
    pub const NATIVE: Self = Self { max_pixels: 64_000_000, max_bytes: 1 << 30 };

    /// For a browser tab on a phone. A 12-megapixel 4:2:0 JPEG fits, even a progressive one, and
    /// the WebAssembly memory stays within 96 MB. The browser scales down larger pictures.
    pub const BROWSER: Self = Self { max_pixels: 26_000_000, max_bytes: 90_000_000 };
}

/// Decodes an image file to an upright gray picture.
///
/// # Errors
/// A [`PictureError`] that says whether the file is empty, not a picture, in an unsupported format,
/// broken, or beyond `limits`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Gray, PictureError> {
    decoder_of(bytes)?(bytes, limits)?.upright()
}

/// Bytes at the beginning of a file that [`recognise`] needs.
pub const HEAD_BYTES: usize = 32;

/// Checks by the first [`HEAD_BYTES`] of a file, or all of a shorter one, whether [`decode`] would go
/// on. A caller can so leave the rest of what is not a picture unread.
///
/// # Errors
/// The [`PictureError`] that [`decode`] would give for the whole file: `Empty`, `NotAPicture`, or
/// `Unsupported`.
pub fn recognise(head: &[u8]) -> Result<(), PictureError> {
    decoder_of(head).map(|_| ())
}

/// Decodes a file of one format.
type Decoder = fn(&[u8], &Limits) -> Result<Stored, PictureError>;

/// The decoder for a file, by its first bytes.
fn decoder_of(bytes: &[u8]) -> Result<Decoder, PictureError> {
    Ok(match format::name_of(bytes)? {
        #[cfg(feature = "jpeg")]
        format::JPEG => jpeg::decode,
        #[cfg(feature = "png")]
        format::PNG => png::decode,
        #[cfg(feature = "webp")]
        format::WEBP => webp::decode,
        #[cfg(feature = "bmp")]
        format::BMP => bmp::decode,
        #[cfg(feature = "gif")]
        format::GIF => gif::decode,
        #[cfg(feature = "tiff")]
        format::TIFF => tiff::decode,
        name => return Err(PictureError::Unsupported(name.to_owned())),
    })
}
