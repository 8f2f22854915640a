//! `cargo xtask eval`: how many documents of a folder are read exactly, by kind and precision.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::shell::{command, root, run as run_command};

/// Beside the repository where the pictures are at hand.
const DEFAULT: &str = "../shared/data/images";
const PRECISIONS: [&str; 3] = ["f32", "u8", "u4"];
/// The README's table stands between these.
const MARKS: [&str; 2] = ["<!-- reading -->", "<!-- end of reading -->"];

/// One picture of the index and what was read in it.
struct Case {
    file: String,
    kind: String,
    wanted: Vec<String>,
    reading: Value,
}

impl Case {
    fn found(&self) -> Vec<&str> {
        self.reading["lines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn is_exact(&self) -> bool {
        self.found() == self.wanted
    }

    fn is_wrong_but_valid(&self) -> bool {
        !self.is_exact() && self.reading["valid"] == true
    }

    fn lines_exact(&self) -> usize {
        self.wanted.iter().zip(self.found()).filter(|(wanted, found)| wanted == found).count()
    }

    fn milliseconds(&self) -> f64 {
        ["locate", "network"].iter().filter_map(|stage| self.reading["ms"][stage].as_f64()).sum()
    }
}

/// What is counted of one kind.
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
    not_located: usize,
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
        self.not_located += usize::from(!case.wanted.is_empty() && case.found().is_empty());
        self.milliseconds.push(case.milliseconds());
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

/// Fields of a CSV row; quotes may hold commas.
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

/// Reads all pictures of the folder's index with one precision.
fn read(folder: &Path, precision: &str) -> Result<Vec<Case>> {
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
    let (file, document, kind, zone) = (column("file")?, column("doc")?, column("kind")?, column("mrz")?);
    let rows: Vec<Vec<String>> = rows.map(fields).filter(|row| row.len() > zone.max(kind)).collect();
    let binary = root().join("target/release/native-bench");
    let mut bench = std::process::Command::new(binary);
    bench.args(["read", "--json", "--jobs", "1", "--precision", precision]);
    bench.args(rows.iter().map(|row| folder.join(&row[file])));
    let output = bench.output().context("native-bench did not start")?;
    let readings: Vec<Value> =
        serde_json::from_slice(&output.stdout).context("native-bench printed no JSON")?;
    if readings.len() != rows.len() {
        bail!("native-bench answered for {} of {} pictures", readings.len(), rows.len());
    }
    let case = |(row, reading): (&Vec<String>, Value)| {
        let none = row[document] == "NONE";
        Case {
            file: row[file].clone(),
            kind: if none { String::from("no zone") } else { row[kind].clone() },
            wanted: if none { Vec::new() } else { row[zone].split('|').map(str::to_owned).collect() },
            reading,
        }
    };
    Ok(rows.iter().zip(readings).map(case).collect())
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
        "| precision | kind | documents exact | lines exact | characters | valid | valid but wrong | not located | median ms | worst ms |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (precision, cases) in results {
        for (kind, tally) in tallies(cases) {
            let (median, worst) = tally.times();
            let accuracy =
                if tally.characters == 0 { String::from("-") } else { format!("{:.2} %", tally.accuracy()) };
            let _ = writeln!(
                text,
                "| {precision} | {kind} | {} of {} | {} of {} | {accuracy} | {} | {} | {} | {median:.1} | {worst:.1} |",
                tally.exact,
                tally.documents,
                tally.lines_exact,
                tally.lines,
                tally.valid,
                tally.wrong_but_valid,
                tally.not_located,
            );
        }
    }
    text
}

fn as_json(results: &[(&str, Vec<Case>)]) -> Value {
    let rows = results.iter().flat_map(|(precision, cases)| {
        tallies(cases).into_iter().map(move |(kind, tally)| {
            let (median, worst) = tally.times();
            json!({"precision": precision, "kind": kind, "documents": tally.documents, "exact": tally.exact, "lines": tally.lines,
                "lines_exact": tally.lines_exact, "characters": tally.characters, "edits": tally.edits, "valid": tally.valid,
                "wrong_but_valid": tally.wrong_but_valid, "not_located": tally.not_located, "median_ms": median, "worst_ms": worst})
        })
    });
    Value::Array(rows.collect())
}

/// A page with every picture that was not read exactly, what was found and what was wanted.
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

/// `cargo xtask eval` with its options.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let (mut folder, mut precision, mut json, mut write, mut page) = (DEFAULT, "all", false, false, None);
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        match option {
            "--precision" => {
                precision = rest.next().copied().context("--precision needs f32, u8, u4 or all")?
            }
            "--json" => json = true,
            "--write" => write = true,
            "--html" => page = Some(rest.next().copied().context("--html needs a file")?),
            _ if option.starts_with("--") => bail!("unknown option {option}"),
            _ => folder = option,
        }
    }
    run_command(command("cargo").args(["build", "--quiet", "--release", "-p", "native-bench"]))?;
    let path: PathBuf = root().join(folder);
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
    if write {
        record(&table, folder)?;
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
