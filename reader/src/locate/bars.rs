//! Bars: at a scale where characters are about five pixels apart, a text line is one long narrow
//! blob of ink, whatever its direction.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel counts and coordinates of pictures of at most a few thousand pixels a side"
)]

use super::raster::{BoxMean, Ink, MAX_INK, Rows};
use crate::geometry::Point;
use nibble_gray::Gray;

/// Radius of the mean that ink is measured against: wider than a character, narrower than two
/// lines.
const INK_RADIUS: usize = 5;
/// Radius of the mean that a blob must exceed: a line of a zone and the space to its neighbours.
/// With a larger radius, lines that are set close would merge into one blob.
const CONTRAST_RADIUS: usize = 8;
/// Minimum smoothed ink of a blob, in quarter gray levels: below it there is only noise.
const MIN_INK: u16 = 8;
/// Minimum length of a bar in pixels: about eight characters.
const MIN_LENGTH: f32 = 28.0;
/// Minimum ratio of a bar's length to its thickness.
const MIN_ELONGATION: f32 = 4.0;
/// Maximum thickness of a bar in pixels.
const MAX_THICKNESS: f32 = 11.0;

/// A long narrow blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    /// Centroid.
    pub(super) centre: Point,
    /// Unit vector along the bar, pointing right or straight down.
    pub(super) along: Point,
    /// Half the length.
    pub(super) half: f32,
    /// Thickness.
    pub(super) thickness: f32,
    /// Moments, from which a joined bar is computed.
    moments: Moments,
}

/// Sums over the pixels of a blob: their number, coordinates, and products of coordinates.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Moments {
    /// The moments of pixels `start..end` of row `y`.
    fn run(start: usize, end: usize, y: usize) -> Self {
        let (a, b, y) = (start as f64, end as f64, y as f64 + 0.5);
        let n = b - a;
        // Sums of i + 1/2 for i in a..b, and integrals of the squares.
        let x = (b * b - a * a) / 2.0;
        let xx = (b * b * b - a * a * a) / 3.0;
        Self { n, x, y: n * y, xx, xy: x * y, yy: n * (y * y + 1.0 / 12.0) }
    }

    fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.x += other.x;
        self.y += other.y;
        self.xx += other.xx;
        self.xy += other.xy;
        self.yy += other.yy;
    }

    /// The bar with the same moments; `None` for an empty blob.
    fn bar(&self) -> Option<Bar> {
        if self.n <= 0.0 {
            return None;
        }
        let (cx, cy) = (self.x / self.n, self.y / self.n);
        let (xx, xy, yy) =
            (self.xx / self.n - cx * cx, self.xy / self.n - cx * cy, self.yy / self.n - cy * cy);
        let (half_trace, half_difference) = ((xx + yy) / 2.0, (xx - yy) / 2.0);
        let root = (half_difference * half_difference + xy * xy).sqrt();
        let (major, minor) = (half_trace + root, (half_trace - root).max(0.0));
        // The eigenvector of the larger eigenvalue, by the better conditioned of two formulas.
        let (vx, vy) =
            if xx >= yy { (root + half_difference, xy) } else { (xy, root - half_difference) };
        let mut along = Point::new(vx as f32, vy as f32).unit();
        if along.x < 0.0 || (along.x == 0.0 && along.y < 0.0) {
            along = along * -1.0;
        }
        if along.norm() == 0.0 {
            along = Point::new(1.0, 0.0);
        }
        // The variance of a uniform distribution over a length l is l^2 / 12.
        Some(Bar {
            centre: Point::new(cx as f32, cy as f32),
            along,
            half: (3.0 * major).sqrt() as f32,
            thickness: (12.0 * minor).sqrt() as f32,
            moments: *self,
        })
    }
}

impl Bar {
    /// How much the gray changes along the bar, relative to the contrast between the bar and its
    /// surroundings. It changes with each stroke of a character, but hardly along wood grain or a
    /// rule.
    pub(super) fn texture(&self, level: &Gray) -> f32 {
        let across = self.along.down();
        let at = |along: f32, aside: f32| {
            let point = self.centre + self.along * along + across * aside;
            let x = (point.x.max(0.0) as usize).min(level.width() - 1);
            let y = (point.y.max(0.0) as usize).min(level.height() - 1);
            f32::from(level.row(y)[x])
        };
        let steps = (2.0 * self.half) as usize;
        let (mut change, mut depth) = (0.0, 0.0);
        for step in 0..steps {
            let along = step as f32 - self.half;
            // Two pixels are about half a character at this scale.
            change += (at(along + 2.0, 0.0) - at(along, 0.0)).abs();
            let beside = (at(along, -self.thickness) + at(along, self.thickness)) / 2.0;
            depth += beside - at(along, 0.0);
        }
        change / depth.max(steps as f32)
    }

    /// One bar in place of two, from the sum of their moments.
    pub(super) fn joined(&self, other: &Self) -> Option<Self> {
        let mut moments = self.moments;
        moments.add(&other.moments);
        moments.bar()
    }
}

/// The 8-connected blobs of a mask, found by union of horizontal runs of pixels.
struct Blobs {
    parents: Vec<u32>,
    moments: Vec<Moments>,
}

impl Blobs {
    fn find(&mut self, mut id: u32) -> u32 {
        while self.parents[id as usize] != id {
            let up = self.parents[self.parents[id as usize] as usize];
            self.parents[id as usize] = up;
            id = up;
        }
        id
    }

    fn unite(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        if a != b {
            let (low, high) = (a.min(b), a.max(b));
            self.parents[high as usize] = low;
            let moments = self.moments[high as usize];
            self.moments[low as usize].add(&moments);
        }
    }

    /// Adds a run of pixels to the blobs that it touches, or starts a new blob. Returns the id of a
    /// blob that contains it.
    fn added(&mut self, run: &Moments, mut touching: impl Iterator<Item = u32>) -> u32 {
        let Some(first) = touching.next() else {
            self.parents.push(self.parents.len() as u32);
            self.moments.push(*run);
            return self.parents.len() as u32 - 1;
        };
        let id = self.find(first);
        self.moments[id as usize].add(run);
        touching.for_each(|other| self.unite(id, other));
        id
    }

    /// The moments of the blobs of a mask; `next` writes its next row.
    fn of(width: usize, height: usize, mut next: impl FnMut(&mut [bool])) -> Vec<Moments> {
        let mut blobs = Self { parents: Vec::new(), moments: Vec::new() };
        let mut above: Vec<(usize, usize, u32)> = Vec::new();
        let mut current: Vec<(usize, usize, u32)> = Vec::new();
        let mut mask = vec![false; width];
        for y in 0..height {
            next(&mut mask);
            current.clear();
            let (mut x, mut candidate) = (0, 0);
            while x < width {
                if !mask[x] {
                    x += 1;
                    continue;
                }
                let start = x;
                while x < width && mask[x] {
                    x += 1;
                }
                while candidate < above.len() && above[candidate].1 < start {
                    candidate += 1;
                }
                let touching =
                    above[candidate..].iter().take_while(|run| run.0 <= x).map(|run| run.2);
                let id = blobs.added(&Moments::run(start, x, y), touching);
                current.push((start, x, id));
            }
            std::mem::swap(&mut above, &mut current);
        }
        let roots = (0..blobs.parents.len()).filter(|&id| blobs.parents[id] as usize == id);
        roots.map(|id| blobs.moments[id]).collect()
    }
}

/// The bars of one level.
pub(super) fn find(level: &Gray) -> Vec<Bar> {
    let energy = BoxMean::of(BoxMean::of(Ink::of(level, INK_RADIUS), 1, MAX_INK, 1), 1, MAX_INK, 1);
    let mut contrast = BoxMean::of(energy, CONTRAST_RADIUS, MAX_INK, 1);
    let mut around = vec![0; level.width()];
    let blobs = Blobs::of(level.width(), level.height(), |mask| {
        contrast.next(&mut around);
        for ((inside, &here), &mean) in mask.iter_mut().zip(contrast.middle()).zip(&around) {
            *inside = here > mean.max(MIN_INK);
        }
    });
    blobs
        .iter()
        .filter(|moments| moments.n >= f64::from(MIN_LENGTH))
        .filter_map(Moments::bar)
        .filter(|bar| {
            2.0 * bar.half >= MIN_LENGTH
                && bar.thickness <= MAX_THICKNESS
                && 2.0 * bar.half >= MIN_ELONGATION * bar.thickness
        })
        .collect()
}
