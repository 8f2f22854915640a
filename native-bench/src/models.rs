//! The models inside the binary, so that it runs on a phone as a single file.

use nibble_core::Precision;

/// The model file of a precision.
pub(crate) fn bytes(precision: Precision) -> &'static [u8] {
    match precision {
        Precision::F32 => include_bytes!("../../models/ocr-f32.safetensors"),
        Precision::U8 => include_bytes!("../../models/ocr-u8.safetensors"),
        Precision::U4 => include_bytes!("../../models/ocr-u4.safetensors"),
    }
}
