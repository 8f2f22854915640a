//! Memory at the peak of decoding, counted by an allocator: whatever a file holds or claims to
//! hold, it stays within the limits, and honest pictures fit into what they need.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage};
use nibble_picture::{Limits, PictureError, decode};

/// The system's allocator, counting what a thread uses and has used at most.
struct Counting;

thread_local! {
    static USED: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn take(bytes: usize) {
    let used = USED.get().saturating_add(bytes);
    USED.set(used);
    PEAK.set(PEAK.get().max(used));
}

fn give_back(bytes: usize) {
    USED.set(USED.get().saturating_sub(bytes));
}

// SAFETY: all work is the system allocator's, called with what this one was called with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the layout is the caller's, which has promised that its size is not zero.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give_back(layout.size());
        // SAFETY: the pointer came from the system's allocator with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A block that grows may have to move, and then the old one exists until it is copied.
        if size > layout.size() {
            take(size);
            give_back(layout.size());
        } else {
            give_back(layout.size() - size);
        }
        // SAFETY: the pointer came from the system's allocator with this layout; the size is the
        // caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `Limits::max_bytes` does not count.
const UNCOUNTED: u64 = 1 << 20;

/// Bytes at the peak of decoding, the file included, and what came of it.
fn measured(file: &[u8], limits: &Limits) -> (u64, Result<(usize, usize), PictureError>) {
    let before = USED.get();
    PEAK.set(before);
    let outcome = decode(file, limits);
    let peak = (PEAK.get() - before + file.len()) as u64;
    (peak, outcome.map(|gray| (gray.width(), gray.height())))
}

/// The same with the error's code.
fn peak_of(file: &[u8], limits: &Limits) -> (u64, Result<(usize, usize), &'static str>) {
    let (peak, outcome) = measured(file, limits);
    (peak, outcome.map_err(|error| error.code()))
}

/// Decodes within several limits: the peak must be within each, or the file itself is not.
fn stays_within_limits(name: &str, file: &[u8]) {
    for max_bytes in [2_000_000, 8_000_000, Limits::BROWSER.max_bytes] {
        let limits = Limits { max_bytes, ..Limits::BROWSER };
        let (peak, outcome) = peak_of(file, &limits);
        let allowed = max_bytes.max(file.len() as u64) + UNCOUNTED;
        println!("{name}: {peak} of {allowed} bytes, {outcome:?}");
        assert!(peak <= allowed, "{name}: {peak} of {allowed} bytes, {outcome:?}");
    }
}

/// The least limit within which a picture is decoded, and the peak within it; `None` if it is not
/// decoded at all. Errors say how much is needed, as far as that is known when they arise.
fn least(file: &[u8]) -> Option<(u64, u64)> {
    let mut limits = Limits { max_bytes: 0, ..Limits::NATIVE };
    while limits.max_bytes <= Limits::NATIVE.max_bytes {
        match measured(file, &limits) {
            (peak, Ok(_)) => return Some((limits.max_bytes, peak)),
            (_, Err(PictureError::TooMuchMemory { needed, .. })) => {
                assert!(needed > limits.max_bytes, "{needed} bytes are needed, {limits:?}");
                limits.max_bytes = needed;
            }
            (_, Err(_)) => return None,
        }
    }
    None
}

/// The peak must be within the least limit, and the limit not far beyond the peak.
fn needs_what_it_says(name: &str, file: &[u8]) {
    let Some((enough, peak)) = least(file) else { panic!("{name} is not decoded") };
    println!("{name}: {peak} bytes at the peak, {enough} asked for");
    assert!(peak <= enough + UNCOUNTED, "{name}: {peak} bytes, {enough} asked for");
    // A lossy WebP may ask for a partition of 16 MiB before it proves broken.
    let slack = if name.contains("lossy") { 17 << 20 } else { 0 };
    assert!(enough <= peak * 3 / 2 + slack, "{name}: {peak} bytes, {enough} asked for");
}

fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap();
        Rgb([byte(x * 9), byte(y * 13), byte((x * y) >> 6)])
    })
}

fn written(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn specimen(name: &str) -> Vec<u8> {
    std::fs::read(format!("../testdata/specimens/{name}")).unwrap()
}

// PNG

fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, body) in chunks {
        file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        let from = file.len();
        file.extend(*kind);
        file.extend(*body);
        file.extend(checksum(&file[from..]).to_be_bytes());
    }
    file
}

fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg())
        })
    })
}

fn header(width: u32, height: u32, bits: u8, color: u8, interlaced: u8) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([bits, color, 0, 0, interlaced]);
    header
}

/// A compressed stream that inflates to `bytes` zeros and some more.
fn zeros(bytes: u32) -> Vec<u8> {
    let (width, height) = (65_535, bytes.div_ceil(65_535));
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::NoFilter)
        .write_image(&vec![0; (width * height) as usize], width, height, ExtendedColorType::L8)
        .unwrap();
    let mut stream = Vec::new();
    let mut at = 8;
    while at < file.len() {
        let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        if &file[at + 4..at + 8] == b"IDAT" {
            stream.extend(&file[at + 8..at + 8 + length]);
        }
        at += length + 12;
    }
    stream
}

/// A picture of 64 x 1 gray pixels with chunks between its header and its pixels.
fn png_with(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let (header, pixels) = (header(64, 1, 8, 0, 0), zeros(65));
    let mut all: Vec<(&[u8; 4], &[u8])> = vec![(b"IHDR", &header)];
    all.extend(chunks);
    all.extend([(b"IDAT", &pixels[..]), (b"IEND", b"")]);
    png_of(&all)
}

#[test]
fn metadata_of_png_costs_nothing() {
    let inflates = zeros(100_000_000);
    assert!(inflates.len() < 200_000, "{}", inflates.len());
    let mut exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    exif.resize(20_000_000, 0);
    let named = |head: &[u8], tail: &[u8]| [head, tail].concat();
    let bombs: [(&str, &[u8; 4], Vec<u8>); 5] = [
        ("profile", b"iCCP", named(b"a\0\0", &inflates)),
        ("compressed text", b"zTXt", named(b"a\0\0", &inflates)),
        ("international text", b"iTXt", named(b"a\0\x01\0\0\0", &inflates)),
        ("text", b"tEXt", named(b"k\0", &vec![b'v'; 20_000_000])),
        ("EXIF", b"eXIf", exif),
    ];
    for (name, kind, body) in bombs {
        let file = png_with(&[(kind, &body)]);
        stays_within_limits(name, &file);
        let enough = Limits { max_bytes: file.len() as u64 + 1_000_000, ..Limits::BROWSER };
        let (peak, outcome) = peak_of(&file, &enough);
        // The orientation is found however large its block is: the picture stands upright.
        assert_eq!(outcome, Ok(if name == "EXIF" { (1, 64) } else { (64, 1) }), "{name}");
        assert!(peak < file.len() as u64 + UNCOUNTED, "{name}: {peak}");
    }
    let many = vec![(b"tEXt", &b"k\0v"[..]); 100_000];
    stays_within_limits("many texts", &png_with(&many));
}

#[test]
fn png_files_that_claim_too_much_are_refused() {
    let pixels = zeros(1_000_000);
    for (name, header) in [
        ("wide", header(26_000_000, 1, 8, 0, 0)),
        ("wide and deep", header(3_000_000, 1, 16, 6, 0)),
        ("high", header(1, 26_000_000, 8, 0, 0)),
        ("deep", header(5_000, 5_000, 16, 6, 0)),
        ("interlaced", header(5_000, 5_000, 8, 0, 1)),
        ("huge", header(0x7FFF_FFFF, 0x7FFF_FFFF, 16, 6, 0)),
    ] {
        let file = png_of(&[(b"IHDR", &header), (b"IDAT", &pixels), (b"IEND", b"")]);
        stays_within_limits(name, &file);
    }
    let palette = vec![7; 60_000_000];
    let file = png_of(&[(b"IHDR", &header(8, 8, 8, 3, 0)), (b"PLTE", &palette)]);
    stays_within_limits("palette", &file);
}

#[test]
fn png_pictures_need_what_they_say() {
    let gray = DynamicImage::from(scene(1600, 1200)).into_luma8();
    needs_what_it_says("gray PNG", &written(gray.clone().into(), ImageFormat::Png));
    needs_what_it_says("colour PNG", &written(scene(1600, 1200).into(), ImageFormat::Png));
    let deep = DynamicImage::from(scene(1200, 1000)).into_rgba16();
    needs_what_it_says("deep PNG", &written(deep.into(), ImageFormat::Png));
    let (wide, stream) = (header(3_000_000, 2, 8, 0, 0), zeros(6_000_002));
    let file = png_of(&[(b"IHDR", &wide), (b"IDAT", &stream), (b"IEND", b"")]);
    let limits = Limits::NATIVE;
    let (peak, outcome) = peak_of(&file, &limits);
    assert_eq!(outcome, Ok((3_000_000, 2)), "{peak}");
}

// JPEG

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, 85).encode_image(&scene(width, height)).unwrap();
    file
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], &length[..], body].concat()
}

/// A JPEG file with segments behind its signature.
fn jpeg_with(segments: &[u8]) -> Vec<u8> {
    let file = jpeg(64, 64);
    [&file[..2], segments, &file[2..]].concat()
}

#[test]
fn metadata_of_jpeg_costs_nothing() {
    let body = |name: &[u8], length: usize| {
        let mut body = name.to_vec();
        body.resize(length, b'x');
        body
    };
    let profile = segment(0xE2, &body(b"ICC_PROFILE\0\x01\xFF", 65_000)).repeat(255);
    let exif = segment(0xE1, &body(b"Exif\0\0MM\0\x2A\0\0\0\x08\xFF\xFF", 65_000)).repeat(300);
    let xmp = segment(0xE1, &body(b"http://ns.adobe.com/xmp/extension/\0", 80)).repeat(200_000);
    let gain = segment(0xE2, &body(b"urn:iso:std:iso:ts:21496:-1\0", 65_000)).repeat(300);
    let comments = segment(0xFE, b"").repeat(1_000_000);
    let fill = vec![0xFF; 20_000_000];
    let bombs = [
        ("profiles", profile),
        ("EXIF", exif),
        ("extended XMP", xmp),
        ("gain maps", gain),
        ("comments", comments),
        ("fill bytes", fill),
    ];
    for (name, segments) in bombs {
        let file = jpeg_with(&segments);
        stays_within_limits(name, &file);
        let enough = Limits { max_bytes: file.len() as u64 + 1_000_000, ..Limits::BROWSER };
        let (peak, outcome) = peak_of(&file, &enough);
        assert_eq!(outcome, Ok((64, 64)), "{name}");
        assert!(peak < file.len() as u64 + UNCOUNTED, "{name}: {peak}");
    }
}

#[test]
fn jpeg_files_that_claim_too_much_are_refused() {
    let patched = |marker: u8, width: u16, height: u16| {
        let mut file = jpeg(64, 64);
        let frame = file.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        file[frame + 1] = marker;
        file[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
        file[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
        file
    };
    for marker in [0xC0, 0xC2] {
        for (width, height) in [(65_500, 396), (65_535, 65_535), (3_000, 2_000)] {
            stays_within_limits(
                &format!("{marker:X} {width} x {height}"),
                &patched(marker, width, height),
            );
        }
    }
    // A baseline scan of one component of three keeps coefficients until the others come.
    let mut lonely = patched(0xC0, 3_000, 2_000);
    let scan = lonely.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    lonely.splice(scan + 2..scan + 14, [0, 8, 1, 1, 0, 0, 63, 0]);
    stays_within_limits("one component", &lonely);
}

#[test]
fn jpeg_pictures_need_what_they_say() {
    needs_what_it_says("JPEG", &jpeg(1600, 1200));
    needs_what_it_says("4:2:0 JPEG", &specimen("passport.jpg"));
    needs_what_it_says("turned JPEG", &specimen("passport-turned.jpg"));
    let (peak, outcome) = peak_of(&specimen("passport-12mp.jpg"), &Limits::BROWSER);
    assert_eq!(outcome, Ok((4000, 3000)));
    assert!(peak < 16_500_000, "{peak}: a byte a pixel, and the file twice");
}

// WebP

fn webp_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, content) in chunks {
        body.extend(*kind);
        body.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        body.extend(*content);
        body.extend(&[0][..content.len() % 2]);
    }
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [b"RIFF", &length[..], &body].concat()
}

/// The header of an extended file.
fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let [w0, w1, w2, _] = (width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (height - 1).to_le_bytes();
    vec![flags, 0, 0, 0, w0, w1, w2, h0, h1, h2]
}

/// The stream of a specimen, which is a lossy picture of 1280 x 960.
fn lossy() -> Vec<u8> {
    let file = specimen("visa-b.webp");
    let at = file.windows(4).position(|kind| kind == b"VP8 ").unwrap();
    let length = u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
    file[at + 8..at + 8 + length].to_vec()
}

/// The lowest bits first.
fn bits(values: impl IntoIterator<Item = (usize, usize)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut word, mut filled) = (0_u64, 0);
    for (value, count) in values {
        word |= (value as u64) << filled;
        filled += count;
        while filled >= 8 {
            bytes.extend(&word.to_le_bytes()[..1]);
            word >>= 8;
            filled -= 8;
        }
    }
    bytes.extend(&word.to_le_bytes()[..1]);
    bytes
}

/// A lossless stream of 16 x 16 pixels whose only block uses the last of `groups` groups of codes.
/// Each code has twelve symbols, which take a table of 4 KB and a tree.
fn many_codes(groups: usize) -> Vec<u8> {
    let mut values = vec![(0x2F, 8), (15, 14), (15, 14), (0, 1), (0, 3)];
    // No transform, no cache; groups in blocks of 16 x 16, from a picture without a cache.
    values.extend([(0, 1), (0, 1), (1, 1), (2, 3), (0, 1)]);
    let last = groups - 1;
    for symbol in [last & 255, last >> 8, 0, 0, 0] {
        values.extend([(1, 1), (0, 1), (1, 1), (symbol, 8)]);
    }
    // The lengths 1 to 12 and 12 once more, by a code in which each has four bits; 1 to 11 alone
    // are not complete.
    let order = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12];
    let mut code = vec![(0, 1), (12, 4)];
    code.extend(order.map(|symbol| (if (0..16).contains(&symbol) { 4 } else { 0 }, 3)));
    // Lengths of 13 to 15 complete that code of 16; only 13 symbols are written.
    code[1].0 = 15;
    code.extend([(4, 3), (4, 3), (4, 3)]);
    code.extend([(1, 1), (1, 3), (13 - 2, 4)]);
    for length in (1..=12).chain([12]) {
        code.push((reversed(length), 4));
    }
    for _ in 0..groups * 5 {
        values.extend(&code);
    }
    bits(values)
}

/// Four bits in the other order.
fn reversed(value: usize) -> usize {
    (0..4).fold(0, |turned, bit| turned | ((value >> bit) & 1) << (3 - bit))
}

#[test]
fn metadata_of_webp_costs_nothing() {
    let mut exif = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    exif.resize(20_000_000, 0);
    let profile = vec![1; 20_000_000];
    let lossless = written(scene(64, 32).into(), ImageFormat::WebP);
    let file = webp_of(&[
        (b"VP8X", &canvas(0b0010_1000, 64, 32)),
        (b"ICCP", &profile),
        (b"VP8L", &lossless[20..]),
        (b"EXIF", &exif),
    ]);
    stays_within_limits("WebP metadata", &file);
    let (peak, outcome) = peak_of(&file, &Limits::BROWSER);
    assert_eq!(outcome, Ok((32, 64)));
    assert!(peak < file.len() as u64 + UNCOUNTED, "{peak}");
}

#[test]
fn webp_files_that_claim_too_much_are_refused() {
    let mut huge = lossy();
    huge[6..10].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
    stays_within_limits("lossy", &webp_of(&[(b"VP8 ", &huge)]));
    // The stream claims more than the file's own header.
    let small = canvas(0, 8, 8);
    stays_within_limits("lossy within little", &webp_of(&[(b"VP8X", &small), (b"VP8 ", &huge)]));
    let frame =
        [&[0; 16][..], b"VP8 ", &u32::try_from(huge.len()).unwrap().to_le_bytes(), &huge].concat();
    let animation = [(b"VP8X", &canvas(2, 8, 8)[..]), (b"ANIM", &[0; 6]), (b"ANMF", &frame)];
    stays_within_limits("animated within little", &webp_of(&animation));
    let alpha = [(b"VP8X", &canvas(0x10, 1280, 960)[..]), (b"ALPH", &[1; 40]), (b"VP8 ", &lossy())];
    stays_within_limits("lossy with alpha", &webp_of(&alpha));
    // A partition of 16 MiB that the file does not have.
    let mut long = lossy();
    let first =
        (usize::from(long[0]) | usize::from(long[1]) << 8 | usize::from(long[2]) << 16) >> 5;
    long[10 + first..].fill(0xFF);
    stays_within_limits("lossy with a long partition", &webp_of(&[(b"VP8 ", &long)]));
}

#[test]
fn codes_of_lossless_webp_are_counted() {
    let decodes = webp_of(&[(b"VP8L", &[many_codes(200), vec![0; 4000]].concat())]);
    needs_what_it_says("codes", &decodes);
    for groups in [1_000, 5_000, 65_536] {
        let stream = [many_codes(groups), vec![0; 4000]].concat();
        stays_within_limits(&format!("{groups} groups"), &webp_of(&[(b"VP8L", &stream)]));
        // The same as the transparency of a lossy picture, where the stream has no header.
        let mut alpha = vec![1];
        alpha.extend(&stream[5..]);
        let file =
            webp_of(&[(b"VP8X", &canvas(0x10, 1280, 960)), (b"ALPH", &alpha), (b"VP8 ", &lossy())]);
        stays_within_limits(&format!("{groups} groups of transparency"), &file);
    }
}

#[test]
fn webp_pictures_need_what_they_say() {
    needs_what_it_says("lossless WebP", &written(scene(1600, 1200).into(), ImageFormat::WebP));
    let clear = DynamicImage::from(scene(1200, 900)).into_rgba8();
    needs_what_it_says("clear WebP", &written(clear.into(), ImageFormat::WebP));
    needs_what_it_says("lossy WebP", &specimen("visa-b.webp"));
}

// BMP and TIFF

#[test]
fn bmp_files_are_within_limits() {
    let file = written(scene(1600, 1200).into(), ImageFormat::Bmp);
    needs_what_it_says("BMP", &file);
    for (width, height) in
        [(26_000_000_u32, 1_i32), (1, -26_000_000), (5_000, 5_000), (0x7FFF_FFFF, -1)]
    {
        for bits in [1, 8, 24, 32] {
            let mut claims = file[..2_000].to_vec();
            claims[18..22].copy_from_slice(&width.to_le_bytes());
            claims[22..26].copy_from_slice(&height.to_le_bytes());
            claims[28] = bits;
            stays_within_limits(&format!("BMP {width} x {height}, {bits} bits"), &claims);
        }
    }
}

#[cfg(feature = "tiff")]
mod tiff {
    use super::*;

    /// A little-endian file whose directory has these entries: tag, type, count, value.
    fn file(entries: &[(u16, u16, u32, u32)], data: &[u8]) -> Vec<u8> {
        let mut file = b"II\x2A\0\x08\0\0\0".to_vec();
        file.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
        for (tag, kind, count, value) in entries {
            file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
        }
        file.extend([0; 4]);
        file.extend(data);
        file
    }

    /// One strip of gray pixels in 8 bits that begins behind the directory.
    fn strip(width: u32, height: u32, compression: u32, length: u32) -> Vec<(u16, u16, u32, u32)> {
        vec![
            (256, 4, 1, width),
            (257, 4, 1, height),
            (258, 3, 1, 8),
            (259, 3, 1, compression),
            (262, 3, 1, 1),
            (273, 4, 1, 122),
            (277, 3, 1, 1),
            (278, 4, 1, height),
            (279, 4, 1, length),
        ]
    }

    #[test]
    fn pictures_need_what_they_say() {
        needs_what_it_says("TIFF", &written(scene(1600, 1200).into(), ImageFormat::Tiff));
        let gray = DynamicImage::from(scene(1600, 1200)).into_luma16();
        needs_what_it_says("deep TIFF", &written(gray.into(), ImageFormat::Tiff));
        let file = file(&strip(64, 64, 1, 4096), &[9; 4096]);
        assert_eq!(peak_of(&file, &Limits::NATIVE).1, Ok((64, 64)));
        let mut inner = Vec::new();
        JpegEncoder::new(&mut inner).encode(&[99; 4096], 64, 64, ExtendedColorType::L8).unwrap();
        let length = u32::try_from(inner.len()).unwrap();
        let (_, outcome) =
            peak_of(&super::tiff::file(&strip(64, 64, 7, length), &inner), &Limits::NATIVE);
        assert_eq!(outcome, Ok((64, 64)), "JPEG within TIFF");
    }

    #[test]
    fn files_that_claim_too_much_are_refused() {
        stays_within_limits("pixels", &file(&strip(5_000, 5_000, 1, 25_000_000), &[0; 5_000]));
        let zeros = zeros(64 * 64 + 50_000_000);
        let length = u32::try_from(zeros.len()).unwrap();
        stays_within_limits("deflated", &file(&strip(64, 64, 8, length), &zeros));
        let mut many = strip(64, 3_000_000, 1, 0);
        many[5] = (273, 4, 3_000_000, 122);
        many[7] = (278, 4, 1, 1);
        many[8] = (279, 4, 3_000_000, 122);
        stays_within_limits("strips", &file(&many, &vec![0; 12_000_000]));
        let mut tags = strip(64, 64, 1, 4096);
        tags.push((700, 1, 60_000_000, 122));
        let tags = file(&tags, &[0; 8_000]);
        stays_within_limits("tags", &tags);
        assert_eq!(peak_of(&tags, &Limits::BROWSER).1, Ok((64, 64)));
        let mut table = strip(64, 64, 1, 4096);
        table[2] = (258, 3, 8_000_000, 122);
        stays_within_limits("bits", &file(&table, &vec![0; 16_000_000]));
    }

    #[test]
    fn jpegs_within_strips_are_measured() {
        for (width, height) in [(65_535_u16, 65_535_u16), (5_000, 5_000)] {
            let mut inner = jpeg(64, 64);
            let frame = inner.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
            inner[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
            inner[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
            let length = u32::try_from(inner.len()).unwrap();
            stays_within_limits("embedded", &file(&strip(64, 64, 7, length), &inner));
            // The frame may as well stand in the tables that all strips share.
            let mut entries = strip(64, 64, 7, length);
            entries.push((347, 7, length, 134));
            entries[5].3 = 134;
            stays_within_limits("tables", &file(&entries, &inner));
        }
    }
}

/// Files from elsewhere: every file of the folder that `NIBBLE_PICTURES` names stays within any
/// limits. Slow for many files; not part of the usual tests.
#[test]
fn pictures_of_a_folder_stay_within_limits() {
    let Ok(folder) = std::env::var("NIBBLE_PICTURES") else {
        println!("NIBBLE_PICTURES names no folder: nothing to do");
        return;
    };
    let mut failed = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut peaks: Vec<_> = [Limits::BROWSER, Limits::NATIVE]
            .iter()
            .map(|limits| (limits.max_bytes.max(file.len() as u64), peak_of(&file, limits).0))
            .collect();
        peaks.extend(least(&file));
        println!("{name}: {} bytes, limits and peaks {peaks:?}", file.len());
        if peaks.iter().any(|(limit, peak)| *peak > limit + UNCOUNTED) {
            failed.push(format!("{name}: {peaks:?}"));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
