//! NEON (Armv8.0): the paper's kernel. `UMLAL` multiplies 8 rows of activations by one weight into 16-bit sums.
//!
//! ```text
//!              w[k][0]  w[k][1]  w[k][2]  w[k][3]      weights with an offset of 8: 0..=15, so both operands are unsigned
//! a[k][ 0.. 8]  acc00    acc01    acc02    acc03
//! a[k][ 8..16]  acc10    acc11    acc12    acc13       24 x 4 results of 16 bits: 12 of the 32 registers
//! a[k][16..24]  acc20    acc21    acc22    acc23
//! ```
//!
//! `sum a * (w + 8) = sum a * w + 8 * sum a`: the row sums made while packing take the offset out again. A product is at most 225, so
//! floor(65535 / 225) = 291 of them fit 16 bits, the paper's depth limit.

use std::arch::aarch64::*;
use std::arch::asm;

use super::Neon;
use crate::gemm::Panels;

const MR: usize = 24;
const NR: usize = 4;
/// What is added to weights so that they are unsigned.
const OFFSET: i8 = 8;

kernel! {
    /// 4-bit activations times weights in -8..=7, exact.
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
        for ((row, target), &offset) in out.chunks_mut(stride).enumerate().zip(sums) {
            for (result, column) in target.iter_mut().zip(&columns) {
                *result = i32::from(column[row]) - offset;
            }
        }
    }
}

#[target_feature(enable = "neon")]
fn tile_u4(left: &[[u8; MR]], right: &[[u8; NR]], out: &mut [[u16; MR]; NR]) {
    let mut acc = [[vdupq_n_u16(0); MR / 8]; NR];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `a` is 24 bytes, three vectors of 8.
        let a = unsafe { [vld1_u8(a.as_ptr()), vld1_u8(a.as_ptr().add(8)), vld1_u8(a.as_ptr().add(16))] };
        for (column, &w) in acc.iter_mut().zip(w) {
            let mut weight = vdup_n_u8(w);
            // SAFETY: an empty statement; it only hides from LLVM how small the weight is, or UMLAL becomes a multiplication and an addition.
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
            // SAFETY: `eight` is 8 results of 16 bits, one vector.
            unsafe { vst1q_u16(eight.as_mut_ptr(), *sum) }
        }
    }
}
