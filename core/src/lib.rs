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
pub mod bench;
pub mod decode;
pub mod digest;
pub mod gemm;
pub mod geometry;
pub mod gray;
pub mod locate;
pub mod model;
pub mod mrz;
pub mod network;
mod numeric;
pub mod path;
pub mod pyramid;
pub mod quant;
pub mod reader;
pub mod rectify;
pub mod strip;

/// The arithmetic of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    /// Single precision, the accuracy baseline.
    F32,
    /// 8-bit activations and weights, exact.
    U8,
    /// 4-bit activations and weights, exact.
    U4,
}

impl Precision {
    /// All precisions, from the widest.
    pub const ALL: [Self; 3] = [Self::F32, Self::U8, Self::U4];

    /// The name in files and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::U8 => "u8",
            Self::U4 => "u4",
        }
    }

    /// The precision of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.name() == name)
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
