//! The trained networks of the reader, as the bytes of model files.
//!
//! ```
//! let file = nibble_models::OCR_U4;
//! assert_eq!(&file[8..9], b"{", "a safetensors file: eight bytes of length, then JSON");
//! ```
#![forbid(unsafe_code)]

/// The network in 4 bits, for `nibble_core::Model::parse`.
pub const OCR_U4: &[u8] = include_bytes!("../ocr-u4.safetensors");
/// The network in 8 bits, for `nibble_core::Model::parse`.
pub const OCR_U8: &[u8] = include_bytes!("../ocr-u8.safetensors");
/// The network in single precision, for `nibble_core::Model::parse`.
pub const OCR_F32: &[u8] = include_bytes!("../ocr-f32.safetensors");
/// The network in 4 bits that finds zones, for `nibble_core::Model::parse`.
pub const LOCATE_U4: &[u8] = include_bytes!("../locate-u4.safetensors");
