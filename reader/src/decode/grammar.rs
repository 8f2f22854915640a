//! The best text under a format. The format says which characters may stand where, and check digits
//! choose among likely alternatives.
//!
//! The search is one exact dynamic programme over all slots in reading order. Its state holds two
//! running sums, both modulo 10: that of the current field and that of the composite check digit.
//! Nothing is forbidden, but every violation has a penalty in log probability: a character that the
//! format does not allow ([`FOREIGN`]), a check digit that does not agree ([`DISAGREEMENT`]). So a
//! confident reading is not overruled: a specimen that prints a wrong digit is read as printed.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "sums modulo 10 and symbol indices below 37"
)]

use super::roles::{CLASSES, Role, STATES, roles};
use super::slots::{MIN_PROBABILITY, Slot, is_unseen, weighed};
use nibble_mrz::{ALPHABET, CheckField, Format};
use nibble_mrz::{CharacterSet, FieldKind};

/// Penalty of a character outside the set of its field.
pub(crate) const FOREIGN: f32 = 4.0;
/// Penalty of a check digit that does not agree.
pub(crate) const DISAGREEMENT: f32 = 5.0;
/// Penalty of a document code that belongs to another format.
const WRONG_OPENING: f32 = 8.0;
/// Penalty of a document code of a card that no standard provides for.
const RARE_CODE: f32 = 2.5;
/// Minimum probability of a character of the opening that is seen.
const MIN_OPENING: f32 = 0.1;
/// An opening is shown if at most one in so many of its characters is not seen.
const OPENING_SLACK: usize = 5;
/// The log probability of a character in a slot, noise of the network aside.
pub(super) fn log_probability(slot: &Slot, character: u8) -> f32 {
    let probability = nibble_mrz::symbol(character).map_or(0.0, |symbol| slot[symbol]);
    libm::logf(probability.max(MIN_PROBABILITY))
}

/// The best text of a zone under one format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Text {
    /// The format.
    pub format: Format,
    /// The lines.
    pub lines: Vec<Vec<u8>>,
    /// Log probability of the text, penalties included.
    pub score: f32,
    /// The document number continues in the optional data.
    pub(super) continued: bool,
}

/// The characters that a slot allows, and the penalty of any other: those of its field, and in the
/// document code those that tell the format from others of its shape.
pub(super) fn allowed(format: Format, line: usize, position: usize) -> (CharacterSet, f32) {
    let of = |text: &[u8]| -> CharacterSet {
        text.iter().filter_map(|&c| nibble_mrz::symbol(c)).map(|index| 1 << index).sum()
    };
    let layout = format.layout();
    let opening = layout.opening_span();
    if opening.covers(line, position) {
        let own = position - opening.start;
        return (of(&layout.opening[own..=own]), WRONG_OPENING);
    }
    if (format, line, position) == (Format::TD3, 0, 0) {
        return (of(b"P"), WRONG_OPENING);
    }
    let kind = layout.field_at(line, position).unwrap_or(FieldKind::Optional);
    (kind.characters(), FOREIGN)
}

/// The same for a slot of a text, which may open with the code of a document that allows more.
pub(super) fn allowed_in(text: &Text, line: usize, position: usize) -> (CharacterSet, f32) {
    let (set, penalty) = allowed(text.format, line, position);
    let field = text.format.layout().field_at(line, position).map_or(0, FieldKind::characters);
    let characters = text.format.layout().characters_at(&text.lines, line, position);
    (set | characters.unwrap_or_default() & !field, penalty)
}

/// The best text of `slots`, one vector per line, under `format`; `None` if the format has another
/// shape.
#[cfg(test)]
pub(crate) fn best_text<L: AsRef<[Slot]>>(slots: &[L], format: Format) -> Option<Text> {
    best_of(&logs(slots), format)
}

/// The same from the log probabilities of the slots.
fn best_of(logs: &[Vec<Slot>], format: Format) -> Option<Text> {
    if !logs.iter().map(Vec::len).eq(format.layout().lengths.iter().copied()) {
        return None;
    }
    let plain = search(logs, format, false);
    // A number of more than nine characters has a filler for its check digit, and continues in the
    // optional data.
    let continues = match format {
        Format::TD1 | Format::TD2 => search(logs, format, true),
        _ => return Some(plain),
    };
    Some(if continues.score > plain.score { continues } else { plain })
}

/// The log probabilities of the slots, noise of the network aside.
fn logs<L: AsRef<[Slot]>>(slots: &[L]) -> Vec<Vec<Slot>> {
    let log = |slot: &Slot| slot.map(|probability| libm::logf(probability.max(MIN_PROBABILITY)));
    slots.iter().map(|line| line.as_ref().iter().map(log).collect()).collect()
}

/// Whether the slots show the characters with which a zone of this format opens.
fn shows_opening<L: AsRef<[Slot]>>(format: Format, slots: &[L]) -> bool {
    let (span, opening) = (format.layout().opening_span(), format.layout().opening);
    let line = slots.get(span.line).map(AsRef::as_ref).unwrap_or_default();
    let differs = |&(&character, position): &(&u8, usize)| {
        let probability =
            line.get(position).zip(nibble_mrz::symbol(character)).map(|(slot, c)| slot[c]);
        probability.is_none_or(|probability| probability < MIN_OPENING)
    };
    // The picture's border may cut off some characters of the opening.
    let beyond = line.iter().skip(span.start).take(opening.len()).filter(|slot| is_unseen(slot));
    let beyond = beyond.count();
    let missing = opening.iter().zip(span.start..).filter(differs).count() - beyond;
    missing <= (opening.len() - beyond) / OPENING_SLACK && 2 * beyond <= opening.len()
}

/// The best text under any format of this shape; `None` if there is none.
///
/// Misprinted check digits may cost more than the document code of another format. A text that reads
/// the same under two formats belongs to the one that its document code names. A format with a fixed
/// opening must show it: the check digits of a passport whose first column is cut off are out of
/// place, and would fit a visa.
#[must_use]
pub(crate) fn likeliest_text<L: AsRef<[Slot]>>(slots: &[L]) -> Option<Text> {
    let logs = logs(slots);
    let mut texts: Vec<Text> =
        Format::ALL.iter().filter_map(|&format| best_of(&logs, format)).collect();
    texts.retain(|text| shows_opening(text.format, slots));
    let best = texts.iter().max_by(|a, b| a.score.total_cmp(&b.score))?;
    let named = Format::of(&best.lines);
    texts
        .iter()
        .find(|text| Some(text.format) == named && text.lines == best.lines)
        .or(Some(best))
        .cloned()
}

/// The probabilities of a slot, after those of characters that the format does not allow, or that are
/// rare, are lowered as their penalties say.
#[must_use]
pub(crate) fn with_format(slot: &Slot, text: &Text, line: usize, position: usize) -> Slot {
    let (set, foreign) = allowed_in(text, line, position);
    weighed(slot, |symbol| {
        let is_allowed = set & (1 << symbol) != 0;
        let rare = rarity(text.format, line, position, symbol);
        libm::expf(if is_allowed { -rare } else { -foreign })
    })
}

/// Penalty of a character that the format allows, but that is rare there: document codes of cards
/// begin with A, C or I (Doc 9303-5, 4.2.2.1), but issuers print others, such as `RP` and `TR`.
fn rarity(format: Format, line: usize, position: usize, symbol: usize) -> f32 {
    let is_code = matches!(format, Format::TD1 | Format::TD2) && (line, position) == (0, 0);
    if is_code && !b"ACI".contains(&ALPHABET[symbol]) { RARE_CODE } else { 0.0 }
}

/// Whether the format allows the character of a text in a slot.
#[must_use]
pub(crate) fn allows(text: &Text, line: usize, position: usize) -> bool {
    nibble_mrz::symbol(text.lines[line][position])
        .is_some_and(|symbol| allowed_in(text, line, position).0 & (1 << symbol) != 0)
}

/// Share of the protected characters of the text in the probability of all that stand for them and
/// whose check digits agree, 0 to 1; it is 0 if those of the text do not agree.
#[must_use]
pub(crate) fn certainty<L: AsRef<[Slot]>>(slots: &[L], text: &Text) -> f32 {
    let roles = roles(text.format, text.continued);
    let mut masses = [0.0f64; STATES];
    masses[0] = 1.0;
    let (mut own, mut own_state) = (1.0f64, 0);
    for (line, row) in slots.iter().enumerate() {
        for (position, slot) in row.as_ref().iter().enumerate() {
            if !text.format.layout().is_protected(line, position) {
                continue;
            }
            let (set, penalty) = allowed(text.format, line, position);
            let foreign = f64::from(libm::expf(-penalty));
            let mut next = [0.0f64; STATES];
            for (symbol, &probability) in slot.iter().enumerate() {
                let provided = if set & (1 << symbol) == 0 { foreign } else { 1.0 };
                let local = provided * f64::from(probability.max(MIN_PROBABILITY));
                for (state, &mass) in masses.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
                    let (after, disagreeing) = roles[line][position].step(state, symbol);
                    if disagreeing == 0 {
                        next[after] += mass * local;
                    }
                }
                if text.lines[line][position] == ALPHABET[symbol] {
                    let (after, disagreeing) = roles[line][position].step(own_state, symbol);
                    own *= if disagreeing == 0 { local } else { 0.0 };
                    own_state = after;
                }
            }
            masses = next;
        }
    }
    let all: f64 = masses.iter().sum();
    // The text is part of the sum, but rounded in another order.
    if all > 0.0 { (own / all).min(1.0) as f32 } else { 0.0 }
}

/// A step back: the symbol that was taken, and the state before it.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    symbol: u8,
    from: u8,
}

/// A symbol that may be the best of those with the same effect in a slot, and its score.
type Contender = (usize, f32);

/// The best symbol of each class of a slot, in the order of the alphabet: symbols of one class lead
/// from every state to the same one, so no other can win.
fn contenders(
    logs: &Slot,
    role: &Role,
    format: Format,
    (line, position): (usize, usize),
    best: &mut Vec<Contender>,
) {
    let mut of_class = [None::<Contender>; CLASSES];
    let (set, penalty) = allowed(format, line, position);
    for (symbol, &log) in logs.iter().enumerate() {
        let is_allowed = set & (1 << symbol) != 0;
        let lowered = if is_allowed { rarity(format, line, position, symbol) } else { penalty };
        let score = log - lowered;
        let kept = &mut of_class[role.class(symbol)];
        if kept.is_none_or(|(_, other)| score > other) {
            *kept = Some((symbol, score));
        }
    }
    best.clear();
    // Ties go to the first symbol of the alphabet, whatever its class.
    let contends = |symbol: usize| of_class[role.class(symbol)].filter(|&(own, _)| own == symbol);
    best.extend((0..logs.len()).filter_map(contends));
}

/// The best text under a format, from the log probabilities of the slots.
fn search(logs: &[Vec<Slot>], format: Format, continued: bool) -> Text {
    let roles = roles(format, continued);
    let mut scores = [f32::NEG_INFINITY; STATES];
    scores[0] = 0.0;
    let mut steps: Vec<[Step; STATES]> = Vec::new();
    let mut best = Vec::new();
    for (line, row) in logs.iter().enumerate() {
        for (position, slot) in row.iter().enumerate() {
            let role = &roles[line][position];
            let mut next = [f32::NEG_INFINITY; STATES];
            let mut back = [Step::default(); STATES];
            contenders(slot, role, format, (line, position), &mut best);
            for &(symbol, local) in &best {
                for (state, &score) in scores.iter().enumerate() {
                    if score == f32::NEG_INFINITY {
                        continue;
                    }
                    let (after, disagreeing) = role.step(state, symbol);
                    let total = score + local - DISAGREEMENT * f32::from(disagreeing);
                    if total > next[after] {
                        next[after] = total;
                        back[after] = Step { symbol: symbol as u8, from: state as u8 };
                    }
                }
            }
            scores = next;
            steps.push(back);
        }
    }
    let mut state = (0..STATES).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
    let score = scores[state];
    let mut flat: Vec<u8> = steps
        .iter()
        .rev()
        .map(|back| {
            let step = back[state];
            state = usize::from(step.from);
            ALPHABET[usize::from(step.symbol)]
        })
        .collect();
    flat.reverse();
    let lines = lines_of(format, &flat);
    let mut text = Text { format, lines, score, continued };
    if continued && !number_agrees(&text) {
        text.score -= DISAGREEMENT;
    }
    text
}

/// The lines of a zone whose characters are in `flat`, one line after the other.
pub(super) fn lines_of(format: Format, mut flat: &[u8]) -> Vec<Vec<u8>> {
    let line = |&length: &usize| flat.split_off(..length).unwrap_or_default().to_vec();
    format.layout().lengths.iter().map(line).collect()
}

fn number_agrees(text: &Text) -> bool {
    nibble_mrz::verify(text.format, &text.lines)
        .iter()
        .any(|check| check.field == CheckField::DocumentNumber && check.ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::SYMBOLS;
    use nibble_mrz::{symbol, verify};

    const PASSPORT: [&str; 2] = [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ];

    /// Slots that say `text` with the given certainty.
    fn slots(text: &[&str], certainty: f32) -> Vec<Vec<Slot>> {
        let rest = (1.0 - certainty) / (SYMBOLS - 1) as f32;
        let slot = |c: u8| {
            let mut slot = [rest; SYMBOLS];
            slot[symbol(c).expect("in the alphabet")] = certainty;
            slot
        };
        text.iter().map(|line| line.bytes().map(slot).collect()).collect()
    }

    /// Divides the probability of one slot among some characters.
    fn doubt(slots: &mut [Vec<Slot>], line: usize, position: usize, shares: &[(u8, f32)]) {
        slots[line][position] = [1e-6; SYMBOLS];
        for &(character, share) in shares {
            slots[line][position][symbol(character).expect("in the alphabet")] = share;
        }
    }

    fn lines(text: &Text) -> Vec<String> {
        text.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn sure_lines_stay_as_they_are() {
        let text = best_text(&slots(&PASSPORT, 0.999), Format::TD3).expect("shape of TD3");
        assert_eq!(lines(&text), PASSPORT);
        assert!(best_text(&slots(&PASSPORT, 0.999), Format::TD1).is_none());
    }

    #[test]
    fn check_digits_decide_between_likely_alternatives() {
        let mut slots = slots(&PASSPORT, 0.999);
        doubt(&mut slots, 1, 3, &[(b'B', 0.7), (b'8', 0.3)]);
        doubt(&mut slots, 1, 17, &[(b'8', 0.6), (b'1', 0.4)]);
        let text = best_text(&slots, Format::TD3).expect("shape of TD3");
        assert_eq!(lines(&text), PASSPORT);
    }

    #[test]
    fn the_grammar_decides_between_letters_and_digits() {
        let mut slots = slots(&PASSPORT, 0.999);
        doubt(&mut slots, 0, 4, &[(b'0', 0.8), (b'O', 0.2)]);
        doubt(&mut slots, 1, 22, &[(b'Z', 0.9), (b'2', 0.1)]);
        let text = best_text(&slots, Format::TD3).expect("shape of TD3");
        assert_eq!(lines(&text), PASSPORT);
    }

    #[test]
    fn a_confident_reading_is_not_overruled() {
        let wrong = [PASSPORT[0], "L898902C36UTO7408122F1204159ZE184226B<<<<<19"];
        let text = best_text(&slots(&wrong, 0.9999), Format::TD3).expect("shape of TD3");
        assert_eq!(lines(&text), wrong);
        assert!(!verify(text.format, &text.lines).iter().all(|check| check.ok));
    }

    #[test]
    fn a_continued_number_is_verified_in_the_optional_data() {
        let card = [
            "I<UTOD23145890<7349<<<<<<<<<<<",
            "7408122F1204159UTO<<<<<<<<<<<6",
            "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
        ];
        let text = best_text(&slots(&card, 0.99), Format::TD1).expect("shape of TD1");
        assert_eq!(lines(&text), card);
    }

    #[test]
    fn formats_of_one_shape_are_told_apart() {
        let visa = [
            "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
            "L8988901C4XXX4009078F96121096ZE184226B<<<<<<",
        ];
        let slots = slots(&visa, 0.99);
        let of = |format| best_text(&slots, format).expect("44 characters").score;
        assert!(of(Format::MRVA) > of(Format::TD3));
    }

    #[test]
    fn a_passport_with_misprinted_check_digits_is_no_visa() {
        let shifted = [PASSPORT[0], "L898902C36UTO7408122F1204159<<<<<<<<<<<<<<6<"];
        let slots = slots(&shifted, 0.999);
        let of = |format| best_text(&slots, format).expect("44 characters").score;
        assert!(of(Format::MRVA) > of(Format::TD3), "by its check digits alone it would be");
        let text = likeliest_text(&slots).expect("44 characters");
        assert_eq!((text.format, lines(&text)), (Format::TD3, shifted.map(str::to_owned).to_vec()));
        assert!(likeliest_text(&[slots[0].clone()]).is_none());
    }

    #[test]
    fn texts_that_check_digits_cannot_tell_apart_share_the_certainty() {
        let sure = slots(&PASSPORT, 0.9999);
        let text = best_text(&sure, Format::TD3).expect("shape of TD3");
        assert!(certainty(&sure, &text) > 0.98);
        // One doubtful digit is decided by the sums.
        let mut one = sure.clone();
        doubt(&mut one, 1, 17, &[(b'8', 0.6), (b'1', 0.4)]);
        let text = best_text(&one, Format::TD3).expect("shape of TD3");
        assert!(certainty(&one, &text) > 0.98);
        // L and V weigh the same modulo 10 (21 and 31).
        let mut two = sure;
        doubt(&mut two, 1, 0, &[(b'L', 0.6), (b'V', 0.4)]);
        let text = best_text(&two, Format::TD3).expect("shape of TD3");
        assert!((0.5..0.7).contains(&certainty(&two, &text)));
    }

    #[test]
    fn certainty_is_a_share_even_where_check_digits_disagree() {
        let wrong = [PASSPORT[0], "L898902C36UTO7408122F1204159ZE184226B<<<<<19"];
        let slots = slots(&wrong, 0.9999);
        let text = best_text(&slots, Format::TD3).expect("shape of TD3");
        assert_eq!(lines(&text), wrong);
        assert_eq!(certainty(&slots, &text), 0.0);
    }

    #[test]
    fn document_codes_of_cards_are_no_closed_list() {
        let card = [
            "TRUTO23IA12345401001012345<<<<",
            "9001011M3208151USA<<<<<<<<<<<5",
            "SAMPLE<<JOHN<<<<<<<<<<<<<<<<<<",
        ];
        let mut slots = slots(&card, 0.99);
        let text = likeliest_text(&slots).expect("a card");
        assert_eq!((text.format, lines(&text)), (Format::TD1, card.map(str::to_owned).to_vec()));
        assert!(allows(&text, 0, 0));
        let mut digit = text.clone();
        digit.lines[0][0] = b'7';
        assert!(!allows(&digit, 0, 0));
        // Of two likely letters the usual one is preferred.
        doubt(&mut slots, 0, 0, &[(b'T', 0.6), (b'I', 0.4)]);
        assert_eq!(likeliest_text(&slots).expect("a card").lines[0][0], b'I');
    }

    #[test]
    fn driving_licences_show_their_opening() {
        for (line, format) in [
            ("D1FRA13AA000026181231MARTIN<<9", Format::D1FRA),
            ("D1NLD15094962111659VW87Z78NB84", Format::D1NLD),
        ] {
            let text = likeliest_text(&slots(&[line], 0.99)).expect("a licence");
            assert_eq!((text.format, lines(&text)), (format, vec![line.to_owned()]));
        }
        // A line of a card is none.
        assert!(likeliest_text(&slots(&["ERIKSSON<<ANNA<MARIA<<<<<<<<<<"], 0.99)).is_none());
        assert!(likeliest_text(&slots(&["D1UTO13AA000026181231MARTIN<<9"], 0.99)).is_none());
        let swiss =
            ["AAA001D<<", "FACHE305142128097<<800126<<<<<", "MARCHAND<<FABIENNE<<<<<<<<<<<<"];
        assert_eq!(
            likeliest_text(&slots(&swiss, 0.99)).map(|text| text.format),
            Some(Format::FACHE)
        );
    }

    #[test]
    fn registration_certificates_show_their_opening() {
        let lines = [
            "CRFRAAB123CD0VFSIV2009ASIV200929801059VP<<<<",
            "CI<<MARQUES<<<<<<<MODELE<<<<<<<2009AS0528402",
        ];
        let format = |lines: &[&str]| {
            likeliest_text(&slots(lines, 0.99)).map(|text| (text.format, text.lines.concat()))
        };
        assert_eq!(format(&lines), Some((Format::CRFRA, lines.concat().into_bytes())));
        // Two lines of 44 with another opening are those of a passport or a visa.
        let passport = ["P<FRAMARTIN<<JEAN<<<<<<<<<<<<<<<<<<<<<<<<<<<", PASSPORT[1]];
        assert_eq!(format(&passport).map(|(format, _)| format), Some(Format::TD3));
    }

    #[test]
    fn a_zone_whose_v_is_not_seen_is_no_visa() {
        let mut slots = slots(
            &[
                "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
                "L8988901C4XXX4009078F96121096ZE184226B<<<<<<",
            ],
            0.99,
        );
        assert_eq!(likeliest_text(&slots).expect("44 characters").format, Format::MRVA);
        doubt(&mut slots, 0, 0, &[(b'<', 0.98), (b'V', 0.02)]);
        assert_eq!(likeliest_text(&slots).expect("44 characters").format, Format::TD3);
    }
}
