//! AVX-VNNI: VPDPBUSD multiplies four bytes of activations (unsigned) with four of weights (signed) and adds all to 32 bits, without saturation. So full
//! 8-bit data is exact at the speed of 4 bits, which are a format of storage here. The tiles are those of AVX2.

use std::arch::x86_64::*;

use super::avx2::{MOST_DIRECT_COLUMNS, MR, NR, Rows, STEP, accumulate, load, store, tile};
use super::{Kernel, Panels, Windows, sse2_pack};

/// 8-bit activations times 8-bit weights, exact: 2^16 products of at most 255 * 128 fit 32 bits. Serves 7 and 4 bits too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Integer(());

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
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni")).then_some(Self(()))
    }

    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: `self` can only be had from `detect`, which found AVX2.
        unsafe { with_avx2(work) }
    }

    #[inline]
    fn left(activation: u8) -> u8 {
        activation
    }

    fn right(weights: &[i8]) -> i8 {
        weights[0]
    }

    fn add(a: i32, b: i32) -> i32 {
        a + b
    }

    #[inline]
    fn tile(self, panels: Panels<'_, Self>, columns: usize, out: &mut [i32], stride: usize) {
        // SAFETY: `self` can only be had from `detect`, which found AVX2 and AVX-VNNI. Panels have one depth.
        unsafe { dot_tile(Rows::packed(panels.left), panels.right, columns, out, stride) }
    }

    #[inline]
    fn tile_of_windows(
        self,
        windows: &Windows<'_, u8>,
        right: &[i8],
        columns: usize,
        out: &mut [i32],
        stride: usize,
    ) {
        // SAFETY: `self` can only be had from `detect`, which found AVX2 and AVX-VNNI. The windows are as long as columns.
        unsafe { dot_tile(Rows::of_windows(windows), right, columns, out, stride) }
    }

    #[inline]
    fn pack<'a>(rows: impl Fn(usize) -> &'a [u8], panel: &mut [u8]) -> bool {
        sse2_pack::pack(rows, panel)
    }
}
