//! Every test of the repository, step by step.

use anyhow::{Result, bail};

use crate::shell::{self, command, root, step, tools};
use crate::{deny, digests, engines, eval, loops, native, notices, page, setup};

type Step = (&'static str, &'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("fmt", "formatting", fmt),
    ("clippy", "clippy on every target", clippy),
    ("lint-web", "format and lint of page, package and examples", lint_web),
    ("deny", "licences, versions and sources of dependencies", deny::check),
    ("notices", "licences of third parties in THIRD-PARTY.txt", notices::check),
    ("unit", "tests of the workspace", unit),
    ("aarch64", "core and picture on aarch64 under qemu", aarch64),
    ("x86_64", "core on older and newer x86_64 under qemu", x86_64),
    ("digests", "digests that the bench view compares with", digests::check),
    ("warped", "photo-like frames of real pictures, where these are present", eval::check),
    ("inner-loops", "inner loops for arm64 and x86_64: no spill, the paper's instruction", loops::check),
    ("wasm-chromium", "wasm in Chromium", wasm_chromium),
    ("wasm-firefox", "wasm in Firefox", wasm_firefox),
    ("build-page", "npm package and page", page::build),
    ("page-units", "parts of the page that need no browser", || node("tests/units.mjs")),
    ("engines", "both binaries in V8 and JavaScriptCore for arm64 under qemu", engines::verify),
    ("page-chromium", "page in Chromium", || node("tests/chromium.mjs")),
    ("page-recovery", "traps and failing workers in Chromium", || node("tests/recovery.mjs")),
    ("page-camera", "camera view in Chromium, a film for a camera", || node("tests/camera.mjs")),
    ("page-views", "navigation, bench view and how-it-works view in Chromium", || node("tests/views.mjs")),
    ("page-offline", "page without a network, shared pictures, new versions", || node("tests/offline.mjs")),
    ("page-firefox", "page in Firefox", || node("tests/firefox.mjs")),
    ("page-webkit", "page in WebKitGTK, the engine of iPhones", || node("tests/webkit.mjs")),
    ("examples", "examples of the package, built and opened", || node("tests/examples.mjs")),
    ("lighthouse", "accessibility, best practices and SEO by Lighthouse", || node("tests/lighthouse.mjs")),
    ("sizes", "what a first visit loads is within its limit", || page::sizes(true)),
    ("soak", "memory over camera frames, shortened", || page::soak(SOAK_MINUTES)),
    ("parity", "the same bits in both binaries, three browsers, x86_64 and aarch64", parity),
    ("train", "lint, generator, export and integer simulation of train/", train),
    ("readme", "commands of the README marked as tested", readme),
];

/// Minutes of camera frames: what each frame leaves behind shows; what leaks slowly shows in `cargo xtask soak`.
const SOAK_MINUTES: &str = "0.4";

/// Processors that qemu plays, and the kernels that each must have run: the oldest with NEON, one with dot products, everything.
const ARM_CPUS: [(&str, &str); 3] = [
    ("cortex-a53", "neon_f32_8x12,neon_u8i8_4x4_pair,neon_u4u4_24x4_paper,neon_u4i4_4x4_pair"),
    ("cortex-a76", "neon_u4u4_24x4_paper,dotprod_u4i4_8x12,dotprod_u8i8_8x12"),
    ("max", "neon_u4u4_24x4_paper,dotprod_u4i4_8x12,i8mm_u8i8_8x8"),
];

/// The first x86_64, the last without AVX, everything.
const X86_CPUS: [(&str, &str); 3] = [
    ("qemu64", "portable_f32_4x4,portable_u8i8_4x4"),
    ("Nehalem", "sse41_f32_6x8,sse41_u8i8_6x8,sse41_u7i8_6x8,sse41_u4i4_6x8"),
    ("max", "avx2_f32_6x16,avx2_u8i8_6x16,avx2_u7i8_6x16,avx2_u4i4_6x16"),
];

/// Runs all steps, or those named by `--only`. Goes on after a failure and ends with the count.
fn run_steps(names: &[&str]) -> Result<()> {
    let chosen: Vec<&Step> =
        STEPS.iter().filter(|(name, ..)| names.is_empty() || names.contains(name)).collect();
    if let Some(unknown) = names.iter().find(|name| !STEPS.iter().any(|(known, ..)| known == *name)) {
        bail!("no step is called {unknown}: cargo xtask test --list names them");
    }
    setup::everything()?;
    let mut failed = Vec::new();
    for (name, title, work) in &chosen {
        if let Err(error) = step(title, work) {
            eprintln!("    FAILED: {error:#}\n    again: cargo xtask test --only {name}");
            failed.push(*name);
        }
    }
    println!("\n{} passed, {} failed", chosen.len() - failed.len(), failed.len());
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

/// `cargo xtask test` with its options.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let mut names = Vec::new();
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        match option {
            "--list" => {
                STEPS.iter().for_each(|(name, title, _)| println!("{name:14} {title}"));
                return Ok(());
            }
            "--only" => match rest.next() {
                Some(&name) => names.push(name),
                None => bail!("--only needs the name of a step"),
            },
            _ => bail!("unknown option {option}"),
        }
    }
    run_steps(&names)
}

fn fmt() -> Result<()> {
    shell::run(command("cargo").args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let deny = ["--", "-D", "warnings"];
    shell::run(command("cargo").args(["clippy", "--quiet", "--workspace", "--all-targets"]).args(deny))?;
    for binary in &page::BINARIES {
        let mut cargo = command("cargo");
        cargo.args(["clippy", "--quiet", "-p", "nibble-wasm", "--target", "wasm32-unknown-unknown"]);
        shell::run(cargo.args(deny).envs(binary.environment()))?;
    }
    let mut cargo = command("cargo");
    cargo.args(["clippy", "--quiet", "-p", "native-bench", "--target", "aarch64-unknown-linux-musl"]);
    shell::run(cargo.args(deny))
}

/// Kernels that this machine must have run: one that is skipped in silence is a failure.
fn required_kernels() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        return if std::arch::is_x86_feature_detected!("avxvnni") {
            "avxvnni_u8i8_6x16,avx2_u4i4_6x16,avx2_u7i8_6x16,avx2_u8i8_6x16,avx2_f32_6x16,sse41_u4i4_6x8"
        } else {
            "avx2_u4i4_6x16,avx2_u7i8_6x16,avx2_u8i8_6x16,avx2_f32_6x16,sse41_u4i4_6x8"
        };
    }
    ""
}

fn unit() -> Result<()> {
    let mut cargo = command("cargo");
    cargo.args(["test", "--quiet", "--workspace"]).env("NIBBLE_REQUIRE_KERNELS", required_kernels());
    shell::run(&mut cargo)
}

fn aarch64() -> Result<()> {
    under_qemu("aarch64-unknown-linux-musl", &["nibble-core", "nibble-picture"], &ARM_CPUS)
}

fn x86_64() -> Result<()> {
    under_qemu("x86_64-unknown-linux-musl", &["nibble-core"], &X86_CPUS)
}

fn under_qemu(target: &str, packages: &[&str], cpus: &[(&str, &str)]) -> Result<()> {
    for (cpu, kernels) in cpus {
        let mut cargo = command("cargo");
        cargo.args(["test", "--quiet", "--release", "--target", target]);
        for package in packages {
            cargo.args(["-p", package]);
        }
        shell::run(cargo.env("QEMU_CPU", cpu).env("NIBBLE_REQUIRE_KERNELS", kernels))?;
    }
    Ok(())
}

fn wasm_pack_test(browser: &str, driver: &str) -> Result<()> {
    for binary in &page::BINARIES {
        println!("    {}", binary.name);
        let mut pack = command("wasm-pack");
        pack.args(["test", "--headless", "--release", "--mode", "no-install", browser]);
        let driver_path = shell::output(command("which").arg(driver));
        if let Some(path) = driver_path {
            pack.args([if browser == "--chrome" { "--chromedriver" } else { "--geckodriver" }, &path]);
        }
        // The path comes last: what follows it goes to cargo.
        shell::run(pack.arg("wasm").envs(binary.environment()))?;
    }
    Ok(())
}

fn wasm_chromium() -> Result<()> {
    wasm_pack_test("--chrome", "chromedriver")
}

fn wasm_firefox() -> Result<()> {
    wasm_pack_test("--firefox", "geckodriver")
}

fn node(script: &str) -> Result<()> {
    shell::run(command("node").arg(script).current_dir(root().join("web")))
}

fn lint_web() -> Result<()> {
    shell::run(command("npm").args(["run", "--silent", "lint"]).current_dir(root().join("web")))
}

fn parity() -> Result<()> {
    native::build(None)?;
    native::build(Some("aarch64-unknown-linux-musl"))?;
    node("tests/parity.mjs")
}

fn train() -> Result<()> {
    let venv = tools().join("venv");
    let python = venv.join("bin/python");
    if !python.exists() {
        shell::run(command("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    let python = python.to_string_lossy().into_owned();
    let requirements = "train/requirements-dev.txt";
    shell::run(command(&python).args(["-m", "pip", "install", "--quiet", "-r", requirements]))?;
    shell::run(command(&python).args(["-m", "ruff", "check", "--quiet", "train"]))?;
    shell::run(command(&python).args(["-m", "ruff", "format", "--check", "--quiet", "train"]))?;
    shell::run(command(&python).args(["-m", "pytest", "-q", "train"]))
}

/// Runs the fenced blocks of the README whose first line is `sh tested`.
fn readme() -> Result<()> {
    let Ok(text) = std::fs::read_to_string(root().join("README.md")) else { bail!("README.md is missing") };
    let blocks: Vec<&str> =
        text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh tested\n")).collect();
    if blocks.is_empty() {
        bail!("README.md marks no command as tested (a fence that begins with ```sh tested)");
    }
    for block in blocks {
        println!("    {}", block.trim_end().replace('\n', "\n    "));
        shell::run(command("bash").args(["-euo", "pipefail", "-c", block]))?;
    }
    Ok(())
}
