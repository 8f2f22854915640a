//! From fields to a zone with its check digits.

use std::fmt;

use crate::alphabet::{FILLER, contains};
use crate::check::{check_digit, covered};
use crate::date;
use crate::document::{Document, Sex};
use crate::kinds::CheckField;
use crate::kinds::Format;
use crate::layout::{FieldKind, Layout, Span};
use crate::names;
use crate::vehicle::Vehicle;
use crate::zone::Zone;

/// A zone that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The zone. All its check digits agree.
    pub zone: Zone,
    /// Whether the names were too long and were truncated.
    pub names_truncated: bool,
}

/// Why a document cannot be written in its format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// A field that every zone of this format has is empty.
    Missing {
        /// The field.
        field: FieldKind,
    },
    /// A character that cannot stand in this field. It has to be transliterated or left out
    /// first (Doc 9303-3, section 6).
    Character {
        /// The field.
        field: FieldKind,
        /// The character.
        found: char,
    },
    /// A text is longer than its field.
    TooLong {
        /// The field.
        field: FieldKind,
        /// The largest number of characters.
        max: usize,
    },
    /// A date is no calendar date in the form `YYYY-MM-DD`.
    Date {
        /// The field.
        field: FieldKind,
    },
    /// The format has no place for this field, or none for another value than the issuer's.
    NoPlace {
        /// The format.
        format: Format,
        /// The field.
        field: FieldKind,
    },
    /// A zone that opens like this is of another format.
    Opening {
        /// The format.
        format: Format,
        /// Document code and issuer.
        opening: String,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { field } => write!(f, "{field}: missing"),
            Self::Character { field, found } => write!(f, "{field}: {found:?} cannot stand there"),
            Self::TooLong { field, max } => write!(f, "{field}: longer than {max} characters"),
            Self::Date { field } => write!(f, "{field}: no calendar date in the form YYYY-MM-DD"),
            Self::NoPlace { format, field } => write!(f, "{field}: {format} has no place for it"),
            Self::Opening { format, opening } => {
                write!(f, "{format} cannot open with {opening}")?;
                match (format, format.layout().opening) {
                    (Format::TD3, _) => f.write_str(", only with P"),
                    (_, b"") => f.write_str(", which is of another format"),
                    (_, expected) => write!(f, ", only with {}", String::from_utf8_lossy(expected)),
                }
            }
        }
    }
}

impl std::error::Error for WriteError {}

/// Writes `document` as a zone of its format, with all check digits.
///
/// `code` is the document code, one or two letters. Its first letter is `P` for TD3, `V` for visas,
/// and any letter for TD1, where Doc 9303-5 provides for `A`, `C` and `I`, but issuers print others.
/// TD2 must not open as a visa or the French card. The French card has `ID`, French and Dutch
/// driving licences `D1`, Swiss ones `FA`, French registration certificates `CR`.
///
/// - Texts: `a` to `z` become `A` to `Z`. White space and hyphens become fillers. In names, so
///   do commas, while apostrophes and full stops are left out (Doc 9303-3, section 4.6). Every
///   other character is an error; transliteration is up to the caller.
/// - Names that are too long are truncated to initials, as Doc 9303-4, section 4.2.3, shows
///   first; on the French card they are cut. [`Written::names_truncated`] tells.
/// - A number of more than nine characters goes on in the optional data of TD1 (up to 22
///   characters) and TD2 (up to 14). In the other formats it is an error.
/// - Optional data of TD1 fill the first field, and words that do not fit there the second.
/// - A date that is `None` is unknown and becomes fillers; of a partial birth date, what is known is
///   printed. Of a year, two digits are printed: a
///   reader finds its century as [`Document::of`] does, or by its own rule.
/// - Empty optional data of TD3 have a filler for their check digit.
///
/// # Errors
/// A field is missing, too long, or holds what cannot be written; the format has no place for
/// a field; the code is of another format.
///
/// ```
/// use nibble_mrz::{Document, Format, Sex};
///
/// let mut document = Document::empty(Format::TD3);
/// document.issuer = "UTO".into();
/// document.surname = "O'Connor".into();
/// document.given_names = "Enya Siobhan".into();
/// document.document_number = "L898902C3".into();
/// document.nationality = "UTO".into();
/// document.birth_date = Some("1974-08-12".into());
/// document.expiry_date = Some("2012-04-15".into());
/// document.sex = Some(Sex::F);
///
/// let written = nibble_mrz::write("P", &document)?;
/// assert_eq!(
///     written.zone.lines(),
///     [
///         "P<UTOOCONNOR<<ENYA<SIOBHAN<<<<<<<<<<<<<<<<<<",
///         "L898902C36UTO7408122F1204159<<<<<<<<<<<<<<<8",
///     ]
/// );
/// # Ok::<(), nibble_mrz::WriteError>(())
/// ```
pub fn write(code: &str, document: &Document) -> Result<Written, WriteError> {
    let mut sheet = Sheet::blank(document.format);
    sheet.opening(code, &document.issuer)?;
    sheet.nationality(document)?;
    let names_truncated = sheet.names(document)?;
    let taken = sheet.number(&document.document_number)?;
    sheet.optional(&document.optional, taken)?;
    sheet.date(
        FieldKind::BirthDate,
        document.birth_date.as_deref().or(document.birth_date_partial.as_deref()),
    )?;
    sheet.date(FieldKind::ExpiryDate, document.expiry_date.as_deref())?;
    sheet.sex(document.sex)?;
    sheet.vehicle(document.vehicle.as_ref())?;
    sheet.check_digits(taken > 0);
    Ok(Written { zone: sheet.into_zone(), names_truncated })
}

/// The parts of `text` that stand between fillers, in upper case.
fn words(kind: FieldKind, text: &str) -> Result<Vec<String>, WriteError> {
    let names = matches!(kind, FieldKind::Surname | FieldKind::GivenNames);
    let mut words = vec![String::new()];
    for found in text.chars() {
        let upper = found.to_ascii_uppercase();
        match upper {
            '-' => words.push(String::new()),
            ',' if names => words.push(String::new()),
            '\'' | '\u{2019}' | '.' if names => {}
            _ if upper.is_whitespace() => words.push(String::new()),
            _ => {
                let byte = u8::try_from(upper).unwrap_or(0);
                if byte == FILLER || !contains(kind.characters(), byte) {
                    return Err(WriteError::Character { field: kind, found });
                }
                if let Some(word) = words.last_mut() {
                    word.push(upper);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

/// `text` with fillers between its words.
fn filled(kind: FieldKind, text: &str) -> Result<String, WriteError> {
    words(kind, text).map(|words| words.join("<"))
}

/// As [`filled`]; an error where nothing is left.
fn required(kind: FieldKind, text: &str) -> Result<String, WriteError> {
    let text = filled(kind, text)?;
    if text.is_empty() { Err(WriteError::Missing { field: kind }) } else { Ok(text) }
}

/// The lines of a zone while they are written.
struct Sheet {
    layout: &'static Layout,
    lines: Vec<Vec<u8>>,
}

impl Sheet {
    /// A sheet of fillers.
    fn blank(format: Format) -> Self {
        let layout = format.layout();
        Self { layout, lines: layout.lengths.iter().map(|&length| vec![FILLER; length]).collect() }
    }

    fn format(&self) -> Format {
        self.layout.format
    }

    /// The first field of `kind`; of no characters where the format has none.
    fn span(&self, kind: FieldKind) -> Span {
        self.layout.span(kind).unwrap_or(Span { line: 0, start: 0, len: 0 })
    }

    /// Writes the characters from the start of `span` on, none beyond its end.
    fn put(&mut self, span: Span, characters: &[u8]) {
        let target = &mut self.lines[span.line][span.start..span.start + span.len];
        for (place, &character) in target.iter_mut().zip(characters) {
            *place = character;
        }
    }

    /// Writes `text` in the first field of `kind`, where it must fit.
    fn put_field(&mut self, kind: FieldKind, text: &str) -> Result<(), WriteError> {
        let span = self.span(kind);
        if text.len() > span.len {
            return Err(WriteError::TooLong { field: kind, max: span.len });
        }
        self.put(span, text.as_bytes());
        Ok(())
    }

    /// Document code and issuer. They must be of this format and of no other of its shape.
    fn opening(&mut self, code: &str, issuer: &str) -> Result<(), WriteError> {
        let printed = code;
        let code = match code.strip_suffix(char::is_numeric) {
            // The digit is a field of its own.
            Some(letters) if self.layout.span(FieldKind::Variant).is_some() => {
                let digit = &code[letters.len()..];
                self.put_field(FieldKind::Variant, &required(FieldKind::Variant, digit)?)?;
                letters
            }
            _ => code,
        };
        let code = required(FieldKind::DocumentCode, code)?;
        let issuer = required(FieldKind::Issuer, issuer)?;
        self.put_field(FieldKind::DocumentCode, &code)?;
        self.put_field(FieldKind::Issuer, &issuer)?;
        let format = Format::of(&self.lines);
        let misses_passport = self.format() == Format::TD3 && !code.starts_with('P');
        if format == Some(self.format()) && !misses_passport {
            Ok(())
        } else {
            Err(WriteError::Opening {
                format: self.format(),
                opening: format!("{printed:<<2}{issuer}"),
            })
        }
    }

    fn nationality(&mut self, document: &Document) -> Result<(), WriteError> {
        let field = FieldKind::Nationality;
        if self.layout.span(field).is_some() {
            return self.put_field(field, &required(field, &document.nationality)?);
        }
        // On the French card a reader takes the issuer for the nationality.
        let own = filled(field, &document.nationality)?;
        if own.is_empty() || own == filled(FieldKind::Issuer, &document.issuer)? {
            Ok(())
        } else {
            Err(WriteError::NoPlace { format: self.format(), field })
        }
    }

    /// Writes the names. Returns whether they were truncated.
    fn names(&mut self, document: &Document) -> Result<bool, WriteError> {
        let surname = words(FieldKind::Surname, &document.surname)?;
        let given = words(FieldKind::GivenNames, &document.given_names)?;
        let of_names = [FieldKind::Names, FieldKind::Surname];
        if of_names.iter().all(|&kind| self.layout.span(kind).is_none()) {
            let field = FieldKind::Surname;
            let is_empty = surname.is_empty() && given.is_empty();
            return if is_empty {
                Ok(false)
            } else {
                Err(WriteError::NoPlace { format: self.format(), field })
            };
        }
        if surname.is_empty() {
            return Err(WriteError::Missing { field: FieldKind::Surname });
        }
        if let Some(span) = self.layout.span(FieldKind::Names) {
            let (text, truncated) = names::field(&surname, &given, span.len);
            self.put(span, text.as_bytes());
            return Ok(truncated);
        }
        // The French card divides given names by two fillers, and parts of one by one filler.
        let mut parts = Vec::new();
        for name in document.given_names.split([' ', ',']) {
            parts.push(filled(FieldKind::GivenNames, name)?);
        }
        parts.retain(|part| !part.is_empty());
        let (surname, given) = (surname.join("<"), parts.join("<<"));
        let (first, second) = (self.span(FieldKind::Surname), self.span(FieldKind::GivenNames));
        self.put(first, surname.as_bytes());
        self.put(second, given.as_bytes());
        Ok(surname.len() > first.len || given.len() > second.len)
    }

    /// Writes the document number. Returns the number of characters of the first optional field
    /// that a long number takes: its rest, its check digit and a filler.
    fn number(&mut self, text: &str) -> Result<usize, WriteError> {
        let kind = FieldKind::DocumentNumber;
        let number = required(kind, text)?;
        let (span, optional) = (self.span(kind), self.span(FieldKind::Optional));
        if number.len() <= span.len || !self.format().continues_numbers() {
            return self.put_field(kind, &number).map(|()| 0);
        }
        let max = span.len + optional.len - 2;
        if number.len() > max {
            return Err(WriteError::TooLong { field: kind, max });
        }
        let (head, rest) = number.split_at(span.len);
        if rest.contains('<') {
            // A filler ends the number there.
            return Err(WriteError::Character { field: kind, found: ' ' });
        }
        self.put(span, head.as_bytes());
        self.put(optional, rest.as_bytes());
        let digit = Span { start: optional.start + rest.len(), len: 1, ..optional };
        self.put(digit, &[check_digit(number.as_bytes())]);
        Ok(rest.len() + 2)
    }

    /// Writes the optional data behind the `taken` characters of a long number.
    fn optional(&mut self, text: &str, taken: usize) -> Result<(), WriteError> {
        let mut words = words(FieldKind::Optional, text)?.into_iter().peekable();
        let mut max = 0;
        for (index, mut span) in self.layout.spans(FieldKind::Optional).enumerate() {
            if index == 0 {
                span.start += taken;
                span.len -= taken;
            }
            max += span.len;
            let mut line = String::new();
            loop {
                let filler = if line.is_empty() { "" } else { "<" };
                let room = span.len.saturating_sub(line.len() + filler.len());
                let Some(word) = words.next_if(|word| word.len() <= room) else { break };
                line.push_str(filler);
                line.push_str(&word);
            }
            self.put(span, line.as_bytes());
        }
        match words.peek() {
            None => Ok(()),
            Some(_) => Err(WriteError::TooLong { field: FieldKind::Optional, max }),
        }
    }

    fn date(&mut self, field: FieldKind, date: Option<&str>) -> Result<(), WriteError> {
        let Some(date) = date else { return Ok(()) };
        let Some(span) = self.layout.span(field) else {
            return Err(WriteError::NoPlace { format: self.format(), field });
        };
        let partial = || date::partial_digits_of(date).filter(|_| field == FieldKind::BirthDate);
        let digits = date::digits_of(date).or_else(partial).ok_or(WriteError::Date { field })?;
        self.put(span, &digits);
        Ok(())
    }

    fn sex(&mut self, sex: Option<Sex>) -> Result<(), WriteError> {
        let field = FieldKind::Sex;
        if self.layout.span(field).is_none() {
            return match sex {
                None => Ok(()),
                Some(_) => Err(WriteError::NoPlace { format: self.format(), field }),
            };
        }
        let character = match sex.ok_or(WriteError::Missing { field })? {
            Sex::F => b'F',
            Sex::M => b'M',
            Sex::X => FILLER,
        };
        self.put(self.span(field), &[character]);
        Ok(())
    }

    /// Writes what a registration certificate says of its vehicle.
    fn vehicle(&mut self, vehicle: Option<&Vehicle>) -> Result<(), WriteError> {
        let field = FieldKind::RegistrationNumber;
        let Some(vehicle) = vehicle else {
            return match self.layout.span(field) {
                None => Ok(()),
                Some(_) => Err(WriteError::Missing { field }),
            };
        };
        if self.layout.span(field).is_none() {
            return Err(WriteError::NoPlace { format: self.format(), field });
        }
        for (kind, text) in [
            (field, &vehicle.registration_number),
            (FieldKind::VehicleNumber, &vehicle.identification_number),
        ] {
            self.put_field(kind, &required(kind, text)?)?;
        }
        for (kind, text) in [
            (FieldKind::Category, &vehicle.category),
            (FieldKind::Body, &vehicle.body),
            (FieldKind::Make, &vehicle.make),
            (FieldKind::Model, &vehicle.model),
        ] {
            self.put_field(kind, &filled(kind, text)?)?;
        }
        self.date(FieldKind::FirstRegistration, vehicle.first_registration.as_deref())
    }

    /// Writes the check digits, the composite one last. The digit of a number that goes on in
    /// the optional data stands there already.
    fn check_digits(&mut self, number_goes_on: bool) {
        for rule in self.layout.checks {
            let characters = covered(rule.over, &self.lines);
            let empty = characters.iter().all(|&character| character == FILLER);
            let filler = match rule.field {
                CheckField::DocumentNumber => number_goes_on,
                CheckField::Optional => empty,
                _ => false,
            };
            if !filler {
                self.put(rule.digit, &[check_digit(&characters)]);
            }
        }
    }

    fn into_zone(self) -> Zone {
        let format = self.format();
        let lines = self.lines.iter().map(|line| line.iter().copied().map(char::from).collect());
        Zone::new(format, lines.collect())
    }
}
