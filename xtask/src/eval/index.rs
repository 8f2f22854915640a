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
        columns
            .iter()
            .all(|&index| index < row.len())
            .then(|| columns.map(|index| row[index].clone()))
    };
    let row = |[file, document, kind, zone]: [String; 4]| {
        let none = document == "NONE";
        let wanted = if none { Vec::new() } else { zone.split('|').map(str::to_owned).collect() };
        Row { file, document, kind: if none { String::from("no zone") } else { kind }, wanted }
    };
    Ok(rows.map(fields).filter_map(pick).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_within_quotes_do_not_separate() {
        assert_eq!(fields("a,\"b,c\",,d"), ["a", "b,c", "", "d"]);
    }
}
