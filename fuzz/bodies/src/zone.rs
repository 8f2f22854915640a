//! Text to zone, and zone to document.

use nibble_mrz::{ALPHABET, Document, Format, Zone, parse, parse_lines, verify, write};

/// Asks everything about a text. What `parse` accepts is a zone of a format, and stays one when it is
/// printed and parsed again; a document that is written again has check digits that agree.
///
/// # Panics
/// If that is not so.
pub fn zone(text: &[u8]) {
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    let _ = Format::of(&lines);
    for format in Format::ALL {
        let document = Document::of(format, &lines);
        assert_eq!(document.format, format);
        assert_eq!(verify(format, &lines).len(), format.layout().checks.len());
        assert_is_written_right(&document);
    }
    match parse(text) {
        Ok(zone) => {
            assert_is_zone(&zone);
            assert_eq!(parse_lines(zone.lines()).as_ref(), Ok(&zone));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn assert_is_written_right(document: &Document) {
    match write("P", document) {
        Ok(written) => {
            let zone = parse_lines(written.zone.lines()).expect("what is written is a zone");
            assert!(zone.checks_agree(), "{zone}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn assert_is_zone(zone: &Zone) {
    let layout = zone.format().layout();
    assert!(layout.has_shape_of(zone.lines()));
    for line in zone.lines() {
        assert!(line.bytes().all(|character| ALPHABET.contains(&character)), "{line}");
    }
    assert_eq!(Format::of(zone.lines()), Some(zone.format()));
    assert_eq!(zone.to_string().parse().as_ref(), Ok(zone));
    assert!(serde_json::to_string(&zone.document()).is_ok());
}
