//! A zone whose shape and characters are known to be right, and how to get one from text.

use std::fmt;
use std::str::FromStr;

use crate::alphabet::{FILLER, symbol};
use crate::check::{Check, verify};
use crate::document::Document;
use crate::kinds::Format;
use crate::layout::{FieldKind, Span};

/// The lines of a zone: the shape is that of the format, every character is of the alphabet.
///
/// A zone comes from [`parse`], [`parse_lines`] or [`write()`](crate::write()). That it exists
/// says nothing about its check digits: ask [`Zone::checks`] or [`Zone::checks_agree`].
///
/// Shown with `{}`, a zone is its lines with a line feed between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Zone {
    format: Format,
    lines: Vec<String>,
}

impl Zone {
    /// Lines that the caller knows to have the shape of `format`.
    pub(crate) fn new(format: Format, lines: Vec<String>) -> Self {
        Self { format, lines }
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The lines, each as long as the format has it.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The document code: one or two letters, without fillers. On driving licences the digit of the
    /// variant follows, as in `D1`.
    #[must_use]
    pub fn document_code(&self) -> &str {
        let layout = self.format.layout();
        let variant = layout.span(FieldKind::Variant).map_or(0, |span| span.len);
        let span = layout
            .span(FieldKind::DocumentCode)
            .map(|span| Span { len: span.len + variant, ..span });
        let code = span.map_or(&[][..], |span| span.of(&self.lines));
        str::from_utf8(code).unwrap_or_default().trim_matches(char::from(FILLER))
    }

    /// The fields.
    #[must_use]
    pub fn document(&self) -> Document {
        Document::of(self.format, &self.lines)
    }

    /// The verdict on every check digit, in the order of the layout.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        verify(self.format, &self.lines)
    }

    /// Whether every check digit agrees.
    #[must_use]
    pub fn checks_agree(&self) -> bool {
        self.checks().iter().all(|check| check.ok)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(line)?;
        }
        Ok(())
    }
}

/// Parses as [`parse`] does.
impl FromStr for Zone {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse(text)
    }
}

/// Why a text is no zone. Lines and positions count from 0 here and from 1 in the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// No format has this number of lines. Blank lines do not count.
    LineCount {
        /// The number of lines.
        found: usize,
    },
    /// A character that no zone holds.
    Character {
        /// The line, from 0; blank lines do not count.
        line: usize,
        /// The position in the line without the white space around it, from 0, in characters.
        position: usize,
        /// The character; `U+FFFD` for bytes that are not UTF-8.
        found: char,
    },
    /// No format has lines of these lengths.
    LineLength {
        /// The length of each line, in characters.
        lengths: Vec<usize>,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineCount { found } => {
                write!(f, "a zone has 1 to 3 lines, not {found}")
            }
            Self::Character { line, position, found } => {
                let (line, position) = (line + 1, position + 1);
                write!(f, "line {line}, character {position}: {found:?} is not A to Z, 0 to 9 or <")
            }
            Self::LineLength { lengths } => {
                let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
                let lengths = lengths.join(", ");
                write!(f, "lines of {lengths} characters: ")?;
                f.write_str("a zone has 3 lines of 30, 2 of 36 or 2 of 44 characters; ")?;
                f.write_str(
                    "driving licences have 1 line of 30 (D1FRA, D1NLD), or 9, 30 and 30 (FACHE)",
                )
            }
        }
    }
}

impl std::error::Error for ParseError {}

/// The largest number of lines that any format has.
const MAX_LINES: usize = 3;

/// Parses a text with one line of the zone on each of its lines.
///
/// Finds the format from the shape and the opening, as [`Format::of`] does. Ignores blank lines
/// and the white space around a line, and reads `a` to `z` as `A` to `Z`, so that a zone may be
/// typed or pasted. Nothing else is repaired: a space or a foreign character inside a line is an
/// error. A text of one line with 90, 72 or 88 characters is a whole zone without line feeds,
/// as the chip of a document stores it (Doc 9303-10, data group 1).
///
/// The check digits may be wrong: see [`Zone::checks`].
///
/// # Errors
/// The number of lines, a character, or the length of a line is that of no format, in this
/// order of search.
///
/// ```
/// use nibble_mrz::{Format, ParseError, parse};
///
/// let zone = parse(
///     "I<UTOD231458907<<<<<<<<<<<<<<<
///      7408122F1204159UTO<<<<<<<<<<<6
///      ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
/// )?;
/// assert_eq!(zone.format(), Format::TD1);
/// assert_eq!(zone.document().document_number, "D23145890");
///
/// let missing = parse("I<UTOD231458907<<<<<<<<<<<<<<<").unwrap_err();
/// assert_eq!(missing, ParseError::LineLength { lengths: vec![30] });
/// # Ok::<(), ParseError>(())
/// ```
pub fn parse(text: impl AsRef<[u8]>) -> Result<Zone, ParseError> {
    parse_lines([text])
}

/// Parses lines that stand apart, under the rules of [`parse`].
///
/// # Errors
/// As [`parse`].
///
/// ```
/// let lines = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"];
/// let zone = nibble_mrz::parse_lines(lines)?;
/// assert_eq!(zone.format(), nibble_mrz::Format::MRVB);
/// # Ok::<(), nibble_mrz::ParseError>(())
/// ```
pub fn parse_lines<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> Result<Zone, ParseError> {
    let (lines, found) = first_lines(lines);
    let lines = match <[String; 1]>::try_from(lines) {
        Ok([line]) => unfold(line),
        Err(lines) => lines,
    };
    if !(1..=MAX_LINES).contains(&found.max(lines.len())) {
        return Err(ParseError::LineCount { found });
    }
    for (line, text) in lines.iter().enumerate() {
        let foreign = |&(_, c): &(usize, char)| u8::try_from(c).ok().and_then(symbol).is_none();
        if let Some((position, found)) = text.chars().enumerate().find(foreign) {
            return Err(ParseError::Character { line, position, found });
        }
    }
    match Format::of(&lines) {
        Some(format) => Ok(Zone::new(format, lines)),
        None => Err(ParseError::LineLength { lengths: lines.iter().map(String::len).collect() }),
    }
}

/// The first lines that are not blank, in upper case, and the number of all such lines.
fn first_lines<L: AsRef<[u8]>>(texts: impl IntoIterator<Item = L>) -> (Vec<String>, usize) {
    let (mut lines, mut found) = (Vec::new(), 0);
    for text in texts {
        for line in text.as_ref().split(|byte| matches!(byte, b'\n' | b'\r')) {
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            found += 1;
            if lines.len() < MAX_LINES {
                lines.push(line.to_ascii_uppercase());
            }
        }
    }
    (lines, found)
}

/// The lines of a zone that is stored as one line; that line itself where it has another length.
fn unfold(line: String) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    let length = match characters.len() {
        90 => 30,
        72 => 36,
        88 => 44,
        _ => return vec![line],
    };
    characters.chunks(length).map(|line| line.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSPORT: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n\
                            L898902C36UTO7408122F1204159ZE184226B<<<<<10";

    #[test]
    fn a_text_may_have_white_space_blank_lines_and_lower_case() {
        let zone = parse(PASSPORT).expect("a passport");
        assert_eq!(zone.to_string(), PASSPORT);
        assert_eq!(zone.document_code(), "P");
        assert!(zone.checks_agree());
        let pasted =
            format!("\n  {}\t\r\n\r\n", PASSPORT.to_lowercase().replace('\n', " \r\n\u{a0}"));
        assert_eq!(parse(pasted), Ok(zone.clone()));
        assert_eq!(parse_lines(PASSPORT.lines()), Ok(zone.clone()));
        assert_eq!(PASSPORT.parse(), Ok(zone.clone()));
        // As the chip stores it.
        assert_eq!(parse(PASSPORT.replace('\n', "")), Ok(zone));
    }

    #[test]
    fn one_line_is_a_whole_zone_or_an_error() {
        let card = "I<UTOD231458907<<<<<<<<<<<<<<<\
                    7408122F1204159UTO<<<<<<<<<<<6\
                    ERIKSSON<<ANNA<MARIA<<<<<<<<<<";
        assert_eq!(parse(card).map(|zone| zone.format()), Ok(Format::TD1));
        assert_eq!(parse(&card[1..]), Err(ParseError::LineLength { lengths: vec![89] }));
        let licence = parse("D1FRA13AA000026181231MARTIN<<9").expect("a licence");
        assert_eq!((licence.format(), licence.document_code()), (Format::D1FRA, "D1"));
        assert!(licence.checks_agree());
        assert_eq!(parse(""), Err(ParseError::LineCount { found: 0 }));
        assert_eq!(parse(" \n\n\t"), Err(ParseError::LineCount { found: 0 }));
    }

    #[test]
    fn an_error_says_what_is_wrong_and_where() {
        let error = |text: &str| parse(text).expect_err("no zone");
        let accent = error(&PASSPORT.replace("C36", "Ç36"));
        assert_eq!(accent, ParseError::Character { line: 1, position: 7, found: 'Ç' });
        let message = "line 2, character 8: 'Ç' is not A to Z, 0 to 9 or <";
        assert_eq!(accent.to_string(), message);

        let short = error(&PASSPORT[..PASSPORT.len() - 1]);
        assert_eq!(short, ParseError::LineLength { lengths: vec![44, 43] });
        assert!(short.to_string().starts_with("lines of 44, 43 characters"), "{short}");

        let twice = error(&format!("{PASSPORT}\n{PASSPORT}"));
        assert_eq!(twice, ParseError::LineCount { found: 4 });
        assert_eq!(twice.to_string(), "a zone has 1 to 3 lines, not 4");

        let inner = error(&PASSPORT.replacen("<<", "< ", 1));
        assert_eq!(inner, ParseError::Character { line: 0, position: 14, found: ' ' });
    }

    #[test]
    fn bytes_that_are_no_text_are_foreign() {
        let mut bytes = PASSPORT.as_bytes().to_vec();
        bytes[3] = 0xff;
        let error =
            ParseError::Character { line: 0, position: 3, found: char::REPLACEMENT_CHARACTER };
        assert_eq!(parse(bytes), Err(error));
    }
}
