//! What codes of states say about the characters of an issuer or a nationality.
//!
//! Nearly every document has a code that Doc 9303-3 lists. Of 17,576 possible codes some 300 are
//! listed, so a listed code is far likelier than the glyphs alone say. Issuers without a listed code
//! exist, so the list weighs as evidence and never overrules confident glyphs. But half a covered
//! letter may look like another: a code that is not listed and stands only once needs better odds.

use super::grammar::{Text, log_probability};
use super::slots::{Slot, weighed};
use nibble_mrz::{ALPHABET, FieldKind, Span, is_known_state, known_states};

/// Log odds of a listed code against another, glyphs aside: 55 to 1. If one document in 30 had a code
/// that is not listed, they would be 2,000 to 1.
const LISTED: f32 = 4.0;

/// The fields of a text that hold a code of a state which no check digit protects.
fn spans(text: &Text) -> impl Iterator<Item = Span> {
    let layout = text.format.layout();
    let spans = [FieldKind::Issuer, FieldKind::Nationality]
        .into_iter()
        .filter_map(|kind| layout.span(kind));
    spans.filter(|span| span.len == 3 && !layout.is_protected(span.line, span.start))
}

/// The text, after codes that are not listed were replaced by listed ones that the glyphs hardly
/// speak against.
#[must_use]
pub(crate) fn settle_states(slots: &[&[Slot]], mut text: Text) -> Text {
    for span in spans(&text).collect::<Vec<_>>() {
        let code = span.of(&text.lines).to_vec();
        let Some(row) = slots[span.line].get(span.start..span.start + span.len) else { continue };
        if is_known_state(&code) {
            continue;
        }
        let score = |code: &[u8]| {
            row.iter().zip(code).map(|(slot, &c)| log_probability(slot, c)).sum::<f32>()
        };
        let best = known_states().max_by(|a, b| score(&a[..]).total_cmp(&score(&b[..])));
        let Some(best) = best.filter(|best| score(&best[..]) > score(&code) - LISTED) else {
            continue;
        };
        text.score += score(best) - score(&code);
        text.lines[span.line][span.start..span.start + span.len].copy_from_slice(best);
    }
    text
}

/// Whether a slot belongs to a code that is not listed and stands only once: issuer and nationality
/// are not the same.
#[must_use]
pub(crate) fn is_unlisted_state(text: &Text, line: usize, position: usize) -> bool {
    let codes: Vec<&[u8]> = spans(text).map(|span| span.of(&text.lines)).collect();
    let own = spans(text).find(|span| span.covers(line, position)).map(|span| span.of(&text.lines));
    own.is_some_and(|own| {
        !is_known_state(own) && codes.iter().filter(|code| **code == own).count() < 2
    })
}

/// The probabilities of a slot, after those of characters that make no listed code are lowered; those
/// of a slot outside such a code are unchanged.
#[must_use]
pub(crate) fn with_states(slot: &Slot, text: &Text, line: usize, position: usize) -> Slot {
    let Some(span) = spans(text).find(|span| span.covers(line, position)) else { return *slot };
    let mut code = span.of(&text.lines).to_vec();
    let unlisted = libm::expf(-LISTED);
    weighed(slot, |symbol| {
        code[position - span.start] = ALPHABET[symbol];
        if is_known_state(&code) { 1.0 } else { unlisted }
    })
}

#[cfg(test)]
mod tests {
    use super::super::grammar::best_text;
    use super::*;
    use crate::decode::given::{of, sure};
    use nibble_mrz::{Format, symbol};

    const PASSPORT: [&str; 2] = [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ];

    fn slots() -> Vec<Vec<Slot>> {
        sure(&PASSPORT)
    }

    fn settled(slots: &[Vec<Slot>]) -> Text {
        let rows: Vec<&[Slot]> = slots.iter().map(Vec::as_slice).collect();
        settle_states(&rows, best_text(&rows, Format::TD3).expect("a passport"))
    }

    #[test]
    fn a_code_that_is_nearly_listed_becomes_the_listed_one() {
        let mut slots = slots();
        slots[0][4] = of(&[(b'D', 0.7), (b'O', 0.299)]);
        assert_eq!(settled(&slots).lines[0], PASSPORT[0].as_bytes());
    }

    #[test]
    fn a_confident_code_that_is_not_listed_stays() {
        let mut slots = slots();
        slots[0][4] = of(&[(b'D', 0.999), (b'O', 1e-4)]);
        assert_eq!(&settled(&slots).lines[0][2..5], b"UTD");
    }

    #[test]
    fn a_code_that_is_not_listed_may_stand_twice() {
        let mut text = settled(&slots());
        assert!(!is_unlisted_state(&text, 0, 3), "a listed code");
        text.lines[0][2..5].copy_from_slice(b"QQQ");
        assert!(is_unlisted_state(&text, 0, 3));
        assert!(!is_unlisted_state(&text, 1, 11), "the nationality is listed");
        text.lines[1][10..13].copy_from_slice(b"QQQ");
        assert!(!is_unlisted_state(&text, 0, 3) && !is_unlisted_state(&text, 1, 11));
        assert!(!is_unlisted_state(&text, 0, 7), "a name");
    }

    #[test]
    fn what_makes_no_listed_code_becomes_unlikely() {
        let mut slots = slots();
        slots[0][4] = of(&[(b'O', 0.8), (b'D', 0.199)]);
        let text = settled(&slots);
        let weighed = with_states(&slots[0][4], &text, 0, 4);
        let probability = |c: u8| weighed[symbol(c).expect("in the alphabet")];
        assert!(probability(b'O') > 0.99 && probability(b'D') < 0.01);
        assert!((weighed.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        // A name is no code.
        assert_eq!(with_states(&slots[0][7], &text, 0, 7), slots[0][7]);
    }
}
