//! Frames as a hand-held phone takes them, made from flat pictures of documents: the main measure
//! of reading.
//!
//! `nibble-warped FROM INTO COUNT SEED [WIDTH HEIGHT]` makes `COUNT` frames of the pictures in the
//! folder `FROM`, and writes them and their `index.csv` to the folder `INTO`. The pictures to use
//! are read from standard input, one per row: file, format of the document, and its lines joined by
//! `|`, separated by tabs. Without a size, frames have the sizes that a page asks a camera for.
//!
//! `nibble-warped FROM INTO COUNT SEED film FRAMES` makes films instead: `COUNT` folders of
//! `FRAMES` frames each. In the index, the file is the folder. A further column, `sharp`, is the
//! number of the first sharp frame, and empty if there is none.
//!
//! A frame depends on nothing but the seed and its number, so a set can always be made again.

mod film;
mod frame;

use std::io::{BufRead as _, stdin};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use image::{GrayImage, ImageReader};

use crate::film::Film;
use crate::frame::{Plane, photograph};

const USAGE: &str = "nibble-warped FROM INTO COUNT SEED [WIDTH HEIGHT | film FRAMES]";

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
    /// Frames of a film; `None` for single frames.
    film: Option<usize>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [from, into, count, seed, ref more @ ..] = words[..] else { bail!(USAGE) };
    let (size, film) = match *more {
        [] => (None, None),
        ["film", frames] => (None, Some(frames.parse().context(USAGE)?)),
        [width, height] => {
            (Some((width.parse().context(USAGE)?, height.parse().context(USAGE)?)), None)
        }
        _ => bail!(USAGE),
    };
    let set = Set {
        count: count.parse().context(USAGE)?,
        seed: seed.parse().context(USAGE)?,
        size,
        film,
    };
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

/// Writes a set of frames, or of films, of the sources in turn and their `index.csv` into `folder`.
fn make(sources: &[Source], from: &Path, folder: &Path, set: Set) -> Result<()> {
    let Set { count, seed, size, film } = set;
    ensure!(!sources.is_empty(), "no scan or render to make frames from");
    std::fs::create_dir_all(folder)?;
    let one = |number: usize| {
        let source = &sources[number % sources.len()];
        let picture = open(&from.join(&source.file)).with_context(|| source.file.clone())?;
        let mut rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        let document = Plane::of(picture);
        if let Some(frames) = film {
            return write_film(&folder.join(name(number, "")), &document, frames, rng);
        }
        let turned = number % TURNED == TURNED - 1;
        let frame = photograph(&document, turned, size, &mut rng);
        // A size of its own means that times are measured: the files are then like those of a phone.
        let file = match size {
            None => frame.jpeg(rng.u8(45..=92)),
            Some(_) => frame.photograph(rng.u8(80..=92), &mut rng),
        }?;
        std::fs::write(folder.join(name(number, ".jpg")), file)?;
        Ok(String::new())
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut last: Vec<String> = vec![String::new(); count];
    std::thread::scope(|scope| {
        let work = |worker: usize| {
            let one = &one;
            move || (worker..count).step_by(workers).map(|i| Ok((i, one(i)?))).collect()
        };
        let running: Vec<_> = (0..workers).map(|worker| scope.spawn(work(worker))).collect();
        running.into_iter().try_for_each(|thread| {
            let made: Result<Vec<(usize, String)>> = match thread.join() {
                Ok(result) => result,
                Err(_) => bail!("a thread that makes frames panicked"),
            };
            made?.into_iter().for_each(|(number, column)| last[number] = column);
            Ok(())
        })
    })?;
    let (extension, kind, column) =
        if film.is_some() { ("", "film", ",sharp") } else { (".jpg", "warped", "") };
    let row = |(number, last): (usize, &String)| {
        let source: &Source = &sources[number % sources.len()];
        let file = name(number, extension);
        format!("{file},{},{kind},{},{}{last}", source.document, source.lines, source.file)
    };
    let rows: Vec<String> = last.iter().enumerate().map(row).collect();
    std::fs::write(
        folder.join("index.csv"),
        format!("file,doc,kind,mrz,source{column}\n{}\n", rows.join("\n")),
    )?;
    Ok(())
}

/// Writes the frames of a film into a folder; the last column of its row in the index.
fn write_film(folder: &Path, document: &Plane, frames: usize, mut rng: Rng) -> Result<String> {
    std::fs::create_dir_all(folder)?;
    let quality = rng.u8(70..=92);
    let mut film = Film::new(document, rng);
    let mut first_sharp = None;
    for number in 0..frames {
        if film.is_sharp(number) {
            first_sharp.get_or_insert(number);
        }
        let frame = film.frame(number);
        std::fs::write(folder.join(format!("{number:03}.jpg")), frame.jpeg(quality)?)?;
    }
    Ok(format!(",{}", first_sharp.map_or_else(String::new, |number| number.to_string())))
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

fn name(number: usize, extension: &str) -> String {
    format!("{number:04}{extension}")
}
