//! The models, which are embedded in the binary so that a phone needs only one file.

use nibble_core::Precision;

/// The bytes of the model file of a precision.
pub(crate) fn bytes(precision: Precision) -> &'static [u8] {
    match precision {
        Precision::F32 => nibble_models::OCR_F32,
        Precision::U8 => nibble_models::OCR_U8,
        Precision::U4 => nibble_models::OCR_U4,
    }
}
