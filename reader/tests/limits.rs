//! Reading ends after a stated number of strips, and says so.

use nibble_core::Precision;
use nibble_gray::Gray;
use nibble_picture::{Limits, decode};
use nibble_reader::{Fusion, MAX_STRIPS, Reader, Reading};

fn specimen(name: &str) -> Gray {
    let file = std::fs::read(format!("../testdata/specimens/{name}")).expect("committed");
    decode(&file, &Limits::NATIVE).expect("a picture")
}

fn reader() -> Reader {
    Reader::with_bundled_model(Precision::U4).expect("a committed model")
}

fn gave_up(reading: &Reading) -> bool {
    reading.review.iter().any(|review| review.note.is_some_and(|note| note.contains("ended early")))
}

#[test]
fn too_few_strips_end_the_search_with_a_note() {
    let picture = specimen("passport.jpg");
    let usual = reader().read(&picture);
    assert!(usual.valid && !gave_up(&usual));
    for max in 0..8 {
        let mut reader = reader().with_max_strips(max);
        let reading = reader.read(&picture);
        // With a few strips the document may be read; without its note nothing is left out.
        assert!(gave_up(&reading) || reading == usual, "{max}: {reading:?}");
        assert!(max > 3 || gave_up(&reading), "{max}");
        assert_eq!(reader.read(&picture), reading, "the same again");
        let mut fusion = Fusion::default();
        assert!(max > 3 || !reader.fuse(&picture, &mut fusion).valid);
    }
    assert_eq!(reader().with_max_strips(MAX_STRIPS).read(&picture), usual);
}

/// A page on which a zone is repeated in rows and columns.
fn page_of(zone: &Gray, columns: usize, rows: usize) -> Gray {
    let (width, height) = (zone.width() * columns, zone.height() * rows);
    let pixels = (0..height).flat_map(|y| zone.row(y % zone.height()).repeat(columns));
    Gray::new(width, height, pixels.collect()).expect("a pixel for each place")
}

/// The lower third of a passport, where the zone is. A check digit is wrong, so no copy is valid and
/// the search goes on.
fn zone_that_is_not_valid() -> Gray {
    let whole = specimen("passport-wrong-check.jpg");
    let (width, height) = (900, whole.height() * 900 / whole.width());
    let small = whole.scaled_down(width, height).expect("smaller");
    let top = height * 2 / 3;
    let rows = (top..height).flat_map(|y| small.row(y).to_vec());
    Gray::new(width, height - top, rows.collect()).expect("a part")
}

#[test]
fn a_page_full_of_zones_ends() {
    let zone = zone_that_is_not_valid();
    for (columns, rows) in [(1, 6), (2, 8), (3, 12)] {
        let page = page_of(&zone, columns, rows);
        let reading = reader().read(&page);
        let more = reader().with_max_strips(10_000).read(&page);
        println!("{columns} x {rows}: {} documents", more.documents.len());
        assert!(!more.valid && !gave_up(&more));
        assert!(gave_up(&reading) || reading == more);
        let fewer = reader().with_max_strips(30).read(&page);
        assert!(gave_up(&fewer) && !fewer.valid);
    }
}

#[test]
fn thin_pictures_are_not_searched() {
    for (width, height) in [(1, 200_000), (200_000, 1), (15, 900), (900, 15), (0, 0)] {
        let picture = Gray::new(width, height, vec![90; width * height]).expect("sizes agree");
        let reading = reader().read(&picture);
        assert!(reading.lines.is_empty() && reading.quads.is_empty());
    }
}
