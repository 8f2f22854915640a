//! Which pictures a folder holds, and what stands in them.

use std::path::Path;

use anyhow::{Context, Result};

/// A picture to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its path within the folder.
    pub(super) file: String,
    /// The document's format; `NONE` if it shows no zone.
    pub(super) document: String,
    /// What kind of picture it is.
    pub(super) kind: String,
    /// The lines of the zone; empty if there is none.
    pub(super) wanted: Vec<String>,
    /// Number of the first sharp frame of a film, if it is known.
    pub(super) sharp: Option<usize>,
}

/// Fields of a CSV row; commas within quotes do not separate.
pub(super) fn fields(row: &str) -> Vec<String> {
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

/// The rows of a folder's `index.csv`.
pub(super) fn index(folder: &Path) -> Result<Vec<Row>> {
    let index = folder.join("index.csv");
    let text = std::fs::read_to_string(&index)
        .with_context(|| format!("{} is needed", index.display()))?;
    rows_of(&text)
}

/// The rows of an index; shorter ones are left out.
fn rows_of(index: &str) -> Result<Vec<Row>> {
    let mut rows = index.lines();
    let header = fields(rows.next().unwrap_or_default());
    let place = |name: &str| header.iter().position(|field| field == name);
    let column =
        |name: &str| place(name).with_context(|| format!("the index has no column `{name}`"));
    let columns = [column("file")?, column("doc")?, column("kind")?, column("mrz")?];
    let sharp = place("sharp");
    let row = |row: Vec<String>| {
        let cell = |index: usize| row.get(index).cloned();
        let [file, document, kind, zone] = columns.map(cell);
        let (file, document, kind, zone) = (file?, document?, kind?, zone?);
        let none = document == "NONE";
        let wanted = if none { Vec::new() } else { zone.split('|').map(str::to_owned).collect() };
        let kind = if none { String::from("no zone") } else { kind };
        let sharp = sharp.and_then(cell).and_then(|cell| cell.parse().ok());
        Some(Row { file, document, kind, wanted, sharp })
    };
    Ok(rows.map(fields).filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_within_quotes_do_not_separate() {
        assert_eq!(fields("a,\"b,c\",,d"), ["a", "b,c", "", "d"]);
    }

    #[test]
    fn the_first_sharp_frames_stand_in_the_index() {
        let sharp = |index: &str| -> Vec<Option<usize>> {
            rows_of(index).expect("its columns").iter().map(|row| row.sharp).collect()
        };
        let index =
            "file,doc,kind,mrz,source,sharp\n0000,TD3,film,A|B,\"a,b\",4\n0001,TD3,film,A|B,c,";
        assert_eq!(sharp(index), [Some(4), None]);
        assert_eq!(sharp("file,doc,kind,mrz\n0000,TD3,film,A"), [None]);
    }
}
