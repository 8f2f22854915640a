//! Random documents of all formats: written, parsed, and the same fields again.

#[path = "support/documents.rs"]
mod documents;
mod support;

use documents::document;
use nibble_mrz::{Format, parse, write};
use support::Random;

#[test]
fn what_is_written_is_read_again() {
    let mut random = Random::new(9303);
    for format in Format::ALL {
        for _ in 0..3_000 {
            let (code, document) = document(&mut random, format, false);
            let written =
                write(&code, &document).unwrap_or_else(|error| panic!("{error}: {document:?}"));
            assert!(!written.names_truncated, "{document:?}");
            let zone = parse(written.zone.to_string()).expect("a zone");
            assert_eq!(zone, written.zone);
            assert_eq!(zone.format(), format);
            assert!(zone.checks_agree(), "{zone}\n{:?}", zone.checks());
            let mut read = zone.document();
            // The lines alone tell these: whoever writes a document does not give them.
            let has_key = matches!(format, Format::TD1 | Format::TD2 | Format::TD3);
            assert_eq!(read.mrz_key.take().is_some(), has_key, "{zone}");
            read.names_may_be_truncated = false;
            assert_eq!(read, document, "{zone}");
            assert_eq!(zone.document_code(), code);
        }
    }
}

/// Whether every component of `read` opens the component of `whole` in its place.
fn opens(read: &str, whole: &str) -> bool {
    read.split(' ').count() <= whole.split(' ').count()
        && read.split(' ').zip(whole.split(' ')).all(|(read, whole)| whole.starts_with(read))
}

#[test]
fn truncated_names_open_the_whole_ones_and_fill_their_field() {
    let mut random = Random::new(423);
    let mut truncated = 0;
    for format in [Format::TD1, Format::TD2, Format::TD3, Format::MRVA, Format::MRVB] {
        for _ in 0..3_000 {
            let (code, document) = document(&mut random, format, true);
            let written =
                write(&code, &document).unwrap_or_else(|error| panic!("{error}: {document:?}"));
            let whole = format!("{}<<{}", document.surname, document.given_names);
            let span = format.layout().span(nibble_mrz::FieldKind::Names).expect("names");
            let field = &written.zone.lines()[span.line][span.start..];
            let too_long = whole.trim_end_matches('<').len() > span.len;
            assert_eq!(written.names_truncated, too_long, "{document:?}");
            assert!(written.zone.checks_agree());
            let read = written.zone.document();
            assert!(opens(&read.surname, &document.surname), "{field} of {document:?}");
            if too_long {
                truncated += 1;
                assert!(!field.ends_with('<'), "{field} of {document:?}");
                assert!(read.names_may_be_truncated, "{field} of {document:?}");
                assert_eq!(read.given_names.is_empty(), document.given_names.is_empty(), "{field}");
            }
            assert!(opens(&read.given_names, &document.given_names), "{field} of {document:?}");
        }
    }
    assert!(truncated > 5_000, "{truncated} truncated");
}
