//! NEON (Armv8.0): the paper's kernel. `UMLAL` multiplies the activations of 8 rows by one weight
//! and adds the products to sums of 16 bits. Weights are stored as `w + 8`: both operands are
//! unsigned.
//!
//! ```text
//!              w[k][0]  w[k][1]  w[k][2]  w[k][3]
//! a[k][ 0.. 8]  acc00    acc01    acc02    acc03
//! a[k][ 8..16]  acc10    acc11    acc12    acc13     24 x 4 sums of 16 bits: 12 of 32 registers
//! a[k][16..24]  acc20    acc21    acc22    acc23
//! ```
//!
//! `sum a * (w + 8) = sum a * w + 8 * sum a`: row sums, computed while packing, cancel the constant
//! in the weights. A product is at most 225, so floor(65535 / 225) = 291 of them fit 16 bits, the
//! paper's limit on the depth.

use std::arch::aarch64::*;
use std::arch::asm;

use super::Neon;
use crate::gemm::Panels;

const MR: usize = 24;
const NR: usize = 4;
/// Constant added to stored weights, so that they are unsigned.
const OFFSET: i8 = 8;

kernel! {
    /// 4-bit activations times weights in -8..=7, exact by the argument above.
    U4(Neon) = "neon_u4u4_24x4_paper", "NEON (Armv8.0)";
    (u8 => u8, i8 => u8) -> i32;
    tile MR, NR; group 1; max_depth 65_535 / (15 * 15);
    left |activation| activation;
    right |weights| (weights[0] + OFFSET).cast_unsigned();
    const ROW_SUMS: bool = true;

    fn row_term(activation: u8) -> i32 {
        i32::from(activation) * i32::from(OFFSET)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
        let Panels { left, right, sums, .. } = panels;
        let mut columns = [[0u16; MR]; NR];
        // SAFETY: `self` holds the proof of NEON.
        unsafe { tile_u4(left.as_chunks::<MR>().0, right.as_chunks::<NR>().0, &mut columns) }
        for ((row, target), &row_sum) in out.chunks_mut(stride).enumerate().zip(sums) {
            for (result, column) in target.iter_mut().zip(&columns) {
                *result = i32::from(column[row]) - row_sum;
            }
        }
    }
}

#[target_feature(enable = "neon")]
fn tile_u4(left: &[[u8; MR]], right: &[[u8; NR]], out: &mut [[u16; MR]; NR]) {
    let mut acc = [[vdupq_n_u16(0); MR / 8]; NR];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `a` has 24 bytes, three vectors of 8.
        let a = unsafe {
            [vld1_u8(a.as_ptr()), vld1_u8(a.as_ptr().add(8)), vld1_u8(a.as_ptr().add(16))]
        };
        for (column, &w) in acc.iter_mut().zip(w) {
            let mut weight = vdup_n_u8(w);
            // Hides from LLVM that the weight has 4 bits: otherwise it replaces UMLAL by a
            // multiplication and an addition.
            // SAFETY: an empty statement, which changes nothing.
            unsafe {
                asm!("/* {0:v} */", inout(vreg) weight, options(pure, nomem, nostack, preserves_flags))
            };
            for (sum, a) in column.iter_mut().zip(a) {
                *sum = vmlal_u8(*sum, a, weight);
            }
        }
    }
    for (column, target) in acc.iter().zip(out) {
        for (sum, eight) in column.iter().zip(target.as_chunks_mut::<8>().0) {
            // SAFETY: `eight` has 8 results of 16 bits, one vector.
            unsafe { vst1q_u16(eight.as_mut_ptr(), *sum) }
        }
    }
}
