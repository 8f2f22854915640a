//! Several documents in one picture.

use crate::candidate::Candidate;
use crate::geometry::Point;
use crate::numeric::sort_by;

/// The documents of a picture in reading order, from its candidates, best first: the best candidate
/// of each place, if it is probably a zone. The first candidate is always among them.
pub(super) fn apart(found: &[Candidate]) -> Vec<&Candidate> {
    let mut documents: Vec<&Candidate> = Vec::new();
    for candidate in found {
        let is_elsewhere = documents.iter().all(|other| !overlap(candidate, other));
        if documents.is_empty() || is_elsewhere && candidate.is_probable() {
            documents.push(candidate);
        }
    }
    in_reading_order(documents)
}

/// The corners of a zone, clockwise from the top left of its text.
fn outline(candidate: &Candidate) -> [Point; 4] {
    let quads = candidate.quads();
    let (first, last) = (quads.first().copied(), quads.last().copied());
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    [first[0], first[1], last[2], last[3]]
}

fn middle(outline: &[Point; 4]) -> Point {
    outline.iter().fold(Point::default(), |sum, &corner| sum + corner) * 0.25
}

/// Whether the middle of one zone lies within the other.
fn overlap(one: &Candidate, other: &Candidate) -> bool {
    let (one, other) = (outline(one), outline(other));
    contains(&one, middle(&other)) || contains(&other, middle(&one))
}

/// Whether a convex outline contains a point. Its corners are in clockwise order.
fn contains(outline: &[Point; 4], point: Point) -> bool {
    (0..4).all(|i| (outline[(i + 1) % 4] - outline[i]).cross(point - outline[i]) >= 0.0)
}

/// Sorts documents from top to bottom, and from left to right where they stand side by side: where
/// the middle of one is level with the other.
fn in_reading_order(mut documents: Vec<&Candidate>) -> Vec<&Candidate> {
    let span = |candidate: &Candidate| {
        let ys = outline(candidate).map(|corner| corner.y);
        (
            ys.iter().copied().fold(f32::INFINITY, f32::min),
            ys.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        )
    };
    sort_by(&mut documents, |a, b| middle(&outline(a)).y.total_cmp(&middle(&outline(b)).y));
    // Rows: a document belongs to the row whose first document it is level with.
    let mut rows: Vec<Vec<&Candidate>> = Vec::new();
    for document in documents {
        let y = middle(&outline(document)).y;
        match rows.last_mut().filter(|row| (span(row[0]).0..=span(row[0]).1).contains(&y)) {
            Some(row) => row.push(document),
            None => rows.push(vec![document]),
        }
    }
    for row in &mut rows {
        sort_by(row, |a, b| middle(&outline(a)).x.total_cmp(&middle(&outline(b)).x));
    }
    rows.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::tests::{of_lines, placed};

    const PASSPORT: [&str; 2] = [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ];
    const WRONG: [&str; 2] = [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C30UTO7408120F1204150ZE184226B<<<<<00",
    ];

    /// A passport whose first line begins at a point.
    fn at(x: f32, y: f32) -> Candidate {
        placed(of_lines(&PASSPORT, 0.999), Point::new(x, y))
    }

    fn corners(documents: &[&Candidate]) -> Vec<(f32, f32)> {
        documents.iter().map(|document| (outline(document)[0].x, outline(document)[0].y)).collect()
    }

    #[test]
    fn documents_stand_in_reading_order() {
        let found = [at(500.0, 203.0), at(0.0, 400.0), at(0.0, 200.0), at(0.0, 0.0)];
        let starts: Vec<f32> = corners(&apart(&found)).iter().map(|(x, _)| *x).collect();
        assert_eq!(starts, [0.0, 0.0, 500.0, 0.0]);
        let heights: Vec<f32> = corners(&apart(&found)).iter().map(|(_, y)| y.round()).collect();
        assert!(heights.is_sorted_by(|a, b| a <= &(b + 5.0)), "{heights:?}");
    }

    #[test]
    fn one_place_has_one_document() {
        let found = [at(0.0, 0.0), at(3.0, 2.0), at(0.0, 300.0)];
        assert_eq!(apart(&found).len(), 2);
    }

    #[test]
    fn a_further_document_has_agreeing_check_digits() {
        let wrong = |y: f32| placed(of_lines(&WRONG, 0.999), Point::new(0.0, y));
        assert_eq!(apart(&[at(0.0, 0.0), wrong(300.0)]).len(), 1);
        assert_eq!(apart(&[wrong(300.0)]).len(), 1, "the best one is always listed");
        assert!(apart(&[]).is_empty());
    }
}
