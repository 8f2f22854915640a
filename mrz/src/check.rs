//! Check digits (Doc 9303-3, section 4.9): weights 7, 3, 1 repeating, modulo 10.

use super::layout::{CheckRule, Format, Span};
use super::{FILLER, symbol};

/// The field that a check digit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CheckField {
    /// The document number.
    DocumentNumber,
    /// The birth date.
    BirthDate,
    /// The date of expiry.
    ExpiryDate,
    /// The optional data of a passport.
    Optional,
    /// The composite digit over several fields.
    Composite,
}

/// The plain verdict on one check digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Check {
    /// The field.
    pub field: CheckField,
    /// Whether the printed digit agrees with the computed one.
    pub ok: bool,
}

/// The value of a character in a check digit: digits 0 to 9, letters 10 to 35, filler 0; any other byte 0.
pub(crate) fn value(character: u8) -> u32 {
    match symbol(character) {
        Some(index) if character != FILLER => u32::try_from(index).unwrap_or(0),
        _ => 0,
    }
}

/// The weight of position `index` of the covered characters.
pub(crate) fn weight(index: usize) -> u32 {
    [7, 3, 1][index % 3]
}

/// The check digit of `characters`, as an ASCII digit.
#[must_use]
pub fn check_digit(characters: &[u8]) -> u8 {
    let sum: u32 = characters.iter().enumerate().map(|(i, &c)| value(c) * weight(i)).sum();
    b'0' + u8::try_from(sum % 10).unwrap_or(0)
}

/// The characters that a rule covers, in the order of the computation.
fn covered<L: AsRef<[u8]>>(over: &[Span], lines: &[L]) -> Vec<u8> {
    over.iter().flat_map(|span| span.of(lines)).copied().collect()
}

/// Where a document number of more than nine characters goes on (Doc 9303-5, 4.2.4 note j; 9303-6 likewise): a filler stands
/// for its check digit, and the rest of the number and the digit open the optional data. Returns the rest without
/// the digit and the digit; `None` where the number is not continued.
pub(crate) fn continued_number<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> Option<(&[u8], u8)> {
    let (digit, optional) = match format {
        Format::TD1 => (Span { line: 0, start: 14, len: 1 }, Span { line: 0, start: 15, len: 15 }),
        Format::TD2 => (Span { line: 1, start: 9, len: 1 }, Span { line: 1, start: 28, len: 7 }),
        _ => return None,
    };
    if digit.of(lines) != [FILLER] {
        return None;
    }
    let optional = optional.of(lines);
    let end = optional.iter().position(|&c| c == FILLER).unwrap_or(optional.len());
    let (&last, rest) = optional[..end].split_last()?;
    last.is_ascii_digit().then_some((rest, last))
}

fn holds<L: AsRef<[u8]>>(format: Format, rule: &CheckRule, lines: &[L]) -> bool {
    let mut characters = covered(rule.over, lines);
    let Some(&printed) = rule.digit.of(lines).first() else { return false };
    if rule.field == CheckField::DocumentNumber
        && let Some((rest, digit)) = continued_number(format, lines)
    {
        characters.extend_from_slice(rest);
        return check_digit(&characters) == digit;
    }
    if rule.filler_if_empty && printed == FILLER {
        return characters.iter().all(|&c| c == FILLER);
    }
    check_digit(&characters) == printed
}

/// The verdict on every check digit of `format`, in the layout's order.
#[must_use]
pub fn verify<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> Vec<Check> {
    let layout = format.layout();
    layout.checks.iter().map(|rule| Check { field: rule.field, ok: holds(format, rule, lines) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_doc_9303() {
        // Part 3, appendix A: 520727 -> 3, AB2134<<< -> 5, and the composite of the TD3 example.
        assert_eq!(check_digit(b"520727"), b'3');
        assert_eq!(check_digit(b"AB2134<<<"), b'5');
        assert_eq!(check_digit(b"HA672242<658022549601086<<<<<<<<<<<<<<0"), b'8');
    }

    #[test]
    fn the_specimen_of_part_4_agrees() {
        let lines =
            ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];
        assert!(verify(Format::TD3, &lines).iter().all(|check| check.ok));
        let wrong = [lines[0], "L898902C36UTO7408122F1204159ZE184226B<<<<<11"];
        let failing: Vec<_> = verify(Format::TD3, &wrong).into_iter().filter(|c| !c.ok).collect();
        assert_eq!(failing, [Check { field: CheckField::Composite, ok: false }]);
    }

    #[test]
    fn empty_optional_data_may_have_a_filler_or_a_zero() {
        let line = |digit: char| {
            let body = format!("L898902C36UTO7408122F1204159<<<<<<<<<<<<<<{digit}");
            let composite = check_digit(
                [&body.as_bytes()[0..10], &body.as_bytes()[13..20], &body.as_bytes()[21..43]]
                    .concat()
                    .as_slice(),
            );
            [
                String::from("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"),
                format!("{body}{}", char::from(composite)),
            ]
        };
        for digit in ['<', '0'] {
            assert!(verify(Format::TD3, &line(digit)).iter().all(|check| check.ok), "{digit}");
        }
    }

    #[test]
    fn long_numbers_continue_in_the_optional_data() {
        // Doc 9303-5, appendix B: number D23145890734, check digit 9, printed D23145890<7349.
        let lines = [
            "I<UTOD23145890<7349<<<<<<<<<<<",
            "7408122F1204159UTO<<<<<<<<<<<6",
            "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
        ];
        assert_eq!(continued_number(Format::TD1, &lines), Some((&b"734"[..], b'9')));
        assert!(verify(Format::TD1, &lines)[0].ok);
    }
}
