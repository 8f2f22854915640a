//! Packs every crate that is published and builds it from its package alone. Nothing is uploaded.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{command, root, run};

/// Checks the packages.
pub(crate) fn check() -> Result<()> {
    forget_unpacked()?;
    let mut cargo = command("cargo");
    run(cargo.args(["publish", "--quiet", "--workspace", "--dry-run", "--allow-dirty"]))
}

/// Removes what cargo unpacked and built of our crates at an earlier check. Cargo keeps it by name
/// and version, and these stay the same between releases, so that it would check the old sources.
fn forget_unpacked() -> Result<()> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let home = home.context("no home folder")?;
    let mut forgotten = false;
    for kind in ["src", "cache"] {
        for registry in entries(&home.join("registry").join(kind)) {
            // Packages that are checked come from a folder: a registry without a host.
            let is_folder = registry
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('-') && registry.is_dir());
            if is_folder {
                forgotten |= remove_ours(&registry)?;
            }
        }
    }
    if forgotten {
        remove_ours(&root().join("target/debug/.fingerprint"))?;
    }
    Ok(())
}

/// The entries of a folder; none if there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Removes the entries of a folder that are of our crates; says whether there were any.
fn remove_ours(folder: &Path) -> Result<bool> {
    let mut removed = false;
    for path in entries(folder) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("nibble-") {
            if path.is_dir() {
                std::fs::remove_dir_all(&path)?;
            } else {
                std::fs::remove_file(&path)?;
            }
            removed = true;
        }
    }
    Ok(removed)
}
