//! `native-bench network --model`: the command as people call it.

use std::process::{Command, Output};

fn network(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_native-bench"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .arg("network")
        .args(arguments)
        .output()
        .expect("the program runs")
}

const MODEL: &str = "testdata/golden/graphs/exported.safetensors";

#[test]
fn a_file_is_timed_beside_its_twins() {
    let output = network(&["--model", MODEL, "--input", "16", "16", "--repeats", "1", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = report["rows"].as_array().expect("a list of rows");
    let precisions: Vec<&str> = rows
        .iter()
        .filter(|row| row["op"] == "exported total")
        .map(|row| row["precision"].as_str().expect("a name"))
        .collect();
    assert_eq!(precisions, ["f32", "u8", "u4"]);
    let kernel = |op: &str| {
        let row = rows.iter().find(|row| row["op"] == op && row["precision"] == "u4");
        row.unwrap_or_else(|| panic!("no row {op}"))["kernel"].as_str().expect("a name").to_owned()
    };
    assert_eq!(kernel("exported depthwise.0"), "depthwise_16");
    assert_eq!(kernel("exported cat"), "");
    // With AVX-VNNI one kernel serves both numbers of bits.
    assert!(kernel("exported stem.0").contains("u8i8"), "8 bits");
    assert!(!kernel("exported project.0").is_empty(), "4 bits");
}

#[test]
fn files_and_sizes_that_do_not_suit_are_errors() {
    let failed = |arguments: &[&str], part: &str| {
        let output = network(arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(part), "{error}");
    };
    failed(&["--model", "nothing.safetensors"], "nothing.safetensors");
    failed(&["--model", "README.md"], "README.md");
    failed(&["--model", MODEL, "--input", "9", "16"], "cat");
    failed(&["--model", MODEL, "--input", "0", "16"], "image");
    failed(&["--model", MODEL, "--input", "16"], "--input");
    failed(&["--model", MODEL, "--width", "16"], "--width");
}
