//! Which kernel runs where: the only place that asks about targets and features.

use super::Kernel;
use super::choice::chosen;
use super::portable;
use crate::Precision;
use crate::quant::Code;

/// Something to be done with a kernel that is only known at run time.
pub trait Visitor {
    /// What comes of it.
    type Result;

    /// Called with a kernel of integer codes.
    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, kernel: K) -> Self::Result;

    /// Called with a kernel of f32.
    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Self::Result;
}

/// What a kernel is wanted for: the ranges of its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Single precision.
    F32,
    /// Activations up to 255, weights in -127..=127.
    U8,
    /// Activations up to 127, weights in -127..=127: what an 8-bit network may use so that dot products of bytes are exact. No network of this project does; it
    /// is the neighbour that 4 bits are measured beside.
    U7,
    /// Activations up to 15, weights in -7..=7.
    U4,
}

impl Task {
    /// All tasks, in the order of tables.
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
    pub fn largest_activation(self) -> u8 {
        match self {
            Self::F32 | Self::U8 => 255,
            Self::U7 => 127,
            Self::U4 => 15,
        }
    }

    /// The largest weight; the least is its negative.
    #[must_use]
    pub fn largest_weight(self) -> i8 {
        if self == Self::U4 { 7 } else { 127 }
    }
}

impl From<Precision> for Task {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::U8 => Self::U8,
            Precision::U4 => Self::U4,
        }
    }
}

/// No task has more candidates than this.
pub(super) const MOST_CANDIDATES: usize = 8;

/// Visits the kernel at `place` among those that suit `task` on this kind of machine, best guess first, the portable one last; `None` where the list has ended
/// or this machine lacks the instructions.
#[rustfmt::skip]
pub(super) fn candidate<V: Visitor>(task: Task, place: usize, visitor: V) -> Option<V::Result> {
    macro_rules! among {
        ($call:ident: $($kernel:ty),*) => {{
            let mut left = place;
            $(
                if left == 0 {
                    return <$kernel>::detect().map(|kernel| visitor.$call(kernel));
                }
                left -= 1;
            )*
            let _ = left;
            None
        }};
    }
    #[cfg(target_arch = "x86_64")]
    match task {
        Task::U4 => among!(integer: super::avxvnni::Integer, super::avx2::U4, super::sse41::U4, portable::Integer),
        Task::U7 => among!(integer: super::avxvnni::Integer, super::avx2::U7, super::sse41::U7, portable::Integer),
        Task::U8 => among!(integer: super::avxvnni::Integer, super::avx2::U8, super::sse41::U8, portable::Integer),
        Task::F32 => among!(float: super::avx2::F32, super::sse41::F32, portable::Float),
    }
    #[cfg(target_arch = "aarch64")]
    match task {
        Task::U4 => among!(integer: super::i8mm::Integer, super::dotprod::U4, super::neon_pair::U4, super::neon_paper::U4, portable::Integer),
        Task::U7 => among!(integer: super::i8mm::Integer, super::dotprod::U4, super::neon::U8Pair, portable::Integer),
        Task::U8 => among!(integer: super::i8mm::Integer, super::dotprod::U8, super::neon::U8Pair, super::neon::U8Widened, portable::Integer),
        Task::F32 => among!(float: super::neon::F32, portable::Float),
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    match task {
        Task::U4 => among!(integer: super::relaxed::U4, super::relaxed::Dot32<8>, super::relaxed::Dot32<16>, super::simd128_pair::U4, portable::Integer),
        Task::U7 => among!(integer: super::relaxed::Dot32<8>, super::relaxed::Dot32<16>, super::simd128::U8, super::simd128_pair::U8, portable::Integer),
        Task::U8 => among!(integer: super::simd128::U8, super::simd128_pair::U8, portable::Integer),
        Task::F32 => among!(float: super::simd128::F32, super::simd128_pair::F32, portable::Float),
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
    match task {
        Task::U4 => among!(integer: super::simd128_two::U4<3>, super::simd128_two::U4<2>, super::simd128_pair::U4, super::simd128_mla::U4, super::simd128::U8, portable::Integer),
        Task::U7 | Task::U8 => among!(integer: super::simd128::U8, super::simd128_pair::U8, portable::Integer),
        Task::F32 => among!(float: super::simd128::F32, super::simd128_pair::F32, portable::Float),
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", all(target_arch = "wasm32", target_feature = "simd128"))))]
    match task {
        Task::U4 | Task::U7 | Task::U8 => among!(integer: portable::Integer),
        Task::F32 => among!(float: portable::Float),
    }
}

/// Whether there is a kernel at a place.
struct Exists;

impl Visitor for Exists {
    type Result = ();

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, _kernel: K) {}

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, _kernel: K) {}
}

/// The least weight of the kernel at a place.
struct LeastWeight;

impl Visitor for LeastWeight {
    type Result = i8;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, _kernel: K) -> i8 {
        K::LEAST_WEIGHT
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, _kernel: K) -> i8 {
        K::LEAST_WEIGHT
    }
}

/// Visits the kernel that was chosen for `task` ([`super::choose`]); before a choice, the best guess that this machine can run.
pub fn select<V: Visitor>(task: Task, visitor: V) -> V::Result {
    first_from(task, visitor, |place| candidate(task, place, Exists).is_some())
}

/// Visits the kernel that serves 4-bit codes with zero points on both sides: that of [`Task::U4`], or the next one that takes weights of -8.
pub fn select_for_zero_points<V: Visitor>(visitor: V) -> V::Result {
    first_from(Task::U4, visitor, |place| {
        candidate(Task::U4, place, LeastWeight).is_some_and(|least| least <= -8)
    })
}

fn first_from<V: Visitor>(task: Task, visitor: V, suits: impl Fn(usize) -> bool) -> V::Result {
    let mut visitor = Some(visitor);
    for place in chosen(task)..MOST_CANDIDATES {
        if suits(place)
            && let Some(result) = visitor.take().and_then(|visitor| candidate(task, place, visitor))
        {
            return result;
        }
    }
    unreachable!("the portable kernel ends every list and runs everywhere")
}

/// Calls a fresh visitor from `make`, which is told the task, with every kernel that this machine can run, best guess of each task first.
pub fn every<V: Visitor>(mut make: impl FnMut(Task) -> V) -> Vec<V::Result> {
    let mut results = Vec::new();
    for task in Task::ALL {
        results.extend((0..MOST_CANDIDATES).filter_map(|place| candidate(task, place, make(task))));
    }
    results
}
