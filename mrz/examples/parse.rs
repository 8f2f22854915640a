//! Prints the fields of a zone and the verdicts on its check digits.
//!
//! The lines are the arguments; without arguments they come from standard input.
//!
//! ```sh
//! cargo run -p nibble-mrz --example parse -- LINE LINE [LINE]
//! ```
//!
//! Exit code: 0 if every check digit agrees, 1 if not, 2 if the text is no zone.

use std::io::Read;
use std::process::ExitCode;

use nibble_mrz::{Zone, parse, parse_lines};

/// The fields of `zone` and the verdict on each check digit, a line for each.
pub(crate) fn report(zone: &Zone) -> String {
    let document = zone.document();
    let missing = || String::from("-");
    let rows = [
        ("format", zone.format().to_string()),
        ("document code", zone.document_code().to_owned()),
        ("issuer", document.issuer),
        ("surname", document.surname),
        ("given names", document.given_names),
        ("document number", document.document_number),
        ("nationality", document.nationality),
        ("birth date", document.birth_date.unwrap_or_else(missing)),
        ("date of expiry", document.expiry_date.unwrap_or_else(missing)),
        ("sex", document.sex.map_or_else(missing, |sex| sex.to_string())),
        ("optional data", document.optional),
    ];
    let mut report = String::new();
    for (name, value) in rows {
        report += &format!("{name:<16} {value}\n");
    }
    for check in zone.checks() {
        let verdict = if check.ok { "agrees" } else { "does not agree" };
        report += &format!("check digit      {}: {verdict}\n", check.field);
    }
    report
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let zone = if arguments.is_empty() {
        let mut text = Vec::new();
        if let Err(error) = std::io::stdin().read_to_end(&mut text) {
            eprintln!("standard input: {error}");
            return ExitCode::from(2);
        }
        parse(text)
    } else {
        parse_lines(arguments)
    };
    match zone {
        Ok(zone) => {
            print!("{}", report(&zone));
            ExitCode::from(u8::from(!zone.checks_agree()))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
