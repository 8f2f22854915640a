//! NEON with dotprod: `SDOT` adds four products of bytes to a sum of 32 bits. Both kernels run the
//! same tile, so 4 bits save memory but no time, except in the tile at points.
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

use super::{Dotprod, packed_tile, packed_tile_at_points};

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
    packed_tile_at_points!(tile_at_points);
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

/// Adds the products of all steps to the accumulators. A step of weights has `STEP` of them: those
/// of one point for all rows, or of two, each for half of the rows.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn walk<const STEP: usize>(
    acc: &mut [[int32x4_t; NR / 4]; MR],
    left: &[[i8; MR * GROUP]],
    right: &[[i8; STEP]],
) {
    const { assert!(STEP == NR * GROUP || STEP == 2 * NR * GROUP, "one point or two") };
    for (a, w) in left.iter().zip(right) {
        // Written out for both halves: accumulators with an index that varies would be in memory.
        macro_rules! half {
            ($half:literal) => {
                // SAFETY: `a` has 32 bytes, two vectors.
                let a = unsafe { vld1q_s8(a.as_ptr().add($half * 16)) };
                let w: [int8x16_t; NR / 4] = std::array::from_fn(|vector| {
                    // SAFETY: 48 weights, three vectors, begin at 0; and at 48 where a step has 96.
                    unsafe { vld1q_s8(w.as_ptr().add($half * (STEP - NR * GROUP) + vector * 16)) }
                });
                half!($half, a, w, 0);
                half!($half, a, w, 1);
                half!($half, a, w, 2);
                half!($half, a, w, 3);
            };
            ($half:literal, $a:ident, $w:ident, $lane:literal) => {
                for (sum, w) in acc[$half * 4 + $lane].iter_mut().zip($w) {
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
        half!(0);
        half!(1);
    }
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
fn store(acc: &[[int32x4_t; NR / 4]; MR], out: &mut [i32; MR * NR]) {
    for (sum, four) in acc.iter().flatten().zip(out.as_chunks_mut::<4>().0) {
        // SAFETY: `four` has 4 results, one vector.
        unsafe { vst1q_s32(four.as_mut_ptr(), *sum) }
    }
}

#[target_feature(enable = "neon,dotprod")]
fn tile(left: &[[i8; MR * GROUP]], right: &[[i8; NR * GROUP]], out: &mut [i32; MR * NR]) {
    let mut acc = [[vdupq_n_s32(0); NR / 4]; MR];
    walk(&mut acc, left, right);
    store(&acc, out);
}

#[target_feature(enable = "neon,dotprod")]
fn tile_at_points(
    left: [&[[i8; MR * GROUP]]; 2],
    right: [&[[i8; 2 * NR * GROUP]]; 2],
    corrections: &[[i32; NR]; 2],
    out: &mut [i32; MR * NR],
) {
    let mut acc = [[vdupq_n_s32(0); NR / 4]; MR];
    // A loop, so that the walk is called at one place and inlined there.
    for phase in 0..2 {
        if phase == 1 {
            join(&mut acc, corrections);
        }
        walk(&mut acc, left[phase], right[phase]);
    }
    store(&acc, out);
}

/// Turns the sums at points 1 and 2 into what both outputs need of them, corrections included.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn join(acc: &mut [[int32x4_t; NR / 4]; MR], corrections: &[[i32; NR]; 2]) {
    let (first, second) = acc.split_at_mut(MR / 2);
    for (first, second) in first.iter_mut().zip(second) {
        for (vector, (first, second)) in first.iter_mut().zip(second).enumerate() {
            // SAFETY: the corrections of an output are `NR`, so four begin at `vector * 4`.
            let corrections = corrections
                .each_ref()
                .map(|all| unsafe { vld1q_s32(all.as_ptr().add(vector * 4)) });
            let (one, two) = (*first, *second);
            *first = vaddq_s32(vaddq_s32(one, two), corrections[0]);
            *second = vaddq_s32(vsubq_s32(one, two), corrections[1]);
        }
    }
}
