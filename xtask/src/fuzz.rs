//! `cargo xtask fuzz`: runs the fuzz targets of `fuzz/` and adds to their tally.
//!
//! The corpus is kept in `fuzz/corpus`, so that a later run goes on where this one ends.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::cache;
use crate::shell::{command, output, root, run, step};

/// The compiler: sanitizers and coverage are unstable features of rustc.
pub(crate) const NIGHTLY: &str = "nightly-2026-05-20";
const CARGO_FUZZ: &str = "0.13.1";
/// The committed tally.
const TALLY: &str = "docs/results/fuzz.json";

/// A fuzz target.
struct Target {
    name: &'static str,
    /// Maximum bytes of its inputs.
    max_len: u64,
    /// Maximum seconds of one of them.
    timeout: u64,
    sanitizer: Sanitizer,
}

/// What a target is built with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sanitizer {
    /// AddressSanitizer, which notices reads and writes out of bounds.
    Address,
    /// None: the code that the target tests has no unsafe code, and is several times as fast.
    None,
}

const fn target(name: &'static str, max_len: u64, timeout: u64, sanitizer: Sanitizer) -> Target {
    Target { name, max_len, timeout, sanitizer }
}

const TARGETS: [Target; 6] = [
    target("fusion", 600, 60, Sanitizer::None),
    target("model", 4096, 20, Sanitizer::Address),
    target("picture", 8192, 20, Sanitizer::Address),
    target("products", 1024, 20, Sanitizer::Address),
    target("reading", 2048, 60, Sanitizer::None),
    target("zone", 256, 5, Sanitizer::None),
];

/// Memory of one process, in MB: AddressSanitizer takes several times as much as the program.
const MAX_MB: u64 = 4096;
/// Minutes of all targets together.
const MINUTES: f64 = 6.0;

/// What one run of a target did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    executions: u64,
    /// Edges of the program that inputs of the corpus reach.
    coverage: u64,
    /// Inputs in the corpus.
    corpus: u64,
}

/// Runs all targets, or one of them.
pub(crate) fn fuzz(options: &[&str]) -> Result<()> {
    let (mut minutes, mut chosen) = (MINUTES, None);
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        match (option, rest.next()) {
            ("--minutes", Some(value)) => {
                minutes = value.parse().context("--minutes needs a number")?;
                ensure!(minutes > 0.0, "--minutes needs a number above zero");
            }
            ("--target", Some(&value)) => chosen = Some(value),
            _ => bail!("cargo xtask fuzz [--minutes N] [--target NAME]"),
        }
    }
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    if let Some(name) = chosen {
        ensure!(names.contains(&name), "there is no target `{name}`: {}", names.join(", "));
    }
    install()?;
    let is_chosen = |target: &&Target| chosen.is_none_or(|chosen| chosen == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(is_chosen).collect();
    for sanitizer in [Sanitizer::Address, Sanitizer::None] {
        build(sanitizer, &targets)?;
    }
    let all = Duration::try_from_secs_f64(minutes * 60.0).context("--minutes")?;
    let seconds = all.as_secs().div_ceil(targets.len() as u64).max(1);
    let mut failed = Vec::new();
    println!(
        "{:10} {:>12} {:>10} {:>8} {:>8}",
        "target", "executions", "a second", "edges", "corpus"
    );
    for target in &targets {
        let name = target.name;
        write_seeds(name)?;
        let (outcome, passed) = run_target(target, seconds)?;
        let rate = outcome.executions / seconds;
        println!(
            "{name:10} {:>12} {rate:>10} {:>8} {:>8}",
            outcome.executions, outcome.coverage, outcome.corpus
        );
        add_to_tally(name, &outcome, seconds)?;
        if !passed {
            keep_crashes(name)?;
            failed.push(name);
        }
    }
    ensure!(
        failed.is_empty(),
        "failed: {}; its inputs are in testdata/fuzz now, where a test reads them: mend the cause, and \
         give each file a name that says it",
        failed.join(", ")
    );
    Ok(())
}

/// Installs the compiler and cargo-fuzz.
fn install() -> Result<()> {
    toolchain(&["rust-src"])?;
    let place = cache::install("cargo-fuzz", CARGO_FUZZ, |place| {
        let target = place.join("target");
        let mut cargo = command("cargo");
        cargo.args(["install", "--quiet", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ]);
        run(cargo.arg("--root").arg(place).env("CARGO_TARGET_DIR", &target))?;
        fs::remove_dir_all(target).context("what was compiled")
    })?;
    cache::link("cargo-fuzz", &place.join("bin/cargo-fuzz"))
}

/// Installs [`NIGHTLY`] with some components, unless it is here.
pub(crate) fn toolchain(components: &[&str]) -> Result<()> {
    let list = ["component", "list", "--installed", "--toolchain", NIGHTLY];
    let here = output(command("rustup").args(list));
    let has = |component: &&str| {
        here.as_ref().is_some_and(|list| list.lines().any(|line| line.starts_with(component)))
    };
    if components.iter().all(has) {
        return Ok(());
    }
    let mut rustup = command("rustup");
    rustup.args(["toolchain", "install", NIGHTLY, "--profile", "minimal", "--no-self-update"]);
    run(rustup.args(components.iter().flat_map(|component| ["--component", component])))
}

/// A cargo of [`NIGHTLY`].
pub(crate) fn nightly() -> Command {
    let mut cargo = command("rustup");
    cargo.args(["run", NIGHTLY, "cargo"]);
    cargo
}

/// Builds those of `targets` that are run with a sanitizer.
fn build(sanitizer: Sanitizer, targets: &[&Target]) -> Result<()> {
    let name = if sanitizer == Sanitizer::Address { "address" } else { "none" };
    for target in targets.iter().filter(|target| target.sanitizer == sanitizer) {
        step(&format!("fuzz target {}, sanitizer: {name}", target.name), || {
            let mut cargo = nightly();
            cargo.args(["fuzz", "build", target.name, "--sanitizer", name]);
            run(cargo.env("CARGO_TARGET_DIR", folder(sanitizer)))
        })?;
    }
    Ok(())
}

/// The folder of builds with a sanitizer; they stay apart from those of the project.
fn folder(sanitizer: Sanitizer) -> PathBuf {
    let folder = root().join("fuzz/target");
    if sanitizer == Sanitizer::Address { folder } else { folder.join("plain") }
}

/// The program of a target, which cargo-fuzz has built for the host.
fn binary(target: &Target) -> Result<PathBuf> {
    let version = output(command("rustup").args(["run", NIGHTLY, "rustc", "-vV"]));
    let version = version.context("rustc does not run")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("its host")?;
    Ok(folder(target.sanitizer).join(host).join("release").join(target.name))
}

fn artifacts(name: &str) -> PathBuf {
    root().join("fuzz/artifacts").join(name)
}

fn seeds(name: &str) -> PathBuf {
    root().join("target/fuzz-seeds").join(name)
}

fn write_seeds(name: &str) -> Result<()> {
    let mut cargo = command("cargo");
    cargo.args(["run", "--quiet", "-p", "nibble-fuzz", "--bin", "write-seeds", "--", name]);
    run(cargo.arg(seeds(name)))
}

/// Runs one target, and says whether it found nothing.
fn run_target(target: &Target, seconds: u64) -> Result<(Outcome, bool)> {
    let &Target { name, max_len, timeout, .. } = target;
    // The program that was built at the start, whatever is edited meanwhile.
    let mut program = command(&binary(target)?.to_string_lossy());
    for folder in [root().join("fuzz/corpus").join(name), seeds(name), regressions(name)] {
        // libFuzzer writes into the first folder, and only reads the others.
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        program.arg(folder);
    }
    let found = artifacts(name);
    fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
    program.arg(format!("-artifact_prefix={}/", found.display()));
    program.arg("-print_final_stats=1");
    for (option, value) in [
        ("max_total_time", seconds),
        ("max_len", max_len),
        ("timeout", timeout),
        ("rss_limit_mb", MAX_MB),
    ] {
        program.arg(format!("-{option}={value}"));
    }
    let mut child = program.stderr(Stdio::piped()).spawn().context("a fuzz target")?;
    let mut outcome = Outcome::default();
    let mut last = Vec::new();
    for line in BufReader::new(child.stderr.take().context("its messages")?).lines() {
        let line = line.context("its messages")?;
        outcome.learn(&line);
        last.push(line);
        if last.len() > MAX_SHOWN {
            last.remove(0);
        }
    }
    let passed = child.wait().context("a fuzz target")?.success();
    if !passed {
        eprintln!("{}", last.join("\n"));
    }
    Ok((outcome, passed))
}

/// Lines of a failed target that are shown.
const MAX_SHOWN: usize = 60;

impl Outcome {
    /// Takes the numbers of one line of libFuzzer's messages.
    fn learn(&mut self, line: &str) {
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = count.trim().parse().unwrap_or(self.executions);
        }
        if !line.starts_with('#') {
            return;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        // `#4096 pulse cov: 512 ft: 1024 corp: 60/2300b ...`; it also counts executions, in case
        // that a crash ends the run before its statistics.
        let number = |word: &str| {
            let at = words.iter().position(|known| *known == word)?;
            words.get(at + 1)?.split('/').next()?.parse().ok()
        };
        if let Ok(count) = words[0].trim_start_matches('#').parse::<u64>() {
            self.executions = self.executions.max(count);
        }
        self.coverage = number("cov:").unwrap_or(self.coverage);
        self.corpus = number("corp:").unwrap_or(self.corpus);
    }
}

fn regressions(name: &str) -> PathBuf {
    root().join("testdata/fuzz").join(name)
}

/// Copies inputs that made a target fail to where the tests of `nibble-fuzz` read them.
fn keep_crashes(name: &str) -> Result<()> {
    let found = artifacts(name);
    for entry in fs::read_dir(&found).with_context(|| found.display().to_string())? {
        let path = entry?.path();
        let to = regressions(name).join(path.file_name().unwrap_or_default());
        fs::rename(&path, &to).with_context(|| to.display().to_string())?;
        println!("    {}", to.display());
    }
    Ok(())
}

/// Adds a run to the committed tally.
fn add_to_tally(name: &str, outcome: &Outcome, seconds: u64) -> Result<()> {
    let path = root().join(TALLY);
    let text = fs::read_to_string(&path).unwrap_or_else(|_| String::from("{}"));
    let tally = serde_json::from_str(&text).context(TALLY)?;
    let text = serde_json::to_string_pretty(&added(tally, name, outcome, seconds))?;
    fs::write(&path, text + "\n").context(TALLY)
}

/// The tally with a run: executions and seconds are summed, coverage is the largest.
fn added(mut tally: Value, name: &str, outcome: &Outcome, seconds: u64) -> Value {
    let known = |key: &str| tally["targets"][name][key].as_u64().unwrap_or(0);
    let entry = json!({
        "executions": known("executions") + outcome.executions,
        "seconds": known("seconds") + seconds,
        "edges": known("edges").max(outcome.coverage),
        "corpus": known("corpus").max(outcome.corpus),
    });
    if !tally["targets"].is_object() {
        tally["targets"] = Value::Object(Map::new());
    }
    tally["targets"][name] = entry;
    let targets = tally["targets"].as_object().into_iter().flatten();
    let sum: u64 = targets.filter_map(|(_, entry)| entry["executions"].as_u64()).sum();
    tally["executions"] = json!(sum);
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_fuzzer_are_understood() {
        let mut outcome = Outcome::default();
        for line in [
            "INFO: Seed: 1",
            "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb",
            "#65536\tpulse  cov: 120 ft: 600 corp: 61/2300b lim: 60 exec/s: 32768 rss: 40Mb",
            "stat::number_of_executed_units: 70000",
            "stat::average_exec_per_sec:     35000",
        ] {
            outcome.learn(line);
        }
        assert_eq!(outcome, Outcome { executions: 70_000, coverage: 120, corpus: 61 });
    }

    #[test]
    fn executions_are_summed() {
        let run = Outcome { executions: 10, coverage: 5, corpus: 3 };
        let better = Outcome { executions: 1, coverage: 7, corpus: 2 };
        let tally = added(added(json!({}), "zone", &run, 60), "zone", &better, 30);
        let tally = added(tally, "model", &run, 5);
        assert_eq!(tally["executions"], 21);
        let zone = json!({"executions": 11, "seconds": 90, "edges": 7, "corpus": 3});
        assert_eq!(tally["targets"]["zone"], zone);
    }

    /// The list here is that of the crate.
    #[test]
    fn every_target_has_a_binary() {
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("committed");
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
        for Target { name, .. } in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            assert!(root().join(format!("fuzz/fuzz_targets/{name}.rs")).exists());
        }
    }
}
