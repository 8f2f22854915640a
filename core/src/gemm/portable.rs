//! Kernels in plain Rust: they run everywhere, and the others are compared with them.

use super::{Kernel, Panels, place};

/// Rows and columns of a portable tile.
const SIDE: usize = 4;

macro_rules! portable_kernel {
    ($(#[$doc:meta])* $name:ident, $text:literal, $activation:ty, $weight:ty, $sum:ty, $depth:expr, $zero:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $name;

        impl Kernel for $name {
            type Activation = $activation;
            type Weight = $weight;
            type Left = $activation;
            type Right = $weight;
            type Sum = $sum;
            const NAME: &'static str = $text;
            const ISA: &'static str = "portable";
            const MR: usize = SIDE;
            const NR: usize = SIDE;
            const GROUP: usize = 1;
            const MAX_DEPTH: usize = $depth;

            fn detect() -> Option<Self> {
                Some(Self)
            }

            fn left(activation: $activation) -> $activation {
                activation
            }

            fn right(weights: &[$weight]) -> $weight {
                weights[0]
            }

            #[inline]
            fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [$sum], stride: usize) {
                let mut acc = [[$zero; SIDE]; SIDE];
                let (rows, columns) = (panels.left.as_chunks::<SIDE>().0, panels.right.as_chunks::<SIDE>().0);
                for (a, w) in rows.iter().zip(columns) {
                    for (row, &a) in acc.iter_mut().zip(a) {
                        for (sum, &w) in row.iter_mut().zip(w) {
                            *sum += <$sum>::from(a) * <$sum>::from(w);
                        }
                    }
                }
                place::<Self>(acc.as_flattened(), out, stride);
            }
        }
    };
}

portable_kernel!(
    /// Any 8-bit activations times any 8-bit weights, 4-bit ones included: a product is below 2^15, so 2^16 of them fit 32 bits.
    Integer, "portable_u8i8_4x4", u8, i8, i32, 1 << 16, 0
);
portable_kernel!(
    /// Single precision, products and sums rounded one by one.
    Float, "portable_f32_4x4", f32, f32, f32, 1 << 20, 0.0
);
