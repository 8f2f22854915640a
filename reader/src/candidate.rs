//! A zone read under one format: its text, the evidence for it, and the reasons against it.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "character counts and column coordinates of one line"
)]

use crate::decode::grammar::{self, Text};
use crate::decode::names::{is_name, settle_names, with_names};
use crate::decode::odds::{MIN_UNPROTECTED_ODDS, unprotected_odds};
use crate::decode::references::Seen;
use crate::decode::rivals::{self, Rival};
use crate::decode::slots::{Slot, is_unseen, most_likely};
use crate::decode::states::{is_unlisted_state, settle_states, with_states};
use crate::geometry::Point;
use crate::line::Line;
use crate::pyramid::Pyramid;
use crate::strips::Strips;
use crate::verdict::{NotValid, has_possible_dates};
use nibble_core::Logits;
use nibble_mrz::{ALPHABET, Check, FILLER, Format, symbol, verify};

/// Minimum probability of a confident reading: a text that differs from it is not valid.
pub(super) const CONFIDENT: f32 = 0.97;
/// Minimum probability of a valid character that no check digit protects.
const MIN_UNPROTECTED: f32 = 0.85;
/// Minimum share of a valid text in the probability of all texts whose check digits agree.
const MIN_CERTAINTY: f32 = 0.7;
/// Minimum score of a valid text, in log probability per character.
const MIN_VALID_SCORE: f32 = -0.3;
/// Minimum ink in every slot of a valid text ([`crate::decode::slots::ink`]). Under a patch or glare
/// the network hardly sees a character, but the marginals still name one.
const MIN_INK: f32 = 0.5;
/// Minimum characters of a zone, fillers aside: the shortest document code, issuer, number and dates
/// have more.
const MIN_PRINTED: usize = 10;
/// Two lines with a larger share of equal characters are the same line, found twice.
const SAME_LINE: f32 = 0.6;
/// Minimum share of agreeing check digits of a probable zone.
const MIN_AGREEING: f32 = 0.5;
/// Minimum log odds of the characters of a state's code that is not listed and stands only once: 500
/// to 1. Half a covered T looks like an I.
const MIN_UNLISTED_ODDS: f32 = 6.2;
/// Fillers in a row that end the names: parts of a name are divided by one, names by two.
const END_OF_NAMES: usize = 3;
/// A valid candidate with a higher score, in log probability per character, ends the search.
const CERTAIN: f32 = -0.1;

/// A zone read under one format.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    lines: Vec<Line>,
    /// Mean evidence of the lines' extents.
    evidence: f32,
    /// Text continues beyond an end of a line: only a part of a longer line was read.
    text_beyond: bool,
    text: Text,
    checks: Vec<Check>,
    /// The likeliest other text whose check digits agree; only searched for if those of `text` do.
    rival: Option<Rival>,
    not_valid: Vec<NotValid>,
}

/// A character that differs from the raw reading, or that is doubtful.
pub(super) struct Doubt {
    pub(super) line: usize,
    pub(super) position: usize,
    pub(super) raw: u8,
    pub(super) alternative: u8,
    pub(super) confidence: f32,
    /// No check digit protects the character, and another is likely too.
    exposed: bool,
}

/// Whether two lines of a zone are the same line, found twice: most characters that are not fillers
/// are equal.
fn are_one_line(one: &[u8], other: &[u8]) -> bool {
    let compared = one.iter().zip(other).filter(|(a, b)| **a != FILLER || **b != FILLER);
    let (mut count, mut same) = (0, 0);
    for (a, b) in compared {
        count += 1;
        same += usize::from(a == b);
    }
    count > 0 && same as f32 > SAME_LINE * count as f32
}

impl Candidate {
    /// The likeliest reading of `lines`. `None` if no format has their shape, or if they are no zone:
    /// only fillers, or one line repeated.
    pub(super) fn new(lines: Vec<Line>, evidence: f32, text_beyond: bool) -> Option<Self> {
        let seen = Seen {
            slots: lines.iter().map(|line| &line.slots[..]).collect(),
            ink: lines.iter().map(|line| &line.ink[..]).collect(),
            leads: lines.iter().map(|line| &line.leads[..]).collect(),
        };
        let slots = &seen.slots;
        let text = grammar::likeliest_text(slots)?;
        let is_printed = |slot: &&Slot| ALPHABET[most_likely(slot)] != FILLER;
        let printed = slots.iter().copied().flatten().filter(is_printed).count();
        if printed < MIN_PRINTED
            || text.lines.windows(2).any(|pair| are_one_line(&pair[0], &pair[1]))
        {
            return None;
        }
        let (mut text, rival) =
            rivals::settle(&seen, settle_names(slots, settle_states(slots, text)));
        // What the picture does not show is not guessed, not even where a check digit tells it.
        for (characters, line) in text.lines.iter_mut().zip(slots) {
            for (character, slot) in characters.iter_mut().zip(*line) {
                if is_unseen(slot) {
                    *character = FILLER;
                }
            }
        }
        let checks = verify(text.format, &text.lines);
        let mut candidate =
            Self { lines, evidence, text_beyond, text, checks, rival, not_valid: Vec::new() };
        candidate.not_valid = candidate.objections();
        Some(candidate)
    }

    /// The same lines, with other probabilities and ink of the same shape.
    pub(super) fn with_slots(&self, slots: Vec<Vec<Slot>>, ink: Vec<Vec<f32>>) -> Option<Self> {
        let lines = self.lines.iter().zip(slots).zip(ink);
        let lines = lines.map(|((line, slots), ink)| line.with_slots(slots, ink)).collect();
        Self::new(lines, self.evidence, self.text_beyond)
    }

    /// The same zone, with each line looked at once more if nothing but doubts about single
    /// characters speaks against it.
    pub(super) fn looked_again(self, network: &mut Strips, picture: &Pyramid) -> Self {
        let is_doubt = |reason: &NotValid| {
            use NotValid::{AmbiguousText, DoubtfulUnprotected, LowScore, Overruled};
            matches!(reason, AmbiguousText | DoubtfulUnprotected | LowScore | Overruled)
        };
        if self.is_valid() || !self.not_valid.iter().all(is_doubt) {
            return self;
        }
        let lines = self.lines.iter().map(|line| line.looked_again(network, picture));
        let again = lines.collect::<Option<Vec<_>>>();
        again.and_then(|lines| Self::new(lines, self.evidence, self.text_beyond)).unwrap_or(self)
    }

    /// The slots of each line.
    pub(super) fn slots(&self) -> Vec<&[Slot]> {
        self.lines.iter().map(|line| &line.slots[..]).collect()
    }

    /// The strip of each line, and the column at which its first slot begins.
    #[cfg(test)]
    pub(super) fn strips(&self, picture: &Pyramid) -> Vec<(nibble_gray::Gray, f32)> {
        let strip = |line: &Line| {
            let [rows, stride] = [24, 4];
            let rectified = crate::rectify::rectify(
                picture,
                &line.path,
                crate::line::READ_MARGIN,
                rows,
                stride,
            )?;
            Some((rectified.strip, crate::line::READ_MARGIN * crate::rectify::PITCH))
        };
        self.lines.iter().filter_map(strip).collect()
    }

    /// The ink of each line's slots.
    pub(super) fn ink(&self) -> impl Iterator<Item = &[f32]> {
        self.lines.iter().map(|line| &line.ink[..])
    }

    /// Log probability per character, penalties included.
    pub(super) fn score(&self) -> f32 {
        let count: usize = self.text.lines.iter().map(Vec::len).sum();
        self.text.score / count.max(1) as f32
    }

    /// Candidates are ranked by probability, agreeing check digits, and how well their characters
    /// fill the line. A line that was cut short also reads well, and its check digits may agree, but
    /// text continues beyond it.
    pub(super) fn rank(&self) -> f32 {
        self.score() + self.agreeing() + self.evidence - f32::from(u8::from(self.text_beyond))
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

    /// The likeliest character of every slot, before the grammar.
    pub(super) fn raw_lines(&self) -> Vec<Vec<u8>> {
        let raw = |line: &Line| line.slots.iter().map(|slot| ALPHABET[most_likely(slot)]).collect();
        self.lines.iter().map(raw).collect()
    }

    /// The probability of every character of the text.
    pub(super) fn confidences(&self) -> Vec<Vec<f32>> {
        let confidence = |(line, text): (&Line, &Vec<u8>)| {
            line.slots
                .iter()
                .zip(text)
                .map(|(slot, &c)| symbol(c).map_or(0.0, |s| slot[s]))
                .collect()
        };
        self.lines.iter().zip(&self.text.lines).map(confidence).collect()
    }

    /// Characters that were changed, doubtful ones that no check digit protects, and those in which
    /// the rival differs.
    pub(super) fn doubts(&self) -> Vec<Doubt> {
        let rival = self.rival.as_ref().filter(|rival| rival.is_near());
        let mut doubts = Vec::new();
        for (line, (read, text)) in self.lines.iter().zip(&self.text.lines).enumerate() {
            for (position, (slot, &chosen)) in read.slots.iter().zip(text).enumerate() {
                let raw = ALPHABET[most_likely(slot)];
                let confidence = symbol(chosen).map_or(0.0, |symbol| slot[symbol]);
                let other =
                    rival.map(|rival| rival.lines[line][position]).filter(|&other| other != chosen);
                let exposed = self.exposed(line, position);
                let alternative = if raw == chosen { other.or(exposed) } else { Some(chosen) };
                if let Some(alternative) = alternative {
                    let exposed = exposed.is_some();
                    doubts.push(Doubt { line, position, raw, alternative, confidence, exposed });
                }
            }
        }
        doubts
    }

    /// The likely alternative to a doubtful character that no check digit protects; `None` if the
    /// character is protected or certain.
    fn exposed(&self, line: usize, position: usize) -> Option<u8> {
        if self.text.format.layout().is_protected(line, position) {
            return None;
        }
        if self.is_behind_names(line, position) {
            return Some(FILLER);
        }
        let read = &self.lines[line];
        let slot = grammar::with_format(&read.slots[position], &self.text, line, position);
        let slot = with_states(&slot, &self.text, line, position);
        let slot = with_names(&slot, &self.text, line, position);
        let (odds, other) = unprotected_odds(&slot, read.ink[position], &self.text, line, position);
        let confidence = symbol(self.text.lines[line][position]).map_or(0.0, |symbol| slot[symbol]);
        let is_unlisted = is_unlisted_state(&self.text, line, position);
        let needed = if is_unlisted { MIN_UNLISTED_ODDS } else { MIN_UNPROTECTED_ODDS };
        (odds < needed || confidence < MIN_UNPROTECTED).then_some(other)
    }

    /// Share of check digits that agree; 0 where the format has none.
    pub(super) fn agreeing(&self) -> f32 {
        self.checks.iter().filter(|check| check.ok).count() as f32 / self.checks.len().max(1) as f32
    }

    /// Whether this is probably a zone: half of its check digits agree, or it has none and opens as
    /// its format does. Of text that merely looks like a zone, one in ten agrees.
    pub(super) fn is_probable(&self) -> bool {
        self.checks.is_empty() || self.agreeing() >= MIN_AGREEING
    }

    /// Whether a character stands in a field of names after the fillers that end them.
    fn is_behind_names(&self, line: usize, position: usize) -> bool {
        let text = &self.text.lines[line];
        let kind = |position: usize| self.text.format.layout().field_at(line, position);
        let Some(first) = position.checked_sub(END_OF_NAMES).filter(|_| text[position] != FILLER)
        else {
            return false;
        };
        kind(position).is_some_and(is_name)
            && (first..position)
                .all(|before| text[before] == FILLER && kind(before) == kind(position))
    }

    /// Whether the search can end here: nothing better is to be expected.
    pub(super) fn is_certain(&self) -> bool {
        self.is_valid() && self.score() > CERTAIN
    }

    /// Whether the search ends with this zone. In a film it also ends if the zone is one, but
    /// check digits disagree: the next frame tells more than another look at this one.
    pub(super) fn ends_search(&self, network: &Strips) -> bool {
        let disagrees = !self.checks.is_empty() && self.agreeing() < 1.0;
        self.is_certain() || network.in_film() && disagrees && self.reads_fairly()
    }

    /// Whether the zone was read as well as it can be, valid or not: another look at it gains nothing.
    pub(super) fn reads_well(&self) -> bool {
        !self.checks.is_empty() && self.agreeing() >= 1.0 && self.score() > CERTAIN
    }

    /// Whether this is probably a zone, and its text is likely as a whole. In the negative of a
    /// zone, some check digits may agree by chance.
    pub(super) fn reads_fairly(&self) -> bool {
        self.is_probable() && self.score() > MIN_VALID_SCORE
    }

    /// Whether there is no reason against the text.
    pub(super) fn is_valid(&self) -> bool {
        self.not_valid.is_empty()
    }

    /// The reasons against the text, each at most once.
    pub(super) fn not_valid_because(&self) -> &[NotValid] {
        &self.not_valid
    }

    /// Computes the reasons against the text.
    fn objections(&self) -> Vec<NotValid> {
        let (format, lines) = (self.text.format, &self.text.lines);
        let mut found = Vec::new();
        let mut object = |applies: bool, reason: NotValid| {
            if applies {
                found.push(reason);
            }
        };
        let agree = self.checks.iter().all(|check| check.ok);
        object(!agree, NotValid::CheckDigit);
        object(self.checks.is_empty(), NotValid::NoCheckDigit);
        let changed = |doubt: &&Doubt| doubt.raw != lines[doubt.line][doubt.position];
        let doubts = self.doubts();
        let overruled = doubts.iter().filter(changed).any(|doubt| {
            let slot = &self.lines[doubt.line].slots[doubt.position];
            slot[most_likely(slot)] >= CONFIDENT
        });
        object(overruled, NotValid::Overruled);
        object(doubts.iter().any(|doubt| doubt.exposed), NotValid::DoubtfulUnprotected);
        let foreign = lines.iter().enumerate().any(|(line, text)| {
            (0..text.len()).any(|position| !grammar::allows(&self.text, line, position))
        });
        object(foreign, NotValid::ForeignCharacter);
        object(!has_possible_dates(format, lines), NotValid::ImpossibleDate);
        let is_bare = |ink: &f32| *ink < MIN_INK;
        let is_cut =
            |line: &[f32]| line.first().is_some_and(is_bare) || line.last().is_some_and(is_bare);
        object(self.text_beyond || self.ink().any(is_cut), NotValid::CutOff);
        object(self.rival.as_ref().is_some_and(Rival::is_near), NotValid::AmbiguousText);
        object(
            self.ink().any(|line| line.iter().skip(1).rev().skip(1).any(is_bare)),
            NotValid::Covered,
        );
        object(self.score() <= MIN_VALID_SCORE, NotValid::LowScore);
        if found.is_empty() && grammar::certainty(&self.slots(), &self.text) <= MIN_CERTAINTY {
            found.push(NotValid::AmbiguousText);
        }
        found
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::decode::SYMBOLS;
    use crate::decode::references::Leads;
    use crate::path::LinePath;

    /// A candidate that reads `lines` with the given certainty; its place is arbitrary.
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
            ink: vec![1.0; text.len()],
            leads: vec![Leads::default(); text.len()],
            logits: Logits::default(),
        };
        Candidate::new(lines.iter().map(|text| line(text.as_ref())).collect(), 4.0, false)
            .expect("the shape of a format")
    }

    /// The candidate with its first line at a point, 10 pixels per character and 25 per line.
    pub(crate) fn placed(mut candidate: Candidate, start: Point) -> Candidate {
        for (row, line) in (0u8..).zip(&mut candidate.lines) {
            let length = line.slots.len() as f32;
            let start = start + Point::new(0.0, 25.0 * f32::from(row));
            line.path =
                LinePath::straight(start, start + Point::new(10.0 * length, 0.0), 10.0, length);
        }
        candidate
    }

    /// The candidate, with nothing visible in one slot.
    pub(crate) fn covered(mut candidate: Candidate, line: usize, position: usize) -> Candidate {
        candidate.lines[line].ink[position] = 0.1;
        candidate.not_valid = candidate.objections();
        candidate
    }

    #[test]
    fn sure_lines_are_valid_and_unsure_names_are_not() {
        let lines = [
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
        ];
        assert!(of_lines(&lines, 0.999).is_valid());
        assert!(!of_lines(&lines, 0.5).is_valid());
    }

    const PASSPORT: [&str; 2] = [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ];

    #[test]
    fn a_letter_behind_the_names_is_doubtful() {
        let reasons =
            |line: &str| of_lines(&[line, PASSPORT[1]], 0.9999).not_valid_because().to_vec();
        let stray = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<S<<<<<<<";
        assert_eq!(reasons(stray), [NotValid::DoubtfulUnprotected]);
        // Two fillers divide names, and a name may have no second part.
        assert_eq!(reasons("P<UTOERIKSSON<<ANNA<<MARIA<<<<<<<<<<<<<<<<<<"), []);
        assert_eq!(reasons("P<UTO<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<<<<<<<<<"), []);
    }

    #[test]
    fn each_objection_has_its_name() {
        let reasons = |lines: &[&str]| of_lines(lines, 0.9999).not_valid_because().to_vec();
        assert_eq!(reasons(&PASSPORT), []);
        let digit = [PASSPORT[0], "L898902C36UTO7408122F1204159ZE184226B<<<<<19"];
        assert_eq!(reasons(&digit), [NotValid::CheckDigit]);
        let foreign = ["P<UTOERIKSS0N<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", PASSPORT[1]];
        assert_eq!(reasons(&foreign), [NotValid::ForeignCharacter]);
        // The 41st of September, with check digits that agree.
        let day = [
            "P<UTOSPECIMEN<<ANGELA<ZOE<<<<<<<<<<<<<<<<<<<",
            "9250764733UTO8809416F3207165<<<<<<<<<<<<<<06",
        ];
        assert_eq!(reasons(&day), [NotValid::ImpossibleDate]);
        assert_eq!(of_lines(&PASSPORT, 0.5).not_valid_because().last(), Some(&NotValid::LowScore));
    }

    #[test]
    fn slots_without_ink_are_covered_or_cut_off() {
        let reasons = |line: usize, position: usize| {
            covered(of_lines(&PASSPORT, 0.9999), line, position).not_valid_because().to_vec()
        };
        assert_eq!(reasons(0, 8), [NotValid::Covered]);
        assert_eq!(reasons(0, 30), [NotValid::Covered], "a filler is printed too");
        assert_eq!(reasons(0, 0), [NotValid::CutOff]);
        assert_eq!(reasons(1, 43), [NotValid::CutOff]);
        let mut candidate = of_lines(&PASSPORT, 0.9999);
        candidate.text_beyond = true;
        assert_eq!(candidate.objections(), [NotValid::CutOff]);
    }

    #[test]
    fn fillers_alone_and_a_repeated_line_are_no_zone() {
        let line = |text: &str| Line {
            path: LinePath::straight(Point::default(), Point::new(44.0, 0.0), 1.0, 44.0),
            slots: text
                .bytes()
                .map(|c| {
                    let mut slot = [1e-4; SYMBOLS];
                    slot[symbol(c).expect("in the alphabet")] = 0.99;
                    slot
                })
                .collect(),
            ink: vec![1.0; text.len()],
            leads: vec![Leads::default(); text.len()],
            logits: Logits::default(),
        };
        let of = |lines: &[&str]| {
            Candidate::new(lines.iter().map(|text| line(text)).collect(), 4.0, false)
        };
        let filler = "<".repeat(44);
        assert!(of(&[&filler, &filler]).is_none());
        let licence = ["D1FRA13AA000026181231MARTIN<<9"; 3];
        assert!(of(&licence).is_none());
        let nearly = [licence[0], "D1FRA13AA0O0026181231MARTIN<<9", licence[2]];
        assert!(of(&nearly).is_none());
        assert!(of(&PASSPORT).is_some());
    }
}
