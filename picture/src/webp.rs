//! WebP files: how much memory their decoder takes.
//!
//! The decoder allocates what the headers of the streams within a file declare. They may disagree
//! with the file's own header, so both are read here first. The decoder reads metadata only on
//! request; EXIF is read in place instead.

mod lossless;

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::webp::WebPDecoder;

use crate::cost::Cost;
use crate::orient::Orientation;
use crate::stored::Stored;
use crate::{Limits, PictureError, pixels};

/// Bytes of the file's header: `RIFF`, length and `WEBP`.
const FILE_HEADER: usize = 12;
/// Bytes of a chunk's header: type and length.
const CHUNK_HEADER: usize = 8;
/// Bytes of an animation frame's header, which precedes its chunks.
const FRAME_HEADER: usize = 16;
/// Flag of the extended header: the picture has transparency.
const ALPHA: u8 = 0x10;
/// Flag of the extended header: the picture is an animation.
const ANIMATION: u8 = 0x02;

/// Maximum bytes that the decoder allocates for a lossy stream before it finds the stream too
/// short: the length of a partition has 24 bits.
const MAX_PARTITION: u64 = 1 << 24;
/// Copies of a lossy stream's data: a growing vector doubles while the old and the new one both
/// exist.
const GROWTH: u64 = 3;

/// Decodes a WebP file.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, PictureError> {
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(pixels::error_of)?;
    let (width, height) = decoder.dimensions();
    let cost = Cost::new(bytes, width, height)?;
    // Check the number of pixels before parsing the streams.
    cost.check(limits)?;
    let layout = Layout::of(bytes);
    let cost = cost.with_working(layout.scratch(width, height, Cost::max_working(limits)));
    let orientation = layout.exif.and_then(Orientation::of_exif);
    pixels::read(decoder, orientation.unwrap_or_default(), cost, limits)
}

/// The first chunk of each kind in a file, as far as the file goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Layout<'a> {
    alpha_flag: bool,
    animated: bool,
    /// `VP8 `, a lossy picture.
    lossy: Option<&'a [u8]>,
    /// `VP8L`, a lossless picture.
    lossless: Option<&'a [u8]>,
    /// `ALPH`, the transparency of a lossy picture.
    alpha: Option<&'a [u8]>,
    /// `ANMF`, a frame of an animation.
    frame: Option<&'a [u8]>,
    exif: Option<&'a [u8]>,
}

/// A chunk's type, its body as far as the file goes, and the position of the next chunk.
fn chunk(bytes: &[u8], at: usize) -> Option<([u8; 4], &[u8], usize)> {
    let (kind, rest) = bytes.get(at..)?.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let end = at.checked_add(CHUNK_HEADER)?.checked_add(length)?.checked_add(length & 1)?;
    Some((*kind, &rest[..length.min(rest.len())], end))
}

impl<'a> Layout<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut layout = Self::default();
        let Some((kind, body, mut at)) = chunk(bytes, FILE_HEADER) else { return layout };
        if &kind != b"VP8X" {
            layout.note(kind, body);
            // A lossless stream itself says whether it has transparency.
            layout.alpha_flag = body.get(4).is_some_and(|byte| byte & ALPHA != 0);
            return layout;
        }
        let flags = body.first().copied().unwrap_or(0);
        layout.alpha_flag = flags & ALPHA != 0;
        layout.animated = flags & ANIMATION != 0;
        // The decoder reads chunks up to the end computed here from the file's declared length.
        let declared = bytes.get(4..8).and_then(|length| length.try_into().ok());
        let declared = u32::from_le_bytes(declared.unwrap_or_default());
        let end =
            at.saturating_add(usize::try_from(declared).unwrap_or(usize::MAX).saturating_sub(12));
        while at < end
            && let Some((kind, body, next)) = chunk(bytes, at)
        {
            layout.note(kind, body);
            at = next;
        }
        layout
    }

    fn note(&mut self, kind: [u8; 4], body: &'a [u8]) {
        let place = match &kind {
            b"VP8 " => &mut self.lossy,
            b"VP8L" => &mut self.lossless,
            b"ALPH" => &mut self.alpha,
            b"ANMF" => &mut self.frame,
            b"EXIF" => &mut self.exif,
            _ => return,
        };
        place.get_or_insert(body);
    }

    /// The chunks of the first frame of an animation.
    fn of_frame(frame: &'a [u8]) -> Self {
        let mut layout = Self { alpha_flag: true, ..Self::default() };
        let mut at = FRAME_HEADER;
        for _ in 0..2 {
            let Some((kind, body, next)) = chunk(frame, at) else { break };
            layout.note(kind, body);
            at = next;
        }
        layout
    }

    /// Bytes in use at the peak of decoding, apart from the decoded pixels. Exact only up to `max`;
    /// above that, any number larger than `max`.
    fn scratch(&self, width: u32, height: u32, max: u64) -> u64 {
        let rgba = u64::from(width) * u64::from(height) * 4;
        let streams = self.streams(width, height, max);
        match self.frame {
            // A frame is decoded separately and composited onto a canvas.
            Some(frame) => {
                let of_frame = Self::of_frame(frame).streams(width, height, max);
                streams.max(of_frame).saturating_add(rgba.saturating_mul(2))
            }
            None => streams,
        }
    }

    /// Bytes needed for the streams, whichever of them the decoder picks.
    fn streams(&self, width: u32, height: u32, max: u64) -> u64 {
        let pixels = u64::from(width) * u64::from(height);
        let lossless = self.lossless.map_or(0, |stream| {
            // If transparency is not wanted, pixels are decoded into another buffer to drop it.
            let with_alpha = if self.alpha_flag { 0 } else { pixels * 4 };
            let tables = lossless::bytes(stream, width, height, false, max);
            tables.saturating_add(with_alpha)
        });
        let alpha =
            self.alpha.filter(|_| self.alpha_flag).map_or(0, |stream| match stream.split_first() {
                Some((first, stream)) if first & 3 == 1 => {
                    let tables = lossless::bytes(stream, width, height, true, max);
                    tables.saturating_add(pixels * 5)
                }
                _ => pixels,
            });
        let lossy = self.lossy.map_or(0, |stream| lossy_bytes(stream).saturating_add(alpha));
        lossless.max(lossy)
    }
}

/// Bytes of a lossy stream's planes in blocks of 16 x 16, with two chroma bytes for every four luma
/// bytes, and of the copies of its data.
fn lossy_bytes(stream: &[u8]) -> u64 {
    let &[_, _, _, _, _, _, w0, w1, h0, h1, ..] = stream else { return 0 };
    let blocks = |low, high| u64::from(u16::from_le_bytes([low, high]) & 0x3FFF).div_ceil(16);
    let planes = blocks(w0, w1) * blocks(h0, h1) * (256 + 2 * 64);
    planes + stream.len() as u64 * GROWTH + MAX_PARTITION
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        for (kind, content) in chunks {
            body.extend(*kind);
            body.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
            body.extend(*content);
            body.extend(&[0][..content.len() % 2]);
        }
        let mut file = b"RIFF".to_vec();
        file.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        file.extend(body);
        file
    }

    #[test]
    fn the_first_chunk_of_a_kind_counts() {
        let header = [ALPHA, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let bytes = file(&[
            (b"VP8X", &header),
            (b"ICCP", b"odd"),
            (b"EXIF", b"first"),
            (b"EXIF", b"second"),
            (b"ALPH", b"alpha"),
            (b"VP8 ", b"lossy"),
        ]);
        let expected = Layout {
            alpha_flag: true,
            lossy: Some(b"lossy"),
            alpha: Some(b"alpha"),
            exif: Some(b"first"),
            ..Layout::default()
        };
        assert_eq!(Layout::of(&bytes), expected);
        for end in 0..bytes.len() {
            let cut = Layout::of(&bytes[..end]);
            assert!(cut.lossy.is_none_or(|stream| b"lossy".starts_with(stream)), "{end}");
        }
    }

    #[test]
    fn a_simple_file_has_one_stream() {
        let bytes = file(&[(b"VP8L", &[0x2F, 0, 0, 0, ALPHA]), (b"EXIF", b"late")]);
        let layout = Layout::of(&bytes);
        assert_eq!((layout.alpha_flag, layout.exif), (true, None));
        assert!(layout.lossless.is_some());
    }

    #[test]
    fn planes_are_those_of_the_stream() {
        let stream = [0, 0, 0, 0x9D, 1, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F];
        let planes = 1024 * 1024 * 384;
        assert_eq!(lossy_bytes(&stream), planes + 30 + MAX_PARTITION);
        assert_eq!(lossy_bytes(&stream[..9]), 0);
    }

    #[test]
    fn frames_of_animations_are_looked_into() {
        let mut frame = vec![0; FRAME_HEADER];
        frame.extend(b"VP8 \x0A\0\0\0\0\0\0\x9D\x01\x2A\x40\0\x40\0");
        let header = [ANIMATION, 0, 0, 0, 63, 0, 0, 63, 0, 0];
        let bytes = file(&[(b"VP8X", &header), (b"ANIM", &[0; 6]), (b"ANMF", &frame)]);
        let scratch = Layout::of(&bytes).scratch(64, 64, u64::MAX);
        assert_eq!(scratch, 64 * 64 * 4 * 2 + 16 * 384 + 30 + MAX_PARTITION);
    }
}
