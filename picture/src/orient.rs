//! EXIF orientation: found in a file's EXIF block, applied to gray pixels.

use nibble_gray::Gray;

use crate::PictureError;

/// Tag of the entry that holds the orientation.
const ORIENTATION: u16 = 0x112;
/// Type of an entry whose values have 16 bits.
const SHORT: u16 = 3;
/// Bytes of an entry: tag, type, number of values, and the values.
const ENTRY: usize = 12;

/// What makes a stored picture upright. Turns are clockwise; of two steps, the turn is the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Orientation {
    /// Nothing.
    #[default]
    Upright,
    FlipHorizontal,
    Rotate180,
    FlipVertical,
    Rotate90FlipH,
    Rotate90,
    Rotate270FlipH,
    Rotate270,
}

impl Orientation {
    /// The orientation with a number of EXIF.
    pub(crate) fn numbered(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Upright,
            2 => Self::FlipHorizontal,
            3 => Self::Rotate180,
            4 => Self::FlipVertical,
            5 => Self::Rotate90FlipH,
            6 => Self::Rotate90,
            7 => Self::Rotate270FlipH,
            8 => Self::Rotate270,
            _ => return None,
        })
    }

    /// The orientation that the first directory of an EXIF block holds.
    pub(crate) fn of_exif(block: &[u8]) -> Option<Self> {
        let little_endian = match block.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let short = |bytes| match little_endian {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        };
        let long = |bytes| match little_endian {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        };
        let directory = long(*block.get(4..)?.first_chunk()?);
        let directory = block.get(usize::try_from(directory).ok()?..)?;
        let (count, entries) = directory.split_first_chunk()?;
        let entries = entries.as_chunks::<ENTRY>().0.iter().take(short(*count).into());
        for &[t0, t1, k0, k1, c0, c1, c2, c3, v0, v1, _, _] in entries {
            let (tag, kind, count) = (short([t0, t1]), short([k0, k1]), long([c0, c1, c2, c3]));
            if (tag, kind, count) == (ORIENTATION, SHORT, 1) {
                return Self::numbered(short([v0, v1]));
            }
        }
        None
    }
}

/// Turns `pixels`, stored as `width` x `height` with `orientation`, into an upright picture.
pub(crate) fn upright(
    pixels: Vec<u8>,
    width: usize,
    height: usize,
    orientation: Orientation,
) -> Result<Gray, PictureError> {
    let (last_x, last_y) = (width - 1, height - 1);
    let at = |x: usize, y: usize| pixels[y * width + x];
    let turned = match orientation {
        Orientation::Upright => Gray::new(width, height, pixels),
        Orientation::FlipHorizontal => compose(width, height, |x, y| at(last_x - x, y)),
        Orientation::Rotate180 => compose(width, height, |x, y| at(last_x - x, last_y - y)),
        Orientation::FlipVertical => compose(width, height, |x, y| at(x, last_y - y)),
        Orientation::Rotate90FlipH => compose(height, width, |x, y| at(y, x)),
        Orientation::Rotate90 => compose(height, width, |x, y| at(y, last_y - x)),
        Orientation::Rotate270FlipH => compose(height, width, |x, y| at(last_x - y, last_y - x)),
        Orientation::Rotate270 => compose(height, width, |x, y| at(last_x - y, x)),
    };
    turned.ok_or_else(|| PictureError::Broken("pixels do not match the dimensions".to_owned()))
}

/// A `width` x `height` picture whose pixel at (x, y) is `source(x, y)`.
fn compose(width: usize, height: usize, source: impl Fn(usize, usize) -> u8) -> Option<Gray> {
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..height {
        pixels.extend((0..width).map(|x| source(x, y)));
    }
    Gray::new(width, height, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the crate `image` reads from a block, as a number of EXIF.
    fn reference(block: &[u8]) -> Option<u8> {
        image::metadata::Orientation::from_exif_chunk(block)
            .map(image::metadata::Orientation::to_exif)
    }

    fn number(block: &[u8]) -> Option<u8> {
        let found = Orientation::of_exif(block)?;
        (1..=8).find(|&number| Orientation::numbered(number.into()) == Some(found))
    }

    /// Two entries, the second of which is the orientation.
    fn blocks() -> [Vec<u8>; 2] {
        let little = b"II*\0\x08\0\0\0\x02\0\x0F\x01\x02\0\x01\0\0\0A\0\0\0\
                       \x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x02\x01\x0F\0\x02\0\0\0\x01A\0\0\0\
                    \x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        [little.to_vec(), big.to_vec()]
    }

    #[test]
    fn orientations_have_the_numbers_of_exif() {
        for block in blocks() {
            assert_eq!(Orientation::of_exif(&block), Some(Orientation::Rotate90));
        }
        assert_eq!(Orientation::default(), Orientation::Upright);
        assert_eq!([0, 9, 256].map(Orientation::numbered), [None; 3]);
    }

    #[test]
    fn cut_and_changed_blocks_are_read_as_image_reads_them() {
        for block in blocks() {
            for end in 0..=block.len() {
                assert_eq!(number(&block[..end]), reference(&block[..end]), "cut at {end}");
            }
            for at in 0..block.len() {
                for byte in 0..=u8::MAX {
                    let mut changed = block.clone();
                    changed[at] = byte;
                    assert_eq!(number(&changed), reference(&changed), "{byte} at {at}");
                }
            }
        }
    }
}
