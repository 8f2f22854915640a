//! AVX-VNNI: VPDPBUSD multiplies four bytes of activations (unsigned) with four of weights (signed) and adds all to 32 bits, without saturation. So full
//! 8-bit data is exact at the speed of 4 bits, which are a format of storage here. The tiles are those of AVX2.

use std::arch::x86_64::*;

use super::avx2::{Avx2, MOST_DIRECT_COLUMNS, MR, NR, Rows, STEP, accumulate, load, reads_maps, store, tile};
use super::{Kernel, Panels, RightPanel, Windows, sse2_pack};

/// 8-bit activations times 8-bit weights, exact: 2^16 products of at most 255 * 128 fit 32 bits. Serves 7 and 4 bits too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Integer(Avx2);

accumulate!("avx2,avxvnni", dot_sums, |sum, a, w| _mm256_dpbusd_avx_epi32(sum, a, w));
tile!("avx2,avxvnni", dot_tile, dot_sums, i8, i32);

impl Kernel for Integer {
    type Activation = u8;
    type Weight = i8;
    type Left = u8;
    type Right = i8;
    type Sum = i32;
    const NAME: &'static str = "avxvnni_u8i8_6x16";
    const ISA: &'static str = "AVX-VNNI";
    const MR: usize = MR;
    const NR: usize = NR;
    const STEP: usize = STEP;
    const MOST_DIRECT_COLUMNS: usize = MOST_DIRECT_COLUMNS;
    const GROUP: usize = 4;
    const MAX_DEPTH: usize = 1 << 16;

    fn detect() -> Option<Self> {
        Avx2::detect().filter(|_| is_x86_feature_detected!("avxvnni")).map(Self)
    }

    reads_maps!(dot_tile, u8, i8, i32);

    fn right(weights: &[i8]) -> i8 {
        weights[0]
    }
}
