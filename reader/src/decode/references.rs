//! Compares a doubtful glyph with its references: glyphs of the same zone that cannot be the
//! lookalike.
//!
//! Where only digits may stand, a glyph that is read as a zero is a zero. The same machine printed
//! it and the same camera photographed it, so it shows how much the zeros of this zone differ from
//! a letter O. A zero elsewhere must differ as much.

#![allow(clippy::cast_precision_loss, reason = "a few dozen glyphs")]

use super::grammar::{Text, allowed_in};
use super::slots::{Slot, most_likely};
use nibble_mrz::symbol;

/// Minimum number of references.
const MIN_REFERENCES: usize = 3;
/// Minimum mean lead of the references: with less, the picture hardly shows a difference. Of 10,000
/// zeros of renders (`reader/tests/renders.py`), half have references that lead by this much.
const MIN_LEAD: f32 = 0.05;
/// Maximum standard deviation of the references' leads.
const MAX_SPREAD: f32 = 0.04;
/// A glyph is like its references if its lead is smaller than their mean by at most this. Nineteen
/// of twenty zeros are, and so is one of twelve letters O that were read as zeros.
const MAX_SHORTFALL: f32 = 0.03;
/// Minimum ink of a reference.
const MIN_INK: f32 = 0.9;

/// By how much a glyph fits the character that it was read as better than each lookalike, in
/// correlation with their templates.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Leads {
    /// The symbol read.
    pub read: usize,
    /// Lookalikes and the lead over each.
    pub over: Vec<(usize, f32)>,
}

/// What was seen of the lines of a zone, slot by slot.
pub(crate) struct Seen<'a> {
    /// Probabilities.
    pub slots: Vec<&'a [Slot]>,
    /// Probability that anything is printed.
    pub ink: Vec<&'a [f32]>,
    /// Leads over lookalikes.
    pub leads: Vec<&'a [Leads]>,
}

impl Seen<'_> {
    /// The lead of a glyph over `other`, if it was read as `own`.
    fn lead(&self, line: usize, position: usize, own: usize, other: usize) -> Option<f32> {
        if most_likely(&self.slots[line][position]) != own {
            return None;
        }
        // In a film, the newest frame may have been read otherwise.
        let leads = self.leads[line].get(position).filter(|leads| leads.read == own)?;
        leads.over.iter().find(|&&(symbol, _)| symbol == other).map(|&(_, lead)| lead)
    }

    /// Whether a glyph of `text` differs from `other` as much as its references do: the glyphs that
    /// were read as the same character where `other` cannot stand. `false` if there are too few of
    /// them, or if they say too little.
    #[must_use]
    pub(super) fn is_like_references(
        &self,
        text: &Text,
        line: usize,
        position: usize,
        other: usize,
    ) -> bool {
        let character = text.lines[line][position];
        let Some(own) = symbol(character) else { return false };
        let Some(lead) = self.lead(line, position, own, other) else { return false };
        let mut references = Vec::new();
        for (line, characters) in text.lines.iter().enumerate() {
            for (position, _) in characters.iter().enumerate().filter(|(_, c)| **c == character) {
                let excluded = allowed_in(text, line, position).0 & (1 << other) == 0;
                if excluded && self.ink[line][position] > MIN_INK {
                    references.extend(self.lead(line, position, own, other));
                }
            }
        }
        let count = references.len();
        let mean = references.iter().sum::<f32>() / count.max(1) as f32;
        let squares: f32 = references.iter().map(|lead| (lead - mean) * (lead - mean)).sum();
        count >= MIN_REFERENCES
            && mean >= MIN_LEAD
            && squares <= MAX_SPREAD * MAX_SPREAD * count as f32
            && lead >= mean - MAX_SHORTFALL
    }
}

#[cfg(test)]
mod tests {
    use super::super::given::sure;
    use super::super::grammar::best_text;
    use super::*;
    use nibble_mrz::Format;

    /// Three zeros in the number, and six in dates and check digits, where only digits stand.
    const PASSPORT: [&str; 2] = [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L800902C39UTO7008102F1004159<<<<<<<<<<<<<<04",
    ];

    fn of(character: u8) -> usize {
        symbol(character).expect("in the alphabet")
    }

    /// Whether the zero in slot 2 of the number is like its references, if the zeros of the second
    /// line lead by these values in the order in which they stand.
    fn is_like(leads: &[f32]) -> bool {
        let slots = sure(&PASSPORT);
        let text = best_text(&slots, Format::TD3).expect("a passport");
        let mut leads = leads.iter().peekable();
        let line = PASSPORT[1].bytes().map(|c| {
            let lead = leads.next_if(|_| c == b'0');
            Leads { read: of(c), over: lead.map(|&lead| (of(b'O'), lead)).into_iter().collect() }
        });
        let (line, other): (Vec<Leads>, Vec<Leads>) = (line.collect(), vec![Leads::default(); 44]);
        let ink = [1.0; 44];
        let seen = Seen {
            slots: slots.iter().map(Vec::as_slice).collect(),
            ink: vec![&ink, &ink],
            leads: vec![&other, &line],
        };
        seen.is_like_references(&text, 1, 2, of(b'O'))
    }

    #[test]
    fn a_zero_leads_as_the_zeros_of_the_dates_do() {
        let led_by = |lead: f32| is_like(&[lead, 0.1, 0.1, 0.11, 0.1, 0.09, 0.1, 0.1, 0.1]);
        assert!(led_by(0.1));
        assert!(led_by(0.085), "a little less");
        assert!(!led_by(0.06), "an O");
    }

    #[test]
    fn references_that_say_little_do_not_count() {
        assert!(!is_like(&[0.1; 5]), "two references");
        assert!(is_like(&[0.1; 6]), "three");
        assert!(!is_like(&[0.04; 8]), "hardly a difference");
        let uneven = [0.1, 0.1, 0.1, 0.0, 0.2, 0.0, 0.2, 0.1];
        assert!(!is_like(&uneven), "too different from one another");
    }
}
