//! WebAssembly relaxed SIMD: `i16x8.relaxed_dot_i8x16_i7x16_s` adds pairs of products of bytes.
//!
//! The instruction leaves two things open, and neither can be met here. Whether the second operand's top bit is a sign: it is an activation,
//! at most 15. Whether a pair saturates: with activations of 0..=15 and weights of -8..=7 a pair lies within +-240.

use std::arch::wasm32::*;

use super::Kernel;

const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// 4-bit activations times weights in -8..=7, exact: a pair is at most 240, so 136 steps of 4 depths fit 16 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct U4(());

impl Kernel for U4 {
    type Activation = u8;
    type Weight = i8;
    type Left = u8;
    type Right = i8;
    type Sum = i32;
    const NAME: &'static str = "relaxed_u4i4_4x8_dot16";
    const ISA: &'static str = "WebAssembly relaxed SIMD";
    const MR: usize = ROWS;
    const NR: usize = COLUMNS;
    const GROUP: usize = 4;
    const MAX_DEPTH: usize = 136 * 4;

    fn detect() -> Option<Self> {
        Some(Self(()))
    }

    #[inline]
    fn left(activation: u8) -> u8 {
        activation
    }

    fn right(weights: &[i8]) -> i8 {
        weights[0]
    }

    fn add(a: i32, b: i32) -> i32 {
        a + b
    }

    #[inline]
    fn tile(self, left: &[u8], right: &[i8], _sums: &[i32], out: &mut [i32]) {
        let mut acc = [[i16x8_splat(0); COLUMNS / 4]; ROWS];
        for (a, w) in left.as_chunks::<{ ROWS * 4 }>().0.iter().zip(right.as_chunks::<{ COLUMNS * 4 }>().0) {
            // SAFETY: `w` is 32 bytes, two vectors.
            let w = unsafe { [v128_load(w.as_ptr().cast()), v128_load(w.as_ptr().add(16).cast())] };
            for (row, four) in acc.iter_mut().zip(a.as_chunks::<4>().0) {
                // SAFETY: `four` is 4 bytes.
                let a = unsafe { v128_load32_splat(four.as_ptr().cast()) };
                for (sum, w) in row.iter_mut().zip(w) {
                    *sum = i16x8_add(*sum, i16x8_relaxed_dot_i8x16_i7x16(w, a));
                }
            }
        }
        for (row, target) in acc.iter().zip(out.as_chunks_mut::<COLUMNS>().0) {
            for (sum, four) in row.iter().zip(target.as_chunks_mut::<4>().0) {
                // SAFETY: `four` is 4 results of 32 bits, one vector.
                unsafe { v128_store(four.as_mut_ptr().cast(), i32x4_extadd_pairwise_i16x8(*sum)) }
            }
        }
    }
}
