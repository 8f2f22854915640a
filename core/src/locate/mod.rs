//! Locating machine-readable zones: blobs of ink at several scales become bars, bars become measured lines, parallel lines become zones.
//!
//! Nothing here knows how a line is read. Candidates come ranked; whether one is a machine-readable zone is for the later stages to say.

mod bars;
mod lines;
mod raster;
mod zones;

pub use zones::Zone;

use crate::gray::Gray;
use lines::Line;

/// Longer side of the picture that scales start from.
const BASE_SIDE: usize = 1400;
/// Longer side of the smallest scale.
const LEAST_SIDE: usize = 110;
/// Pictures up to this side are searched at their own scale too: their characters may be only five pixels apart.
const SMALL_SIDE: usize = 800;
/// Most lines that are measured a scale, longest first.
const MOST_BARS: usize = 60;

/// Candidate zones, best first, in pixels of `gray`.
#[must_use]
pub fn locate(gray: &Gray) -> Vec<Zone> {
    if gray.width() == 0 || gray.height() == 0 {
        return Vec::new();
    }
    let factor = gray.width().max(gray.height()).div_ceil(BASE_SIDE);
    let base = raster::shrink(gray, factor);
    let to_picture = picture_scale(gray.width(), base.width());
    zones::group(candidates(&base)).into_iter().map(|zone| zone.scaled(to_picture)).collect()
}

#[allow(clippy::cast_precision_loss, reason = "sides of pictures are far below 2^24")]
fn picture_scale(from: usize, to: usize) -> f32 {
    // Blocks that the picture does not fill are left out, so the factor is the block's side.
    (from / to.max(1)).max(1) as f32
}

/// Measured lines of all scales, in pixels of `base`.
fn candidates(base: &Gray) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut scale = 1.0;
    let mut level = base.clone();
    if base.width().max(base.height()) > SMALL_SIDE {
        level = raster::shrink_by_root_two(&level);
        scale *= ROOT_TWO_STEP;
    }
    while level.width().max(level.height()) >= LEAST_SIDE {
        let mut bars = lines::join(bars::find(&level));
        bars.sort_by(|a, b| b.half.total_cmp(&a.half));
        bars.truncate(MOST_BARS);
        lines.extend(bars.iter().filter_map(|bar| lines::measure(base, bar, scale)));
        level = raster::shrink_by_root_two(&level);
        scale *= ROOT_TWO_STEP;
    }
    lines
}

/// What one call of [`raster::shrink_by_root_two`] divides lengths by.
const ROOT_TWO_STEP: f32 = 1.4;
