//! PNG files: the decoder is given only the chunks that the picture needs.
//!
//! Profiles and texts may be compressed, and the decoder inflates them while it reads the header:
//! 41 KB can become 40 MB. None of them changes a gray picture, so all of them are left out.

use std::io::{BufRead, Read, Seek, SeekFrom};

use image::codecs::png::PngDecoder;
use image::{ImageDecoder, ImageError};

use crate::cost::Cost;
use crate::orient::Orientation;
use crate::stored::Stored;
use crate::{Limits, PictureError, pixels};

/// Bytes of the signature at the start of a file.
const SIGNATURE: usize = 8;
/// Bytes of a chunk besides its body: length, type and checksum.
const CHUNK_FRAME: usize = 12;
/// Bit in the first letter of a chunk's type that is set if the chunk is optional.
const ANCILLARY: u8 = 0x20;

/// Maximum rows of filtered samples in the decoder's buffers. It shifts its buffer after four rows,
/// and a growing vector doubles while the old and the new one both exist.
const MAX_ROWS_BUFFERED: u64 = 20;
/// Bytes of the decoder's fixed buffers: the window of 32 KB, an input buffer of 128 KB that grows
/// once, and tables.
const FIXED: u64 = 512 << 10;

/// Decodes a PNG file. The caller has seen its signature.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, PictureError> {
    // Pixels are checked before the decoder reads anything.
    let cost = match dimensions(bytes) {
        Some((width, height)) => Cost::new(bytes, width, height)?,
        None => return Err(PictureError::Broken("the PNG has no header".to_owned())),
    };
    cost.check(limits)?;
    let mut own = image::Limits::no_limits();
    own.max_alloc = Some(limits.max_bytes);
    let decoder = match PngDecoder::with_limits(Essential::of(bytes), own) {
        Ok(decoder) => decoder,
        // A single row, at up to eight bytes per pixel, is beyond the limit.
        Err(ImageError::Limits(_)) => {
            let too_much = cost.with(cost.pixels().saturating_mul(8)).check(limits);
            return Err(too_much.err().unwrap_or_else(|| cost.too_large()));
        }
        Err(error) => return Err(pixels::error_of(error)),
    };
    let (_, height) = decoder.dimensions();
    let row = decoder.total_bytes() / u64::from(height.max(1));
    // Each row has one byte for its filter. Never count more than three times the whole picture.
    let whole = decoder.total_bytes().saturating_add(u64::from(height)).saturating_mul(3);
    let rows = row.saturating_add(1).saturating_mul(MAX_ROWS_BUFFERED).min(whole);
    let cost = cost.with_working(rows.saturating_add(row).saturating_add(FIXED));
    let orientation = exif(bytes).and_then(Orientation::of_exif);
    pixels::read(decoder, orientation.unwrap_or_default(), cost, limits)
}

/// Width and height as the header declares them.
fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = chunk(bytes, SIGNATURE).filter(|chunk| &chunk.kind == b"IHDR")?;
    let (width, rest) = header.body.split_first_chunk()?;
    let (height, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

/// A chunk of a file.
struct Chunk<'a> {
    kind: [u8; 4],
    body: &'a [u8],
    /// Position of the next chunk.
    end: usize,
}

/// The chunk that begins at `at`; `None` if it is truncated.
fn chunk(bytes: &[u8], at: usize) -> Option<Chunk<'_>> {
    let (length, rest) = bytes.get(at..)?.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let end = at.checked_add(length)?.checked_add(CHUNK_FRAME)?;
    (end <= bytes.len()).then(|| Chunk { kind: *kind, body: &rest[..length], end })
}

/// The EXIF block; it counts only if it precedes the pixel data.
fn exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = SIGNATURE;
    loop {
        let Chunk { kind, body, end } = chunk(bytes, at)?;
        match &kind {
            b"eXIf" => return Some(body),
            b"IDAT" => return None,
            _ => at = end,
        }
    }
}

/// A file without the chunks that a gray picture does not need: only critical chunks and
/// transparency remain.
struct Essential<'a> {
    bytes: &'a [u8],
    at: usize,
    /// End of the chunk that is being read.
    end: usize,
}

impl<'a> Essential<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, end: SIGNATURE.min(bytes.len()) }
    }
}

impl BufRead for Essential<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        while self.at == self.end && self.end < self.bytes.len() {
            // A truncated chunk is passed on; the decoder reports it.
            let next = chunk(self.bytes, self.at);
            self.end = next.as_ref().map_or(self.bytes.len(), |chunk| chunk.end);
            if next.is_some_and(|chunk| chunk.kind[0] & ANCILLARY != 0 && &chunk.kind != b"tRNS") {
                self.at = self.end;
            }
        }
        Ok(&self.bytes[self.at..self.end])
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.end.min(self.at + amount);
    }
}

impl Read for Essential<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// The decoder's type requires `Seek`, but it only reads forward.
impl Seek for Essential<'_> {
    fn seek(&mut self, _to: SeekFrom) -> std::io::Result<u64> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, body) in chunks {
            file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
            file.extend(*kind);
            file.extend(*body);
            file.extend(b"crc!");
        }
        file
    }

    fn essential(bytes: &[u8]) -> Vec<u8> {
        let mut rest = Vec::new();
        Essential::of(bytes).read_to_end(&mut rest).unwrap();
        rest
    }

    #[test]
    fn what_the_picture_needs_remains() {
        let all = file(&[
            (b"IHDR", b"header"),
            (b"iCCP", b"profile"),
            (b"PLTE", b"palette"),
            (b"tRNS", b"alpha"),
            (b"tEXt", b""),
            (b"IDAT", b""),
            (b"IDAT", b"pixels"),
            (b"zTXt", b"text"),
            (b"IEND", b""),
        ]);
        let kept = file(&[
            (b"IHDR", b"header"),
            (b"PLTE", b"palette"),
            (b"tRNS", b"alpha"),
            (b"IDAT", b""),
            (b"IDAT", b"pixels"),
            (b"IEND", b""),
        ]);
        assert_eq!(essential(&all), kept);
        assert_eq!(essential(&kept), kept);
    }

    #[test]
    fn a_chunk_cut_off_is_left_to_the_decoder() {
        let cut = &file(&[(b"IHDR", b"header"), (b"tEXt", b"text")])[..40];
        assert_eq!(essential(cut), cut);
        assert_eq!(essential(&cut[..5]), &cut[..5]);
        let mut endless = file(&[(b"IHDR", b"header")]);
        endless.extend([255, 255, 255, 255, b't', b'E', b'X', b't', 0]);
        assert_eq!(essential(&endless), endless);
    }

    #[test]
    fn exif_counts_before_the_picture() {
        assert_eq!(exif(&file(&[(b"IHDR", b""), (b"eXIf", b"block")])), Some(&b"block"[..]));
        assert_eq!(exif(&file(&[(b"IHDR", b""), (b"IDAT", b""), (b"eXIf", b"block")])), None);
        assert_eq!(exif(&file(&[(b"IHDR", b"")])), None);
    }
}
