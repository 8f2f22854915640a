//! Where pictures come from: files, folders, standard input and lists of names.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use nibble_files::{Unreadable, bytes_of_file, bytes_within_limit};

/// One picture to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    path: PathBuf,
    /// Whether it was found in a folder rather than named; then it is left out if it is not a
    /// picture.
    pub(super) found: bool,
}

impl Source {
    /// The path as given or found; `-` is standard input.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// All bytes of the picture, up to the limit.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Unreadable> {
        if self.path.as_os_str() == "-" {
            bytes_within_limit(io::stdin().lock())
        } else {
            bytes_of_file(&self.path)
        }
    }
}

/// The pictures to read, in order. Each folder is walked only when its turn comes, so a million
/// files need no list.
pub(super) struct Sources {
    named: VecDeque<PathBuf>,
    list: Option<Box<dyn BufRead + Send>>,
    /// Entries of the folders being walked, innermost last.
    folders: Vec<VecDeque<PathBuf>>,
}

impl Sources {
    /// The files and folders `named`, then those that the file `list` names, one per line.
    ///
    /// # Errors
    /// [`io::Error`] with the name of the list if it cannot be opened.
    pub(super) fn new(named: &[PathBuf], list: Option<&Path>) -> io::Result<Self> {
        let list: Option<Box<dyn BufRead + Send>> = match list {
            None => None,
            Some(path) if path.as_os_str() == "-" => Some(Box::new(BufReader::new(io::stdin()))),
            Some(path) => {
                let file = File::open(path).map_err(|error| {
                    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
                })?;
                Some(Box::new(BufReader::new(file)))
            }
        };
        Ok(Self { named: named.iter().cloned().collect(), list, folders: Vec::new() })
    }

    /// The number of pictures; `None` if folders or a list make it unknown.
    pub(super) fn known_count(&self) -> Option<usize> {
        let plain = self.list.is_none() && !self.named.iter().any(|path| path.is_dir());
        plain.then_some(self.named.len())
    }

    /// The next path that was named.
    fn next_named(&mut self) -> Option<PathBuf> {
        if let Some(path) = self.named.pop_front() {
            return Some(path);
        }
        let list = self.list.as_mut()?;
        loop {
            let mut line = Vec::new();
            // If the list cannot be read further, it ends here.
            if list.read_until(b'\n', &mut line).is_err() || line.is_empty() {
                self.list = None;
                return None;
            }
            let ends = line.iter().rev().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            line.truncate(line.len() - ends);
            if !line.is_empty() {
                return Some(path_of(line));
            }
        }
    }
}

/// A path from bytes. On Unix, names may be any bytes; elsewhere they are text.
#[cfg(unix)]
fn path_of(line: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(line).into()
}

#[cfg(not(unix))]
fn path_of(line: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&line).into_owned().into()
}

/// The entries of a folder that are not hidden, sorted by name.
fn entries(folder: &Path) -> io::Result<VecDeque<PathBuf>> {
    let visible = |entry: &fs::DirEntry| !entry.file_name().as_encoded_bytes().starts_with(b".");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .filter(visible)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    Ok(paths.into())
}

/// Whether this is a folder rather than a link to one: links may form cycles.
fn is_real_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

impl Iterator for Sources {
    type Item = Source;

    fn next(&mut self) -> Option<Source> {
        loop {
            let (path, found) = match self.folders.last_mut() {
                Some(folder) => match folder.pop_front() {
                    Some(path) => (path, true),
                    None => {
                        self.folders.pop();
                        continue;
                    }
                },
                None => (self.next_named()?, false),
            };
            let is_folder = if found { is_real_folder(&path) } else { path.is_dir() };
            if is_folder && let Ok(entries) = entries(&path) {
                self.folders.push(entries);
                continue;
            }
            return Some(Source { path, found });
        }
    }
}
