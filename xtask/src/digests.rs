//! `cargo xtask digests`: digests of the readings of all specimens, which every machine must
//! reproduce. The bench view compares browsers with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::native;
use crate::shell::root;

const SPECIMENS: &str = "testdata/specimens";
const FILE: &str = "web/src/bench/digests.json";
/// Precisions that compute the same bits everywhere.
const EXACT: [&str; 2] = ["u8", "u4"];
/// Extensions of the files that the browser's engine decodes.
const PICTURES: [&str; 3] = ["jpg", "png", "webp"];

fn specimens() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(SPECIMENS)).context(SPECIMENS)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| PICTURES.contains(&extension)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The digests of each specimen's picture and of the network's output, as read on this machine.
fn found() -> Result<String> {
    native::build()?;
    let files = specimens()?;
    let mut digests: BTreeMap<String, BTreeMap<&str, Value>> = BTreeMap::new();
    for precision in EXACT {
        let readings = native::read(&files, precision)?;
        for (file, reading) in files.iter().zip(readings) {
            let name = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let entry = digests.entry(name).or_default();
            entry.insert("gray", reading["gray_digest"].clone());
            entry.insert(precision, reading["digest"].clone());
        }
    }
    Ok(format!("{}\n", serde_json::to_string_pretty(&digests)?))
}

/// Writes the file with which the bench view compares.
pub(crate) fn write() -> Result<()> {
    fs::write(root().join(FILE), found()?).context(FILE)
}

/// Fails unless the committed file has the digests that this machine finds.
pub(crate) fn check() -> Result<()> {
    if fs::read_to_string(root().join(FILE)).context(FILE)? != found()? {
        bail!(
            "{FILE} is not what this machine finds: if readings have changed by intent, run cargo xtask digests"
        );
    }
    Ok(())
}
