//! Which kernels suit which operands: a list for each range of operands, best guess first. Every
//! architecture has lists of its own.

use super::{Kernel, arch, portable};
use crate::Precision;
use crate::quant::Code;

/// Something to be done with a kernel that is only known at run time.
pub(crate) trait Visitor {
    /// What the visit returns.
    type Result;

    /// Called with a kernel of integer codes.
    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
        self,
        kernel: K,
    ) -> Self::Result;

    /// Called with a kernel of f32.
    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K)
    -> Self::Result;
}

/// The range of values that a kernel's operands have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperandRange {
    /// Single precision.
    F32,
    /// Activations up to 255, weights in -127..=127.
    U8,
    /// Activations up to 127, weights in -127..=127: the range for which instructions that add
    /// pairs of byte products are exact. No network uses it; benches compare it with 4 bits.
    U7,
    /// Activations up to 15, weights in -7..=7.
    U4,
}

impl OperandRange {
    /// All ranges, in the order of tables.
    pub const ALL: [Self; 4] = [Self::F32, Self::U8, Self::U7, Self::U4];

    /// Name, as in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::U8 => "u8",
            Self::U7 => "u7",
            Self::U4 => "u4",
        }
    }

    /// The largest activation.
    #[must_use]
    pub fn max_activation(self) -> u8 {
        match self {
            Self::F32 | Self::U8 => 255,
            Self::U7 => 127,
            Self::U4 => 15,
        }
    }

    /// The largest weight; the smallest is its negative.
    #[must_use]
    pub fn max_weight(self) -> i8 {
        if self == Self::U4 { 7 } else { 127 }
    }
}

impl From<Precision> for OperandRange {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::U8 => Self::U8,
            Precision::U4 => Self::U4,
        }
    }
}

/// No list has more candidates than this.
pub(super) const MAX_CANDIDATES: usize = 8;

/// Defines `candidate`, which visits the kernel at a place of the list for a range of operands:
/// best guess first, the portable kernel last. It returns `None` beyond the end of the list, and
/// where this machine lacks the instructions.
macro_rules! candidates {
    ($($range:ident: $visit:ident [$($kernel:ty),* $(,)?]),* $(,)?) => {
        pub(in crate::gemm) fn candidate<V: $crate::gemm::Visitor>(
            range: $crate::gemm::OperandRange,
            place: usize,
            visitor: V,
        ) -> Option<V::Result> {
            #[allow(unused_imports, reason = "not needed where the lists are empty")]
            use $crate::gemm::Kernel;
            match range {
                $($crate::gemm::OperandRange::$range => {
                    const LEN: usize = <[&str]>::len(&[$(stringify!($kernel)),*]);
                    const { assert!(LEN < $crate::gemm::dispatch::MAX_CANDIDATES) };
                    #[allow(unused_mut, reason = "a list may be empty")]
                    let mut left = place;
                    $(
                        if left == 0 {
                            return <$kernel>::detect().map(|kernel| visitor.$visit(kernel));
                        }
                        left -= 1;
                    )*
                    (left == 0).then(|| $crate::gemm::dispatch::portable(range, visitor))
                })*
            }
        }
    };
}
pub(super) use candidates;

/// Visits the portable kernel for a range of operands.
pub(super) fn portable<V: Visitor>(range: OperandRange, visitor: V) -> V::Result {
    match range {
        OperandRange::F32 => visitor.float(portable::FLOAT),
        _ => visitor.integer(portable::INTEGER),
    }
}

/// Visits the kernel at `place` of the list for `range`, if this machine can run it.
pub(super) fn candidate<V: Visitor>(
    range: OperandRange,
    place: usize,
    visitor: V,
) -> Option<V::Result> {
    arch::candidate(range, place, visitor)
}

/// Calls a fresh visitor from `make` with every kernel that this machine can run, best guess of
/// each range first.
#[cfg(any(test, feature = "bench"))]
pub(crate) fn every<V: Visitor>(mut make: impl FnMut(OperandRange) -> V) -> Vec<V::Result> {
    let mut results = Vec::new();
    for range in OperandRange::ALL {
        let places = 0..MAX_CANDIDATES;
        results.extend(places.filter_map(|place| candidate(range, place, make(range))));
    }
    results
}
