//! What the letters of names say about a letter between two others.
//!
//! Names in all languages prefer some pairs of letters: between D and T stands an O far more often
//! than a Q. The table (`names.bin`, by `python -m nibble_train names`) holds how likely each letter is
//! behind another, counted over names of 71 languages. It weighs as evidence up to [`MAX_EVIDENCE`], so
//! a rare name whose glyphs are clear stays as it is.

use super::grammar::{Text, log_probability};
use super::slots::{Slot, weighed};
use nibble_mrz::{ALPHABET, FILLER, FieldKind};

/// Letters and the filler, which stands for the end of a name: the rows and columns of the table.
const LETTERS: usize = 27;
/// Minus the natural logarithm of the probability of a letter (column) behind another (row).
static COSTS: &[u8; LETTERS * LETTERS] = include_bytes!("names.bin");
/// Units of [`COSTS`] in one natural logarithm.
const UNITS: f32 = 16.0;
/// Maximum log odds that the neighbours of a letter give it against another: 12 to 1.
const MAX_EVIDENCE: f32 = 2.5;

/// The row of a character in the table; `None` for a digit.
fn row(character: u8) -> Option<usize> {
    match character {
        FILLER => Some(LETTERS - 1),
        b'A'..=b'Z' => Some(usize::from(character - b'A')),
        _ => None,
    }
}

/// Whether a field holds names.
#[must_use]
pub(crate) fn is_name(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Names | FieldKind::Surname | FieldKind::GivenNames)
}

/// The neighbours of a slot in a field of names: a filler before its start, `None` behind its end,
/// where a name may have been truncated. `None` outside such fields.
fn neighbours(text: &Text, line: usize, position: usize) -> Option<(u8, Option<u8>)> {
    let layout = text.format.layout();
    let kind = layout.field_at(line, position).filter(|kind| is_name(*kind))?;
    let at = |position: usize| {
        let inside = layout.field_at(line, position) == Some(kind);
        inside.then(|| text.lines[line].get(position).copied()).flatten()
    };
    Some((position.checked_sub(1).and_then(at).unwrap_or(FILLER), at(position + 1)))
}

/// Log odds, at most [`MAX_EVIDENCE`] either way, that the neighbours give `other` against `own`. They
/// say nothing about fillers and digits.
#[inline(never)]
fn evidence(own: u8, other: u8, before: u8, after: Option<u8>) -> f32 {
    let (Some(before), Some(a), Some(b)) = (row(before), row(own), row(other)) else { return 0.0 };
    if own == FILLER || other == FILLER {
        return 0.0;
    }
    let cost = |letter: usize| {
        let behind = after.and_then(row).map_or(0, |after| COSTS[letter * LETTERS + after]);
        f32::from(COSTS[before * LETTERS + letter]) + f32::from(behind)
    };
    ((cost(a) - cost(b)) / UNITS).clamp(-MAX_EVIDENCE, MAX_EVIDENCE)
}

/// The text, after letters of names were replaced by others that the glyphs and the neighbours
/// together prefer.
#[must_use]
pub(crate) fn settle_names(slots: &[&[Slot]], mut text: Text) -> Text {
    for (line, row) in slots.iter().enumerate() {
        for (position, slot) in row.iter().enumerate() {
            let Some((before, after)) = neighbours(&text, line, position) else { continue };
            let own = text.lines[line][position];
            let log = |character: u8| log_probability(slot, character);
            let odds = |other: u8| log(other) - log(own) + evidence(own, other, before, after);
            let best = (b'A'..=b'Z').max_by(|&a, &b| odds(a).total_cmp(&odds(b)));
            let Some(best) = best.filter(|&best| own.is_ascii_uppercase() && odds(best) > 0.0)
            else {
                continue;
            };
            text.score += log(best) - log(own);
            text.lines[line][position] = best;
        }
    }
    text
}

/// The probabilities of a slot in a field of names, after its neighbours in `text` were weighed; those
/// of other slots are unchanged.
#[must_use]
pub(crate) fn with_names(slot: &Slot, text: &Text, line: usize, position: usize) -> Slot {
    let Some((before, after)) = neighbours(text, line, position) else { return *slot };
    let own = text.lines[line][position];
    weighed(slot, |other| libm::expf(evidence(own, ALPHABET[other], before, after)))
}

#[cfg(test)]
mod tests {
    use super::super::grammar::best_text;
    use super::*;
    use crate::decode::given::{of, sure};
    use nibble_mrz::{Format, symbol};

    const PASSPORT: [&str; 2] = [
        "P<UTODOTTIR<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ];

    fn slots() -> Vec<Vec<Slot>> {
        sure(&PASSPORT)
    }

    fn settled(slots: &[Vec<Slot>]) -> Text {
        let rows: Vec<&[Slot]> = slots.iter().map(Vec::as_slice).collect();
        settle_names(&rows, best_text(&rows, Format::TD3).expect("a passport"))
    }

    #[test]
    fn the_table_holds_probabilities() {
        for row in COSTS.chunks(LETTERS) {
            let sum: f32 = row.iter().map(|&cost| libm::expf(-f32::from(cost) / UNITS)).sum();
            assert!((sum - 1.0).abs() < 0.05, "{sum}");
        }
    }

    #[test]
    fn neighbours_settle_a_letter_that_the_glyphs_leave_open() {
        let mut slots = slots();
        slots[0][6] = of(&[(b'Q', 0.6), (b'O', 0.399)]);
        assert_eq!(settled(&slots).lines[0], PASSPORT[0].as_bytes());
        let text = settled(&slots);
        let weighed = with_names(&slots[0][6], &text, 0, 6);
        assert!(weighed[symbol(b'O').expect("a letter")] > 0.85);
        assert!((weighed.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn clear_glyphs_of_a_rare_name_stay() {
        let mut slots = slots();
        slots[0][6] = of(&[(b'Q', 0.96), (b'O', 0.039)]);
        let text = settled(&slots);
        assert_eq!(&text.lines[0][5..11], b"DQTTIR");
        // But it is no longer as certain as the glyphs are.
        let weighed = with_names(&slots[0][6], &text, 0, 6);
        assert!(weighed[symbol(b'Q').expect("a letter")] < 0.85);
    }

    #[test]
    fn fillers_and_other_fields_are_left_alone() {
        let mut slots = slots();
        slots[0][30] = of(&[(b'<', 0.5), (b'K', 0.499)]);
        slots[0][3] = of(&[(b'T', 0.5), (b'I', 0.499)]);
        let text = settled(&slots);
        assert_eq!(text.lines[0], PASSPORT[0].as_bytes());
        let filler = with_names(&slots[0][30], &text, 0, 30);
        assert!((filler[symbol(b'K').expect("a letter")] - 0.499).abs() < 1e-3);
        assert_eq!(with_names(&slots[0][3], &text, 0, 3), slots[0][3]);
        assert_eq!(with_names(&slots[1][3], &text, 1, 3), slots[1][3]);
    }
}
