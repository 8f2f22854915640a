//! Precision: which numbers a network computes with.

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
    /// All precisions, the widest first.
    pub const ALL: [Self; 3] = [Self::F32, Self::U8, Self::U4];

    /// The name in files and on command lines: `f32`, `u8` or `u4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::U8 => "u8",
            Self::U4 => "u4",
        }
    }

    /// The precision with this name; `None` if there is none.
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
