//! The lines of a proposed zone, as hints for measuring: rows with much change along them.
//!
//! Characters change along a row; frames, rules and the ground between lines hardly do. So lines
//! are found inside boxes that touch them, too.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "profiles of a few dozen rows"
)]

use super::proposals::Proposal;
use crate::measure::PITCH_PER_CAP;
use crate::numeric::running_mean;
use crate::path::{Layout, LinePath};
use crate::pyramid::Pyramid;

/// Rows for half the thickness of the zone: a capital of three lines has five.
const HALF_ROWS: f32 = 16.0;
/// Rows of the patch: one and a half times the zone.
const ROWS: usize = 48;
/// Columns of the patch: at least four a character.
const COLUMNS: usize = 200;
/// How far from the centre line the middle of a line may be, as a share of half the thickness.
const REACH: f32 = 1.2;
/// Minimum height of a lobe, as a share of the highest.
const MIN_LOBE: f32 = 0.35;
/// Maximum lines of a zone.
const MAX_LINES: usize = 3;
/// A lobe wider than this many rows is several lines without a gap between them.
const MAX_CAP_ROWS: f32 = 1.25 * HALF_ROWS;
/// A zone longer than this many halves of its thickness is one line: 30 characters are 55, two lines
/// of 44 characters 23.
const MIN_SINGLE_LENGTH: f32 = 35.0;
/// Thickness of a zone of two and of three lines over the height of its capitals, and the distance
/// of its lines.
const THICKNESS: [f32; 2] = [3.6, 6.2];
const SPACING: f32 = 2.6;

/// The lines of a proposal as hints, in picture pixels.
pub(super) fn hints(picture: &Pyramid, proposal: &Proposal) -> Vec<LinePath> {
    let course = proposal.end - proposal.start;
    let length = course.norm();
    if length < 1.0 {
        return Vec::new();
    }
    let down = course.unit().down();
    let hint = |offset: f32, cap: f32| {
        let moved = down * offset;
        LinePath::straight(
            proposal.start + moved,
            proposal.end + moved,
            cap,
            length / (cap * PITCH_PER_CAP),
        )
    };
    let per_row = proposal.half / HALF_ROWS;
    let lobes = lobes(&profile(picture, proposal));
    let single = length > MIN_SINGLE_LENGTH * proposal.half;
    let merged = !single && lobes.iter().any(|lobe| lobe.height > MAX_CAP_ROWS);
    let seen = lobes
        .iter()
        .map(|lobe| hint((lobe.middle - ROWS as f32 / 2.0) * per_row, lobe.height * per_row));
    if !lobes.is_empty() && !merged {
        return seen.collect();
    }
    // As the formats have it, or a part of a single line.
    let of_formats = THICKNESS
        .iter()
        .zip([&[-0.5, 0.5][..], &[-1.0, 0.0, 1.0][..]])
        .flat_map(|(thickness, places)| {
            let cap = 2.0 * proposal.half / thickness;
            places.iter().map(move |place| (place * SPACING * cap, cap))
        })
        .map(|(offset, cap)| hint(offset, cap));
    of_formats.chain(seen.filter(|_| lobes.len() == 1)).collect()
}

/// For each row, how much the pixels change along it.
fn profile(picture: &Pyramid, proposal: &Proposal) -> Vec<f32> {
    // A "character" here is a column.
    let path = LinePath::straight(proposal.start, proposal.end, proposal.half, COLUMNS as f32);
    let layout = Layout { rows: ROWS, columns: COLUMNS, pitch: 1.0, cap: HALF_ROWS, margin: 0.0 };
    let pixels = picture.sample(&path, &layout);
    let change =
        |row: &[u8]| row.windows(2).map(|pair| u32::from(pair[0].abs_diff(pair[1]))).sum::<u32>();
    pixels.chunks_exact(COLUMNS).map(|row| change(row) as f32).collect()
}

/// A line in a profile: its middle and its height, in rows.
#[derive(Debug, Clone, Copy)]
struct Lobe {
    middle: f32,
    height: f32,
}

/// The highest lobes of a profile.
fn lobes(profile: &[f32]) -> Vec<Lobe> {
    let smooth = running_mean(profile, 1);
    let floor = smooth.iter().copied().fold(f32::INFINITY, f32::min);
    let reach = (ROWS as f32 / 2.0 - REACH * HALF_ROWS).max(0.0) as usize;
    let mut free: Vec<bool> = (0..ROWS).map(|y| (reach..ROWS - reach).contains(&y)).collect();
    let mut found: Vec<Lobe> = Vec::new();
    let mut highest = 0.0f32;
    while found.len() < MAX_LINES {
        let best = (0..ROWS).filter(|&y| free[y]).max_by(|&a, &b| smooth[a].total_cmp(&smooth[b]));
        let Some(best) = best else { break };
        let height = smooth[best] - floor;
        highest = highest.max(height);
        if height <= 0.0 || height < MIN_LOBE * highest {
            break;
        }
        let half = floor + height / 2.0;
        // The place between rows where the profile falls below half its height.
        let edge = |rows: &mut dyn Iterator<Item = usize>| {
            let mut inner = best;
            for y in rows {
                if smooth[y] < half {
                    let share = (smooth[inner] - half) / (smooth[inner] - smooth[y]).max(1e-6);
                    return inner as f32 + (y as f32 - inner as f32) * share;
                }
                inner = y;
            }
            inner as f32
        };
        let top = edge(&mut (0..best).rev());
        let bottom = edge(&mut (best + 1..ROWS));
        let lobe = Lobe { middle: (top + bottom) / 2.0 + 0.5, height: bottom - top };
        let taken = (top - 1.0).max(0.0) as usize..=((bottom + 2.0) as usize).min(ROWS - 1);
        let overlaps = free[best]
            && taken
                .clone()
                .any(|y| smooth[y] > half && !free[y] && (reach..ROWS - reach).contains(&y));
        for y in taken {
            free[y] = false;
        }
        if !overlaps && lobe.height >= 2.0 {
            found.push(lobe);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;
    use nibble_gray::Gray;

    /// Marks like characters, in lines of capitals 12 pixels high whose middles are at `rows`, each
    /// in a frame `near` pixels from it.
    fn page(rows: &[usize], near: usize) -> Gray {
        let (width, height) = (400, 120);
        let mut pixels = vec![210; width * height];
        for &row in rows {
            for y in row - 6..row + 6 {
                for x in (20..380).filter(|x| x % 9 < 5 && (x / 9 + y / 4) % 3 > 0) {
                    pixels[y * width + x] = 40;
                }
            }
            for x in 15..385 {
                for y in [row - 7 - near, row + 6 + near] {
                    pixels[y * width + x] = 0;
                }
            }
        }
        Gray::new(width, height, pixels).expect("sizes agree")
    }

    #[test]
    fn lines_are_found_in_frames_that_touch_them() {
        for (lines, half, near) in
            [(&[44, 76][..], 22.0, 1), (&[30, 60, 90], 36.0, 2), (&[60], 7.0, 1)]
        {
            let gray = page(lines, near);
            let (start, end) = (Point::new(20.0, 60.0), Point::new(380.0, 60.0));
            let proposal = Proposal { start, end, half, score: 1.0 };
            let mut hints = hints(&Pyramid::of(&gray), &proposal);
            hints.sort_by(|a, b| a.origin.y.total_cmp(&b.origin.y));
            assert_eq!(hints.len(), lines.len());
            for (hint, &row) in hints.iter().zip(lines) {
                assert!((hint.origin.y - row as f32).abs() < 1.5, "{hint:?} {row}");
                assert!((9.0..15.0).contains(&hint.cap), "{hint:?}");
            }
        }
    }

    #[test]
    fn where_no_line_stands_out_those_of_the_formats_are_tried() {
        let flat = Gray::new(300, 100, vec![128; 30_000]).expect("sizes agree");
        let (start, end) = (Point::new(20.0, 50.0), Point::new(280.0, 50.0));
        let proposal = Proposal { start, end, half: 18.0, score: 1.0 };
        assert_eq!(hints(&Pyramid::of(&flat), &proposal).len(), 5);
        assert!(hints(&Pyramid::of(&flat), &Proposal { end: start, ..proposal }).is_empty());
    }
}
