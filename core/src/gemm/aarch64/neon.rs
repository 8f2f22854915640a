//! NEON (Armv8.0): single precision and exact 8 bits.
//!
//! `F32` and `U8Widened` hold 8 rows x 12 columns in 24 of the 32 registers. A step loads 12
//! weights and 8 activations and multiplies by lane:
//!
//! ```text
//!           w[ 0.. 4]  w[ 4.. 8]  w[ 8..12]
//! a lane 0   acc00      acc01      acc02
//!   ...
//! a lane 7   acc70      acc71      acc72
//! ```
//!
//! `U8Widened` is gemmlowp's kernel, the paper's baseline: 16-bit operands, `SMLAL` into 32.
//!
//! `U8Pair` is the fastest exact 8-bit kernel for Armv8.0. Activations are centred to -128..=127;
//! `SMULL` and `SMLAL2` add two products in 16 bits (2 * 128 * 127 = 32512 fits; a weight of -128
//! would not); `SADALP` adds neighbours to sums of 32 bits. The identity is
//! `sum a * w = sum (a - 128) * w + 128 * sum w`, whose last term depends on the column alone.

use std::arch::aarch64::*;
use std::arch::asm;

use super::{Neon, packed_tile};

const MR: usize = 8;
const NR: usize = 12;

kernel! {
    /// Single precision by `FMLA`.
    F32(Neon) = "neon_f32_8x12", "NEON (Armv8.0)";
    (f32 => f32, f32 => f32) -> f32;
    tile MR, NR; group 1; max_depth 1 << 20;
    left |activation| activation;
    right |weights| weights[0];
    packed_tile!(tile_f32);
}

#[target_feature(enable = "neon")]
fn tile_f32(left: &[[f32; MR]], right: &[[f32; NR]], out: &mut [f32; MR * NR]) {
    let mut acc = [[vdupq_n_f32(0.0); NR / 4]; MR];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `w` has 12 values, three vectors, and `a` 8, two vectors.
        let (w, low, high) = unsafe {
            let w = w.as_ptr();
            (
                [vld1q_f32(w), vld1q_f32(w.add(4)), vld1q_f32(w.add(8))],
                vld1q_f32(a.as_ptr()),
                vld1q_f32(a.as_ptr().add(4)),
            )
        };
        macro_rules! row {
            ($row:literal, $a:ident, $lane:literal) => {
                for (sum, w) in acc[$row].iter_mut().zip(w) {
                    *sum = vfmaq_laneq_f32::<$lane>(*sum, w, $a);
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
        // SAFETY: `four` has 4 values, one vector.
        unsafe { vst1q_f32(four.as_mut_ptr(), *sum) }
    }
}

kernel! {
    /// 8-bit activations times weights in -127..=127, exact: both are widened to 16 bits when they
    /// are packed, and 2^16 products fit 32 bits.
    U8Widened(Neon) = "neon_u8i8_8x12_widened", "NEON (Armv8.0)";
    (u8 => i16, i8 => i16) -> i32;
    tile MR, NR; group 1; max_depth 1 << 16;
    left |activation| i16::from(activation);
    right |weights| i16::from(weights[0]);
    packed_tile!(tile_u8_widened);
}

#[target_feature(enable = "neon")]
fn tile_u8_widened(left: &[[i16; MR]], right: &[[i16; NR]], out: &mut [i32; MR * NR]) {
    let mut acc = [[vdupq_n_s32(0); NR / 4]; MR];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `w` has 12 values, three vectors of 4, and `a` 8, one vector.
        let (w, a) = unsafe {
            let w = w.as_ptr();
            ([vld1_s16(w), vld1_s16(w.add(4)), vld1_s16(w.add(8))], vld1q_s16(a.as_ptr()))
        };
        macro_rules! row {
            ($($row:literal)*) => {
                $(for (sum, w) in acc[$row].iter_mut().zip(w) {
                    *sum = vmlal_laneq_s16::<$row>(*sum, w, a);
                })*
            };
        }
        row!(0 1 2 3 4 5 6 7);
    }
    for (sum, four) in acc.iter().flatten().zip(out.as_chunks_mut::<4>().0) {
        // SAFETY: `four` has 4 results, one vector.
        unsafe { vst1q_s32(four.as_mut_ptr(), *sum) }
    }
}

/// Rows and columns of the kernels that sum along the depth within a vector.
const SIDE: usize = 4;
/// Depths of a vector of bytes.
const LANES: usize = 16;

kernel! {
    /// 8-bit activations times weights in -127..=127, exact by the argument above; 2^16 products
    /// fit 32 bits.
    U8Pair(Neon) = "neon_u8i8_4x4_pair", "NEON (Armv8.0)";
    (u8 => i8, i8 => i8) -> i32;
    tile SIDE, SIDE; group LANES; max_depth 1 << 16;
    left |activation| (activation ^ 0x80).cast_signed();
    right |weights| weights[0];
    const CENTRE: i16 = 128;

    packed_tile!(tile_u8_pair);
}

#[target_feature(enable = "neon")]
fn tile_u8_pair(
    left: &[[i8; SIDE * LANES]],
    right: &[[i8; SIDE * LANES]],
    out: &mut [i32; SIDE * SIDE],
) {
    // `acc[column][row]`
    let mut acc = [[vdupq_n_s32(0); SIDE]; SIDE];
    for (a, w) in left.iter().zip(right) {
        // SAFETY: `a` has 64 bytes, four vectors.
        let a: [int8x16_t; SIDE] =
            std::array::from_fn(|row| unsafe { vld1q_s8(a.as_ptr().add(row * LANES)) });
        for (column, w) in acc.iter_mut().zip(w.as_chunks::<LANES>().0) {
            // SAFETY: `w` has 16 bytes, one vector.
            let w = unsafe { vld1q_s8(w.as_ptr()) };
            let [c0, c1, c2, c3] = column;
            // One statement per column: with intrinsics, LLVM interleaves the columns and spills.
            // SAFETY: arithmetic on registers alone; NEON is enabled here.
            unsafe {
                asm!(
                    "smull {p0:v}.8h, {a0:v}.8b, {w:v}.8b", "smull {p1:v}.8h, {a1:v}.8b, {w:v}.8b",
                    "smull {p2:v}.8h, {a2:v}.8b, {w:v}.8b", "smull {p3:v}.8h, {a3:v}.8b, {w:v}.8b",
                    "smlal2 {p0:v}.8h, {a0:v}.16b, {w:v}.16b", "smlal2 {p1:v}.8h, {a1:v}.16b, {w:v}.16b",
                    "smlal2 {p2:v}.8h, {a2:v}.16b, {w:v}.16b", "smlal2 {p3:v}.8h, {a3:v}.16b, {w:v}.16b",
                    "sadalp {c0:v}.4s, {p0:v}.8h", "sadalp {c1:v}.4s, {p1:v}.8h",
                    "sadalp {c2:v}.4s, {p2:v}.8h", "sadalp {c3:v}.4s, {p3:v}.8h",
                    a0 = in(vreg) a[0], a1 = in(vreg) a[1], a2 = in(vreg) a[2], a3 = in(vreg) a[3], w = in(vreg) w,
                    c0 = inout(vreg) *c0, c1 = inout(vreg) *c1, c2 = inout(vreg) *c2, c3 = inout(vreg) *c3,
                    p0 = out(vreg) _, p1 = out(vreg) _, p2 = out(vreg) _, p3 = out(vreg) _,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
        }
    }
    for (column, sums) in acc.iter().enumerate() {
        for (row, sum) in sums.iter().enumerate() {
            out[row * SIDE + column] = vaddvq_s32(*sum);
        }
    }
}
