//! Kinds of pictures that were lost, one of each, made as `xtask/warped/kinds.py` makes them,
//! without noise. A row of `kinds/index.tsv` has a file and the lines of its documents, with `?`
//! where the border cuts a character.

use std::path::Path;

use nibble_core::Precision;
use nibble_picture::{Limits, decode};
use nibble_reader::{NotValid, Reader, Reading};

/// Reads the picture of a row: the reading, and the lines that each document should have.
fn read(row: &str) -> (Reading, Vec<Vec<String>>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kinds");
    let (file, text) = row.split_once('\t').expect("a file and its lines");
    let bytes = std::fs::read(folder.join(file)).expect("a picture of the index");
    let gray = decode(&bytes, &Limits::NATIVE).expect("a picture");
    let mut reader = Reader::with_bundled_model(Precision::U4).expect("the bundled networks");
    let lines = |document: &str| document.split('|').map(str::to_owned).collect();
    (reader.read(&gray), text.split(" & ").map(lines).collect())
}

/// Reads the pictures whose file names begin with `kind`.
fn check(kind: &str) {
    let rows = include_str!("kinds/index.tsv").lines().filter(|row| row.starts_with(kind));
    let mut count = 0;
    for row in rows {
        count += 1;
        let (reading, wanted) = read(row);
        let found = match reading.documents.len() {
            0 | 1 => vec![reading.lines.clone()],
            _ => reading.documents.iter().map(|document| document.lines.clone()).collect(),
        };
        // What the border cuts is a filler: it is not guessed.
        let shown = |line: &String| line.replace('?', "<");
        let expected: Vec<Vec<String>> =
            wanted.iter().map(|document| document.iter().map(shown).collect()).collect();
        assert_eq!(found, expected, "{row}");
        let is_cut = wanted.iter().flatten().any(|line| line.contains('?'));
        let said = reading.not_valid_because.contains(&NotValid::CutOff) && !reading.valid;
        assert!(!is_cut || said, "{row}");
    }
    assert!(count > 0, "no picture of {kind}");
}

#[test]
fn lines_that_the_border_cuts_are_reported_as_far_as_they_are_shown() {
    check("cut");
}

#[test]
fn frames_round_lines_do_not_hide_them() {
    check("boxes");
}

#[test]
fn a_mark_before_a_line_is_not_its_first_character() {
    check("mark");
}

#[test]
fn a_crop_to_a_single_line_is_read() {
    check("filled");
}

#[test]
fn a_single_line_under_a_highlighter_is_read() {
    check("highlighter");
}

#[test]
fn every_document_of_a_page_is_read() {
    check("several");
}

#[test]
fn a_bent_line_is_read() {
    check("bent");
}
