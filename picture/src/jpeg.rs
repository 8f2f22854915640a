//! JPEG files, decoded to their luma.
//!
//! A JPEG stores luma and chroma apart, and its luma is the gray picture: chroma is neither scaled up
//! nor converted. Files that store other colours are converted to RGB first.

mod segments;

use nibble_gray::rgb_to_gray;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::cost::Cost;
use crate::orient::Orientation;
use crate::stored::{Stored, space, squeeze};
use crate::{Limits, PictureError};

use segments::{Frame, Layout, essential};
#[cfg(feature = "tiff")]
pub(crate) use segments::{embedded_bytes, embedded_visits};

/// Maximum times that the scans of a file may visit as many samples as [`Limits::max_pixels`] allows
/// pixels. A progressive picture in colour has ten scans, each of some components and coefficients:
/// together they visit each pixel eight times, and those of chroma come on top.
const MAX_VISITS: u64 = 10;

/// Bytes of the decoder's own state: Huffman and quantisation tables, and the blocks of one scan.
const FIXED: u64 = 256 << 10;

/// Decodes a JPEG file. The caller has seen its signature.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, PictureError> {
    let layout = Layout::of(bytes);
    if !layout.complete {
        return Err(PictureError::Broken("the JPEG ends before its picture does".to_owned()));
    }
    let Some(frame) = layout.frame else {
        return Err(PictureError::Broken("the JPEG has no frame header".to_owned()));
    };
    // The decoder is given a copy without metadata.
    let cost = Cost::new(bytes, frame.width.into(), frame.height.into())?
        .with(layout.essential_bytes)
        .with(layout.coefficient_bytes)
        .with_working(frame.line_bytes + FIXED);
    cost.check(limits)?;
    if !frame.is_decoded_right(layout.in_parts) {
        return Err(PictureError::Unsupported("JPEG, this sampling of colours".to_owned()));
    }
    check_visits([frame.width.into(), frame.height.into()], layout.visits, limits)?;

    let essential = essential(bytes, &layout);
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&essential[..]), options);
    decoder.decode_headers().map_err(|error| from_decoder(&error))?;
    let output = Output::of(decoder.input_colorspace(), frame);
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(output.space()));

    let orientation = layout.exif.and_then(Orientation::of_exif).unwrap_or_default();
    let samples = cost.pixels().saturating_mul(output.space().num_components() as u64);
    let mut gray = space(samples, orientation, cost, limits)?;
    decoder.decode_into(&mut gray).map_err(|error| from_decoder(&error))?;
    match output {
        Output::Luma => {}
        Output::LumaAndChroma => squeeze(&mut gray, |[luma, _, _]: [u8; 3]| luma),
        Output::Rgb => rgb_to_gray(&mut gray),
    }
    Ok(Stored { gray, width: frame.width.into(), height: frame.height.into(), orientation })
}

/// What the decoder is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// The first component alone.
    Luma,
    /// Luma, and chroma that is thrown away. The decoder's way to luma alone is right only for the
    /// usual samplings.
    LumaAndChroma,
    /// Colours, of which gray is computed: files in RGB, CMYK or YCCK.
    Rgb,
}

impl Output {
    /// The output for a file whose colours are in `space`.
    fn of(space: Option<ColorSpace>, frame: Frame) -> Self {
        match space {
            Some(ColorSpace::Luma) => Self::Luma,
            Some(ColorSpace::YCbCr) if frame.usual_sampling => Self::Luma,
            Some(ColorSpace::YCbCr) => Self::LumaAndChroma,
            _ => Self::Rgb,
        }
    }

    fn space(self) -> ColorSpace {
        match self {
            Self::Luma => ColorSpace::Luma,
            Self::LumaAndChroma => ColorSpace::YCbCr,
            Self::Rgb => ColorSpace::RGB,
        }
    }
}

/// Checks how many samples the scans of a picture of `width` x `height` pixels visit.
///
/// # Errors
/// [`PictureError::TooManyScans`].
pub(crate) fn check_visits(
    [width, height]: [u32; 2],
    visits: u64,
    limits: &Limits,
) -> Result<(), PictureError> {
    let allowed = limits.max_pixels.saturating_mul(MAX_VISITS);
    if visits <= allowed {
        return Ok(());
    }
    Err(PictureError::TooManyScans { width, height, visits, allowed })
}

fn from_decoder(error: &DecodeErrors) -> PictureError {
    match error {
        DecodeErrors::Unsupported(what) => PictureError::Unsupported(format!("JPEG, {what:?}")),
        error => PictureError::Broken(error.to_string()),
    }
}
