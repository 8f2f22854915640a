//! Zones that a person types or mends: text in, fields and verdicts out.

use nibble_mrz::{Check, Document, ParseError, parse};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::error::thrown;

/// A zone, its fields and its check digits.
#[derive(Serialize)]
struct Parsed<'a> {
    lines: &'a [String],
    document: Document,
    checks: Vec<Check>,
}

/// What is wrong with a text. The error's own words would bring tables of Unicode into the module.
fn reason(error: &ParseError) -> String {
    match error {
        ParseError::LineCount { found } => format!("a zone has 1 to 3 lines, not {found}"),
        ParseError::Character { line, position, .. } => {
            format!("line {}, character {}: not A to Z, 0 to 9 or <", line + 1, position + 1)
        }
        _ => "no format has lines of these lengths".to_owned(),
    }
}

/// Parses the lines of a zone and returns lines, fields and verdicts as JSON.
///
/// # Errors
/// An `Error` with `code` `InvalidArgument` that says what is wrong with the text, and where.
#[wasm_bindgen]
pub fn parse_text(text: &str) -> Result<String, JsValue> {
    let zone = parse(text).map_err(|error| thrown("InvalidArgument", &reason(&error)))?;
    let parsed = Parsed { lines: zone.lines(), document: zone.document(), checks: zone.checks() };
    serde_json::to_string(&parsed).map_err(|error| thrown("Internal", &error))
}
