//! WebP files: what memory their decoder takes.
//!
//! The decoder allocates what the headers of the streams within a file declare, which need not be
//! what the file's own header declares, so both are read here first. Its metadata is read on
//! request alone: EXIF is looked at where it lies.

mod lossless;

use std::io::Cursor;

use image::ImageDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;

use crate::cost::Cost;
use crate::stored::Stored;
use crate::{Limits, PictureError};

/// Bytes of the file's header: `RIFF`, length, `WEBP`.
const FILE_HEADER: usize = 12;
/// Bytes of a chunk's header: type, length.
const CHUNK_HEADER: usize = 8;
/// Bytes of an animation frame's header, behind which its chunks lie.
const FRAME_HEADER: usize = 16;
/// Flags of the extended header.
const ALPHA: u8 = 0x10;
const ANIMATION: u8 = 0x02;

/// Bytes that a lossy stream asks for before it is seen to be too short: the length of a partition
/// has 24 bits.
const MAX_PARTITION: u64 = 1 << 24;
/// A lossy stream is read into a growing vector: it doubles while old and new exist.
const GROWTH: u64 = 3;

/// Decodes a WebP file.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, PictureError> {
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(PictureError::from_image)?;
    let (width, height) = decoder.dimensions();
    let cost = Cost::new(bytes, width, height)?;
    // Pixels are checked before the streams are looked into.
    cost.check(limits)?;
    let layout = Layout::of(bytes);
    let cost = cost.with_working(layout.scratch(width, height, Cost::max_working(limits)));
    let orientation = layout.exif.and_then(Orientation::from_exif_chunk);
    Stored::read(decoder, orientation.unwrap_or(Orientation::NoTransforms), cost, limits)
}

/// The chunks of a file, the first of each kind, as far as the file goes.
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

/// A chunk's type, what the file has of its body, and where the next one begins.
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
            // The stream itself says whether it has transparency.
            layout.alpha_flag = body.get(4).is_some_and(|byte| byte & ALPHA != 0);
            return layout;
        }
        let flags = body.first().copied().unwrap_or(0);
        layout.alpha_flag = flags & ALPHA != 0;
        layout.animated = flags & ANIMATION != 0;
        // The decoder looks as far beyond its header as the file's length says, counted thus.
        let declared = bytes.get(4..8).and_then(|length| length.try_into().ok());
        let declared = u32::from_le_bytes(declared.unwrap_or_default());
        let end = at.saturating_add(usize::try_from(declared).unwrap_or(usize::MAX).saturating_sub(12));
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

    /// Bytes that decoding takes at its peak beside the pixels that come of it. Where they exceed
    /// `most`, some number beyond it.
    fn scratch(&self, width: u32, height: u32, most: u64) -> u64 {
        let rgba = u64::from(width) * u64::from(height) * 4;
        let streams = self.streams(width, height, most);
        match self.frame {
            // A frame of its own is laid upon a canvas.
            Some(frame) => {
                let of_frame = Self::of_frame(frame).streams(width, height, most);
                streams.max(of_frame).saturating_add(rgba.saturating_mul(2))
            }
            None => streams,
        }
    }

    /// Bytes that the streams take, whichever of them the decoder picks.
    fn streams(&self, width: u32, height: u32, most: u64) -> u64 {
        let pixels = u64::from(width) * u64::from(height);
        let lossless = self.lossless.map_or(0, |stream| {
            // Where no transparency is wanted, it is decoded elsewhere and dropped.
            let with_alpha = if self.alpha_flag { 0 } else { pixels * 4 };
            let tables = lossless::bytes(stream, width, height, false, most);
            tables.saturating_add(with_alpha)
        });
        let alpha = self.alpha.filter(|_| self.alpha_flag).map_or(0, |stream| match stream.split_first() {
            Some((first, stream)) if first & 3 == 1 => {
                let tables = lossless::bytes(stream, width, height, true, most);
                tables.saturating_add(pixels * 5)
            }
            _ => pixels,
        });
        let lossy = self.lossy.map_or(0, |stream| lossy_bytes(stream).saturating_add(alpha));
        lossless.max(lossy)
    }
}

/// Bytes of a lossy stream's planes, at two bytes of colour to four of brightness and in blocks of
/// 16 x 16, and of the copies of its data.
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
