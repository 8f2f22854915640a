//! What wasm-pack calls of binary-install. Programs are found where they are; none is downloaded.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// A folder of downloaded programs: an empty one.
pub struct Cache(PathBuf);

impl Cache {
    /// # Errors
    /// None.
    pub fn new(name: &str) -> Result<Self> {
        Ok(Self(env::temp_dir().join(name)))
    }

    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub fn join(&self, path: &Path) -> PathBuf {
        self.0.join(path)
    }

    /// Nothing, whether an installation is allowed or not.
    ///
    /// # Errors
    /// None.
    pub fn download(&self, _: bool, _: &str, _: &[&str], _: &str) -> Result<Option<Download>> {
        Ok(None)
    }
}

/// A folder with programs.
pub struct Download(PathBuf);

impl Download {
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The file of a program.
    ///
    /// # Errors
    /// It is not in the folder.
    pub fn binary(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name).with_extension(env::consts::EXE_EXTENSION);
        ensure!(path.is_file(), "{} is missing", path.display());
        Ok(path)
    }
}
