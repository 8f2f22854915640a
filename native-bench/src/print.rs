//! Handles failures of printing: pipes may be closed and disks may be full.

use std::io;
use std::process::ExitCode;

/// The exit code after printing: `code` if everything was printed, or if the reader closed the pipe
/// (`| head`). Otherwise prints the error and returns failure.
pub(crate) fn finished(printed: io::Result<()>, code: ExitCode) -> ExitCode {
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: the result cannot be written: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}
