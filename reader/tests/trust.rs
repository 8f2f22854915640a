//! A reading that is valid is right: characters are covered, drawn over and lit up, and no text that was guessed may be valid.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "coordinates of small pictures and numbers of 24 bits"
)]

#[path = "support/graymap.rs"]
mod graymap;

use std::path::{Path, PathBuf};

use graymap::renders;
use nibble_core::Precision;
use nibble_gray::Gray;
use nibble_mrz::Format;
use nibble_picture::{Limits, decode};
use nibble_reader::{Point, Reader, Reading};

/// Strips with damage that the test reads; 1,000 and more take `NIBBLE_COVERED=1000`.
const STRIPS: usize = 140;
/// Pictures whose zones are damaged.
const SPECIMENS: [&str; 7] = [
    "passport.jpg",
    "passport-turned.jpg",
    "id-card-back.jpg",
    "id-td2-scan.png",
    "visa-a.jpg",
    "visa-b.webp",
    "french-layout.jpg",
];
/// Room around a zone that is cut out, in heights of a line.
const ROOM: f32 = 3.0;

/// Numerical Recipes' generator: the same strips on every machine.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    fn below(&mut self, count: usize) -> usize {
        self.next() as usize % count
    }

    /// Uniform in `from..to`.
    fn between(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * (self.next() as f32 / (1 << 24) as f32)
    }
}

/// A zone cut out of a specimen: its pixels, where its lines are, and what they say.
struct Zone {
    gray: Gray,
    quads: Vec<[Point; 4]>,
    lines: Vec<String>,
    format: Format,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/specimens")
}

impl Zone {
    fn of(reader: &mut Reader, file: &str) -> Self {
        let bytes = std::fs::read(folder().join(file)).expect("a committed picture");
        let whole = decode(&bytes, &Limits::NATIVE).expect("a picture");
        let reading = reader.read(&whole);
        assert!(reading.valid, "{file} is valid before it is damaged");
        let corners: Vec<Point> = reading.quads.iter().flatten().copied().collect();
        let height = (reading.quads[0][3] - reading.quads[0][0]).norm();
        let least = |of: fn(&Point) -> f32| corners.iter().map(of).fold(f32::INFINITY, f32::min);
        let most = |of: fn(&Point) -> f32| corners.iter().map(of).fold(0.0, f32::max);
        let room = ROOM * height;
        let left = (least(|p| p.x) - room).max(0.0) as usize;
        let top = (least(|p| p.y) - room).max(0.0) as usize;
        let right = ((most(|p| p.x) + room) as usize).min(whole.width());
        let bottom = ((most(|p| p.y) + room) as usize).min(whole.height());
        let pixels = (top..bottom).flat_map(|y| whole.row(y)[left..right].to_vec()).collect();
        let gray = Gray::new(right - left, bottom - top, pixels).expect("a pixel for each place");
        let shift = |p: Point| Point::new(p.x - left as f32, p.y - top as f32);
        let quads = reading.quads.iter().map(|quad| quad.map(shift)).collect();
        let format = reading.document.expect("a document").format;
        Self { gray, quads, lines: reading.lines, format }
    }

    /// The zone with something over one to four characters of a line.
    fn damaged(&self, random: &mut Random) -> Gray {
        let line = random.below(self.lines.len());
        let length = self.lines[line].len();
        let count = 1 + random.below(4);
        // Half of them at the start of a line, where document numbers are.
        let starts = if random.below(2) == 0 { 12 } else { length - count };
        let first = random.below(starts);
        let (kind, depth) = (random.below(5), random.between(0.3, 0.9));
        let ink = [20, 235, (random.below(256)) as u8][random.below(3)];
        let (a, b) = (random.between(0.0, 1.0), random.between(0.0, 1.0));
        let width = random.between(0.08, 0.25);
        let light = random.between(0.8, 1.5);
        let quad = self.quads[line];
        let (along, down) = (quad[1] - quad[0], quad[3] - quad[0]);
        let scale = 1.0 / along.cross(down);
        let mut pixels = self.gray.pixels().to_vec();
        for (index, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = (index % self.gray.width(), index / self.gray.width());
            let at = Point::new(x as f32 + 0.5, y as f32 + 0.5) - quad[0];
            // In characters from the first one covered, and in heights of the line.
            let u = at.cross(down) * scale * length as f32 - first as f32;
            let v = along.cross(at) * scale;
            let across = u / count as f32;
            let inside = (0.0..1.0).contains(&across) && (0.0..1.0).contains(&v);
            let covers = match kind {
                0 => inside,
                1 => inside && v < depth,
                2 => inside && v > 1.0 - depth,
                3 => (-0.3..1.3).contains(&across) && (v - (a + (b - a) * across)).abs() < width,
                _ => {
                    let spot = (2.0 * across - 1.0) * (2.0 * across - 1.0)
                        + (2.0 * v - 1.0) * (2.0 * v - 1.0);
                    let share = (light * (1.0 - spot / 2.5)).clamp(0.0, 1.0);
                    *pixel += (f32::from(255 - *pixel) * share) as u8;
                    false
                }
            };
            if covers {
                *pixel = ink;
            }
        }
        Gray::new(self.gray.width(), self.gray.height(), pixels).expect("a pixel for each place")
    }
}

/// Places in which a text differs: in fields that check digits protect, and in others. Another shape differs everywhere.
fn errors(format: Format, wanted: &[&str], found: &[String]) -> [usize; 2] {
    if !wanted.iter().map(|line| line.len()).eq(found.iter().map(String::len)) {
        return [wanted.iter().map(|line| line.len()).sum(), 0];
    }
    let mut errors = [0; 2];
    for (line, (wanted, found)) in wanted.iter().zip(found).enumerate() {
        for (position, (wanted, found)) in wanted.bytes().zip(found.bytes()).enumerate() {
            let exposed = usize::from(!format.layout().is_protected(line, position));
            errors[exposed] += usize::from(wanted != found);
        }
    }
    errors
}

#[test]
fn covered_characters_are_not_guessed_into_a_valid_reading() {
    let strips =
        std::env::var("NIBBLE_COVERED").ok().and_then(|count| count.parse().ok()).unwrap_or(STRIPS);
    let mut reader = Reader::with_bundled_model(Precision::U4).expect("the bundled network");
    let zones = SPECIMENS.map(|file| Zone::of(&mut reader, file));
    let (mut valid, mut elsewhere) = (0, 0);
    for strip in 0..strips {
        let zone = &zones[strip % zones.len()];
        let mut random = Random(0x5eed ^ (strip as u32).wrapping_mul(0x9e37_79b9));
        let reading = reader.read(&zone.damaged(&mut random));
        let wanted: Vec<&str> = zone.lines.iter().map(String::as_str).collect();
        let [protected, others] = errors(zone.format, &wanted, &reading.lines);
        assert!(
            protected == 0 || !reading.valid,
            "strip {strip}: {:#?} of {wanted:#?}",
            reading.lines
        );
        valid += usize::from(reading.valid);
        elsewhere += usize::from(reading.valid && others > 0);
        assert_eq!(
            reading.valid,
            reading.not_valid_because.is_empty() && !reading.lines.is_empty()
        );
    }
    println!(
        "{strips} strips, {valid} valid, {elsewhere} of them wrong in a name or another unprotected place"
    );
    assert!(
        valid > strips / 50,
        "strokes that leave the characters readable leave readings valid: {valid}"
    );
}

/// What is counted of one precision.
#[derive(Default)]
struct Tally {
    pictures: usize,
    exact: usize,
    valid: usize,
    wrong: usize,
    wrong_protected: usize,
    /// Wrong ones of which every wrong character is at least `CONFIDENT`.
    wrong_confident: usize,
}

/// Confidence of a character from which a person would rely on it.
const CONFIDENT: f32 = 0.9;

/// The lowest confidence among the characters that differ; 1 if the shape differs.
fn least_confidence(wanted: &[&str], reading: &Reading) -> f32 {
    let mut least = 1.0_f32;
    for ((wanted, found), confidences) in
        wanted.iter().zip(&reading.lines).zip(&reading.confidences)
    {
        for ((wanted, found), &confidence) in wanted.bytes().zip(found.bytes()).zip(confidences) {
            if wanted != found {
                least = least.min(confidence);
            }
        }
    }
    least
}

impl Tally {
    fn add(&mut self, file: &str, wanted: &[&str], reading: &Reading) {
        self.pictures += 1;
        let exact = reading.lines == wanted;
        self.exact += usize::from(exact);
        self.valid += usize::from(exact && reading.valid);
        if let (Some(document), true, false) = (&reading.document, reading.valid, exact) {
            let protected = errors(document.format, wanted, &reading.lines)[0] > 0;
            self.wrong += 1;
            self.wrong_protected += usize::from(protected);
            let least = least_confidence(wanted, reading);
            self.wrong_confident += usize::from(least >= CONFIDENT);
            println!(
                "{file} at {}: {:?}, not {wanted:?}, confidence {least:.2}",
                reading.precision, reading.lines
            );
        }
    }
}

/// The measurement of `docs/accuracy.md`: `python3 reader/tests/renders.py zeros 20000 1 DIR`, then
/// `NIBBLE_RENDERS=DIR cargo test --release -p nibble-reader --test trust -- --ignored --nocapture`.
#[test]
#[ignore = "needs renders of reader/tests/renders.py in NIBBLE_RENDERS"]
fn renders_are_right_where_they_are_valid() {
    let precisions = [Precision::U4, Precision::U8, Precision::F32];
    let mut readers = precisions
        .map(|precision| Reader::with_bundled_model(precision).expect("the bundled network"));
    let mut tallies: [Tally; 3] = Default::default();
    for (file, gray, zone) in renders() {
        let wanted: Vec<&str> = zone.iter().map(String::as_str).collect();
        for (reader, tally) in readers.iter_mut().zip(&mut tallies) {
            tally.add(&file, &wanted, &reader.read(&gray));
        }
    }
    for (precision, tally) in precisions.iter().zip(&tallies) {
        println!(
            "{}: {} pictures, {} exact, {} of them valid; valid but wrong {}, in protected fields {}, \
             of confident characters {}",
            precision.name(),
            tally.pictures,
            tally.exact,
            tally.valid,
            tally.wrong,
            tally.wrong_protected,
            tally.wrong_confident
        );
    }
    assert!(tallies.iter().all(|tally| tally.wrong_protected == 0));
}
