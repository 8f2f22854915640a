//! The command line: bundled specimens, bad input, exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs the binary; under an emulator the runner of the target is used.
fn bench(arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_native-bench");
    let mut command = match option_env!("NIBBLE_TEST_RUNNER") {
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(binary);
            command
        }
        None => Command::new(binary),
    };
    command.args(arguments).output().expect("the binary runs")
}

fn array(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).expect("a JSON array")
}

/// Rows of the specimens' index: file, document, lines.
fn specimens() -> Vec<(String, String, Vec<String>)> {
    let text =
        std::fs::read_to_string(root().join("testdata/specimens/index.csv")).expect("the index is committed");
    text.lines()
        .skip(1)
        .map(|row| {
            let mut columns = row.split(',').map(str::to_owned);
            let (file, document) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
            let zone = columns.nth(1).unwrap_or_default();
            let lines = zone.split('|').filter(|line| !line.is_empty()).map(str::to_owned).collect();
            (file, document, lines)
        })
        .collect()
}

#[test]
fn specimens_are_read_exactly_in_every_precision() {
    let specimens = specimens();
    assert!(specimens.len() >= 8);
    let paths: Vec<String> = specimens
        .iter()
        .map(|row| root().join("testdata/specimens").join(&row.0).display().to_string())
        .collect();
    for precision in ["u4", "u8", "f32"] {
        let mut arguments = vec!["read", "--json", "--precision", precision];
        arguments.extend(paths.iter().map(String::as_str));
        let output = bench(&arguments);
        assert_eq!(output.status.code(), Some(0));
        let readings = array(&output);
        assert_eq!(readings.len(), specimens.len());
        for ((file, document, lines), reading) in specimens.iter().zip(&readings) {
            let found: Vec<&str> =
                reading["lines"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
            assert_eq!(&found, lines, "{file} at {precision}");
            let wrong_digit = file.contains("wrong-check");
            assert_eq!(
                reading["valid"].as_bool(),
                Some(document != "NONE" && !wrong_digit),
                "{file} at {precision}"
            );
            if document != "NONE" {
                assert_eq!(reading["document"]["format"].as_str(), Some(document.as_str()));
                assert_eq!(reading["digest"].is_null(), precision == "f32");
            }
            assert!(reading["error"].is_null());
        }
    }
}

#[test]
fn what_is_no_picture_is_reported_and_the_rest_is_read() {
    let manifest = root().join("Cargo.toml").display().to_string();
    let picture = root().join("testdata/specimens/passport.jpg").display().to_string();
    let output = bench(&["read", "--json", "--jobs", "2", &manifest, "no-such-file.jpg", &picture]);
    assert_eq!(output.status.code(), Some(2));
    let readings = array(&output);
    let codes: Vec<_> = readings.iter().map(|reading| reading["error"]["code"].as_str()).collect();
    assert_eq!(codes, [Some("NotAPicture"), Some("Unreadable"), None]);
    assert_eq!(readings[0]["lines"], Value::Array(Vec::new()));
    assert_eq!(readings[0]["valid"], Value::Bool(false));
    assert_eq!(readings[2]["schema"], 1);
    for key in ["decode", "locate", "network", "total"] {
        assert!(readings[2]["ms"][key].is_number(), "{key}");
    }
}

#[test]
fn without_files_there_is_help() {
    assert_eq!(bench(&["read"]).status.code(), Some(2));
    assert!(bench(&["--help"]).status.success());
}

#[test]
fn every_kernel_verifies() {
    let output = bench(&["verify"]);
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.lines().count() >= 3 && text.lines().all(|line| line.starts_with("equal")), "{text}");
}

#[test]
fn kernels_that_nobody_has_are_an_error() {
    let output = bench(&["gemm", "--isa", "AVX2", "--m", "8", "--n", "8", "--k", "8"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("AVX2"));
}

/// Real pictures, where they are at hand: no fewer exact readings than when this was written, less what noise of a retraining may cost.
#[test]
fn real_pictures_are_read_as_well_as_before() {
    let folder = root().join("../shared/data/images");
    let Ok(index) = std::fs::read_to_string(folder.join("index.csv")) else {
        eprintln!("not present, skipped: ../shared/data/images");
        return;
    };
    // file,doc,kind,width,height,mrz,...: no field before the lines holds a comma.
    let rows: Vec<Vec<&str>> = index.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let paths: Vec<String> = rows.iter().map(|row| folder.join(row[0]).display().to_string()).collect();
    let mut arguments = vec!["read", "--json"];
    arguments.extend(paths.iter().map(String::as_str));
    let readings = array(&bench(&arguments));
    let (mut exact, mut flat) = (0, 0);
    for (row, reading) in rows.iter().zip(&readings) {
        let found: Vec<&str> =
            reading["lines"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
        let wanted: Vec<&str> = if row[1] == "NONE" { Vec::new() } else { row[5].split('|').collect() };
        assert!(found == wanted || reading["valid"] == false, "{} is wrong and said to be valid", row[0]);
        if row[1] != "NONE" && ["scan", "render"].contains(&row[2]) {
            flat += 1;
            exact += usize::from(found == wanted);
        }
    }
    assert_eq!(flat, 72);
    assert!(exact >= 68, "{exact} of {flat} flat pictures are read exactly");
}
