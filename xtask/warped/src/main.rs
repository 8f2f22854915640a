//! Frames as a hand-held phone takes them, made from flat pictures of documents: the main measure
//! of reading.
//!
//! `nibble-warped FROM INTO COUNT SEED [WIDTH HEIGHT]` makes `COUNT` frames of the pictures in the
//! folder `FROM`, and writes them and their `index.csv` to the folder `INTO`. The pictures to use
//! are read from standard input, one per row: file, format of the document, and its lines joined by
//! `|`, separated by tabs. Without a size, frames have the sizes that a page asks a camera for.
//!
//! A frame depends on nothing but the seed and its number, so a set can always be made again.

mod frame;

use std::io::{BufRead as _, stdin};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use image::{GrayImage, ImageReader};

use crate::frame::{Plane, photograph};

const USAGE: &str = "nibble-warped FROM INTO COUNT SEED [WIDTH HEIGHT]";

/// One frame in this many is turned by a quarter or a half.
const TURNED: usize = 8;

/// A picture to be photographed and what is written in it.
struct Source {
    /// Its name in the folder.
    file: String,
    /// The document's format.
    document: String,
    /// The lines, joined by `|`.
    lines: String,
}

/// Which frames are made.
#[derive(Clone, Copy)]
struct Set {
    count: usize,
    seed: u64,
    /// Width and height in pixels, or those that a page asks a camera for.
    size: Option<(usize, usize)>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (from, into, count, seed, size) = match words[..] {
        [from, into, count, seed] => (from, into, count, seed, None),
        [from, into, count, seed, width, height] => {
            (from, into, count, seed, Some((width, height)))
        }
        _ => bail!(USAGE),
    };
    let size = match size {
        None => None,
        Some((width, height)) => {
            Some((width.parse().context(USAGE)?, height.parse().context(USAGE)?))
        }
    };
    let set =
        Set { count: count.parse().context(USAGE)?, seed: seed.parse().context(USAGE)?, size };
    make(&sources()?, Path::new(from), Path::new(into), set)
}

fn sources() -> Result<Vec<Source>> {
    let source = |row: String| match row.split('\t').collect::<Vec<_>>()[..] {
        [file, document, lines] => {
            Ok(Source { file: file.into(), document: document.into(), lines: lines.into() })
        }
        _ => bail!("a row of the input has not three columns: {row}"),
    };
    stdin().lock().lines().map(|row| source(row?)).collect()
}

/// Writes a set of frames of the sources in turn and their `index.csv` into `folder`.
fn make(sources: &[Source], from: &Path, folder: &Path, set: Set) -> Result<()> {
    let Set { count, seed, size } = set;
    ensure!(!sources.is_empty(), "no scan or render to make frames from");
    std::fs::create_dir_all(folder)?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = |worker: usize| {
            move || {
                for number in (worker..count).step_by(workers) {
                    let source = &sources[number % sources.len()];
                    let picture =
                        open(&from.join(&source.file)).with_context(|| source.file.clone())?;
                    let mut rng =
                        Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
                    let turned = number % TURNED == TURNED - 1;
                    let frame = photograph(&Plane::of(picture), turned, size, &mut rng);
                    std::fs::write(folder.join(name(number)), frame.jpeg(rng.u8(45..=92))?)?;
                }
                Ok(())
            }
        };
        let running: Vec<_> = (0..workers).map(|worker| scope.spawn(work(worker))).collect();
        running.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => bail!("a thread that makes frames panicked"),
        })
    })?;
    let row = |number| {
        let source: &Source = &sources[number % sources.len()];
        format!("{},{},warped,{},{}", name(number), source.document, source.lines, source.file)
    };
    let rows: Vec<String> = (0..count).map(row).collect();
    std::fs::write(
        folder.join("index.csv"),
        format!("file,doc,kind,mrz,source\n{}\n", rows.join("\n")),
    )?;
    Ok(())
}

/// Gray over white, whatever format the content has: files are not always what their names say.
fn open(path: &Path) -> Result<GrayImage> {
    let picture = ImageReader::open(path)?.with_guessed_format()?.decode()?;
    let layers = picture.to_luma_alpha8();
    Ok(GrayImage::from_fn(layers.width(), layers.height(), |x, y| {
        let [level, cover] = layers.get_pixel(x, y).0.map(u16::from);
        let gray = (level * cover + 255 * (255 - cover)) / 255;
        image::Luma([u8::try_from(gray).unwrap_or(u8::MAX)])
    }))
}

fn name(number: usize) -> String {
    format!("{number:04}.jpg")
}
