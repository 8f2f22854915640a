//! The oldest Rust that builds the published crates: `rust-version` in Cargo.toml, for users of the
//! crates. Development uses the toolchain that rust-toolchain.toml pins.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell::{command, find, output, run};

/// Targets with kernels of their own, and what is told to rustc. The host comes first.
const TARGETS: [(Option<&str>, &str); 3] = [
    (None, ""),
    (Some("aarch64-unknown-linux-musl"), ""),
    (Some("wasm32-unknown-unknown"), "-C target-feature=+simd128,+relaxed-simd"),
];

/// Checks the published crates with the oldest Rust that they promise, all features on.
pub(crate) fn check() -> Result<()> {
    if find("rustup").is_none() {
        println!("    skipped: rustup, which installs older toolchains, is not here");
        return Ok(());
    }
    let (version, crates) = published()?;
    println!("    Rust {version}: {}", crates.join(", "));
    install(&version)?;
    for (target, flags) in TARGETS {
        let mut cargo = command("rustup");
        cargo.args(["run", &version, "cargo", "check", "--quiet", "--locked", "--all-features"]);
        cargo.args(crates.iter().flat_map(|name| ["--package", name]));
        cargo.args(target.iter().flat_map(|target| ["--target", target]));
        run(cargo.env("RUSTFLAGS", flags))?;
    }
    Ok(())
}

/// Installs a toolchain with its targets, unless all of it is here.
fn install(version: &str) -> Result<()> {
    let targets = || TARGETS.iter().filter_map(|(target, _)| *target);
    let here =
        output(command("rustup").args(["target", "list", "--installed", "--toolchain", version]));
    if here.is_some_and(|list| targets().all(|target| list.lines().any(|line| line == target))) {
        return Ok(());
    }
    let mut rustup = command("rustup");
    rustup.args(["toolchain", "install", version, "--profile", "minimal", "--no-self-update"]);
    run(rustup.args(targets().flat_map(|target| ["--target", target])))
}

/// The version that the published crates promise, the same for all, and their names.
pub(crate) fn published() -> Result<(String, Vec<String>)> {
    let mut cargo = command("cargo");
    cargo.args(["metadata", "--format-version", "1", "--no-deps", "--locked"]);
    let output = cargo.output().context("cargo metadata")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // What is not published has an empty list of registries.
    let published: Vec<&Value> =
        packages.iter().filter(|package| package["publish"].is_null()).collect();
    let version = text(&published.first().context("no crate is published")?["rust_version"]);
    for package in &published {
        let other = text(&package["rust_version"]);
        ensure!(other == version, "{} has rust-version {other}, not {version}", package["name"]);
    }
    Ok((version, published.iter().map(|package| text(&package["name"])).collect()))
}
