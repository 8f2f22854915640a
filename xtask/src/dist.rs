//! `cargo xtask dist`: everything that a release has attached, in `target/dist`.
//!
//! What is built should depend on the sources and the tools and nothing else: paths of this machine
//! are replaced, times are that of the commit, and lists are sorted. `--check` builds a second
//! time, from a clone in another folder, and compares the files. `--try` uses the files as a new
//! user would.
//!
//! A release has parts, which `--only` names. Each is made in a folder of its own and then copied.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::setup::Need::{self, Arm64, Chromium, Node, Qemu, WasmPack, X86Static};
use crate::shell::{self, command, output, root, run, step};
use crate::version::VERSION;
use crate::{book, cache, engines, msrv, native, page, sbom, setup};

/// Where it all goes.
const FOLDER: &str = "target/dist";
/// Where each part is made.
const PARTS_FOLDER: &str = "target/dist-parts";
/// Where it is compiled, apart from other builds: flags differ.
const BUILD: &str = "target/dist-build";
/// The second build, and which parts were the same in which commit.
const AGAIN: &str = "target/dist-again";
/// Targets of the command line, and what its file is called after.
const PROGRAMS: [(&str, &str); 2] = [
    ("x86_64-unknown-linux-musl", "x86_64-linux"),
    ("aarch64-unknown-linux-musl", "aarch64-linux"),
];
/// Targets of the Python package, and the oldest systems that its wheels run on: those with glibc
/// 2.17, and those with musl 1.2.
const WHEELS: [(&str, &str); 4] = [
    ("x86_64-unknown-linux-gnu", "manylinux2014"),
    ("aarch64-unknown-linux-gnu", "manylinux2014"),
    ("x86_64-unknown-linux-musl", "musllinux_1_2"),
    ("aarch64-unknown-linux-musl", "musllinux_1_2"),
];
/// Targets of the library for C, the targets of zig with the oldest glibc, and the ends of the
/// archives' names.
const LIBRARIES: [(&str, &str, &str); 2] = [
    ("x86_64-unknown-linux-gnu", "x86_64-linux-gnu.2.17", "x86_64-linux"),
    ("aarch64-unknown-linux-gnu", "aarch64-linux-gnu.2.17", "aarch64-linux"),
];
/// The header of that library and the examples to which its page links.
const C_FILES: [&str; 4] = [
    "capi/include/nibble.h",
    "capi/tests/program.c",
    "capi/tests/nibble_jni.c",
    "capi/tests/Digits.java",
];
/// The package that trains networks.
const TRAINING: &str = "train/nibble_qat";

/// A part of a release.
struct Part {
    name: &'static str,
    needs: &'static [Need],
    /// Makes its files in an empty folder.
    make: fn(&Path) -> Result<()>,
}

const PARTS: [Part; 8] = [
    Part { name: "npm", needs: &[WasmPack, Node], make: npm },
    Part { name: "site", needs: &[WasmPack, Node], make: site },
    Part { name: "crates", needs: &[], make: crates },
    Part { name: "programs", needs: &[Arm64, X86Static], make: programs },
    Part { name: "python", needs: &[Arm64, X86Static], make: python },
    Part { name: "training", needs: &[], make: training },
    Part { name: "c", needs: &[], make: libraries },
    Part { name: "notices", needs: &[Node], make: notices },
];

const USAGE: &str = "dist takes [--check] [--only PART]..., or --try";

/// `cargo xtask dist` with its options.
pub(crate) fn run_all(options: &[&str]) -> Result<()> {
    if options == ["--try"] {
        return try_all();
    }
    let (mut is_check, mut parts) = (false, Vec::new());
    let mut rest = options.iter();
    while let Some(&option) = rest.next() {
        match option {
            "--check" => is_check = true,
            "--only" => parts.push(part(rest.next().context(USAGE)?)?),
            _ => bail!(USAGE),
        }
    }
    let is_whole = parts.is_empty();
    if is_whole {
        parts = PARTS.iter().collect();
    }
    if is_check { check(&parts) } else { build(&parts, is_whole) }
}

fn part(name: &str) -> Result<&'static Part> {
    let names = PARTS.map(|part| part.name).join(", ");
    let found = PARTS.iter().find(|part| part.name == name);
    found.with_context(|| format!("there is no part `{name}`: {names}"))
}

/// Makes some parts. If they are the whole release, everything else in the folder is removed.
fn build(parts: &[&Part], is_whole: bool) -> Result<()> {
    let folder = root().join(FOLDER);
    if is_whole && folder.exists() {
        fs::remove_dir_all(&folder).context(FOLDER)?;
    }
    fs::create_dir_all(&folder).context(FOLDER)?;
    let needs: Vec<Need> = parts.iter().flat_map(|part| part.needs).copied().collect();
    setup::install(&needs)?;
    for part in parts {
        let place = root().join(PARTS_FOLDER).join(part.name);
        for name in names_in(&place)? {
            // What this part made before.
            let old = folder.join(name);
            if old.exists() {
                fs::remove_file(&old).with_context(|| old.display().to_string())?;
            }
        }
        if place.exists() {
            fs::remove_dir_all(&place).context(PARTS_FOLDER)?;
        }
        fs::create_dir_all(&place).context(PARTS_FOLDER)?;
        step(&format!("dist: {}", part.name), || (part.make)(&place))?;
        for name in names_in(&place)? {
            fs::copy(place.join(&name), folder.join(&name)).with_context(|| name.clone())?;
        }
    }
    run(command("python3").args(["xtask/pack.py", "sums"]).arg(&folder))?;
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).context("SHA256SUMS")?;
    println!("\n{FOLDER}:\n{}", table(&sums, &folder)?);
    Ok(())
}

/// The names of a folder's files, sorted; none if there is no such folder.
fn names_in(folder: &Path) -> Result<Vec<String>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Uses the files of a release as a new user would, and does the dry runs of publishing them.
fn try_all() -> Result<()> {
    setup::install(&[Node, Chromium, Qemu])?;
    step("twine check of the Python packages", || {
        let twine = tools_of("twine", "xtask/twine-requirements.txt")?;
        let folder = root().join(FOLDER);
        let of_python = |name: &String| {
            name.ends_with(".whl") || name.starts_with("nibble_") && name.ends_with(".tar.gz")
        };
        let packages: Vec<String> = names_in(&folder)?.into_iter().filter(of_python).collect();
        ensure!(!packages.is_empty(), "{FOLDER} has no Python packages");
        let mut check = python_tool(&twine, "python");
        check.args(["-m", "twine", "--no-color", "check", "--strict"]).args(packages);
        run(check.current_dir(folder))
    })?;
    let mut node = command("node");
    node.env("NIBBLE_PYTHON_ARM64", engines::python()?);
    run(node.arg("tests/release.mjs").current_dir(root().join("web")))
}

fn npm(place: &Path) -> Result<()> {
    page::package()?;
    let mut npm = command("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(place);
    run(npm.current_dir(root().join("web/pkg")))
}

fn site(place: &Path) -> Result<()> {
    page::build()?;
    book::copy(&book::build()?, &root().join("web/dist/docs"))?;
    let zip = place.join(format!("nibble-site-{VERSION}.zip"));
    run(command("python3").args(["xtask/pack.py", "zip"]).arg(zip).arg("web/dist"))
}

fn programs(place: &Path) -> Result<()> {
    for (target, name) in PROGRAMS {
        step(&format!("native-bench for {target}"), || {
            native::build_stripped(target, BUILD)?;
            let built = root().join(BUILD).join(target).join("release/native-bench");
            let place = place.join(format!("native-bench-{VERSION}-{name}"));
            fs::copy(&built, &place).context("native-bench")?;
            is_static(&place)
        })?;
    }
    Ok(())
}

/// The wheels of `nibble-mrz`, and its sources.
fn python(place: &Path) -> Result<()> {
    setup::targets(WHEELS.into_iter().map(|(target, _)| target))?;
    let tools = tools()?;
    for (target, systems) in WHEELS {
        step(&format!("wheel of nibble-mrz for {target}"), || {
            wheel(target, systems, &tools, place)
        })?;
    }
    let mut maturin = python_tool(&tools, "maturin");
    run(maturin.args(["sdist", "--manifest-path", "python/Cargo.toml", "--out"]).arg(place))?;
    normalise(&place.join(format!("nibble_mrz-{VERSION}.tar.gz")))
}

/// The wheel of `nibble-qat`, and its sources. They are made of the files that git knows, because
/// setuptools also packs what earlier builds left.
fn training(place: &Path) -> Result<()> {
    let tools = tools()?;
    let copy = root().join(BUILD).join("training");
    if copy.exists() {
        fs::remove_dir_all(&copy).context(BUILD)?;
    }
    let files = output(command("git").args(["ls-files", TRAINING])).context("git ls-files")?;
    for file in files.lines() {
        let to = copy.join(file);
        fs::create_dir_all(to.parent().context("a file in a folder")?)?;
        fs::copy(root().join(file), &to).with_context(|| file.to_owned())?;
    }
    let sources = copy.join(TRAINING);
    // Whoever installs the package has no other file of the repository.
    let readme = format!("{TRAINING}/README.md");
    fs::write(copy.join(&readme), book::alone(&readme, &[])?)?;
    let mut pip = python_tool(&tools, "python");
    pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]);
    run(pip.arg("--wheel-dir").arg(place).arg(&sources))?;
    let mut setuptools = python_tool(&tools, "python");
    setuptools.args(["-c", "import sys, setuptools.build_meta as b; b.build_sdist(sys.argv[1])"]);
    run(setuptools.arg(place).current_dir(&sources).stdout(Stdio::null()))?;
    normalise(&place.join(format!("nibble_qat-{VERSION}.tar.gz")))
}

/// Packs an archive anew, sorted and without times and owners.
fn normalise(archive: &Path) -> Result<()> {
    run(command("python3").args(["xtask/pack.py", "again"]).arg(archive))
}

/// The library for C: static, shared, and its header.
fn libraries(place: &Path) -> Result<()> {
    setup::targets(LIBRARIES.into_iter().map(|(target, ..)| target))?;
    let tools = tools()?;
    let sysroot = output(command("rustc").args(["--print", "sysroot"])).context("rustc")?;
    let sysroot = Path::new(&sysroot);
    for (target, zig, name) in LIBRARIES {
        step(&format!("library for C for {target}"), || {
            let built = library(target, zig, &tools)?;
            let name = format!("nibble-c-{VERSION}-{name}");
            let folder = root().join(BUILD).join(&name);
            if folder.exists() {
                fs::remove_dir_all(&folder).context(BUILD)?;
            }
            fs::create_dir_all(&folder)?;
            let shared = "libnibble.so";
            fs::copy(built.join(shared), folder.join(shared)).context(shared)?;
            for file in C_FILES.iter().chain(&LICENCES) {
                let path = root().join(file);
                fs::copy(&path, folder.join(path.file_name().context("a file")?))
                    .with_context(|| (*file).to_owned())?;
            }
            fs::write(folder.join("README.md"), book::alone("docs/c.md", &C_FILES)?)?;
            // The objects of the standard library have symbols for debuggers, and all have LLVM's
            // bitcode, which is two thirds of the file. Linkers of C use neither.
            let mut strip = command(&objcopy(sysroot)?.to_string_lossy());
            strip.env("LD_LIBRARY_PATH", sysroot.join("lib"));
            strip.args(["--strip-debug", "--remove-section=.llvmbc"]);
            strip.arg("--remove-section=.llvmcmd").arg(built.join("libnibble.a"));
            run(strip.arg(folder.join("libnibble.a")))?;
            let archive = place.join(format!("{name}.tar.gz"));
            run(command("python3").args(["xtask/pack.py", "tar"]).arg(archive).arg(&folder))
        })?;
    }
    Ok(())
}

/// Builds the library, linked by zig for the oldest glibc, and returns the folder with both kinds.
fn library(target: &str, zig: &str, tools: &Path) -> Result<PathBuf> {
    let linker = root().join(BUILD).join(format!("cc-{target}"));
    fs::create_dir_all(root().join(BUILD)).context(BUILD)?;
    let maturin = tools.join("bin/maturin");
    let script =
        format!("#!/bin/sh\nexec '{}' zig cc -- -target {zig} \"$@\"\n", maturin.display());
    fs::write(&linker, script).context("a linker")?;
    shell::make_executable(&linker)?;
    let mut cargo = beside(tools, "cargo");
    cargo.args(["build", "--quiet", "--release", "-p", "nibble-capi", "--target", target]);
    cargo.args(["--config", "profile.release.strip=true"]);
    let variable = target.to_uppercase().replace('-', "_");
    cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), &linker);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", shell::remaps().join("\u{1f}"));
    run(cargo.env("CARGO_TARGET_DIR", root().join(BUILD)))?;
    Ok(root().join(BUILD).join(target).join("release"))
}

/// LLVM's objcopy, which comes with the compiler and knows the objects of every target. It looks for
/// LLVM's library where the compiler does not put it.
fn objcopy(sysroot: &Path) -> Result<PathBuf> {
    let host = output(command("rustc").arg("-vV")).context("rustc")?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc's host")?;
    let program = sysroot.join("lib/rustlib").join(host).join("bin/rust-objcopy");
    ensure!(program.exists(), "{} is missing", program.display());
    Ok(program)
}

const LICENCES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.txt"];

/// The bill of materials, licences and changes.
fn notices(place: &Path) -> Result<()> {
    fs::write(place.join(format!("nibble-{VERSION}.cdx.json")), sbom::text()?)?;
    for name in LICENCES.iter().chain(&["CHANGELOG.md"]) {
        fs::copy(root().join(name), place.join(name)).with_context(|| (*name).to_owned())?;
    }
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

/// Builds again from a clone in another folder and compares every file. Parts that were the same in
/// this commit are not built again, so a check that is cut off loses one part. Files that differ
/// are named.
fn check(parts: &[&Part]) -> Result<()> {
    let clean = output(command("git").args(["status", "--porcelain"]));
    ensure!(clean.as_deref() == Some(""), "commit first: the second build is of the commit");
    let commit = |folder: &Path| {
        output(shell::command("git").args(["rev-parse", "HEAD"]).current_dir(folder))
    };
    let here = commit(&root()).context("git rev-parse")?;
    let clone = root().join(AGAIN).join("in another folder");
    if !clone.exists() || commit(&clone).as_ref() != Some(&here) {
        if clone.exists() {
            fs::remove_dir_all(&clone).context("the clone")?;
        }
        let (from, to) = (root().to_string_lossy().into_owned(), clone.to_string_lossy());
        run(command("git").args(["clone", "--quiet", "--no-hardlinks", &from, &to]))?;
    }
    let record = root().join(AGAIN).join("equal.txt");
    let mut equal = fs::read_to_string(&record).unwrap_or_default();
    let mut different = Vec::new();
    for part in parts {
        let line = format!("{here} {}\n", part.name);
        if equal.contains(&line) {
            println!("==> dist: {} was the same in both builds of this commit", part.name);
            continue;
        }
        build(&[part], false)?;
        let mut again = command("cargo");
        again.args(["xtask", "dist", "--only", part.name]).current_dir(&clone);
        run(again.env_remove("CARGO_TARGET_DIR"))?;
        let sums = |checkout: &Path| {
            let folder = checkout.join(PARTS_FOLDER).join(part.name);
            let sums = output(command("python3").args(["xtask/pack.py", "list"]).arg(folder));
            sums.context("the checksums of a part")
        };
        let names = differing(&sums(&root())?, &sums(&clone)?);
        if names.is_empty() {
            equal += &line;
            fs::write(&record, &equal).context(AGAIN)?;
        }
        println!(
            "    differing: {}",
            if names.is_empty() { "none".into() } else { names.join(", ") }
        );
        different.extend(names);
    }
    ensure!(different.is_empty(), "these differ between two builds: {}", different.join(", "));
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
        setup::venv(place)?;
        let mut pip = python_tool(place, "python");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]);
        run(pip.args(["--require-hashes", "-r", requirements]))
    })
}

/// A program of that environment, with its packages and the time of the commit.
fn python_tool(tools: &Path, program: &str) -> Command {
    beside(tools, &tools.join("bin").join(program).to_string_lossy())
}

/// Any program, which finds those of that environment first.
fn beside(tools: &Path, program: &str) -> Command {
    let mut command = command(program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    let time = output(shell::command("git").args(["log", "-1", "--format=%ct"]));
    command.env("SOURCE_DATE_EPOCH", time.as_deref().unwrap_or("315532800"));
    command
}

/// Builds a wheel of the Python package for the systems of a tag.
fn wheel(target: &str, systems: &str, tools: &Path, folder: &Path) -> Result<()> {
    let mut maturin = python_tool(tools, "maturin");
    maturin.args(["build", "--quiet", "--release", "--locked", "--zig", "--target", target]);
    maturin.args(["--compatibility", systems, "--manifest-path", "python/Cargo.toml", "--out"]);
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
    fn parts_have_names_of_their_own() {
        for (place, one) in PARTS.iter().enumerate() {
            assert!(part(one.name).is_ok());
            assert!(PARTS[..place].iter().all(|other| other.name != one.name));
        }
        assert!(part("none").is_err());
        assert!(run_all(&["--only"]).is_err());
        assert!(run_all(&["--try", "--check"]).is_err());
    }

    #[test]
    fn archives_depend_on_names_and_contents_alone() {
        let folder = std::env::temp_dir().join(format!("nibble-tar-{}", std::process::id()));
        let inside = folder.join("inside");
        fs::create_dir_all(&inside).expect("a folder");
        fs::write(inside.join("b"), "one").expect("a file");
        fs::write(inside.join("a"), "two").expect("a file");
        let plain = folder.join("plain.tar.gz");
        let mut tar = command("tar");
        // Unsorted, with times and owners.
        run(tar.args(["-C"]).arg(&folder).arg("-czf").arg(&plain).args(["inside/b", "inside/a"]))
            .expect("an archive");
        normalise(&plain).expect("an archive");
        let packed = folder.join("packed.tar.gz");
        let mut pack = command("python3");
        run(pack.args(["xtask/pack.py", "tar"]).arg(&packed).arg(&inside)).expect("an archive");
        assert_eq!(fs::read(plain).expect("a file"), fs::read(&packed).expect("a file"));
        let names = output(command("tar").arg("-tzf").arg(packed));
        assert_eq!(names.as_deref(), Some("inside/a\ninside/b"));
        fs::remove_dir_all(folder).expect("the folder");
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
