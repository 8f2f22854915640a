//! The layouts. Lines and positions count from 0; Doc 9303 counts them from 1.

use crate::kinds::{CheckField, Format};
use crate::layout::FieldKind::{
    self, BirthDate, Body, Category, CheckDigit, DocumentCode, DocumentNumber, ExpiryDate,
    FirstRegistration, GivenNames, Issuer, Make, Model, Names, Nationality, Optional, Padding,
    RegistrationNumber, Sex, Surname, Variant, VehicleNumber,
};
use crate::layout::{CheckRule, Field, Layout, Span};

const fn span(line: usize, start: usize, len: usize) -> Span {
    Span { line, start, len }
}

const fn field(kind: FieldKind, line: usize, start: usize, len: usize) -> Field {
    Field { kind, span: span(line, start, len) }
}

/// A field that is not used holds fillers, and its digit may be a filler too. Not so for the
/// document number: there a filler says that the number goes on elsewhere.
const fn rule(field: CheckField, digit: Span, over: &'static [Span]) -> CheckRule {
    let filler_if_empty =
        matches!(field, CheckField::BirthDate | CheckField::ExpiryDate | CheckField::Optional);
    CheckRule { field, digit, over, filler_if_empty }
}

/// Doc 9303-5, section 4.2.2; check digits section 4.2.4.
pub(crate) static TD1: Layout = Layout {
    format: Format::TD1,
    lengths: &[30, 30, 30],
    opening: b"",
    fields: &[
        field(DocumentCode, 0, 0, 2),
        field(Issuer, 0, 2, 3),
        field(DocumentNumber, 0, 5, 9),
        field(CheckDigit, 0, 14, 1),
        field(Optional, 0, 15, 15),
        field(BirthDate, 1, 0, 6),
        field(CheckDigit, 1, 6, 1),
        field(Sex, 1, 7, 1),
        field(ExpiryDate, 1, 8, 6),
        field(CheckDigit, 1, 14, 1),
        field(Nationality, 1, 15, 3),
        field(Optional, 1, 18, 11),
        field(CheckDigit, 1, 29, 1),
        field(Names, 2, 0, 30),
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

/// The fields that TD2, TD3 and both visas share: all of the first line, and the second line
/// up to the optional data.
macro_rules! two_line_fields {
    ($length:literal, $($tail:expr),+) => {
        &[
            field(DocumentCode, 0, 0, 2),
            field(Issuer, 0, 2, 3),
            field(Names, 0, 5, $length - 5),
            field(DocumentNumber, 1, 0, 9),
            field(CheckDigit, 1, 9, 1),
            field(Nationality, 1, 10, 3),
            field(BirthDate, 1, 13, 6),
            field(CheckDigit, 1, 19, 1),
            field(Sex, 1, 20, 1),
            field(ExpiryDate, 1, 21, 6),
            field(CheckDigit, 1, 27, 1),
            $($tail),+
        ]
    };
}

const NUMBER: CheckRule = rule(CheckField::DocumentNumber, span(1, 9, 1), &[span(1, 0, 9)]);
const BIRTH: CheckRule = rule(CheckField::BirthDate, span(1, 19, 1), &[span(1, 13, 6)]);
const EXPIRY: CheckRule = rule(CheckField::ExpiryDate, span(1, 27, 1), &[span(1, 21, 6)]);

/// Doc 9303-6, section 4.2.2; check digits section 4.2.4.
pub(crate) static TD2: Layout = Layout {
    format: Format::TD2,
    lengths: &[36, 36],
    opening: b"",
    fields: two_line_fields!(36, field(Optional, 1, 28, 7), field(CheckDigit, 1, 35, 1)),
    checks: &[
        NUMBER,
        BIRTH,
        EXPIRY,
        rule(
            CheckField::Composite,
            span(1, 35, 1),
            &[span(1, 0, 10), span(1, 13, 7), span(1, 21, 14)],
        ),
    ],
};

/// Doc 9303-4, section 4.2.2; check digits section 4.2.4.
pub(crate) static TD3: Layout = Layout {
    format: Format::TD3,
    lengths: &[44, 44],
    opening: b"",
    fields: two_line_fields!(
        44,
        field(Optional, 1, 28, 14),
        field(CheckDigit, 1, 42, 1),
        field(CheckDigit, 1, 43, 1)
    ),
    checks: &[
        NUMBER,
        BIRTH,
        EXPIRY,
        rule(CheckField::Optional, span(1, 42, 1), &[span(1, 28, 14)]),
        rule(
            CheckField::Composite,
            span(1, 43, 1),
            &[span(1, 0, 10), span(1, 13, 7), span(1, 21, 22)],
        ),
    ],
};

/// Doc 9303-7, section 4.2.2. Visas have no composite digit.
pub(crate) static MRVA: Layout = Layout {
    format: Format::MRVA,
    lengths: &[44, 44],
    opening: b"V",
    fields: two_line_fields!(44, field(Optional, 1, 28, 16)),
    checks: &[NUMBER, BIRTH, EXPIRY],
};

/// Doc 9303-7, section 7.2.2. Visas have no composite digit.
pub(crate) static MRVB: Layout = Layout {
    format: Format::MRVB,
    lengths: &[36, 36],
    opening: b"V",
    fields: two_line_fields!(36, field(Optional, 1, 28, 8)),
    checks: &[NUMBER, BIRTH, EXPIRY],
};

/// The French card, as its specimens print it. The optional data name the department and the
/// office of issue; the number opens with the year and month of issue.
pub(crate) static FRA36: Layout = Layout {
    format: Format::FRA36,
    lengths: &[36, 36],
    opening: b"IDFRA",
    fields: &[
        field(DocumentCode, 0, 0, 2),
        field(Issuer, 0, 2, 3),
        field(Surname, 0, 5, 25),
        field(Optional, 0, 30, 6),
        field(DocumentNumber, 1, 0, 12),
        field(CheckDigit, 1, 12, 1),
        field(GivenNames, 1, 13, 14),
        field(BirthDate, 1, 27, 6),
        field(CheckDigit, 1, 33, 1),
        field(Sex, 1, 34, 1),
        field(CheckDigit, 1, 35, 1),
    ],
    checks: &[
        rule(CheckField::DocumentNumber, span(1, 12, 1), &[span(1, 0, 12)]),
        rule(CheckField::BirthDate, span(1, 33, 1), &[span(1, 27, 6)]),
        rule(CheckField::Composite, span(1, 35, 1), &[span(0, 0, 36), span(1, 0, 35)]),
    ],
};

/// The French driving licence, as printed licences show it. One check digit covers all before it, the
/// other the whole line.
pub(crate) static D1FRA: Layout = Layout {
    format: Format::D1FRA,
    lengths: &[30],
    opening: b"D1FRA",
    fields: &[
        field(DocumentCode, 0, 0, 1),
        field(Variant, 0, 1, 1),
        field(Issuer, 0, 2, 3),
        field(DocumentNumber, 0, 5, 9),
        field(CheckDigit, 0, 14, 1),
        field(ExpiryDate, 0, 15, 6),
        field(Surname, 0, 21, 8),
        field(CheckDigit, 0, 29, 1),
    ],
    checks: &[
        rule(CheckField::DocumentNumber, span(0, 14, 1), &[span(0, 0, 14)]),
        rule(CheckField::Composite, span(0, 29, 1), &[span(0, 0, 29)]),
    ],
};

/// The Dutch driving licence, as printed licences show it. The optional data are a version and the
/// random characters that make the line a key to the chip; one check digit covers the whole line.
pub(crate) static D1NLD: Layout = Layout {
    format: Format::D1NLD,
    lengths: &[30],
    opening: b"D1NLD",
    fields: &[
        field(DocumentCode, 0, 0, 1),
        field(Variant, 0, 1, 1),
        field(Issuer, 0, 2, 3),
        field(Optional, 0, 5, 1),
        field(DocumentNumber, 0, 6, 10),
        field(Optional, 0, 16, 13),
        field(CheckDigit, 0, 29, 1),
    ],
    checks: &[rule(CheckField::Composite, span(0, 29, 1), &[span(0, 0, 29)])],
};

/// The French registration certificate of a vehicle, as printed certificates show it: no standard
/// describes it. The document number is that of the form, and opens with its year of issue. The
/// composite digit covers the four fields that have a check digit, and these digits.
pub(crate) static CRFRA: Layout = Layout {
    format: Format::CRFRA,
    lengths: &[44, 44],
    opening: b"CRFRA",
    fields: &[
        field(DocumentCode, 0, 0, 2),
        field(Issuer, 0, 2, 3),
        field(RegistrationNumber, 0, 5, 7),
        field(CheckDigit, 0, 12, 1),
        field(VehicleNumber, 0, 13, 17),
        field(CheckDigit, 0, 30, 1),
        field(FirstRegistration, 0, 31, 6),
        field(CheckDigit, 0, 37, 1),
        field(Category, 0, 38, 6),
        field(Body, 1, 0, 4),
        field(Make, 1, 4, 14),
        field(Model, 1, 18, 13),
        field(DocumentNumber, 1, 31, 11),
        field(CheckDigit, 1, 42, 1),
        field(CheckDigit, 1, 43, 1),
    ],
    checks: &[
        rule(CheckField::RegistrationNumber, span(0, 12, 1), &[span(0, 5, 7)]),
        rule(CheckField::VehicleNumber, span(0, 30, 1), &[span(0, 13, 17)]),
        rule(CheckField::FirstRegistration, span(0, 37, 1), &[span(0, 31, 6)]),
        rule(CheckField::DocumentNumber, span(1, 42, 1), &[span(1, 31, 11)]),
        rule(CheckField::Composite, span(1, 43, 1), &[span(0, 5, 33), span(1, 31, 12)]),
    ],
};

/// The Swiss driving licence, as printed licences show it. The document number is that of the
/// blank form. The optional data are the letter of the language, and the number of the holder.
pub(crate) static FACHE: Layout = Layout {
    format: Format::FACHE,
    lengths: &[9, 30, 30],
    opening: b"FACHE",
    fields: &[
        field(DocumentNumber, 0, 0, 6),
        field(Optional, 0, 6, 1),
        field(Padding, 0, 7, 2),
        field(DocumentCode, 1, 0, 2),
        field(Issuer, 1, 2, 3),
        field(Optional, 1, 5, 12),
        field(Padding, 1, 17, 2),
        field(BirthDate, 1, 19, 6),
        field(Padding, 1, 25, 5),
        field(Names, 2, 0, 30),
    ],
    checks: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cover_every_position_once() {
        for layout in Format::ALL.map(Format::layout) {
            for (line, &length) in layout.lengths.iter().enumerate() {
                for position in 0..length {
                    let owners =
                        layout.fields.iter().filter(|f| f.span.covers(line, position)).count();
                    assert_eq!(owners, 1, "{:?} line {line} position {position}", layout.format);
                }
            }
        }
    }

    #[test]
    fn every_check_digit_stands_in_a_check_digit_field() {
        for layout in Format::ALL.map(Format::layout) {
            for rule in layout.checks {
                assert_eq!(layout.field_at(rule.digit.line, rule.digit.start), Some(CheckDigit));
            }
            let fields = layout.spans(CheckDigit).count();
            assert_eq!(fields, layout.checks.len(), "{:?}", layout.format);
        }
    }

    #[test]
    fn a_composite_digit_comes_last() {
        // The writer computes the digits in this order, and the composite one covers the others.
        for layout in Format::ALL.map(Format::layout) {
            let composite =
                layout.checks.iter().position(|rule| rule.field == CheckField::Composite);
            assert!(composite.is_none_or(|index| index + 1 == layout.checks.len()));
        }
    }
}
