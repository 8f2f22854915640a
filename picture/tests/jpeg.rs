//! JPEG files in every way of storing colours. The files of `jpeg/` hold one scene, written by
//! `cjpeg` and Pillow; their names say how: the sampling of chroma, and scans.

use std::path::Path;

use nibble_gray::luma;
use nibble_picture::{Limits, PictureError, decode};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

const WIDTH: usize = 61;
const HEIGHT: usize = 45;

/// The colour of a pixel of the scene: quadrants of red, green and blue, one of grays, and a dark bar.
fn scene(x: usize, y: usize) -> [u8; 3] {
    let (right, below) = (x >= WIDTH / 2, y >= HEIGHT / 2);
    match (right, below) {
        _ if (20..25).contains(&y) => [64; 3],
        (false, false) => [255, 0, 0],
        (true, false) => [0, 255, 0],
        (false, true) => [0, 0, 255],
        (true, true) => {
            [u8::try_from(255 - 2 * (x - WIDTH / 2) - 3 * (y - HEIGHT / 2)).unwrap(); 3]
        }
    }
}

/// Files that the decoder would mix up: components with rows of their own in scans of their own, or
/// chroma denser than luma.
const REFUSED: [&str; 5] =
    ["420-scans", "luma-less", "luma-less-progressive", "wide-chroma", "wide-chroma-progressive"];

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests/jpeg").join(name).with_extension("jpg")).unwrap()
}

/// All other files, by name.
fn files() -> Vec<(String, Vec<u8>)> {
    let folder = std::fs::read_dir("tests/jpeg").unwrap().map(|entry| entry.unwrap().path());
    let names = folder.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let files: Vec<_> = names
        .filter(|name| !REFUSED.contains(&name.as_str()))
        .map(|name| (name.clone(), file(&name)))
        .collect();
    assert!(files.len() > 25, "{} files", files.len());
    files
}

#[test]
fn what_would_be_mixed_up_is_refused() {
    for name in REFUSED {
        let error = decode(&file(name), &Limits::BROWSER).unwrap_err();
        assert_eq!(error.code(), "Unsupported", "{name}");
    }
}

#[test]
fn every_way_of_storing_colours_gives_their_gray() {
    for (name, file) in files() {
        let gray = decode(&file, &Limits::BROWSER).unwrap();
        assert_eq!((gray.width(), gray.height()), (WIDTH, HEIGHT), "{name}");
        let mut sum = 0;
        for (y, row) in (0..HEIGHT).map(|y| (y, gray.row(y))) {
            for (x, pixel) in row.iter().enumerate() {
                let [r, g, b] = scene(x, y);
                sum += usize::from(pixel.abs_diff(luma(r, g, b)));
            }
        }
        // Compression shows at edges.
        assert!(sum < WIDTH * HEIGHT, "{name}: {sum}");
    }
}

/// The luma of a file by way of chroma scaled up to its size.
fn luma_beside_chroma(file: &[u8]) -> Option<Vec<u8>> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().unwrap();
    let stores_luma = decoder.input_colorspace() == Some(ColorSpace::YCbCr);
    stores_luma.then(|| decoder.decode().unwrap().chunks_exact(3).map(|pixel| pixel[0]).collect())
}

#[test]
fn luma_is_taken_as_it_is_stored() {
    let compared = files().into_iter().filter(|(name, file)| {
        let expected = luma_beside_chroma(file);
        let gray = decode(file, &Limits::BROWSER).unwrap();
        expected.is_some_and(|expected| {
            assert_eq!(gray.pixels(), expected, "{name}");
            true
        })
    });
    assert!(compared.count() > 20);
}

#[test]
fn scans_are_limited() {
    let file = file("gray-progressive");
    let last = file.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let (head, scan) = (&file[..last], &file[last..file.len() - 2]);
    let with_scans = |count: usize| [head, &scan.repeat(count), &[0xFF, 0xD9]].concat();
    // Whole blocks of the picture, and as many visits as it has scans before the last one.
    let samples = (WIDTH.next_multiple_of(8) * HEIGHT.next_multiple_of(8)) as u64;
    let before = head.windows(2).filter(|pair| *pair == [0xFF, 0xDA]).count() as u64;
    let limits = Limits { max_pixels: 3 * samples, ..Limits::BROWSER };
    let fits = usize::try_from(30 - before).unwrap();
    assert!(decode(&with_scans(fits), &limits).is_ok());
    let error = decode(&with_scans(fits + 1), &limits).unwrap_err();
    let (visits, allowed) = (31 * samples, 30 * samples);
    assert_eq!(error, PictureError::TooManyScans { width: 61, height: 45, visits, allowed });
    assert_eq!(error.code(), "TooLarge");
    assert!(error.to_string().contains("scans"), "{error}");
}
