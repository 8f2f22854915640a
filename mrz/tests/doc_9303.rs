//! The specimens and the names that Doc 9303 prints, parsed and written again.

use nibble_mrz::{Document, Format, Sex, WriteError, parse, write};

/// The specimens of the named parts of Doc 9303.
const SPECIMENS: [&str; 5] = [
    // Part 5, appendix B.
    "I<UTOD231458907<<<<<<<<<<<<<<<\n\
     7408122F1204159UTO<<<<<<<<<<<6\n\
     ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
    // Part 3, appendix A, with its long document number.
    "I<UTOD23145890<7349<<<<<<<<<<<\n\
     3407127M9507122UTO<<<<<<<<<<<2\n\
     STEVENSON<<PETER<JOHN<<<<<<<<<",
    // Part 6, appendix B.
    "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
    // Part 4, appendix B.
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
    // Part 7, appendix B.
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<",
];

#[test]
fn specimens_are_written_as_they_are_printed() {
    for specimen in SPECIMENS {
        let zone = parse(specimen).expect("a zone");
        assert!(zone.checks_agree(), "{specimen}");
        let written = write(zone.document_code(), &zone.document()).expect("fits");
        assert_eq!(written.zone.to_string(), specimen);
        assert!(!written.names_truncated);
    }
}

/// The document of the specimens, without names.
fn utopian(format: Format) -> Document {
    let mut document = Document::empty(format);
    document.issuer = "UTO".into();
    document.document_number = "L898902C3".into();
    document.nationality = "UTO".into();
    document.birth_date = Some("1974-08-12".into());
    document.expiry_date = Some("2012-04-15".into());
    document.sex = Some(Sex::F);
    document
}

/// The line of a zone that holds the names, from the start of the names on.
fn names(format: Format, surname: &str, given: &str) -> String {
    let code = match format {
        Format::TD3 => "P",
        Format::MRVA | Format::MRVB => "V",
        _ => "I",
    };
    let mut document = utopian(format);
    document.surname = surname.into();
    document.given_names = given.into();
    let zone = write(code, &document).expect("fits").zone;
    assert!(zone.checks_agree());
    if format == Format::TD1 { zone.lines()[2].clone() } else { zone.lines()[0][5..].to_owned() }
}

#[test]
fn names_are_written_as_part_3_and_part_4_print_them() {
    // Part 4, section 4.2.3.1; the same names are in parts 5 to 7.
    for (surname, given, printed) in [
        ("ERIKSSON", "ANNA MARIA", "ERIKSSON<<ANNA<MARIA"),
        ("HENG", "DEBORAH MING LO", "HENG<<DEBORAH<MING<LO"),
        ("SMITH-JONES", "SUSIE MARGARET", "SMITH<JONES<<SUSIE<MARGARET"),
        ("O'CONNOR", "ENYA SIOBHAN", "OCONNOR<<ENYA<SIOBHAN"),
        ("O’Connor", "Enya  Siobhan ", "OCONNOR<<ENYA<SIOBHAN"),
        ("VAN DER MUELLEN", "MARTIN", "VAN<DER<MUELLEN<<MARTIN"),
        ("AL-BASRI", "HUDA MUHAMMAD JAWAD", "AL<BASRI<<HUDA<MUHAMMAD<JAWAD"),
        ("ARKFREITH", "", "ARKFREITH"),
        ("SATRIYA SUDARPA", "", "SATRIYA<SUDARPA"),
        // Part 3, section 4.6.
        ("D'ARTAGNAN", "MARIE-ELISE", "DARTAGNAN<<MARIE<ELISE"),
        ("ERIKSSON", "ANNA, MARIA", "ERIKSSON<<ANNA<MARIA"),
    ] {
        for format in [Format::TD1, Format::TD2, Format::TD3, Format::MRVA, Format::MRVB] {
            let names = names(format, surname, given);
            assert_eq!(names.trim_end_matches('<'), printed, "{format}");
        }
    }
}

#[test]
fn names_are_truncated_by_the_first_method_of_each_part() {
    // Sections 4.2.3 of parts 4 to 6 and 4.2.3 of part 7, "truncated to initials".
    let thai = ("NILAVADHANANANDA", "CHAYAPA DEJTHAMRONG KRASUANG");
    let australian = ("BENNELONG WOOLOOMOOLOO WARRANDYTE WARNAMBOOL", "DINGO POTOROO");
    for (format, first, second) in [
        (Format::TD1, "NILAVADHANANANDA<<CHAYAPA<DE<K", "BENNELONG<WOOLOOMOOLOO<W<W<<DI"),
        (Format::TD2, "NILAVADHANANANDA<<CHAYAPA<DEJ<K", "BENNELONG<WOOLOOMOOLOO<W<W<<D<P"),
        (
            Format::TD3,
            "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K",
            "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI",
        ),
        (
            Format::MRVA,
            "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K",
            "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI",
        ),
    ] {
        assert_eq!(names(format, thai.0, thai.1), first);
        assert_eq!(names(format, australian.0, australian.1), second);
    }
    let mut document = utopian(Format::TD1);
    (document.surname, document.given_names) = (thai.0.into(), thai.1.into());
    assert!(write("I", &document).expect("fits").names_truncated);
}

#[test]
fn the_french_card_is_written_as_it_is_printed() {
    let card = "IDFRABERTHIER<<<<<<<<<<<<<<<<<923255\n8806923102858CORINNE<<<<<<<6512068F2";
    let zone = parse(card).expect("a card");
    assert_eq!(write("ID", &zone.document()).expect("fits").zone, zone);

    // Two fillers between given names, one within; what does not fit is cut.
    let mut document = zone.document();
    document.given_names = "Jean-Paul Marie Andre".into();
    let written = write("ID", &document).expect("fits");
    assert_eq!(&written.zone.lines()[1][13..27], "JEAN<PAUL<<MAR");
    assert!(written.names_truncated && written.zone.checks_agree());
}

#[test]
fn long_numbers_go_on_in_the_optional_data() {
    let mut document = utopian(Format::TD1);
    document.surname = "ERIKSSON".into();
    for (format, longest) in [(Format::TD1, 22), (Format::TD2, 14)] {
        document.format = format;
        for length in 1..=longest {
            document.document_number = "A1B2C3D4E5F6G7H8I9J0K1L2"[..length].into();
            let zone = write("I", &document).expect("fits").zone;
            assert!(zone.checks_agree(), "{zone}");
            assert_eq!(zone.document().document_number, document.document_number);
            assert_eq!(zone.document().optional, "");
        }
        document.document_number = "A1B2C3D4E5F6G7H8I9J0K1L2"[..=longest].into();
        let error = write("I", &document).expect_err("too long");
        assert_eq!(error.to_string(), format!("document number: longer than {longest} characters"));
    }
}

#[test]
fn what_cannot_be_written_is_a_typed_error() {
    let mut good = utopian(Format::TD3);
    good.surname = "ERIKSSON".into();
    good.given_names = "ANNA".into();
    assert!(write("P", &good).is_ok());
    let error = |code: &str, change: &dyn Fn(&mut Document)| {
        let mut document = good.clone();
        change(&mut document);
        write(code, &document).expect_err("cannot be written").to_string()
    };
    for (message, code, change) in [
        (
            "surname: 'É' cannot stand there",
            "P",
            (|d| d.surname = "CORRÉA".into()) as fn(&mut Document),
        ),
        ("surname: '<' cannot stand there", "P", |d| d.surname = "VAN<DER".into()),
        ("given names: '2' cannot stand there", "P", |d| d.given_names = "ANNA 2".into()),
        ("document number: '/' cannot stand there", "P", |d| d.document_number = "12/3".into()),
        ("optional data: 'ß' cannot stand there", "P", |d| d.optional = "ß".into()),
        ("issuer: '1' cannot stand there", "P", |d| d.issuer = "UT1".into()),
        ("surname: missing", "P", |d| d.surname = " '".into()),
        ("document number: missing", "P", |d| d.document_number = "-".into()),
        ("nationality: missing", "P", |d| d.nationality.clear()),
        ("sex: missing", "P", |d| d.sex = None),
        ("document code: missing", "", |_| {}),
        ("document code: longer than 2 characters", "PAS", |_| {}),
        ("document number: longer than 9 characters", "P", |d| {
            d.document_number = "L898902C33".into()
        }),
        ("nationality: longer than 3 characters", "P", |d| d.nationality = "UTOP".into()),
        ("optional data: longer than 14 characters", "P", |d| {
            d.optional = "123456789012345".into()
        }),
        ("birth date: no calendar date in the form YYYY-MM-DD", "P", |d| {
            d.birth_date = Some("1974-02-29".into());
        }),
        ("date of expiry: no calendar date in the form YYYY-MM-DD", "P", |d| {
            d.expiry_date = Some("15.04.2012".into());
        }),
        ("TD3 cannot open with I<UTO, only with P", "I", |_| {}),
        ("TD2 cannot open with V<UTO, which is of another format", "V", |d| d.format = Format::TD2),
        ("TD2 cannot open with IDFRA, which is of another format", "ID", |d| {
            d.format = Format::TD2;
            d.issuer = "FRA".into();
        }),
        ("FRA36 cannot open with IDUTO, only with IDFRA", "ID", |d| d.format = Format::FRA36),
        ("D1FRA cannot open with D1UTO, only with D1FRA", "D1", |d| d.format = Format::D1FRA),
        ("sex: D1NLD has no place for it", "D1", |d| {
            (d.format, d.issuer, d.nationality) = (Format::D1NLD, "NLD".into(), String::new());
            (d.surname, d.given_names, d.birth_date) = (String::new(), String::new(), None);
            d.expiry_date = None;
        }),
        ("surname: D1NLD has no place for it", "D1", |d| {
            (d.format, d.issuer, d.nationality) = (Format::D1NLD, "NLD".into(), String::new());
        }),
        ("nationality: FRA36 has no place for it", "ID", |d| {
            (d.format, d.issuer) = (Format::FRA36, "FRA".into());
        }),
        ("date of expiry: FRA36 has no place for it", "ID", |d| {
            (d.format, d.issuer, d.nationality) = (Format::FRA36, "FRA".into(), String::new());
        }),
        ("CRFRA cannot open with CRUTO, only with CRFRA", "CR", |d| d.format = Format::CRFRA),
        ("registration number: missing", "CR", |d| {
            *d = Document::empty(Format::CRFRA);
            (d.issuer, d.document_number) = ("FRA".into(), "2009AS05284".into());
        }),
        ("registration number: TD3 has no place for it", "P", |d| {
            d.vehicle = Some(nibble_mrz::Vehicle::default());
        }),
        ("document number: ' ' cannot stand there", "I", |d| {
            (d.format, d.document_number) = (Format::TD1, "D23145890 734".into());
        }),
    ] {
        assert_eq!(error(code, &change), message);
    }
    let mut document = good.clone();
    document.surname = "CORRÉA".into();
    let field = nibble_mrz::FieldKind::Surname;
    assert_eq!(write("P", &document), Err(WriteError::Character { field, found: 'É' }));
}

#[test]
fn unknown_dates_and_unspecified_sex_are_fillers() {
    let mut document = utopian(Format::TD2);
    document.surname = "ERIKSSON".into();
    (document.birth_date, document.expiry_date, document.sex) = (None, None, Some(Sex::X));
    let zone = write("I", &document).expect("fits").zone;
    assert_eq!(&zone.lines()[1][13..28], "<<<<<<0<<<<<<<0");
    assert!(zone.checks_agree());
    document.mrz_key = Some("L898902C36<<<<<<0<<<<<<0".into());
    assert_eq!(zone.document(), document);
}

#[test]
fn optional_data_of_a_card_fill_the_first_field_and_then_the_second() {
    let mut document = utopian(Format::TD1);
    document.surname = "ERIKSSON".into();
    document.optional = "AB CD 1234567890".into();
    let zone = write("I", &document).expect("fits").zone;
    assert_eq!(&zone.lines()[0][15..], "AB<CD<<<<<<<<<<");
    assert_eq!(&zone.lines()[1][18..29], "1234567890<");
    assert_eq!(zone.document().optional, document.optional);
    // A word stays whole: it would be read as two.
    document.optional = "AB CD 123456789012".into();
    let error = WriteError::TooLong { field: nibble_mrz::FieldKind::Optional, max: 26 };
    assert_eq!(write("I", &document), Err(error));
}
