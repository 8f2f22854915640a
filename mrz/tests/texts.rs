//! Formats, check digits and fields on texts from the tests and the documentation of other
//! parsers (`../shared/data/mrz_lines.txt`, where it is present).

use std::collections::BTreeSet;
use std::path::Path;

use nibble_mrz::{CheckField, Document, Format, WriteError, parse, verify, write};

/// The name that the list gives to a failing check digit.
fn listed_name(field: CheckField, format: Format) -> &'static str {
    match field {
        CheckField::DocumentNumber if format == Format::FRA36 => "num",
        CheckField::DocumentNumber => "doc",
        CheckField::BirthDate => "dob",
        CheckField::ExpiryDate => "exp",
        CheckField::Optional => "opt",
        CheckField::Composite => "comp",
        CheckField::RegistrationNumber => "plate",
        CheckField::VehicleNumber => "vin",
        CheckField::FirstRegistration => "first",
    }
}

/// The list, where it is present.
fn list() -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mrz_lines.txt");
    let text = std::fs::read_to_string(path);
    if text.is_err() {
        eprintln!("not present, skipped: ../shared/data/mrz_lines.txt");
    }
    text.ok()
}

#[test]
fn texts_of_other_parsers_get_the_listed_verdicts() {
    let Some(text) = list() else { return };
    let mut read = 0;
    let mut differing = Vec::new();
    for row in text.lines().filter(|row| !row.starts_with('#') && !row.trim().is_empty()) {
        let mut columns = row.split('\t');
        let (Some(kind), Some(zone), Some(failing)) =
            (columns.next(), columns.next(), columns.next())
        else {
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

#[test]
fn texts_that_agree_keep_their_fields_when_they_are_written_again() {
    let Some(text) = list() else { return };
    let rows = text.lines().filter(|row| !row.starts_with('#') && !row.trim().is_empty());
    let (mut agreeing, mut equal, mut refused) = (0, 0, Vec::new());
    for row in rows {
        let zone = row.split('\t').nth(1).expect("a zone").replace('|', "\n");
        let zone = parse(&zone).unwrap_or_else(|error| panic!("{zone}: {error}"));
        if !zone.checks_agree() {
            continue;
        }
        agreeing += 1;
        let document = zone.document();
        match write(zone.document_code(), &document) {
            Ok(written) => {
                let (mut read, mut document) = (written.zone.document(), document);
                if written.zone == zone {
                    equal += 1;
                } else {
                    // These are about characters, some of which are written in another way.
                    (read.mrz_key, document.mrz_key) = (None, None);
                    read.names_may_be_truncated = document.names_may_be_truncated;
                }
                assert_eq!(read, document, "{zone}\n{}", written.zone);
            }
            // Passports with the opening of a card, digits in names, empty fields and the like.
            Err(
                error @ (WriteError::Opening { .. }
                | WriteError::Missing { .. }
                | WriteError::Character { .. }
                | WriteError::NoPlace { .. }),
            ) => refused.push(format!("{error}\n{zone}")),
            Err(error) => panic!("{zone}: {error}"),
        }
    }
    println!("{agreeing} agree, {equal} are the same again, {} refused:", refused.len());
    println!("{}", refused.join("\n"));
    assert!(agreeing > 100 && refused.len() * 10 < agreeing);
}
