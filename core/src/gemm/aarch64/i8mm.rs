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

use super::{I8mm, packed_tile, packed_tile_at_points};

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
    packed_tile_at_points!(tile_at_points);
}

/// Sums in blocks of two rows and two columns.
type Blocks = [[int32x4_t; SIDE / 2]; SIDE / 2];

/// Adds the products of all steps to the blocks. A step of weights has `STEP` of them: those of one
/// point for all rows, or of two, each for half of the rows.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn walk<const STEP: usize>(acc: &mut Blocks, left: &[[u8; SIDE * GROUP]], right: &[[i8; STEP]]) {
    const { assert!(STEP == SIDE * GROUP || STEP == 2 * SIDE * GROUP, "one point or two") };
    for (a, w) in left.iter().zip(right) {
        let halves = acc.as_chunks_mut::<{ SIDE / 4 }>().0.iter_mut();
        for (half, (acc, a)) in halves.zip(a.as_chunks::<{ SIDE / 2 * GROUP }>().0).enumerate() {
            let from = half * (STEP - SIDE * GROUP);
            // SAFETY: `from` is 0, or 64 where a step has 128 weights: 64 of them, four vectors,
            // lie behind it.
            let w: [int8x16_t; SIDE / 2] =
                std::array::from_fn(|pair| unsafe { vld1q_s8(w.as_ptr().add(from + pair * 16)) });
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
    }
}

#[inline]
#[target_feature(enable = "neon,i8mm")]
fn store(acc: &Blocks, out: &mut [i32; SIDE * SIDE]) {
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

#[target_feature(enable = "neon,i8mm")]
fn tile(left: &[[u8; SIDE * GROUP]], right: &[[i8; SIDE * GROUP]], out: &mut [i32; SIDE * SIDE]) {
    let mut acc = [[vdupq_n_s32(0); SIDE / 2]; SIDE / 2];
    walk(&mut acc, left, right);
    store(&acc, out);
}

#[target_feature(enable = "neon,i8mm")]
fn tile_at_points(
    left: [&[[u8; SIDE * GROUP]]; 2],
    right: [&[[i8; 2 * SIDE * GROUP]]; 2],
    corrections: &[[i32; SIDE]; 2],
    out: &mut [i32; SIDE * SIDE],
) {
    let mut acc = [[vdupq_n_s32(0); SIDE / 2]; SIDE / 2];
    walk(&mut acc, left[0], right[0]);
    let (first, second) = acc.split_at_mut(SIDE / 4);
    for (first, second) in first.iter_mut().zip(second) {
        for (columns, (first, second)) in first.iter_mut().zip(second).enumerate() {
            let corrections = corrections.each_ref().map(|all| {
                // SAFETY: the corrections of an output are `SIDE`, so two begin at `columns * 2`.
                let two = unsafe { vld1_s32(all.as_ptr().add(columns * 2)) };
                vcombine_s32(two, two)
            });
            let (one, two) = (*first, *second);
            *first = vaddq_s32(vaddq_s32(one, two), corrections[0]);
            *second = vaddq_s32(vsubq_s32(one, two), corrections[1]);
        }
    }
    walk(&mut acc, left[1], right[1]);
    store(&acc, out);
}
