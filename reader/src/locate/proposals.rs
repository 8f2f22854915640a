//! From the maps of the locator's network to proposed zones: a centre line and a thickness each.
//!
//! A cell stands for 8 x 8 pixels. Cells that are probably inside a zone and touch one another are
//! one proposal. Each has a vector to the centre line; the line is fitted to the points that the
//! vectors lead to, without those that are far off.

#![allow(clippy::cast_precision_loss, reason = "cells of maps of at most a few dozen a side")]

use crate::geometry::Point;
use crate::numeric::sort_by;
use nibble_gray::Gray;

/// Numbers of a cell: the logit of being inside a zone; cosine and sine of twice the angle of its
/// lines; vector to its centre line, and half its thickness, in cells; the logit of three lines;
/// cosine and sine of the angle.
pub(super) const CHANNELS: usize = 9;
const COS_TWICE: usize = 1;
const SIN_TWICE: usize = 2;
const ACROSS: [usize; 2] = [3, 4];
const HALF: usize = 5;
const COS: usize = 7;
const SIN: usize = 8;

/// Pixels of a cell.
const CELL: f32 = 8.0;
/// Minimum logit of a cell that belongs to a proposal: a probability of 0.3.
const MIN_LOGIT: f32 = -0.847;
/// Minimum logit of at least one cell of a proposal: a probability of 0.5.
const MIN_BEST_LOGIT: f32 = 0.0;
/// Minimum cells of a proposal.
const MIN_CELLS: usize = 3;
/// Minimum scalar product of the directions of neighbouring cells of a zone: twice the angle between
/// them has this cosine.
const MIN_AGREEMENT: f32 = 0.5;
/// Maximum distance between the centre lines of neighbouring cells of a zone, as a share of half its
/// thickness.
const MAX_OFF: f32 = 0.75;
/// Maximum proposals of a picture.
const MAX_PROPOSALS: usize = 6;
/// Added to the sum of squares along the line, in square pixels: a few cells say little about the
/// slope.
const STIFFNESS: f32 = 600.0;
/// Minimum length of a picture that is a proposal, as a multiple of half its height. Three lines of
/// 30 characters with no room around them have 8.
const MIN_SLENDERNESS: f32 = 7.0;
/// How far from the line a cell's point may lie, as multiples of half the half thickness, in one
/// round of fitting after the other.
const ALLOWED: [f32; 4] = [2.0, 1.4, 1.0, 1.0];

/// Where a zone may be, in pixels of the network's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Proposal {
    /// The start of the centre line, where the text begins if it is the right way up.
    pub(super) start: Point,
    /// Its end.
    pub(super) end: Point,
    /// Half the thickness of the zone.
    pub(super) half: f32,
    /// How sure the network is, 0 to 1.
    pub(crate) score: f32,
}

impl Proposal {
    /// The whole of a picture, along its longer side; `None` unless that is several times the
    /// shorter one.
    pub(super) fn whole(gray: &Gray) -> Option<Self> {
        let (width, height) = (gray.width() as f32, gray.height() as f32);
        let (start, end, half) = if width > height {
            (Point::new(0.0, height / 2.0), Point::new(width, height / 2.0), height / 2.0)
        } else {
            (Point::new(width / 2.0, 0.0), Point::new(width / 2.0, height), width / 2.0)
        };
        let is_slender = (end - start).norm() > MIN_SLENDERNESS * half;
        is_slender.then_some(Self { start, end, half, score: 1.0 })
    }

    /// The proposal in a picture `factor` times as large.
    pub(super) fn scaled(&self, factor: f32) -> Self {
        Self {
            start: self.start * factor,
            end: self.end * factor,
            half: self.half * factor,
            ..*self
        }
    }

    fn middle(&self) -> Point {
        (self.start + self.end) * 0.5
    }

    /// Whether the two are pieces of one zone: both lie on one line, with a small gap between them.
    fn continues(&self, other: &Self) -> bool {
        let (long, short) =
            if length(self) >= length(other) { (self, other) } else { (other, self) };
        let along = (long.end - long.start).unit();
        let course = short.end - short.start;
        if course.norm() > 3.0 * CELL && along.dot(course).abs() < 0.97 * course.norm() {
            return false;
        }
        let between = short.middle() - long.middle();
        let (off, distance) = (along.cross(between).abs(), along.dot(between).abs());
        let gap = distance - (length(long) + length(short)) / 2.0;
        off < (0.5 * long.half + 0.03 * distance).max(5.0) && gap < (2.5 * long.half).max(12.0)
    }

    /// Whether both propose the same zone: the middle of one lies within the other.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let within = |a: &Self, b: &Self| {
            let along = (b.end - b.start).unit();
            let between = a.middle() - b.middle();
            along.cross(between).abs() < b.half && along.dot(between).abs() < length(b) / 2.0
        };
        within(self, other) || within(other, self)
    }
}

fn length(proposal: &Proposal) -> f32 {
    (proposal.end - proposal.start).norm()
}

/// A cell of a proposal.
#[derive(Clone, Copy)]
struct Cell<'a> {
    /// Its middle, in pixels.
    at: Point,
    /// The point of the centre line that it leads to.
    leads_to: Point,
    /// The probability that it is inside a zone.
    weight: f32,
    numbers: &'a [f32],
}

/// The proposals of maps of so many columns, [`CHANNELS`] numbers a cell; best first.
pub(super) fn proposals(maps: &[f32], columns: usize) -> Vec<Proposal> {
    let mut found: Vec<(Proposal, Vec<Cell<'_>>)> = components(maps, columns)
        .into_iter()
        .filter(|cells| {
            cells.len() > 1 && cells.iter().any(|cell| cell.numbers[0] > MIN_BEST_LOGIT)
        })
        .filter_map(fit)
        .collect();
    sort_by(&mut found, |a, b| b.0.score.total_cmp(&a.0.score));
    while let Some((i, j)) = pieces(&found) {
        let (_, mut cells) = found.remove(j);
        let (whole, mut others) = found.remove(i);
        cells.append(&mut others);
        found.insert(i, fit(cells).unwrap_or((whole, Vec::new())));
    }
    let mut proposals: Vec<Proposal> = found
        .iter()
        .filter(|(_, cells)| cells.len() >= MIN_CELLS)
        .map(|(proposal, _)| *proposal)
        .collect();
    sort_by(&mut proposals, |a, b| b.score.total_cmp(&a.score));
    proposals.truncate(MAX_PROPOSALS);
    proposals
}

/// The first two proposals that are pieces of one zone.
fn pieces(found: &[(Proposal, Vec<Cell<'_>>)]) -> Option<(usize, usize)> {
    (0..found.len()).find_map(|i| {
        (i + 1..found.len()).find(|&j| found[i].0.continues(&found[j].0)).map(|j| (i, j))
    })
}

/// The groups of cells that are probably inside a zone, touch one another, corners included, and
/// [agree](Cell::agrees).
fn components(values: &[f32], columns: usize) -> Vec<Vec<Cell<'_>>> {
    let numbers = values.chunks_exact(CHANNELS);
    let rows = numbers.len() / columns;
    let mut left: Vec<Option<Cell<'_>>> = numbers
        .enumerate()
        .map(|(index, numbers)| {
            (numbers[0] > MIN_LOGIT).then(|| Cell::of(numbers, index % columns, index / columns))
        })
        .collect();
    let mut groups = Vec::new();
    for first in 0..rows * columns {
        let Some(cell) = left[first].take() else { continue };
        let mut group = vec![(first, cell)];
        let mut next = 0;
        while let Some(&(index, cell)) = group.get(next) {
            next += 1;
            let (y, x) = (index / columns, index % columns);
            for y in y.saturating_sub(1)..=(y + 1).min(rows - 1) {
                for x in x.saturating_sub(1)..=(x + 1).min(columns - 1) {
                    let index = y * columns + x;
                    if let Some(other) = left[index].take_if(|other| cell.agrees(other)) {
                        group.push((index, other));
                    }
                }
            }
        }
        groups.push(group.into_iter().map(|(_, cell)| cell).collect());
    }
    groups
}

impl<'a> Cell<'a> {
    fn of(numbers: &'a [f32], x: usize, y: usize) -> Self {
        let at = Point::new(x as f32 + 0.5, y as f32 + 0.5) * CELL;
        let leads_to = at + Point::new(numbers[ACROSS[0]], numbers[ACROSS[1]]) * CELL;
        Self { at, leads_to, weight: 1.0 / (1.0 + libm::expf(-numbers[0])), numbers }
    }

    /// Cosine and sine of twice the angle of the lines.
    fn twice(&self) -> Point {
        Point::new(self.numbers[COS_TWICE], self.numbers[SIN_TWICE])
    }

    /// Whether the other cell may belong to the same zone: their lines have about one direction, and
    /// one leads to a point near the centre line of the other.
    fn agrees(&self, other: &Self) -> bool {
        let off = halved(self.twice()).cross(other.leads_to - self.leads_to).abs();
        let reach = self.numbers[HALF].max(1.0) * CELL;
        self.twice().dot(other.twice()) > MIN_AGREEMENT && off < MAX_OFF * reach
    }
}

/// The mean of a number over cells, by their weights.
fn mean(cells: &[Cell<'_>], value: impl Fn(&Cell<'_>) -> f32) -> f32 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for cell in cells {
        sum += cell.weight * value(cell);
        weights += cell.weight;
    }
    sum / weights
}

/// Fits a line to cells. Returns the proposal and the cells that lie on the line; `None` if none
/// does.
fn fit(cells: Vec<Cell<'_>>) -> Option<(Proposal, Vec<Cell<'_>>)> {
    let number = |cells: &[Cell<'_>], index: usize| mean(cells, |cell| cell.numbers[index]);
    let mut along = halved(Point::new(number(&cells, COS_TWICE), number(&cells, SIN_TWICE)));
    let (mut kept, mut middle, mut half) = (cells.clone(), Point::default(), 1.0f32);
    for allowed in ALLOWED {
        middle =
            Point::new(mean(&kept, |cell| cell.leads_to.x), mean(&kept, |cell| cell.leads_to.y));
        half = (number(&kept, HALF) * CELL).max(1.0);
        for _ in 0..2 {
            let (mut product, mut square) = (0.0, STIFFNESS);
            for cell in &kept {
                let between = cell.leads_to - middle;
                let (u, v) = (along.dot(between), along.cross(between));
                product += cell.weight * u * v;
                square += cell.weight * u * u;
            }
            along = (along + along.down() * (product / square)).unit();
        }
        let reach = (0.5 * half).max(2.5) * allowed;
        kept = cells
            .iter()
            .filter(|cell| along.cross(cell.leads_to - middle).abs() <= reach)
            .copied()
            .collect();
        if kept.is_empty() {
            return None;
        }
    }
    let off = mean(&kept, |cell| along.cross(cell.leads_to - middle));
    middle = middle + along.down() * off;
    // The outermost cells reach half a cell further.
    let rest = 0.5 * CELL * along.x.abs().max(along.y.abs());
    let ends = kept.iter().map(|cell| along.dot(cell.at - middle));
    let (low, high) =
        ends.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), u| (low.min(u), high.max(u)));
    let (mut start, mut end) = (middle + along * (low - rest), middle + along * (high + rest));
    if number(&kept, COS) * along.x + number(&kept, SIN) * along.y < 0.0 {
        std::mem::swap(&mut start, &mut end);
    }
    let slender = (high - low + 2.0 * rest) / (8.0 * half);
    let many = (kept.len() as f32 / 6.0).min(1.0).sqrt();
    let sure = kept.iter().map(|cell| cell.weight).sum::<f32>() / kept.len() as f32;
    Some((Proposal { start, end, half, score: sure * slender.min(1.0) * many }, kept))
}

/// The direction whose angle is half that of `twice`, to the right.
fn halved(twice: Point) -> Point {
    let unit = twice.unit();
    let part = |cosine: f32| ((1.0 + cosine) / 2.0).max(0.0).sqrt();
    let (x, y) = (part(unit.x), part(-unit.x));
    if x == 0.0 && y == 0.0 {
        Point::new(1.0, 0.0)
    } else {
        Point::new(x, if unit.y < 0.0 { -y } else { y })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: usize = 40;
    const ROWS: usize = 30;

    /// The maps that are right for zones: start, end and half thickness in pixels.
    fn maps_of(zones: &[(Point, Point, f32)]) -> Vec<f32> {
        let mut maps = vec![0.0; COLUMNS * ROWS * CHANNELS];
        for (index, numbers) in maps.chunks_exact_mut(CHANNELS).enumerate() {
            numbers[0] = -6.0;
            let at =
                Point::new((index % COLUMNS) as f32 + 0.5, (index / COLUMNS) as f32 + 0.5) * CELL;
            for &(start, end, half) in zones {
                let along = (end - start).unit();
                let (u, v) = (along.dot(at - start), along.cross(at - start));
                if v.abs() <= half && u >= 0.0 && u <= (end - start).norm() {
                    let across = along.down() * (-v / CELL);
                    let (cos, sin) = (along.x, along.y);
                    let twice = [cos * cos - sin * sin, 2.0 * sin * cos];
                    numbers.copy_from_slice(&[
                        6.0,
                        twice[0],
                        twice[1],
                        across.x,
                        across.y,
                        half / CELL,
                        0.0,
                        cos,
                        sin,
                    ]);
                }
            }
        }
        maps
    }

    fn assert_found(found: &Proposal, (start, end, half): (Point, Point, f32)) {
        // The ends are known to half a cell.
        assert!((found.start - start).norm() < 7.0 && (found.end - end).norm() < 7.0, "{found:?}");
        assert!((found.half - half).abs() < 0.1 && found.score > 0.8, "{found:?}");
        let along = (end - start).unit();
        assert!(along.cross(found.middle() - start).abs() < 0.2, "{found:?}");
        assert!(along.dot((found.end - found.start).unit()) > 0.9999, "{found:?}");
    }

    #[test]
    fn zones_are_found_in_their_maps_in_any_direction() {
        let centre = Point::new(150.0, 118.0);
        for (cos, sin) in
            [(1.0, 0.0), (0.0, 1.0), (-0.8, 0.6), (-1.0, 0.0), (0.6, -0.8), (0.28, 0.96)]
        {
            let half = Point::new(cos, sin) * 90.0;
            let zone = (centre - half, centre + half, 12.0);
            let found = proposals(&maps_of(&[zone]), COLUMNS);
            assert_eq!(found.len(), 1);
            assert_found(&found[0], zone);
        }
    }

    #[test]
    fn two_zones_are_two_and_two_pieces_are_one() {
        let upper = (Point::new(30.0, 60.0), Point::new(260.0, 66.0), 11.0);
        let lower = (Point::new(300.0, 170.0), Point::new(90.0, 190.0), 9.0);
        let found = proposals(&maps_of(&[upper, lower]), COLUMNS);
        assert_eq!(found.len(), 2);
        let (first, second) = if found[0].half > 10.0 { (0, 1) } else { (1, 0) };
        assert_found(&found[first], upper);
        assert_found(&found[second], lower);
        // A finger hides three columns of cells.
        let mut maps = maps_of(&[upper]);
        for cell in maps
            .chunks_exact_mut(CHANNELS)
            .enumerate()
            .filter(|(i, _)| (15..18).contains(&(i % COLUMNS)))
        {
            cell.1[0] = -6.0;
        }
        let found = proposals(&maps, COLUMNS);
        assert_eq!(found.len(), 1);
        assert_found(&found[0], upper);
    }

    #[test]
    fn nothing_is_proposed_where_no_cell_is_sure() {
        assert!(proposals(&maps_of(&[]), COLUMNS).is_empty());
        let mut maps = maps_of(&[(Point::new(30.0, 60.0), Point::new(260.0, 66.0), 11.0)]);
        maps.chunks_exact_mut(CHANNELS).for_each(|cell| cell[0] = cell[0].min(-0.2));
        assert!(proposals(&maps, COLUMNS).is_empty());
        maps.chunks_exact_mut(CHANNELS).for_each(|cell| cell.fill(f32::NAN));
        assert!(proposals(&maps, COLUMNS).is_empty(), "nonsense proposes nothing");
    }
}
