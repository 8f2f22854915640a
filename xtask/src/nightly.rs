//! `cargo xtask nightly`: the checks that take too long for every change, one after the other.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::setup::Need::{Chromium, Node, WasmPack};
use crate::shell::{command, root, run, step};
use crate::{dist, fuzz, machines, miri, native, page, setup};

/// Minutes of fuzzing, and of each soak.
const MINUTES: [&str; 2] = ["60", "10"];

/// A check: its name, and what it does.
type Check<'a> = (&'static str, Box<dyn Fn() -> Result<()> + 'a>);

/// Runs all checks, or those that `--only` names. One that fails does not stop the others.
pub(crate) fn nightly(options: &[&str]) -> Result<()> {
    let [mut fuzz_minutes, mut soak_minutes] = MINUTES;
    let mut only = Vec::new();
    for pair in options.chunks(2) {
        match *pair {
            ["--fuzz-minutes", value] => fuzz_minutes = value,
            ["--soak-minutes", value] => soak_minutes = value,
            ["--only", name] => only.push(name),
            _ => {
                bail!("cargo xtask nightly [--fuzz-minutes N] [--soak-minutes N] [--only NAME]...")
            }
        }
    }
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(|number| number > 0.0);
    ensure!(is_number(fuzz_minutes) && is_number(soak_minutes), "minutes are numbers above zero");
    let checks: [Check<'_>; 6] = [
        ("fuzz", Box::new(|| fuzz::fuzz(&["--minutes", fuzz_minutes]))),
        ("soak", Box::new(|| soak_page(soak_minutes))),
        ("soak-native", Box::new(|| soak_native(soak_minutes))),
        ("machines", Box::new(|| machines::compare(&[]))),
        ("miri", Box::new(|| miri::miri(&[]))),
        ("dist", Box::new(|| dist::run_all(&["--check"]))),
    ];
    let unknown = only.iter().find(|only| checks.iter().all(|(name, _)| name != *only));
    ensure!(unknown.is_none(), "there is no check `{}`", unknown.copied().unwrap_or_default());
    let mut times = Vec::new();
    let mut failed = Vec::new();
    for (name, work) in &checks {
        if !only.is_empty() && !only.contains(name) {
            continue;
        }
        let begin = Instant::now();
        if let Err(error) = step(name, work) {
            eprintln!("    FAILED: {error:#}\n    again: cargo xtask nightly --only {name}");
            failed.push(*name);
        }
        times.push((*name, begin.elapsed()));
    }
    print!("{}", table(&times, &failed));
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn table(times: &[(&str, Duration)], failed: &[&str]) -> String {
    let row = |&(name, time): &(&str, Duration)| {
        let outcome = if failed.contains(&name) { "failed" } else { "passed" };
        format!("{name:14} {outcome:8} {:8.1} s\n", time.as_secs_f64())
    };
    times.iter().map(row).collect()
}

/// Camera frames in Chromium.
fn soak_page(minutes: &str) -> Result<()> {
    setup::install(&[WasmPack, Node, Chromium])?;
    page::build()?;
    page::soak(minutes)
}

/// Films of all specimens, in the command line.
fn soak_native(minutes: &str) -> Result<()> {
    native::build()?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join("testdata/specimens")).context("the specimens")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension != "csv") {
            files.push(path);
        }
    }
    files.sort();
    let mut bench = command("target/release/native-bench");
    run(bench.args(["soak", "--minutes", minutes]).args(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_refused() {
        for options in [&["--only", "none"][..], &["--fuzz-minutes", "0"], &["--only"], &["fuzz"]] {
            assert!(nightly(options).is_err(), "{options:?}");
        }
    }

    #[test]
    fn the_table_names_what_failed() {
        let times = [("fuzz", Duration::from_secs(60)), ("miri", Duration::from_millis(1500))];
        let wanted = "fuzz           passed       60.0 s\nmiri           failed        1.5 s\n";
        assert_eq!(table(&times, &["miri"]), wanted);
    }
}
