//! Slots that tests are given.

use super::SYMBOLS;
use super::slots::Slot;
use nibble_mrz::symbol;

/// A slot with some characters and their probabilities; all others are next to impossible.
pub(super) fn of(shares: &[(u8, f32)]) -> Slot {
    let mut slot = [1e-5; SYMBOLS];
    for &(character, share) in shares {
        slot[symbol(character).expect("in the alphabet")] = share;
    }
    slot
}

/// Slots that hold the characters of some lines for certain.
pub(super) fn sure(lines: &[&str]) -> Vec<Vec<Slot>> {
    let line = |line: &&str| line.bytes().map(|c| of(&[(c, 1.0 - 36e-5)])).collect();
    lines.iter().map(line).collect()
}
