//! Kernels in plain Rust, which run on every machine.

use super::{Panels, kernel, place};

/// Rows and columns of a portable tile.
const SIDE: usize = 4;

/// Proof that needs no instruction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anywhere;

impl Anywhere {
    #[allow(dead_code, reason = "the portable kernels are constants")]
    #[allow(clippy::unnecessary_wraps, reason = "the signature of every proof")]
    fn detect() -> Option<Self> {
        Some(Self)
    }
}

/// The tile of both kernels: it sums in order of the depth.
macro_rules! portable_tile {
    ($zero:literal) => {
        #[inline]
        unsafe fn tile(
            self,
            panels: Panels<'_, Self>,
            _columns: usize,
            out: &mut [Self::Sum],
            stride: usize,
        ) {
            let mut acc = [[$zero; SIDE]; SIDE];
            let (rows, columns) =
                (panels.left.as_chunks::<SIDE>().0, panels.right.as_chunks::<SIDE>().0);
            for (a, w) in rows.iter().zip(columns) {
                for (row, &a) in acc.iter_mut().zip(a) {
                    for (sum, &w) in row.iter_mut().zip(w) {
                        *sum += Self::Sum::from(a) * Self::Sum::from(w);
                    }
                }
            }
            place::<Self>(acc.as_flattened(), out, stride);
        }
    };
}

kernel! {
    /// Any 8-bit activations times any 8-bit weights, 4-bit ones included. A product is at most
    /// 255 * 128 < 2^15, so 2^16 of them fit 32 bits.
    Integer(Anywhere) = "portable_u8i8_4x4", "portable";
    (u8 => u8, i8 => i8) -> i32;
    tile SIDE, SIDE; group 1; max_depth 1 << 16;
    left |activation| activation;
    right |weights| weights[0];
    portable_tile!(0);
}

kernel! {
    /// Single precision; each product and each sum is rounded.
    Float(Anywhere) = "portable_f32_4x4", "portable";
    (f32 => f32, f32 => f32) -> f32;
    tile SIDE, SIDE; group 1; max_depth 1 << 20;
    left |activation| activation;
    right |weights| weights[0];
    portable_tile!(0.0);
}

/// The kernel of integer codes.
pub(super) const INTEGER: Integer = Integer(Anywhere);
/// The kernel of f32.
pub(super) const FLOAT: Float = Float(Anywhere);
