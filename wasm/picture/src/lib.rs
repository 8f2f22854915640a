//! The decoders of image files, WebAssembly modules apart from the reader: a page that reads by
//! camera loads none of them.
//!
//! There are two, so that a first photograph is soon read: one decodes JPEG files (the feature
//! `jpeg`), the other one PNG, WebP and BMP files (`other`). A file that is not for it is an error.
//!
//! A module imports nothing and exports plain functions, so that it needs no generated
//! JavaScript. One picture at a time: [`picture_reserve`] gives the place for a file's bytes,
//! [`picture_decode`] decodes them, the others say what came of it. `wasm/npm/src/picture.ts` calls
//! them.

use std::cell::RefCell;

use nibble_gray::Gray;
use nibble_picture::{Limits, PictureError, decode};

/// What the module holds between two calls.
enum State {
    /// Nothing, or the bytes of a file.
    File(Vec<u8>),
    /// An upright picture.
    Picture(Gray),
    /// Why a file was not decoded: the code of the error, a line break, and its message.
    Failure(String),
}

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::File(Vec::new())) };
}

/// Makes room for the `length` bytes of a file and returns its address; null if there is not enough
/// memory. What was held before is freed.
#[unsafe(no_mangle)]
pub extern "C" fn picture_reserve(length: usize) -> *mut u8 {
    STATE.with_borrow_mut(|state| {
        *state = State::File(Vec::new());
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(length).is_err() {
            return std::ptr::null_mut();
        }
        bytes.resize(length, 0);
        let address = bytes.as_mut_ptr();
        *state = State::File(bytes);
        address
    })
}

/// Decodes the bytes of a file and frees them. Returns whether there is a
/// picture now; if not, there is a message.
#[unsafe(no_mangle)]
pub extern "C" fn picture_decode() -> bool {
    STATE.with_borrow_mut(|state| {
        let outcome = match state {
            State::File(bytes) => decode(bytes, &Limits::BROWSER),
            State::Picture(_) | State::Failure(_) => Err(PictureError::Empty),
        };
        *state = match outcome {
            Ok(gray) => State::Picture(gray),
            Err(error) => State::Failure(format!("{}\n{error}", error.code())),
        };
        matches!(state, State::Picture(_))
    })
}

/// The width of the picture in pixels; 0 without a picture.
#[unsafe(no_mangle)]
pub extern "C" fn picture_width() -> usize {
    STATE.with_borrow(|state| if let State::Picture(gray) = state { gray.width() } else { 0 })
}

/// The address of what there is: gray bytes row by row, a message in UTF-8, or a file.
#[unsafe(no_mangle)]
pub extern "C" fn picture_address() -> *const u8 {
    STATE.with_borrow(|state| state.bytes().as_ptr())
}

/// The number of bytes at [`picture_address`].
#[unsafe(no_mangle)]
pub extern "C" fn picture_length() -> usize {
    STATE.with_borrow(|state| state.bytes().len())
}

/// Frees what there is.
#[unsafe(no_mangle)]
pub extern "C" fn picture_free() {
    STATE.set(State::File(Vec::new()));
}

impl State {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::File(bytes) => bytes,
            Self::Picture(gray) => gray.pixels(),
            Self::Failure(message) => message.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands a file over as JavaScript does, by way of what is held.
    fn hand_over(file: &[u8]) -> bool {
        assert!(!picture_reserve(file.len()).is_null());
        assert_eq!(picture_length(), file.len());
        STATE.set(State::File(file.to_vec()));
        picture_decode()
    }

    fn held() -> Vec<u8> {
        STATE.with_borrow(|state| state.bytes().to_vec())
    }

    /// A file in each format, and whether this module decodes it.
    const FILES: [(&str, bool); 3] = [
        ("passport.jpg", cfg!(feature = "jpeg")),
        ("id-td2-scan.png", cfg!(feature = "other")),
        ("visa-b.webp", cfg!(feature = "other")),
    ];

    #[test]
    fn a_file_becomes_its_gray_picture() {
        for (name, is_ours) in FILES {
            let file = std::fs::read(format!("../../testdata/specimens/{name}")).expect(name);
            assert_eq!(hand_over(&file), is_ours, "{name}");
            if is_ours {
                let gray = decode(&file, &Limits::BROWSER).expect(name);
                let size = (gray.width(), gray.pixels().len());
                assert_eq!((picture_width(), picture_length()), size);
                assert_eq!(held(), gray.pixels());
            } else {
                assert!(held().starts_with(b"Unsupported\n"), "{name}");
            }
            // Without another file there is nothing to decode.
            assert!(!picture_decode());
        }
        picture_free();
        assert_eq!((picture_width(), picture_length()), (0, 0));
    }

    #[test]
    fn failures_say_why() {
        assert!(!hand_over(b"plain text"));
        assert_eq!(held(), b"NotAPicture\nthe file is not a picture");
        assert!(!hand_over(b""));
        assert_eq!(held(), b"Empty\nthe file is empty");
        assert_eq!(picture_width(), 0);
    }

    #[test]
    fn too_long_a_file_gets_no_address() {
        assert!(picture_reserve(usize::MAX).is_null());
        assert_eq!(picture_length(), 0);
    }
}
