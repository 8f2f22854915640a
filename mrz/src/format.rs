//! All formats, and how a zone's shape and opening tell them apart.

use crate::kinds::Format;
use crate::layout::Layout;
use crate::tables;

impl Format {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::TD1,
        Self::TD2,
        Self::TD3,
        Self::MRVA,
        Self::MRVB,
        Self::FRA36,
        Self::D1FRA,
        Self::D1NLD,
        Self::CRFRA,
        Self::FACHE,
    ];

    /// The layout of this format.
    #[must_use]
    pub fn layout(self) -> &'static Layout {
        match self {
            Self::TD1 => &tables::TD1,
            Self::TD2 => &tables::TD2,
            Self::TD3 => &tables::TD3,
            Self::MRVA => &tables::MRVA,
            Self::MRVB => &tables::MRVB,
            Self::FRA36 => &tables::FRA36,
            Self::D1FRA => &tables::D1FRA,
            Self::D1NLD => &tables::D1NLD,
            Self::CRFRA => &tables::CRFRA,
            Self::FACHE => &tables::FACHE,
        }
    }

    /// The format that has the number of `lines`, their length and their opening characters.
    ///
    /// Looks at nothing else: [`parse`](crate::parse) also checks every character. A first
    /// character `V` makes a visa, an opening `IDFRA` on two lines of 36 the French card, and
    /// `CRFRA` on two lines of 44 the French registration certificate. A single line of 30 opens
    /// with `D1FRA` or `D1NLD`, and the second line of a Swiss licence with `FACHE`.
    #[must_use]
    pub fn of<L: AsRef<[u8]>>(lines: &[L]) -> Option<Self> {
        let opens = |format: &Self| {
            let layout = format.layout();
            layout.has_shape_of(lines) && layout.opening_span().of(lines) == layout.opening
        };
        // Formats of one shape differ in their opening: the longest that fits tells most.
        Self::ALL.into_iter().filter(opens).max_by_key(|format| format.layout().opening.len())
    }

    /// Whether a number that is longer than its field goes on in the optional data
    /// (Doc 9303-5 and 9303-6, section 4.2.2, note j).
    pub(crate) fn continues_numbers(self) -> bool {
        matches!(self, Self::TD1 | Self::TD2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_apart_by_shape_and_opening() {
        let lines = |count: usize, opening: &str, length: usize| {
            vec![format!("{opening:<<length$}"); count]
        };
        assert_eq!(Format::of(&lines(3, "I<UTO", 30)), Some(Format::TD1));
        assert_eq!(Format::of(&lines(2, "I<UTO", 36)), Some(Format::TD2));
        assert_eq!(Format::of(&lines(2, "IDFRA", 36)), Some(Format::FRA36));
        assert_eq!(Format::of(&lines(2, "V<UTO", 36)), Some(Format::MRVB));
        assert_eq!(Format::of(&lines(2, "P<UTO", 44)), Some(Format::TD3));
        assert_eq!(Format::of(&lines(2, "V<UTO", 44)), Some(Format::MRVA));
        assert_eq!(Format::of(&lines(2, "CRFRA", 44)), Some(Format::CRFRA));
        assert_eq!(Format::of(&lines(2, "CRUTO", 44)), Some(Format::TD3));
        assert_eq!(Format::of(&lines(1, "D1FRA", 30)), Some(Format::D1FRA));
        assert_eq!(Format::of(&lines(1, "D1NLD", 30)), Some(Format::D1NLD));
        assert_eq!(Format::of(&lines(1, "D1UTO", 30)), None);
        let swiss =
            ["AAA001D<<", "FACHE305142128097<<800126<<<<<", "MARCHAND<<FABIENNE<<<<<<<<<<<<"];
        assert_eq!(Format::of(&swiss), Some(Format::FACHE));
        assert_eq!(Format::of(&[swiss[0], swiss[2], swiss[1]]), None);
        assert_eq!(Format::of(&lines(2, "P<UTO", 43)), None);
        assert_eq!(Format::of::<&str>(&[]), None);
    }

    #[test]
    fn a_format_is_shown_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.to_string(), format!("{format:?}"));
            assert_eq!(format.layout().format, format);
        }
    }
}
