//! Kernels for aarch64: NEON of Armv8.0, NEON with dotprod, NEON with i8mm.

mod dotprod;
mod i8mm;
#[cfg_attr(
    not(any(test, feature = "bench")),
    allow(dead_code, reason = "gemmlowp's form is a baseline of benches")
)]
mod neon;
mod neon_pair;
#[cfg(any(test, feature = "bench"))]
mod neon_paper;

#[cfg(any(test, feature = "bench"))]
super::dispatch::candidates! {
    F32: float [neon::F32],
    U8: integer [i8mm::Integer, dotprod::U8, neon::U8Pair, neon::U8Widened],
    U7: integer [i8mm::Integer, dotprod::U4, neon::U8Pair],
    U4: integer [i8mm::Integer, dotprod::U4, neon_pair::U4, neon_paper::U4],
}
// Without the baselines of the benches: gemmlowp's kernel and the paper's.
#[cfg(not(any(test, feature = "bench")))]
super::dispatch::candidates! {
    F32: float [neon::F32],
    U8: integer [i8mm::Integer, dotprod::U8, neon::U8Pair],
    U7: integer [i8mm::Integer, dotprod::U4, neon::U8Pair],
    U4: integer [i8mm::Integer, dotprod::U4, neon_pair::U4],
}

/// Defines a proof that the CPU has a feature: only `detect` makes a value.
macro_rules! proof {
    ($(#[$doc:meta])* $proof:ident, $feature:tt) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        struct $proof(());

        impl $proof {
            fn detect() -> Option<Self> {
                std::arch::is_aarch64_feature_detected!($feature).then_some(Self(()))
            }
        }
    };
}

proof!(
    /// Proof of NEON.
    Neon, "neon"
);
proof!(
    /// Proof of the dot product instructions.
    Dotprod, "dotprod"
);
proof!(
    /// Proof of the matrix product instructions.
    I8mm, "i8mm"
);

/// The tile of a kernel that reads packed panels: `$tile` fills an array of results, which is
/// then copied to `out`.
macro_rules! packed_tile {
    ($tile:ident) => {
        #[inline]
        unsafe fn tile(
            self,
            panels: $crate::gemm::Panels<'_, Self>,
            _columns: usize,
            out: &mut [Self::Sum],
            stride: usize,
        ) {
            let mut sums = [Self::Sum::default(); Self::MR * Self::NR];
            let left = panels.left.as_chunks::<{ Self::MR * Self::GROUP }>().0;
            let right = panels.right.as_chunks::<{ Self::NR * Self::GROUP }>().0;
            // SAFETY: `self` holds the proof of the feature that the tile is compiled for.
            unsafe { $tile(left, right, &mut sums) }
            $crate::gemm::place::<Self>(&sums, out, stride);
        }
    };
}
use packed_tile;

/// The tile at points of a kernel that reads packed panels and has sums of 32 bits: `$tile` fills
/// an array of results, which is then copied to `out`.
macro_rules! packed_tile_at_points {
    ($tile:ident) => {
        const POINTS: Option<$crate::gemm::winograd::Lanes> =
            Some($crate::gemm::winograd::Lanes::Whole);

        #[inline]
        unsafe fn tile_at_points(
            self,
            rows: &$crate::gemm::winograd::PointRows<'_, Self>,
            right: $crate::gemm::winograd::PointPanel<'_, Self>,
            out: &mut [i32],
            strides: $crate::gemm::winograd::Strides,
        ) {
            let mut sums = [0; Self::MR * Self::NR];
            let left = rows.panels.map(|panel| panel.as_chunks::<{ Self::MR * Self::GROUP }>().0);
            let phases = right.phases;
            let phases = phases.map(|phase| phase.as_chunks::<{ 2 * Self::NR * Self::GROUP }>().0);
            let [first, second] = right.corrections.as_chunks::<{ Self::NR }>().0 else {
                unreachable!("corrections of two outputs")
            };
            // SAFETY: `self` holds the proof of the feature that the tile is compiled for.
            unsafe { $tile(left, phases, &[*first, *second], &mut sums) }
            for (row, sums) in sums.chunks_exact(Self::NR).enumerate() {
                out[strides.row(row, Self::MR)..][..Self::NR].copy_from_slice(sums);
            }
        }
    };
}
use packed_tile_at_points;
