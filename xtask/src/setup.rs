//! Installs what commands and steps need and this machine lacks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::cache;
use crate::shell::{command, find, output, root, run, step};

const GECKODRIVER: &str = "0.37.1";
/// 13 needs a newer Node.
const LIGHTHOUSE: &str = "12.8.2";
const MIN_NODE: (u32, u32) = (20, 19);

/// Something that may have to be installed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// rustc's target for WebAssembly.
    Wasm,
    /// rustc's target for static arm64 binaries.
    Arm64,
    /// rustc's target for static x86_64 binaries.
    X86Static,
    /// rustc's target for x86_64, missing on other machines.
    X86,
    /// rustc's target of static binaries for 32-bit x86.
    X86Narrow,
    Qemu,
    /// wasm-pack, and the programs that it runs.
    WasmPack,
    /// Node and the packages of the page.
    Node,
    Chromium,
    Firefox,
    WebKit,
    Lighthouse,
    /// Python with the packages and fonts of `train/`.
    Python,
    /// Python with onnx and onnxruntime.
    Onnx,
    /// Spark runs on it.
    Java,
    /// Targets, emulators and a linker of machines that are rare.
    Machines,
    /// llvm-mca, by which `inner-loops` bounds cycles.
    LlvmMca,
}

use Need::{
    Arm64, Chromium, Firefox, Java, Lighthouse, LlvmMca, Machines, Node, Onnx, Python, Qemu, Wasm,
    WasmPack, WebKit, X86, X86Narrow, X86Static,
};

/// Targets of rustc for [`Machines`].
const MACHINES: [&str; 4] = [
    "i686-unknown-linux-musl",
    "armv7-unknown-linux-gnueabihf",
    "aarch64-unknown-linux-musl",
    "s390x-unknown-linux-gnu",
];

/// What the build of the page needs.
pub(crate) const PAGE: &[Need] = &[WasmPack, Node];

/// What `demo` and `test` need.
pub(crate) const EVERYTHING: &[Need] = &[
    Wasm, Arm64, X86Static, X86, X86Narrow, Qemu, WasmPack, Node, Chromium, Firefox, WebKit,
    Lighthouse, Python, Onnx,
];

impl Need {
    /// The target of rustc.
    fn target(self) -> Option<&'static str> {
        match self {
            Wasm | WasmPack => Some("wasm32-unknown-unknown"),
            Arm64 => Some("aarch64-unknown-linux-musl"),
            X86Static => Some("x86_64-unknown-linux-musl"),
            X86 => Some("x86_64-unknown-linux-gnu"),
            X86Narrow => Some("i686-unknown-linux-musl"),
            _ => None,
        }
    }

    /// Programs, and the Debian packages that contain them.
    fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Qemu => &[("qemu-aarch64-static", "qemu-user-static")],
            // The compiler recommends the C library, which is not installed without being named.
            Machines => &[
                ("qemu-s390x-static", "qemu-user-static"),
                ("s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu"),
                ("s390x-linux-gnu-gcc", "libc6-dev-s390x-cross"),
                ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
                ("arm-linux-gnueabihf-gcc", "libc6-dev-armhf-cross"),
            ],
            Node => &[("node", "nodejs"), ("npm", "npm")],
            Chromium => &[("chromium", "chromium"), ("chromedriver", "chromium-driver")],
            Firefox => &[("firefox-esr", "firefox-esr")],
            WebKit => &[("WebKitWebDriver", "webkit2gtk-driver"), ("Xvfb", "xvfb")],
            LlvmMca => &[("llvm-mca-16", "llvm-16")],
            Java => &[("java", "openjdk-17-jre-headless")],
            _ => &[],
        }
    }

    /// Debian packages that are missing.
    fn missing(self) -> Vec<&'static str> {
        let lacking = |&&(program, _): &&(&str, &str)| find(program).is_none();
        let mut packages: Vec<_> =
            self.programs().iter().filter(lacking).map(|&(_, package)| package).collect();
        if matches!(self, Python | Onnx) && !has_venv() {
            packages.push("python3-venv");
        }
        if self == Python && !has_fonts() {
            packages.push("fonts-ocr-b");
        }
        packages
    }

    /// Installs what comes neither from Debian nor from rustup.
    fn install(self) -> Result<()> {
        match self {
            WasmPack => wasm_tools(),
            Node => {
                node_version()?;
                npm()
            }
            Firefox => geckodriver(),
            Lighthouse => lighthouse(),
            Python => python().map(|_| ()),
            Onnx => onnx().map(|_| ()),
            Machines => targets(MACHINES.into_iter()),
            _ => Ok(()),
        }
    }
}

/// Installs those of `needs` that are missing.
pub(crate) fn install(needs: &[Need]) -> Result<()> {
    targets(needs.iter().filter_map(|need| need.target()))?;
    let mut packages: Vec<&str> = needs.iter().flat_map(|need| need.missing()).collect();
    packages.sort_unstable();
    packages.dedup();
    if !packages.is_empty() {
        apt_install(&packages)?;
    }
    needs.iter().try_for_each(|need| need.install())
}

pub(crate) fn targets(wanted: impl Iterator<Item = &'static str>) -> Result<()> {
    let Some(installed) = output(command("rustup").args(["target", "list", "--installed"])) else {
        // A toolchain without rustup: the build will say which target it lacks.
        return Ok(());
    };
    let mut missing: Vec<&str> =
        wanted.filter(|target| !installed.lines().any(|line| line == *target)).collect();
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        step(&format!("rustup targets {}", missing.join(" ")), || {
            run(command("rustup").args(["target", "add"]).args(&missing))
        })?;
    }
    Ok(())
}

/// Whether Python can make virtual environments: Debian has that in a package of its own.
fn has_venv() -> bool {
    output(command("python3").args(["-c", "import ensurepip"])).is_some()
}

fn has_fonts() -> bool {
    Path::new("/usr/share/fonts/opentype/ocr-b").exists()
        || output(command("fc-list").arg("OCR-B")).is_some_and(|list| !list.is_empty())
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    let is_root = output(command("id").arg("-u")).as_deref() == Some("0");
    if !is_root || find("apt-get").is_none() {
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
    let mut numbers =
        text.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < MIN_NODE {
        bail!(
            "Node {}.{} or newer is needed, {text} is here: install it from nodejs.org and run this again",
            MIN_NODE.0,
            MIN_NODE.1
        );
    }
    Ok(())
}

/// Installs the packages of the page's lock file, unless they were installed last time.
fn npm() -> Result<()> {
    let web = root().join("web");
    let lock = fs::read(web.join("package-lock.json")).context("web/package-lock.json")?;
    let stamp = web.join("node_modules/.lock-of-last-install");
    if fs::read(&stamp).is_ok_and(|last| last == lock) {
        return Ok(());
    }
    step("npm packages of the page", || {
        let mut npm = command("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]);
        run(npm.current_dir(&web))?;
        fs::write(&stamp, &lock).context("web/node_modules")
    })?;
    Ok(())
}

/// The version of a package in a `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    lock.split(&format!("name = \"{package}\"\nversion = \"")).nth(1)?.split('"').next()
}

/// A build of programs that run for seconds, less time than it takes to compile them.
fn quick(cargo: &mut std::process::Command) -> &mut std::process::Command {
    let settings =
        [("OPT_LEVEL", "0"), ("DEBUG", "false"), ("LTO", "off"), ("CODEGEN_UNITS", "256")];
    for (name, value) in settings {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS")
}

/// Installs wasm-pack, wasm-bindgen and its test runner, compiled together from `xtask/tools`.
fn wasm_tools() -> Result<()> {
    const PROGRAMS: [&str; 3] = ["wasm-pack", "wasm-bindgen", "wasm-bindgen-test-runner"];
    let source = root().join("xtask/tools");
    let lock = fs::read_to_string(source.join("Cargo.lock")).context("xtask/tools/Cargo.lock")?;
    let ours = fs::read_to_string(root().join("Cargo.lock")).context("Cargo.lock")?;
    let (tool, library) =
        (locked_version(&lock, "wasm-bindgen-cli-support"), locked_version(&ours, "wasm-bindgen"));
    ensure!(
        tool.is_some() && tool == library,
        "wasm-bindgen is {library:?} in Cargo.lock and {tool:?} in xtask/tools/Cargo.lock: they must be the same"
    );
    let version = cache::version_of_files(&source)?;
    let place = cache::install("wasm-tools", &version, |place| {
        println!("    compiling wasm-pack and wasm-bindgen: takes minutes, once on this machine");
        let target = place.join("target");
        let mut cargo = command("cargo");
        cargo.args(["build", "--quiet", "--locked", "--release", "--manifest-path"]);
        cargo.arg(source.join("Cargo.toml"));
        run(quick(&mut cargo).env("CARGO_TARGET_DIR", &target))?;
        for program in PROGRAMS {
            fs::copy(target.join("release").join(program), place.join(program)).context(program)?;
        }
        fs::remove_dir_all(target).context("what was compiled")
    })?;
    PROGRAMS.iter().try_for_each(|program| cache::link(program, &place.join(program)))
}

fn geckodriver() -> Result<()> {
    let found = output(command("geckodriver").arg("--version"));
    if found.is_some_and(|text| text.split_whitespace().any(|word| word == GECKODRIVER)) {
        return Ok(());
    }
    let place = cache::install("geckodriver", GECKODRIVER, |place| {
        println!("    compiling geckodriver: takes a minute, once on this machine");
        let target = place.join("target");
        let mut cargo = command("cargo");
        cargo.args([
            "install",
            "--quiet",
            "--locked",
            "geckodriver",
            "--version",
            GECKODRIVER,
            "--root",
        ]);
        run(quick(&mut cargo).arg(place).env("CARGO_TARGET_DIR", &target))?;
        fs::remove_dir_all(target).context("what was compiled")
    })?;
    cache::link("geckodriver", &place.join("bin/geckodriver"))
}

/// Installs Lighthouse, separately from the page's packages, because it is larger than all of them.
fn lighthouse() -> Result<()> {
    let place = cache::install("lighthouse", LIGHTHOUSE, |place| {
        let mut npm = command("npm");
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--prefer-offline",
            "--loglevel=error",
            "--prefix",
        ]);
        run(npm.arg(place).arg(format!("lighthouse@{LIGHTHOUSE}")))
    })?;
    cache::link("lighthouse", &place)
}

/// Installs a virtual environment of Python with the packages of `train/`.
pub(crate) fn python() -> Result<PathBuf> {
    environment("python", &["train/requirements.txt", "train/requirements-dev.txt"])
}

/// Likewise with onnx and onnxruntime, which the tests of `nibble-qat convert` compare with.
pub(crate) fn onnx() -> Result<PathBuf> {
    environment("onnx", &["web/peers/requirements.txt", "train/requirements-onnx.txt"])
}

/// Makes a virtual environment of Python in a folder.
pub(crate) fn venv(place: &Path) -> Result<()> {
    if !has_venv() {
        apt_install(&["python3-venv"])?;
    }
    run(command("python3").args(["-m", "venv"]).arg(place))
}

/// Installs a virtual environment of Python with the packages of some lists, unless it is
/// installed; returns its interpreter.
pub(crate) fn environment(name: &str, lists: &[&str]) -> Result<PathBuf> {
    let read = |list: &&str| fs::read(root().join(list)).with_context(|| (*list).to_owned());
    let packages = lists.iter().map(read).collect::<Result<Vec<_>>>()?.concat();
    let python = output(command("python3").arg("--version")).context("python3 does not run")?;
    let version = cache::version_of(&[python.as_bytes(), &packages]);
    let place = cache::install(name, &version, |place| {
        venv(place)?;
        let mut pip = command(&place.join("bin/python").to_string_lossy());
        pip.args(["-m", "pip", "install", "--quiet"]);
        run(pip.args(lists.iter().flat_map(|list| ["-r", list])))
    })?;
    Ok(place.join("bin/python"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_fit_the_library() {
        let read = |path: &str| fs::read_to_string(root().join(path)).expect(path);
        let (ours, tools) = (read("Cargo.lock"), read("xtask/tools/Cargo.lock"));
        let library = locked_version(&ours, "wasm-bindgen").expect("a version");
        assert_eq!(locked_version(&tools, "wasm-bindgen-cli-support"), Some(library));
        assert_eq!(locked_version(&ours, "no-such-package"), None);
    }
}
