//! Dates of six digits (Doc 9303-3, section 4.8) and their century.
//!
//! A zone prints two digits of the year. Results must not depend on the day on which they are
//! computed, so no clock is asked. The century follows from the document itself:
//!
//! - A date of expiry with a year from 70 is of the 20th century, any other of the 21st:
//!   travel documents with a machine-readable zone exist since 1980.
//! - A birth lies in the last century in which it is not after the document's own date. That is
//!   its expiry, or on the French card, which prints none, its month of issue. If a document
//!   tells neither, the latest birth is in 2025, the year before this release: a birth must not
//!   lie in the future.
//!
//! So the only births with a wrong century are those more than 100 years before that date, and
//! those before 1900.

/// The first two-digit year that means 19YY in a date of expiry.
const EXPIRY_PIVOT: u16 = 70;
/// The latest year of birth where the document tells no date of its own.
const LATEST_BIRTH: u16 = 2025;

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    pub(super) year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The date as ISO 8601 writes it, `YYYY-MM-DD`.
    pub(super) fn iso(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Two ASCII digits as a number.
fn two(digits: &[u8]) -> Option<u8> {
    match digits {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some((a - b'0') * 10 + (b - b'0')),
        _ => None,
    }
}

/// The number of days in a month.
fn days(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// `YYMMDD` as a date; `century` chooses 1900 or 2000 from year, month and day. `None` where
/// the digits are no calendar date.
fn calendar(digits: &[u8], century: impl Fn(u16, u8, u8) -> u16) -> Option<Date> {
    let [y0, y1, m0, m1, d0, d1] = *digits else { return None };
    let (yy, month, day) = (u16::from(two(&[y0, y1])?), two(&[m0, m1])?, two(&[d0, d1])?);
    if !(1..=12).contains(&month) {
        return None;
    }
    let year = century(yy, month, day) + yy;
    (1..=days(year, month)).contains(&day).then_some(Date { year, month, day })
}

/// A date of expiry.
pub(super) fn expiry(digits: &[u8]) -> Option<Date> {
    calendar(digits, |yy, _, _| if yy >= EXPIRY_PIVOT { 1900 } else { 2000 })
}

/// The first day of the month of issue, which opens the number of a French card.
pub(super) fn french_issue(number: &[u8]) -> Option<Date> {
    let [y0, y1, m0, m1, ..] = *number else { return None };
    expiry(&[y0, y1, m0, m1, b'0', b'1'])
}

/// A birth date. `document` is the document's own date, its expiry or issue.
pub(super) fn birth(digits: &[u8], document: Option<Date>) -> Option<Date> {
    calendar(digits, |yy, month, day| {
        let recent = 2000 + yy;
        let after = match document {
            Some(date) => (recent, month, day) > (date.year, date.month, date.day),
            None => recent > LATEST_BIRTH,
        };
        if after { 1900 } else { 2000 }
    })
}

/// The date on which a vehicle was first registered. `number` is that of the certificate. It opens
/// with the year of issue, after which the vehicle cannot have been first registered.
pub(super) fn first_registration(digits: &[u8], number: &[u8]) -> Option<Date> {
    let issue = match *number {
        [y0, y1, y2, y3, ..] => two(&[y0, y1]).zip(two(&[y2, y3])),
        _ => None,
    };
    let issue = issue.map(|(hundreds, rest)| Date {
        year: 100 * u16::from(hundreds) + u16::from(rest),
        month: 12,
        day: 31,
    });
    birth(digits, issue)
}

/// What is known of a birth date with fillers for the day, or for month and day: `YYYY-MM` or `YYYY`.
/// `None` for any other text.
pub(super) fn partial_birth(digits: &[u8], document: Option<Date>) -> Option<String> {
    let [y0, y1, m0, m1, b'<', b'<'] = *digits else { return None };
    let first = |m0, m1| birth(&[y0, y1, m0, m1, b'0', b'1'], document);
    match [m0, m1] {
        [b'<', b'<'] => first(b'0', b'1').map(|date| format!("{:04}", date.year)),
        _ => first(m0, m1).map(|date| format!("{:04}-{:02}", date.year, date.month)),
    }
}

/// The six digits of a zone for a partial date, `YYYY` or `YYYY-MM`; `None` where `text` is neither.
pub(super) fn partial_digits_of(text: &str) -> Option<[u8; 6]> {
    let [_, _, y0, y1, month @ ..] = text.as_bytes() else { return None };
    let [m0, m1] = match *month {
        [] => [b'<', b'<'],
        [b'-', m0, m1] => [m0, m1],
        _ => return None,
    };
    let month = if month.is_empty() { "-01" } else { text.get(4..)? };
    digits_of(&format!("{}{month}-01", text.get(..4)?)).map(|_| [*y0, *y1, m0, m1, b'<', b'<'])
}

/// The six digits of a zone for an ISO 8601 date, `YYYY-MM-DD`; `None` where `text` is no
/// calendar date. The century is lost.
pub(super) fn digits_of(text: &str) -> Option<[u8; 6]> {
    let [c0, c1, y0, y1, b'-', m0, m1, b'-', d0, d1] = *text.as_bytes() else { return None };
    let digits = [y0, y1, m0, m1, d0, d1];
    let century = 100 * u16::from(two(&[c0, c1])?);
    calendar(&digits, |_, _, _| century).map(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(date: Option<Date>) -> Option<String> {
        date.map(Date::iso)
    }

    #[test]
    fn the_century_follows_from_the_document() {
        let until_2023 = expiry(b"230415");
        assert_eq!(iso(birth(b"740812", until_2023)).as_deref(), Some("1974-08-12"));
        assert_eq!(iso(birth(b"150812", until_2023)).as_deref(), Some("2015-08-12"));
        assert_eq!(iso(birth(b"230416", until_2023)).as_deref(), Some("1923-04-16"));
        assert_eq!(iso(birth(b"690806", expiry(b"940623"))).as_deref(), Some("1969-08-06"));
        assert_eq!(
            iso(birth(b"651206", french_issue(b"880692310285"))).as_deref(),
            Some("1965-12-06")
        );
    }

    #[test]
    fn what_is_no_date_is_none() {
        for digits in [&b"000000"[..], b"<<<<<<", b"991301", b"990230", b"23041", b"19<<<<"] {
            assert_eq!(expiry(digits), None);
        }
        assert_eq!(iso(expiry(b"240229")).as_deref(), Some("2024-02-29"));
        assert_eq!(expiry(b"230229"), None);
    }

    #[test]
    fn iso_dates_become_six_digits() {
        assert_eq!(digits_of("1974-08-12"), Some(*b"740812"));
        assert_eq!(digits_of("2000-02-29"), Some(*b"000229"));
        for text in
            ["", "1900-02-29", "1974-8-12", "1974-13-01", "1974-01-00", "74-08-12", "1974-08-1é"]
        {
            assert_eq!(digits_of(text), None, "{text}");
        }
    }
}
