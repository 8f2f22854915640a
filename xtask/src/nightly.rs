//! `cargo xtask nightly`: the checks that take too long for every change, one after the other.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::setup::Need::{Chromium, Node, Python, WasmPack};
use crate::shell::{command, root, run, step};
use crate::{capi, dist, fuzz, machines, miri, native, page, python, setup};

/// Minutes of fuzzing, and of each soak.
const MINUTES: [&str; 2] = ["60", "10"];

/// The checks, in their order.
const CHECKS: [&str; 10] =
    ["fuzz", "soak", "soak-native", "machines", "miri", "capi", "torch", "archives", "try", "dist"];

/// Runs a check. `fuzz` and the soaks take as many minutes as said.
fn check(name: &str, [fuzz_minutes, soak_minutes]: [&str; 2]) -> Result<()> {
    match name {
        "fuzz" => fuzz::fuzz(&["--minutes", fuzz_minutes]),
        "soak" => soak_page(soak_minutes),
        "soak-native" => soak_native(soak_minutes),
        "machines" => machines::compare(&[]),
        "miri" => miri::miri(&[]),
        "capi" => capi::capi(&["--check-header", "--arm64"]),
        "torch" => torch(),
        "archives" => python::archives(&[]),
        "try" => {
            dist::run_all(&[])?;
            dist::run_all(&["--try"])
        }
        "dist" => dist::run_all(&["--check"]),
        _ => bail!("there is no check `{name}`"),
    }
}

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
    let unknown = only.iter().find(|only| !CHECKS.contains(only));
    ensure!(unknown.is_none(), "there is no check `{}`", unknown.copied().unwrap_or_default());
    let mut times = Vec::new();
    let mut failed = Vec::new();
    for name in CHECKS {
        if !only.is_empty() && !only.contains(&name) {
            continue;
        }
        let begin = Instant::now();
        let minutes = [fuzz_minutes, soak_minutes];
        if let Err(error) = step(name, || check(name, minutes)) {
            eprintln!("    FAILED: {error:#}\n    again: cargo xtask nightly --only {name}");
            failed.push(name);
        }
        times.push((name, begin.elapsed()));
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

/// The tests of `train/` that need PyTorch, and all steps of `docs/own-network.md`.
fn torch() -> Result<()> {
    const LISTS: [&str; 2] = ["train/requirements.txt", "train/requirements-torch.txt"];
    const REQUIRED: (&str, &str) = ("NIBBLE_REQUIRE_TORCH", "1");
    setup::install(&[Python, WasmPack, Node, Chromium])?;
    let python = setup::environment("torch", &LISTS)?;
    let mut pytest = command(&python.to_string_lossy());
    run(pytest.args(["-m", "pytest", "-q", "train"]).envs([REQUIRED]))?;
    page::build()?;
    native::build()?;
    let folder = python.parent().context("a folder of programs")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let mut node = command("node");
    node.env("PATH", std::env::join_paths(folders).context("PATH")?);
    run(node.arg("tests/own-network.mjs").current_dir(root().join("web")).envs([REQUIRED]))
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
    fn each_check_is_a_job_of_the_workflow() {
        const WORKFLOW: &str = ".github/workflows/nightly.yml";
        let text = std::fs::read_to_string(root().join(WORKFLOW)).expect(WORKFLOW);
        let jobs = text.lines().find_map(|line| line.trim().strip_prefix("check: "));
        assert_eq!(jobs.expect("a list"), format!("[{}]", CHECKS.join(", ")));
    }

    #[test]
    fn the_table_names_what_failed() {
        let times = [("fuzz", Duration::from_secs(60)), ("miri", Duration::from_millis(1500))];
        let wanted = "fuzz           passed       60.0 s\nmiri           failed        1.5 s\n";
        assert_eq!(table(&times, &["miri"]), wanted);
    }
}
