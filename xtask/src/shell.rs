//! Steps as a person watches them, and the programs they run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The tools of this checkout: links into the cache folder, by name and without a version.
pub(crate) fn tools() -> PathBuf {
    root().join("target/tools")
}

/// Where programs are looked for.
fn paths() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(tools()).chain(env::split_paths(&path)).collect()
}

/// A command in the repository that finds the tools of this checkout first.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    // Whatever the user's configuration says: commands and tests look for what is built in this folder.
    command.env("CARGO_TARGET_DIR", root().join("target"));
    if let Ok(path) = env::join_paths(paths()) {
        command.env("PATH", path);
    }
    command
}

/// Runs a command to its end; an error names it and what it returned.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.status().with_context(|| format!("could not start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed ({status}); its messages are above");
    }
    Ok(())
}

/// What a command prints, trimmed; `None` where it cannot run or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The file of a program; `None` where it is not installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    paths().into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Announces a step, does it, and says how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    println!("==> {name}");
    let begin = Instant::now();
    work().with_context(|| format!("step \"{name}\""))?;
    let taken = begin.elapsed();
    println!("    {name}: {:.1} s", taken.as_secs_f64());
    Ok(taken)
}
