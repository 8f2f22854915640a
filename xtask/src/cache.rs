//! Tools by version in the user's cache folder, installed once per machine for all checkouts. The
//! folder may be deleted at any time.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{root, step, tools};

/// Environment variables, of which the first that is set gives the folder of caches, and what is
/// joined to it.
const HOMES: [(&str, &str); 2] = [("XDG_CACHE_HOME", "nibble"), ("HOME", ".cache/nibble")];

/// The folder of what is kept between runs and shared by checkouts.
pub(crate) fn folder() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let home =
        HOMES.iter().find_map(|&(name, inside)| Some(PathBuf::from(set(name)?).join(inside)));
    home.unwrap_or_else(|| root().join("target/cache"))
}

/// Where a version of a tool is, or will be.
pub(crate) fn tool(name: &str, version: &str) -> PathBuf {
    folder().join("tools").join(format!("{name}-{version}"))
}

/// Installs a version of a tool unless it is installed; returns its folder.
///
/// `install` fills an empty folder, which is moved into place when it is complete: a tool is there
/// whole or not at all. Waits while another checkout installs the same.
pub(crate) fn install(
    name: &str,
    version: &str,
    install: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let place = tool(name, version);
    if place.exists() {
        return Ok(place);
    }
    let beside = |ending: &str| {
        let mut path = place.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    };
    let (partial, lock) = (beside(".partial"), beside(".lock"));
    fs::create_dir_all(folder().join("tools")).context("the cache folder")?;
    let lock = File::create(&lock).with_context(|| lock.display().to_string())?;
    if lock.try_lock().is_err() {
        println!("another checkout installs {name} {version}: waiting");
        lock.lock().context("a lock in the cache folder")?;
    }
    if !place.exists() {
        step(&format!("{name} {version}"), || {
            if partial.exists() {
                fs::remove_dir_all(&partial).context("what a broken installation left")?;
            }
            fs::create_dir(&partial)?;
            install(&partial)?;
            fs::rename(&partial, &place).with_context(|| place.display().to_string())
        })?;
    }
    Ok(place)
}

/// Links an installed tool into this checkout under a name.
pub(crate) fn link(name: &str, target: &Path) -> Result<()> {
    let link = tools().join(name);
    if fs::read_link(&link).is_ok_and(|last| last == target) {
        return Ok(());
    }
    fs::create_dir_all(tools()).context("target/tools")?;
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).with_context(|| link.display().to_string())?;
    }
    symlink(target, &link).with_context(|| link.display().to_string())
}

/// A version for what has no number of its own: the 64-bit FNV-1a digest of its `parts`.
pub(crate) fn version_of(parts: &[&[u8]]) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    // A byte that cannot occur in UTF-8 separates the parts.
    let bytes = parts.iter().flat_map(|part| part.iter().chain(&[0xff]));
    let hash = bytes.fold(BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

/// A version for what is made of the files in a folder.
pub(crate) fn version_of_files(folder: &Path) -> Result<String> {
    let mut parts = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if !path.is_dir() {
                let name = path.as_os_str().as_encoded_bytes().to_vec();
                parts.push((name, fs::read(&path).with_context(|| path.display().to_string())?));
            } else if path.file_name() != Some("target".as_ref()) {
                folders.push(path);
            }
        }
    }
    parts.sort();
    Ok(version_of(&parts.iter().map(|(_, content)| content.as_slice()).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_from_every_part() {
        // FNV-1a of no bytes is its basis.
        assert_eq!(version_of(&[]), "cbf29ce484222325");
        assert_ne!(version_of(&[b"a"]), version_of(&[b"b"]));
        assert_ne!(version_of(&[b"ab", b"c"]), version_of(&[b"a", b"bc"]));
        assert_eq!(version_of(&[b"a", b"b"]), version_of(&[b"a", b"b"]));
    }

    #[test]
    fn every_file_counts_wherever_the_folder_is() {
        let folder = std::env::temp_dir().join(format!("nibble-cache-{}", std::process::id()));
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        write("one/a/file", "first");
        write("one/file", "second");
        write("two/a/file", "first");
        write("two/file", "second");
        write("two/target/file", "what a build leaves");
        let version = |name: &str| version_of_files(&folder.join(name)).expect("files");
        let before = version("one");
        assert_eq!(before, version("two"));
        write("two/a/file", "changed");
        assert_ne!(before, version("two"));
        fs::remove_dir_all(folder).expect("the folder");
    }
}
