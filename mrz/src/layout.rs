//! The six layouts as tables: where each field stands, and what each check digit covers.

use super::{CheckField, FILLER};

/// A format of machine-readable zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Format {
    /// Identity card, 3 lines of 30 (Doc 9303-5).
    TD1,
    /// Identity card, 2 lines of 36 (Doc 9303-6).
    TD2,
    /// Passport booklet, 2 lines of 44 (Doc 9303-4).
    TD3,
    /// Visa, 2 lines of 44 (Doc 9303-7).
    MRVA,
    /// Visa, 2 lines of 36 (Doc 9303-7).
    MRVB,
    /// French national identity card issued until 2021, 2 lines of 36, a layout of its own.
    FRA36,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::TD1, Self::TD2, Self::TD3, Self::MRVA, Self::MRVB, Self::FRA36];

    /// The layout of this format.
    #[must_use]
    pub fn layout(self) -> &'static Layout {
        match self {
            Self::TD1 => &TD1,
            Self::TD2 => &TD2,
            Self::TD3 => &TD3,
            Self::MRVA => &MRVA,
            Self::MRVB => &MRVB,
            Self::FRA36 => &FRA36,
        }
    }

    /// The format whose line count, line length and opening characters `lines` have.
    #[must_use]
    pub fn of<L: AsRef<[u8]>>(lines: &[L]) -> Option<Self> {
        let first = lines.first()?.as_ref();
        if lines.iter().any(|line| line.as_ref().len() != first.len()) {
            return None;
        }
        let visa = first.first() == Some(&b'V');
        match (lines.len(), first.len()) {
            (3, 30) => Some(Self::TD1),
            (2, 36) if visa => Some(Self::MRVB),
            (2, 36) if first.starts_with(b"IDFRA") => Some(Self::FRA36),
            (2, 36) => Some(Self::TD2),
            (2, 44) if visa => Some(Self::MRVA),
            (2, 44) => Some(Self::TD3),
            _ => None,
        }
    }
}

/// `len` characters of line `line` from position `start`, all counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Line, from 0.
    pub line: usize,
    /// First position in the line, from 0.
    pub start: usize,
    /// Number of characters.
    pub len: usize,
}

impl Span {
    /// The characters of this span; empty where `lines` is too short.
    #[must_use]
    pub fn of<L: AsRef<[u8]>>(self, lines: &[L]) -> &[u8] {
        lines
            .get(self.line)
            .and_then(|line| line.as_ref().get(self.start..self.start + self.len))
            .unwrap_or_default()
    }

    /// Whether the span covers position `position` of line `line`.
    #[must_use]
    pub fn covers(self, line: usize, position: usize) -> bool {
        self.line == line && (self.start..self.start + self.len).contains(&position)
    }
}

/// What a field holds, and so which characters may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Two letters or fillers naming the kind of document.
    DocumentCode,
    /// Issuing state: three letters or fillers.
    Issuer,
    /// Surname and given names, divided by `<<`.
    Names,
    /// Surname alone (French card).
    Surname,
    /// Given names alone (French card).
    GivenNames,
    /// Document number: letters, digits, fillers.
    DocumentNumber,
    /// Nationality: three letters or fillers.
    Nationality,
    /// Birth date, `YYMMDD`; unknown parts are fillers.
    BirthDate,
    /// `M`, `F` or a filler.
    Sex,
    /// Date of expiry, `YYMMDD`.
    ExpiryDate,
    /// Optional data: anything.
    Optional,
    /// A check digit.
    CheckDigit,
}

/// A set of characters: bit `i` stands for `ALPHABET[i]`.
pub type CharacterSet = u64;

const DIGITS: CharacterSet = 0x3ff;
const LETTERS: CharacterSet = 0x3ff_ffff << 10;
const FILL: CharacterSet = 1 << 36;

/// The bit of one character of the alphabet; no bit for any other byte.
const fn bit(character: u8) -> CharacterSet {
    match character {
        b'0'..=b'9' => 1 << (character - b'0'),
        b'A'..=b'Z' => 1 << (character - b'A' + 10),
        FILLER => FILL,
        _ => 0,
    }
}

impl FieldKind {
    /// The characters that Doc 9303 allows in such a field.
    #[must_use]
    pub fn characters(self) -> CharacterSet {
        match self {
            Self::DocumentCode
            | Self::Issuer
            | Self::Names
            | Self::Surname
            | Self::GivenNames
            | Self::Nationality => LETTERS | FILL,
            Self::DocumentNumber | Self::Optional => DIGITS | LETTERS | FILL,
            Self::BirthDate | Self::ExpiryDate | Self::CheckDigit => DIGITS | FILL,
            Self::Sex => bit(b'M') | bit(b'F') | bit(b'X') | FILL,
        }
    }
}

/// One field of a layout.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// What it holds.
    pub kind: FieldKind,
    /// Where it stands.
    pub span: Span,
}

/// One check digit of a layout.
#[derive(Debug, Clone, Copy)]
pub struct CheckRule {
    /// The field it belongs to, in the words of the JSON contract.
    pub field: CheckField,
    /// Where the digit stands.
    pub digit: Span,
    /// What it covers, in the order of the computation.
    pub over: &'static [Span],
    /// Whether a filler may stand for the digit when everything covered is filler (Doc 9303-4, 4.2.2.2, for optional data;
    /// real documents do so for dates they leave open).
    pub filler_if_empty: bool,
}

/// A format's table.
#[derive(Debug)]
pub struct Layout {
    /// The format.
    pub format: Format,
    /// Number of lines.
    pub lines: usize,
    /// Characters a line.
    pub length: usize,
    /// All fields; together they cover every position once.
    pub fields: &'static [Field],
    /// All check digits.
    pub checks: &'static [CheckRule],
}

impl Layout {
    /// The span of the first field of this kind.
    #[must_use]
    pub fn span(&self, kind: FieldKind) -> Option<Span> {
        self.fields.iter().find(|field| field.kind == kind).map(|field| field.span)
    }

    /// The field at a position.
    #[must_use]
    pub fn field_at(&self, line: usize, position: usize) -> Option<FieldKind> {
        self.fields.iter().find(|field| field.span.covers(line, position)).map(|field| field.kind)
    }

    /// Whether a check digit protects the position, or it is a check digit itself.
    #[must_use]
    pub fn is_protected(&self, line: usize, position: usize) -> bool {
        self.checks.iter().any(|rule| {
            rule.digit.covers(line, position) || rule.over.iter().any(|span| span.covers(line, position))
        })
    }
}

const fn span(line: usize, start: usize, len: usize) -> Span {
    Span { line, start, len }
}

const fn field(kind: FieldKind, line: usize, start: usize, len: usize) -> Field {
    Field { kind, span: span(line, start, len) }
}

const fn rule(field: CheckField, digit: Span, over: &'static [Span]) -> CheckRule {
    // An unused field is all filler, and so may its digit be; for the number a filler there means that it goes on elsewhere.
    let filler_if_empty =
        matches!(field, CheckField::BirthDate | CheckField::ExpiryDate | CheckField::Optional);
    CheckRule { field, digit, over, filler_if_empty }
}

use FieldKind as K;

static TD1: Layout = Layout {
    format: Format::TD1,
    lines: 3,
    length: 30,
    fields: &[
        field(K::DocumentCode, 0, 0, 2),
        field(K::Issuer, 0, 2, 3),
        field(K::DocumentNumber, 0, 5, 9),
        field(K::CheckDigit, 0, 14, 1),
        field(K::Optional, 0, 15, 15),
        field(K::BirthDate, 1, 0, 6),
        field(K::CheckDigit, 1, 6, 1),
        field(K::Sex, 1, 7, 1),
        field(K::ExpiryDate, 1, 8, 6),
        field(K::CheckDigit, 1, 14, 1),
        field(K::Nationality, 1, 15, 3),
        field(K::Optional, 1, 18, 11),
        field(K::CheckDigit, 1, 29, 1),
        field(K::Names, 2, 0, 30),
    ],
    checks: &[
        rule(CheckField::DocumentNumber, span(0, 14, 1), &[span(0, 5, 9)]),
        rule(CheckField::BirthDate, span(1, 6, 1), &[span(1, 0, 6)]),
        rule(CheckField::ExpiryDate, span(1, 14, 1), &[span(1, 8, 6)]),
        rule(
            CheckField::Composite,
            span(1, 29, 1),
            &[span(0, 5, 25), span(1, 0, 7), span(1, 8, 7), span(1, 18, 11)],
        ),
    ],
};

/// The second line that TD2, TD3 and both visas share up to the optional data.
macro_rules! two_line_fields {
    ($length:literal, $($tail:expr),+) => {
        &[
            field(K::DocumentCode, 0, 0, 2),
            field(K::Issuer, 0, 2, 3),
            field(K::Names, 0, 5, $length - 5),
            field(K::DocumentNumber, 1, 0, 9),
            field(K::CheckDigit, 1, 9, 1),
            field(K::Nationality, 1, 10, 3),
            field(K::BirthDate, 1, 13, 6),
            field(K::CheckDigit, 1, 19, 1),
            field(K::Sex, 1, 20, 1),
            field(K::ExpiryDate, 1, 21, 6),
            field(K::CheckDigit, 1, 27, 1),
            $($tail),+
        ]
    };
}

const NUMBER: CheckRule = rule(CheckField::DocumentNumber, span(1, 9, 1), &[span(1, 0, 9)]);
const BIRTH: CheckRule = rule(CheckField::BirthDate, span(1, 19, 1), &[span(1, 13, 6)]);
const EXPIRY: CheckRule = rule(CheckField::ExpiryDate, span(1, 27, 1), &[span(1, 21, 6)]);

static TD2: Layout = Layout {
    format: Format::TD2,
    lines: 2,
    length: 36,
    fields: two_line_fields!(36, field(K::Optional, 1, 28, 7), field(K::CheckDigit, 1, 35, 1)),
    checks: &[
        NUMBER,
        BIRTH,
        EXPIRY,
        rule(CheckField::Composite, span(1, 35, 1), &[span(1, 0, 10), span(1, 13, 7), span(1, 21, 14)]),
    ],
};

static TD3: Layout = Layout {
    format: Format::TD3,
    lines: 2,
    length: 44,
    fields: two_line_fields!(
        44,
        field(K::Optional, 1, 28, 14),
        field(K::CheckDigit, 1, 42, 1),
        field(K::CheckDigit, 1, 43, 1)
    ),
    checks: &[
        NUMBER,
        BIRTH,
        EXPIRY,
        rule(CheckField::Optional, span(1, 42, 1), &[span(1, 28, 14)]),
        rule(CheckField::Composite, span(1, 43, 1), &[span(1, 0, 10), span(1, 13, 7), span(1, 21, 22)]),
    ],
};

static MRVA: Layout = Layout {
    format: Format::MRVA,
    lines: 2,
    length: 44,
    fields: two_line_fields!(44, field(K::Optional, 1, 28, 16)),
    checks: &[NUMBER, BIRTH, EXPIRY],
};

static MRVB: Layout = Layout {
    format: Format::MRVB,
    lines: 2,
    length: 36,
    fields: two_line_fields!(36, field(K::Optional, 1, 28, 8)),
    checks: &[NUMBER, BIRTH, EXPIRY],
};

static FRA36: Layout = Layout {
    format: Format::FRA36,
    lines: 2,
    length: 36,
    fields: &[
        field(K::DocumentCode, 0, 0, 2),
        field(K::Issuer, 0, 2, 3),
        field(K::Surname, 0, 5, 25),
        field(K::Optional, 0, 30, 6),
        field(K::DocumentNumber, 1, 0, 12),
        field(K::CheckDigit, 1, 12, 1),
        field(K::GivenNames, 1, 13, 14),
        field(K::BirthDate, 1, 27, 6),
        field(K::CheckDigit, 1, 33, 1),
        field(K::Sex, 1, 34, 1),
        field(K::CheckDigit, 1, 35, 1),
    ],
    checks: &[
        rule(CheckField::DocumentNumber, span(1, 12, 1), &[span(1, 0, 12)]),
        rule(CheckField::BirthDate, span(1, 33, 1), &[span(1, 27, 6)]),
        rule(CheckField::Composite, span(1, 35, 1), &[span(0, 0, 36), span(1, 0, 35)]),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cover_every_position_once() {
        for layout in Format::ALL.map(Format::layout) {
            for line in 0..layout.lines {
                for position in 0..layout.length {
                    let owners = layout.fields.iter().filter(|f| f.span.covers(line, position)).count();
                    assert_eq!(owners, 1, "{:?} line {line} position {position}", layout.format);
                }
            }
        }
    }

    #[test]
    fn every_check_digit_stands_in_a_check_digit_field() {
        for layout in Format::ALL.map(Format::layout) {
            for rule in layout.checks {
                assert_eq!(layout.field_at(rule.digit.line, rule.digit.start), Some(K::CheckDigit));
            }
        }
    }

    #[test]
    fn formats_are_told_apart_by_shape_and_opening() {
        let lines = |count: usize, opening: &str, length: usize| vec![format!("{opening:<<length$}"); count];
        assert_eq!(Format::of(&lines(3, "I<UTO", 30)), Some(Format::TD1));
        assert_eq!(Format::of(&lines(2, "I<UTO", 36)), Some(Format::TD2));
        assert_eq!(Format::of(&lines(2, "IDFRA", 36)), Some(Format::FRA36));
        assert_eq!(Format::of(&lines(2, "V<UTO", 36)), Some(Format::MRVB));
        assert_eq!(Format::of(&lines(2, "P<UTO", 44)), Some(Format::TD3));
        assert_eq!(Format::of(&lines(2, "V<UTO", 44)), Some(Format::MRVA));
        assert_eq!(Format::of(&lines(2, "P<UTO", 43)), None);
        assert_eq!(Format::of::<&str>(&[]), None);
    }
}
