//! Bytes of a file to a gray picture.

use nibble_core::Fnv1a64;
use nibble_picture::{Limits, decode};

use crate::alloc::peak_of;

/// Limits small enough that thousands of files are decoded in a second. What is beyond them is
/// refused as it is beyond the real ones.
const SMALL: Limits = Limits { max_pixels: 1 << 18, max_bytes: 4 << 20 };
/// Bytes that `Limits::max_bytes` does not count.
const UNCOUNTED: usize = 1 << 20;
/// One file in so many is also decoded within the real limits.
const REAL_EVERY: u64 = 64;

/// Decodes a file: a picture of as many pixels as it has places, or an error with a message, and
/// never more memory than the limits allow.
///
/// # Panics
/// If that is not so.
pub fn picture(file: &[u8]) {
    decode_within(file, &SMALL);
    let digest = u64::from_str_radix(&Fnv1a64::of(file).hex(), 16).unwrap_or(0);
    if digest.is_multiple_of(REAL_EVERY) {
        decode_within(file, &Limits::BROWSER);
        decode_within(file, &Limits::NATIVE);
    }
}

fn decode_within(file: &[u8], limits: &Limits) {
    let (outcome, peak) = peak_of(|| decode(file, limits));
    let peak = peak + file.len();
    let allowed = usize::try_from(limits.max_bytes).unwrap_or(usize::MAX).max(file.len());
    assert!(peak <= allowed + UNCOUNTED, "{peak} of {allowed} bytes: {:?}", outcome.err());
    match outcome {
        Ok(gray) => {
            let pixels = gray.width() * gray.height();
            assert!(pixels > 0 && gray.pixels().len() == pixels);
            assert!(pixels as u64 <= limits.max_pixels);
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.code().is_empty()),
    }
}
