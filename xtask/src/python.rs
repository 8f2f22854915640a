//! The Python package `nibble-mrz`: built as a folder and tested. `dist` makes wheels of it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::setup::Need::Java;
use crate::shell::{command, root, run};
use crate::{native, setup, test};

/// Where the package lies for the tests: its modules and the engine side by side.
const FOLDER: &str = "target/python";

/// Lints the package, checks its types and runs its tests, on an engine built for this machine.
pub(crate) fn check() -> Result<()> {
    let python = setup::python()?.to_string_lossy().into_owned();
    for verb in [&["check"][..], &["format", "--check"]] {
        let mut ruff = command(&python);
        ruff.args(["-m", "ruff"]).args(verb).args(["--quiet", "--config", "python/pyproject.toml"]);
        run(ruff.args(["python", "examples/archives"]))?;
    }
    let files = ["python/nibble_mrz", "python/tests/typed_use.py"];
    test::typed(&python, "python/pyproject.toml", &files)?;
    let folder = build()?;
    let mut pytest = command(&python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "python/tests"]);
    run(pytest.env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// `cargo xtask archives`: runs the examples for archives on two workers, or measures them.
pub(crate) fn archives(options: &[&str]) -> Result<()> {
    const FOLDER: &str = "examples/archives";
    let measure = match options {
        [] => false,
        ["--measure"] => true,
        _ => bail!("archives takes --measure, or nothing"),
    };
    setup::install(&[Java])?;
    let venv = setup::environment("archives", &["examples/archives/requirements.txt"])?;
    let mut path = build()?.into_os_string();
    path.push(":");
    path.push(root().join(FOLDER));
    let mut python = command(&venv.to_string_lossy());
    python.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    if measure {
        native::build()?;
        python.arg(format!("{FOLDER}/rates.py"));
        python.args(["target/release/native-bench", "testdata/specimens"]);
        python.args(["--json", "docs/results/archives.json"]);
    } else {
        python.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", FOLDER]);
    }
    run(&mut python)
}

/// Builds the package for this machine and returns the folder to import it from.
pub(crate) fn build() -> Result<PathBuf> {
    let mut cargo = command("cargo");
    cargo.args(["build", "--quiet", "--release", "-p", "nibble-mrz-python"]);
    // Modules of Python do not link its library: the interpreter has it.
    run(cargo.env("PYO3_BUILD_EXTENSION_MODULE", "1"))?;
    let folder = root().join(FOLDER);
    let package = folder.join("nibble_mrz");
    fs::create_dir_all(&package).context(FOLDER)?;
    for entry in fs::read_dir(root().join("python/nibble_mrz")).context("python/nibble_mrz")? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), package.join(entry.file_name()))?;
        }
    }
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = root().join(format!("target/release/{prefix}_nibble{suffix}"));
    fs::copy(library, package.join("_nibble.abi3.so")).context("the engine")?;
    Ok(folder)
}
