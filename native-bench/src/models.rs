//! The models inside the binary, so that it runs on a phone as a single file.

use nibble_core::Precision;

/// The model file of a precision.
pub(crate) fn bytes(precision: Precision) -> &'static [u8] {
    match precision {
        Precision::F32 => nibble_models::OCR_F32,
        Precision::U8 => nibble_models::OCR_U8,
        Precision::U4 => nibble_models::OCR_U4,
    }
}
