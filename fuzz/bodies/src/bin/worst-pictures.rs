//! Times the worst pictures that we know how to make, and compares them with pictures of documents of
//! the same size: `cargo run --release -p nibble-fuzz --bin worst-pictures`.
//!
//! Prints `docs/results/worst-pictures.md`. Times depend on the machine, their ratios hardly do.

use std::sync::OnceLock;
use std::time::Instant;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use nibble_core::Precision;
use nibble_fuzz::specimens;
use nibble_gray::Gray;
use nibble_picture::{Limits, decode};
use nibble_reader::Reader;

const SIZE: [u32; 2] = [1280, 960];
const WIDTH: usize = SIZE[0] as usize;
const HEIGHT: usize = SIZE[1] as usize;
/// Times that each picture is read; the fastest counts.
const REPEATS: usize = 5;

/// A picture that a function of the place makes.
fn drawn(pixel: impl Fn(usize, usize) -> u8) -> Gray {
    let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    let pixels = pixels.map(|(x, y)| pixel(x, y)).collect();
    Gray::new(WIDTH, HEIGHT, pixels).expect("a pixel for each place")
}

/// Bytes without a pattern, for a place.
fn noise(x: usize, y: usize) -> u8 {
    let mixed = (x as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (y as u64) << 17;
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 32)).to_le_bytes()[0]
}

const fn ink(is_ink: bool) -> u8 {
    if is_ink { 20 } else { 235 }
}

/// A page full of copies of a zone, scaled down to `width`, each with other places painted over, so
/// that none of them is valid and the search goes on.
fn page_of(zone: &Gray, width: usize) -> Gray {
    let height = (zone.height() * width / zone.width()).max(1);
    let zone = zone.scaled_down(width, height).expect("smaller");
    drawn(|x, y| {
        let (column, row) = (x / width, y / height);
        let blot = (column * 7 + row * 3) % 11 * width / 12;
        let (x, y) = (x % width, y % height);
        if (blot..blot + width / 40).contains(&x) { 20 } else { zone.row(y)[x] }
    })
}

fn worst() -> Vec<(String, Gray)> {
    let stripes = |name: &str, period: usize| {
        (format!("{name}, {period} pixels"), drawn(|x, _| ink(x % period < period / 2)))
    };
    let mut all = vec![
        (String::from("noise"), drawn(noise)),
        (String::from("noise in blocks of 4 x 4"), drawn(|x, y| ink(noise(x / 4, y / 4) < 128))),
        stripes("vertical stripes", 6),
        stripes("vertical stripes", 18),
        (String::from("horizontal stripes"), drawn(|_, y| ink(y % 24 < 12))),
        (
            String::from("halftone"),
            drawn(|x, y| {
                let (dx, dy) = (x.abs_diff(x / 8 * 8 + 4), y.abs_diff(y / 8 * 8 + 4));
                ink(dx * dx + dy * dy < 8)
            }),
        ),
        (String::from("checks"), drawn(|x, y| ink(x / 9 % 2 == 0 && y / 16 % 2 == 0))),
        (
            String::from("lines of bars like characters"),
            drawn(|x, y| ink(y % 34 < 20 && noise(x / 5, y / 34) < 110 && x % 14 < 9)),
        ),
        (
            String::from("lines of blots like characters"),
            drawn(|x, y| ink(y % 34 < 20 && x % 14 < 10 && noise(x / 4, y / 5) < 128)),
        ),
    ];
    for (index, zone) in specimens().iter().enumerate() {
        for width in [160, 213, 320, 426, 600] {
            let page = page_of(zone, width);
            all.push((format!("page of zone {index}, {width} pixels wide"), page));
        }
        all.push((format!("negative page of zone {index}"), page_of(zone, 426).inverted()));
    }
    all
}

/// Milliseconds that this thread has run: on Linux without those in which others had its core.
fn clock() -> f64 {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat");
    let ran = counted.ok().and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let elapsed = || BEGIN.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e9;
    ran.unwrap_or_else(elapsed) / 1e6
}

static BEGIN: OnceLock<Instant> = OnceLock::new();

/// Milliseconds to decode a file and to read the picture.
fn milliseconds(reader: &mut Reader, file: &[u8]) -> f64 {
    let time = |_| {
        let begin = clock();
        let picture = decode(file, &Limits::NATIVE).expect("it was decoded before");
        std::hint::black_box(reader.read(&picture));
        clock() - begin
    };
    (0..REPEATS).map(time).fold(f64::INFINITY, f64::min)
}

fn main() {
    let mut reader = Reader::with_bundled_model(Precision::U4).expect("a committed model");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/specimens");
    let mut usual = Vec::new();
    for file in std::fs::read_dir(folder).expect("the specimens").flatten() {
        let bytes = std::fs::read(file.path()).expect("a file");
        if let Ok(gray) = decode(&bytes, &Limits::NATIVE)
            && (gray.width(), gray.height()) == (WIDTH, HEIGHT)
        {
            usual.push(milliseconds(&mut reader, &bytes));
        }
    }
    usual.sort_by(f64::total_cmp);
    let median = usual[usual.len() / 2];
    println!(
        "# The worst pictures\n\nWritten by `cargo run --release -p nibble-fuzz --bin worst-pictures`: \
         milliseconds of CPU to decode a\nJPEG and to read it in 4 bits.\n"
    );
    println!("{WIDTH} x {HEIGHT} pixels; median of {} documents {median:.1} ms\n", usual.len());
    println!("| picture | ms | times the median | search ended early |\n|---|---|---|---|");
    let mut rows: Vec<_> = worst()
        .into_iter()
        .map(|(name, picture)| {
            let mut file = Vec::new();
            JpegEncoder::new_with_quality(&mut file, 90)
                .encode(picture.pixels(), SIZE[0], SIZE[1], ExtendedColorType::L8)
                .expect("a picture can be written");
            let early = reader
                .read(&picture)
                .review
                .iter()
                .any(|review| review.note.is_some_and(|note| note.contains("ended early")));
            (milliseconds(&mut reader, &file), early, name)
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (ms, early, name) in rows {
        let early = if early { "yes" } else { "" };
        println!("| {name} | {ms:.1} | {:.1} | {early} |", ms / median);
    }
}
