//! `cargo xtask networks`: common networks beside onnxruntime, tract and rten, natively, and beside
//! onnxruntime in Chromium.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::setup::Need::{Chromium, Node, WasmPack};
use crate::shell::{command, output, root, run, step};
use crate::{native, page, setup};

const RESULT: &str = "docs/results/networks.md";
/// What onnxruntime and its quantiser need.
const REQUIREMENTS: &str = "web/peers/requirements.txt";

/// Measures, and prints the tables; with `--write` also writes them to the results. With `--peers`,
/// tract and rten take part, which takes minutes to compile.
pub(crate) fn measure(options: &[&str]) -> Result<()> {
    let (mut write, mut peers) = (false, false);
    for option in options {
        match *option {
            "--write" => write = true,
            "--peers" => peers = true,
            _ => bail!("cargo xtask networks [--peers] [--write]"),
        }
    }
    setup::install(&[WasmPack, Node, Chromium])?;
    let python = setup::environment("onnxruntime", &[REQUIREMENTS])?.to_string_lossy().into_owned();
    let networks = |verb: &str| {
        let mut python = command(&python);
        python.args(["web/peers/networks.py", verb, "target/networks"]);
        python
    };
    let folder = root().join("target/networks");
    fs::create_dir_all(&folder).context("target/networks")?;
    native::build()?;
    page::package()?;
    step("npm packages of the peers", || {
        run(command("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(root().join("web/peers")))
    })?;
    let built = root().join("target/peers");
    if peers {
        step("tract and rten", || {
            let mut cargo = command("cargo");
            cargo.args(["build", "--quiet", "--locked", "--release", "--manifest-path"]);
            run(cargo.arg("peers/Cargo.toml").arg("--target-dir").arg(&built))
        })?;
    } else {
        println!("    without tract and rten: --peers adds them");
    }
    step("networks", || run(&mut networks("make")))?;
    step("natively", || {
        let mut python = networks("native");
        run(python.args(peers.then_some("--peers")))
    })?;
    step("in Chromium", || {
        run(command("node").arg("peers/networks.mjs").arg(&folder).current_dir(root().join("web")))
    })?;
    let table = output(&mut networks("write")).context("the table cannot be made")?;
    println!("{table}");
    if write {
        fs::write(root().join(RESULT), table + "\n").context(RESULT)?;
    }
    Ok(())
}
