//! Where the characters of a line stand: a lattice of nearly equal steps, fitted to the peaks of
//! the columns' probabilities.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "column and character counts of one line: a few hundred"
)]

use super::columns::{BLANK, Columns};
use crate::numeric::{median, parabola};

/// Minimum peaks on a lattice; fewer may line up by chance.
const MIN_PEAKS: usize = 12;
/// Maximum distance of a peak from its lattice position, in steps.
const TOLERANCE: f32 = 0.3;
/// Minimum ratio of the narrowest to the widest pitch along a line: perspective narrows the pitch
/// to a limited degree.
const MIN_PITCH_RATIO: f32 = 0.4;
/// Maximum absolute evidence of one character, so that no single one decides.
const MAX_EVIDENCE: f32 = 4.0;

/// Evidence where the picture does not show whether there is a character. A little below 0: what is
/// shown decides where a line begins and ends.
const UNSEEN_EVIDENCE: f32 = -0.5;

/// Puts the middle of character `i` at column `offset + step * i + bend * i * i`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lattice {
    offset: f32,
    step: f32,
    bend: f32,
    /// Evidence for a character at each index from `first` on: clamped log odds.
    evidence: Vec<f32>,
    /// Index of the first evidence.
    first: i32,
}

/// A range of a lattice: `length` characters from index `first`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    /// Index of the first character.
    pub first: i32,
    /// Number of characters.
    pub length: usize,
    /// Evidence inside the extent minus evidence just outside it, per character.
    pub score: f32,
}

/// Consecutive columns whose likeliest class is the same character.
struct Peak {
    centre: f32,
    weight: f32,
}

fn peaks(columns: &Columns) -> Vec<Peak> {
    let mut peaks = Vec::new();
    let mut t = 0;
    while t < columns.len() {
        let class = columns.best(t);
        let start = t;
        while t < columns.len() && columns.best(t) == class {
            t += 1;
        }
        if class != BLANK {
            let weight: f32 = (start..t).map(|t| columns.at(t)[class]).sum();
            let moment: f32 = (start..t).map(|t| (t as f32 + 0.5) * columns.at(t)[class]).sum();
            peaks.push(Peak { centre: moment / weight, weight: weight.min(1.0) });
        }
    }
    peaks
}

impl Lattice {
    /// The lattice of the characters in `columns`, with a pitch of about `nominal` columns. `None`
    /// if too few peaks fit a lattice.
    #[must_use]
    pub(crate) fn find(columns: &Columns, nominal: f32) -> Option<Self> {
        let peaks = peaks(columns);
        let steps = peaks.windows(2).map(|pair| pair[1].centre - pair[0].centre);
        let step = median(steps.filter(|step| (0.6 * nominal..1.5 * nominal).contains(step)))?;
        let (offset, step, bend) = fit(&peaks, step)?;
        let mut lattice = Self { offset, step, bend, evidence: Vec::new(), first: 0 };
        lattice.weigh(columns);
        Some(lattice)
    }

    /// The column coordinate (0.5 is the middle of the first column) of the middle of character
    /// `i`.
    #[must_use]
    pub(crate) fn column(&self, i: f32) -> f32 {
        self.offset + self.step * i + self.bend * i * i
    }

    /// The same lattice, without evidence at the columns that the picture does not show.
    #[must_use]
    pub(crate) fn where_shown(mut self, is_shown: impl Fn(f32) -> bool) -> Self {
        for index in 0..self.evidence.len() {
            if !is_shown(self.column((self.first + index as i32) as f32)) {
                self.evidence[index] = UNSEEN_EVIDENCE;
            }
        }
        self
    }

    fn weigh(&mut self, columns: &Columns) {
        let count = columns.len() as f32;
        let inside = |i: i32| (0.0..count).contains(&self.column(i as f32));
        let mut first = 0;
        while inside(first - 1) && first > -200 {
            first -= 1;
        }
        let mut evidence = Vec::new();
        let mut i = first;
        while inside(i) && evidence.len() < 400 {
            let middle = self.column(i as f32);
            let near = |d: f32| columns.certainty(((middle + d * self.step).max(0.0)) as usize);
            // The surest column near the middle: between characters the network reports blank.
            let sure = near(-0.2).max(near(0.0)).max(near(0.2));
            evidence
                .push(libm::logf((sure + 0.01) / (1.01 - sure)).clamp(-MAX_EVIDENCE, MAX_EVIDENCE));
            i += 1;
        }
        self.first = first;
        self.evidence = evidence;
    }

    fn evidence_at(&self, i: i32) -> f32 {
        usize::try_from(i - self.first)
            .ok()
            .and_then(|index| self.evidence.get(index))
            .copied()
            .unwrap_or(-MAX_EVIDENCE / 2.0)
    }

    /// Indices of the first character position in the strip, and one past the last.
    #[must_use]
    pub(crate) fn range(&self) -> (i32, i32) {
        (self.first, self.first + self.evidence.len() as i32)
    }

    /// Mean evidence of the two positions at the left end and at the right end of the strip.
    /// Positive values suggest that text continues beyond that end.
    #[must_use]
    pub(crate) fn edges(&self) -> (f32, f32) {
        let last = self.range().1 - 1;
        let mean = |a: i32, b: i32| (self.evidence_at(a) + self.evidence_at(b)) / 2.0;
        (mean(self.first, self.first + 1), mean(last - 1, last))
    }

    /// Whether text continues beyond an extent: there is evidence for characters at both positions
    /// just before it or just after it.
    #[must_use]
    pub(crate) fn text_beyond(&self, extent: &Extent) -> bool {
        let end = extent.first + extent.length as i32;
        let both = |a: i32, b: i32| self.evidence_at(a).min(self.evidence_at(b)) > 0.0;
        both(extent.first - 2, extent.first - 1) || both(end, end + 1)
    }

    /// The best extent of `length` characters: the most evidence inside it, the least in the two
    /// positions beyond each end.
    #[must_use]
    pub(crate) fn extent(&self, length: usize) -> Extent {
        let last = self.range().1;
        let starts = self.first - 3..=(last - length as i32 + 3).max(self.first - 3);
        let extents = starts.map(|start| self.extent_from(start, length));
        extents
            .max_by(|a, b| a.score.total_cmp(&b.score))
            .unwrap_or_else(|| self.extent_from(self.first, length))
    }

    /// The extent of `length` characters from index `first`.
    #[must_use]
    pub(crate) fn extent_from(&self, first: i32, length: usize) -> Extent {
        let end = first + length as i32;
        let inside: f32 = (first..end).map(|i| self.evidence_at(i)).sum();
        let outside: f32 =
            [first - 2, first - 1, end, end + 1].iter().map(|&i| self.evidence_at(i)).sum();
        Extent { first, length, score: (inside - 0.75 * outside) / (length as f32 + 3.0) }
    }
}

/// Numbers the peaks by their character index and fits offset, step and bend, then fits again
/// without outliers.
fn fit(peaks: &[Peak], step: f32) -> Option<(f32, f32, f32)> {
    // Start where the spacing is most regular: at the longest chain of peaks one step apart.
    let (mut chain, mut longest) = (0, (0, 0));
    for k in 1..=peaks.len() {
        let follows = k < peaks.len()
            && ((peaks[k].centre - peaks[k - 1].centre) / step - 1.0).abs() < TOLERANCE;
        if !follows {
            if k - chain > longest.1 - longest.0 {
                longest = (chain, k);
            }
            chain = k;
        }
    }
    if longest.1 - longest.0 < 3 {
        return None;
    }
    let mut places: Vec<(f32, f32, f32)> = (longest.0..longest.1)
        .map(|k| ((k - longest.0) as f32, peaks[k].centre, peaks[k].weight))
        .collect();
    let (mut low, mut high) = (longest.0, longest.1);
    let mut model = model_of(&places, step);
    // Extend the chain by one peak at a time, refitting so that the step follows the perspective.
    while low > 0 || high < peaks.len() {
        let next = if high < peaks.len() { high } else { low - 1 };
        if high < peaks.len() {
            high += 1
        } else {
            low -= 1
        }
        let Some(place) = place_of(&model, peaks[next].centre) else { continue };
        if (place - place.round()).abs() < TOLERANCE && peaks[next].weight > 0.3 {
            places.push((place.round(), peaks[next].centre, peaks[next].weight));
            if places.len().is_multiple_of(4) {
                model = model_of(&places, step);
            }
        }
    }
    for _ in 0..2 {
        model = model_of(&places, step);
        places.retain(|&(i, x, _)| {
            (model[0] + model[1] * i + model[2] * i * i - x).abs() < TOLERANCE * step
        });
    }
    (places.len() >= MIN_PEAKS).then_some((model[0], model[1], model[2]))
}

/// Fits offset, step and bend to the peaks found so far, as (index, column, weight). The bend is 0
/// over short ranges, where it cannot be told from noise.
fn model_of(places: &[(f32, f32, f32)], step: f32) -> [f32; 3] {
    let least = places.iter().map(|p| p.0).fold(f32::INFINITY, f32::min);
    let most = places.iter().map(|p| p.0).fold(f32::NEG_INFINITY, f32::max);
    if most - least >= 12.0 {
        let model = parabola(places);
        let at = |i: f32| model[1] + 2.0 * model[2] * i;
        let (left, right) = (at(least), at(most));
        if left.min(right) > MIN_PITCH_RATIO * left.max(right) {
            return model;
        }
    }
    let n: f32 = places.iter().map(|p| p.2).sum();
    let offset = places.iter().map(|&(i, x, w)| w * (x - step * i)).sum::<f32>() / n.max(1e-6);
    [offset, step, 0.0]
}

/// The fractional character index of column `x`, by two steps of Newton's method from the linear
/// solution.
fn place_of(model: &[f32; 3], x: f32) -> Option<f32> {
    let mut i = (x - model[0]) / model[1];
    for _ in 0..2 {
        let slope = model[1] + 2.0 * model[2] * i;
        if slope < 0.3 * model[1] {
            return None;
        }
        i -= (model[0] + model[1] * i + model[2] * i * i - x) / slope;
    }
    i.is_finite().then_some(i)
}

#[cfg(test)]
mod tests {
    use super::super::columns::CLASSES;
    use super::*;

    /// Columns with a confident character at each of `centres` and blank elsewhere.
    fn columns(count: usize, centres: &[f32]) -> Columns {
        let mut logits = vec![0.0; count * CLASSES];
        for t in 0..count {
            logits[t * CLASSES + BLANK] = 8.0;
        }
        for (k, &centre) in centres.iter().enumerate() {
            logits[centre as usize * CLASSES + k % 30] = 16.0;
        }
        Columns::from_logits(&logits, 1.0)
    }

    #[test]
    fn a_line_of_44_is_found_with_its_place() {
        let centres: Vec<f32> = (0..44).map(|i| 6.0 + 3.75 * i as f32).collect();
        let lattice = Lattice::find(&columns(180, &centres), 3.75).expect("44 peaks");
        let extent = lattice.extent(44);
        assert!(extent.score > lattice.extent(36).score && extent.score > lattice.extent(30).score);
        let first = lattice.column(extent.first as f32);
        assert!((first - 6.5).abs() < 1.0, "{first}");
        let last = lattice.column((extent.first + 43) as f32);
        assert!((last - centres[43]).abs() < 1.0, "{last}");
    }

    #[test]
    fn a_missing_and_a_stray_character_do_not_shift_the_count() {
        let mut centres: Vec<f32> =
            (0..30).map(|i| 10.0 + 4.0 * i as f32 + 0.01 * (i * i) as f32).collect();
        centres.remove(11);
        centres.push(centres[28] + 9.0);
        let lattice = Lattice::find(&columns(170, &centres), 3.75).expect("29 peaks");
        let extent = lattice.extent(30);
        assert!((lattice.column(extent.first as f32) - 10.5).abs() < 1.0);
        assert!((lattice.column((extent.first + 29) as f32) - 135.0).abs() < 1.5);
    }

    #[test]
    fn noise_has_no_lattice() {
        assert!(Lattice::find(&columns(170, &[]), 3.75).is_none());
        assert!(Lattice::find(&columns(170, &[3.0, 20.0, 21.0, 60.0]), 3.75).is_none());
    }
}
