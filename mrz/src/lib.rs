//! Machine-readable zones of travel documents (ICAO Doc 9303): parse them, check them, write
//! them.
//!
//! ```
//! use nibble_mrz::{Document, Format, Sex, parse, write};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let zone = parse(
//!     "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
//!      L898902C36UTO7408122F1204159ZE184226B<<<<<10",
//! )?;
//! assert_eq!(zone.format(), Format::TD3);
//!
//! // The fields in plain words.
//! let document = zone.document();
//! assert_eq!(document.surname, "ERIKSSON");
//! assert_eq!(document.given_names, "ANNA MARIA");
//! assert_eq!(document.birth_date.as_deref(), Some("1974-08-12"));
//! assert_eq!(document.sex, Some(Sex::F));
//!
//! // A verdict on every check digit.
//! for check in zone.checks() {
//!     assert!(check.ok, "{} does not agree", check.field);
//! }
//!
//! // And back from fields to lines, here those of a card.
//! let mut card: Document = document;
//! card.format = Format::TD1;
//! card.document_number = "D23145890734".into();
//! let written = write("I", &card)?;
//! assert_eq!(
//!     written.zone.lines(),
//!     [
//!         "I<UTOD23145890<7349<ZE184226B<",
//!         "7408122F1204159UTO<<<<<<<<<<<7",
//!         "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
//!     ]
//! );
//! assert!(written.zone.checks_agree());
//! # Ok(())
//! # }
//! ```
//!
//! # Which function
//!
//! | to | use |
//! |---|---|
//! | read text of unknown origin | [`parse`], [`parse_lines`]: typed errors, then a [`Zone`] |
//! | read lines of a known format, whatever they hold | [`Document::of`], [`verify`]: never fail |
//! | write a zone | [`write()`] |
//! | find a field or the reach of a check digit | [`Format::layout`] |
//! | compute a check digit | [`check_digit`] |
//! | tell codes of states from others | [`is_known_state`] |
//!
//! No function panics, whatever the input. None asks a clock: the century of a date follows
//! from the document, as `Document::of` explains.
//!
//! # Words
//!
//! - **Zone**: the lines that machines read, with the shape of one format.
//! - **Line**: one row of a zone, 30, 36 or 44 characters; on Swiss driving licences also 9.
//! - **Format**: one of [`Format`]; it fixes the number of lines, their lengths and their layout.
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
//! 5 (TD1), 6 (TD2), 7 (visas). The French identity card of 1988 to 2021, driving licences and
//! registration certificates are not in Doc 9303. ISO/IEC 18013-3 fixes the shape of a licence's
//! single line; the other layouts are those of printed specimens.
//!
//! # Features
//!
//! `serde`: `Serialize` for [`Document`], [`Vehicle`], [`Sex`], [`Format`], [`Check`] and
//! [`CheckField`].

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod alphabet;
mod check;
mod date;
mod document;
mod format;
mod kinds;
mod layout;
mod names;
mod states;
mod tables;
mod text;
mod vehicle;
mod write;
mod zone;

pub use alphabet::{ALPHABET, CharacterSet, FILLER, symbol};
pub use check::{Check, check_digit, verify};
pub use document::{Document, Sex};
pub use kinds::{CheckField, Format};
pub use layout::{CheckRule, Field, FieldKind, Layout, Span};
pub use states::{is_known_state, known_states};
pub use vehicle::Vehicle;
pub use write::{WriteError, Written, write};
pub use zone::{ParseError, Zone, parse, parse_lines};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
