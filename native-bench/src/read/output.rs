//! Prints readings in several formats.

use std::io::{self, Write};

use nibble_files::Read;
use nibble_reader::{Found, Reading};
use serde_json::Value;

use super::work::Outcome;

/// The output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Readable fields.
    Text,
    /// One JSON array.
    Json,
    /// One JSON object per line.
    JsonLines,
    /// Comma-separated values (RFC 4180).
    Csv,
}

/// Keys of `document` that become columns of the table, after the status and before the lines.
const FIELDS: [&str; 10] = [
    "format",
    "issuer",
    "surname",
    "given_names",
    "document_number",
    "nationality",
    "birth_date",
    "expiry_date",
    "sex",
    "optional",
];

/// Keys of `document`, with those of its vehicle, and their labels in readable output.
const LABELS: [(&str, &str); 18] = [
    ("surname", "surname"),
    ("given_names", "given names"),
    ("document_number", "number"),
    ("issuer", "issued by"),
    ("nationality", "nationality"),
    ("birth_date", "born"),
    ("birth_date_partial", "born"),
    ("sex", "sex"),
    ("expiry_date", "expires"),
    ("optional", "optional data"),
    ("vehicle/registration_number", "registration"),
    ("vehicle/identification_number", "vehicle number"),
    ("vehicle/first_registration", "registered"),
    ("vehicle/make", "make"),
    ("vehicle/model", "model"),
    ("vehicle/category", "category"),
    ("vehicle/body", "body"),
    ("mrz_key", "key of the chip"),
];

/// Maximum lines of a zone.
const LINES: usize = 3;

/// Prints outcomes one after another.
pub(super) struct Printer<W> {
    format: Format,
    /// The reading of a file that is not a picture.
    nothing: Reading,
    out: W,
    first: bool,
}

impl<W: Write> Printer<W> {
    pub(super) fn new(format: Format, nothing: Reading, out: W) -> Self {
        Self { format, nothing, out, first: true }
    }

    /// Prints what comes before the first outcome.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        match self.format {
            Format::Json => write!(self.out, "["),
            Format::Csv => {
                let lines = ["line_1", "line_2", "line_3"];
                let head = ["file", "status"].into_iter().chain(FIELDS).chain(lines);
                self.row(head.map(str::to_owned))
            }
            Format::Text | Format::JsonLines => Ok(()),
        }
    }

    /// Prints one outcome.
    pub(super) fn print(&mut self, outcome: &Outcome) -> io::Result<()> {
        let first = std::mem::replace(&mut self.first, false);
        match self.format {
            Format::Json => {
                let text = serde_json::to_string_pretty(&self.json(outcome))?.replace('\n', "\n  ");
                write!(self.out, "{}\n  {text}", if first { "" } else { "," })
            }
            Format::JsonLines => {
                let value = self.json(outcome);
                serde_json::to_writer(&mut self.out, &value)?;
                writeln!(self.out)?;
                self.out.flush()
            }
            Format::Csv => self.table_row(outcome),
            Format::Text => self.text(outcome),
        }
    }

    /// Prints what comes after the last outcome.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if self.format == Format::Json {
            writeln!(self.out, "{}]", if self.first { "" } else { "\n" })?;
        }
        self.out.flush()
    }

    /// The outcome as the JSON object described in `docs/json.md`.
    fn json(&self, outcome: &Outcome) -> Value {
        nibble_files::json(&outcome.result, &self.nothing, Some(&outcome.file))
    }

    fn text(&mut self, outcome: &Outcome) -> io::Result<()> {
        let out = &mut self.out;
        let file = &shown(&outcome.file);
        let Read { reading, decode_ms } = match &outcome.result {
            Ok(read) => read,
            Err(failure) => {
                return writeln!(out, "{file}: {} ({})", failure.message, failure.code);
            }
        };
        if reading.lines.is_empty() {
            return writeln!(out, "{file}: no machine-readable zone");
        }
        let ms = decode_ms + reading.ms.total;
        for (index, found) in reading.documents.iter().enumerate() {
            let verdict = if found.valid { "valid" } else { "not verified" };
            match reading.documents.len() {
                1 => writeln!(out, "{file}: {verdict}, {ms:.0} ms")?,
                count => {
                    let number = index + 1;
                    writeln!(
                        out,
                        "{file}, document {number} of {count}: {verdict}, {ms:.0} ms in all"
                    )?;
                }
            }
            document(out, found)?;
        }
        Ok(())
    }

    fn table_row(&mut self, outcome: &Outcome) -> io::Result<()> {
        let (status, document, lines) = match &outcome.result {
            Err(failure) => (failure.code, Value::Null, &[][..]),
            Ok(Read { reading, .. }) => {
                let status = match (reading.lines.is_empty(), reading.valid) {
                    (true, _) => "no zone",
                    (_, true) => "valid",
                    _ => "not verified",
                };
                let document = serde_json::to_value(&reading.document).unwrap_or_default();
                (status, document, &reading.lines[..])
            }
        };
        let field = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        let lines = (0..LINES).map(|index| lines.get(index).cloned().unwrap_or_default());
        let cells = [outcome.file.clone(), status.to_owned()].into_iter();
        self.row(cells.chain(FIELDS.into_iter().map(field)).chain(lines).collect::<Vec<_>>())
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) -> io::Result<()> {
        let cells: Vec<String> = cells.into_iter().map(|cell| quoted(&cell)).collect();
        write!(self.out, "{}\r\n", cells.join(","))
    }
}

/// A file's name without control characters, which could forge lines or command the terminal.
fn shown(name: &str) -> String {
    name.replace(char::is_control, "\u{FFFD}")
}

/// Prints lines, fields and doubts of one document.
fn document(out: &mut impl Write, found: &Found) -> io::Result<()> {
    for line in &found.lines {
        writeln!(out, "    {line}")?;
    }
    let document = serde_json::to_value(&found.document).unwrap_or_default();
    for (key, label) in LABELS {
        let value = document.pointer(&format!("/{key}")).and_then(serde_json::Value::as_str);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            writeln!(out, "    {label:14} {value}")?;
        }
    }
    let failing: Vec<String> = failing_checks(found);
    if !failing.is_empty() {
        writeln!(out, "    check digits that do not agree: {}", failing.join(", "))?;
    }
    for doubt in &found.review {
        if let (Some(line), Some(position)) = (doubt.line, doubt.pos) {
            writeln!(
                out,
                "    look at line {}, character {}: read {}, or {} ({:.0} % sure)",
                line + 1,
                position + 1,
                doubt.raw,
                doubt.alt,
                doubt.confidence * 100.0
            )?;
        }
    }
    Ok(())
}

/// Names of the fields whose check digits do not agree: those of the JSON, with spaces.
fn failing_checks(found: &Found) -> Vec<String> {
    let failing = found.checks.iter().filter(|check| !check.ok);
    let names = failing.map(|check| serde_json::to_value(check.field).unwrap_or_default());
    names.filter_map(|name| name.as_str().map(|name| name.replace('_', " "))).collect()
}

/// A cell in CSV. What a spreadsheet would take for a formula is marked as text.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{cell}") } else { cell.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{quoted, shown};

    #[test]
    fn names_cannot_forge_lines() {
        assert_eq!(shown("a b/é.jpg"), "a b/é.jpg");
        assert_eq!(shown("a\n\u{1b}[2Jb.jpg: valid"), "a\u{FFFD}\u{FFFD}[2Jb.jpg: valid");
    }

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"no\""), "\"say \"\"no\"\"\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
        assert_eq!(quoted("@a\nb"), "\"'@a\nb\"");
    }
}
