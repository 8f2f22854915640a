//! Random documents of all formats.

use nibble_mrz::{Document, Format, Sex, Vehicle};

use crate::support::Random;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

fn word(random: &mut Random, characters: &[u8], length: usize) -> String {
    (0..length).map(|_| char::from(*random.one_of(characters))).collect()
}

/// Words with spaces between them, `max` characters at most.
fn words(random: &mut Random, characters: &[u8], max: usize) -> String {
    let mut text = String::new();
    loop {
        let space = usize::from(!text.is_empty());
        let length = random.between(1, 12);
        if text.len() + space + length > max || random.once_in(5) {
            return text;
        }
        text.push_str(&" "[..space]);
        text.push_str(&word(random, characters, length));
    }
}

fn date(random: &mut Random, years: (usize, usize)) -> String {
    let (year, month) = (random.between(years.0, years.1), random.between(1, 12));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    format!("{year}-{month:02}-{:02}", random.between(1, days))
}

/// A driving licence.
fn licence(random: &mut Random, format: Format) -> (String, Document) {
    let mut document = Document::empty(format);
    let length = random.between(1, 6);
    document.document_number = word(random, LETTERS_AND_DIGITS, length);
    let (code, issuer) = match format {
        Format::D1FRA => {
            document.surname = word(random, LETTERS, 8);
            document.expiry_date = Some(date(random, (2013, 2069)));
            ("D1", "FRA")
        }
        Format::D1NLD => {
            document.optional = format!("1 {}", word(random, LETTERS_AND_DIGITS, 13));
            ("D1", "NLD")
        }
        _ => {
            document.surname = word(random, LETTERS, 12);
            document.given_names = words(random, LETTERS, 16);
            document.birth_date = Some(date(random, (1926, 2025)));
            document.optional = format!("D {}", word(random, b"0123456789", 12));
            ("FA", "CHE")
        }
    };
    document.issuer = issuer.into();
    (code.into(), document)
}

/// A registration certificate.
fn certificate(random: &mut Random) -> (String, Document) {
    let mut document = Document::empty(Format::CRFRA);
    document.issuer = "FRA".into();
    let year = random.between(2009, 2069);
    document.document_number = format!("{year}{}", word(random, LETTERS_AND_DIGITS, 7));
    let unknown = random.once_in(20);
    document.vehicle = Some(Vehicle {
        registration_number: word(random, LETTERS_AND_DIGITS, 7),
        identification_number: word(random, LETTERS_AND_DIGITS, 17),
        first_registration: (!unknown).then(|| date(random, (year - 99, year))),
        category: word(random, LETTERS, 4),
        body: words(random, LETTERS_AND_DIGITS, 4),
        make: words(random, LETTERS, 14),
        model: words(random, LETTERS_AND_DIGITS, 13),
    });
    ("CR".into(), document)
}

/// What `random` makes a document of: the names may be longer than their field.
pub(crate) fn document(
    random: &mut Random,
    format: Format,
    long_names: bool,
) -> (String, Document) {
    let french = format == Format::FRA36;
    let mut document = Document::empty(format);
    let code = match format {
        Format::TD1 | Format::TD2 => {
            *random.one_of(&["I", "ID", "A", "AR", "C", "IP", "RP", "TR", "DL"])
        }
        Format::TD3 => *random.one_of(&["P", "PP", "PM", "PD"]),
        Format::MRVA | Format::MRVB => *random.one_of(&["V", "VN", "VC"]),
        Format::FRA36 => "ID",
        Format::D1FRA | Format::D1NLD | Format::FACHE => return licence(random, format),
        Format::CRFRA => return certificate(random),
    };
    document.issuer = if french {
        "FRA".into()
    } else {
        (*random.one_of(&["UTO", "D", "GBR", "XXA", "FR"])).into()
    };
    document.nationality =
        if french { "FRA".into() } else { (*random.one_of(&["UTO", "D", "GBR", "XXB"])).into() };

    let room = format.layout().span(nibble_mrz::FieldKind::Names).map_or(25, |span| span.len);
    let most = if long_names { 70 } else { room };
    let length = if long_names { random.between(1, 60) } else { random.between(1, 12) };
    document.surname = word(random, LETTERS, length);
    if random.once_in(2) && length + 4 < most {
        let more = words(random, LETTERS, most - length - 1);
        if !more.is_empty() {
            document.surname = format!("{} {more}", document.surname);
        }
    }
    let rest = match format {
        Format::FRA36 => 14,
        _ if long_names => 60,
        _ => room.saturating_sub(document.surname.len() + 2),
    };
    document.given_names = words(random, LETTERS, rest);
    if french && !long_names {
        // One name: the card prints two fillers between two, which take more room.
        document.given_names = word(random, LETTERS, 9);
    }

    let longest_number = match format {
        Format::TD1 => 22,
        Format::TD2 => 14,
        _ => 9,
    };
    let number_length = random.between(1, longest_number);
    document.document_number = word(random, LETTERS_AND_DIGITS, number_length);
    let expiry = date(random, (1970, 2069));
    let mut dated = expiry[..4].parse::<usize>().expect("a year");
    if french {
        dated = random.between(1988, 2013);
        let issue = format!("{:02}{:02}", dated % 100, random.between(1, 12));
        document.document_number = format!("{issue}{}", word(random, LETTERS_AND_DIGITS, 8));
    } else if random.once_in(20) {
        dated = 2025;
    } else {
        document.expiry_date = Some(expiry);
    }
    if random.once_in(10) {
        let born = date(random, ((dated - 99).max(1900), dated - 1));
        document.birth_date_partial = Some(born[..if random.once_in(2) { 4 } else { 7 }].into());
    } else if !random.once_in(20) {
        document.birth_date = Some(date(random, ((dated - 99).max(1900), dated - 1)));
    }
    document.sex = Some(*random.one_of(&[Sex::F, Sex::M, Sex::X]));
    let optional_room = match format {
        // Behind the rest of a long number, its digit and a filler. One field is enough here.
        Format::TD1 if number_length > 9 => 22 - number_length,
        Format::TD2 if number_length > 9 => 14 - number_length,
        Format::TD1 => 15,
        Format::TD2 => 7,
        Format::TD3 => 14,
        Format::MRVA => 16,
        Format::MRVB => 8,
        _ => 6,
    };
    document.optional = words(random, LETTERS_AND_DIGITS, optional_room);
    (code.into(), document)
}
