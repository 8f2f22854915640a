//! NEON (Armv8.0): the centred pair, 32 products of 4 bits in three instructions.
//!
//! Activations are packed as `a' = a - 8` and weights as `w' = -w`, so a product lies in -64..=56
//! even for a weight of -8, and two of them fit a signed byte. `MUL` and `MLA` compute 32 products
//! in 16 bytes, and `SADALP` adds neighbours to sums of 16 bits. (The paper's `UMLAL` computes 8
//! products in one instruction.)
//!
//! ```text
//! row, 32 depths   | a' 0..16  |  MUL | w' 0..16  |
//!                  | a' 16..32 |  MLA | w' 16..32 |  -> 16 bytes in -128..=112
//!                                                    -SADALP-> 8 sums of 16 bits
//! tile: 4 rows x 4 columns of such sums in 16 registers; 8 more hold activations, 2 weights and
//! 4 products
//! ```
//!
//! `sum a * w = 8 * sum w - sum a' * w'`, whose first term depends on the column alone. A step adds
//! at most 256 to a sum, so 128 steps of 32 depths fit 16 bits.

use std::arch::aarch64::*;
use std::arch::asm;

use super::{Neon, packed_tile};

const SIDE: usize = 4;
/// Depths of a step.
const STEP: usize = 32;

kernel! {
    /// 4-bit activations times weights in -8..=7, exact by the argument above.
    U4(Neon) = "neon_u4i4_4x4_pair", "NEON (Armv8.0)";
    (u8 => i8, i8 => i8) -> i32;
    tile SIDE, SIDE; group STEP; max_depth 128 * STEP;
    left |activation| activation.wrapping_sub(Self::CENTRE.to_le_bytes()[0]).cast_signed();
    right |weights| -weights[0];
    const CENTRE: i16 = 8;

    fn fits(column: &[i8]) -> bool {
        // A depth adds at most 8 |w| to a sum.
        let bound: i32 = column.iter().map(|&weight| 8 * i32::from(weight).abs()).sum();
        bound <= i32::from(i16::MAX)
    }

    packed_tile!(tile_u4);
}

#[target_feature(enable = "neon")]
fn tile_u4(left: &[[i8; SIDE * STEP]], right: &[[i8; SIDE * STEP]], out: &mut [i32; SIDE * SIDE]) {
    // `acc[column][row]`
    let mut acc = [[vdupq_n_s16(0); SIDE]; SIDE];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `a` has 128 bytes, eight vectors: two for each row.
        let a: [int8x16_t; 2 * SIDE] =
            std::array::from_fn(|half| unsafe { vld1q_s8(a.as_ptr().add(half * 16)) });
        for (column, w) in acc.iter_mut().zip(w.as_chunks::<STEP>().0) {
            let [c0, c1, c2, c3] = column;
            // One statement per column, its load included: LLVM would load the weights of all
            // columns ahead of it and spill.
            // SAFETY: `w` has 32 bytes, two vectors; the rest is arithmetic on registers, and NEON
            // is enabled here.
            unsafe {
                asm!(
                    "ldp {low:q}, {high:q}, [{w}]",
                    "mul {p0:v}.16b, {a0:v}.16b, {low:v}.16b", "mul {p1:v}.16b, {a2:v}.16b, {low:v}.16b",
                    "mul {p2:v}.16b, {a4:v}.16b, {low:v}.16b", "mul {p3:v}.16b, {a6:v}.16b, {low:v}.16b",
                    "mla {p0:v}.16b, {a1:v}.16b, {high:v}.16b", "mla {p1:v}.16b, {a3:v}.16b, {high:v}.16b",
                    "mla {p2:v}.16b, {a5:v}.16b, {high:v}.16b", "mla {p3:v}.16b, {a7:v}.16b, {high:v}.16b",
                    "sadalp {c0:v}.8h, {p0:v}.16b", "sadalp {c1:v}.8h, {p1:v}.16b",
                    "sadalp {c2:v}.8h, {p2:v}.16b", "sadalp {c3:v}.8h, {p3:v}.16b",
                    a0 = in(vreg) a[0], a1 = in(vreg) a[1], a2 = in(vreg) a[2], a3 = in(vreg) a[3],
                    a4 = in(vreg) a[4], a5 = in(vreg) a[5], a6 = in(vreg) a[6], a7 = in(vreg) a[7],
                    w = in(reg) w.as_ptr(), low = out(vreg) _, high = out(vreg) _,
                    c0 = inout(vreg) *c0, c1 = inout(vreg) *c1, c2 = inout(vreg) *c2, c3 = inout(vreg) *c3,
                    p0 = out(vreg) _, p1 = out(vreg) _, p2 = out(vreg) _, p3 = out(vreg) _,
                    options(pure, readonly, nostack, preserves_flags),
                );
            }
        }
    }
    for (column, sums) in acc.iter().enumerate() {
        for (row, sum) in sums.iter().enumerate() {
            out[row * SIDE + column] = -vaddlvq_s16(*sum);
        }
    }
}
