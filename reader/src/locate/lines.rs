//! From bars to text lines: pieces of a line are joined, and the lines that they suggest are
//! measured.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "profiles of at most a few thousand samples"
)]

use super::Level;
use super::bars::Bar;
use crate::measure;
use crate::measure::{PITCH_PER_CAP, Sign};
use crate::numeric::sort_by;
use crate::path::LinePath;
use crate::pyramid::Pyramid;

/// Number of characters of a line worth measuring, as estimated from its length and height.
const HINTED_LENGTH: std::ops::Range<f32> = 10.0..110.0;

/// Minimum texture of a bar: that of clean print is about 1, that of wood grain a tenth.
pub(super) const MIN_TEXTURE: f32 = 0.3;

/// A line of text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) path: LinePath,
    /// How regularly the characters are spaced, 0 to 1.
    pub(super) regularity: f32,
}

/// Joins bars that continue one another.
pub(super) fn join(mut bars: Vec<Bar>) -> Vec<Bar> {
    sort_by(&mut bars, |a, b| b.half.total_cmp(&a.half));
    let mut joined: Vec<Bar> = Vec::new();
    let mut queue: std::collections::VecDeque<Bar> = bars.into();
    while let Some(bar) = queue.pop_front() {
        match joined.iter().position(|other| continues(other, &bar)) {
            Some(index) => {
                let other = joined.swap_remove(index);
                match other.joined(&bar) {
                    Some(both) => queue.push_front(both),
                    None => joined.push(other),
                }
            }
            None => joined.push(bar),
        }
    }
    joined
}

/// Whether two bars lie on a common course, with a gap of at most a few characters.
fn continues(a: &Bar, b: &Bar) -> bool {
    let (long, short) = if a.half >= b.half { (a, b) } else { (b, a) };
    let thickness = a.thickness.min(b.thickness).max(2.5);
    if a.thickness.max(b.thickness) > 2.0 * thickness {
        return false;
    }
    let between = short.centre - long.centre;
    let gap = between.dot(long.along).abs() - long.half - short.half;
    // Both ends of the short bar must lie near the axis of the long one. Farther out, more
    // deviation is allowed, as for a curved line.
    let off = |end: f32| (between + short.along * end).cross(long.along).abs();
    let allowed = 0.6 * thickness + 0.02 * between.norm();
    gap < 3.5 * thickness && off(short.half) < allowed && off(-short.half) < allowed
}

impl Line {
    /// The line that a bar of a level suggests, in picture pixels and not yet measured. `None` if
    /// its proportions or its texture are not those of a line of a zone.
    pub(super) fn hinted(bar: &Bar, level: &Level<'_>) -> Option<Self> {
        // Smoothing makes the blob about this much thicker than the capitals.
        let cap = (bar.thickness - 1.5).max(2.5);
        let half = bar.along * bar.half;
        let length = 2.0 * bar.half / (cap * PITCH_PER_CAP);
        let path = LinePath::straight(bar.centre - half, bar.centre + half, cap, length)
            .scaled(level.scale);
        let texture = bar.texture(&level.gray);
        let fits = HINTED_LENGTH.contains(&length) && texture > MIN_TEXTURE;
        fits.then_some(Self { path, regularity: 0.5 * texture.min(1.0) })
    }
}

/// Measures the line near `hint`. `None` if there is none, or if its length does not suit a zone.
pub(super) fn measure(picture: &Pyramid, hint: &LinePath, sign: Sign) -> Option<Line> {
    let measured = measure::measure(picture, hint, sign, &HINTED_LENGTH)?;
    let path = measured.pitch.map_or(measured.path, |factor| spaced(&measured.path, factor));
    Some(Line { path, regularity: measured.regularity })
}

/// Recounts a line by its measured pitch, which is `factor` times the pitch that its height
/// implies. The height may be wrong where there are many fillers, so it moves halfway, on a
/// logarithmic scale, to the height that the pitch implies.
fn spaced(path: &LinePath, factor: f32) -> LinePath {
    LinePath { cap: path.cap * factor.sqrt(), ..*path }.recounted(0.0, factor, path.length / factor)
}
