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

use std::borrow::Cow;

use crate::measure::Sign;
use crate::numeric::sort_by;
use crate::pyramid::{MAX_HALVES, Pyramid};
use lines::Line;
use nibble_gray::Gray;
use proposals::Proposal;

/// Range of the longer side of the scales: at the largest, the characters of a line as long as the
/// picture are twenty pixels apart, at the smallest two.
const SIDES: std::ops::RangeInclusive<usize> = 110..=920;
/// Maximum bars considered per scale, the longest first.
const MAX_BARS: usize = 60;
/// Maximum groups of bars whose lines are measured.
const MAX_GROUPS: usize = 10;
/// Factor by which [`raster::shrink_by_root_two`] divides lengths.
const ROOT_TWO_STEP: f32 = 1.4;

/// The picture at one scale. Lengths here times `scale` are lengths in the picture.
struct Level<'a> {
    gray: Cow<'a, Gray>,
    scale: f32,
}

/// Zones that may be machine-readable, best first, in pixels of the picture.
#[must_use]
pub(crate) fn locate(picture: &Pyramid) -> Vec<Zone> {
    let levels = levels(picture);
    let hints = levels.iter().flat_map(|level| {
        let mut bars = bars::find(&level.gray);
        bars.retain(|bar| bar.texture(&level.gray) > lines::MIN_TEXTURE);
        let mut bars = lines::join(bars);
        sort_by(&mut bars, |a, b| b.half.total_cmp(&a.half));
        bars.truncate(MAX_BARS);
        bars.into_iter().filter_map(move |bar| Line::hinted(&bar, level))
    });
    let groups = zones::group(hints.collect());
    let hints = groups.iter().take(MAX_GROUPS).flat_map(|zone| &zone.lines);
    let measured = hints.filter_map(|hint| lines::measure(picture, hint, Sign::Ink));
    let mut measured = zones::group(measured.collect());
    measured.iter_mut().for_each(|zone| zones::foreshorten(&mut zone.lines));
    measured
}

/// The zones of a picture that is hardly higher than its lines, such as a crop to the text; none
/// for other pictures.
#[must_use]
pub(crate) fn fill(picture: &Pyramid) -> Vec<Zone> {
    Proposal::whole(picture.level(0)).map_or(Vec::new(), |whole| zones_of(picture, &whole))
}

/// The picture at decreasing scales: its halves, and between them each half shrunk once more.
fn levels<'a>(picture: &'a Pyramid<'_>) -> Vec<Level<'a>> {
    let side = |gray: &Gray| gray.width().max(gray.height());
    let mut levels = Vec::new();
    for times in 0..=MAX_HALVES {
        let half = picture.level(times);
        if side(half) < *SIDES.start() {
            break;
        }
        let scale = picture.scale(times);
        levels.push(Level { gray: Cow::Borrowed(half), scale });
        if (SIDES.start() * 7..=SIDES.end() * 7).contains(&(side(half) * 5)) {
            let gray = Cow::Owned(raster::shrink_by_root_two(half));
            levels.push(Level { gray, scale: scale * ROOT_TWO_STEP });
        }
    }
    levels.retain(|level| side(&level.gray) <= *SIDES.end());
    levels
}
