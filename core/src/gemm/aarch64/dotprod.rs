//! NEON with dotprod: `SDOT` adds four products of bytes to a sum of 32 bits. Both kernels run the
//! same tile: here 4 bits save memory but no time.
//!
//! ```text
//!                 w[ 0.. 4] x 4 depths   w[ 4.. 8]   w[ 8..12]
//! a lane 0 (x 4)   acc00                  acc01       acc02       8 x 12 results of 32 bits:
//!   ...                                                         24 of the 32 registers
//! a lane 7         acc70                  acc71       acc72
//! ```
//!
//! 8-bit activations are centred to -128..=127 (`sum a * w = sum (a - 128) * w + 128 * sum w`);
//! 4-bit ones fit signed bytes as they are.

use std::arch::aarch64::*;
use std::arch::asm;

use super::{Dotprod, packed_tile};

const MR: usize = 8;
const NR: usize = 12;
const GROUP: usize = 4;

kernel! {
    /// 4- or 7-bit activations times weights of up to 8 bits, exact: 2^16 products fit 32 bits.
    U4(Dotprod) = "dotprod_u4i4_8x12", "NEON with dotprod";
    (u8 => i8, i8 => i8) -> i32;
    tile MR, NR; group GROUP; max_depth 1 << 16;
    left |activation| activation.cast_signed();
    right |weights| weights[0];
    packed_tile!(tile);
}

kernel! {
    /// 8-bit activations times 8-bit weights, exact: 2^16 products fit 32 bits.
    U8(Dotprod) = "dotprod_u8i8_8x12", "NEON with dotprod";
    (u8 => i8, i8 => i8) -> i32;
    tile MR, NR; group GROUP; max_depth 1 << 16;
    left |activation| (activation ^ 0x80).cast_signed();
    right |weights| weights[0];
    const CENTRE: i16 = 128;

    packed_tile!(tile);
}

#[target_feature(enable = "neon,dotprod")]
fn tile(left: &[[i8; MR * GROUP]], right: &[[i8; NR * GROUP]], out: &mut [i32; MR * NR]) {
    let mut acc = [[vdupq_n_s32(0); NR / 4]; MR];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `w` has 48 bytes, three vectors, and `a` 32, two vectors.
        let (w, low, high) = unsafe {
            let (w, a) = (w.as_ptr(), a.as_ptr());
            (
                [vld1q_s8(w), vld1q_s8(w.add(16)), vld1q_s8(w.add(32))],
                vld1q_s8(a),
                vld1q_s8(a.add(16)),
            )
        };
        macro_rules! row {
            ($row:literal, $a:ident, $lane:literal) => {
                for (sum, w) in acc[$row].iter_mut().zip(w) {
                    // `vdotq_laneq_s32` is not stable.
                    // SAFETY: arithmetic on registers alone; dotprod is enabled here.
                    unsafe {
                        asm!(
                            concat!("sdot {c:v}.4s, {w:v}.16b, {a:v}.4b[", $lane, "]"),
                            c = inout(vreg) *sum, w = in(vreg) w, a = in(vreg) $a,
                            options(pure, nomem, nostack, preserves_flags)
                        );
                    }
                }
            };
        }
        row!(0, low, 0);
        row!(1, low, 1);
        row!(2, low, 2);
        row!(3, low, 3);
        row!(4, high, 0);
        row!(5, high, 1);
        row!(6, high, 2);
        row!(7, high, 3);
    }
    for (sum, four) in acc.iter().flatten().zip(out.as_chunks_mut::<4>().0) {
        // SAFETY: `four` has 4 results, one vector.
        unsafe { vst1q_s32(four.as_mut_ptr(), *sum) }
    }
}
