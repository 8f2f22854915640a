//! Fields in plain words from the lines of a zone.

use super::FILLER;
use super::check::continued_number;
use super::date;
use super::layout::{FieldKind, Format, Layout};

/// The holder's sex as printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Sex {
    /// Female.
    F,
    /// Male.
    M,
    /// Unspecified.
    X,
}

/// What a machine-readable zone says. Texts have their fillers removed; an empty field is an empty string.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Document {
    /// The format.
    pub format: Format,
    /// Issuing state or organisation: up to three letters, as printed.
    pub issuer: String,
    /// Surname; parts are divided by spaces.
    pub surname: String,
    /// Given names, divided by spaces.
    pub given_names: String,
    /// Document number, whole even where it continues in the optional data.
    pub document_number: String,
    /// Nationality: up to three letters, as printed; on a French card, which prints none, the issuer.
    pub nationality: String,
    /// Birth date, ISO 8601, where it is a calendar date.
    pub birth_date: Option<String>,
    /// Date of expiry, ISO 8601, where it is a calendar date.
    pub expiry_date: Option<String>,
    /// Sex; `None` where the zone prints something else than `M`, `F`, `X` or a filler.
    pub sex: Option<Sex>,
    /// Optional data, the parts divided by a space.
    pub optional: String,
}

/// Text with runs of fillers as single spaces, none at the ends.
fn plain(characters: &[u8]) -> String {
    characters
        .split(|&c| c == FILLER)
        .filter(|part| !part.is_empty())
        .map(String::from_utf8_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Surname and given names, divided by the first `<<`.
fn names(characters: &[u8]) -> (String, String) {
    let divider = characters.windows(2).position(|pair| pair == [FILLER, FILLER]).unwrap_or(characters.len());
    let (surname, given) = characters.split_at(divider);
    (plain(surname), plain(given))
}

struct Reader<'a, L> {
    layout: &'static Layout,
    lines: &'a [L],
}

impl<L: AsRef<[u8]>> Reader<'_, L> {
    fn field(&self, kind: FieldKind) -> &[u8] {
        self.layout.span(kind).map_or(&[], |span| span.of(self.lines))
    }

    fn optional(&self) -> String {
        let continued =
            continued_number(self.layout.format, self.lines).map_or(0, |(rest, _)| rest.len() + 1);
        let mut parts = Vec::new();
        let optional = self.layout.fields.iter().filter(|field| field.kind == FieldKind::Optional);
        for (index, field) in optional.enumerate() {
            let characters = field.span.of(self.lines);
            let own = if index == 0 { characters.get(continued..).unwrap_or_default() } else { characters };
            parts.push(plain(own));
        }
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }
}

/// The fields of `lines`, which must have the shape of `format`; positions that are missing read as empty.
#[must_use]
pub fn parse<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> Document {
    let reader = Reader { layout: format.layout(), lines };
    let (surname, given_names) = match format {
        Format::FRA36 => {
            (plain(reader.field(FieldKind::Surname)), plain(reader.field(FieldKind::GivenNames)))
        }
        _ => names(reader.field(FieldKind::Names)),
    };
    let mut number = reader.field(FieldKind::DocumentNumber).to_vec();
    let expiry = date::expiry(reader.field(FieldKind::ExpiryDate));
    let dated = if format == Format::FRA36 { date::french_issue(&number) } else { expiry };
    if let Some((rest, _)) = continued_number(format, lines) {
        number.extend_from_slice(rest);
    }
    let issuer = plain(reader.field(FieldKind::Issuer));
    Document {
        format,
        nationality: if format == Format::FRA36 {
            issuer.clone()
        } else {
            plain(reader.field(FieldKind::Nationality))
        },
        issuer,
        surname,
        given_names,
        document_number: plain(&number),
        birth_date: date::birth(reader.field(FieldKind::BirthDate), dated).map(date::Date::iso),
        expiry_date: expiry.map(date::Date::iso),
        sex: match reader.field(FieldKind::Sex) {
            b"M" => Some(Sex::M),
            b"F" => Some(Sex::F),
            b"X" | b"<" => Some(Sex::X),
            _ => None,
        },
        optional: reader.optional(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passport_of_part_4() {
        let document = parse(
            Format::TD3,
            &["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"],
        );
        assert_eq!(document.surname, "ERIKSSON");
        assert_eq!(document.given_names, "ANNA MARIA");
        assert_eq!(document.document_number, "L898902C3");
        assert_eq!(document.birth_date.as_deref(), Some("1974-08-12"));
        assert_eq!(document.expiry_date.as_deref(), Some("2012-04-15"));
        assert_eq!(document.sex, Some(Sex::F));
        assert_eq!(document.optional, "ZE184226B");
    }

    #[test]
    fn a_card_whose_number_continues() {
        let document = parse(
            Format::TD1,
            &[
                "I<UTOD23145890<7349AB<<<<<<<<<",
                "7408122F1204159UTOXY<<<<<<<<<6",
                "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            ],
        );
        // The optional data opens with letters that belong to it only after the continued number has ended.
        assert_eq!(document.optional, "7349AB XY");
        let document = parse(
            Format::TD1,
            &[
                "I<UTOD23145890<7349<AB<<<<<<<<",
                "7408122F1204159UTOXY<<<<<<<<<6",
                "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            ],
        );
        assert_eq!(document.document_number, "D23145890734");
        assert_eq!(document.optional, "AB XY");
    }

    #[test]
    fn the_french_card() {
        let document = parse(
            Format::FRA36,
            &["IDFRABERTHIER<<<<<<<<<<<<<<<<<923255", "8806923102858CORINNE<<<<<<<6512068F2"],
        );
        assert_eq!(document.surname, "BERTHIER");
        assert_eq!(document.given_names, "CORINNE");
        assert_eq!(document.document_number, "880692310285");
        assert_eq!(document.birth_date.as_deref(), Some("1965-12-06"));
        assert_eq!(document.expiry_date, None);
        assert_eq!(document.nationality, "FRA");
    }

    #[test]
    fn a_name_without_given_names_and_lines_that_are_missing() {
        let document = parse(Format::TD3, &["P<UTOARKFREITH<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<"]);
        assert_eq!((document.surname.as_str(), document.given_names.as_str()), ("ARKFREITH", ""));
        assert_eq!(document.document_number, "");
        assert_eq!(document.sex, None);
    }
}
