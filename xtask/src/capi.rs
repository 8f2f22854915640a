//! `cargo xtask capi`: the networks as a library for C, with its header.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::setup::Need::{Arm64, Qemu};
use crate::shell::{command, output, root, run, step};
use crate::{cache, setup};

const CBINDGEN: &str = "0.29.4";
/// A compiler for C that has musl's headers, as a package of Python.
const ZIG: &str = "0.17.1";
const TARGET: &str = "aarch64-unknown-linux-musl";
const HEADER: &str = "capi/include/nibble.h";
const PROGRAM: &str = "capi/tests/program.c";
const MODEL: &str = "examples/digits/digits.safetensors";
/// Processors that qemu emulates.
const CPUS: [&str; 3] = ["cortex-a53", "cortex-a76", "max"];

/// Builds the library into `target/capi`; with `--header` writes the header anew, with
/// `--check-header` compares it with what would be written, with `--arm64` compiles the test's
/// program for arm64 and runs it under qemu.
pub(crate) fn capi(options: &[&str]) -> Result<()> {
    let mut arm64 = false;
    for option in options {
        match *option {
            "--arm64" => arm64 = true,
            "--header" => header(Path::new(HEADER))?,
            "--check-header" => check_header()?,
            _ => bail!("cargo xtask capi [--header] [--check-header] [--arm64]"),
        }
    }
    let folder = root().join("target/capi");
    fs::create_dir_all(&folder).context("target/capi")?;
    step("library for C", || {
        run(command("cargo").args(["build", "--quiet", "--release", "-p", "nibble-capi"]))
    })?;
    fs::copy(root().join(HEADER), folder.join("nibble.h")).context(HEADER)?;
    for file in ["libnibble.a", "libnibble.so", "libnibble.dylib", "nibble.dll", "nibble.lib"] {
        let built = root().join("target/release").join(file);
        if built.exists() {
            let bytes = fs::copy(&built, folder.join(file)).context(file)?;
            println!("    target/capi/{file}: {:.1} MB", megabytes(bytes));
        }
    }
    if arm64 { on_arm64(&folder) } else { Ok(()) }
}

fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6
}

/// The committed header is the one that cbindgen writes.
fn check_header() -> Result<()> {
    let folder = root().join("target/capi");
    fs::create_dir_all(&folder).context("target/capi")?;
    let written = folder.join("written.h");
    header(&written)?;
    let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    let is_same = read(&written)? == read(&root().join(HEADER))?;
    ensure!(is_same, "{HEADER} is not what cbindgen writes: cargo xtask capi --header");
    Ok(())
}

/// Writes the header by cbindgen.
fn header(path: &Path) -> Result<()> {
    let program = cache::install("cbindgen", CBINDGEN, |folder| {
        let mut cargo = command("cargo");
        cargo.args(["install", "--quiet", "--locked", "cbindgen", "--version", CBINDGEN, "--root"]);
        run(cargo.arg(folder))
    })?;
    let mut cbindgen = command(&program.join("bin/cbindgen").to_string_lossy());
    run(cbindgen
        .args(["--quiet", "--config", "capi/cbindgen.toml", "--output"])
        .arg(path)
        .arg("capi"))
}

/// The program of the test must print the same for arm64 as for this machine.
fn on_arm64(folder: &Path) -> Result<()> {
    setup::install(&[Arm64, Qemu])?;
    let zig = cache::install("zig", ZIG, |folder| {
        setup::venv(folder)?;
        let mut pip = command(&folder.join("bin/python").to_string_lossy());
        run(pip
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"])
            .arg(format!("ziglang=={ZIG}")))
    })?;
    let image = folder.join("image");
    let bytes: Vec<u8> = (0..64u8).map(|at| at.wrapping_mul(151) ^ at).collect();
    fs::write(&image, bytes).context("target/capi/image")?;
    step("library for arm64", || {
        let mut cargo = command("cargo");
        cargo.args(["rustc", "--quiet", "--release", "-p", "nibble-capi", "--target", TARGET]);
        run(cargo.args(["--crate-type", "staticlib"]))
    })?;
    let [here, there] = ["here", "arm64"].map(|name| folder.join(name));
    let mut cc = command("cc");
    run(cc
        .args(["-Icapi/include", PROGRAM, "target/capi/libnibble.a"])
        .args(["-lm", "-lpthread", "-ldl", "-o"])
        .arg(&here))?;
    let archive = PathBuf::from("target").join(TARGET).join("release/libnibble.a");
    let mut cc = command(&zig.join("bin/python").to_string_lossy());
    run(cc
        .args(["-m", "ziglang", "cc", "-target", "aarch64-linux-musl", "-static", "-std=c99"])
        .args(["-Wall", "-Wextra", "-Werror", "-Icapi/include", PROGRAM])
        .arg(&archive)
        .args(["-lunwind", "-o"])
        .arg(&there))?;
    let wanted = output(command(&here.to_string_lossy()).arg(MODEL).arg(&image));
    let wanted = wanted.context("the program fails on this machine")?;
    for cpu in CPUS {
        let mut qemu = command("qemu-aarch64-static");
        let found = output(qemu.arg(&there).arg(MODEL).arg(&image).env("QEMU_CPU", cpu));
        ensure!(found.as_ref() == Some(&wanted), "on {cpu}: {found:?}, not {wanted:?}");
        println!("    {cpu}: the same {} lines", wanted.lines().count());
    }
    Ok(())
}
