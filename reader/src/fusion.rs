//! Combines frames of one document into one reading: another frame shows what glare hides in one.

#![allow(clippy::cast_precision_loss, reason = "counts of frames and of slots")]

use crate::candidate::Candidate;
use crate::decode::SYMBOLS;
use crate::decode::slots::{Slot, most_likely, of_sums};
use nibble_mrz::{FILLER, symbol};

/// Minimum share of equal characters, fillers aside, in frames of one document.
const SAME_DOCUMENT: f32 = 0.6;
/// Consecutive frames that must show another document before the current one is dropped.
const PATIENCE: usize = 3;
/// Of so many frames, one is searched thoroughly, whatever the locator's network says.
const THOROUGH_EVERY: usize = 8;
/// Minimum probability that a frame gives a character: no frame rules out what others show.
const MIN_PROBABILITY: f32 = 1e-3;

/// Evidence of the frames since the last document began.
#[derive(Debug, Clone, Default)]
pub struct Fusion {
    /// Sums of log probabilities: for each line, one entry per slot.
    sums: Vec<Vec<Slot>>,
    /// The most ink that any frame showed in each slot.
    ink: Vec<Vec<f32>>,
    frames: usize,
    /// Consecutive frames that showed something else.
    strangers: usize,
    /// The newest frame that was added.
    latest: Option<Candidate>,
    /// Frames seen, whether they were added or not.
    seen: usize,
}

impl Fusion {
    /// Number of frames whose evidence was added.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Counts a frame, and says whether it is to be searched thoroughly: the first one is, and one of
    /// [`THOROUGH_EVERY`] from then on.
    pub(super) fn next_is_thorough(&mut self) -> bool {
        self.seen = self.seen.wrapping_add(1);
        self.seen % THOROUGH_EVERY == 1
    }

    /// Adds the evidence of one frame, and says whether it did: frames of another document are left
    /// out, until the third in a row starts a new document.
    pub(super) fn add(&mut self, candidate: Candidate) -> bool {
        let slots = candidate.slots();
        if self.frames > 0 && !self.is_of_same_document(&slots) {
            self.strangers += 1;
            if self.strangers < PATIENCE.min(self.frames + 1) {
                return false;
            }
            *self = Self { seen: self.seen, ..Self::default() };
        }
        self.strangers = 0;
        self.frames += 1;
        if self.sums.is_empty() {
            self.sums = slots.iter().map(|line| vec![[0.0; SYMBOLS]; line.len()]).collect();
            self.ink = slots.iter().map(|line| vec![0.0; line.len()]).collect();
        }
        for (most, &ink) in self.ink.iter_mut().flatten().zip(candidate.ink().flatten()) {
            *most = most.max(ink);
        }
        for (sum, slot) in self.sums.iter_mut().flatten().zip(slots.iter().copied().flatten()) {
            for (sum, probability) in sum.iter_mut().zip(slot) {
                *sum += libm::logf(probability.max(MIN_PROBABILITY));
            }
        }
        self.latest = Some(candidate);
        true
    }

    /// The reading that all frames give together, located where the newest frame has it; `None`
    /// before the first frame.
    pub(super) fn candidate(&self) -> Option<Candidate> {
        self.latest.as_ref()?.with_slots(self.slots(), self.ink.clone())
    }

    /// The probabilities that all frames give together. Errors of neighbouring frames are
    /// correlated, so `n` frames count as the square root of `n` independent ones.
    fn slots(&self) -> Vec<Vec<Slot>> {
        let share = 1.0 / (self.frames.max(1) as f32).sqrt();
        let fused = |sums: &Slot| of_sums(sums, share);
        self.sums.iter().map(|line| line.iter().map(fused).collect()).collect()
    }

    /// Whether most characters that are not fillers agree with those known so far.
    fn is_of_same_document(&self, slots: &[&[Slot]]) -> bool {
        let same_shape = self.sums.iter().map(Vec::len).eq(slots.iter().map(|line| line.len()));
        let filler = symbol(FILLER);
        let (mut same, mut compared) = (0, 0);
        for (sum, slot) in self.sums.iter().flatten().zip(slots.iter().copied().flatten()) {
            let (known, seen) = (most_likely(sum), most_likely(slot));
            if Some(known) != filler || Some(seen) != filler {
                compared += 1;
                same += usize::from(known == seen);
            }
        }
        same_shape && same as f32 >= SAME_DOCUMENT * compared as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::tests::{covered, of_lines};
    use crate::verdict::NotValid;

    const PASSPORT: [&str; 2] = [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ];
    const OTHER: [&str; 2] = [
        "P<D<<MUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<",
        "C01X00T478D<<6408125F2702283<<<<<<<<<<<<<<<4",
    ];

    /// `PASSPORT` with another character in one place.
    fn misread(position: usize, character: char) -> [String; 2] {
        let mut line = PASSPORT[1].to_owned();
        line.replace_range(position..=position, &character.to_string());
        [PASSPORT[0].to_owned(), line]
    }

    fn text(fusion: &Fusion) -> Vec<String> {
        let candidate = fusion.candidate().expect("a frame is in");
        candidate.lines().iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn what_one_frame_misreads_others_outvote() {
        let mut fusion = Fusion::default();
        for (position, character) in [(3, 'B'), (15, 'B'), (30, '4')] {
            assert!(fusion.add(of_lines(&misread(position, character), 0.9)));
        }
        assert_eq!(text(&fusion), PASSPORT);
        assert_eq!(fusion.frames(), 3);
        assert!(fusion.candidate().expect("three frames").is_valid());
    }

    #[test]
    fn another_document_waits_and_then_begins_anew() {
        let mut fusion = Fusion::default();
        for _ in 0..4 {
            assert!(fusion.add(of_lines(&PASSPORT, 0.9)));
        }
        assert!(!fusion.add(of_lines(&OTHER, 0.9)));
        assert!(!fusion.add(of_lines(&OTHER, 0.9)));
        assert_eq!(text(&fusion), PASSPORT);
        assert!(fusion.add(of_lines(&OTHER, 0.9)));
        assert_eq!(text(&fusion), OTHER);
        assert_eq!(fusion.frames(), 1);
    }

    #[test]
    fn nothing_is_said_before_the_first_frame() {
        assert!(Fusion::default().candidate().is_none());
    }

    #[test]
    fn one_frame_in_eight_is_searched_thoroughly() {
        let mut fusion = Fusion::default();
        let thorough: Vec<usize> = (0..20).filter(|_| fusion.next_is_thorough()).collect();
        assert_eq!(thorough, [0, 8, 16]);
        // Another document does not change the turn.
        assert!(fusion.add(of_lines(&PASSPORT, 0.9)));
        assert!(!fusion.add(of_lines(&OTHER, 0.9)) && fusion.add(of_lines(&OTHER, 0.9)));
        assert_eq!((20..33).filter(|_| fusion.next_is_thorough()).collect::<Vec<_>>(), [24, 32]);
    }

    #[test]
    fn what_one_frame_covers_others_show() {
        let mut fusion = Fusion::default();
        assert!(fusion.add(covered(of_lines(&misread(3, 'O'), 0.99), 1, 3)));
        let alone = fusion.candidate().expect("a frame");
        assert!(alone.not_valid_because().contains(&NotValid::Covered));
        for _ in 0..3 {
            assert!(fusion.add(of_lines(&PASSPORT, 0.99)));
        }
        assert_eq!(text(&fusion), PASSPORT);
        assert!(fusion.candidate().expect("four frames").is_valid());
        // What no frame shows stays covered.
        let mut fusion = Fusion::default();
        for _ in 0..4 {
            assert!(fusion.add(covered(of_lines(&PASSPORT, 0.99), 1, 3)));
        }
        let never = fusion.candidate().expect("four frames");
        assert!(never.not_valid_because().contains(&NotValid::Covered));
    }
}
