//! Machine-readable zones: formats, check digits, fields.
//!
//! Sources: ICAO Doc 9303 (eighth edition) parts 3 (common rules, check digits), 4 (TD3), 5 (TD1), 6 (TD2), 7 (visas);
//! for the French identity card of 1988 to 2021 the layout published with its decree. A layout is a table
//! ([`layout`]); the grammar used by the decoder, the verification of check digits and the parser all read
//! that table.

mod check;
mod date;
mod document;
pub mod layout;

pub use check::{Check, CheckField, check_digit, verify};
pub use document::{Document, Sex, parse};
pub use layout::{Format, Layout, Span};

/// The filler character.
pub const FILLER: u8 = b'<';

/// The 37 characters of a machine-readable zone; the value of a character in a check digit is its index,
/// except that the filler counts 0.
pub const ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<";

/// The lines of a zone as ASCII bytes, all of the format's length.
pub type Lines = Vec<Vec<u8>>;

/// The index of `character` in [`ALPHABET`]; `None` for any other byte.
#[must_use]
pub fn symbol(character: u8) -> Option<usize> {
    match character {
        b'0'..=b'9' => Some(usize::from(character - b'0')),
        b'A'..=b'Z' => Some(usize::from(character - b'A') + 10),
        FILLER => Some(36),
        _ => None,
    }
}
