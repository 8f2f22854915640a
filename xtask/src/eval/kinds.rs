//! `cargo xtask eval --kinds`: kinds of pictures that readers lose, rendered and read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::PRECISIONS;
use crate::shell::{command, root, run as run_command};
use crate::{native, setup};

/// The recorded table.
const KINDS: &str = "docs/results/kinds.md";
/// What renders the pictures.
const RENDERER: &str = "xtask/warped/kinds.py";
/// Stands for a character that the picture does not show whole.
const CUT: u8 = b'?';

/// A rendered picture: what kind it is, and the lines of each of its documents.
#[derive(Debug, PartialEq, Eq)]
struct Picture {
    kind: String,
    file: String,
    documents: Vec<Vec<String>>,
}

impl Picture {
    /// The picture of a row of the index.
    fn of(row: &str) -> Result<Self> {
        let [kind, file, _, text] = row.split('\t').collect::<Vec<_>>()[..] else {
            bail!("a row of the index has not four columns: {row}");
        };
        let lines = |document: &str| document.split('|').map(str::to_owned).collect();
        let documents = text.split(" & ").map(lines).collect();
        Ok(Self { kind: kind.into(), file: file.into(), documents })
    }

    /// Whether the border cuts its lines.
    fn is_cut(&self) -> bool {
        self.documents.iter().flatten().any(|line| line.as_bytes().contains(&CUT))
    }

    fn outcome(&self, reading: &Value) -> Outcome {
        let found = match reading["documents"].as_array() {
            Some(documents) if documents.len() > 1 => documents.iter().collect(),
            _ => vec![reading],
        };
        let shown = |(found, wanted): (&&Value, &Vec<String>)| shows(found, wanted);
        let mut exact =
            found.len() == self.documents.len() && found.iter().zip(&self.documents).all(shown);
        let is_wrong = |found: &&Value| {
            let is_right = self.documents.iter().any(|wanted| shows(found, wanted));
            found["valid"] == true && (!is_right || self.is_cut())
        };
        if self.is_cut() {
            let reasons = reading["not_valid_because"].as_array();
            exact &= reasons.is_some_and(|reasons| reasons.iter().any(|why| why == "cut_off"));
        }
        Outcome {
            exact,
            valid: found.iter().all(|found| found["valid"] == true),
            wrong: found.iter().any(is_wrong),
            located: found.iter().any(|found| found["lines"][0].is_string()),
        }
    }
}

/// Whether the lines of a document are those wanted, characters that are cut off aside.
fn shows(document: &Value, wanted: &[String]) -> bool {
    let is_shown = |(found, wanted): (&Value, &String)| {
        let found = found.as_str().unwrap_or_default().as_bytes();
        let same = |(found, wanted): (&u8, &u8)| *wanted == CUT || found == wanted;
        found.len() == wanted.len() && found.iter().zip(wanted.as_bytes()).all(same)
    };
    let found = document["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    found.len() == wanted.len() && found.iter().zip(wanted).all(is_shown)
}

/// How a picture was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "four independent answers, counted apart")]
struct Outcome {
    /// All documents are there, in reading order, and cut lines are reported as cut.
    exact: bool,
    /// All documents are valid.
    valid: bool,
    /// A document is valid, but it has another text, or is cut.
    wrong: bool,
    /// Any line was found.
    located: bool,
}

/// The counts of one kind at one precision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    pictures: usize,
    exact: usize,
    valid: usize,
    wrong: usize,
    not_located: usize,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        self.pictures += 1;
        self.exact += usize::from(outcome.exact);
        self.valid += usize::from(outcome.valid);
        self.wrong += usize::from(outcome.wrong);
        self.not_located += usize::from(!outcome.located);
    }
}

/// Renders `count` pictures of each kind, reads them, and prints a table.
pub(super) fn run(count: usize, seed: u64, precision: &str, write: bool) -> Result<()> {
    native::build()?;
    let folder = root().join(format!("target/kinds/{seed}"));
    let pictures = render(count, seed, &folder)?;
    let files: Vec<PathBuf> = pictures.iter().map(|picture| folder.join(&picture.file)).collect();
    let mut columns = Vec::new();
    for name in PRECISIONS.into_iter().filter(|name| precision == "all" || precision == *name) {
        let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
        for (picture, reading) in pictures.iter().zip(native::read(&files, name)?) {
            let outcome = picture.outcome(&reading);
            if !outcome.exact || outcome.wrong {
                println!("{name} {}: {outcome:?}, read {}", picture.file, reading["lines"]);
            }
            tallies.entry(&picture.kind).or_default().add(outcome);
        }
        columns.push((name, tallies));
    }
    ensure!(!columns.is_empty(), "no precision is called {precision}");
    let table = table(&columns);
    println!("\n{table}");
    if write {
        let page = format!(
            "# Kinds of pictures that readers lose\n\nWritten by `cargo xtask eval --kinds {count} \
             --seed {seed} --write`. `{RENDERER}` renders invented people, and says what each kind \
             is. Numbers are counts of pictures; `hinted` and `capitals` carry the height of \
             capitals in pixels. A picture is exact if all of its documents are, in reading order. \
             Of a line that the border cuts, what is shown must be right, and the reading must say \
             that it is cut; it is never valid.\n\n{table}"
        );
        std::fs::write(root().join(KINDS), page)?;
    }
    Ok(())
}

/// Renders the pictures into a folder and returns them.
fn render(count: usize, seed: u64, folder: &Path) -> Result<Vec<Picture>> {
    let python = setup::python()?.to_string_lossy().into_owned();
    let mut renderer = command(&python);
    renderer.arg(RENDERER).args([count.to_string(), seed.to_string()]).arg(folder);
    run_command(&mut renderer)?;
    let index = folder.join("index.tsv");
    let rows = std::fs::read_to_string(&index).with_context(|| index.display().to_string())?;
    rows.lines().map(Picture::of).collect()
}

/// A row for each kind, and four columns for each precision.
fn table(columns: &[(&str, BTreeMap<&str, Tally>)]) -> String {
    let mut head = String::from("| kind | pictures |");
    for (precision, _) in columns {
        let _ = write!(head, " {precision}: exact | valid | valid but wrong | not located |");
    }
    let mut table = format!("{head}\n|---|---|{}\n", "---|".repeat(4 * columns.len()));
    let mut row = |kind: &str, tallies: &[Tally]| {
        let pictures = tallies.first().map_or(0, |tally| tally.pictures);
        let _ = write!(table, "| {kind} | {pictures} |");
        for Tally { exact, valid, wrong, not_located, .. } in tallies {
            let _ = write!(table, " {exact} | {valid} | {wrong} | {not_located} |");
        }
        table.push('\n');
    };
    let kinds = columns.first().map(|(_, tallies)| tallies.keys()).into_iter().flatten();
    let mut totals = vec![Tally::default(); columns.len()];
    for &kind in kinds {
        let of = |(_, tallies): &(&str, BTreeMap<&str, Tally>)| {
            tallies.get(kind).copied().unwrap_or_default()
        };
        let tallies: Vec<Tally> = columns.iter().map(of).collect();
        for (total, tally) in totals.iter_mut().zip(&tallies) {
            total.pictures += tally.pictures;
            total.exact += tally.exact;
            total.valid += tally.valid;
            total.wrong += tally.wrong;
            total.not_located += tally.not_located;
        }
        row(kind, &tallies);
    }
    row("all", &totals);
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn picture(text: &str) -> Picture {
        Picture::of(&format!("kind\tfile.png\tTD3\t{text}")).expect("four columns")
    }

    #[test]
    fn cut_lines_must_be_said_to_be_cut() {
        let picture = picture("?BC|DE?");
        let reading = |lines: [&str; 2], valid: bool, reasons: &[&str]| {
            let reading = json!({"lines": lines, "valid": valid, "not_valid_because": reasons});
            picture.outcome(&reading)
        };
        assert!(reading(["<BC", "DE<"], false, &["cut_off"]).exact);
        assert!(!reading(["<BC", "DE<"], false, &["covered"]).exact);
        assert!(!reading(["<BX", "DE<"], false, &["cut_off"]).exact);
        let valid = reading(["<BC", "DE<"], true, &[]);
        assert!(!valid.exact && valid.wrong, "a cut line is never valid");
    }

    #[test]
    fn all_documents_count_in_reading_order() {
        let picture = picture("AB & CD");
        let reading = |first: &str, second: &str| {
            let document = |line: &str| json!({"lines": [line], "valid": true});
            json!({"lines": [first], "valid": true, "documents": [document(first), document(second)]})
        };
        let right = Outcome { exact: true, valid: true, wrong: false, located: true };
        assert_eq!(picture.outcome(&reading("AB", "CD")), right);
        assert!(!picture.outcome(&reading("CD", "AB")).exact);
        let wrong = picture.outcome(&reading("AB", "CX"));
        assert!(!wrong.exact && wrong.wrong);
        let none = picture.outcome(&json!({"lines": [], "valid": false}));
        assert_eq!(none, Outcome { exact: false, valid: false, wrong: false, located: false });
    }

    #[test]
    fn a_table_has_a_row_a_kind_and_the_sum() {
        let tally = Tally { pictures: 2, exact: 1, valid: 1, wrong: 0, not_located: 1 };
        let columns = [("u4", BTreeMap::from([("bent", tally), ("box", tally)]))];
        let table = table(&columns);
        assert_eq!(table.lines().nth(2), Some("| bent | 2 | 1 | 1 | 0 | 1 |"));
        assert_eq!(table.lines().last(), Some("| all | 4 | 2 | 2 | 0 | 2 |"));
    }
}
