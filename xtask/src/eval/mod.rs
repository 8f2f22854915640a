//! `cargo xtask eval`: how many documents of a folder are read exactly, by kind and precision.

mod case;
mod films;
mod index;
mod kinds;
mod midv;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::frames::{self, Set, Source};
use crate::native;
use crate::shell::root;
use case::{Case, Tally};
use films::Origin;
use index::{Row, index};
use report::{Group, as_json, changes, html, table};

/// The folder of pictures next to the repository, on machines that have them.
pub(crate) const DEFAULT: &str = "../shared/data/images";
/// The recorded tables.
const READING: &str = "docs/results/reading.md";
const WARPED: &str = "docs/results/warped.md";
const PRECISIONS: [&str; 3] = ["f32", "u8", "u4"];
/// The marks around the table in the README.
const MARKS: [&str; 2] = ["<!-- reading -->", "<!-- end of reading -->"];

/// Reads pictures of a folder at one precision.
fn read(folder: &Path, rows: &[Row], precision: &str) -> Result<Vec<Case>> {
    let files: Vec<PathBuf> = rows.iter().map(|row| folder.join(&row.file)).collect();
    let readings = native::read(&files, precision)?;
    let case = |(row, reading): (&Row, Value)| {
        let Row { file, document, kind, wanted, .. } = row.clone();
        Case { file, document, kind, wanted, reading }
    };
    Ok(rows.iter().zip(readings).map(case).collect())
}

/// Makes warped frames of a folder's scans and renders, or films; returns their folder.
pub(crate) fn warp(folder: &Path, set: Set) -> Result<PathBuf> {
    let size = set.size.map_or_else(String::new, |(width, height)| format!("-{width}x{height}"));
    let films =
        set.film.map_or_else(String::new, |frames| format!("-films-{}x{frames}", set.count));
    let frames = root().join(format!("target/warped/{}{size}{films}", set.seed));
    frames::make(&sources(folder)?, folder, &frames, set)?;
    Ok(frames)
}

/// The scans and renders of a folder.
fn sources(folder: &Path) -> Result<Vec<Source>> {
    let rows = index(folder)?.into_iter();
    let flat = rows.filter(|row| ["scan", "render"].contains(&row.kind.as_str()));
    let source =
        |row: Row| Source { file: row.file, document: row.document, lines: row.wanted.join("|") };
    Ok(flat.map(source).collect())
}

/// Writes docs/results/warped.md.
fn record_warped(table: &str, count: usize, seed: u64) -> Result<()> {
    let page = format!(
        "# Frames as a phone held by hand makes them\n\nWritten by `cargo xtask eval --warped {count} --seed {seed} --write`: frames of the scans and renders of the picture set, made anew by their seed \
         (`xtask/warped/src/frame.rs` says how). Times are of one core of the machine that ran it, decoding apart.\n\n{table}"
    );
    std::fs::write(root().join(WARPED), page)?;
    Ok(())
}

/// Writes docs/results/reading.md and the README's table.
fn record(table: &str, folder: &str) -> Result<()> {
    let page = format!(
        "# Documents read exactly\n\nWritten by `cargo xtask eval {folder} --write`. Times are of one core of the machine that ran it, decoding apart.\n\n{table}"
    );
    std::fs::create_dir_all(root().join("docs/results"))?;
    std::fs::write(root().join(READING), page)?;
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path)?;
    let (Some(begin), Some(end)) = (readme.find(MARKS[0]), readme.find(MARKS[1])) else {
        bail!("README.md lacks the marks {MARKS:?}");
    };
    let head: String = table
        .lines()
        .take(2)
        .chain(table.lines().filter(|row| row.starts_with("| u4 |")))
        .collect::<Vec<_>>()
        .join("\n");
    let updated = format!("{}{}\n{head}\n{}", &readme[..begin], MARKS[0], &readme[end..]);
    std::fs::write(path, updated)?;
    Ok(())
}

/// Number of frames in the test, and their seed, for which no figures are reported.
const CHECKED: (usize, u64) = (144, 101);
/// Minimum of exact readings among them, with room for the noise of a retraining: there were 130
/// when this was written.
const MIN_EXACT: usize = 122;

/// Fails if warped frames are read worse than before, or if a wrong reading is valid. Prints a
/// message if the pictures are not present.
pub(crate) fn check() -> Result<()> {
    let folder = root().join(DEFAULT);
    if !folder.exists() {
        println!("    {DEFAULT} is not present: nothing was measured");
        return Ok(());
    }
    native::build()?;
    let (count, seed) = CHECKED;
    let mut tally = Tally::default();
    let frames = warp(&folder, Set { count, seed, size: None, film: None })?;
    read(&frames, &index(&frames)?, "u4")?.iter().for_each(|case| tally.add(case));
    println!(
        "    {} of {} frames exact, {} valid but wrong",
        tally.exact, count, tally.wrong_but_valid
    );
    if tally.exact < MIN_EXACT || tally.wrong_but_valid > 0 {
        bail!("at least {MIN_EXACT} frames must be exact and none wrong but valid");
    }
    Ok(())
}

/// `cargo xtask eval` with its options.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let (mut folder, mut precision, mut json, mut write, mut page) =
        (DEFAULT, "all", false, false, None);
    let (mut warped, mut seed, mut midv, mut group) = (None, 1, None, Group::Kind);
    let (mut films, mut film_folder, mut kinds) = (None, None, None);
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        match option {
            "--precision" => {
                precision = rest.next().copied().context("--precision needs f32, u8, u4 or all")?
            }
            "--warped" => {
                warped = Some(
                    rest.next()
                        .and_then(|n| n.parse().ok())
                        .context("--warped needs a number of frames")?,
                )
            }
            "--films" => {
                let count = rest.next().and_then(|n| n.parse().ok());
                films = Some(count.context("--films needs a number of films")?);
            }
            "--kinds" => {
                let count = rest.next().and_then(|n| n.parse().ok());
                kinds = Some(count.context("--kinds needs a number of pictures")?);
            }
            "--film-folder" => {
                film_folder =
                    Some(rest.next().map(Path::new).context("--film-folder needs a folder")?);
            }
            "--seed" => {
                seed = rest.next().and_then(|n| n.parse().ok()).context("--seed needs a number")?
            }
            "--midv500" => {
                midv = Some(rest.next().copied().context("--midv500 needs the folder of the set")?)
            }
            "--by" => {
                let name = rest.next().copied().unwrap_or_default();
                group = Group::of(name).context("--by needs kind, format or height")?;
            }
            "--json" => json = true,
            "--write" => write = true,
            "--html" => page = Some(rest.next().copied().context("--html needs a file")?),
            _ if option.starts_with("--") => bail!("unknown option {option}"),
            _ => folder = option,
        }
    }
    if let Some(count) = kinds {
        return kinds::run(count, seed, precision, write);
    }
    let mut path: PathBuf = root().join(folder);
    let origin = films.map(|count| Origin::Made { count, seed, folder: &path });
    if let Some(origin) = film_folder.map(Origin::Folder).or(origin) {
        return films::run(&origin, precision, write);
    }
    native::build()?;
    if let Some(count) = warped {
        path = warp(&path, Set { count, seed, size: None, film: None })?;
    }
    let rows = match midv {
        None => index(&path)?,
        Some(set) => {
            path = PathBuf::from(set);
            midv::index(&path)?
        }
    };
    let mut results = Vec::new();
    for name in PRECISIONS.into_iter().filter(|name| precision == "all" || precision == *name) {
        results.push((name, read(&path, &rows, name)?));
    }
    if results.is_empty() {
        bail!("no precision is called {precision}");
    }
    let table = table(&results, group);
    if json {
        println!("{}", serde_json::to_string_pretty(&as_json(&results, group))?);
    } else {
        println!("{table}");
        for (precision, cases) in &results {
            for case in cases.iter().filter(|case| !case.is_exact()) {
                println!(
                    "{precision} {}: {}",
                    case.file,
                    if case.found().is_empty() { "not located" } else { "lines differ" }
                );
            }
        }
    }
    if let Some(file) = page {
        std::fs::write(file, html(&path, &results))?;
    }
    let recorded = if warped.is_some() { WARPED } else { READING };
    if midv.is_none() && group == Group::Kind && !json {
        let before = std::fs::read_to_string(root().join(recorded)).unwrap_or_default();
        for change in changes(&before, &table) {
            println!("since {recorded}: {change}");
        }
    }
    match (write && midv.is_none() && group == Group::Kind, warped) {
        (true, Some(count)) => record_warped(&table, count, seed)?,
        (true, None) => record(&table, folder)?,
        _ => {}
    }
    Ok(())
}
