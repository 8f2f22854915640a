//! The bytes of files, within the limit of decoding.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use nibble_picture::{HEAD_BYTES, Limits, PictureError, recognise};

use crate::Failure;

/// Maximum bytes of a file: the limit for decoding as a whole.
const MAX_BYTES: u64 = Limits::NATIVE.max_bytes;

/// Why a file's bytes cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// The system says why.
    Io(io::Error),
    /// It is a device, a pipe or a socket.
    NoFile,
    /// It has too many bytes.
    TooLarge,
    /// Its first bytes are not those of a picture.
    NoPicture(PictureError),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the file cannot be read: {error}"),
            Self::NoFile => f.write_str("this is a device, a pipe or a socket, not a file"),
            Self::TooLarge => write!(f, "the file is larger than {} MiB", MAX_BYTES >> 20),
            Self::NoPicture(error) => error.fmt(f),
        }
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        let code = match &error {
            Unreadable::TooLarge => "TooLarge",
            Unreadable::NoPicture(error) => error.code(),
            Unreadable::Io(_) | Unreadable::NoFile => "Unreadable",
        };
        Self { code, message: error.to_string() }
    }
}

/// All bytes of a picture's file. Devices, pipes and sockets are refused before they are opened,
/// because they may block or never end.
///
/// # Errors
/// [`Unreadable`], also if the file is too large or does not begin like a picture.
pub fn bytes_of_file(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let metadata = fs::metadata(path).map_err(Unreadable::Io)?;
    if !metadata.is_file() {
        return Err(Unreadable::NoFile);
    }
    let file = File::open(path).map_err(Unreadable::Io)?;
    if metadata.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    bytes_within_limit(file)
}

/// All bytes of a picture. Only the first few are read of anything else.
///
/// # Errors
/// [`Unreadable`], except [`Unreadable::NoFile`].
pub fn bytes_within_limit(mut reader: impl Read) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    let head = reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut bytes);
    head.map_err(Unreadable::Io)?;
    recognise(&bytes).map_err(Unreadable::NoPicture)?;
    let read = reader.take(MAX_BYTES + 1 - bytes.len() as u64).read_to_end(&mut bytes);
    read.map_err(Unreadable::Io)?;
    if bytes.len() as u64 > MAX_BYTES { Err(Unreadable::TooLarge) } else { Ok(bytes) }
}
