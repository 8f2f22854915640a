//! The project's command line, as other commands use it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell::{command, remaps, root, run};

/// The build of `native-bench` for this machine, or for another target.
fn building(profile: &str, target: Option<&str>) -> Command {
    let mut cargo = command("cargo");
    cargo.args(["build", "--quiet", "--profile", profile, "-p", "native-bench"]);
    cargo.args(target.iter().flat_map(|target| ["--target", target]));
    cargo
}

/// Builds `native-bench` for this machine.
pub(crate) fn build() -> Result<()> {
    run(&mut building("release", None))
}

/// Builds it for a target that is emulated here.
pub(crate) fn build_emulated(target: &str) -> Result<()> {
    run(&mut building("emulated", Some(target)))
}

/// Builds it without symbols in a separate folder, to be copied to another machine.
pub(crate) fn build_stripped(target: &str, folder: &str) -> Result<()> {
    let mut cargo = building("release", Some(target));
    cargo.args(["--config", "profile.release.strip=true"]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", remaps().join("\u{1f}"));
    run(cargo.env("CARGO_TARGET_DIR", root().join(folder)))
}

/// Reads `files` with `native-bench`, which has been built before: one element for each, in order.
pub(crate) fn read(files: &[PathBuf], precision: &str) -> Result<Vec<Value>> {
    read_with(["--jobs", "1"].as_slice(), files, precision)
}

/// The same for frames of one film, in their order: each element is what all frames so far show.
pub(crate) fn read_film(files: &[PathBuf], precision: &str) -> Result<Vec<Value>> {
    read_with(["--film"].as_slice(), files, precision)
}

fn read_with(options: &[&str], files: &[PathBuf], precision: &str) -> Result<Vec<Value>> {
    let mut bench = command("target/release/native-bench");
    bench.args(["read", "--json", "--precision", precision]).args(options).args(files);
    let output = bench.output().context("native-bench did not start")?;
    let readings: Vec<Value> =
        serde_json::from_slice(&output.stdout).context("native-bench printed no JSON")?;
    ensure!(
        readings.len() == files.len(),
        "native-bench answered for {} of {} pictures",
        readings.len(),
        files.len()
    );
    Ok(readings)
}
