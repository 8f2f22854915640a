//! Files as they travel: compressed once, kept, and known by a tag.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Largest file that is compressed, in bytes: the page has none that is larger.
const MAX_FILE: u64 = 16 << 20;
/// Bytes of compressed files that are kept; beyond, all are forgotten.
const MAX_KEPT: usize = 64 << 20;

/// Compressed files by path and tag; `None` for those that do not become smaller.
type Kept = BTreeMap<(PathBuf, String), Option<Arc<[u8]>>>;

static KEPT: Mutex<Kept> = Mutex::new(BTreeMap::new());

/// A tag that changes when the file does, in quotes as the header `ETag` has it. `None` where the
/// system does not know when a file was changed.
pub(crate) fn tag(metadata: &Metadata) -> Option<String> {
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("\"{:x}-{:x}\"", metadata.len(), changed.as_nanos()))
}

/// The tag of the compressed form of a file with this tag.
pub(crate) fn packed_tag(tag: &str) -> String {
    format!("{}-gz\"", tag.trim_end_matches('"'))
}

/// Whether files of this kind are worth compressing.
pub(crate) fn is_packable(kind: &str) -> bool {
    !kind.starts_with("image/") || kind == "image/svg+xml"
}

/// The compressed bytes of a file of `length` bytes with this tag; `None` if it is too long, or not
/// shorter when compressed. `file` is read only if they are not kept.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn packed(
    path: &Path,
    tag: &str,
    file: &mut File,
    length: u64,
) -> io::Result<Option<Arc<[u8]>>> {
    if length > MAX_FILE {
        return Ok(None);
    }
    let key = (path.to_path_buf(), tag.to_owned());
    // What another thread left behind is whole: entries are made before they are put in.
    if let Some(found) = KEPT.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(found.clone());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&bytes)?;
    let packed = encoder.finish()?;
    let packed: Option<Arc<[u8]>> = (packed.len() < bytes.len()).then(|| packed.into());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let total: usize = kept.values().flatten().map(|bytes| bytes.len()).sum();
    if total > MAX_KEPT {
        kept.clear();
    }
    kept.insert(key, packed.clone());
    Ok(packed)
}
