//! Which kernel runs where: the only place that asks about targets and features.

use super::Kernel;
use super::choice::chosen;
use super::portable;
use crate::Precision;

/// Something to be done with a kernel that is only known at run time.
pub trait Visitor {
    /// What comes of it.
    type Result;

    /// Called with a kernel of integer codes.
    fn integer<K: Kernel<Activation = u8, Weight = i8, Sum = i32>>(self, kernel: K) -> Self::Result;

    /// Called with a kernel of f32.
    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, kernel: K) -> Self::Result;
}

/// What a kernel is wanted for: 4-bit kernels need activations up to 15 and weights in -7..=7.
pub type Task = Precision;

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
        Precision::U4 => among!(integer: super::avx2::U4, portable::Integer),
        Precision::U8 => among!(integer: super::avx2::U8, portable::Integer),
        Precision::F32 => among!(float: super::avx2::F32, portable::Float),
    }
    #[cfg(target_arch = "aarch64")]
    match task {
        Precision::U4 => among!(integer: super::i8mm::Integer, super::dotprod::U4, super::neon_pair::U4, portable::Integer),
        Precision::U8 => among!(integer: super::i8mm::Integer, super::dotprod::U8, super::neon::U8Pair, portable::Integer),
        Precision::F32 => among!(float: super::neon::F32, portable::Float),
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    match task {
        Precision::U4 => among!(integer: super::relaxed::U4, super::relaxed::Dot32, super::simd128::U4, super::simd128_pair::U4, portable::Integer),
        Precision::U8 => among!(integer: super::simd128::U8, super::simd128_pair::U8, portable::Integer),
        Precision::F32 => among!(float: super::simd128::F32, portable::Float),
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
    match task {
        Precision::U4 => among!(integer: super::simd128::U4, super::simd128_pair::U4, super::simd128::U8, portable::Integer),
        Precision::U8 => among!(integer: super::simd128::U8, super::simd128_pair::U8, portable::Integer),
        Precision::F32 => among!(float: super::simd128::F32, portable::Float),
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", all(target_arch = "wasm32", target_feature = "simd128"))))]
    match task {
        Precision::U4 | Precision::U8 => among!(integer: portable::Integer),
        Precision::F32 => among!(float: portable::Float),
    }
}

/// Whether there is a kernel at a place.
struct Exists;

impl Visitor for Exists {
    type Result = ();

    fn integer<K: Kernel<Activation = u8, Weight = i8, Sum = i32>>(self, _kernel: K) {}

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, _kernel: K) {}
}

/// Visits the kernel that was chosen for `task` ([`super::choose`]); before a choice, the best guess that this machine can run.
pub fn select<V: Visitor>(task: Task, visitor: V) -> V::Result {
    let mut visitor = Some(visitor);
    for place in chosen(task)..MOST_CANDIDATES {
        if candidate(task, place, Exists).is_some()
            && let Some(result) = visitor.take().and_then(|visitor| candidate(task, place, visitor))
        {
            return result;
        }
    }
    unreachable!("the portable kernel ends every list and runs everywhere")
}

/// Calls `f` with the name, the instruction set and the task of every kernel that this machine can run, each through a fresh visitor from `make`.
pub fn every<V: Visitor>(mut make: impl FnMut(&'static str, &'static str, Task) -> V) -> Vec<V::Result> {
    let mut results = Vec::new();
    macro_rules! each {
        ($call:ident, $task:expr, $kernel:ty) => {
            if let Some(kernel) = <$kernel>::detect() {
                results.push(make(<$kernel>::NAME, <$kernel>::ISA, $task).$call(kernel));
            }
        };
    }
    each!(integer, Precision::U4, portable::Integer);
    each!(integer, Precision::U8, portable::Integer);
    each!(float, Precision::F32, portable::Float);
    #[cfg(target_arch = "x86_64")]
    {
        each!(integer, Precision::U4, super::avx2::U4);
        each!(integer, Precision::U8, super::avx2::U8);
        each!(float, Precision::F32, super::avx2::F32);
    }
    #[cfg(target_arch = "aarch64")]
    {
        each!(integer, Precision::U4, super::neon_paper::U4);
        each!(integer, Precision::U4, super::neon_pair::U4);
        each!(integer, Precision::U8, super::neon::U8Widened);
        each!(integer, Precision::U8, super::neon::U8Pair);
        each!(float, Precision::F32, super::neon::F32);
        each!(integer, Precision::U4, super::dotprod::U4);
        each!(integer, Precision::U8, super::dotprod::U8);
        each!(integer, Precision::U4, super::i8mm::Integer);
        each!(integer, Precision::U8, super::i8mm::Integer);
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    {
        each!(integer, Precision::U4, super::simd128::U4);
        each!(integer, Precision::U4, super::simd128_pair::U4);
        each!(integer, Precision::U8, super::simd128::U8);
        each!(integer, Precision::U4, super::simd128::U8);
        each!(integer, Precision::U8, super::simd128_pair::U8);
        each!(float, Precision::F32, super::simd128::F32);
    }
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    {
        each!(integer, Precision::U4, super::relaxed::U4);
        each!(integer, Precision::U4, super::relaxed::Dot32);
    }
    results
}
