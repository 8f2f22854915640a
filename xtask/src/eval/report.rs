//! Tables, JSON and a page of what was read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::case::{Case, Tally};

/// By what the pictures are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// The kind of picture.
    Kind,
    /// The format of the document.
    Format,
    /// The height of capitals in the picture.
    Height,
}

impl Group {
    /// The group with a name of the command line.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "kind" => Self::Kind,
            "format" => Self::Format,
            "height" => Self::Height,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Format => "format",
            Self::Height => "capitals",
        }
    }

    fn key(self, case: &Case) -> String {
        match self {
            Self::Kind => case.kind.clone(),
            Self::Format => case.document.clone(),
            Self::Height => height_class(case.capital_height()),
        }
    }
}

/// Lower limits of the classes of capital heights, in pixels.
const HEIGHTS: [u32; 7] = [0, 6, 8, 10, 13, 17, 24];

fn height_class(height: Option<f64>) -> String {
    let Some(height) = height else { return String::from("not located") };
    let class = HEIGHTS.iter().rposition(|&least| height >= f64::from(least)).unwrap_or(0);
    match HEIGHTS.get(class + 1) {
        Some(next) => format!("{:2} to {next:2} px", HEIGHTS[class]),
        None => format!("{:2} px and more", HEIGHTS[class]),
    }
}

fn tallies(cases: &[Case], group: Group) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for case in cases {
        tallies.entry(group.key(case)).or_default().add(case);
    }
    tallies
}

pub(super) fn table(results: &[(&str, Vec<Case>)], group: Group) -> String {
    let mut text = format!(
        "| precision | {} | documents exact | 95 % interval | lines exact | characters | valid | valid but wrong (in the name only) | lost: locating, reading, parsing | median ms | worst ms |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
        group.name()
    );
    for (precision, cases) in results {
        for (kind, tally) in tallies(cases, group) {
            let (median, worst) = tally.times();
            let (low, high) = tally.interval();
            let accuracy = if tally.characters == 0 {
                String::from("-")
            } else {
                format!("{:.2} %", tally.accuracy())
            };
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

pub(super) fn as_json(results: &[(&str, Vec<Case>)], group: Group) -> Value {
    let rows = results.iter().flat_map(|(precision, cases)| {
        tallies(cases, group).into_iter().map(move |(kind, tally)| {
            let (median, worst) = tally.times();
            let (low, high) = tally.interval();
            json!({"precision": precision, group.name(): kind, "documents": tally.documents, "exact": tally.exact, "interval": [low, high], "lines": tally.lines,
                "lines_exact": tally.lines_exact, "characters": tally.characters, "edits": tally.edits, "valid": tally.valid,
                "wrong_but_valid": tally.wrong_but_valid, "wrong_in_name": tally.wrong_in_name,
                "lost": {"locating": tally.lost[0], "reading": tally.lost[1], "parsing": tally.lost[2]}, "median_ms": median, "worst_ms": worst})
        })
    });
    Value::Array(rows.collect())
}

/// An HTML page with every picture that was not read exactly: what was found, what was wanted.
pub(super) fn html(folder: &Path, results: &[(&str, Vec<Case>)]) -> String {
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

/// The columns of exact and of valid documents in a row of [`table`].
const COMPARED: [(usize, &str); 2] = [(3, "exact"), (7, "valid")];

/// What differs between a table and the one recorded before, a line for each figure.
pub(super) fn changes(before: &str, now: &str) -> Vec<String> {
    let rows = |text: &str| -> BTreeMap<(String, String), Vec<String>> {
        let cells =
            |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let rows = text.lines().filter(|row| row.starts_with("| ")).map(cells);
        rows.filter(|cells| cells.len() > 8)
            .map(|cells| ((cells[1].clone(), cells[2].clone()), cells))
            .collect()
    };
    let known = rows(before);
    let mut changes = Vec::new();
    for ((precision, kind), cells) in rows(now) {
        let Some(old) = known.get(&(precision.clone(), kind.clone())) else { continue };
        for (column, name) in COMPARED {
            if old[column] != cells[column] {
                changes.push(format!(
                    "{precision}, {kind}: {name} {} -> {}",
                    old[column], cells[column]
                ));
            }
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_figures_are_listed() {
        let row = |exact: &str, valid: &str| {
            format!("| u4 | scan | {exact} | i | l | c | {valid} | w | s | m |\n")
        };
        assert_eq!(changes(&row("3 of 4", "2"), &row("3 of 4", "2")), [""; 0]);
        assert_eq!(
            changes(&row("3 of 4", "2"), &row("4 of 4", "1")),
            ["u4, scan: exact 3 of 4 -> 4 of 4", "u4, scan: valid 2 -> 1"]
        );
    }

    #[test]
    fn heights_fall_into_classes() {
        assert_eq!(height_class(None), "not located");
        assert_eq!(height_class(Some(7.9)), " 6 to  8 px");
        assert_eq!(height_class(Some(8.0)), " 8 to 10 px");
        assert_eq!(height_class(Some(99.0)), "24 px and more");
    }
}
