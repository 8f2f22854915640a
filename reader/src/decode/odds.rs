//! How far the glyphs of a slot speak for one character and against another.
//!
//! The network's own odds cannot be taken as they are: it reads a zero as an O far more often than
//! the reverse, and it names a character even where none is visible. [`odds`] corrects for both.

#![allow(clippy::cast_precision_loss, reason = "the alphabet has 37 characters")]

use super::grammar::{Text, allowed_in};
use super::slots::{MIN_PROBABILITY, Slot, most_likely};
use nibble_mrz::{ALPHABET, symbol};

/// Minimum log odds of a valid character that no check digit protects, against any other: 16 to 1.
pub(crate) const MIN_UNPROTECTED_ODDS: f32 = 2.8;
/// Doubt in a slot without ink, as the probability that is spread over all characters.
const DOUBT_WITHOUT_INK: f32 = 0.5;
/// Doubt per probability of all characters but the first two: if many are likely, any may be
/// right.
const DOUBT_OF_MANY: f32 = 0.6;
/// Minimum doubt in every slot.
const MIN_DOUBT: f32 = 1e-3;
/// A character may be damaged if it and its lookalike together are less likely than this.
const MIN_UNDAMAGED: f32 = 0.85;
/// Slots on either side of a damaged one that the same stroke or patch may reach.
const REACH: usize = 2;
/// Maximum log odds near a damaged slot: a stroke that spoils one character may turn its neighbour
/// into another.
pub(super) const MAX_ODDS_NEAR_DAMAGE: f32 = 4.0;
/// Corrections of the network's log odds of the first character, which was read, against the second.
/// Damage removes ink, so a zero is read as O, D, G or Q, but hardly ever the reverse. Derived by
/// `crate::calibrate` from renders of `tests/renders.py` (zeros, screen and covered, seeds 201 to 203):
/// pairs with at least twelve slots misread or expected to be, in steps of a half. Nothing above 1 is
/// kept, and 0.5 of 0 against O: glyphs of one picture err together, so a gain in each of two zeros
/// made up for what the glyphs lacked (2 of 3,000 screen renders, seed 603). C against 0, E against F
/// and I against T were set by hand: a bar of a letter is easily lost, and no digit protects names.
const ADJUSTMENTS: [(u8, u8, f32); 43] = [
    (b'0', b'8', 1.0),
    (b'0', b'9', 1.0),
    (b'0', b'C', 1.0),
    (b'0', b'D', 1.0),
    (b'0', b'G', 1.0),
    (b'0', b'O', 0.5),
    (b'0', b'Q', 1.0),
    (b'0', b'U', 1.0),
    (b'2', b'Z', 1.0),
    (b'8', b'6', -1.5),
    (b'8', b'R', 1.0),
    (b'9', b'0', -2.5),
    (b'9', b'O', -2.0),
    (b'A', b'R', -1.0),
    (b'B', b'0', -2.5),
    (b'B', b'O', -2.0),
    (b'C', b'0', -3.5),
    (b'D', b'0', -3.5),
    (b'D', b'B', 1.0),
    (b'D', b'O', -2.0),
    (b'E', b'0', -2.5),
    (b'E', b'F', -2.0),
    (b'G', b'0', -3.5),
    (b'G', b'O', -1.5),
    (b'I', b'T', -2.0),
    (b'O', b'0', -2.5),
    (b'O', b'6', 1.0),
    (b'O', b'8', 1.0),
    (b'O', b'9', 1.0),
    (b'O', b'B', 1.0),
    (b'O', b'D', 1.0),
    (b'O', b'G', 1.0),
    (b'O', b'Q', 1.0),
    (b'O', b'S', 1.0),
    (b'Q', b'0', -3.5),
    (b'Q', b'O', -2.5),
    (b'T', b'I', -1.0),
    (b'T', b'Y', 1.0),
    (b'U', b'0', -1.0),
    (b'W', b'U', -1.5),
    (b'Y', b'T', -3.5),
    (b'Z', b'2', -2.0),
    (b'Z', b'7', -3.5),
];

/// Letters and the digits that look like them.
pub(super) const LOOKALIKES: [(u8, u8); 11] = [
    (b'O', b'0'),
    (b'Q', b'0'),
    (b'D', b'0'),
    (b'U', b'0'),
    (b'I', b'1'),
    (b'L', b'1'),
    (b'Z', b'2'),
    (b'S', b'5'),
    (b'G', b'6'),
    (b'B', b'8'),
    (b'S', b'8'),
];

/// The probabilities of a slot after doubt is added, which the network leaves out. Doubt is spread
/// over all characters; it is larger where there is little ink.
fn with_doubt(slot: &Slot, ink: f32) -> Slot {
    let first = most_likely(slot);
    let mut rest = *slot;
    rest[first] = 0.0;
    let many = 1.0 - slot[first] - rest[most_likely(&rest)];
    let doubt = (DOUBT_WITHOUT_INK * (1.0 - ink)).max(DOUBT_OF_MANY * many) + MIN_DOUBT;
    let share = doubt.clamp(0.0, 1.0);
    slot.map(|probability| {
        (1.0 - share) * probability.max(MIN_PROBABILITY) + share / ALPHABET.len() as f32
    })
}

/// The network's log odds of symbol `own` of a slot against each other symbol, with doubt but without
/// [`ADJUSTMENTS`].
pub(crate) fn network_odds(
    slot: &Slot,
    ink: f32,
    own: usize,
) -> impl Iterator<Item = (usize, f32)> {
    let probabilities = with_doubt(slot, ink);
    (0..ALPHABET.len())
        .filter(move |&other| other != own)
        .map(move |other| (other, libm::logf(probabilities[own] / probabilities[other])))
}

/// Calibrated log odds of symbol `own` of a slot against each other symbol of `set`.
pub(super) fn odds(slot: &Slot, ink: f32, own: usize, set: u64) -> Vec<(usize, f32)> {
    let adjusted = |(other, odds): (usize, f32)| {
        let pair = (ALPHABET[own], ALPHABET[other]);
        let adjustment = ADJUSTMENTS.iter().find(|(read, rival, _)| (*read, *rival) == pair);
        (other, odds + adjustment.map_or(0.0, |entry| entry.2))
    };
    let others = network_odds(slot, ink, own).filter(|&(other, _)| set & (1 << other) != 0);
    others.map(adjusted).collect()
}

/// Which slots of a line are damaged, or near a damaged one.
pub(super) fn near_damage(slots: &[Slot]) -> Vec<bool> {
    let is_damaged = |slot: &Slot| {
        let first = most_likely(slot);
        let alike = |pair: &&(u8, u8)| pair.0 == ALPHABET[first] || pair.1 == ALPHABET[first];
        let other = |pair: &(u8, u8)| if pair.0 == ALPHABET[first] { pair.1 } else { pair.0 };
        let lookalike = LOOKALIKES.iter().filter(alike).filter_map(|pair| symbol(other(pair)));
        slot[first] + lookalike.map(|other| slot[other]).fold(0.0, f32::max) < MIN_UNDAMAGED
    };
    let damaged: Vec<bool> = slots.iter().map(is_damaged).collect();
    let near = |position: usize| {
        damaged[position.saturating_sub(REACH)..(position + REACH + 1).min(damaged.len())]
            .contains(&true)
    };
    (0..slots.len()).map(near).collect()
}

/// The calibrated log odds of a character of `text` against its likeliest alternative, and that
/// alternative.
#[must_use]
pub(crate) fn unprotected_odds(
    slot: &Slot,
    ink: f32,
    text: &Text,
    line: usize,
    position: usize,
) -> (f32, u8) {
    let own = symbol(text.lines[line][position]).unwrap_or_default();
    let (set, _) = allowed_in(text, line, position);
    odds(slot, ink, own, set)
        .into_iter()
        .map(|(other, odds)| (odds, ALPHABET[other]))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((f32::INFINITY, text.lines[line][position]))
}
