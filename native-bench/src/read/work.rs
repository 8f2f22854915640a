//! Reads many pictures in parallel, in bounded memory, and returns the results in order.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

use nibble_core::{Kernels, Model, ModelError, Network, Precision};
use nibble_picture::{Limits, decode};
use nibble_reader::{Reader, Reading};

use super::sources::{Source, Sources, Unreadable};
use crate::models;

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

/// A picture that was read.
pub(super) struct Read {
    pub(super) reading: Reading,
    /// Milliseconds taken to read and decode the file.
    pub(super) decode_ms: f64,
}

/// Why a file was not read: a code for programs and a message for people.
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) message: String,
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

/// A reader with the bundled networks: that of a precision, on the given kernels, and the locator.
///
/// # Errors
/// None with the committed models.
pub(crate) fn reader_on(kernels: &Kernels, precision: Precision) -> Result<Reader, ModelError> {
    let locator = Network::with_kernels(Model::parse(nibble_models::LOCATE_U4)?, kernels)?;
    Reader::with_network(Network::with_kernels(Model::parse(models::bytes(precision))?, kernels)?)?
        .with_locator(locator)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn read(reader: &mut Reader, source: &Source) -> Result<Read, Failure> {
    let begin = Instant::now();
    let bytes = source.bytes()?;
    let gray = decode(&bytes, &Limits::NATIVE)
        .map_err(|error| Failure { code: error.code(), message: error.to_string() })?;
    drop(bytes);
    let decode_ms = milliseconds(begin);
    let reading = reader.read_timed(&gray, &mut || milliseconds(begin));
    Ok(Read { reading, decode_ms })
}

/// Calls `work` with the kept value, or with a fresh one. A panic is a bug in this program, but it
/// must cost only this result: the value, which may be in any state, is dropped.
fn guarded<T, R>(
    kept: &mut Option<T>,
    fresh: &dyn Fn() -> Option<T>,
    work: impl FnOnce(&mut T) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let failure = || Failure {
        code: "Internal",
        message: "reading this picture failed because of a bug in this program".to_owned(),
    };
    let mut value = kept.take().or_else(fresh).ok_or_else(failure)?;
    let result = catch_unwind(AssertUnwindSafe(|| work(&mut value))).map_err(|_| failure())?;
    *kept = Some(value);
    result
}

/// Reads all pictures with `workers` readers and calls `print` with each outcome, in order. At most
/// [`AHEAD`] outcomes per worker wait for an earlier one.
///
/// # Errors
/// The first error of `print`, which ends the reading.
pub(super) fn read_all(
    sources: Sources,
    precision: Precision,
    kernels: &Kernels,
    workers: usize,
    print: &mut dyn FnMut(Outcome) -> io::Result<()>,
) -> io::Result<()> {
    let sources = Mutex::new(sources.enumerate());
    let (permit, permits) = mpsc::channel();
    (0..AHEAD * workers).for_each(|_| {
        // This cannot fail: the receiver lives to the end of this function.
        let _ = permit.send(());
    });
    let permits = Mutex::new(permits);
    let (sender, receiver) = mpsc::channel();
    let fresh = || reader_on(kernels, precision).ok();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, sources, permits, fresh) = (sender.clone(), &sources, &permits, &fresh);
            scope.spawn(move || {
                let mut reader = None;
                loop {
                    let permits = permits.lock().unwrap_or_else(PoisonError::into_inner);
                    if permits.recv().is_err() {
                        return;
                    }
                    drop(permits);
                    let next = sources.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((index, source)) = next else { return };
                    let result = guarded(&mut reader, fresh, |reader| read(reader, &source));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_one_result() {
        let mut kept = Some(1);
        let fresh = || Some(10);
        let add = |value: &mut i32| -> Result<i32, Failure> {
            *value += 1;
            assert_ne!(*value, 3, "this work panics");
            Ok(*value)
        };
        assert_eq!(guarded(&mut kept, &fresh, add).ok(), Some(2));
        let failure = guarded(&mut kept, &fresh, add).expect_err("it panicked");
        assert_eq!((failure.code, kept), ("Internal", None));
        assert_eq!(guarded(&mut kept, &fresh, add).ok(), Some(11), "a fresh value");
        assert!(guarded(&mut None, &|| None, add).is_err());
    }
}
