//! `cargo xtask times`: how long a camera frame and a photograph take, natively and in Chromium.

use anyhow::{Result, ensure};

use crate::eval::{DEFAULT, warp};
use crate::frames::Set;
use crate::setup::Need::{Chromium, Firefox, Node, WasmPack};
use crate::shell::{command, root, run};
use crate::{native, page, setup};

/// The smallest frame that a page asks a camera for, the size of a phone's photographs, and films.
const SETS: [Set; 3] = [
    Set { count: 48, seed: 1, size: Some((1280, 960)), film: None },
    Set { count: 12, seed: 1, size: Some((4032, 3024)), film: None },
    Set { count: 6, seed: 1, size: None, film: Some(24) },
];

/// Makes the frames, and reads them with `native-bench` and with both binaries of the page in turn.
pub(crate) fn run_all(options: &[&str]) -> Result<()> {
    ensure!(matches!(options, [] | ["--write"]), "--write is the only option");
    let pictures = root().join(DEFAULT);
    ensure!(pictures.exists(), "{DEFAULT} is needed, whose pictures the frames are made from");
    setup::install(&[WasmPack, Node, Chromium, Firefox])?;
    native::build()?;
    page::build()?;
    let folders = SETS.map(|set| warp(&pictures, set)).into_iter().collect::<Result<Vec<_>>>()?;
    let mut node = command("node");
    node.arg("tests/times.mjs").args(folders).args(options);
    run(node.current_dir(root().join("web")))
}
