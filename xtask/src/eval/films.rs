//! `cargo xtask eval --films`: how many frames of a film it takes until a reading is valid.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::index::index;
use super::{PRECISIONS, warp};
use crate::frames::Set;
use crate::native;
use crate::shell::root;

/// The recorded table.
const FILMS: &str = "docs/results/films.md";
/// Frames of a film that is made.
const FRAMES: usize = 24;
/// A valid reading is wanted within this many frames, the first sharp one included.
const WANTED: usize = 5;

/// One film, and the reading after each of its frames.
struct Film {
    file: String,
    wanted: Vec<String>,
    /// Number of the first sharp frame, if it is known.
    sharp: Option<usize>,
    readings: Vec<Value>,
}

impl Film {
    fn is_exact(&self, reading: &Value) -> bool {
        let lines = reading["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
        lines.eq(self.wanted.iter().map(String::as_str))
    }

    fn first_valid(&self) -> Option<usize> {
        self.readings.iter().position(|reading| reading["valid"] == true)
    }

    /// Number of frames from the first sharp one to the first after which the reading was valid,
    /// both counted; 0 if it was valid before. `None` if the film has no sharp frame or no valid
    /// reading.
    fn frames_to_valid(&self) -> Option<usize> {
        Some((self.first_valid()? + 1).saturating_sub(self.sharp?))
    }

    /// Number of frames after which the reading was valid but wrong.
    fn wrong(&self) -> usize {
        let is_wrong = |reading: &&Value| reading["valid"] == true && !self.is_exact(reading);
        self.readings.iter().filter(is_wrong).count()
    }

    /// Why the last reading is not valid.
    fn reasons(&self) -> String {
        let reasons = |reading: &Value| reading["not_valid_because"].to_string();
        self.readings.last().map(reasons).unwrap_or_default()
    }
}

/// The counts of one precision.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    films: usize,
    sharp: usize,
    exact: usize,
    valid: usize,
    in_time: usize,
    /// Frames to a valid reading, sorted.
    frames: Vec<usize>,
    wrong: usize,
}

impl Tally {
    fn of(films: &[Film]) -> Self {
        let count = |holds: &dyn Fn(&Film) -> bool| films.iter().filter(|film| holds(film)).count();
        let mut frames: Vec<usize> = films.iter().filter_map(Film::frames_to_valid).collect();
        frames.sort_unstable();
        Self {
            films: films.len(),
            sharp: count(&|film| film.sharp.is_some()),
            exact: count(&|film| film.readings.last().is_some_and(|last| film.is_exact(last))),
            valid: count(&|film| film.first_valid().is_some()),
            in_time: frames.iter().filter(|&&frames| frames <= WANTED).count(),
            frames,
            wrong: films.iter().map(Film::wrong).sum(),
        }
    }

    fn row(&self, precision: &str) -> String {
        let share = |percent: usize| self.frames.get(self.frames.len() * percent / 100);
        let frames = |frames: Option<&usize>| frames.map_or("-".to_owned(), usize::to_string);
        format!(
            "| {precision} | {} | {} | {} | {} | {} | {}, {}, {} | {} |",
            self.films,
            self.sharp,
            self.exact,
            self.valid,
            self.in_time,
            frames(share(50)),
            frames(share(90)),
            frames(self.frames.last()),
            self.wrong
        )
    }
}

/// Where the films come from.
pub(super) enum Origin<'a> {
    /// `count` films are made of the pictures in a folder.
    Made { count: usize, seed: u64, folder: &'a Path },
    /// A folder of films, with a folder of frames for each row of its `index.csv`.
    Folder(&'a Path),
}

/// Reads films and prints the table.
pub(super) fn run(origin: &Origin<'_>, precision: &str, write: bool) -> Result<()> {
    native::build()?;
    let folder = match *origin {
        Origin::Folder(folder) => folder.to_owned(),
        Origin::Made { count, seed, folder } => {
            warp(folder, Set { count, seed, size: None, film: Some(FRAMES) })?
        }
    };
    let mut rows = Vec::new();
    for name in PRECISIONS.into_iter().filter(|name| precision == "all" || precision == *name) {
        let films = read(&folder, name)?;
        for film in films.iter().filter(|film| film.first_valid().is_none()) {
            println!("{name} {}: never valid, at last {}", film.file, film.reasons());
        }
        rows.push(Tally::of(&films).row(name));
    }
    let table = format!(
        "| precision | films | with a sharp frame | exact at the end | valid | valid within {WANTED} frames | \
         frames to valid: median, 90 %, most | frames valid but wrong |\n\
         |---|---|---|---|---|---|---|---|\n{}\n",
        rows.join("\n")
    );
    println!("\n{table}");
    if let (true, Origin::Made { count, seed, .. }) = (write, origin) {
        let page = format!(
            "# Films\n\nWritten by `cargo xtask eval --films {count} --seed {seed} --write`. Each film \
             has {FRAMES} frames of 1280 x 960 pixels, 15 a second, and shows a scan or render of the \
             picture set (`xtask/warped/src/film.rs` says how): a hand has just raised the phone, and \
             the camera focuses. Frames are counted from the first sharp one on; a film may be valid \
             before it.\n\n{table}"
        );
        std::fs::write(root().join(FILMS), page)?;
    }
    Ok(())
}

/// Reads the films of a folder at one precision.
fn read(folder: &Path, precision: &str) -> Result<Vec<Film>> {
    let rows = index(folder)?;
    let film = |row: super::Row| {
        let path = folder.join(&row.file);
        let list = std::fs::read_dir(&path).with_context(|| path.display().to_string())?;
        let mut files: Vec<PathBuf> = list.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        if files.is_empty() {
            bail!("{} has no frames", path.display());
        }
        files.sort();
        let readings = native::read_film(&files, precision)?;
        Ok(Film { file: row.file, wanted: row.wanted, sharp: row.sharp, readings })
    };
    rows.into_iter().map(film).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn film(sharp: Option<usize>, readings: &[(&str, bool)]) -> Film {
        let reading = |&(line, valid): &(&str, bool)| json!({"lines": [line], "valid": valid});
        Film {
            file: String::from("0000"),
            wanted: vec![String::from("RIGHT")],
            sharp,
            readings: readings.iter().map(reading).collect(),
        }
    }

    #[test]
    fn frames_are_counted_from_the_first_sharp_one_on() {
        let readings = [("WRONG", false), ("RIGHT", false), ("RIGHT", true), ("RIGHT", true)];
        assert_eq!(film(Some(1), &readings).frames_to_valid(), Some(2));
        assert_eq!(film(Some(2), &readings).frames_to_valid(), Some(1));
        assert_eq!(film(Some(3), &readings).frames_to_valid(), Some(0));
        assert_eq!(film(None, &readings).frames_to_valid(), None);
        assert_eq!(film(Some(1), &readings[..2]).frames_to_valid(), None);
    }

    #[test]
    fn a_wrong_frame_counts_even_if_later_ones_are_right() {
        let films = [
            film(Some(0), &[("WRONG", true), ("RIGHT", true)]),
            film(Some(0), &[("RIGHT", false); 8]),
        ];
        let tally = Tally::of(&films);
        assert_eq!((tally.wrong, tally.valid, tally.exact, tally.in_time), (1, 1, 2, 1));
        assert_eq!(tally.row("u4"), "| u4 | 2 | 2 | 2 | 1 | 1 | 1, 1, 1 | 1 |");
    }
}
