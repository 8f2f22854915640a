//! Printing that may fail: pipes are closed and disks are full.

use std::io;
use std::process::ExitCode;

/// The exit code after printing: `code` where all was printed, or where the reader of a pipe has seen
/// enough (`| head`); failure, with its reason, where it could not be written.
pub(crate) fn finished(printed: io::Result<()>, code: ExitCode) -> ExitCode {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: the result cannot be written: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}
