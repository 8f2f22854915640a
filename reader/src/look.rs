//! The first look at a line: a rough reading that finds where its characters stand.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "character counts and column coordinates of one line"
)]

use crate::decode::{Columns, Extent, Lattice};
use crate::path::LinePath;
use crate::pyramid::Pyramid;
use crate::rectify::{Rectified, rectify};
use crate::strips::Strips;
use nibble_core::Logits;

/// Characters that a first look takes in beyond each measured end.
const LOOK_MARGIN: f32 = 3.0;
/// Softmax temperature. Model files are calibrated on held-out strips (docs/training.md); slots off
/// their lattice are a little less certain.
pub(super) const TEMPERATURE: f32 = 1.1;
/// Minimum evidence per character for a line of a zone.
pub(super) const MIN_EVIDENCE: f32 = 1.8;
/// A line length is still considered if its evidence is within this of the best length's.
const LENGTH_SLACK: f32 = 0.35;
/// Characters added to a look where text continues beyond its end.
const EXTENSION: f32 = 10.0;
/// Maximum number of times that a look is lengthened or repeated.
const MAX_LOOKS: usize = 4;
/// Evidence at which a look is repeated: below this range there is no line, above it a second look
/// gains nothing.
const UNSETTLED_EVIDENCE: std::ops::Range<f32> = 0.8..3.6;
/// Maximum characters of a look: the longest line and any text next to it.
const MAX_CHARACTERS: f32 = 80.0;
/// Minimum ratio of a line's length to that of its first half, in columns. The ratio is 2 where
/// characters are equally wide, and smaller where they narrow towards the end.
const MIN_RATIO: f32 = 1.55;
/// Maximum of the same ratio.
const MAX_RATIO: f32 = 2.8;
/// Characters per line in each format, the longest first.
const LENGTHS: [usize; 3] = [44, 36, 30];

/// A line after the first look.
#[derive(Clone)]
pub(super) struct Look {
    /// The path as the locator measured it.
    pub(super) located: LinePath,
    /// The path that was read: longer than `located` where text continues beyond an end.
    pub(super) path: LinePath,
    rectified: Rectified,
    pub(super) lattice: Lattice,
}

impl Look {
    /// Looks along a path. The look is lengthened where text continues beyond an end. It is
    /// repeated on its own lattice where the evidence is unsettled: unevenly spaced characters read
    /// badly.
    pub(super) fn at(network: &mut Strips, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        let mut look = Self::once(network, picture, path)?;
        for _ in 0..MAX_LOOKS {
            let (left, right) = look.lattice.edges();
            let (left, right) = (
                if left > 0.0 { EXTENSION } else { 0.0 },
                if right > 0.0 { EXTENSION } else { 0.0 },
            );
            let text_beyond = left + right > 0.0 && look.evidence() > 0.0;
            let unsettled = UNSETTLED_EVIDENCE.contains(&look.evidence());
            if !text_beyond && !unsettled {
                break;
            }
            let course = if unsettled { look.settled() } else { look.path };
            let path = course.recounted(-left, 1.0, course.length + left + right);
            if path.length > MAX_CHARACTERS {
                break;
            }
            match Self::once(network, picture, &path) {
                Some(next) if text_beyond || next.evidence() > look.evidence() => {
                    look = next.located_at(look.located)
                }
                _ => break,
            }
        }
        Some(look)
    }

    /// The same look, with another located path.
    pub(super) fn located_at(self, located: LinePath) -> Self {
        Self { located, ..self }
    }

    /// The path of the whole look, with its characters counted on the look's own lattice.
    fn settled(&self) -> LinePath {
        let extent = self.lattice.extent(self.length());
        let (first, last) = self.lattice.range();
        let margin = LOOK_MARGIN as i32;
        let (left, right) = (
            (extent.first - first - margin).max(0),
            (last - margin - extent.first - extent.length as i32).max(0),
        );
        let counted = self.counted(&extent);
        counted.recounted(-left as f32, 1.0, counted.length + (left + right) as f32)
    }

    pub(super) fn once(network: &mut Strips, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        let (rectified, logits) = run(network, picture, path, LOOK_MARGIN)?;
        let columns = Columns::from_logits(&logits.to_f32(), TEMPERATURE);
        let lattice = Lattice::find(&columns, rectified.pitch())?
            .where_shown(|column| picture.shows(path, rectified.u(column)));
        Some(Self { located: *path, path: *path, rectified, lattice })
    }

    /// The likeliest line length.
    pub(super) fn length(&self) -> usize {
        let score = |length: usize| self.lattice.extent(length).score;
        LENGTHS.into_iter().max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap_or(LENGTHS[0])
    }

    /// The extent of `length` characters; `None` unless it is about as likely as the best length.
    pub(super) fn extent(&self, length: usize) -> Option<Extent> {
        let extent = self.lattice.extent(length);
        (extent.score > MIN_EVIDENCE && extent.score > self.evidence() - LENGTH_SLACK)
            .then_some(extent)
    }

    /// Evidence per character for the likeliest line length.
    pub(super) fn evidence(&self) -> f32 {
        LENGTHS
            .map(|length| self.lattice.extent(length).score)
            .into_iter()
            .fold(f32::NEG_INFINITY, f32::max)
    }

    /// Whether a further look gains nothing.
    pub(super) fn is_settled(&self) -> bool {
        self.evidence() >= UNSETTLED_EVIDENCE.end
    }

    /// The path of an extent, with its `extent.length` characters counted on the lattice.
    pub(super) fn counted(&self, extent: &Extent) -> LinePath {
        let length = extent.length as f32;
        let u = |i: f32| self.rectified.u(self.lattice.column(extent.first as f32 - 0.5 + i));
        let (first, half, whole) = (u(0.0), u(length / 2.0) - u(0.0), u(length) - u(0.0));
        // Fit scale * i / (1 + bend * i) through the middle and the end.
        let ratio = (whole / half).clamp(MIN_RATIO, MAX_RATIO);
        let bend = (2.0 - ratio) / ((ratio - 1.0) * length);
        let scale = whole * (1.0 + bend * length) / length;
        self.path.recounted(first, scale, length).foreshortened(bend)
    }
}

/// Rectifies a path and runs the network on its strip.
pub(super) fn run(
    network: &mut Strips,
    picture: &Pyramid,
    path: &LinePath,
    margin: f32,
) -> Option<(Rectified, Logits)> {
    let (rows, stride) = (network.model().height?, network.model().column_stride);
    let rectified = rectify(picture, path, margin, rows, stride)?;
    let logits = network.run(rectified.strip.pixels())?;
    Some((rectified, logits))
}
