//! Whether a text can be trusted, and why not.

use serde::Serialize;

use nibble_mrz::{FILLER, FieldKind, Format};

/// Why a reading is not valid; the words of the JSON contract (`docs/json.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotValid {
    /// A check digit does not agree.
    CheckDigit,
    /// The format has no check digit, so nothing proves the text.
    NoCheckDigit,
    /// A character was changed against a confident reading.
    Overruled,
    /// A character that no check digit protects is doubtful.
    DoubtfulUnprotected,
    /// A character stands where the format does not allow it.
    ForeignCharacter,
    /// A date of birth, expiry or first registration does not exist in the calendar.
    ImpossibleDate,
    /// Text continues beyond an end of a line, or the picture's border cuts a line.
    CutOff,
    /// Another text, whose check digits also agree, is too likely.
    AmbiguousText,
    /// A character is covered, or missing where the format has one.
    Covered,
    /// The text as a whole is unlikely.
    LowScore,
}

/// Days of a month in a year of two digits. Year 00 counts as a leap year: 2000 was one, 1900 was
/// not.
fn days(year: Option<u8>, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_none_or(|year| year.is_multiple_of(4)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Whether `YYMMDD` can be a date: it exists in the calendar, or unknown parts of it are filled with
/// `<` (Doc 9303-3, 4.8).
pub(super) fn is_possible_date(characters: &[u8]) -> bool {
    /// The value of two digits; `Some(None)` if the part is unknown, `None` if it is malformed.
    fn part(characters: &[u8]) -> Option<Option<u8>> {
        match *characters {
            [FILLER, FILLER] => Some(None),
            [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(Some((a - b'0') * 10 + (b - b'0'))),
            _ => None,
        }
    }
    let [Some(year), Some(month), Some(day)] =
        [0..2, 2..4, 4..6].map(|span| characters.get(span).and_then(part))
    else {
        return false;
    };
    month.is_none_or(|month| (1..=12).contains(&month))
        && day.is_none_or(|day| (1..=month.map_or(31, |month| days(year, month))).contains(&day))
}

/// Whether all dates of a zone can be dates.
pub(super) fn has_possible_dates<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> bool {
    let dates = [FieldKind::BirthDate, FieldKind::ExpiryDate, FieldKind::FirstRegistration];
    dates
        .iter()
        .filter_map(|&kind| format.layout().span(kind))
        .all(|span| is_possible_date(span.of(lines)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_calendar_and_partial_ones_are_possible() {
        for date in [
            &b"740812"[..],
            b"240229",
            b"000229",
            b"85<<<<",
            b"8501<<",
            b"<<<<<<",
            b"<<0229",
            b"<<<<31",
        ] {
            assert!(is_possible_date(date), "{}", String::from_utf8_lossy(date));
        }
        for date in [
            &b"880941"[..],
            b"881301",
            b"880001",
            b"880100",
            b"230229",
            b"880431",
            b"8<0101",
            b"88<101",
            b"88010",
            b"88O101",
            b"",
        ] {
            assert!(!is_possible_date(date), "{}", String::from_utf8_lossy(date));
        }
    }
}
