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
        for key in ["birth_date", "expiry_date", "sex"] {
            assert!(json[key].is_null(), "{key}");
        }
        assert!(verify(format, &nothing).iter().all(|check| !check.ok));
    }
}
