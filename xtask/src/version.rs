//! The version of everything that is released: that of the workspace, in Cargo.toml. Other
//! manifests repeat it, a test compares them, and `cargo xtask version NEW` changes all of them.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::shell::{command, root, run};

/// Files that repeat the version, and the texts before it. Each text is there at least once.
const PLACES: [(&str, &str); 5] = [
    ("Cargo.toml", "[workspace.package]\nversion = \""),
    ("Cargo.toml", "\", version = \""),
    ("wasm/npm/package.json", "\"name\": \"nibble-mrz\",\n  \"version\": \""),
    ("wasm/npm/src/bench.ts", "const VERSION = \""),
    ("train/nibble_qat/pyproject.toml", "name = \"nibble-qat\"\nversion = \""),
];

/// The version of the workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Every version in `text` that follows `before`, and where it begins. Of Cargo.toml's
/// dependencies, only ours have a path before their version.
fn versions<'a>(text: &'a str, before: &str) -> Vec<(usize, &'a str)> {
    let start = |(at, _): (usize, &str)| at + before.len();
    let version = |at: usize| (at, text[at..].split('"').next().unwrap_or_default());
    text.match_indices(before).map(start).map(version).collect()
}

/// Writes a version into every manifest, and into Cargo.lock.
pub(crate) fn write(new: &str) -> Result<()> {
    let parts = new.split('-').next().unwrap_or_default().split('.');
    let numbers = parts.filter(|part| part.parse::<u32>().is_ok()).count();
    ensure!(numbers == 3, "a version is three numbers with points between them, not {new}");
    for (file, before) in PLACES {
        let path = root().join(file);
        let mut text = fs::read_to_string(&path).context(file)?;
        let places: Vec<(usize, usize)> =
            versions(&text, before).iter().map(|&(at, old)| (at, old.len())).collect();
        ensure!(!places.is_empty(), "{file} has no version after {before:?}");
        for &(at, length) in places.iter().rev() {
            text.replace_range(at..at + length, new);
        }
        fs::write(&path, text).context(file)?;
    }
    let path = root().join(FUZZ);
    let lock = fs::read_to_string(&path).context(FUZZ)?;
    fs::write(path, of_members(&lock, new)).context(FUZZ)?;
    run(command("cargo").args(["update", "--workspace", "--offline", "--quiet"]))
}

/// The lock file of the fuzz targets, which are no members of the workspace.
const FUZZ: &str = "fuzz/Cargo.lock";

/// A lock file with a new version of the crates that have no source and the old one.
fn of_members(lock: &str, new: &str) -> String {
    let entry = |entry: &str| {
        let ours =
            !entry.contains("\nsource = ") && !entry.contains("name = \"nibble-fuzz-targets\"");
        let (old, new) = (format!("\nversion = \"{VERSION}\""), format!("\nversion = \"{new}\""));
        if ours { entry.replacen(&old, &new, 1) } else { entry.to_owned() }
    };
    lock.split("[[package]]").map(entry).collect::<Vec<_>>().join("[[package]]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_has_the_version_of_the_workspace() {
        for (file, before) in PLACES {
            let text = fs::read_to_string(root().join(file)).expect(file);
            let found = versions(&text, before);
            assert!(!found.is_empty(), "{file} has no version after {before:?}");
            for (_, version) in found {
                assert_eq!(version, VERSION, "{file}: cargo xtask version {VERSION} mends it");
            }
        }
    }

    #[test]
    fn only_members_get_the_version_in_a_lock_file() {
        let entry = |name: &str, version: &str, rest: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n{rest}")
        };
        let lock = |version| {
            let other = entry("other", VERSION, "source = \"registry\"\n");
            entry("nibble-a", version, "") + &other + &entry("nibble-fuzz-targets", VERSION, "")
        };
        assert_eq!(of_members(&lock(VERSION), "9.9.9"), lock("9.9.9"));
    }

    #[test]
    fn versions_are_found_after_their_text() {
        assert_eq!(versions("a = \"1\", b = \"2\"", "b = \""), [(14, "2")]);
        assert_eq!(versions("a = \"1\"", "c = \""), []);
    }
}
