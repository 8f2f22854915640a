//! The example `parse` prints what its documentation says.

#[allow(dead_code, reason = "`main` reads arguments; its parts are tested")]
#[path = "../examples/parse.rs"]
mod parse;

#[test]
fn fields_and_verdicts_are_printed() {
    let zone = nibble_mrz::parse(
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n\
         L898902C36UTO7408122F1204159ZE184226B<<<<<11",
    );
    let expected = "\
format           TD3
document code    P
issuer           UTO
surname          ERIKSSON
given names      ANNA MARIA
document number  L898902C3
nationality      UTO
birth date       1974-08-12
date of expiry   2012-04-15
sex              F
optional data    ZE184226B
check digit      document number: agrees
check digit      birth date: agrees
check digit      date of expiry: agrees
check digit      optional data: agrees
check digit      composite: does not agree
";
    assert_eq!(parse::report(&zone.expect("a zone")), expected);
}
