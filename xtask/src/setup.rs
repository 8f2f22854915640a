//! What the commands need, installed where it is missing.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell::{command, exists, output, root, run, step, tools};

const WASM_PACK: &str = "0.15.1";
const GECKODRIVER: &str = "0.37.1";
/// 13 needs a newer Node.
const LIGHTHOUSE: &str = "12.8.2";
const OLDEST_NODE: (u32, u32) = (20, 19);
const TARGETS: [&str; 4] = [
    "wasm32-unknown-unknown",
    "aarch64-unknown-linux-musl",
    "x86_64-unknown-linux-musl",
    "x86_64-unknown-linux-gnu",
];

/// Everything that `demo` needs.
pub(crate) fn for_page() -> Result<()> {
    targets()?;
    apt(&[("node", "nodejs"), ("npm", "npm")])?;
    node_version()?;
    cargo_tool("wasm-pack", WASM_PACK)?;
    cargo_tool("wasm-bindgen", &wasm_bindgen_version()?)?;
    npm()
}

/// Everything that `demo` and `test` need.
pub(crate) fn everything() -> Result<()> {
    for_page()?;
    apt(&[
        ("qemu-aarch64-static", "qemu-user-static"),
        ("chromium", "chromium"),
        ("chromedriver", "chromium-driver"),
        ("firefox-esr", "firefox-esr"),
        ("python3", "python3-venv"),
    ])?;
    // These two do not answer to --version.
    let webkit = [("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")];
    let missing: Vec<&str> = webkit
        .iter()
        .filter(|(program, _)| output(command("which").arg(program)).is_none())
        .map(|&(_, package)| package)
        .collect();
    if !missing.is_empty() {
        apt_install(&missing)?;
    }
    if !Path::new("/usr/share/fonts/opentype/ocr-b").exists()
        && output(command("fc-list").arg("OCR-B")).is_none_or(|list| list.is_empty())
    {
        apt_install(&["fonts-ocr-b"])?;
    }
    cargo_tool("geckodriver", GECKODRIVER)?;
    lighthouse()
}

/// Tools that only `inner-loops` needs.
pub(crate) fn llvm() -> Result<()> {
    apt(&[("llvm-mca-16", "llvm-16")])
}

/// Lighthouse, apart from the page's packages because it brings more than all of them together.
fn lighthouse() -> Result<()> {
    let folder = tools().join("lighthouse");
    let installed = std::fs::read_to_string(folder.join("node_modules/lighthouse/package.json"));
    if installed.is_ok_and(|text| text.contains(&format!("\"version\": \"{LIGHTHOUSE}\""))) {
        return Ok(());
    }
    step(&format!("lighthouse {LIGHTHOUSE} from npm"), || {
        std::fs::create_dir_all(&folder).context(".tools/lighthouse")?;
        let mut npm = command("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&folder);
        run(npm.arg(format!("lighthouse@{LIGHTHOUSE}")))
    })?;
    Ok(())
}

/// The targets of rustc.
pub(crate) fn targets() -> Result<()> {
    let Some(installed) = output(command("rustup").args(["target", "list", "--installed"])) else {
        // A toolchain without rustup: the build says which target it lacks.
        return Ok(());
    };
    for target in TARGETS {
        if !installed.lines().any(|line| line == target) {
            step(&format!("rustup target {target}"), || {
                run(command("rustup").args(["target", "add", target]))
            })?;
        }
    }
    Ok(())
}

/// Installs Debian packages for the programs that are missing.
fn apt(programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> =
        programs.iter().filter(|(program, _)| !exists(program)).map(|&(_, package)| package).collect();
    if missing.is_empty() { Ok(()) } else { apt_install(&missing) }
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    let is_root = output(command("id").arg("-u")).as_deref() == Some("0");
    if !is_root || !exists("apt-get") {
        bail!(
            "these are missing: {list}. Install them (Debian, Ubuntu: sudo apt-get install {list}) and run this again"
        );
    }
    step(&format!("apt packages {list}"), || {
        run(command("apt-get").args(["update", "-qq"]))?;
        let mut install = command("apt-get");
        run(install
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    })?;
    Ok(())
}

fn node_version() -> Result<()> {
    let text = output(command("node").arg("--version")).context("node does not run")?;
    let mut numbers = text.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < OLDEST_NODE {
        bail!(
            "Node {}.{} or newer is needed, {text} is here: install it from nodejs.org and run this again",
            OLDEST_NODE.0,
            OLDEST_NODE.1
        );
    }
    Ok(())
}

/// The version of wasm-bindgen in `Cargo.lock`: its program must be the same.
fn wasm_bindgen_version() -> Result<String> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).context("Cargo.lock")?;
    let after = lock.split("name = \"wasm-bindgen\"\nversion = \"").nth(1);
    let version =
        after.and_then(|text| text.split('"').next()).context("wasm-bindgen is not in Cargo.lock")?;
    Ok(version.to_owned())
}

/// Installs a program from crates.io into `.tools`, unless that version is here already.
fn cargo_tool(program: &str, version: &str) -> Result<()> {
    let found = output(command(program).arg("--version"));
    if found.is_some_and(|text| text.split_whitespace().any(|word| word == version)) {
        return Ok(());
    }
    let package = if program == "wasm-bindgen" { "wasm-bindgen-cli" } else { program };
    step(&format!("{package} {version} from crates.io (some minutes, once)"), || {
        let install = |locked: bool| {
            let mut cargo = command("cargo");
            cargo.args(["install", "--quiet", package, "--version", version, "--root"]).arg(tools());
            cargo.arg("--target-dir").arg(tools().join("target"));
            if locked {
                cargo.arg("--locked");
            }
            // These programs run for seconds: a quick build pays more than quick code.
            cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_LTO", "off");
            run(cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16").env_remove("RUSTFLAGS"))
        };
        // A mirror of the registry may lack a version that the lock file of the program names.
        install(true).or_else(|_| install(false))
    })?;
    Ok(())
}

/// Installs the packages of the page's lock file, unless they are those installed last time.
fn npm() -> Result<()> {
    let web = root().join("web");
    let lock = std::fs::read(web.join("package-lock.json")).context("web/package-lock.json")?;
    let stamp = web.join("node_modules/.lock-of-last-install");
    if std::fs::read(&stamp).is_ok_and(|last| last == lock) {
        return Ok(());
    }
    step("npm packages of the page", || {
        run(command("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&web))?;
        std::fs::write(&stamp, &lock).context("web/node_modules")
    })?;
    Ok(())
}
