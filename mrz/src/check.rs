//! Check digits (Doc 9303-3, section 4.9).

use crate::alphabet::{FILLER, symbol};
use crate::kinds::{CheckField, Format};
use crate::layout::{CheckRule, FieldKind, Span};

/// The verdict on one check digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Check {
    /// The field that the digit belongs to.
    pub field: CheckField,
    /// Whether the printed digit agrees with the computed one.
    pub ok: bool,
}

/// The value of a character: digits count 0 to 9, letters 10 to 35, fillers and other bytes 0.
fn value(character: u8) -> u32 {
    match symbol(character) {
        Some(index) if character != FILLER => u32::try_from(index).unwrap_or(0),
        _ => 0,
    }
}

/// The weight of the character at `index` of those that a digit covers.
fn weight(index: usize) -> u32 {
    [7, 3, 1][index % 3]
}

/// The check digit of `characters`, as an ASCII digit.
///
/// The sum of the values times the weights 7, 3, 1, 7, 3, 1, ... modulo 10. Digits count 0 to
/// 9, letters 10 to 35, fillers and bytes outside the alphabet 0.
///
/// ```
/// // The example of Doc 9303-3, appendix A.
/// assert_eq!(nibble_mrz::check_digit(b"AB2134<<<"), b'5');
/// ```
#[must_use]
pub fn check_digit(characters: &[u8]) -> u8 {
    let sum = characters
        .iter()
        .enumerate()
        .fold(0, |sum, (index, &character)| (sum + value(character) * weight(index)) % 10);
    b'0' + u8::try_from(sum).unwrap_or(0)
}

/// The characters of the spans in `over`, in the order of the computation.
pub(crate) fn covered<L: AsRef<[u8]>>(over: &[Span], lines: &[L]) -> Vec<u8> {
    over.iter().flat_map(|span| span.of(lines)).copied().collect()
}

/// The rest of a document number that is longer than its field, and its check digit.
///
/// A filler stands for the check digit of such a number. The rest of the number and then the
/// digit open the optional data (Doc 9303-5 and 9303-6, section 4.2.2, note j). `None` where the
/// number does not go on.
pub(crate) fn continued_number<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> Option<(&[u8], u8)> {
    if !format.continues_numbers() {
        return None;
    }
    let layout = format.layout();
    let rule = layout.checks.iter().find(|rule| rule.field == CheckField::DocumentNumber)?;
    if rule.digit.of(lines) != [FILLER] {
        return None;
    }
    let optional = layout.span(FieldKind::Optional)?.of(lines);
    let end = optional.iter().position(|&character| character == FILLER).unwrap_or(optional.len());
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
        return characters.iter().all(|&character| character == FILLER);
    }
    check_digit(&characters) == printed
}

/// The verdict on every check digit of `format`, in the order of its layout.
///
/// `lines` may have any shape: a digit that is missing does not agree. A long document number
/// is followed into the optional data, and unused fields may have a filler for their digit.
#[must_use]
pub fn verify<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> Vec<Check> {
    let rules = format.layout().checks.iter();
    rules.map(|rule| Check { field: rule.field, ok: holds(format, rule, lines) }).collect()
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
        let lines = [
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
        ];
        assert!(verify(Format::TD3, &lines).iter().all(|check| check.ok));
        let certificate = [
            "CRFRAAB123CD0VFSIV2009ASIV200929801059VP<<<<",
            "CI<<MARQUES<<<<<<<MODELE<<<<<<<2009AS0528402",
        ];
        assert_eq!(verify(Format::CRFRA, &certificate).len(), 5);
        assert!(verify(Format::CRFRA, &certificate).iter().all(|check| check.ok));
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
