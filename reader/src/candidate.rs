//! A zone read under one format: its text, and what speaks for it.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "character counts and column coordinates of one line"
)]

use crate::decode::Columns;
use crate::decode::grammar::{self, Text};
use crate::decode::slots::{Grid, Slot, marginals, most_likely};
use crate::geometry::Point;
use crate::look::{TEMPERATURE, run};
use crate::path::LinePath;
use crate::pyramid::Pyramid;
use nibble_core::{Logits, Network};
use nibble_mrz::{ALPHABET, Check, Format, symbol, verify};

/// Characters beyond the ends of a line whose lattice is known.
const READ_MARGIN: f32 = 1.0;
/// A reading above this is confident: a text that differs from it is not valid.
pub(super) const CONFIDENT: f32 = 0.9;
/// A character that no check digit protects needs this confidence.
pub(super) const DOUBTFUL: f32 = 0.6;
/// A valid text has at least this share of the probability of all texts whose check digits agree.
const LEAST_CERTAINTY: f32 = 0.7;
/// A valid text has at least this log probability a character.
const LEAST_VALID_SCORE: f32 = -0.3;
/// A valid candidate this likely, in log probability a character, ends the search.
const CERTAIN: f32 = -0.1;

/// A line read on its lattice.
#[derive(Debug, Clone)]
pub(super) struct Line {
    path: LinePath,
    slots: Vec<Slot>,
    logits: Logits,
}

impl Line {
    /// Reads a line along its path, a character a slot.
    pub(super) fn at(network: &mut Network, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        let (rectified, logits) = run(network, picture, path, READ_MARGIN)?;
        let columns = Columns::from_logits(&logits.to_f32(), TEMPERATURE);
        let grid =
            Grid { first: rectified.column(0.0), step: rectified.pitch(), slots: path.length as usize };
        Some(Self { path: *path, slots: marginals(&columns, &grid), logits })
    }
}

/// A zone read under one format.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    lines: Vec<Line>,
    /// Mean evidence of the lines' windows.
    evidence: f32,
    /// Text stands right beyond an end of a line: a part of a longer one was taken for it.
    goes_on: bool,
    text: Text,
    checks: Vec<Check>,
    valid: bool,
}

/// One character that differs from the raw reading or is not sure.
pub(super) struct Doubt {
    pub(super) line: usize,
    pub(super) position: usize,
    pub(super) raw: u8,
    pub(super) alternative: u8,
    pub(super) confidence: f32,
}

impl Candidate {
    pub(super) fn new(lines: Vec<Line>, evidence: f32, goes_on: bool) -> Option<Self> {
        let slots: Vec<&[Slot]> = lines.iter().map(|line| &line.slots[..]).collect();
        let text = grammar::likeliest_text(&slots)?;
        let checks = verify(text.format, &text.lines);
        let mut candidate = Self { lines, evidence, goes_on, text, checks, valid: false };
        candidate.valid = candidate.proves_valid();
        Some(candidate)
    }

    /// The same lines with probabilities from elsewhere, of the same shape.
    pub(super) fn with_slots(&self, slots: Vec<Vec<Slot>>) -> Option<Self> {
        let with =
            |(line, slots): (&Line, Vec<Slot>)| Line { path: line.path, slots, logits: line.logits.clone() };
        Self::new(self.lines.iter().zip(slots).map(with).collect(), self.evidence, self.goes_on)
    }

    /// The probabilities of the characters, line by line.
    pub(super) fn slots(&self) -> Vec<&[Slot]> {
        self.lines.iter().map(|line| &line.slots[..]).collect()
    }

    /// Log probability a character, prices included.
    pub(super) fn score(&self) -> f32 {
        let count: usize = self.text.lines.iter().map(Vec::len).sum();
        self.text.score / count.max(1) as f32
    }

    /// Candidates are ranked by probability, agreeing check digits, and how well their characters fill the line: a line cut short reads well too, and its check
    /// digits may agree, but text goes on beyond it.
    pub(super) fn rank(&self) -> f32 {
        let agreeing =
            self.checks.iter().filter(|check| check.ok).count() as f32 / self.checks.len().max(1) as f32;
        self.score() + agreeing + self.evidence - f32::from(u8::from(self.goes_on))
    }

    pub(super) fn format(&self) -> Format {
        self.text.format
    }

    pub(super) fn lines(&self) -> &[Vec<u8>] {
        &self.text.lines
    }

    pub(super) fn checks(&self) -> &[Check] {
        &self.checks
    }

    pub(super) fn quads(&self) -> Vec<[Point; 4]> {
        self.lines.iter().map(|line| line.path.quad()).collect()
    }

    pub(super) fn logits(&self) -> impl Iterator<Item = &Logits> {
        self.lines.iter().map(|line| &line.logits)
    }

    /// The likeliest character of every place, before the grammar.
    pub(super) fn raw_lines(&self) -> Vec<Vec<u8>> {
        let raw = |line: &Line| line.slots.iter().map(|slot| ALPHABET[most_likely(slot)]).collect();
        self.lines.iter().map(raw).collect()
    }

    /// The probability of every character of the text.
    pub(super) fn confidences(&self) -> Vec<Vec<f32>> {
        let confidence = |(line, text): (&Line, &Vec<u8>)| {
            line.slots.iter().zip(text).map(|(slot, &c)| symbol(c).map_or(0.0, |s| slot[s])).collect()
        };
        self.lines.iter().zip(&self.text.lines).map(confidence).collect()
    }

    /// Characters that were changed, and unprotected ones that are not sure.
    pub(super) fn doubts(&self) -> Vec<Doubt> {
        let layout = self.text.format.layout();
        let mut doubts = Vec::new();
        for (line, (read, text)) in self.lines.iter().zip(&self.text.lines).enumerate() {
            for (position, (slot, &chosen)) in read.slots.iter().zip(text).enumerate() {
                let raw = most_likely(slot);
                let confidence = symbol(chosen).map_or(0.0, |symbol| slot[symbol]);
                let changed = ALPHABET[raw] != chosen;
                let doubtful = confidence < DOUBTFUL && !layout.is_protected(line, position);
                if changed {
                    doubts.push(Doubt {
                        line,
                        position,
                        raw: ALPHABET[raw],
                        alternative: chosen,
                        confidence,
                    });
                } else if doubtful {
                    let mut rest = *slot;
                    rest[raw] = 0.0;
                    let second = ALPHABET[most_likely(&rest)];
                    doubts.push(Doubt { line, position, raw: chosen, alternative: second, confidence });
                }
            }
        }
        doubts
    }

    /// Nothing better is to be expected.
    pub(super) fn is_certain(&self) -> bool {
        self.valid && self.score() > CERTAIN
    }

    /// Every check digit agrees, no confident reading was changed, nothing outside the check digits' protection is doubtful or foreign to the format, no other text with
    /// agreeing check digits is about as likely, and the lines end where the format ends.
    pub(super) fn is_valid(&self) -> bool {
        self.valid
    }

    fn proves_valid(&self) -> bool {
        let layout = self.text.format.layout();
        let foreign = self.text.lines.iter().enumerate().any(|(line, text)| {
            let at = |(position, &c): (usize, &u8)| !grammar::provides(self.text.format, line, position, c);
            text.iter().enumerate().any(at)
        });
        !foreign
            && !self.goes_on
            && self.checks.iter().all(|check| check.ok)
            && self.score() > LEAST_VALID_SCORE
            && self.doubts().iter().all(|doubt| {
                let slot = &self.lines[doubt.line].slots[doubt.position];
                let overruled = slot[most_likely(slot)] >= CONFIDENT;
                let exposed = doubt.confidence < DOUBTFUL && !layout.is_protected(doubt.line, doubt.position);
                !overruled && !exposed
            })
            && grammar::certainty(&self.slots(), &self.text) > LEAST_CERTAINTY
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::decode::SYMBOLS;

    /// A candidate that reads `lines` with the given certainty, standing nowhere.
    pub(crate) fn of_lines(lines: &[impl AsRef<str>], certainty: f32) -> Candidate {
        let rest = (1.0 - certainty) / (SYMBOLS - 1) as f32;
        let slot = |c: u8| {
            let mut slot = [rest; SYMBOLS];
            slot[symbol(c).expect("in the alphabet")] = certainty;
            slot
        };
        let line = |text: &str| Line {
            path: LinePath::straight(Point::default(), Point::new(44.0, 0.0), 1.0, 44.0),
            slots: text.bytes().map(slot).collect(),
            logits: Logits::default(),
        };
        Candidate::new(lines.iter().map(|text| line(text.as_ref())).collect(), 4.0, false)
            .expect("the shape of a format")
    }

    #[test]
    fn sure_lines_are_valid_and_unsure_names_are_not() {
        let lines =
            ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];
        assert!(of_lines(&lines, 0.999).is_valid());
        assert!(!of_lines(&lines, 0.5).is_valid());
    }
}
