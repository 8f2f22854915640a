//! `cargo xtask phone` and `cargo xtask bench-peers`: measurements outside of the tests.

use std::fs;

use anyhow::{Context, Result};

use crate::setup::Need::{Arm64, Chromium, Node, WasmPack};
use crate::shell::{command, root, run, step};
use crate::{dist, native, page, setup};

const TARGET: &str = "aarch64-unknown-linux-musl";

/// Builds a static binary for arm64 that contains the models, and prints how to run it on a phone.
pub(crate) fn phone() -> Result<()> {
    setup::install(&[Arm64])?;
    let folder = "target/phone";
    step("native-bench for arm64, without symbols", || native::build_stripped(TARGET, folder))?;
    let path = format!("{folder}/{TARGET}/release/native-bench");
    dist::is_static(&root().join(&path))?;
    let bytes = fs::metadata(root().join(&path)).with_context(|| path.clone())?.len();
    println!(
        "\n{path}: one static file of {:.1} MB with the models inside.\n
By adb, with USB debugging on:

    adb push {path} /data/local/tmp/
    adb shell chmod 755 /data/local/tmp/native-bench
    adb shell /data/local/tmp/native-bench verify
    adb shell \"cd /data/local/tmp && ./native-bench paper\"
    adb pull /data/local/tmp/nibble-paper.json

In Termux, with the file in the phone's downloads (once: termux-setup-storage):

    cp ~/storage/downloads/native-bench ~/
    chmod 755 ~/native-bench
    ~/native-bench verify
    ~/native-bench paper

`paper` writes the file that docs/results/devices asks for. `gemm --isa neon` compares the kernels of
phones without dot products; `--json` and `--plot FILE.svg` keep the figures.",
        f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6
    );
    Ok(())
}

/// Measures the products of this project, onnxruntime-web and tfjs-wasm in one page of Chromium.
pub(crate) fn bench_peers(options: &[&str]) -> Result<()> {
    setup::install(&[WasmPack, Node, Chromium])?;
    page::package()?;
    let folder = root().join("web/peers");
    step("npm packages of the peers", || {
        run(command("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder))
    })?;
    run(command("node").arg("peers/bench.mjs").args(options).current_dir(root().join("web")))
}
