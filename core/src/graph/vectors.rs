//! Plain loops, compiled for the instruction sets of the machine: the compiler vectorises them.

/// The widest vectors that plain loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vectors {
    /// What the target always has.
    Baseline,
    /// 128 bits of x86.
    #[cfg(target_arch = "x86_64")]
    Sse41(Proof),
    /// 256 bits of x86.
    #[cfg(target_arch = "x86_64")]
    Avx2(Proof),
}

/// Proof that the machine has the instructions: only this module makes one.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof(());

impl Vectors {
    /// All that this machine has, the widest last.
    pub(super) fn all() -> Vec<Self> {
        #[allow(unused_mut, reason = "other machines have no more")]
        let mut all = vec![Self::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("sse4.1") {
                all.push(Self::Sse41(Proof(())));
            }
            if is_x86_feature_detected!("avx2") {
                all.push(Self::Avx2(Proof(())));
            }
        }
        all
    }

    /// The widest that suit a kernel of this instruction set: a run on the portable kernel is
    /// portable in all its parts.
    pub(super) fn beside(isa: &str) -> Self {
        let all = Self::all();
        let widest = match isa {
            "portable" => 0,
            "SSE4.1" => 1,
            _ => 2,
        };
        all.get(widest).or(all.last()).copied().unwrap_or(Self::Baseline)
    }

    /// Runs `work` compiled for these vectors.
    #[inline]
    pub(super) fn run<R>(self, work: impl FnOnce() -> R) -> R {
        #[cfg(target_arch = "x86_64")]
        {
            #[inline]
            #[target_feature(enable = "avx2")]
            fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
                work()
            }
            #[inline]
            #[target_feature(enable = "sse4.1")]
            fn with_sse41<R>(work: impl FnOnce() -> R) -> R {
                work()
            }
            match self {
                // SAFETY: the proof is made only where AVX2 was detected.
                Self::Avx2(_) => return unsafe { with_avx2(work) },
                // SAFETY: the proof is made only where SSE4.1 was detected.
                Self::Sse41(_) => return unsafe { with_sse41(work) },
                Self::Baseline => {}
            }
        }
        work()
    }
}
