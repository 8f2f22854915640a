//! What each slot of a zone contributes to its check digits.

#![allow(clippy::cast_possible_truncation, reason = "weights below 10")]

use nibble_mrz::{ALPHABET, CheckField, FILLER, Format};

/// Number of states: two running sums, each modulo 10.
pub(super) const STATES: usize = 100;

/// What one slot contributes to the check digits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Role {
    /// Weight in the running sum of its field; 0 outside.
    own: u32,
    /// Weight in the composite sum; 0 outside.
    composite: u32,
    /// The slot is the check digit of the current field.
    closes_own: bool,
    /// A filler here agrees if the sum is 0.
    filler_closes: bool,
    /// The number continues elsewhere: a filler stands here, whatever the sum.
    left_open: bool,
    /// The slot is the composite check digit.
    closes_composite: bool,
}

/// The value of a symbol in the sums: that of a filler is 0.
fn value(symbol: usize) -> usize {
    if ALPHABET[symbol] == FILLER { 0 } else { symbol }
}

/// Number of classes of symbols: see [`Role::class`].
pub(super) const CLASSES: usize = 21;

impl Role {
    /// The class of a symbol in this slot, below [`CLASSES`]: symbols of one class have the same
    /// [`step`](Self::step) from every state.
    pub(super) fn class(&self, symbol: usize) -> usize {
        if self.is_free() {
            return 0;
        }
        let class = value(symbol) % 10;
        if !self.closes_own && !self.closes_composite {
            return class;
        }
        // Only digits and the filler may agree.
        match ALPHABET[symbol] {
            FILLER => 10,
            b'0'..=b'9' => class,
            _ => 11 + class,
        }
    }

    /// Whether the slot is part of no sum and no check digit.
    pub(super) fn is_free(&self) -> bool {
        self.own | self.composite == 0 && !self.closes_own && !self.closes_composite
    }

    /// The state after `symbol` in this slot, and the number of check digits that it contradicts.
    pub(super) fn step(&self, state: usize, symbol: usize) -> (usize, u8) {
        let value = value(symbol);
        let (own, composite) = (state / 10, state % 10);
        let (mut own_after, mut composite_after) = (
            (own + self.own as usize * value) % 10,
            (composite + self.composite as usize * value) % 10,
        );
        let mut disagreeing = 0;
        if self.closes_own {
            let agrees = match ALPHABET[symbol] {
                FILLER => self.filler_closes && (self.left_open || own == 0),
                _ => !self.left_open && symbol == own,
            };
            disagreeing += u8::from(!agrees);
            own_after = 0;
        }
        if self.closes_composite {
            disagreeing += u8::from(symbol != composite);
            composite_after = 0;
        }
        (own_after * 10 + composite_after, disagreeing)
    }
}

/// The role of every slot, line by line. The check digit of a `continued` number stands elsewhere.
pub(super) fn roles(format: Format, continued: bool) -> Vec<Vec<Role>> {
    let layout = format.layout();
    let mut roles: Vec<Vec<Role>> =
        layout.lengths.iter().map(|&length| vec![Role::default(); length]).collect();
    for rule in layout.checks {
        let slots = rule
            .over
            .iter()
            .flat_map(|span| (span.start..span.start + span.len).map(|p| (span.line, p)));
        let composite = rule.field == CheckField::Composite;
        for (index, (line, position)) in slots.enumerate() {
            let weight = [7, 3, 1][index % 3];
            let role = &mut roles[line][position];
            if composite {
                role.composite = weight;
            } else {
                role.own = weight;
            }
        }
        let digit = &mut roles[rule.digit.line][rule.digit.start];
        if composite {
            digit.closes_composite = true;
        } else {
            digit.closes_own = true;
            digit.left_open = continued && rule.field == CheckField::DocumentNumber;
            digit.filler_closes = rule.filler_if_empty || digit.left_open;
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::SYMBOLS;

    #[test]
    fn symbols_of_one_class_have_one_effect() {
        for format in Format::ALL {
            for role in [false, true].into_iter().flat_map(|c| roles(format, c)).flatten() {
                let effects = |symbol| (0..STATES).map(move |state| role.step(state, symbol));
                for (a, b) in (0..SYMBOLS).flat_map(|a| (0..a).map(move |b| (a, b))) {
                    if role.class(a) == role.class(b) {
                        assert!(effects(a).eq(effects(b)), "{format:?} {role:?} {a} {b}");
                    }
                }
            }
        }
    }
}
