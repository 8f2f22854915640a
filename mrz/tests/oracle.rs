//! 100,000 generated zones, parsed here and by the crate `mrz`. What differs is listed with its
//! reason; anything else fails.

#[path = "support/documents.rs"]
mod documents;
mod support;

use documents::document;
use mrz::{MrzData, MrzDate, MrzError};
use nibble_mrz::{ALPHABET, CheckField, Document, FieldKind, Format, Sex, Zone, parse, write};
use support::Random;

const ZONES_A_FORMAT: usize = 20_000;

fn oracle(zone: &Zone) -> Result<MrzData, MrzError> {
    match (zone.format(), zone.lines()) {
        (Format::TD1, [first, second, third]) => mrz::parse_td1(first, second, third),
        (Format::TD2, [first, second]) => mrz::parse_td2(first, second),
        (Format::TD3, [first, second]) => mrz::parse_td3(first, second),
        (Format::MRVA, [first, second]) => mrz::parse_mrv_a(first, second),
        (Format::MRVB, [first, second]) => mrz::parse_mrv_b(first, second),
        other => panic!("no oracle for {other:?}"),
    }
}

/// A date without its century. The oracle dates births by the year 2026 and takes each date of
/// expiry for one of the 21st century; here the century follows from the document.
fn without_century(date: Option<&str>) -> Option<String> {
    date.map(|date| date.chars().skip(2).collect())
}

fn calendar(date: &MrzDate) -> Option<String> {
    date.calendar().map(|date| format!("{:02}-{:02}-{:02}", date.year % 100, date.month, date.day))
}

/// The optional data as words: this crate joins both fields of a card.
fn words(fields: [Option<&String>; 2]) -> String {
    let fields = fields.into_iter().flatten();
    let words = fields.flat_map(|field| field.split(['<', ' '])).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The fields of the oracle in this crate's words.
fn fields(data: &MrzData) -> [String; 6] {
    let full = data.document_number_full.as_ref().unwrap_or(&data.document_number);
    [
        words([Some(&data.surname), None]),
        words([Some(&data.given_names), None]),
        words([Some(full), None]),
        data.issuing_country.replace('<', " ").trim().to_owned(),
        data.nationality.replace('<', " ").trim().to_owned(),
        words([data.optional_data_1.as_ref(), data.optional_data_2.as_ref()]),
    ]
}

fn own_fields(document: &Document) -> [String; 6] {
    [
        document.surname.clone(),
        document.given_names.clone(),
        document.document_number.clone(),
        document.issuer.clone(),
        document.nationality.clone(),
        document.optional.clone(),
    ]
}

/// Whether the names have no divider. Then all of them are the surname (Doc 9303-3, 4.6); the oracle
/// takes the first word for it.
fn is_without_divider(zone: &Zone) -> bool {
    let span =
        zone.format().layout().span(FieldKind::Names).expect("all formats compared have names");
    let names = String::from_utf8_lossy(span.of(zone.lines())).into_owned();
    !names.trim_end_matches('<').contains("<<")
}

/// Whether a filler stands for the check digit of a number that does not properly continue: no digit
/// ends the part in the optional data, no filler follows it, or the format lets no number continue. The
/// oracle takes such a filler for a zero, wants a filler behind the number, and lets those of passports
/// continue.
fn continues_improperly(zone: &Zone) -> bool {
    let layout = zone.format().layout();
    let rule =
        layout.checks.iter().find(|rule| rule.field == CheckField::DocumentNumber).expect("a rule");
    let optional = layout.span(FieldKind::Optional).expect("optional data").of(zone.lines());
    let end = optional.iter().position(|&character| character == b'<');
    let digit = end.and_then(|end| optional[..end].last());
    let continues =
        matches!(zone.format(), Format::TD1 | Format::TD2) && digit.is_some_and(u8::is_ascii_digit);
    rule.digit.of(zone.lines()) == b"<" && !continues
}

/// Whether the oracle refuses a zone by a rule that is not applied here: it has a list of document
/// codes of cards, and lets no number begin with a filler.
fn is_stricter(error: &MrzError) -> bool {
    let text = error.to_string();
    text.contains("unrecognized document code")
        || text.contains("document_number begins with a filler")
}

/// Compares one zone; `None` where both agree.
fn difference(zone: &Zone) -> Option<String> {
    let data = match oracle(zone) {
        Ok(data) => data,
        Err(error) if is_stricter(&error) => return None,
        Err(error) => return Some(format!("the oracle: {error}")),
    };
    let document = zone.document();
    let (mut own, mut expected) = (own_fields(&document), fields(&data));
    if is_without_divider(zone) {
        for fields in [&mut own, &mut expected] {
            let [surname, given_names, ..] = fields;
            *surname = format!("{surname} {given_names}").trim().to_owned();
            given_names.clear();
        }
    }
    if own != expected {
        return Some(format!("{own:?} {expected:?}"));
    }
    let dates =
        [&document.birth_date, &document.expiry_date].map(|date| without_century(date.as_deref()));
    let expected = [calendar(&data.date_of_birth), calendar(&data.date_of_expiry)];
    if dates != expected {
        return Some(format!("{dates:?} {expected:?}"));
    }
    let sex = match data.sex {
        mrz::Sex::Male => Some(Sex::M),
        mrz::Sex::Female => Some(Sex::F),
        mrz::Sex::Unspecified | mrz::Sex::NonConformant('X') => Some(Sex::X),
        _ => None,
    };
    if document.sex != sex {
        return Some(format!("{:?} {sex:?}", document.sex));
    }
    let theirs = |field| match field {
        CheckField::DocumentNumber => data.checks.document_number,
        CheckField::BirthDate => data.checks.date_of_birth,
        CheckField::ExpiryDate => data.checks.date_of_expiry,
        CheckField::Optional => data.checks.personal_number,
        CheckField::Composite => data.checks.composite,
        CheckField::RegistrationNumber
        | CheckField::VehicleNumber
        | CheckField::FirstRegistration => None,
    };
    let rules = zone.format().layout().checks;
    let differing = zone.checks().into_iter().zip(rules).find(|(check, rule)| {
        // The oracle takes a filler for the digit 0; here it stands for the digit of an empty field.
        let is_filler = rule.digit.of(zone.lines()) == b"<";
        (check.ok || !is_filler) && theirs(check.field) != Some(check.ok)
    });
    differing.map(|(check, _)| format!("{check:?} {:?}", data.checks))
}

/// A zone with one character changed, if it keeps its format.
fn changed(random: &mut Random, zone: &Zone) -> Option<Zone> {
    let mut lines: Vec<Vec<u8>> = zone.lines().iter().map(|line| line.clone().into()).collect();
    let line = random.below(lines.len());
    let position = random.below(lines[line].len());
    lines[line][position] = *random.one_of(ALPHABET);
    nibble_mrz::parse_lines(&lines).ok().filter(|changed| changed.format() == zone.format())
}

/// Zones for the npm package `mrz`, which knows other formats: each with its document and its checks as
/// a line of JSON in the file that `NIBBLE_ZONES` names. `web/tests/mrz.mjs` compares them.
#[cfg(feature = "serde")]
#[test]
#[ignore = "writes the file that NIBBLE_ZONES names"]
fn zones_for_npm() {
    use std::io::Write;

    let path = std::env::var_os("NIBBLE_ZONES").expect("NIBBLE_ZONES names a file");
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a new file"));
    let mut random = Random::new(100_001);
    for format in
        [Format::TD1, Format::TD2, Format::TD3, Format::FRA36, Format::D1FRA, Format::FACHE]
    {
        for _ in 0..ZONES_A_FORMAT {
            let (code, document) = document(&mut random, format, false);
            let mut zone = write(&code, &document).expect("fits").zone;
            if random.once_in(2) {
                let Some(other) = changed(&mut random, &zone) else { continue };
                zone = other;
            }
            let line = serde_json::json!({
                "format": format,
                "lines": zone.to_string().lines().collect::<Vec<_>>(),
                "document": zone.document(),
                "checks": zone.checks(),
            });
            writeln!(file, "{line}").expect("room on the disk");
        }
    }
}

#[test]
fn the_oracle_agrees_on_100_000_zones() {
    let mut random = Random::new(100_000);
    let (mut differing, mut improper) = (Vec::new(), 0);
    for format in [Format::TD1, Format::TD2, Format::TD3, Format::MRVA, Format::MRVB] {
        for _ in 0..ZONES_A_FORMAT {
            let (code, document) = document(&mut random, format, false);
            let mut zone = write(&code, &document).expect("fits").zone;
            // Every other zone has a character changed, so that some digit may not agree.
            if random.once_in(2) {
                let Some(other) = changed(&mut random, &zone) else { continue };
                zone = other;
            }
            assert_eq!(parse(zone.to_string()).as_ref(), Ok(&zone));
            if continues_improperly(&zone) {
                improper += 1;
                continue;
            }
            if let Some(difference) = difference(&zone) {
                differing.push(format!("{zone}\n{difference}"));
            }
        }
    }
    for difference in differing.iter().take(12) {
        eprintln!("{difference}\n");
    }
    assert!(differing.is_empty(), "{} differ", differing.len());
    assert!(improper < ZONES_A_FORMAT / 10, "{improper} numbers continue improperly");
}
