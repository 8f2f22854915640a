//! Frames as a hand-held phone takes them, made by the program `nibble-warped`.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::shell::command;

/// A picture to be photographed, and its text.
pub(crate) struct Source {
    /// Its file name in the folder.
    pub(crate) file: String,
    /// The document's format.
    pub(crate) document: String,
    /// The lines, joined by `|`.
    pub(crate) lines: String,
}

/// Which frames to make.
#[derive(Clone, Copy)]
pub(crate) struct Set {
    pub(crate) count: usize,
    pub(crate) seed: u64,
    /// Width and height in pixels; `None` for those that a page asks a camera for.
    pub(crate) size: Option<(usize, usize)>,
    /// Frames of a film; `None` for single frames.
    pub(crate) film: Option<usize>,
}

/// Makes a set of frames of the sources in the folder `from`; writes them and their `index.csv` to
/// the folder `into`.
pub(crate) fn make(sources: &[Source], from: &Path, into: &Path, set: Set) -> Result<()> {
    let mut cargo = command("cargo");
    cargo.args(["run", "--quiet", "--release", "-p", "nibble-warped", "--"]).args([from, into]);
    cargo.arg(set.count.to_string()).arg(set.seed.to_string());
    cargo.args(set.size.iter().flat_map(|(width, height)| [width.to_string(), height.to_string()]));
    cargo.args(set.film.iter().flat_map(|frames| [String::from("film"), frames.to_string()]));
    let mut child = cargo.stdin(Stdio::piped()).spawn().context("cargo did not start")?;
    let rows = sources
        .iter()
        .map(|Source { file, document, lines }| format!("{file}\t{document}\t{lines}\n"));
    let rows: String = rows.collect();
    let sent = child.stdin.take().context("a pipe")?.write_all(rows.as_bytes());
    if !child.wait()?.success() {
        bail!("the frames were not made; the reason is above");
    }
    sent.context("rows of the pictures")
}
