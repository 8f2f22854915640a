//! `cargo xtask dist`: everything that a release has attached, in `target/dist`.
//!
//! What is built should depend on the sources and the tools and nothing else: paths of this machine
//! are replaced, times are that of the commit, and lists are sorted. `--check` builds a second
//! time, from a clone in another folder, and compares the checksums. `--try` uses what is there as
//! a new user would.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::setup::Need::{Arm64, Chromium, Node, Qemu, WasmPack, X86Static};
use crate::shell::{self, command, output, root, run, step};
use crate::version::VERSION;
use crate::{book, cache, msrv, native, page, sbom, setup};

/// Where it all goes.
const FOLDER: &str = "target/dist";
/// Where it is compiled, apart from other builds: flags differ.
const BUILD: &str = "target/dist-build";
/// Targets of the command line, and what its file is called after.
const PROGRAMS: [(&str, &str); 2] = [
    ("x86_64-unknown-linux-musl", "x86_64-linux"),
    ("aarch64-unknown-linux-musl", "aarch64-linux"),
];
/// Targets of the Python package.
const WHEELS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];
/// The oldest systems that wheels run on: those with glibc 2.17.
const MANYLINUX: &str = "manylinux2014";

/// `cargo xtask dist` with its options.
pub(crate) fn run_all(options: &[&str]) -> Result<()> {
    match options {
        [] => build(),
        ["--check"] => check(),
        ["--try"] => {
            setup::install(&[Node, Chromium, Qemu])?;
            run(command("node").arg("tests/release.mjs").current_dir(root().join("web")))
        }
        _ => bail!("dist takes --check or --try, or nothing"),
    }
}

/// Makes everything.
fn build() -> Result<()> {
    setup::install(&[WasmPack, Node, Arm64, X86Static])?;
    setup::targets(WHEELS.into_iter())?;
    let tools = tools()?;
    let folder = root().join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).context(FOLDER)?;
    }
    fs::create_dir_all(&folder).context(FOLDER)?;
    page::build()?;
    let book = book::build()?;
    step("site", || {
        book::copy(&book, &root().join("web/dist/docs"))?;
        let zip = folder.join(format!("nibble-site-{VERSION}.zip"));
        run(command("python3").args(["xtask/pack.py", "zip"]).arg(zip).arg("web/dist"))
    })?;
    step("npm package, packed", || {
        let mut npm = command("npm");
        npm.args(["pack", "--silent", "--pack-destination"]).arg(&folder);
        run(npm.current_dir(root().join("web/pkg")))
    })?;
    step("crates", || crates(&folder))?;
    for (target, name) in PROGRAMS {
        step(&format!("native-bench for {target}"), || {
            native::build_stripped(target, BUILD)?;
            let built = root().join(BUILD).join(target).join("release/native-bench");
            let place = folder.join(format!("native-bench-{VERSION}-{name}"));
            fs::copy(&built, &place).context("native-bench")?;
            is_static(&place)
        })?;
    }
    for target in WHEELS {
        step(&format!("wheel of nibble-mrz for {target}"), || wheel(target, &tools, &folder))?;
    }
    step("wheel of nibble-qat", || {
        let mut pip = python_tool(&tools, "python");
        pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]);
        run(pip.args(["--wheel-dir"]).arg(&folder).arg("train/nibble_qat"))
    })?;
    step("bill of materials, licences, checksums", || {
        fs::write(folder.join(format!("nibble-{VERSION}.cdx.json")), sbom::text()?)?;
        for name in ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.txt"] {
            fs::copy(root().join(name), folder.join(name)).context(name)?;
        }
        run(command("python3").args(["xtask/pack.py", "sums"]).arg(&folder))
    })?;
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).context("SHA256SUMS")?;
    println!("\n{FOLDER}:\n{}", table(&sums, &folder)?);
    Ok(())
}

/// Sizes and beginnings of checksums.
fn table(sums: &str, folder: &Path) -> Result<String> {
    let row = |line: &str| {
        let (sum, name) = line.split_once("  ").context("SHA256SUMS")?;
        let bytes = fs::metadata(folder.join(name)).with_context(|| name.to_owned())?.len();
        Ok(format!("{bytes:>9}  {}  {name}", sum.get(..16).unwrap_or(sum)))
    };
    Ok(sums.lines().map(row).collect::<Result<Vec<_>>>()?.join("\n"))
}

/// Builds again from a clone in another folder and compares every file. Files that differ are
/// named.
fn check() -> Result<()> {
    let clean = output(command("git").args(["status", "--porcelain"]));
    ensure!(clean.as_deref() == Some(""), "commit first: the second build is of the commit");
    build()?;
    let clone = root().join("target/dist-again/in another folder");
    if clone.exists() {
        fs::remove_dir_all(&clone).context("the clone")?;
    }
    let (here, there) = (root().to_string_lossy().into_owned(), clone.to_string_lossy());
    run(command("git").args(["clone", "--quiet", "--no-hardlinks", &here, &there]))?;
    let mut again = command("cargo");
    again.args(["xtask", "dist"]).current_dir(&clone).env_remove("CARGO_TARGET_DIR");
    run(&mut again)?;
    let sums = |folder: &Path| {
        fs::read_to_string(folder.join(FOLDER).join("SHA256SUMS")).context("SHA256SUMS")
    };
    let differing = differing(&sums(&root())?, &sums(&clone)?);
    ensure!(differing.is_empty(), "these differ between two builds: {}", differing.join(", "));
    fs::remove_dir_all(&clone).context("the clone")?;
    println!("\nboth builds are the same, byte for byte");
    Ok(())
}

/// Names of files whose checksums differ, or that one list lacks.
fn differing(first: &str, second: &str) -> Vec<String> {
    let missing = |from: &str, list: &str| -> Vec<String> {
        let lines = list.lines().filter(|line| !from.lines().any(|other| other == *line));
        lines.map(|line| line.split("  ").last().unwrap_or(line).to_owned()).collect()
    };
    let mut names = [missing(first, second), missing(second, first)].concat();
    names.sort();
    names.dedup();
    names
}

/// Packs the crates that are published. The step `package` of the tests builds them from their
/// packages.
fn crates(folder: &Path) -> Result<()> {
    let (_, names) = msrv::published()?;
    let mut cargo = command("cargo");
    cargo.args(["package", "--quiet", "--no-verify", "--allow-dirty"]);
    run(cargo.args(names.iter().flat_map(|name| ["--package", name])))?;
    for name in names {
        let file = format!("{name}-{VERSION}.crate");
        fs::copy(root().join("target/package").join(&file), folder.join(&file)).context(file)?;
    }
    Ok(())
}

/// A program that asks for an interpreter is not static, and does not run on Android.
pub(crate) fn is_static(program: &Path) -> Result<()> {
    let bytes = fs::read(program)?;
    let interpreter = bytes.windows(8).any(|bytes| bytes == b"/lib/ld-");
    ensure!(!interpreter, "{} is not static: it asks for an interpreter", program.display());
    Ok(())
}

/// A virtual environment with maturin, zig and setuptools.
fn tools() -> Result<PathBuf> {
    tools_of("wheel-tools", "xtask/dist-requirements.txt")
}

/// A virtual environment with the packages that a list names with their checksums.
pub(crate) fn tools_of(name: &str, requirements: &str) -> Result<PathBuf> {
    let list = fs::read(root().join(requirements)).with_context(|| requirements.to_owned())?;
    cache::install(name, &cache::version_of(&[&list]), |place| {
        run(command("python3").args(["-m", "venv"]).arg(place))?;
        let mut pip = python_tool(place, "python");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]);
        run(pip.args(["--require-hashes", "-r", requirements]))
    })
}

/// A program of that environment, with its packages and the time of the commit.
fn python_tool(tools: &Path, program: &str) -> std::process::Command {
    let mut command = command(&tools.join("bin").join(program).to_string_lossy());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    let time = output(shell::command("git").args(["log", "-1", "--format=%ct"]));
    command.env("SOURCE_DATE_EPOCH", time.as_deref().unwrap_or("315532800"));
    command
}

/// Builds a wheel of the Python package.
fn wheel(target: &str, tools: &Path, folder: &Path) -> Result<()> {
    let mut maturin = python_tool(tools, "maturin");
    maturin.args(["build", "--quiet", "--release", "--locked", "--zig", "--target", target]);
    maturin.args(["--compatibility", MANYLINUX, "--manifest-path", "python/Cargo.toml", "--out"]);
    maturin.arg(folder).env("CARGO_TARGET_DIR", root().join(BUILD));
    run(maturin.env("CARGO_ENCODED_RUSTFLAGS", shell::remaps().join("\u{1f}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_differ_are_named() {
        let (first, second) = ("1  a\n2  b\n3  c\n", "1  a\n4  b\n5  d\n");
        assert_eq!(differing(first, second), ["b", "c", "d"]);
        assert!(differing(first, first).is_empty());
    }

    #[test]
    fn zips_depend_on_names_and_contents_alone() {
        let folder = std::env::temp_dir().join(format!("nibble-dist-{}", std::process::id()));
        let zip = |name: &str, files: [(&str, &str); 2]| {
            let inside = folder.join(name);
            for (file, text) in files {
                let path = inside.join(file);
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
            let out = folder.join(format!("{name}.zip"));
            let mut python = command("python3");
            run(python.args(["xtask/pack.py", "zip"]).arg(&out).arg(&inside)).expect("a zip");
            fs::read(out).expect("a zip")
        };
        let first = zip("first", [("a/b", "one"), ("c", "two")]);
        let file = fs::File::open(folder.join("first/c")).expect("a file");
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
        assert_eq!(first, zip("second", [("c", "two"), ("a/b", "one")]));
        assert_ne!(first, zip("third", [("c", "two"), ("a/b", "other")]));
        run(command("python3").args(["xtask/pack.py", "sums"]).arg(&folder)).expect("checksums");
        let sums = fs::read_to_string(folder.join("SHA256SUMS")).expect("checksums");
        let of =
            |name: &str| sums.lines().find(|line| line.ends_with(name)).map(|line| &line[..64]);
        assert_eq!(of("first.zip"), of("second.zip"));
        assert_ne!(of("first.zip"), of("third.zip"));
        let one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
        assert_eq!(of("first/a/b"), Some(one), "the checksum of `one`");
        fs::remove_dir_all(folder).expect("the folder");
    }
}
