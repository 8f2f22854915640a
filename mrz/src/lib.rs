//! Machine-readable zones of travel documents (ICAO Doc 9303): formats, check digits,
//! fields.
//!
//! # Words
//!
//! - **Zone**: the lines that machines read, with the shape of one format.
//! - **Line**: one row of a zone, 30, 36 or 44 characters.
//! - **Format**: TD1, TD2, TD3, MRVA, MRVB or FRA36; it fixes the number of lines, their length
//!   and their layout.
//! - **Layout**: the table of a format: its fields and its check digits.
//! - **Field**: what stands in one place of a layout, such as the birth date.
//! - **Span**: the place itself: a line, a first position, a length. All count from 0.
//! - **Filler**: the character `<`. It pads fields and stands for spaces.
//! - **Check digit**: a digit computed from other characters, with the weights 7, 3, 1.
//! - **Composite**: the check digit over several fields and their own check digits.
//!
//! # Sources
//!
//! ICAO Doc 9303, eighth edition: part 3 (characters, names, dates, check digits), 4 (TD3),
//! 5 (TD1), 6 (TD2), 7 (visas). The French identity card of 1988 to 2021 is not in Doc 9303; its
//! layout is that of printed specimens.
//!
//! # Features
//!
//! `serde`: `Serialize` for [`Document`], [`Sex`], [`Format`], [`Check`] and [`CheckField`].

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod alphabet;
mod check;
mod date;
mod document;
mod format;
mod layout;
mod tables;

pub use alphabet::{ALPHABET, CharacterSet, FILLER, symbol};
pub use check::{Check, CheckField, check_digit, verify};
pub use document::{Document, Sex};
pub use format::Format;
pub use layout::{CheckRule, Field, FieldKind, Layout, Span};
