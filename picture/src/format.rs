//! Which format a file has, by its first bytes.

use crate::PictureError;

// Formats that can be decoded, by the names that messages give them.
pub(crate) const JPEG: &str = "Jpeg";
pub(crate) const PNG: &str = "Png";
pub(crate) const WEBP: &str = "WebP";
pub(crate) const BMP: &str = "Bmp";
pub(crate) const GIF: &str = "Gif";
pub(crate) const TIFF: &str = "Tiff";

/// How files of a format begin, and its name. Those that cannot be decoded are here for the sake of
/// the message.
const BEGINNINGS: [(&[u8], &str); 14] = [
    (b"\xFF\xD8\xFF", JPEG),
    (b"\x89PNG\r\n\x1A\n", PNG),
    (b"BM", BMP),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"%PDF", "PDF"),
    (b"DDS ", "Dds"),
    (b"\0\0\x01\0", "Ico"),
    (b"#?RADIANCE", "Hdr"),
    (b"\x76\x2F\x31\x01", "OpenExr"),
    (b"qoif", "Qoi"),
    (b"farbfeld", "Farbfeld"),
];

/// The name of a file's format.
///
/// # Errors
/// `Empty` or `NotAPicture`.
pub(crate) fn name_of(bytes: &[u8]) -> Result<&'static str, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    let beginning = || BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning));
    varying(bytes).or_else(|| beginning().map(|&(_, name)| name)).ok_or(PictureError::NotAPicture)
}

/// The name of a format whose files do not all begin with the same bytes.
fn varying(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => Some(match brand.first_chunk()? {
            b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1" => "HEIC",
            b"avif" | b"avis" => "AVIF",
            _ => "video",
        }),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(WEBP),
        [b'P', b'1'..=b'7', ..] => Some("Pnm"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name by the crate `image`.
    fn reference(bytes: &[u8]) -> Option<String> {
        image::guess_format(bytes).ok().map(|format| format!("{format:?}"))
    }

    #[test]
    fn cut_and_changed_beginnings_have_the_formats_that_image_finds() {
        let others: [&[u8]; 4] = [b"RIFF\x07\0\0\0WEBPVP8 ", b"P1 ", b"P7 ", b"plain text"];
        let same = |bytes: &[u8]| {
            let own = name_of(bytes).ok().filter(|&name| name != "PDF").map(str::to_owned);
            assert_eq!(own, reference(bytes), "{bytes:?}");
        };
        for beginning in BEGINNINGS.iter().map(|&(beginning, _)| beginning).chain(others) {
            for end in 0..=beginning.len() {
                same(&beginning[..end]);
            }
            for at in 0..beginning.len() {
                for byte in 0..=u8::MAX {
                    let mut changed = beginning.to_vec();
                    changed[at] = byte;
                    changed.extend(b"and more");
                    same(&changed);
                }
            }
        }
    }

    #[test]
    fn what_people_choose_has_a_name() {
        assert_eq!(name_of(b"%PDF-1.7"), Ok("PDF"));
        assert_eq!(name_of(b"\0\0\0\x18ftypheic"), Ok("HEIC"));
        assert_eq!(name_of(b"\0\0\0\x18ftypavis"), Ok("AVIF"));
        assert_eq!(name_of(b"\0\0\0\x18ftypisom"), Ok("video"));
        assert_eq!(name_of(b"\0\0\0\x18ftyp"), Err(PictureError::NotAPicture));
    }
}
