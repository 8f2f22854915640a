//! TIFF files: how much memory their decoder takes.
//!
//! The decoder reads tables of strips and tiles of any length before it can be given limits. It
//! decodes a JPEG within a strip at the size that the JPEG declares, and it holds the samples
//! twice. So the directory is read here first, without copying anything.

use std::io::Cursor;

use image::codecs::tiff::TiffDecoder;
use image::{ExtendedColorType, ImageDecoder};

use crate::cost::Cost;
use crate::orient::Orientation;
use crate::stored::Stored;
use crate::{Limits, PictureError, jpeg, pixels};

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const STRIP_OFFSETS: u16 = 273;
const ORIENTATION: u16 = 274;
const SAMPLES_PER_PIXEL: u16 = 277;
const STRIP_BYTE_COUNTS: u16 = 279;
const TILE_WIDTH: u16 = 322;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const JPEG_TABLES: u16 = 347;

/// Tags whose values the decoder reads in full, however many there are.
const READ_WHOLE: [u16; 20] = [
    IMAGE_WIDTH,
    IMAGE_LENGTH,
    BITS_PER_SAMPLE,
    COMPRESSION,
    262, // photometric interpretation
    STRIP_OFFSETS,
    SAMPLES_PER_PIXEL,
    278, // rows per strip
    STRIP_BYTE_COUNTS,
    284, // planar configuration
    317, // predictor
    TILE_WIDTH,
    323, // tile length
    TILE_OFFSETS,
    TILE_BYTE_COUNTS,
    338, // extra samples
    339, // sample format
    JPEG_TABLES,
    530, // chroma subsampling
    ORIENTATION,
];

/// The compression code of strips that are JPEG streams.
const JPEG: u64 = 7;

/// Bytes that the decoder uses per value of a tag: first as an enumeration, then as a number.
const VALUE_BYTES: u64 = 32 + 8;
/// Bytes that the decoder uses per directory entry, including the entry's share of a map node.
const ENTRY_BYTES: u64 = 64;

/// Decodes a TIFF file.
pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Stored, PictureError> {
    let directory = Directory::of(bytes)
        .ok_or_else(|| PictureError::Broken("the TIFF has no directory".to_owned()))?;
    let dimension = |tag| u32::try_from(directory.first(tag).unwrap_or(0)).unwrap_or(u32::MAX);
    let (width, height) = (dimension(IMAGE_WIDTH), dimension(IMAGE_LENGTH));
    let embedded = directory.embedded()?;
    let working = directory.working().saturating_add(embedded.bytes);
    let cost = Cost::new(bytes, width, height)?.with_working(working);
    cost.check(limits)?;
    jpeg::check_visits([width, height], embedded.visits, limits)?;

    let mut decoder = TiffDecoder::new(Cursor::new(bytes)).map_err(pixels::error_of)?;
    let mut own = image::Limits::no_limits();
    own.max_alloc = Some(limits.max_bytes);
    decoder.set_limits(own).map_err(pixels::error_of)?;
    let buffer = match decoder.original_color_type() {
        ExtendedColorType::Cmyk8 => cost.pixels().saturating_mul(4),
        ExtendedColorType::Cmyk16 => cost.pixels().saturating_mul(8),
        _ => decoder.total_bytes(),
    };
    pixels::read(decoder, directory.orientation(), cost.with(buffer), limits)
}

/// What JPEG files within a TIFF cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Embedded {
    /// Bytes needed to decode the largest one.
    bytes: u64,
    /// Samples that all their scans visit.
    visits: u64,
}

/// The first directory of a file.
struct Directory<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// Whether offsets and counts have 64 bits (BigTIFF).
    big: bool,
    /// Position of the first entry.
    at: u64,
    entries: u64,
}

/// An entry of a directory.
#[derive(Clone, Copy)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Position of its values.
    at: u64,
}

impl Entry {
    /// Bytes per value.
    fn size(self) -> u64 {
        match self.kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 1,
        }
    }
}

impl<'a> Directory<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = bytes.starts_with(b"MM");
        let mut directory = Self { bytes, big_endian, big: false, at: 0, entries: 0 };
        directory.big = directory.number(2, 2)? == 43;
        let at = if directory.big { directory.number(8, 8)? } else { directory.number(4, 4)? };
        let size = if directory.big { 8 } else { 2 };
        directory.entries = directory.number(at, size)?;
        directory.at = at.checked_add(size)?;
        Some(directory)
    }

    /// The unsigned integer of `size` bytes at `at`.
    fn number(&self, at: u64, size: u64) -> Option<u64> {
        let end = usize::try_from(at.checked_add(size)?).ok()?;
        let bytes = self.bytes.get(usize::try_from(at).ok()?..end)?;
        let add = |number: u64, &byte: &u8| (number << 8) | u64::from(byte);
        Some(if self.big_endian {
            bytes.iter().fold(0, add)
        } else {
            bytes.iter().rev().fold(0, add)
        })
    }

    /// The entries as the decoder reads them, up to the end of the file.
    fn entries(&self) -> impl Iterator<Item = Entry> {
        let mut at = self.at;
        let word = if self.big { 8 } else { 4 };
        (0..self.entries)
            .map_while(move |_| {
                let (tag, kind) = (self.number(at, 2)?, self.number(at + 2, 2)?);
                let tag = u16::try_from(tag).ok()?;
                let kind = u16::try_from(kind).ok()?;
                if !matches!(kind, 1..=13 | 16..=18) {
                    // The decoder skips 12 bytes, even in BigTIFF files.
                    at += 12;
                    return Some(None);
                }
                let mut entry =
                    Entry { tag, kind, count: self.number(at + 4, word)?, at: at + 4 + word };
                at += 4 + 2 * word;
                if entry.count.saturating_mul(entry.size()) > word {
                    entry.at = self.number(entry.at, word)?;
                }
                Some(Some(entry))
            })
            .flatten()
    }

    /// The entry of a tag; if there are several, the last one.
    fn find(&self, tag: u16) -> Option<Entry> {
        self.entries().filter(|entry| entry.tag == tag).last()
    }

    /// The value at `index` of an entry; `None` beyond the end of the file.
    fn value(&self, entry: Entry, index: u64) -> Option<u64> {
        self.number(entry.at.checked_add(index.checked_mul(entry.size())?)?, entry.size())
    }

    /// The first value of a tag.
    fn first(&self, tag: u16) -> Option<u64> {
        let entry = self.find(tag).filter(|entry| entry.count > 0)?;
        self.value(entry, 0)
    }

    fn orientation(&self) -> Orientation {
        self.find(ORIENTATION)
            .filter(|entry| entry.count == 1 && matches!(entry.kind, 1 | 3 | 4 | 7 | 16))
            .and_then(|entry| Orientation::numbered(u16::try_from(self.value(entry, 0)?).ok()?))
            .unwrap_or_default()
    }

    /// Bytes that the decoder uses for tables and for one row of a strip or tile.
    fn working(&self) -> u64 {
        let tables = self.entries().fold(0_u64, |sum, entry| {
            let values = if READ_WHOLE.contains(&entry.tag) { entry.count } else { 0 };
            sum.saturating_add(values.saturating_mul(VALUE_BYTES)).saturating_add(ENTRY_BYTES)
        });
        let width = self.first(IMAGE_WIDTH).max(self.first(TILE_WIDTH)).unwrap_or(0);
        let bits = self.first(BITS_PER_SAMPLE).unwrap_or(1);
        let samples = self.first(SAMPLES_PER_PIXEL).unwrap_or(1);
        let row = width.saturating_mul(bits).saturating_mul(samples) / 8;
        tables.saturating_add(row)
    }

    /// What the JPEG files in strips or tiles cost.
    fn embedded(&self) -> Result<Embedded, PictureError> {
        if self.first(COMPRESSION) != Some(JPEG) {
            return Ok(Embedded::default());
        }
        let tables = self.find(JPEG_TABLES).and_then(|entry| self.slice(entry.at, entry.count));
        let mut largest = tables.map_or(0, jpeg::embedded_bytes);
        let mut visits = 0_u64;
        let mut left = self.bytes.len() as u64;
        for (offsets, counts) in
            [(STRIP_OFFSETS, STRIP_BYTE_COUNTS), (TILE_OFFSETS, TILE_BYTE_COUNTS)]
        {
            let (Some(offsets), Some(counts)) = (self.find(offsets), self.find(counts)) else {
                continue;
            };
            for index in 0..offsets.count.min(counts.count) {
                let place = self.value(offsets, index).zip(self.value(counts, index));
                let Some((at, length)) = place else { break };
                // Overlapping strips would make the decoder read the same data many times.
                left = left.checked_sub(length).ok_or_else(|| {
                    PictureError::Broken("strips of the TIFF overlap or end beyond it".to_owned())
                })?;
                if let Some(strip) = self.slice(at, length) {
                    largest = largest.max(jpeg::embedded_bytes(strip));
                    visits = visits.saturating_add(jpeg::embedded_visits(strip));
                }
            }
        }
        // The memory for the shared tables and for a strip may be in use at the same time.
        Ok(Embedded { bytes: largest.saturating_mul(2), visits })
    }

    /// The `length` bytes at `at`, or as many of them as the file has.
    fn slice(&self, at: u64, length: u64) -> Option<&'a [u8]> {
        let rest = self.bytes.get(usize::try_from(at).ok()?..)?;
        Some(&rest[..usize::try_from(length).unwrap_or(usize::MAX).min(rest.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian file whose directory has these entries: tag, type, count and value.
    fn file(entries: &[(u16, u16, u32, u32)]) -> Vec<u8> {
        let mut file = b"II\x2A\0\x08\0\0\0".to_vec();
        file.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
        for (tag, kind, count, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend([0; 4]);
        file
    }

    #[test]
    fn values_are_found_within_entries_and_elsewhere() {
        let mut bytes = file(&[(IMAGE_WIDTH, 3, 1, 640), (STRIP_OFFSETS, 4, 3, 38)]);
        assert_eq!(bytes.len(), 38);
        bytes.extend([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0]);
        let directory = Directory::of(&bytes).unwrap();
        assert_eq!(directory.first(IMAGE_WIDTH), Some(640));
        let entry = directory.find(STRIP_OFFSETS).unwrap();
        let values: Vec<_> = (0..3).map(|index| directory.value(entry, index)).collect();
        assert_eq!(values, [Some(1), Some(2), None]);
        for end in 0..bytes.len() {
            if let Some(directory) = Directory::of(&bytes[..end]) {
                assert!(directory.first(IMAGE_WIDTH).is_none_or(|width| width == 640));
            }
        }
    }

    #[test]
    fn the_last_of_several_entries_counts() {
        let bytes =
            file(&[(ORIENTATION, 3, 1, 3), (ORIENTATION, 3, 1, 6), (ORIENTATION, 99, 1, 8)]);
        let orientation = Directory::of(&bytes).unwrap().orientation();
        assert_eq!(orientation, Orientation::Rotate90);
    }

    #[test]
    fn big_files_and_big_endian_ones_are_read() {
        let mut bytes = b"MM\0\x2B\0\x08\0\0".to_vec();
        bytes.extend(16_u64.to_be_bytes());
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend([1, 0, 0, 4]);
        bytes.extend(1_u64.to_be_bytes());
        bytes.extend(70_000_u32.to_be_bytes());
        bytes.extend([0; 12]);
        assert_eq!(Directory::of(&bytes).unwrap().first(IMAGE_WIDTH), Some(70_000));
    }

    #[test]
    fn long_tables_are_counted() {
        let bytes = file(&[(STRIP_OFFSETS, 4, 1_000_000, 8), (700, 1, 1_000_000, 8)]);
        let working = Directory::of(&bytes).unwrap().working();
        assert_eq!(working, 1_000_000 * VALUE_BYTES + 2 * ENTRY_BYTES);
        let bytes = file(&[(TILE_WIDTH, 4, 1, 1 << 30), (SAMPLES_PER_PIXEL, 3, 1, 4)]);
        assert!(Directory::of(&bytes).unwrap().working() >= 1 << 29);
    }

    #[test]
    fn strips_that_share_data_are_refused() {
        let strips = |length| {
            let bytes = file(&[
                (COMPRESSION, 3, 1, 7),
                (STRIP_OFFSETS, 3, 2, 8),
                (STRIP_BYTE_COUNTS, 3, 2, length),
            ]);
            Directory::of(&bytes).unwrap().embedded().is_ok()
        };
        assert!(strips(20));
        assert!(!strips(20 | 40 << 16));
    }
}
