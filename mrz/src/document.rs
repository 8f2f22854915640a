//! The fields of a zone in plain words.

use std::fmt;

use crate::alphabet::FILLER;
use crate::check::{check_digit, continued_number, covered};
use crate::date;
use crate::kinds::{CheckField, Format};
use crate::layout::FieldKind;
use crate::text::{field, plain};
use crate::vehicle::Vehicle;

/// The holder's sex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Sex {
    /// Female.
    F,
    /// Male.
    M,
    /// Unspecified: a filler in the zone, or an `X` with some issuers.
    X,
}

/// The sex as one letter.
impl fmt::Display for Sex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F => "F",
            Self::M => "M",
            Self::X => "X",
        })
    }
}

/// The fields of a zone.
///
/// Texts hold spaces where the zone has fillers, and none at their ends; an empty field is an
/// empty text. [`write()`](crate::write()) turns a document into a zone: begin with
/// [`Document::empty`] and set the fields.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Document {
    /// The format.
    pub format: Format,
    /// The issuing state or organisation: a code of up to three letters, as printed.
    pub issuer: String,
    /// The surname (Doc 9303 calls it the primary identifier); spaces divide its parts.
    pub surname: String,
    /// The given names (Doc 9303: the secondary identifier), divided by spaces.
    pub given_names: String,
    /// The document number, whole even where it goes on in the optional data.
    pub document_number: String,
    /// The nationality: a code of up to three letters, as printed. The French card prints
    /// none; there it is the issuer. Empty on driving licences and registration certificates.
    pub nationality: String,
    /// The birth date in ISO 8601, `YYYY-MM-DD`; `None` where the zone has no calendar date.
    pub birth_date: Option<String>,
    /// What is known of a birth date whose month or day is filled with `<`: `YYYY` or `YYYY-MM`.
    /// `None` where [`Document::birth_date`] is complete, and where not even the year is known.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub birth_date_partial: Option<String>,
    /// The date of expiry in ISO 8601; `None` where the zone has no calendar date.
    pub expiry_date: Option<String>,
    /// The sex; `None` where the zone prints something other than `M`, `F`, `X` or a filler, and
    /// where the format has no place for it.
    pub sex: Option<Sex>,
    /// The optional data. A space stands between the parts, and between the two fields of TD1.
    pub optional: String,
    /// The vehicle of a registration certificate; `None` in the formats of other documents.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub vehicle: Option<Vehicle>,
    /// What opens the chip of a passport or card (Doc 9303-11, section 4.3.2, "MRZ_information"):
    /// document number, birth date and date of expiry, each with its check digit, as printed. A long
    /// number is whole. `None` where one of the three check digits does not agree, and in formats
    /// whose chip, if there is one, has no such key. [`write()`](crate::write()) ignores it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub mrz_key: Option<String>,
    /// Whether names may have been cut off: their field has a letter in its last place (Doc 9303-4,
    /// section 4.2.3). [`write()`](crate::write()) ignores it.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "std::ops::Not::not"))]
    pub names_may_be_truncated: bool,
}

/// Surname and given names; the first two fillers in a row divide them.
fn names(characters: &[u8]) -> (String, String) {
    let divider = characters.windows(2).position(|pair| pair == [FILLER, FILLER]);
    let (surname, given) = characters.split_at(divider.unwrap_or(characters.len()));
    (plain(surname), plain(given))
}

/// The optional data without the part that belongs to a long document number.
fn optional<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> String {
    let continued = continued_number(format, lines).map_or(0, |(rest, _)| rest.len() + 1);
    let mut parts = Vec::new();
    for (index, span) in format.layout().spans(FieldKind::Optional).enumerate() {
        let skipped = if index == 0 { continued } else { 0 };
        parts.push(plain(span.of(lines).get(skipped..).unwrap_or_default()));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

/// Whether a date of expiry says that there is none. Spain prints 1 January 9999 as `990101` on the
/// cards of people over 70.
fn is_unlimited(issuer: &[u8], expiry: &[u8]) -> bool {
    issuer == b"ESP" && expiry == b"990101"
}

/// The key to the chip; see [`Document::mrz_key`].
fn mrz_key<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> Option<String> {
    if !matches!(format, Format::TD1 | Format::TD2 | Format::TD3) {
        return None;
    }
    let mut key = Vec::new();
    for field in [CheckField::DocumentNumber, CheckField::BirthDate, CheckField::ExpiryDate] {
        let rule = format.layout().checks.iter().find(|rule| rule.field == field)?;
        let mut characters = covered(rule.over, lines);
        let mut digit = *rule.digit.of(lines).first()?;
        if field == CheckField::DocumentNumber
            && let Some((rest, last)) = continued_number(format, lines)
        {
            characters.extend_from_slice(rest);
            digit = last;
        }
        if check_digit(&characters) != digit {
            return None;
        }
        key.extend_from_slice(&characters);
        key.push(digit);
    }
    String::from_utf8(key).ok()
}

/// Whether a field of names has a letter in its last place.
fn names_fill_their_field<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> bool {
    [FieldKind::Names, FieldKind::Surname, FieldKind::GivenNames]
        .into_iter()
        .any(|kind| field(format, lines, kind).last().is_some_and(|character| *character != FILLER))
}

impl Document {
    /// A document without any field.
    #[must_use]
    pub fn empty(format: Format) -> Self {
        Self {
            format,
            issuer: String::new(),
            surname: String::new(),
            given_names: String::new(),
            document_number: String::new(),
            nationality: String::new(),
            birth_date: None,
            birth_date_partial: None,
            expiry_date: None,
            sex: None,
            optional: String::new(),
            vehicle: None,
            mrz_key: None,
            names_may_be_truncated: false,
        }
    }

    /// The fields of `lines`, read by the layout of `format`.
    ///
    /// Never fails: `lines` may have any shape and hold any bytes. A field whose characters
    /// are missing is empty. To have shape and characters checked, use [`parse`](crate::parse).
    ///
    /// A zone prints two digits of a year. A date of expiry with a year from 70 is of the 20th
    /// century, any other of the 21st. A birth lies in the last century in which it is not after
    /// the document's own date: its expiry, or the month of issue on the French card. Without such
    /// a date, births are at most of the year 2025.
    #[must_use]
    pub fn of<L: AsRef<[u8]>>(format: Format, lines: &[L]) -> Self {
        let field = |kind| field(format, lines, kind);
        let french = format == Format::FRA36;
        let (surname, given_names) = if format.layout().span(FieldKind::Names).is_some() {
            names(field(FieldKind::Names))
        } else {
            (plain(field(FieldKind::Surname)), plain(field(FieldKind::GivenNames)))
        };
        let mut number = field(FieldKind::DocumentNumber).to_vec();
        let expiry = date::expiry(field(FieldKind::ExpiryDate));
        let unlimited = is_unlimited(field(FieldKind::Issuer), field(FieldKind::ExpiryDate));
        let expiry = expiry.filter(|_| !unlimited);
        let dated = if french { date::french_issue(&number) } else { expiry };
        if let Some((rest, _)) = continued_number(format, lines) {
            number.extend_from_slice(rest);
        }
        let nationality = if french { FieldKind::Issuer } else { FieldKind::Nationality };
        Self {
            format,
            issuer: plain(field(FieldKind::Issuer)),
            surname,
            given_names,
            document_number: plain(&number),
            nationality: plain(field(nationality)),
            birth_date: date::birth(field(FieldKind::BirthDate), dated).map(date::Date::iso),
            birth_date_partial: date::partial_birth(field(FieldKind::BirthDate), dated),
            expiry_date: expiry.map(date::Date::iso),
            sex: match field(FieldKind::Sex) {
                b"M" => Some(Sex::M),
                b"F" => Some(Sex::F),
                b"X" | b"<" => Some(Sex::X),
                _ => None,
            },
            optional: optional(format, lines),
            vehicle: Vehicle::of(format, lines),
            mrz_key: mrz_key(format, lines),
            names_may_be_truncated: names_fill_their_field(format, lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_passport_of_part_4() {
        let document = Document::of(
            Format::TD3,
            &[
                "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
                "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
            ],
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
        let document = Document::of(
            Format::TD1,
            &[
                "I<UTOD23145890<7349AB<<<<<<<<<",
                "7408122F1204159UTOXY<<<<<<<<<6",
                "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            ],
        );
        // Without a filler behind it no character is the check digit: the number does not go on.
        assert_eq!(document.optional, "7349AB XY");
        let document = Document::of(
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
        let document = Document::of(
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
    fn driving_licences() {
        let french = Document::of(Format::D1FRA, &["D1FRA13AA000026181231MARTIN<<9"]);
        assert_eq!((french.issuer.as_str(), french.surname.as_str()), ("FRA", "MARTIN"));
        assert_eq!(french.document_number, "13AA00002");
        assert_eq!(french.expiry_date.as_deref(), Some("2018-12-31"));
        assert_eq!((french.nationality.as_str(), french.sex), ("", None));
        // The specimen of the certificate, which prints letters I in its vehicle number.
        let certificate = Document::of(
            Format::CRFRA,
            &[
                "CRFRAAB123CD0VFSIV2009ASIV200929801059VP<<<<",
                "CI<<MARQUES<<<<<<<MODELE<<<<<<<2009AS0528402",
            ],
        );
        assert_eq!((&*certificate.issuer, &*certificate.document_number), ("FRA", "2009AS05284"));
        let vehicle = certificate.vehicle.expect("a vehicle");
        assert_eq!(vehicle.registration_number, "AB123CD");
        assert_eq!(vehicle.identification_number, "VFSIV2009ASIV2009");
        assert_eq!(vehicle.first_registration.as_deref(), Some("1998-01-05"));
        assert_eq!([&*vehicle.category, &*vehicle.body], ["VP", "CI"]);
        assert_eq!([&*vehicle.make, &*vehicle.model], ["MARQUES", "MODELE"]);
        let dutch = Document::of(Format::D1NLD, &["D1NLD15094962111659VW87Z78NB84"]);
        assert_eq!((dutch.issuer.as_str(), dutch.document_number.as_str()), ("NLD", "5094962111"));
        assert_eq!(dutch.optional, "1 659VW87Z78NB8");
        let lines =
            ["AAA001D<<", "FACHE305142128097<<800126<<<<<", "MARCHAND<<FABIENNE<<<<<<<<<<<<"];
        let swiss = Document::of(Format::FACHE, &lines);
        assert_eq!((swiss.issuer.as_str(), swiss.document_number.as_str()), ("CHE", "AAA001"));
        assert_eq!((swiss.surname.as_str(), swiss.given_names.as_str()), ("MARCHAND", "FABIENNE"));
        assert_eq!(swiss.birth_date.as_deref(), Some("1980-01-26"));
        assert_eq!(swiss.optional, "D 305142128097");
    }

    #[test]
    fn the_key_of_the_chip() {
        let key = |format, lines: &[&str]| Document::of(format, lines).mrz_key;
        // Doc 9303-11, appendix D.2: a card with a number of nine characters and one with more.
        let short = ["I<UTOL898902C<3<<<<<<<<<<<<<<<", "6908061F9406236UTO<<<<<<<<<<<<", ""];
        assert_eq!(key(Format::TD1, &short).as_deref(), Some("L898902C<369080619406236"));
        let long = ["I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", ""];
        assert_eq!(key(Format::TD1, &long).as_deref(), Some("D23145890734934071279507122"));
        let passport = ["", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];
        assert_eq!(key(Format::TD3, &passport).as_deref(), Some("L898902C3674081221204159"));
        for place in [9, 19, 27] {
            let mut wrong = passport[1].to_owned();
            wrong.replace_range(place..=place, "0");
            assert_eq!(key(Format::TD3, &["", &wrong]), None, "{wrong}");
        }
        let visa = ["", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"];
        assert_eq!(key(Format::MRVA, &visa), None);
        assert_eq!(key(Format::TD3, &["", "L898902C36UTO7408122F1204"]), None);
    }

    #[test]
    fn names_that_fill_their_field_may_be_truncated() {
        let may = |format, lines: &[&str]| Document::of(format, lines).names_may_be_truncated;
        // Doc 9303-4, 4.2.3: a filler in the last place says that the names are whole.
        assert!(may(Format::TD3, &["P<UTONILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", ""]));
        assert!(!may(Format::TD3, &["P<UTONILAVADHANANANDA<<ARNPOL<PETCH<CHARONG<", ""]));
        let french = |names: &str| [format!("IDFRA{names}923255"), "8806923102858".into()];
        let [whole, cut] =
            [french("BERTHIER<<<<<<<<<<<<<<<<<"), french("BERTHIERBERTHIERBERTHIERB")];
        assert!(!may(Format::FRA36, &[&whole[0], "8806923102858CORINNE<<<<<<<6512068F2"]));
        assert!(may(Format::FRA36, &[&cut[0], "8806923102858CORINNE<<<<<<<6512068F2"]));
        assert!(may(Format::FRA36, &[&whole[0], "8806923102858CORINNECORINNE6512068F2"]));
        assert!(!may(Format::TD3, &[]));
    }

    #[test]
    fn partial_births_keep_what_is_known() {
        let born = |date: &str| {
            let second = format!("L123456781UTO{date}1M3207165<<<<<<<<<<<<<<04");
            let lines = ["P<UTOUNKNOWN<<BORN<<<<<<<<<<<<<<<<<<<<<<<<<<", &second];
            let document = Document::of(Format::TD3, &lines);
            (document.birth_date, document.birth_date_partial)
        };
        assert_eq!(born("85<<<<"), (None, Some("1985".into())));
        assert_eq!(born("7210<<"), (None, Some("1972-10".into())));
        assert_eq!(born("1510<<"), (None, Some("2015-10".into())));
        assert_eq!(born("721014"), (Some("1972-10-14".into()), None));
        for date in ["<<<<<<", "<<1014", "85<<14", "8513<<", "7210<4", "880941"] {
            assert_eq!(born(date), (None, None), "{date}");
        }
    }

    #[test]
    fn cards_without_end_do_not_expire_in_1999() {
        let spanish = |expiry: &str| {
            let second = format!("4001016F{expiry}8ESP<<<<<<<<<<<7");
            let lines =
                ["IDESPBAA000589599999999R<<<<<<", &second, "MUESTRA<MUESTRA<<CARMEN<<<<<<<"];
            Document::of(Format::TD1, &lines)
        };
        let document = spanish("990101");
        assert_eq!(document.expiry_date, None);
        assert_eq!(document.birth_date.as_deref(), Some("1940-01-01"));
        assert_eq!(spanish("320101").expiry_date.as_deref(), Some("2032-01-01"));
    }

    #[test]
    fn a_birth_without_a_date_of_the_document_is_not_in_the_future() {
        let lines = [
            "P<UTOSAMPLE<<EUGEN<<<<<<<<<<<<<<<<<<<<<<<<<<",
            "1104000008UTO2809126M<<<<<<<4041217292001<10",
        ];
        let document = Document::of(Format::TD3, &lines);
        assert_eq!(document.birth_date.as_deref(), Some("1928-09-12"));
    }

    #[test]
    fn a_name_without_given_names_and_lines_that_are_missing() {
        let document = Document::of(Format::TD3, &["P<UTOARKFREITH<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<"]);
        assert_eq!((document.surname.as_str(), document.given_names.as_str()), ("ARKFREITH", ""));
        assert_eq!(document.document_number, "");
        assert_eq!(document.sex, None);
    }
}
