//! Reads many pictures in parallel, in bounded memory, and returns the results in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError, mpsc};

use nibble_core::{Kernels, Precision};
use nibble_files::{Failure, Files, Read};

use super::sources::Sources;

/// Maximum pictures per worker that are read ahead of the next one to be printed.
const AHEAD: usize = 16;

/// The result of one picture, read or not.
pub(super) struct Outcome {
    /// The path as given or found.
    pub(super) file: String,
    found: bool,
    pub(super) result: Result<Read, Failure>,
}

impl Outcome {
    /// Whether this was found in a folder and is not a picture: nobody asked for it.
    pub(super) fn is_left_out(&self) -> bool {
        let no_picture = |failure: &Failure| matches!(failure.code, "NotAPicture" | "Empty");
        self.found && self.result.as_ref().is_err_and(no_picture)
    }
}

/// How pictures are read.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) precision: Precision,
    pub(super) kernels: &'a Kernels,
    /// Number of readers; 1 for a film.
    pub(super) workers: usize,
    /// Whether the pictures are frames of one film.
    pub(super) film: bool,
}

/// Reads all pictures and calls `print` with each outcome, in order. At most
/// [`AHEAD`] outcomes per worker wait for an earlier one.
///
/// # Errors
/// The first error of `print`, which ends the reading.
pub(super) fn read_all(
    sources: Sources,
    how: How<'_>,
    print: &mut dyn FnMut(Outcome) -> io::Result<()>,
) -> io::Result<()> {
    let How { precision, kernels, workers, film } = how;
    let sources = Mutex::new(sources.enumerate());
    let (permit, permits) = mpsc::channel();
    (0..AHEAD * workers).for_each(|_| {
        // This cannot fail: the receiver lives to the end of this function.
        let _ = permit.send(());
    });
    let permits = Mutex::new(permits);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, sources, permits) = (sender.clone(), &sources, &permits);
            scope.spawn(move || {
                let new = if film { Files::of_film } else { Files::new };
                let mut files = new(*kernels, precision);
                loop {
                    let permits = permits.lock().unwrap_or_else(PoisonError::into_inner);
                    if permits.recv().is_err() {
                        return;
                    }
                    drop(permits);
                    let next = sources.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((index, source)) = next else { return };
                    let result = files.read(|| source.bytes());
                    let outcome = Outcome { file: source.name(), found: source.found, result };
                    if sender.send((index, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // Moved here, so that it is dropped and workers stop waiting if printing fails.
        let permit = permit;
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (index, outcome) in receiver {
            waiting.insert(index, outcome);
            while let Some(outcome) = waiting.remove(&next) {
                next += 1;
                print(outcome)?;
                // This fails if all workers have ended, which does no harm.
                let _ = permit.send(());
            }
        }
        Ok(())
    })
}
