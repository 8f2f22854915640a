//! NEON with i8mm: `USMMLA` multiplies 2 rows x 8 depths of unsigned bytes (activations) by 8
//! depths x 2 columns of signed bytes (weights).
//!
//! ```text
//!                    w columns 0, 1   2, 3    4, 5    6, 7
//! a rows 0, 1 (x 8)   acc00           acc01   acc02   acc03     a register: 2 x 2 sums of 32 bits
//!   ...
//! a rows 6, 7         acc30           acc31   acc32   acc33
//! ```
//!
//! The instruction is exact over the whole range, so one kernel serves both 4 and 8 bits.

use std::arch::aarch64::*;
use std::arch::asm;

use super::{I8mm, packed_tile};

const SIDE: usize = 8;
const GROUP: usize = 8;

kernel! {
    /// Activations and weights of up to 8 bits, exact: 2^16 products fit 32 bits.
    Integer(I8mm) = "i8mm_u8i8_8x8", "NEON with i8mm";
    (u8 => u8, i8 => i8) -> i32;
    tile SIDE, SIDE; group GROUP; max_depth 1 << 16;
    left |activation| activation;
    right |weights| weights[0];
    packed_tile!(tile);
}

#[target_feature(enable = "neon,i8mm")]
fn tile(left: &[[u8; SIDE * GROUP]], right: &[[i8; SIDE * GROUP]], out: &mut [i32; SIDE * SIDE]) {
    let mut acc = [[vdupq_n_s32(0); SIDE / 2]; SIDE / 2];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `w` has 64 bytes, four vectors.
        let w: [int8x16_t; SIDE / 2] =
            std::array::from_fn(|pair| unsafe { vld1q_s8(w.as_ptr().add(pair * 16)) });
        for (rows, a) in acc.iter_mut().zip(a.as_chunks::<16>().0) {
            // SAFETY: `a` has 16 bytes, one vector.
            let a = unsafe { vld1q_u8(a.as_ptr()) };
            for (block, w) in rows.iter_mut().zip(w) {
                // `vusmmlaq_s32` is not stable.
                // SAFETY: arithmetic on registers alone; i8mm is enabled here.
                unsafe {
                    asm!(
                        "usmmla {c:v}.4s, {a:v}.16b, {w:v}.16b",
                        c = inout(vreg) *block, a = in(vreg) a, w = in(vreg) w,
                        options(pure, nomem, nostack, preserves_flags)
                    );
                }
            }
        }
    }
    for (pair, blocks) in acc.iter().enumerate() {
        for (columns, block) in blocks.iter().enumerate() {
            // A block is [row 0: columns 0, 1][row 1: columns 0, 1].
            let at = pair * 2 * SIDE + columns * 2;
            // SAFETY: `at + SIDE + 1` is at most 63, so both halves of a vector, two results each,
            // lie within the 64 results of `out`.
            unsafe {
                vst1_s32(out.as_mut_ptr().add(at), vget_low_s32(*block));
                vst1_s32(out.as_mut_ptr().add(at + SIDE), vget_high_s32(*block));
            }
        }
    }
}
