//! Locating machine-readable zones: blobs of ink at several scales become bars, bars become
//! measured lines, and parallel lines become zones.
//!
//! Nothing here depends on how a line is read. Zones are ranked; the later stages decide whether
//! one is machine-readable.

mod bars;
mod contrast;
mod lines;
mod network;
mod proposals;
mod raster;
mod rows;
mod zones;

pub(crate) use network::{Locator, zones_of};
pub(crate) use zones::Zone;
pub(crate) use zones::level_heights;

use crate::measure::PATCH_CAP;
use crate::numeric::sort_by;
use crate::pyramid::Pyramid;
use lines::Line;
use nibble_gray::Gray;

/// Maximum longer side of the largest scale.
const BASE_SIDE: usize = 1400;
/// Minimum longer side of the smallest scale.
const MIN_SIDE: usize = 110;
/// Maximum longer side at which the largest scale is searched too: characters of such a small
/// picture may be only five pixels apart.
const SMALL_SIDE: usize = 800;
/// Maximum bars considered per scale, the longest first.
const MAX_BARS: usize = 60;
/// Maximum groups of bars whose lines are measured.
const MAX_GROUPS: usize = 10;
/// Factor by which [`raster::shrink_by_root_two`] divides lengths.
const ROOT_TWO_STEP: f32 = 1.4;

/// The picture at one scale. Lengths here times `scale` are lengths in the picture.
struct Level {
    gray: Gray,
    scale: f32,
}

impl Level {
    /// The pyramid of this level, to measure on.
    fn pyramid(&self) -> Pyramid<'_> {
        Pyramid::of(&self.gray)
    }
}

/// Zones that may be machine-readable, best first, in pixels of `gray`.
#[must_use]
pub(crate) fn locate(gray: &Gray) -> Vec<Zone> {
    if gray.width() == 0 || gray.height() == 0 {
        return Vec::new();
    }
    let levels = levels(gray);
    let hints = levels.iter().enumerate().flat_map(|(index, level)| {
        // Characters five pixels apart at a large picture's largest scale are too small to be read.
        let searched = index > 0 || level.gray.width().max(level.gray.height()) <= SMALL_SIDE;
        let mut bars = if searched { bars::find(&level.gray) } else { Vec::new() };
        bars.retain(|bar| bar.texture(&level.gray) > lines::MIN_TEXTURE);
        let mut bars = lines::join(bars);
        sort_by(&mut bars, |a, b| b.half.total_cmp(&a.half));
        bars.truncate(MAX_BARS);
        bars.into_iter().filter_map(move |bar| Line::hinted(&bar, level))
    });
    let groups = zones::group(hints.collect());
    let hints = groups.iter().take(MAX_GROUPS).flat_map(|zone| &zone.lines);
    let mut measured =
        zones::group(hints.filter_map(|path| lines::measure(level_for(&levels, path), path)).collect());
    measured.iter_mut().for_each(|zone| zones::foreshorten(&mut zone.lines));
    measured
}

/// The smallest level at which a line's capitals are tall enough to be measured, or the largest
/// level.
fn level_for<'a>(levels: &'a [Level], path: &crate::path::LinePath) -> &'a Level {
    let fits = |level: &Level| path.cap_at(path.length / 2.0) / level.scale >= PATCH_CAP;
    levels.iter().rev().find(|level| fits(level)).unwrap_or(&levels[0])
}

/// The picture at decreasing scales.
fn levels(gray: &Gray) -> Vec<Level> {
    let factor = gray.width().max(gray.height()).div_ceil(BASE_SIDE);
    let mut levels = vec![Level { gray: gray.shrunk(factor), scale: whole(factor) }];
    while let Some(last) = levels.last() {
        let next = raster::shrink_by_root_two(&last.gray);
        if next.width().max(next.height()) < MIN_SIDE {
            break;
        }
        let scale = last.scale * ROOT_TWO_STEP;
        levels.push(Level { gray: next, scale });
    }
    levels
}

#[allow(clippy::cast_precision_loss, reason = "a factor of a few dozen")]
fn whole(factor: usize) -> f32 {
    factor.max(1) as f32
}
