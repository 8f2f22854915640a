//! `cargo xtask eval`: how many documents of a folder are read exactly, by kind and precision.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::frames::{self, Set, Source};
use crate::native;
use crate::shell::root;

/// The folder of pictures next to the repository, on machines that have them.
pub(crate) const DEFAULT: &str = "../shared/data/images";
const PRECISIONS: [&str; 3] = ["f32", "u8", "u4"];
/// The marks around the table in the README.
const MARKS: [&str; 2] = ["<!-- reading -->", "<!-- end of reading -->"];

/// One picture of the index, and what was read in it.
struct Case {
    file: String,
    /// The document's format.
    document: String,
    kind: String,
    wanted: Vec<String>,
    reading: Value,
}

/// The stage that lost a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// No zone was found.
    Locating,
    /// A line differs.
    Reading,
    /// The lines are right but were parsed as those of another format.
    Parsing,
}

impl Case {
    fn loss(&self) -> Option<Loss> {
        if self.wanted.is_empty() {
            return None;
        }
        let format = self.reading["document"]["format"].as_str().unwrap_or_default();
        match () {
            () if self.found().is_empty() => Some(Loss::Locating),
            () if !self.is_exact() => Some(Loss::Reading),
            () if format != self.document => Some(Loss::Parsing),
            () => None,
        }
    }

    fn found(&self) -> Vec<&str> {
        self.reading["lines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn is_exact(&self) -> bool {
        self.found() == self.wanted
    }

    fn is_wrong_but_valid(&self) -> bool {
        !self.is_exact() && self.reading["valid"] == true
    }

    /// Whether only the line of the name differs, which has no check digits.
    fn is_wrong_in_name_only(&self) -> bool {
        let name = if self.wanted.len() == 3 { 2 } else { 0 };
        let found = self.found();
        found.len() == self.wanted.len()
            && (0..found.len()).all(|line| line == name || found[line] == self.wanted[line])
    }

    fn lines_exact(&self) -> usize {
        self.wanted.iter().zip(self.found()).filter(|(wanted, found)| wanted == found).count()
    }

    fn milliseconds(&self) -> f64 {
        ["locate", "network"].iter().filter_map(|stage| self.reading["ms"][stage].as_f64()).sum()
    }
}

/// The counts of one kind.
#[derive(Default)]
struct Tally {
    documents: usize,
    exact: usize,
    lines: usize,
    lines_exact: usize,
    characters: usize,
    edits: usize,
    valid: usize,
    wrong_but_valid: usize,
    wrong_in_name: usize,
    /// Documents lost, by [`Loss`].
    lost: [usize; 3],
    milliseconds: Vec<f64>,
}

impl Tally {
    fn add(&mut self, case: &Case) {
        self.documents += 1;
        self.exact += usize::from(case.is_exact());
        self.lines += case.wanted.len();
        self.lines_exact += case.lines_exact();
        self.characters += case.wanted.iter().map(String::len).sum::<usize>();
        self.edits += edits(&case.wanted.concat(), &case.found().concat());
        self.valid += usize::from(case.reading["valid"] == true);
        self.wrong_but_valid += usize::from(case.is_wrong_but_valid());
        self.wrong_in_name += usize::from(case.is_wrong_but_valid() && case.is_wrong_in_name_only());
        if let Some(loss) = case.loss() {
            self.lost[loss as usize] += 1;
        }
        self.milliseconds.push(case.milliseconds());
    }

    /// Limits of the 95 % interval of the share of exact documents, in percent (Wilson 1927, eq.
    /// 5).
    #[allow(clippy::cast_precision_loss, reason = "counts of documents")]
    fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.96;
        let n = self.documents.max(1) as f64;
        let share = self.exact as f64 / n;
        let middle = share + Z * Z / (2.0 * n);
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 100.0 / (1.0 + Z * Z / n);
        (scale * (middle - half), scale * (middle + half))
    }

    fn times(&self) -> (f64, f64) {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_by(f64::total_cmp);
        (sorted.get(sorted.len() / 2).copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0))
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of characters")]
    fn accuracy(&self) -> f64 {
        100.0 * (1.0 - self.edits as f64 / self.characters.max(1) as f64)
    }
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Fields of a CSV row; commas within quotes do not separate.
fn fields(row: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for character in row.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.iter_mut().last().into_iter().for_each(|field| field.push(character)),
        }
    }
    fields
}

/// The columns file, doc, kind and mrz of a folder's index.
fn index(folder: &Path) -> Result<Vec<[String; 4]>> {
    let index = folder.join("index.csv");
    let text = std::fs::read_to_string(&index).with_context(|| format!("{} is needed", index.display()))?;
    let mut rows = text.lines();
    let header = fields(rows.next().unwrap_or_default());
    let column = |name: &str| {
        header
            .iter()
            .position(|field| field == name)
            .with_context(|| format!("the index has no column `{name}`"))
    };
    let columns = [column("file")?, column("doc")?, column("kind")?, column("mrz")?];
    let pick = |row: Vec<String>| {
        columns.iter().all(|&index| index < row.len()).then(|| columns.map(|index| row[index].clone()))
    };
    Ok(rows.map(fields).filter_map(pick).collect())
}

/// Reads all pictures of the folder's index at one precision.
fn read(folder: &Path, precision: &str) -> Result<Vec<Case>> {
    let rows = index(folder)?;
    let files: Vec<PathBuf> = rows.iter().map(|[file, ..]| folder.join(file)).collect();
    let readings = native::read(&files, precision)?;
    let case = |([file, document, kind, zone], reading): (&[String; 4], Value)| {
        let none = document == "NONE";
        Case {
            file: file.clone(),
            document: document.clone(),
            kind: if none { String::from("no zone") } else { kind.clone() },
            wanted: if none { Vec::new() } else { zone.split('|').map(str::to_owned).collect() },
            reading,
        }
    };
    Ok(rows.iter().zip(readings).map(case).collect())
}

/// Makes warped frames of a folder's scans and renders; returns their folder.
pub(crate) fn warp(folder: &Path, set: Set) -> Result<PathBuf> {
    let rows = index(folder)?.into_iter();
    let flat = rows
        .filter(|[_, document, kind, _]| document != "NONE" && ["scan", "render"].contains(&kind.as_str()));
    let sources: Vec<Source> =
        flat.map(|[file, document, _, lines]| Source { file, document, lines }).collect();
    let size = set.size.map_or_else(String::new, |(width, height)| format!("-{width}x{height}"));
    let frames = root().join(format!("target/warped/{}{size}", set.seed));
    frames::make(&sources, folder, &frames, set)?;
    Ok(frames)
}

fn tallies(cases: &[Case]) -> BTreeMap<&str, Tally> {
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for case in cases {
        tallies.entry(&case.kind).or_default().add(case);
    }
    tallies
}

fn table(results: &[(&str, Vec<Case>)]) -> String {
    let mut text = String::from(
        "| precision | kind | documents exact | 95 % interval | lines exact | characters | valid | valid but wrong (in the name only) | lost: locating, reading, parsing | median ms | worst ms |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (precision, cases) in results {
        for (kind, tally) in tallies(cases) {
            let (median, worst) = tally.times();
            let (low, high) = tally.interval();
            let accuracy =
                if tally.characters == 0 { String::from("-") } else { format!("{:.2} %", tally.accuracy()) };
            let _ = writeln!(
                text,
                "| {precision} | {kind} | {} of {} | {low:.1} to {high:.1} % | {} of {} | {accuracy} | {} | {} ({}) | {}, {}, {} | {median:.1} | {worst:.1} |",
                tally.exact,
                tally.documents,
                tally.lines_exact,
                tally.lines,
                tally.valid,
                tally.wrong_but_valid,
                tally.wrong_in_name,
                tally.lost[0],
                tally.lost[1],
                tally.lost[2],
            );
        }
    }
    text
}

fn as_json(results: &[(&str, Vec<Case>)]) -> Value {
    let rows = results.iter().flat_map(|(precision, cases)| {
        tallies(cases).into_iter().map(move |(kind, tally)| {
            let (median, worst) = tally.times();
            let (low, high) = tally.interval();
            json!({"precision": precision, "kind": kind, "documents": tally.documents, "exact": tally.exact, "interval": [low, high], "lines": tally.lines,
                "lines_exact": tally.lines_exact, "characters": tally.characters, "edits": tally.edits, "valid": tally.valid,
                "wrong_but_valid": tally.wrong_but_valid, "wrong_in_name": tally.wrong_in_name,
                "lost": {"locating": tally.lost[0], "reading": tally.lost[1], "parsing": tally.lost[2]}, "median_ms": median, "worst_ms": worst})
        })
    });
    Value::Array(rows.collect())
}

/// An HTML page with every picture that was not read exactly: what was found, what was wanted.
fn html(folder: &Path, results: &[(&str, Vec<Case>)]) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let mut page = String::from(
        "<!doctype html><meta charset=utf-8><title>What was not read</title><style>img{max-width:40em;display:block}pre{font-size:1.1em}</style>",
    );
    for (precision, cases) in results {
        for case in cases.iter().filter(|case| !case.is_exact()) {
            let picture = folder.join(&case.file);
            let _ = write!(
                page,
                "<h2>{} at {precision}</h2><img src=\"file://{}\"><pre>wanted\n{}\nfound\n{}</pre>",
                escape(&case.file),
                picture.display(),
                escape(&case.wanted.join("\n")),
                escape(&case.found().join("\n")),
            );
        }
    }
    page
}

/// Writes docs/results/warped.md.
fn record_warped(table: &str, count: usize, seed: u64) -> Result<()> {
    let page = format!(
        "# Frames as a phone held by hand makes them\n\nWritten by `cargo xtask eval --warped {count} --seed {seed} --write`: frames of the scans and renders of the picture set, made anew by their seed \
         (`xtask/warped/src/frame.rs` says how). Times are of one core of the machine that ran it, decoding apart.\n\n{table}"
    );
    std::fs::write(root().join("docs/results/warped.md"), page)?;
    Ok(())
}

/// Writes docs/results/reading.md and the README's table.
fn record(table: &str, folder: &str) -> Result<()> {
    let page = format!(
        "# Documents read exactly\n\nWritten by `cargo xtask eval {folder} --write`. Times are of one core of the machine that ran it, decoding apart.\n\n{table}"
    );
    std::fs::create_dir_all(root().join("docs/results"))?;
    std::fs::write(root().join("docs/results/reading.md"), page)?;
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
    read(&warp(&folder, Set { count, seed, size: None })?, "u4")?.iter().for_each(|case| tally.add(case));
    println!("    {} of {} frames exact, {} valid but wrong", tally.exact, count, tally.wrong_but_valid);
    if tally.exact < MIN_EXACT || tally.wrong_but_valid > 0 {
        bail!("at least {MIN_EXACT} frames must be exact and none wrong but valid");
    }
    Ok(())
}

/// `cargo xtask eval` with its options.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let (mut folder, mut precision, mut json, mut write, mut page) = (DEFAULT, "all", false, false, None);
    let (mut warped, mut seed) = (None, 1);
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        match option {
            "--precision" => {
                precision = rest.next().copied().context("--precision needs f32, u8, u4 or all")?
            }
            "--warped" => {
                warped = Some(
                    rest.next().and_then(|n| n.parse().ok()).context("--warped needs a number of frames")?,
                )
            }
            "--seed" => seed = rest.next().and_then(|n| n.parse().ok()).context("--seed needs a number")?,
            "--json" => json = true,
            "--write" => write = true,
            "--html" => page = Some(rest.next().copied().context("--html needs a file")?),
            _ if option.starts_with("--") => bail!("unknown option {option}"),
            _ => folder = option,
        }
    }
    native::build()?;
    let mut path: PathBuf = root().join(folder);
    if let Some(count) = warped {
        path = warp(&path, Set { count, seed, size: None })?;
    }
    let mut results = Vec::new();
    for name in PRECISIONS.into_iter().filter(|name| precision == "all" || precision == *name) {
        results.push((name, read(&path, name)?));
    }
    if results.is_empty() {
        bail!("no precision is called {precision}");
    }
    let table = table(&results);
    if json {
        println!("{}", serde_json::to_string_pretty(&as_json(&results))?);
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
    match (write, warped) {
        (true, Some(count)) => record_warped(&table, count, seed)?,
        (true, None) => record(&table, folder)?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_and_fields() {
        assert_eq!(edits("KITTEN", "SITTING"), 3);
        assert_eq!(edits("", "AB"), 2);
        assert_eq!(fields("a,\"b,c\",,d"), ["a", "b,c", "", "d"]);
    }
}
