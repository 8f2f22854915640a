//! Real files of every format through the public function: whole, cut off, turned, too large.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage};
use nibble_gray::luma;
use nibble_picture::{HEAD_BYTES, Limits, PictureError, decode, recognise};

/// Something without symmetry, so that a wrong turn shows.
fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        Rgb([byte(x * 9), byte(y * 13), byte(x * y)])
    })
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture.clone()).write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 95).encode_image(picture).unwrap();
    file
}

/// `file`, a JPEG, with an EXIF segment that holds nothing but the orientation.
fn with_orientation(file: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut turned = file[..2].to_vec();
    turned.extend([0xFF, 0xE1]);
    turned.extend(u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
    turned.extend(exif);
    turned.extend(&file[2..]);
    turned
}

#[test]
fn lossless_formats_give_the_gray_of_their_pixels() {
    let picture = scene(31, 17);
    let expected: Vec<u8> = picture.pixels().map(|p| luma(p[0], p[1], p[2])).collect();
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let gray = decode(&encoded(&picture, format), &Limits::NATIVE).unwrap();
        assert_eq!((gray.width(), gray.height()), (31, 17), "{format:?}");
        assert_eq!(gray.pixels(), expected, "{format:?}");
    }
}

#[test]
fn every_prefix_is_an_error_or_a_picture() {
    let picture = scene(19, 11);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let file = encoded(&picture, format);
        assert!(decode(&file, &Limits::NATIVE).is_ok(), "{format:?}");
        for end in 0..file.len() {
            let outcome = decode(&file[..end], &Limits::NATIVE);
            assert!(end > 0 || outcome == Err(PictureError::Empty));
            if let Ok(gray) = outcome {
                assert_eq!((gray.width(), gray.height()), (19, 11), "{format:?} cut at {end}");
            }
        }
    }
}

#[test]
fn a_cut_jpeg_is_always_an_error() {
    let file = jpeg(&scene(64, 48));
    for end in 0..file.len() {
        assert!(decode(&file[..end], &Limits::NATIVE).is_err(), "cut at {end}");
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let picture = scene(24, 16);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let file = encoded(&picture, format);
        let small = Limits { max_pixels: 1_000_000, max_bytes: 16_000_000 };
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x55;
            if let Ok(gray) = decode(&damaged, &small) {
                assert!(gray.width() * gray.height() <= 1_000_000);
            }
        }
    }
}

#[test]
#[cfg(feature = "tiff")]
fn damaged_tiff_files_never_panic() {
    let file = encoded(&scene(24, 16), ImageFormat::Tiff);
    let small = Limits { max_pixels: 1_000_000, max_bytes: 16_000_000 };
    assert!(decode(&file, &small).is_ok());
    for end in 0..file.len() {
        if let Ok(gray) = decode(&file[..end], &small) {
            assert_eq!((gray.width(), gray.height()), (24, 16), "cut at {end}");
        }
    }
    for at in 0..file.len() {
        for flip in [0x01, 0x55, 0x80, 0xFF] {
            let mut damaged = file.clone();
            damaged[at] ^= flip;
            if let Ok(gray) = decode(&damaged, &small) {
                assert!(gray.width() * gray.height() <= 1_000_000);
            }
        }
    }
}

#[test]
fn a_lossy_webp_cut_off_is_an_error_or_a_picture() {
    let file = std::fs::read("../testdata/specimens/visa-b.webp").unwrap();
    for end in (0..60).chain((60..file.len()).step_by(file.len() / 8)) {
        if let Ok(gray) = decode(&file[..end], &Limits::NATIVE) {
            assert_eq!((gray.width(), gray.height()), (1280, 960), "cut at {end}");
        }
    }
}

#[test]
fn orientation_is_applied() {
    let file = jpeg(&scene(40, 24));
    let stored = decode(&file, &Limits::NATIVE).unwrap();
    let stored = GrayImage::from_raw(40, 24, stored.pixels().to_vec()).unwrap();
    for value in 1..=8 {
        let mut expected = DynamicImage::from(stored.clone());
        expected.apply_orientation(Orientation::from_exif(value).unwrap());
        let expected = expected.into_luma8();
        let gray = decode(&with_orientation(&file, value), &Limits::NATIVE).unwrap();
        assert_eq!(
            (u32::try_from(gray.width()).unwrap(), u32::try_from(gray.height()).unwrap()),
            expected.dimensions(),
            "orientation {value}"
        );
        assert_eq!(gray.pixels(), expected.as_raw(), "orientation {value}");
    }
}

#[test]
fn sixteen_bit_pictures_are_read() {
    let wide = DynamicImage::ImageRgb8(scene(8, 8)).into_rgb16();
    let mut file = Cursor::new(Vec::new());
    DynamicImage::ImageRgb16(wide).write_to(&mut file, ImageFormat::Png).unwrap();
    let narrow = encoded(&scene(8, 8), ImageFormat::Png);
    assert_eq!(decode(file.get_ref(), &Limits::NATIVE), decode(&narrow, &Limits::NATIVE));
}

#[test]
fn one_pixel_is_a_picture() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
        let gray = decode(&encoded(&scene(1, 1), format), &Limits::NATIVE).unwrap();
        assert_eq!(gray.pixels().len(), 1, "{format:?}");
    }
}

#[test]
fn limits_hold_before_decoding() {
    // A header alone: if memory were taken before the check, this would ask for 1.2 GB.
    let mut header = encoded(&scene(4, 4), ImageFormat::Bmp);
    header[18..22].copy_from_slice(&20_000_u32.to_le_bytes());
    header[22..26].copy_from_slice(&20_000_u32.to_le_bytes());
    let error = decode(&header, &Limits::NATIVE).unwrap_err();
    assert_eq!(error, PictureError::TooLarge { width: 20_000, height: 20_000 });
    assert_eq!(error.code(), "TooLarge");

    let file = jpeg(&scene(100, 100));
    let few_pixels = Limits { max_pixels: 9_999, ..Limits::NATIVE };
    assert_eq!(decode(&file, &few_pixels).unwrap_err().code(), "TooLarge");
    let few_bytes = Limits { max_bytes: 30_000, ..Limits::NATIVE };
    assert_eq!(decode(&file, &few_bytes).unwrap_err().code(), "TooLarge");
    let enough = Limits { max_pixels: 10_000, max_bytes: 30_000 + 2 * file.len() as u64 };
    assert!(decode(&file, &enough).is_ok());
}

#[test]
fn the_head_of_a_file_tells_what_decoding_would() {
    let picture = scene(9, 5);
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Jpeg] {
        let file = encoded(&picture, format);
        assert_eq!(recognise(&file[..HEAD_BYTES]), Ok(()), "{format:?}");
    }
    for foreign in [
        &b""[..],
        b"plain text",
        b"%PDF-1.7",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        &[0; HEAD_BYTES],
        b"qoif",
    ] {
        let whole = [foreign, &[7; 90][..foreign.len().min(90)]].concat();
        let found = recognise(&whole[..whole.len().min(HEAD_BYTES)]);
        assert_eq!(found.err(), decode(&whole, &Limits::NATIVE).err(), "{foreign:?}");
    }
}

#[test]
fn what_is_no_picture_says_so() {
    assert_eq!(decode(b"", &Limits::NATIVE), Err(PictureError::Empty));
    assert_eq!(decode(b"hello, this is text", &Limits::NATIVE), Err(PictureError::NotAPicture));
    let named = |bytes: &[u8]| decode(bytes, &Limits::NATIVE).unwrap_err();
    assert_eq!(named(b"%PDF-1.7\n"), PictureError::Unsupported("PDF".to_owned()));
    assert_eq!(named(b"\0\0\0\x18ftypheic\0\0\0\0"), PictureError::Unsupported("HEIC".to_owned()));
    // A file of a known format without a picture, or one that this build does not decode.
    let empty = named(b"GIF89a\x01\0\x01\0\0\0\0;").code();
    assert_eq!(empty, if cfg!(feature = "gif") { "Broken" } else { "Unsupported" });
}

#[cfg(feature = "gif")]
mod gif {
    use super::*;
    use image::codecs::gif::GifEncoder;
    use image::{Frame, Rgba, RgbaImage};

    /// An animation: a dark frame of `width` x `height` pixels at a place, then a light one.
    fn animation(width: u32, height: u32, left: u32, top: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = GifEncoder::new(&mut file);
        for (level, left, top) in [(40, left, top), (200, 0, 0)] {
            let picture = RgbaImage::from_pixel(width, height, Rgba([level, level, level, 255]));
            encoder
                .encode_frame(Frame::from_parts(
                    picture,
                    left,
                    top,
                    image::Delay::from_numer_denom_ms(1, 1),
                ))
                .unwrap();
        }
        drop(encoder);
        file
    }

    #[test]
    fn the_first_frame_is_the_picture() {
        let gray = decode(&animation(12, 7, 0, 0), &Limits::NATIVE).unwrap();
        assert_eq!((gray.width(), gray.height()), (12, 7));
        assert!(gray.pixels().iter().all(|&pixel| pixel == 40));
    }

    #[test]
    fn every_prefix_and_every_changed_byte_is_an_error_or_a_picture() {
        let file = animation(9, 5, 0, 0);
        for end in 0..file.len() {
            let _ = decode(&file[..end], &Limits::BROWSER);
        }
        for index in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[index] ^= 1 << bit;
                let _ = decode(&changed, &Limits::BROWSER);
            }
        }
    }

    #[test]
    fn a_canvas_beyond_the_limits_is_refused() {
        let mut file = animation(9, 5, 0, 0);
        // Width and height of the canvas.
        file[6..10].copy_from_slice(&[0xFF; 4]);
        assert_eq!(decode(&file, &Limits::NATIVE).unwrap_err().code(), "TooLarge");
    }
}
