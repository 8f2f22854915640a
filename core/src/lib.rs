//! 4-bit convolutional networks, and a reader of machine-readable zones built on them.
//!
//! Data flows one way, with a type per stage, and no stage knows the next:
//!
//! ```text
//! gray::Gray -> locate::Zone (quads of lines) -> rectify::Strip -> network::Logits
//!            -> decode::DecodedLine -> mrz::Document -> reader::Reading
//! ```
//!
//! Nothing here does I/O, reads a clock or touches a browser. Everything from gray pixels on is the
//! same bits on every target (see `docs/architecture.md`).
pub mod decode;
pub mod geometry;
pub mod gray;
pub mod locate;
pub mod mrz;
mod numeric;
pub mod path;
