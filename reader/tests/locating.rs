//! Finding zones: by the network alone, by the search at several scales alone, and where there are
//! several or none.

use nibble_core::{Network, Precision};
use nibble_gray::Gray;
use nibble_picture::{Limits, decode};
use nibble_reader::{Fusion, Reader};

/// A specimen's picture and its lines; empty for the front of a card.
fn specimens() -> Vec<(String, Gray, Vec<String>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/specimens");
    let index = std::fs::read_to_string(folder.join("index.csv")).expect("the index");
    let rows = index.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
    rows.map(|row| {
        let bytes = std::fs::read(folder.join(row[0])).expect("a specimen");
        let gray = decode(&bytes, &Limits::NATIVE).expect("a picture");
        let lines =
            row.get(3).copied().unwrap_or_default().split('|').filter(|line| !line.is_empty());
        (row[0].to_owned(), gray, lines.map(str::to_owned).collect())
    })
    .collect()
}

fn reader() -> Reader {
    Reader::with_bundled_model(Precision::U4).expect("the bundled networks")
}

/// The first frame of a camera is searched thoroughly; in the second one the network alone finds
/// zones.
#[test]
fn the_network_alone_finds_the_specimens() {
    let mut reader = reader();
    for (file, gray, lines) in specimens() {
        let mut fusion = Fusion::default();
        reader.fuse(&Gray::new(8, 8, vec![255; 64]).expect("sizes agree"), &mut fusion);
        let reading = reader.fuse(&gray, &mut fusion);
        assert_eq!(reading.frames, usize::from(!lines.is_empty()), "{file}");
        assert_eq!(reading.quads.len(), lines.len(), "{file}");
        // Fused frames weigh wrong check digits more than a still does.
        if !file.contains("wrong-check") {
            assert_eq!(reading.lines, lines, "{file}");
        }
    }
}

#[test]
fn the_search_at_several_scales_needs_no_network() {
    let network = Network::from_bytes(nibble_models::OCR_U4).expect("a bundled network");
    let mut reader = Reader::with_network(network).expect("it reads lines");
    for (file, gray, lines) in specimens() {
        assert_eq!(reader.read(&gray).lines, lines, "{file}");
    }
}

#[test]
fn a_network_that_reads_lines_is_no_locator() {
    let network = || Network::from_bytes(nibble_models::OCR_U4).expect("a bundled network");
    let reader = Reader::with_network(network()).expect("it reads lines");
    assert!(reader.with_locator(network()).is_err());
    let locator = Network::from_bytes(nibble_models::LOCATE_U4).expect("a bundled network");
    assert!(Reader::with_network(locator).is_err(), "a locator reads no lines");
}

/// Two documents side by side: both are listed.
#[test]
fn the_network_finds_several_documents() {
    let specimens = specimens();
    let found = |name: &str| {
        specimens.iter().find(|(file, ..)| file.starts_with(name)).expect("a specimen")
    };
    let ((_, upper, first), (_, lower, second)) = (found("passport.jpg"), found("id-card-back"));
    let width = upper.width().max(lower.width());
    let row = |gray: &Gray, y: usize| {
        let mut row = gray.row(y).to_vec();
        row.resize(width, 128);
        row
    };
    let rows = (0..upper.height())
        .map(|y| row(upper, y))
        .chain((0..lower.height()).map(|y| row(lower, y)));
    let pixels: Vec<u8> = rows.flatten().collect();
    let picture = Gray::new(width, upper.height() + lower.height(), pixels).expect("sizes agree");
    let lines: Vec<Vec<String>> =
        reader().read(&picture).documents.into_iter().map(|document| document.lines).collect();
    assert_eq!(lines, [first.clone(), second.clone()]);
}
