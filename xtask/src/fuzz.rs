//! `cargo xtask fuzz`: runs the fuzz targets of `fuzz/` and adds to their tally.
//!
//! Corpus and tally are kept in the user's cache, so that a later run, of any checkout, goes on
//! where this one ends. A run has rounds, and the tally is written after each, so a run that is cut
//! off loses one round. `--total` prints the sums, and `--total --write` moves the tally of the
//! cache into the committed files.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::cache;
use crate::shell::{command, output, root, run, step};

/// The compiler: sanitizers and coverage are unstable features of rustc.
pub(crate) const NIGHTLY: &str = "nightly-2026-05-20";
const CARGO_FUZZ: &str = "0.13.1";
/// The committed tally, and the page that shows it as a table.
const TALLY: &str = "docs/results/fuzz.json";
const PAGE: &str = "docs/reliability.md";
/// What stands before and after the table.
const TABLE: [&str; 2] = ["<!-- cargo xtask fuzz --total --write -->\n", "<!-- end -->\n"];

/// A fuzz target.
struct Target {
    name: &'static str,
    /// Maximum bytes of its inputs.
    max_len: u64,
    /// Maximum seconds of one of them.
    timeout: u64,
    build: Build,
}

/// What a target is built with. Each build has a folder of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    /// AddressSanitizer, which notices reads and writes out of bounds. Comparisons are traced, so
    /// that libFuzzer learns the words of a file format.
    Files,
    /// AddressSanitizer alone. Inputs are numbers, and traced comparisons took three quarters of
    /// the time.
    Kernels,
    /// Neither: the code that the target tests has no unsafe code.
    Safe,
}

use Build::{Files, Kernels, Safe};

impl Build {
    const ALL: [Self; 3] = [Files, Kernels, Safe];

    fn options(self) -> &'static [&'static str] {
        match self {
            Files => &["--sanitizer", "address"],
            Kernels => &["--sanitizer", "address", "--no-trace-compares"],
            Safe => &["--sanitizer", "none", "--no-trace-compares"],
        }
    }

    /// The folder; it stays apart from builds of the project.
    fn folder(self) -> PathBuf {
        let name = match self {
            Files => "files",
            Kernels => "kernels",
            Safe => "safe",
        };
        root().join("fuzz/target").join(name)
    }
}

const fn target(name: &'static str, max_len: u64, timeout: u64, build: Build) -> Target {
    Target { name, max_len, timeout, build }
}

const TARGETS: [Target; 8] = [
    target("fusion", 600, 60, Safe),
    target("graph", 4096, 20, Files),
    target("model", 4096, 20, Files),
    target("picture", 8192, 20, Files),
    target("products", 1024, 20, Kernels),
    target("reading", 2048, 60, Safe),
    target("windows", 256, 5, Safe),
    target("zone", 256, 5, Safe),
];

/// Memory of one process, in MB: AddressSanitizer takes several times as much as the program.
const MAX_MB: u64 = 4096;
/// Minutes of all targets together.
const MINUTES: f64 = 6.0;
/// Maximum seconds of a round of a target.
const MAX_ROUND: u64 = 300;

/// What one run of a target did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    executions: u64,
    /// Edges of the program that inputs of the corpus reach.
    coverage: u64,
    /// Inputs in the corpus.
    corpus: u64,
}

/// What the command line asks for.
struct Options<'a> {
    minutes: f64,
    targets: Vec<&'a Target>,
}

const USAGE: &str = "cargo xtask fuzz [--minutes N] [--target NAME]..., or --total [--write]";

impl Options<'_> {
    fn parse(options: &[&str]) -> Result<Self> {
        let mut parsed = Self { minutes: MINUTES, targets: Vec::new() };
        let mut rest = options.iter();
        while let Some(&option) = rest.next() {
            match (option, rest.next()) {
                ("--minutes", Some(value)) => {
                    parsed.minutes = value.parse().context("--minutes needs a number")?;
                    ensure!(parsed.minutes > 0.0, "--minutes needs a number above zero");
                }
                ("--target", Some(&name)) => {
                    let known = TARGETS.iter().find(|target| target.name == name);
                    let names = TARGETS.map(|target| target.name).join(", ");
                    parsed.targets.push(
                        known.with_context(|| format!("there is no target `{name}`: {names}"))?,
                    );
                }
                _ => bail!(USAGE),
            }
        }
        if parsed.targets.is_empty() {
            parsed.targets = TARGETS.iter().collect();
        }
        Ok(parsed)
    }
}

/// Runs all targets, or those that are named; or shows the sums.
pub(crate) fn fuzz(options: &[&str]) -> Result<()> {
    match options {
        ["--total"] => return total(false),
        ["--total", "--write"] => return total(true),
        _ => {}
    }
    let Options { minutes, targets } = Options::parse(options)?;
    install()?;
    for build in Build::ALL {
        compile(build, &targets)?;
    }
    for target in &targets {
        write_seeds(target.name)?;
    }
    let all = Duration::try_from_secs_f64(minutes * 60.0).context("--minutes")?;
    let seconds = all.as_secs().div_ceil(targets.len() as u64).max(1);
    let mut failed = Vec::new();
    println!(
        "{:10} {:>12} {:>10} {:>8} {:>8}",
        "target", "executions", "a second", "edges", "corpus"
    );
    for round in rounds(seconds) {
        for target in &targets {
            let name = target.name;
            let begin = Instant::now();
            let (outcome, passed) = run_target(target, round)?;
            let took = begin.elapsed().as_secs().max(1);
            let rate = outcome.executions / took;
            println!(
                "{name:10} {:>12} {rate:>10} {:>8} {:>8}",
                outcome.executions, outcome.coverage, outcome.corpus
            );
            add_to_tally(name, &outcome, took)?;
            if !passed {
                keep_crashes(name)?;
                failed.push(name);
            }
        }
    }
    failed.sort_unstable();
    failed.dedup();
    ensure!(
        failed.is_empty(),
        "failed: {}; its inputs are in testdata/fuzz now, where a test reads them: mend the cause, and \
         give each file a name that says it",
        failed.join(", ")
    );
    Ok(())
}

/// The seconds of each round of a target that has `seconds` in all.
fn rounds(seconds: u64) -> Vec<u64> {
    let count = seconds.div_ceil(MAX_ROUND);
    (0..count).map(|round| (seconds + round) / count).collect()
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

/// Compiles those of `targets` that are built so.
fn compile(build: Build, targets: &[&Target]) -> Result<()> {
    for target in targets.iter().filter(|target| target.build == build) {
        step(&format!("fuzz target {}, {}", target.name, build.options().join(" ")), || {
            let mut cargo = nightly();
            cargo.args(["fuzz", "build", target.name]).args(build.options());
            run(cargo.env("CARGO_TARGET_DIR", build.folder()))
        })?;
    }
    Ok(())
}

/// The program of a target, which cargo-fuzz has built for the host.
fn binary(target: &Target) -> Result<PathBuf> {
    let version = output(command("rustup").args(["run", NIGHTLY, "rustc", "-vV"]));
    let version = version.context("rustc does not run")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("its host")?;
    Ok(target.build.folder().join(host).join("release").join(target.name))
}

/// What sessions leave for later ones.
fn kept() -> PathBuf {
    cache::folder().join("fuzz")
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
    for folder in [kept().join("corpus").join(name), seeds(name), regressions(name)] {
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

/// The tally of the cache: what is not in the committed one yet.
fn pending() -> PathBuf {
    kept().join("tally.json")
}

/// A tally; an empty one if there is no file.
fn tally(path: &Path) -> Result<Value> {
    match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(json!({})),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

fn write_tally(path: &Path, tally: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(tally)? + "\n";
    // At once, so that no crash leaves half a file.
    let partial = path.with_extension("partial");
    fs::write(&partial, text).with_context(|| partial.display().to_string())?;
    fs::rename(&partial, path).with_context(|| path.display().to_string())
}

/// Adds a round to the tally of the cache.
fn add_to_tally(name: &str, outcome: &Outcome, seconds: u64) -> Result<()> {
    fs::create_dir_all(kept()).context("the cache")?;
    write_tally(&pending(), &added(tally(&pending())?, name, outcome, seconds))
}

/// Prints the sums of all sessions; with `write` also puts them into the committed files.
fn total(write: bool) -> Result<()> {
    let committed = root().join(TALLY);
    let mut sum = tally(&committed)?;
    let sessions = tally(&pending())?;
    for (name, entry) in sessions["targets"].as_object().into_iter().flatten() {
        let number = |key: &str| entry[key].as_u64().unwrap_or(0);
        let outcome = Outcome {
            executions: number("executions"),
            coverage: number("edges"),
            corpus: number("corpus"),
        };
        sum = added(sum, name, &outcome, number("seconds"));
    }
    let table = table(&sum);
    print!("{table}");
    if write {
        let page = root().join(PAGE);
        let text = fs::read_to_string(&page).context(PAGE)?;
        fs::write(&page, with_table(&text, &table)?).context(PAGE)?;
        write_tally(&committed, &sum)?;
        if pending().exists() {
            fs::remove_file(pending()).context("the tally of the cache")?;
        }
    }
    Ok(())
}

/// The page with another table between its two marks.
fn with_table(page: &str, table: &str) -> Result<String> {
    let [begin, end] = TABLE;
    let (before, rest) = page.split_once(begin).with_context(|| format!("{PAGE} lacks {begin}"))?;
    let (_, after) = rest.split_once(end).with_context(|| format!("{PAGE} lacks {end}"))?;
    Ok([before, begin, table, end, after].concat())
}

/// Executions, hours, edges and corpus of each target, and of all.
fn table(tally: &Value) -> String {
    let mut table =
        String::from("| target | executions | hours | edges | corpus |\n|---|--:|--:|--:|--:|\n");
    let mut seconds = 0;
    for (name, entry) in tally["targets"].as_object().into_iter().flatten() {
        let number = |key: &str| entry[key].as_u64().unwrap_or(0);
        seconds += number("seconds");
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| `{name}` | {} | {} | {} | {} |",
            grouped(number("executions")),
            hours(number("seconds")),
            grouped(number("edges")),
            grouped(number("corpus")),
        );
    }
    let all = grouped(tally["executions"].as_u64().unwrap_or(0));
    let _ = writeln!(table, "| all | {all} | {} | | |", hours(seconds));
    table
}

/// Hours with one place.
fn hours(seconds: u64) -> String {
    let tenths = (seconds + 180) / 360;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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

    #[test]
    fn rounds_are_short_and_sum_up() {
        assert_eq!(rounds(60), [60]);
        assert_eq!(rounds(301), [150, 151]);
        for seconds in [1, 299, 300, 601, 3600, 5001] {
            assert_eq!(rounds(seconds).iter().sum::<u64>(), seconds);
            assert!(rounds(seconds).iter().all(|&round| round <= MAX_ROUND));
        }
    }

    #[test]
    fn options_name_targets() {
        let parsed = Options::parse(&["--target", "zone", "--minutes", "0.5"]).expect("valid");
        assert_eq!(parsed.targets.iter().map(|target| target.name).collect::<Vec<_>>(), ["zone"]);
        assert!((parsed.minutes - 0.5).abs() < f64::EPSILON);
        assert_eq!(Options::parse(&[]).expect("valid").targets.len(), TARGETS.len());
        assert!(Options::parse(&["--target", "none"]).is_err());
        assert!(Options::parse(&["--minutes", "0"]).is_err());
        assert!(Options::parse(&["--total", "--minutes"]).is_err());
    }

    #[test]
    fn tables_replace_one_another_on_the_page() {
        let run = Outcome { executions: 1_234_567, coverage: 5000, corpus: 3 };
        let tally = added(json!({}), "zone", &run, 3600);
        let wanted = "| target | executions | hours | edges | corpus |\n|---|--:|--:|--:|--:|\n\
            | `zone` | 1,234,567 | 1.0 | 5,000 | 3 |\n| all | 1,234,567 | 1.0 | | |\n";
        assert_eq!(table(&tally), wanted);
        let [begin, end] = TABLE;
        let page = format!("a\n{begin}old\n{end}b\n");
        let shown = with_table(&page, wanted).expect("marks");
        assert_eq!(shown, format!("a\n{begin}{wanted}{end}b\n"));
        assert!(with_table("no marks", wanted).is_err());
        let page = fs::read_to_string(root().join(PAGE)).expect("committed");
        assert!(with_table(&page, wanted).is_ok());
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
