//! WebAssembly simd128 for arm64 with one filter per 16-bit lane: `sum += a * w`, which engines
//! turn into one instruction of arm64 (MLA). Activations are centred.

use std::arch::wasm32::*;

use super::Loaded;
use super::pack::pack_halves;
use super::pair::broadcast16;
use super::tile::{store, vectors, walk_in_twos};
use crate::gemm::Panels;

const ROWS: usize = 4;
const COLUMNS: usize = 32;

kernel! {
    /// 4-bit activations times weights in -7..=7, exact: a depth adds at most 56 to a sum, and 584
    /// depths fit 16 bits. The nearest that WebAssembly has to the paper's UMLAL.
    U4(Loaded) = "simd128_u4i4_4x32_mla", "WebAssembly simd128";
    (u8 => i16, i8 => i16) -> i32;
    tile ROWS, COLUMNS; group 1; max_depth 584;
    left |activation| i16::from(activation) - Self::CENTRE;
    right |weights| i16::from(weights[0]);
    const MIN_WEIGHT: i8 = -7;
    const CENTRE: i16 = 8;

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [i16]) -> bool {
        pack_halves::<8>(rows, panel)
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, _columns: usize, out: &mut [i32], stride: usize) {
        const VECTORS: usize = COLUMNS / 8;
        let mut acc = [[i16x8_splat(0); VECTORS]; ROWS];
        walk_in_twos(panels.left, panels.right, |a: &[i16; ROWS], w: &[i16; COLUMNS]| {
            // SAFETY: `a` has four elements of 16 bits, the 64 bits that are loaded.
            let a = unsafe { v128_load64_zero(a.as_ptr().cast()) };
            let w: [v128; VECTORS] = vectors(w);
            macro_rules! row {
                ($row:literal) => {
                    let a = broadcast16!(a, $row);
                    for (sum, w) in acc[$row].iter_mut().zip(w) {
                        *sum = i16x8_add(*sum, i16x8_mul(a, w));
                    }
                };
            }
            row!(0);
            row!(1);
            row!(2);
            row!(3);
        });
        let mut sums = [[i32x4_splat(0); COLUMNS / 4]; ROWS];
        for (sums, acc) in sums.iter_mut().zip(acc) {
            for (halves, acc) in sums.as_chunks_mut::<2>().0.iter_mut().zip(acc) {
                *halves = [i32x4_extend_low_i16x8(acc), i32x4_extend_high_i16x8(acc)];
            }
        }
        store(sums, out, stride);
    }
}
