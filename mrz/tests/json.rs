//! The names in the JSON are a contract with other programs (`docs/json.md`).

#![cfg(feature = "serde")]

use nibble_mrz::{Document, Format, parse, verify};

#[test]
fn documents_and_verdicts_have_their_names() {
    let zone = parse(
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n\
         L898902C36UTO7408122F1204159ZE184226B<<<<<11",
    )
    .expect("a zone");
    assert_eq!(
        serde_json::to_string(&zone.document()).expect("JSON"),
        "{\"format\":\"TD3\",\"issuer\":\"UTO\",\"surname\":\"ERIKSSON\",\"given_names\":\"ANNA MARIA\",\
         \"document_number\":\"L898902C3\",\"nationality\":\"UTO\",\"birth_date\":\"1974-08-12\",\
         \"expiry_date\":\"2012-04-15\",\"sex\":\"F\",\"optional\":\"ZE184226B\",\
         \"mrz_key\":\"L898902C3674081221204159\"}"
    );
    assert_eq!(
        serde_json::to_string(&zone.checks()).expect("JSON"),
        "[{\"field\":\"document_number\",\"ok\":true},{\"field\":\"birth_date\",\"ok\":true},\
         {\"field\":\"expiry_date\",\"ok\":true},{\"field\":\"optional\",\"ok\":true},\
         {\"field\":\"composite\",\"ok\":false}]"
    );
}

#[test]
fn what_is_missing_is_null() {
    let nothing: [&str; 0] = [];
    for format in Format::ALL {
        let json = serde_json::to_value(Document::of(format, &nothing)).expect("JSON");
        assert_eq!(json["format"], format.to_string());
        assert_eq!(json["surname"], "");
        // These are absent rather than null.
        for key in ["birth_date_partial", "mrz_key", "names_may_be_truncated"] {
            assert!(json.get(key).is_none(), "{key}");
        }
        assert_eq!(json.get("vehicle").is_some(), format == Format::CRFRA);
        for key in ["birth_date", "expiry_date", "sex"] {
            assert!(json[key].is_null(), "{key}");
        }
        assert!(verify(format, &nothing).iter().all(|check| !check.ok));
    }
}

#[test]
fn a_vehicle_has_its_names() {
    let zone = parse(
        "CRFRAAB123CD0VFSIV2009ASIV200929801059VP<<<<\n\
         CI<<MARQUES<<<<<<<MODELE<<<<<<<2009AS0528402",
    )
    .expect("a zone");
    assert_eq!(
        serde_json::to_value(zone.document()).expect("JSON")["vehicle"].to_string(),
        "{\"body\":\"CI\",\"category\":\"VP\",\"first_registration\":\"1998-01-05\",\
         \"identification_number\":\"VFSIV2009ASIV2009\",\"make\":\"MARQUES\",\
         \"model\":\"MODELE\",\"registration_number\":\"AB123CD\"}"
    );
    assert_eq!(
        serde_json::to_value(zone.checks()).expect("JSON").to_string(),
        "[{\"field\":\"registration_number\",\"ok\":true},\
         {\"field\":\"vehicle_number\",\"ok\":true},\
         {\"field\":\"first_registration\",\"ok\":true},\
         {\"field\":\"document_number\",\"ok\":true},{\"field\":\"composite\",\"ok\":true}]"
    );
}
