//! A call from C: what it may fail with, and the values behind the caller's pointers.

use std::cell::RefCell;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nibble_core::ModelError;
use nibble_core::graph::RunError;

use crate::Status;

/// Why a call did not succeed.
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn argument(text: impl Into<String>) -> Self {
        Self { status: Status::InvalidArgument, text: text.into() }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self { status: Status::ModelInvalid, text: error.to_string() }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let status = match error {
            RunError::TooLarge { .. }
            | RunError::InputTooLarge { .. }
            | RunError::TooMuchWork { .. } => Status::TooLarge,
            _ => Status::InvalidArgument,
        };
        Self { status, text: error.to_string() }
    }
}

thread_local! {
    /// The text of the last failure on this thread.
    pub(crate) static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Keeps the text of a failure for [`nibble_last_error`](crate::nibble_last_error).
fn keep(text: String) {
    let bytes: Vec<u8> = text.into_bytes().into_iter().filter(|&byte| byte != 0).collect();
    // A string of C must not contain zero bytes.
    LAST_ERROR.set(CString::new(bytes).unwrap_or_default());
}

/// Does the work of a function: catches panics, and keeps the text of failures.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Status> {
    // Nobody sees what a panic leaves behind: the network is marked as broken.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => {
            LAST_ERROR.set(CString::default());
            Ok(value)
        }
        Ok(Err(Failure { status, text })) => {
            keep(text);
            Err(status)
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            keep(format!("a bug of the library: {}", text.unwrap_or("it panicked")));
            Err(Status::Internal)
        }
    }
}

pub(crate) fn status(result: Result<(), Status>) -> Status {
    result.err().unwrap_or(Status::Ok)
}

/// Values behind a pointer of C.
///
/// # Safety
/// If `pointer` is not null, `count` values lie there, and nobody changes them meanwhile.
pub(crate) unsafe fn slice<'a, T>(
    pointer: *const T,
    count: usize,
    what: &str,
) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Failure::argument(format!("{what}: the pointer is null or not aligned")));
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Failure::argument(format!("{what}: {count} values exceed any memory")));
    }
    // SAFETY: the pointer is neither null nor misaligned, the values are as many as fit an object,
    // and they are there, as promised above.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Stores a value where C wants it.
///
/// # Safety
/// `to` is null, or a `T` can be written there.
pub(crate) unsafe fn store<T>(to: *mut T, value: T) -> Result<(), Failure> {
    if to.is_null() || !to.is_aligned() {
        return Err(Failure::argument("the place of the answer is null or not aligned"));
    }
    // SAFETY: it is neither null nor misaligned, and can be written, as promised above.
    unsafe { to.write(value) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let found = guarded::<()>(|| panic!("layer {}", 3));
        std::panic::set_hook(hook);
        assert_eq!(found, Err(Status::Internal));
        let text = LAST_ERROR.with_borrow(Clone::clone);
        assert_eq!(text.to_str(), Ok("a bug of the library: layer 3"));
        assert_eq!(guarded(|| Ok(7)), Ok(7));
        assert!(LAST_ERROR.with_borrow(|text| text.is_empty()));
    }
}
