//! What a layout is made of: spans, fields and the rules of check digits.

use std::fmt;

use crate::alphabet::{CharacterSet, DIGITS, FILLERS, LETTERS, set_of};
use crate::kinds::{CheckField, Format};

/// A stretch of one line of a zone. Lines and positions count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The line, from 0.
    pub line: usize,
    /// The first position in the line, from 0.
    pub start: usize,
    /// The number of characters.
    pub len: usize,
}

impl Span {
    /// The characters of this span; empty where `lines` does not hold all of them.
    #[must_use]
    pub fn of<L: AsRef<[u8]>>(self, lines: &[L]) -> &[u8] {
        let Some(end) = self.start.checked_add(self.len) else { return &[] };
        lines.get(self.line).and_then(|line| line.as_ref().get(self.start..end)).unwrap_or_default()
    }

    /// Whether the span covers `position` of `line`, both from 0.
    #[must_use]
    pub fn covers(self, line: usize, position: usize) -> bool {
        self.line == line
            && position.checked_sub(self.start).is_some_and(|offset| offset < self.len)
    }
}

/// How the zone of a Russian internal passport begins.
const RUSSIAN_INTERNAL_PASSPORT: &[u8] = b"PNRUS";
/// Digits that stand for Cyrillic letters in its names: Ё, Ч, Ш, Э, Ю, Я and Ь.
const CYRILLIC_DIGITS: &[u8] = b"2346789";

/// What a field holds. This decides which characters may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// The kind of document: one or two letters.
    DocumentCode,
    /// A digit that tells which variant of a layout this is (driving licences).
    Variant,
    /// The issuing state or organisation: a code of up to three letters.
    Issuer,
    /// Surname and given names with two fillers between them.
    Names,
    /// The surname alone (French card and licence).
    Surname,
    /// The given names alone (French card).
    GivenNames,
    /// The document number: letters and digits.
    DocumentNumber,
    /// The nationality: a code of up to three letters.
    Nationality,
    /// The birth date, `YYMMDD`; fillers stand for what is unknown.
    BirthDate,
    /// The sex: `M`, `F`, or a filler where it is unspecified. Some issuers print `X`.
    Sex,
    /// The date of expiry, `YYMMDD`.
    ExpiryDate,
    /// The registration number of a vehicle: letters and digits, without hyphens.
    RegistrationNumber,
    /// The identification number of a vehicle (ISO 3779): letters and digits.
    VehicleNumber,
    /// The date on which a vehicle was first registered, `YYMMDD`.
    FirstRegistration,
    /// The category of a vehicle: letters and digits.
    Category,
    /// The body of a vehicle: letters and digits.
    Body,
    /// The make of a vehicle: letters and digits.
    Make,
    /// The model of a vehicle: letters and digits.
    Model,
    /// Optional data: letters and digits that the issuer chooses.
    Optional,
    /// Positions that always hold fillers.
    Padding,
    /// A check digit.
    CheckDigit,
}

impl FieldKind {
    /// The characters that Doc 9303 allows in a field of this kind.
    #[must_use]
    pub fn characters(self) -> CharacterSet {
        match self {
            Self::DocumentCode
            | Self::Issuer
            | Self::Names
            | Self::Surname
            | Self::GivenNames
            | Self::Nationality => LETTERS | FILLERS,
            Self::DocumentNumber
            | Self::Optional
            | Self::RegistrationNumber
            | Self::VehicleNumber
            | Self::Category
            | Self::Body
            | Self::Make
            | Self::Model => DIGITS | LETTERS | FILLERS,
            Self::BirthDate | Self::ExpiryDate | Self::FirstRegistration | Self::CheckDigit => {
                DIGITS | FILLERS
            }
            Self::Variant => DIGITS,
            Self::Padding => FILLERS,
            Self::Sex => set_of(b"MFX<"),
        }
    }
}

/// The field in words, such as `document number`.
impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DocumentCode => "document code",
            Self::Variant => "variant",
            Self::Issuer => "issuer",
            Self::Names => "names",
            Self::Surname => "surname",
            Self::GivenNames => "given names",
            Self::DocumentNumber => "document number",
            Self::Nationality => "nationality",
            Self::BirthDate => "birth date",
            Self::Sex => "sex",
            Self::ExpiryDate => "date of expiry",
            Self::RegistrationNumber => "registration number",
            Self::VehicleNumber => "vehicle identification number",
            Self::FirstRegistration => "date of first registration",
            Self::Category => "category",
            Self::Body => "body",
            Self::Make => "make",
            Self::Model => "model",
            Self::Optional => "optional data",
            Self::Padding => "padding",
            Self::CheckDigit => "check digit",
        })
    }
}

/// A field: what it holds and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// What the field holds.
    pub kind: FieldKind,
    /// Where it stands.
    pub span: Span,
}

/// What one check digit covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckRule {
    /// The field that the digit belongs to.
    pub field: CheckField,
    /// Where the digit stands.
    pub digit: Span,
    /// The characters that the digit covers, in the order of the computation.
    pub over: &'static [Span],
    /// Whether a filler may stand for the digit where every covered character is a filler.
    pub filler_if_empty: bool,
}

/// A format as a table: its shape, its fields, its check digits.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// The format.
    pub format: Format,
    /// The number of characters in each line.
    pub lengths: &'static [usize],
    /// The characters with which every zone of this format opens, and none of another format of its
    /// shape; may be empty. They stand where the document code does.
    pub opening: &'static [u8],
    /// The fields. Together they cover every position once.
    pub fields: &'static [Field],
    /// The rules of the check digits; the composite digit, if there is one, comes last.
    pub checks: &'static [CheckRule],
}

impl Layout {
    /// The number of lines, 1 to 3.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.lengths.len()
    }

    /// Whether `lines` have the number and the lengths of this layout.
    #[must_use]
    pub fn has_shape_of<L: AsRef<[u8]>>(&self, lines: &[L]) -> bool {
        lines.iter().map(|line| line.as_ref().len()).eq(self.lengths.iter().copied())
    }

    /// The place of [`Layout::opening`].
    #[must_use]
    pub fn opening_span(&self) -> Span {
        let code = self.span(FieldKind::DocumentCode).unwrap_or(Span { line: 0, start: 0, len: 0 });
        Span { len: self.opening.len(), ..code }
    }

    /// The place of the first field of `kind`.
    #[must_use]
    pub fn span(&self, kind: FieldKind) -> Option<Span> {
        self.spans(kind).next()
    }

    /// The places of all fields of `kind`, in reading order.
    pub(crate) fn spans(&self, kind: FieldKind) -> impl Iterator<Item = Span> {
        self.fields.iter().filter(move |field| field.kind == kind).map(|field| field.span)
    }

    /// The field at `position` of `line`, both from 0; `None` outside the zone.
    #[must_use]
    pub fn field_at(&self, line: usize, position: usize) -> Option<FieldKind> {
        self.fields.iter().find(|field| field.span.covers(line, position)).map(|field| field.kind)
    }

    /// The characters that may stand at `position` of `line`, both from 0, in a zone that reads
    /// `lines`; `None` outside the zone. They are those of the field. In names of Russian internal
    /// passports (code `PN`), 2, 3, 4 and 6 to 9 stand for Cyrillic letters without a Latin one.
    #[must_use]
    pub fn characters_at<L: AsRef<[u8]>>(
        &self,
        lines: &[L],
        line: usize,
        position: usize,
    ) -> Option<CharacterSet> {
        let kind = self.field_at(line, position)?;
        let opens_with = |text: &[u8]| lines.first().is_some_and(|l| l.as_ref().starts_with(text));
        let is_cyrillic = kind == FieldKind::Names
            && self.format == Format::TD3
            && opens_with(RUSSIAN_INTERNAL_PASSPORT);
        let more = if is_cyrillic { set_of(CYRILLIC_DIGITS) } else { 0 };
        Some(kind.characters() | more)
    }

    /// Whether a check digit covers the position, or a check digit stands there.
    #[must_use]
    pub fn is_protected(&self, line: usize, position: usize) -> bool {
        self.checks.iter().any(|rule| {
            rule.digit.covers(line, position)
                || rule.over.iter().any(|span| span.covers(line, position))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_nothing_where_characters_are_missing() {
        let span = Span { line: 1, start: 2, len: 3 };
        assert_eq!(span.of(&["", "ABCDEF"]), b"CDE");
        assert_eq!(span.of(&["", "ABCD"]), b"");
        assert_eq!(span.of(&["ABCDEF"]), b"");
        assert_eq!(Span { start: usize::MAX, ..span }.of(&["", "ABCDEF"]), b"");
    }

    #[test]
    fn digits_stand_in_names_of_russian_internal_passports_alone() {
        let layout = Format::TD3.layout();
        let has = |first: &str, position: usize, c: u8| {
            let set = layout.characters_at(&[first, ""], 0, position).expect("inside the zone");
            set & set_of(&[c]) != 0
        };
        assert!(has("PNRUSIM8REK", 7, b'8') && has("PNRUSIM8REK", 7, b'B'));
        assert!(!has("PNRUSIM8REK", 7, b'0') && !has("PNRUSIM8REK", 3, b'8'));
        assert!(!has("P<RUSIM8REK", 7, b'8') && !has("PNUTOIM8REK", 7, b'8'));
        assert_eq!(layout.characters_at(&["", ""], 2, 0), None);
    }

    #[test]
    fn a_span_covers_its_positions_and_no_other() {
        let span = Span { line: 1, start: 2, len: 3 };
        let covered: Vec<usize> = (0..9).filter(|&position| span.covers(1, position)).collect();
        assert_eq!(covered, [2, 3, 4]);
        assert!(!span.covers(0, 2));
        let far = Span { line: 0, start: usize::MAX, len: usize::MAX };
        assert!(far.covers(0, usize::MAX) && !far.covers(0, 0));
    }
}
