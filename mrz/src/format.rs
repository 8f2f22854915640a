//! The six formats, and how a zone's shape and opening tell them apart.

use crate::kinds::Format;
use crate::layout::Layout;
use crate::tables;

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::TD1, Self::TD2, Self::TD3, Self::MRVA, Self::MRVB, Self::FRA36];

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
        }
    }

    /// The format that has the number of `lines`, their length and their opening characters.
    ///
    /// Looks at nothing else: [`parse`](crate::parse) also checks every character. A first
    /// character `V` makes a visa, an opening `IDFRA` on two lines of 36 the French card.
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

    #[test]
    fn a_format_is_shown_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.to_string(), format!("{format:?}"));
            assert_eq!(format.layout().format, format);
        }
    }
}
