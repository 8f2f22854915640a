//! The command line: bundled specimens, bad input, exit codes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
    let text = std::fs::read_to_string(root().join("testdata/specimens/index.csv"))
        .expect("the index is committed");
    text.lines()
        .skip(1)
        .map(|row| {
            let mut columns = row.split(',').map(str::to_owned);
            let (file, document) =
                (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
            let zone = columns.nth(1).unwrap_or_default();
            let lines =
                zone.split('|').filter(|line| !line.is_empty()).map(str::to_owned).collect();
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
            let found: Vec<&str> = reading["lines"]
                .as_array()
                .expect("lines")
                .iter()
                .filter_map(Value::as_str)
                .collect();
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
fn frames_of_a_film_are_read_together() {
    let files = ["passport.jpg", "id-card-back.jpg", "passport.jpg"].map(specimen);
    let lines = |option: &[&str]| -> Vec<Value> {
        let mut arguments = vec!["read", "--json"];
        arguments.extend(option);
        arguments.extend(files.iter().map(String::as_str));
        array(&bench(&arguments)).iter().map(|reading| reading["lines"].clone()).collect()
    };
    let alone = lines(&[]);
    assert_ne!(alone[0], alone[1]);
    // One frame that shows another document does not end the film.
    assert_eq!(lines(&["--film"]), [alone[0].clone(), alone[0].clone(), alone[0].clone()]);
    assert_eq!(bench(&["read", "--film", "--jobs", "2", &files[0]]).status.code(), Some(2));
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
    let output = bench(&[]);
    assert_eq!(output.status.code(), Some(2));
    let help = String::from_utf8_lossy(&output.stderr);
    assert!(
        help.contains("Examples:") && help.contains("native-bench read passport.jpg"),
        "{help}"
    );
}

/// Runs the binary with `input` on standard input.
fn bench_with(input: &[u8], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_native-bench"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    // A program that does not read its input closes the pipe.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child.wait_with_output().expect("it ends")
}

fn specimen(name: &str) -> String {
    root().join("testdata/specimens").join(name).display().to_string()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn people_get_fields_and_a_verdict() {
    let output = bench(&["read", &specimen("passport.jpg"), &specimen("passport-wrong-check.jpg")]);
    assert_eq!(output.status.code(), Some(0));
    let text = text(&output);
    for expected in [": valid, ", "    surname ", "    number ", ": not verified, ", "do not agree"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_folder_is_walked_and_what_is_no_picture_is_left_out() {
    let folder = std::env::temp_dir().join(format!("nibble-folder-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("inner")).expect("a temporary folder");
    let copy = |from: &str, to: &str| {
        std::fs::copy(specimen(from), folder.join(to)).expect("copied");
    };
    copy("passport.jpg", "b.jpg");
    copy("visa-a.jpg", "inner/a.dat");
    copy("visa-a.jpg", ".hidden.jpg");
    std::fs::write(folder.join("notes.txt"), "no picture").expect("written");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&folder, folder.join("inner/loop")).expect("linked");
    let output = bench(&["read", "--ndjson", &folder.display().to_string()]);
    std::fs::remove_dir_all(&folder).expect("removed");
    let text = text(&output);
    let mut files = Vec::new();
    for line in text.lines() {
        let reading: Value = serde_json::from_str(line).expect("JSON in each line");
        if reading["error"].is_null() {
            assert_eq!(reading["valid"], true, "{line}");
            files.push(reading["file"].as_str().expect("a name").to_owned());
        }
    }
    assert_eq!(files.len(), 2, "{text}");
    assert!(files[0].ends_with("b.jpg") && files[1].ends_with("a.dat"), "{files:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("left out"));
}

#[test]
fn a_picture_and_a_list_come_by_standard_input() {
    let picture = std::fs::read(specimen("passport.jpg")).expect("committed");
    let reading = array(&bench_with(&picture, &["read", "--json", "-"]));
    assert_eq!((reading.len(), &reading[0]["valid"]), (1, &Value::Bool(true)));
    let list = format!("{}\n\n{}\r\n", specimen("visa-a.jpg"), specimen("passport.jpg"));
    let output = bench_with(list.as_bytes(), &["read", "--csv", "--files-from", "-"]);
    let text = text(&output);
    let rows: Vec<&str> = text.split("\r\n").filter(|row| !row.is_empty()).collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(rows[0].starts_with("file,status,format,issuer,surname"));
    assert!(
        rows[1].contains("visa-a.jpg,valid,MRVA,") && rows[2].contains("passport.jpg,valid,TD3,")
    );
    assert_eq!(bench(&["read", "--files-from", "no-such-list"]).status.code(), Some(2));
    assert_eq!(array(&bench_with(b"", &["read", "--json", "-"]))[0]["error"]["code"], "Empty");
}

#[test]
#[cfg(unix)]
fn devices_pipes_and_huge_files_are_refused_at_once() {
    let folder = std::env::temp_dir().join(format!("nibble-special-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let (pipe, sparse) = (folder.join("pipe"), folder.join("sparse"));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let file = std::fs::File::create(&sparse).expect("created");
    file.set_len(1 << 40).expect("a sparse file");
    let [pipe, sparse] = [pipe, sparse].map(|path| path.display().to_string());
    let output = bench(&["read", "--json", &pipe, "/dev/zero", &sparse, &specimen("passport.jpg")]);
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(output.status.code(), Some(2));
    let codes: Vec<_> =
        array(&output).iter().map(|r| r["error"]["code"].as_str().map(str::to_owned)).collect();
    let expected = [Some("Unreadable"), Some("Unreadable"), Some("TooLarge"), None];
    assert_eq!(codes, expected.map(|code| code.map(str::to_owned)));
}

/// Every command that prints.
#[cfg(target_os = "linux")]
const PRINTING: [&[&str]; 9] = [
    &["verify"],
    &["licences"],
    &["gemm", "--m", "8", "--n", "8", "--k", "8"],
    &["gemm", "--m", "8", "--n", "8", "--k", "8", "--json"],
    &["read"],
    &["read", "--json"],
    &["read", "--ndjson"],
    &["read", "--csv"],
    &["network", "--json"],
];

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let picture = specimen("passport.jpg");
    for arguments in PRINTING {
        let command = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_native-bench"));
            let is_read = arguments[0] == "read";
            command.args(arguments).args(is_read.then_some(&picture)).stderr(Stdio::piped());
            command
        };
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = command().stdout(full).output().expect("the binary runs");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains("cannot be written"), "{arguments:?}: {message}");
        let mut child = command().stdout(Stdio::piped()).spawn().expect("the binary runs");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{arguments:?}");
    }
}

/// Runs the binary in a shell with at most so many KB of address space.
#[cfg(target_os = "linux")]
fn bench_within(kilobytes: usize, input: Stdio, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -v {kilobytes} && exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_native-bench")]).args(arguments);
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Address space that reading takes with two workers, most of it reserved and never used.
#[cfg(target_os = "linux")]
const KILOBYTES: usize = 400_000;

#[test]
#[cfg(target_os = "linux")]
fn an_endless_stream_that_is_no_picture_is_refused_at_once() {
    let zero = std::fs::File::open("/dev/zero").expect("Linux has it");
    let output = bench_within(KILOBYTES, zero.into(), &["read", "--json", "--jobs", "2", "-"])
        .output()
        .expect("a shell");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(array(&output)[0]["error"]["code"], "NotAPicture");
}

#[test]
#[cfg(target_os = "linux")]
fn a_hundred_thousand_files_take_no_more_memory_than_a_few() {
    const FILES: usize = 100_000;
    let empty = std::env::temp_dir().join(format!("nibble-empty-{}", std::process::id()));
    std::fs::write(&empty, "").expect("written");
    let arguments = ["read", "--csv", "--jobs", "2", "--files-from", "-"];
    let mut child = bench_within(KILOBYTES, Stdio::piped(), &arguments).spawn().expect("a shell");
    let mut names = child.stdin.take().expect("piped");
    let line = format!("{}\n", empty.display());
    let writer =
        std::thread::spawn(move || (0..FILES).try_for_each(|_| names.write_all(line.as_bytes())));
    let output = child.wait_with_output().expect("it ends");
    assert!(writer.join().expect("no panic").is_ok(), "all names are read");
    std::fs::remove_file(&empty).expect("removed");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let text = text(&output);
    assert_eq!(text.lines().count(), FILES + 1);
    assert!(text.lines().skip(1).all(|row| row.ends_with(",Empty,,,,,,,,,,,,,")), "{:.200}", text);
}

/// A line of the result is there before the next name is given.
#[test]
fn results_are_printed_as_they_come() {
    use std::io::BufRead;
    let mut child = Command::new(env!("CARGO_BIN_EXE_native-bench"))
        .args(["read", "--ndjson", "--files-from", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut names = child.stdin.take().expect("piped");
    let lines = std::io::BufReader::new(child.stdout.take().expect("piped")).lines();
    let (sender, receiver) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        for line in lines {
            sender.send(line.expect("text")).expect("it is received");
        }
    });
    for name in ["passport.jpg", "visa-a.jpg", "index.csv"] {
        writeln!(names, "{}", specimen(name)).expect("it is read");
        // Without an answer, this would wait for ever.
        let line = receiver.recv_timeout(std::time::Duration::from_secs(300)).expect("an answer");
        let reading: Value = serde_json::from_str(&line).expect("JSON");
        assert!(reading["file"].as_str().is_some_and(|file| file.ends_with(name)), "{line}");
    }
    drop(names);
    reading.join().expect("no panic");
    assert_eq!(child.wait().expect("it ends").code(), Some(2), "index.csv is no picture");
}

#[test]
#[cfg(target_os = "linux")]
fn names_may_be_any_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = std::env::temp_dir().join(format!("nibble-names-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let odd = folder.join(OsStr::from_bytes(b"\xff\xfe\n=1+1.jpg"));
    std::fs::copy(specimen("passport.jpg"), &odd).expect("copied");
    for format in ["--json", "--ndjson", "--csv"] {
        let run = |path: &OsStr| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_native-bench"));
            command.arg("read").arg(format).arg(path).output().expect("the binary runs")
        };
        let (named, found) = (run(odd.as_os_str()), run(folder.as_os_str()));
        for output in [&named, &found] {
            assert_eq!(output.status.code(), Some(0), "{format}");
            assert!(text(output).contains("valid"), "{format}: {}", text(output));
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_native-bench")).arg("read").arg(&odd).output();
    let text = text(&output.expect("the binary runs"));
    std::fs::remove_dir_all(&folder).expect("removed");
    let first = text.lines().next().expect("a line");
    assert!(first.contains("=1+1.jpg: valid"), "the line break is no line break: {text}");
}

#[test]
fn a_soak_repeats_its_readings() {
    let (passport, visa) = (specimen("passport.jpg"), specimen("visa-a.jpg"));
    let output = bench(&["soak", "--minutes", "0", "--json", &passport, &visa]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["rounds"], &report["frames"]), (&3.into(), &144.into()));
    assert_eq!((&report["unchanged"], &report["flat"]), (&true.into(), &true.into()));
    let other: Value =
        serde_json::from_slice(&bench(&["soak", "--frames", "73", "--json", &visa]).stdout)
            .expect("JSON");
    assert_eq!((&other["rounds"], &other["frames"]), (&4.into(), &96.into()));
    assert_ne!(report["digest"], other["digest"], "the digest is that of the readings");
    assert_eq!(bench(&["soak", "no-such-file"]).status.code(), Some(2));
    assert_eq!(bench(&["soak", "--minutes=-1", &visa]).status.code(), Some(2));
}

#[test]
fn every_kernel_verifies() {
    let output = bench(&["verify"]);
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.lines().count() >= 3 && text.lines().all(|line| line.starts_with("equal")),
        "{text}"
    );
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
    let paths: Vec<String> =
        rows.iter().map(|row| folder.join(row[0]).display().to_string()).collect();
    let mut arguments = vec!["read", "--json"];
    arguments.extend(paths.iter().map(String::as_str));
    let readings = array(&bench(&arguments));
    let (mut exact, mut flat) = (0, 0);
    for (row, reading) in rows.iter().zip(&readings) {
        let found: Vec<&str> =
            reading["lines"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
        let wanted: Vec<&str> =
            if row[1] == "NONE" { Vec::new() } else { row[5].split('|').collect() };
        assert!(
            found == wanted || reading["valid"] == false,
            "{} is wrong and said to be valid",
            row[0]
        );
        if row[1] != "NONE" && ["scan", "render"].contains(&row[2]) {
            flat += 1;
            exact += usize::from(found == wanted);
        }
    }
    assert_eq!(flat, 72);
    assert!(exact >= 68, "{exact} of {flat} flat pictures are read exactly");
}
