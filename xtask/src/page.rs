//! The npm package and the page.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::book;
use crate::cache::version_of;
use crate::shell::{command, remaps, root, run, step, tools};

/// One of two builds of a WebAssembly module. Engines validate a module as a whole, so the page picks
/// the binary that its engine can load.
pub(crate) struct Binary {
    pub(crate) name: &'static str,
    /// The flag of rustc that replaces [`ORDER`] for this repository's crates.
    instead: Option<&'static str>,
    /// Features that binaryen may use and must accept.
    binaryen: &'static [&'static str],
}

/// Flags of rustc for all crates. Loop strength reduction is disabled, because it undoes the addressing
/// of the kernels. The maximum of memory, 128 MiB, is declared because iOS kills tabs that reserve too
/// much.
const FLAGS: [&str; 3] =
    ["target-feature=+simd128", "llvm-args=-disable-lsr", "link-arg=--max-memory=134217728"];
/// And instructions in source order: LLVM's own order keeps eight more vectors alive in the tile for
/// phones.
const ORDER: &str = "llvm-args=-pre-RA-sched=source";

/// Features that rustc enables by default for wasm32.
const COMMON: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// A module of the crate `nibble-wasm` that the package holds in both binaries.
struct Module {
    /// The feature of the crate that it is.
    feature: &'static str,
    /// The name of its generated JavaScript.
    glue: &'static str,
    /// The beginning of its file's name.
    file: &'static str,
}

/// What pages load to read, to measure, and to run networks of their own.
const MODULES: [Module; 3] = [
    Module { feature: "read", glue: "engine", file: "nibble" },
    Module { feature: "bench", glue: "bench-engine", file: "nibble-bench" },
    Module { feature: "network", glue: "network-engine", file: "nibble-network" },
];

/// A module that needs no generated JavaScript. Relaxed instructions would not make it quicker, so there
/// is one binary of it.
struct Bare {
    package: &'static str,
    /// The feature of the crate that it is; empty where it is the whole crate.
    feature: &'static str,
    /// Its file's name.
    file: &'static str,
}

/// The decoders of image files, of which pages load the one that a file needs, and what straightens
/// documents, which they load when they first use it.
const BARE: [Bare; 3] = [
    Bare { package: PICTURE, feature: "jpeg", file: "nibble-picture-jpeg.wasm" },
    Bare { package: PICTURE, feature: "other", file: "nibble-picture-other.wasm" },
    Bare { package: "nibble-wasm-sheet", feature: "", file: "nibble-sheet.wasm" },
];
const PICTURE: &str = "nibble-wasm-picture";

/// Both binaries.
pub(crate) const BINARIES: [Binary; 2] = [
    Binary { name: "simd128", instead: None, binaryen: &["--enable-simd"] },
    Binary {
        name: "relaxed",
        // Here, source order would make Firefox slower.
        instead: Some("target-feature=+relaxed-simd"),
        binaryen: &["--enable-simd", "--enable-relaxed-simd"],
    },
];

/// Passes of binaryen. LLVM has already optimised: `-O3` makes the file smaller, but larger when
/// compressed, as pages load it. Functions with similar names are similar, and compress better next
/// to one another.
const PASSES: [&str; 13] = [
    "--precompute",
    "--rse",
    "--optimize-instructions",
    "--remove-unused-names",
    "--merge-blocks",
    "--vacuum",
    "--duplicate-function-elimination",
    "--remove-unused-module-elements",
    "--reorder-functions-by-name",
    "--reorder-locals",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
];

/// The variable that tells cargo the flags of rustc. They may contain spaces, as folders do.
pub(crate) const FLAGS_VARIABLE: &str = "CARGO_ENCODED_RUSTFLAGS";

/// Its value for both binaries. No path of this machine gets into them.
pub(crate) fn flags() -> String {
    let flags = FLAGS.iter().chain([&ORDER]).flat_map(|flag| ["-C".to_owned(), (*flag).to_owned()]);
    flags.chain(remaps()).collect::<Vec<_>>().join("\u{1f}")
}

impl Binary {
    /// Arguments of rustc that only this repository's crates get.
    pub(crate) fn own_flags(&self) -> impl Iterator<Item = &'static str> {
        self.instead.into_iter().flat_map(|flag| ["-C", flag])
    }

    /// The environment of a cargo that compiles this binary.
    ///
    /// The flags that differ between the binaries reach this repository's crates only, through a script
    /// that cargo starts in place of rustc. All other crates are compiled once for both binaries.
    pub(crate) fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        let mut environment = vec![(FLAGS_VARIABLE, flags().into())];
        if let Some(instead) = self.instead {
            // By its name: a path would get into the names of functions, which then depend on the
            // folder of the checkout. It is found beside the tools.
            let script = replacing(ORDER, instead)?;
            let name = script.file_name().context("a script")?.to_owned();
            environment.push(("RUSTC_WORKSPACE_WRAPPER", name));
        }
        Ok(environment)
    }
}

/// Writes a script that runs a command with one of its arguments replaced, and returns its path.
fn replacing(argument: &str, instead: &str) -> Result<PathBuf> {
    let script = format!(
        "#!/bin/sh\nfor argument; do\n  shift\n  [ \"$argument\" = {argument} ] && argument={instead}\n  \
         set -- \"$@\" \"$argument\"\ndone\nexec \"$@\"\n"
    );
    let folder = tools();
    // Cargo tells scripts apart by their names, so each content has a name of its own.
    let path = folder.join(format!("rustc-{}", version_of(&[script.as_bytes()])));
    if !path.exists() {
        fs::create_dir_all(&folder).context("target/tools")?;
        fs::write(&path, script).with_context(|| path.display().to_string())?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    }
    Ok(path)
}

/// Builds the npm package into `web/pkg` and the page into `web/dist`.
pub(crate) fn build() -> Result<()> {
    package()?;
    step("page", || {
        run(command("npm").args(["run", "--silent", "build"]).current_dir(root().join("web")))?;
        // Beside the page, but not among the files that the service worker keeps.
        for (name, beside) in
            [("THIRD-PARTY.txt", "THIRD-PARTY.txt"), ("LICENSE-MIT", "LICENSE-MIT.txt")]
        {
            fs::copy(root().join(name), root().join("web/dist").join(beside)).context(name)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Reads camera frames in Chromium for some minutes: memory must stay flat; prints frames per
/// second. The page must have been built.
pub(crate) fn soak(minutes: &str) -> Result<()> {
    run(command("node")
        .args(["tests/soak.mjs", "--minutes", minutes])
        .current_dir(root().join("web")))
}

/// Measures first visits over a slow network.
pub(crate) fn arrival(options: &[&str]) -> Result<()> {
    run(command("node").arg("tests/arrival.mjs").args(options).current_dir(root().join("web")))
}

/// Checks Lighthouse's scores of the page on the server of `cargo xtask demo`; with `performance`,
/// prints that on its mid-range phone too. The page must have been built.
pub(crate) fn lighthouse(performance: bool) -> Result<()> {
    let port = nibble_serve::beside(&root().join("web/dist"))?;
    let mut node = command("node");
    node.arg("tests/lighthouse.mjs").arg(format!("http://localhost:{port}/"));
    node.args(performance.then_some("--performance")).current_dir(root().join("web"));
    run(&mut node)
}

/// Prints how much of the built page a first visit loads; with `check`, too much is an error.
pub(crate) fn sizes(check: bool) -> Result<()> {
    let mut node = command("node");
    node.arg("build/sizes.mjs").args(check.then_some("--check")).current_dir(root().join("web"));
    run(&mut node)
}

/// Builds the npm package into `web/pkg`.
pub(crate) fn package() -> Result<()> {
    let pkg = root().join("web/pkg");
    fs::create_dir_all(pkg.join("models")).context("web/pkg")?;
    for module in &BARE {
        step(&format!("WebAssembly {}", module.file), || bare(module, &pkg))?;
    }
    for binary in &BINARIES {
        for module in &MODULES {
            step(&format!("WebAssembly {} {}", module.feature, binary.name), || {
                wasm(module, binary, &pkg)
            })?;
        }
    }
    step("binaries without relaxed SIMD hold none of its instructions", || plain_are_plain(&pkg))?;
    step("npm package", || assemble(&pkg))?;
    Ok(())
}

/// The folder of wasm-pack's output for a module.
fn glue(module: &Module, binary: &Binary) -> PathBuf {
    root().join("target/wasm-pack").join(format!("{}-{}", module.feature, binary.name))
}

/// The file of a module in the package.
fn file(module: &Module, binary: &Binary) -> String {
    format!("{}-{}.wasm", module.file, binary.name)
}

fn wasm(module: &Module, binary: &Binary, pkg: &Path) -> Result<()> {
    let out = glue(module, binary);
    let mut pack = command("wasm-pack");
    pack.args([
        "--log-level",
        "warn",
        "build",
        "wasm",
        "--release",
        "--target",
        "web",
        "--no-pack",
        "--mode",
        "no-install",
    ]);
    pack.args(["--out-name", module.glue, "--out-dir"]).arg(&out);
    pack.args(["--", "--no-default-features", "--features", module.feature]);
    run(pack.envs(binary.environment()?))?;
    let built = out.join(format!("{}_bg.wasm", module.glue));
    run(optimise(&built, binary.binaryen).arg(pkg.join(file(module, binary))))
}

/// Builds a module that needs no generated JavaScript, and so no wasm-pack.
fn bare(&Bare { package, feature, file }: &Bare, pkg: &Path) -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    // Half of the usual stack: decoders keep their tables elsewhere.
    const STACK: &str = "link-arg=-zstack-size=524288";
    // What decodes is generic and compiled elsewhere; the rest of this crate need not be fast, and a
    // third of its compile time goes into speed.
    const QUICK: &str = "profile.release.package.image.opt-level='s'";
    let mut cargo = command("cargo");
    cargo.args(["rustc", "--quiet", "--release", "--package", package, "--target", TARGET]);
    cargo.args(["--no-default-features", "--features", feature]);
    cargo.args(["--config", QUICK, "--crate-type", "cdylib", "--", "-C", STACK]);
    run(cargo.env(FLAGS_VARIABLE, flags()))?;
    let name = format!("{}.wasm", package.replace('-', "_"));
    let built = root().join("target").join(TARGET).join("release").join(name);
    run(optimise(&built, BINARIES[0].binaryen).arg(pkg.join(file)))
}

/// A run of binaryen that writes what it makes of a module to its last argument.
fn optimise(module: &Path, features: &[&str]) -> Command {
    let mut optimise = command("node");
    optimise.arg("web/node_modules/binaryen/bin/wasm-opt").arg(module);
    optimise.args(COMMON).args(features).args(PASSES).arg("-o");
    optimise
}

/// A validator that does not know relaxed instructions must accept the plain binaries. It must refuse
/// the others, which proves that the check works.
fn plain_are_plain(pkg: &Path) -> Result<()> {
    let check = |name: &str| {
        let mut check = command("node");
        check.arg("web/node_modules/binaryen/bin/wasm-opt").arg(pkg.join(name));
        check.args(COMMON).arg("--enable-simd").stdout(Stdio::null()).stderr(Stdio::null());
        check.spawn().context("wasm-opt")
    };
    let mut checks = Vec::new();
    for Bare { file, .. } in &BARE {
        checks.push(((*file).to_owned(), true, check(file)?));
    }
    for (module, binary) in
        MODULES.iter().flat_map(|module| BINARIES.iter().map(move |of| (module, of)))
    {
        let name = file(module, binary);
        let running = check(&name)?;
        checks.push((name, binary.instead.is_none(), running));
    }
    for (name, is_plain, mut running) in checks {
        let accepted = running.wait().context("wasm-opt")?.success();
        ensure!(accepted || !is_plain, "{name} holds instructions beyond simd128");
        ensure!(!accepted || is_plain, "{name} holds no relaxed instruction: were its flags lost?");
    }
    Ok(())
}

fn assemble(pkg: &Path) -> Result<()> {
    for module in &MODULES {
        for ending in ["js", "d.ts"] {
            let name = format!("{}.{ending}", module.glue);
            let [plain, relaxed] = BINARIES
                .map(|binary| fs::read(glue(module, &binary).join(&name)).context(name.clone()));
            let text = plain?;
            ensure!(
                text == relaxed?,
                "the two binaries need different {name}: they must export the same functions"
            );
            fs::write(pkg.join(&name), &text)?;
            // The package's sources are type-checked against the generated declarations.
            fs::write(root().join("wasm/npm/src").join(&name), &text)?;
        }
    }
    for precision in ["f32", "u8", "u4"] {
        let name = format!("models/ocr-{precision}.safetensors");
        fs::copy(root().join(&name), pkg.join(&name)).context(name)?;
    }
    for name in ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.txt"] {
        fs::copy(root().join(name), pkg.join(name)).context(name)?;
    }
    fs::copy(root().join("wasm/npm/package.json"), pkg.join("package.json"))?;
    fs::write(pkg.join("README.md"), book::alone("docs/package.md", &[])?)?;
    run(command("node").args(["web/node_modules/typescript/bin/tsc", "-p", "wasm/npm"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_argument_is_replaced() {
        let script = replacing("b=c", "d=+e").expect("a script");
        let output = Command::new(script)
            .args(["printf", "<%s>", "a b", "b=c", "", "b=cc"])
            .output()
            .expect("a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "<a b><d=+e><><b=cc>");
    }

    #[test]
    fn the_argument_that_is_replaced_is_there() {
        assert!(flags().split('\u{1f}').any(|word| word == ORDER));
    }
}
