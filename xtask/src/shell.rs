//! Steps, as they are shown to people, and the programs that they run.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The folder of this checkout's tools: links into the cache folder, by name without version.
pub(crate) fn tools() -> PathBuf {
    root().join("target/tools")
}

/// The folders in which programs are searched.
fn paths() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(tools()).chain(env::split_paths(&path)).collect()
}

/// A command in the repository that finds the tools of this checkout first.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    // Overrides the user's configuration, because commands and tests expect builds in this folder.
    command.env("CARGO_TARGET_DIR", root().join("target"));
    if let Ok(path) = env::join_paths(paths()) {
        command.env("PATH", path);
    }
    command
}

/// Arguments of rustc that replace paths of this machine in what it compiles, for builds that others
/// get: the repository is `nibble`, and the sources of crates are `cargo`.
pub(crate) fn remaps() -> Vec<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let places = [(Some(root()), "nibble"), (home, "cargo")];
    let remap = |(from, to): (Option<PathBuf>, &str)| {
        from.map(|from| format!("--remap-path-prefix={}={to}", from.display()))
    };
    places.into_iter().filter_map(remap).collect()
}

/// Runs a command to its end; an error names the command and its status.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.status().with_context(|| format!("could not start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed ({status}); its messages are above");
    }
    Ok(())
}

/// The standard output of a command, trimmed; `None` if it cannot run or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The file of a program; `None` if it is not installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    paths().into_iter().map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Lets everybody run a file.
pub(crate) fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(file, mode).with_context(|| file.display().to_string())
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Announces a step, runs it, and prints how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    println!("==> {name}");
    let begin = Instant::now();
    work().with_context(|| format!("step \"{name}\""))?;
    let taken = begin.elapsed();
    println!("    {name}: {:.1} s", taken.as_secs_f64());
    Ok(taken)
}
