//! What fuzzing begins with: small inputs of each kind, made here.

use std::io::Cursor;

use crate::bytes::Bytes;
use crate::graph::graph_file;
use crate::model::model_file;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage, Rgba, RgbaImage};

/// Zones of every format.
const ZONES: [&str; 6] = [
    "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
    "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<",
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<",
    "IDFRABERTHIER<<<<<<<<<<<<<<<<<923255\n8806923102858CORINNE<<<<<<<6512068F2",
];

/// The seeds of a target, each with a name; none for a name that is no target's.
#[must_use]
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    let named = |(index, seed): (usize, Vec<u8>)| (format!("{index:02}"), seed);
    match target {
        "picture" => pictures(),
        "model" => models(),
        "graph" => graphs(),
        "zone" => {
            ZONES.iter().map(|zone| zone.as_bytes().to_vec()).enumerate().map(named).collect()
        }
        // These describe their input by numbers; any bytes do.
        "fusion" => arbitrary(12, 200).into_iter().enumerate().map(named).collect(),
        "products" => arbitrary(40, 400).into_iter().enumerate().map(named).collect(),
        "windows" => arbitrary(24, 60).into_iter().enumerate().map(named).collect(),
        "reading" => arbitrary(12, 160).into_iter().enumerate().map(named).collect(),
        _ => Vec::new(),
    }
}

/// Bytes without a pattern (SplitMix64), the first of them counted up.
fn arbitrary(count: u8, length: usize) -> Vec<Vec<u8>> {
    let mut state = 0u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed.wrapping_mul(0x94d0_49bb_1331_11eb).to_be_bytes()[0]
    };
    let seed = |first| {
        let mut seed: Vec<u8> = (0..length).map(|_| next()).collect();
        seed[0] = first;
        seed
    };
    (0..count).map(seed).collect()
}

/// A small picture with slopes and edges.
#[must_use]
pub fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap_or(0);
        image::Rgb([byte(x * 9), byte(y * 13), byte((x * y) >> 2)])
    })
}

/// A small valid file of each format and of some of its kinds.
#[must_use]
pub fn pictures() -> Vec<(String, Vec<u8>)> {
    let colour = scene(23, 17);
    let gray: GrayImage = GrayImage::from_fn(23, 17, |x, y| {
        Luma([u8::try_from((x * 11 + y * 7) % 256).unwrap_or(0)])
    });
    let clear = RgbaImage::from_fn(23, 17, |x, y| {
        let byte = |value: u32| u8::try_from(value % 256).unwrap_or(0);
        Rgba([byte(x * 9), byte(y * 13), 77, byte(x * y)])
    });
    let (colour, gray, clear): (DynamicImage, DynamicImage, DynamicImage) =
        (colour.into(), gray.into(), clear.into());
    let deep = DynamicImage::from(colour.to_rgba16());
    let wide: DynamicImage = scene(90, 40).into();
    let all = [
        ("gray.png", &gray, ImageFormat::Png),
        ("colour.png", &colour, ImageFormat::Png),
        ("clear.png", &clear, ImageFormat::Png),
        ("deep.png", &deep, ImageFormat::Png),
        ("gray.jpg", &gray, ImageFormat::Jpeg),
        ("colour.jpg", &colour, ImageFormat::Jpeg),
        ("wide.jpg", &wide, ImageFormat::Jpeg),
        ("colour.webp", &colour, ImageFormat::WebP),
        ("clear.webp", &clear, ImageFormat::WebP),
        ("colour.bmp", &colour, ImageFormat::Bmp),
        ("gray.bmp", &gray, ImageFormat::Bmp),
        ("colour.tiff", &colour, ImageFormat::Tiff),
        ("deep.tiff", &deep, ImageFormat::Tiff),
        ("colour.gif", &colour, ImageFormat::Gif),
    ];
    let mut files: Vec<(String, Vec<u8>)> = all
        .into_iter()
        .map(|(name, picture, format)| (name.to_owned(), written(picture, format)))
        .collect();
    files.push((String::from("lossy.webp"), LOSSY_WEBP.to_vec()));
    files.push((String::from("progressive.jpg"), PROGRESSIVE_JPEG.to_vec()));
    files
}

/// No encoder in Rust writes these kinds: 23 x 17 pixels by Pillow 11.
const LOSSY_WEBP: &[u8] = include_bytes!("../seeds/lossy.webp");
const PROGRESSIVE_JPEG: &[u8] = include_bytes!("../seeds/progressive.jpg");

fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("a small picture can be written");
    file.into_inner()
}

/// A small valid model file of each precision: strips in 4 bits and single precision, maps in 8 bits.
#[must_use]
pub fn model_files() -> Vec<(String, Vec<u8>)> {
    // What each byte means is written in `model.rs`; the rest is weights.
    let files = [("strips-u4", 0, 1, 2), ("maps-u8", 1, 0, 2), ("strips-f32", 2, 3, 1)];
    files
        .map(|(name, precision, strips, layers)| {
            let description = [&[precision, strips, layers - 1, 7][..], &[21; 400]].concat();
            (name.to_owned(), model_file(&description))
        })
        .to_vec()
}

/// Descriptions from which the targets `graph` and `model` write files.
fn descriptions(count: u8, length: usize) -> Vec<(String, Vec<u8>)> {
    arbitrary(count, length)
        .into_iter()
        .enumerate()
        .map(|(index, mut seed)| {
            // Numbers and names are usual ones below 250.
            seed.iter_mut().for_each(|byte| *byte = (*byte).min(249));
            seed[0] |= 1;
            (format!("{index:02}"), seed)
        })
        .collect()
}

/// Files of graphs, and descriptions of graphs.
fn graphs() -> Vec<(String, Vec<u8>)> {
    let mut graphs = descriptions(60, 400);
    for (index, (_, seed)) in graphs.clone().iter().enumerate().take(6) {
        let file = graph_file(&mut Bytes::new(&seed[2..]));
        graphs.push((format!("file-{index}"), [&[0], &file[..]].concat()));
    }
    graphs
}

/// A bundled model, and descriptions of networks.
fn models() -> Vec<(String, Vec<u8>)> {
    let mut models = descriptions(40, 300);
    models.push((String::from("bundled"), [&[0], nibble_models::LOCATE_U4].concat()));
    for (name, file) in model_files() {
        // The same network as a graph, too.
        let graph = nibble_core::graph::Graph::parse(&file).and_then(|graph| graph.to_bytes());
        models.push((format!("{name}-graph"), [&[0], &graph.expect("a valid model")[..]].concat()));
        models.push((name, [&[0], &file[..]].concat()));
    }
    models
}
