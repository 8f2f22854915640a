//! The first look at a line: read it roughly, and find where its characters stand.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "character counts and column coordinates of one line"
)]

use crate::decode::{Columns, Lattice, Window};
use crate::path::LinePath;
use crate::pyramid::Pyramid;
use crate::rectify::{Rectified, rectify};
use nibble_core::{Logits, Network};

/// Characters beyond the measured ends that a first look takes in.
const LOOK_MARGIN: f32 = 3.0;
/// Softens the network's probabilities: it is surer than it is right.
pub(super) const TEMPERATURE: f32 = 1.5;
/// Least evidence a character for a line of a zone.
pub(super) const LEAST_EVIDENCE: f32 = 1.8;
/// How much less evidence than the best length of a line a length may have.
const LENGTH_SLACK: f32 = 0.35;
/// Characters by which a look is made longer where text goes on beyond its end.
const EXTENSION: f32 = 10.0;
/// Times a look is made longer or taken again.
const MOST_LOOKS: usize = 4;
/// With less evidence there is no line, with more a look has nothing to win.
const UNSETTLED_EVIDENCE: std::ops::Range<f32> = 0.8..3.6;
/// Most characters of a look: the longest line and what may stand beside it.
const MOST_CHARACTERS: f32 = 80.0;
/// Bounds of a whole line over its first half, in picture pixels: 2 where characters are equally wide, less where they narrow.
const LEAST_RATIO: f32 = 1.55;
const MOST_RATIO: f32 = 2.8;
/// Line lengths of the formats.
const LENGTHS: [usize; 3] = [44, 36, 30];

/// A line after the first look.
#[derive(Clone)]
pub(super) struct Look {
    /// What the locator measured.
    pub(super) located: LinePath,
    /// What was looked along: longer where text went on beyond an end.
    pub(super) path: LinePath,
    rectified: Rectified,
    pub(super) lattice: Lattice,
}

impl Look {
    /// Looks along a path, farther along where the text goes on beyond an end, and again on the look's own lattice where characters were not evenly
    /// spaced: those read badly.
    pub(super) fn at(network: &mut Network, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        let mut look = Self::once(network, picture, path)?;
        for _ in 0..MOST_LOOKS {
            let (left, right) = look.lattice.edges();
            let (left, right) =
                (if left > 0.0 { EXTENSION } else { 0.0 }, if right > 0.0 { EXTENSION } else { 0.0 });
            let goes_on = left + right > 0.0 && look.evidence() > 0.0;
            let unsettled = UNSETTLED_EVIDENCE.contains(&look.evidence());
            if !goes_on && !unsettled {
                break;
            }
            let course = if unsettled { look.settled() } else { look.path };
            let path = course.recounted(-left, 1.0, course.length + left + right);
            if path.length > MOST_CHARACTERS {
                break;
            }
            match Self::once(network, picture, &path) {
                Some(next) if goes_on || next.evidence() > look.evidence() => {
                    look = next.located_at(look.located)
                }
                _ => break,
            }
        }
        Some(look)
    }

    /// The same look, of a line that was located elsewhere.
    pub(super) fn located_at(self, located: LinePath) -> Self {
        Self { located, ..self }
    }

    /// The course of the look counted on its own lattice, from end to end.
    fn settled(&self) -> LinePath {
        let window = self.lattice.window(self.length());
        let (first, last) = self.lattice.range();
        let margin = LOOK_MARGIN as i32;
        let (left, right) = (
            (window.first - first - margin).max(0),
            (last - margin - window.first - window.length as i32).max(0),
        );
        let counted = self.counted(&window);
        counted.recounted(-left as f32, 1.0, counted.length + (left + right) as f32)
    }

    pub(super) fn once(network: &mut Network, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        let (rectified, logits) = run(network, picture, path, LOOK_MARGIN)?;
        let columns = Columns::from_logits(&logits.to_f32(), TEMPERATURE);
        let lattice = Lattice::find(&columns, rectified.pitch())?;
        Some(Self { located: *path, path: *path, rectified, lattice })
    }

    /// The likeliest line length.
    pub(super) fn length(&self) -> usize {
        let score = |length: usize| self.lattice.window(length).score;
        LENGTHS.into_iter().max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap_or(LENGTHS[0])
    }

    /// The window of `length`, where that is about as likely as the best length.
    pub(super) fn window(&self, length: usize) -> Option<Window> {
        let window = self.lattice.window(length);
        (window.score > LEAST_EVIDENCE && window.score > self.evidence() - LENGTH_SLACK).then_some(window)
    }

    /// Evidence for the likeliest line length.
    pub(super) fn evidence(&self) -> f32 {
        LENGTHS.map(|length| self.lattice.window(length).score).into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The same line counted on its lattice, `window.length` characters.
    pub(super) fn counted(&self, window: &Window) -> LinePath {
        let length = window.length as f32;
        let u = |i: f32| self.rectified.u(self.lattice.column(window.first as f32 - 0.5 + i));
        let (first, half, whole) = (u(0.0), u(length / 2.0) - u(0.0), u(length) - u(0.0));
        // scale * i / (1 + bend * i) through the middle and the end.
        let ratio = (whole / half).clamp(LEAST_RATIO, MOST_RATIO);
        let bend = (2.0 - ratio) / ((ratio - 1.0) * length);
        let scale = whole * (1.0 + bend * length) / length;
        self.path.recounted(first, scale, length).foreshortened(bend)
    }
}

/// Rectifies a path and runs the network on its strip.
pub(super) fn run(
    network: &mut Network,
    picture: &Pyramid,
    path: &LinePath,
    margin: f32,
) -> Option<(Rectified, Logits)> {
    let (rows, stride) = (network.model().height, network.model().column_stride);
    let rectified = rectify(picture, path, margin, rows, stride)?;
    let logits = network.run(rectified.strip.pixels()).ok()?;
    Some((rectified, logits))
}
