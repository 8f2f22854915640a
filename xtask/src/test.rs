//! Every test of the repository, step by step.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::setup::Need::{
    self, Arm64, Chromium, Firefox, Lighthouse, Node, Onnx, Python, Qemu, Wasm, WasmPack, WebKit,
    X86, X86Narrow, X86Static,
};
use crate::shell::{self, command, root, step};
use crate::{
    book, deny, digests, engines, eval, loops, msrv, native, notices, package, page, python, sbom,
    setup,
};

/// A step: its name, its title, what it needs, and its work.
type Step = (&'static str, &'static str, &'static [Need], fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("fmt", "formatting", &[], fmt),
    ("clippy", "clippy on every target", &[Wasm, Arm64], clippy),
    ("doc", "documentation without a warning", &[], rustdoc),
    ("deny", "licences, versions and sources of dependencies", &[Python], deny::check),
    ("notices", "licences and bill of materials of third parties", &[Node], || {
        notices::check()?;
        sbom::check()
    }),
    ("lint-web", "format and lint of page, package and examples", &[Node], lint_web),
    ("msrv", "published crates with the oldest Rust that they promise", &[], msrv::check),
    ("unit", "tests of the workspace", &[], unit),
    ("aarch64", "engine, reader and picture on aarch64 under qemu", &[Arm64, Qemu], aarch64),
    (
        "x86_64",
        "engine and reader on older and newer x86_64 under qemu",
        &[X86Static, Qemu],
        x86_64,
    ),
    ("i686", "engine and reader on a 32-bit target", &[X86Narrow], i686),
    ("package", "crates as they would be published", &[], package::check),
    ("digests", "digests that the bench view compares with", &[], digests::check),
    ("midv", "layout of the published sets MIDV-500 and MIDV-2020, with specimens", &[], || {
        let mut cargo = command("cargo");
        cargo.args(["test", "--quiet", "-p", "xtask", "--", "--ignored", "a_set_of_specimens"]);
        shell::run(&mut cargo)
    }),
    ("warped", "photo-like frames of real pictures, where these are present", &[], eval::check),
    (
        "inner-loops",
        "inner loops for arm64 and x86_64: no spill, the paper's instruction",
        &[Arm64, X86],
        loops::check,
    ),
    ("wasm-chromium", "wasm in Chromium", &[WasmPack, Chromium], wasm_chromium),
    ("wasm-firefox", "wasm in Firefox", &[WasmPack, Firefox], wasm_firefox),
    ("build-page", "npm package and page", setup::PAGE, page::build),
    ("page-package", "npm package in Node and Chromium", &[Node, Chromium], || {
        node("tests/package.mjs")
    }),
    ("page-hostile", "hostile values for the npm package in Node", &[Node], || {
        node("tests/hostile.mjs")
    }),
    ("page-elements", "elements of the package in Chromium", &[Node, Chromium], || {
        node("tests/elements.mjs")
    }),
    ("mrz-npm", "generated zones, parsed by the npm package mrz too", &[Node], mrz_npm),
    ("page-units", "parts of the page that need no browser", &[Node], || node("tests/units.mjs")),
    (
        "engines",
        "both binaries in V8 and JavaScriptCore for arm64 under qemu",
        &[Node, Qemu],
        engines::verify,
    ),
    ("page-chromium", "page in Chromium", &[Node, Chromium], || node("tests/chromium.mjs")),
    (
        "page-early",
        "presses before the page's script is there, in Chromium",
        &[Node, Chromium],
        || node("tests/early.mjs"),
    ),
    ("page-recovery", "traps and failing workers in Chromium", &[Node, Chromium], || {
        node("tests/recovery.mjs")
    }),
    (
        "page-tabs",
        "frozen tabs, two tabs, hosts that forbid workers in Chromium",
        &[Node, Chromium],
        || node("tests/tabs.mjs"),
    ),
    ("page-camera", "camera view in Chromium, a film for a camera", &[Node, Chromium], || {
        node("tests/camera.mjs")
    }),
    (
        "page-table",
        "history, tables of several files and several documents in Chromium",
        &[Node, Chromium],
        || node("tests/table.mjs"),
    ),
    (
        "page-viewfinder",
        "the camera's picture on a phone, upright and in landscape, in Chromium",
        &[Node, Chromium],
        || node("tests/viewfinder.mjs"),
    ),
    (
        "page-rows",
        "undo, several documents in a picture, folders, ways to the table in Chromium",
        &[Node, Chromium],
        || node("tests/rows.mjs"),
    ),
    (
        "page-words",
        "what is said of dates, small screens, forced colours in Chromium",
        &[Node, Chromium],
        || node("tests/words.mjs"),
    ),
    (
        "page-desk",
        "edit, copy, undo, spreadsheets, keys, mirrors and a camera in series in Chromium",
        &[Node, Chromium],
        || node("tests/desk.mjs"),
    ),
    (
        "page-views",
        "navigation, bench view and how-it-works view in Chromium",
        &[Node, Chromium],
        || node("tests/views.mjs"),
    ),
    (
        "page-offline",
        "page without a network, shared pictures, new versions",
        &[Node, Chromium],
        || node("tests/offline.mjs"),
    ),
    ("page-firefox", "page in Firefox", &[Node, Firefox], || node("tests/firefox.mjs")),
    ("page-webkit", "page in WebKitGTK, the engine of iPhones", &[Node, WebKit], || {
        node("tests/webkit.mjs")
    }),
    ("examples", "examples of the package, built and opened", &[Node, Chromium], || {
        node("tests/examples.mjs")
    }),
    (
        "own-network",
        "the ten steps of docs/own-network.md, from pip install to a page that answers",
        &[Node, Chromium],
        || {
            native::build()?;
            node("tests/own-network.mjs")
        },
    ),
    (
        "lighthouse",
        "accessibility, best practices and SEO by Lighthouse",
        &[Node, Chromium, Lighthouse],
        || page::lighthouse(false),
    ),
    ("sizes", "what a first visit loads is within its limit", &[Node], || page::sizes(true)),
    ("soak", "memory over camera frames, shortened", &[Node, Chromium], || {
        page::soak(SOAK_MINUTES)
    }),
    (
        "parity",
        "the same bits in both binaries, three browsers, x86_64 and aarch64",
        &[Arm64, Qemu, Node, Chromium, Firefox, WebKit],
        parity,
    ),
    ("python", "the Python package on the specimens", &[Python], python::check),
    ("train", "lint, types, generator, export and integer simulation of train/", &[Python], train),
    ("onnx", "nibble-qat convert against onnxruntime", &[Onnx], onnx),
    ("book", "documentation as a book, its links and interfaces", &[Node, Python], book::check),
    ("readme", "commands of the README marked as tested", &[], readme),
];

/// Generates zones with their documents, and compares these with what the npm package reads.
fn mrz_npm() -> Result<()> {
    let zones = root().join("target/zones.ndjson");
    let mut cargo = command("cargo");
    cargo.args(["test", "--quiet", "-p", "nibble-mrz", "--features", "serde", "--test", "oracle"]);
    cargo.args(["--", "--ignored", "zones_for_npm"]);
    shell::run(cargo.env("NIBBLE_ZONES", &zones))?;
    let mut node = command("node");
    shell::run(node.arg("tests/mrz.mjs").arg(zones).current_dir(root().join("web")))
}

/// Minutes of camera frames, enough to reveal a leak in every frame; `cargo xtask soak` reveals
/// slow leaks.
const SOAK_MINUTES: &str = "0.4";

/// Processors that qemu emulates, and the kernels that each must run: the oldest with NEON, one
/// with dot products, and one with everything.
const ARM_CPUS: [(&str, &str); 3] = [
    ("cortex-a53", "neon_f32_8x12,neon_u8i8_4x4_pair,neon_u4u4_24x4_paper,neon_u4i4_4x4_pair"),
    ("cortex-a76", "neon_u4u4_24x4_paper,dotprod_u4i4_8x12,dotprod_u8i8_8x12"),
    ("max", "neon_u4u4_24x4_paper,dotprod_u4i4_8x12,i8mm_u8i8_8x8"),
];

/// The same for x86_64: the first one, the last without AVX, and one with everything.
const X86_CPUS: [(&str, &str); 3] = [
    ("qemu64", "portable_f32_4x4,portable_u8i8_4x4"),
    ("Nehalem", "sse41_f32_6x8,sse41_u8i8_6x8,sse41_u7i8_6x8,sse41_u4i4_6x8"),
    ("max", "avx2_f32_6x16,avx2_u8i8_6x16,avx2_u7i8_6x16,avx2_u4i4_6x16"),
];

/// Runs all steps, or those named by `--only`, and goes on after a failure. Prints how long each
/// took, and how many passed.
fn run_steps(names: &[&str]) -> Result<()> {
    let chosen: Vec<&Step> =
        STEPS.iter().filter(|(name, ..)| names.is_empty() || names.contains(name)).collect();
    if let Some(unknown) = names.iter().find(|name| !STEPS.iter().any(|(known, ..)| known == *name))
    {
        bail!("there is no step `{unknown}`: cargo xtask test --list names them all");
    }
    let mut times = vec![("set-up", setup_for(&chosen)?)];
    let mut failed = Vec::new();
    for (name, title, _, work) in &chosen {
        let begin = Instant::now();
        if let Err(error) = step(title, work) {
            eprintln!("    FAILED: {error:#}\n    again: cargo xtask test --only {name}");
            failed.push(*name);
        }
        times.push((name, begin.elapsed()));
    }
    print!("{}", table(&times));
    println!("\n{} passed, {} failed", chosen.len() - failed.len(), failed.len());
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

/// Installs what the chosen steps need, all at once, and prints how long it took.
fn setup_for(chosen: &[&Step]) -> Result<Duration> {
    let begin = Instant::now();
    let mut needs = Vec::new();
    for need in chosen.iter().flat_map(|(_, _, needs, _)| needs.iter()) {
        if !needs.contains(need) {
            needs.push(*need);
        }
    }
    setup::install(&needs)?;
    Ok(begin.elapsed())
}

/// A table of the seconds of each step and of all together.
fn table(times: &[(&str, Duration)]) -> String {
    let total = times.iter().map(|(_, time)| *time).sum();
    let row = |name: &str, time: Duration| format!("{name:14} {:8.1}\n", time.as_secs_f64());
    let rows: String = times.iter().map(|&(name, time)| row(name, time)).collect();
    format!("\n{:14} {:>8}\n{rows}{}", "step", "seconds", row("total", total))
}

/// `cargo xtask test` with its options.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let mut names = Vec::new();
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        match option {
            "--list" => {
                STEPS.iter().for_each(|(name, title, ..)| println!("{name:14} {title}"));
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
    shell::run(
        command("cargo").args(["clippy", "--quiet", "--workspace", "--all-targets"]).args(deny),
    )?;
    for binary in &page::BINARIES {
        let mut cargo = command("cargo");
        cargo.args([
            "clippy",
            "--quiet",
            "-p",
            "nibble-wasm",
            "--target",
            "wasm32-unknown-unknown",
        ]);
        // These reach this repository's crates only: all others are checked once for both binaries.
        cargo.args(deny).args(binary.own_flags());
        shell::run(cargo.env(page::FLAGS_VARIABLE, page::flags()))?;
    }
    // Each module by itself, as the package has them.
    for module in [
        &["nibble-wasm", "--no-default-features", "--features", "read"][..],
        &["nibble-wasm", "--no-default-features", "--features", "bench"],
        &["nibble-wasm", "--no-default-features", "--features", "network"],
        &["nibble-wasm-picture", "--no-default-features", "--features", "jpeg"],
        &["nibble-wasm-picture", "--no-default-features", "--features", "other"],
        &["nibble-wasm-sheet"],
    ] {
        let mut cargo = command("cargo");
        cargo
            .args(["clippy", "--quiet", "--target", "wasm32-unknown-unknown", "-p"])
            .args(module)
            .args(deny);
        shell::run(cargo.env(page::FLAGS_VARIABLE, page::flags()))?;
    }
    let mut cargo = command("cargo");
    cargo.args([
        "clippy",
        "--quiet",
        "-p",
        "native-bench",
        "--target",
        "aarch64-unknown-linux-musl",
    ]);
    shell::run(cargo.args(deny))
}

/// Links in documentation lead somewhere, and every public item has some.
fn rustdoc() -> Result<()> {
    let mut cargo = command("cargo");
    cargo.args(["doc", "--quiet", "--no-deps", "--all-features"]);
    for package in DOCUMENTED {
        cargo.args(["-p", package]);
    }
    shell::run(cargo.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Crates whose documentation is read apart from their source.
pub(crate) const DOCUMENTED: [&str; 7] = [
    "nibble-bench",
    "nibble-core",
    "nibble-gray",
    "nibble-models",
    "nibble-mrz",
    "nibble-picture",
    "nibble-reader",
];

/// Kernels that this machine must run: one that is skipped silently is a failure.
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
    cargo
        .args(["test", "--quiet", "--workspace"])
        .env("NIBBLE_REQUIRE_KERNELS", required_kernels());
    shell::run(&mut cargo)?;
    // Each decoder by itself, as the package has them.
    for feature in ["jpeg", "other"] {
        let mut cargo = command("cargo");
        cargo.args(["test", "--quiet", "-p", "nibble-wasm-picture", "--lib"]);
        shell::run(cargo.args(["--no-default-features", "--features", feature]))?;
    }
    Ok(())
}

fn aarch64() -> Result<()> {
    under_qemu(
        "aarch64-unknown-linux-musl",
        &["nibble-core", "nibble-mrz", "nibble-picture"],
        &ARM_CPUS,
    )
}

fn x86_64() -> Result<()> {
    under_qemu("x86_64-unknown-linux-musl", &["nibble-core"], &X86_CPUS)
}

/// Sizes in files must be checked with the width of the target. Kernels are the portable ones.
fn i686() -> Result<()> {
    let mut cargo = command("cargo");
    cargo.args(["test", "--quiet", "--target", "i686-unknown-linux-musl"]);
    shell::run(cargo.args(["-p", "nibble-core", "-p", "nibble-mrz", "-p", "nibble-reader"]))
}

/// Runs the tests of some crates and the unit tests of the reader on each of some processors. The
/// reader's other tests read hundreds of strips, which takes an emulator minutes; their bits are those
/// of the unit tests and of the step `parity`.
fn under_qemu(target: &str, packages: &[&str], cpus: &[(&str, &str)]) -> Result<()> {
    let test = |arguments: &[&str], (cpu, kernels): (&str, &str)| {
        let mut cargo = command("cargo");
        cargo
            .args(["test", "--quiet", "--profile", "emulated", "--target", target])
            .args(arguments);
        shell::run(cargo.env("QEMU_CPU", cpu).env("NIBBLE_REQUIRE_KERNELS", kernels))
    };
    let packages: Vec<&str> = packages.iter().flat_map(|package| ["-p", package]).collect();
    for &cpu in cpus {
        test(&packages, cpu)?;
        test(&["-p", "nibble-reader", "--lib"], cpu)?;
    }
    Ok(())
}

fn wasm_pack_test(browser: &str, driver: &str) -> Result<()> {
    for binary in &page::BINARIES {
        println!("    {}", binary.name);
        let mut pack = command("wasm-pack");
        pack.args(["test", "--headless", "--release", "--mode", "no-install", browser]);
        if let Some(path) = shell::find(driver) {
            pack.arg(if browser == "--chrome" { "--chromedriver" } else { "--geckodriver" })
                .arg(path);
        }
        // The path comes last: arguments after it go to cargo.
        shell::run(pack.arg("wasm").envs(binary.environment()?))?;
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
    native::build()?;
    native::build_emulated("aarch64-unknown-linux-musl")?;
    node("tests/parity.mjs")
}

fn train() -> Result<()> {
    let python = setup::python()?.to_string_lossy().into_owned();
    for verb in [&["check"][..], &["format", "--check"]] {
        shell::run(command(&python).args(["-m", "ruff"]).args(verb).args(["--quiet", "train"]))?;
        let mut examples = command(&python);
        examples.args(["-m", "ruff"]).args(verb).args(["--quiet", "--config"]);
        let folders = ["examples/digits", "examples/codes"];
        shell::run(examples.arg("train/pyproject.toml").args(folders))?;
    }
    typed(
        &python,
        "train/pyproject.toml",
        &["train/nibble_qat/src/nibble_qat", "train/nibble_qat/tests/typed_use.py"],
    )?;
    shell::run(command(&python).args(["-m", "pytest", "-q", "train"]))
}

/// Checks the types of Python files with the settings of a project.
pub(crate) fn typed(python: &str, project: &str, files: &[&str]) -> Result<()> {
    let mut mypy = command(python);
    mypy.args(["-m", "mypy", "--no-error-summary", "--cache-dir", "target/mypy"]);
    shell::run(mypy.args(["--config-file", project]).args(files))
}

/// The tests of `nibble-qat` with onnx and onnxruntime: none of those that need these is skipped.
fn onnx() -> Result<()> {
    let mut pytest = command(&setup::onnx()?.to_string_lossy());
    pytest.args(["-m", "pytest", "-q", "train/nibble_qat/tests/test_qat_onnx.py"]);
    shell::run(pytest.env("NIBBLE_REQUIRE_ONNX", "1"))
}

/// Runs the fenced blocks of the README whose first line is `sh tested`.
fn readme() -> Result<()> {
    let Ok(text) = std::fs::read_to_string(root().join("README.md")) else {
        bail!("README.md is missing")
    };
    let blocks: Vec<&str> = text
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix("sh tested\n"))
        .collect();
    if blocks.is_empty() {
        bail!("README.md marks no command as tested (a fence that begins with ```sh tested)");
    }
    for block in blocks {
        println!("    {}", block.trim_end().replace('\n', "\n    "));
        shell::run(command("bash").args(["-euo", "pipefail", "-c", block]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_without_browsers_need_none() {
        for wanted in ["fmt", "unit", "digests", "readme"] {
            let found = STEPS.iter().find(|(name, ..)| *name == wanted).expect(wanted);
            assert_eq!(found.2, [], "{wanted}");
        }
    }

    #[test]
    fn set_up_alone_installs_what_every_step_needs() {
        for (name, _, needs, _) in STEPS {
            for need in *needs {
                assert!(setup::EVERYTHING.contains(need), "{name} needs {need:?}");
            }
        }
    }

    #[test]
    fn the_table_ends_with_the_total() {
        let times = [("fmt", Duration::from_millis(1500)), ("unit", Duration::from_secs(60))];
        let lines = "step            seconds\nfmt                 1.5\nunit               60.0\ntotal              61.5\n";
        assert_eq!(table(&times), format!("\n{lines}"));
    }
}
