//! WebAssembly simd128 with two filters in one 16-bit lane, for x86 without relaxed SIMD: `lane = w0 + 4096 * w1`. One `i32x4.dot_i16x8_s` then makes 16 products:
//!
//! ```text
//! vector of weights (8 columns x 2 depths)      row of activations, broadcast
//! | w0 w4 | w0 w4 | w1 w5 | w1 w5 | ...   .   | a0 | a1 | a0 | a1 | ...
//!   k0      k1      k0      k1                  -> i32 lanes: (sum for column c) + 4096 * (sum for column c + 4)
//! ```
//!
//! Maps hold activations as `a - 8` in 16 bits and are read as they are. So a product lies within `8 |w|`. A run ends before the low field's bound exceeds its 12
//! bits, sign included: after 18 pairs of the largest weights, twice as many of trained ones. Rounding to a multiple of 4096 splits the field off; what remains
//! belongs to the high filter and keeps accumulating. The low sums stay in memory: with them in registers engines spill the loop.

use std::arch::wasm32::*;

use super::simd128_tile::{MapWords, Words, vectors};
use super::{Kernel, Panels, RightPanel, Windows};
use crate::quant::Wide;

/// Largest sum of a run in the low field.
const MOST_LOW: usize = 2047;
/// What activations are centred by.
const CENTRE: i16 = 8;

/// Accumulators of a pass are `ROWS` by three: V8 has registers for three rows, Firefox for two.
///
/// 4-bit activations times weights in -7..=7, exact: high sums have 20 bits and gain at most 112 a pair, enough for 2^13 depths.
#[derive(Debug, Clone, Copy)]
pub(super) struct U4<const ROWS: usize>(());

/// Passes of a tile, `ROWS` rows each: finishing two costs little more than one.
const U4_PASSES: usize = 2;
/// Depths that lie together.
const GROUP: usize = 2;
const U4_COLUMNS: usize = 24;
/// Columns of a vector of weights.
const U4_STEP: usize = 8;

impl<const ROWS: usize> Kernel for U4<ROWS> {
    type Activation = Wide<CENTRE>;
    type Weight = i8;
    type Left = i16;
    type Right = i16;
    type Sum = i32;
    const NAME: &'static str = if ROWS == 2 { "simd128_u4i4_4x24_pairs" } else { "simd128_u4i4_6x24_pairs" };
    const ISA: &'static str = "WebAssembly simd128";
    const MR: usize = U4_PASSES * ROWS;
    const NR: usize = U4_COLUMNS;
    const STEP: usize = U4_STEP;
    const GROUP: usize = GROUP;
    const LANE_COLUMNS: usize = 2;
    const LEAST_WEIGHT: i8 = -7;
    const MAX_DEPTH: usize = 1 << 13;
    const CENTRE: i16 = CENTRE;
    const MOST_DIRECT_COLUMNS: usize = usize::MAX;

    fn detect() -> Option<Self> {
        Some(Self(()))
    }

    #[inline]
    fn left(activation: Wide<CENTRE>) -> i16 {
        activation.stored()
    }

    fn right(weights: &[i8]) -> i16 {
        i16::from(weights[0]) + 4096 * i16::from(weights[1])
    }

    fn run(column: &[i8]) -> usize {
        // Runs are of whole pairs; the bound holds wherever one begins.
        let pairs: Vec<usize> = column
            .chunks(GROUP)
            .map(|pair| pair.iter().map(|&weight| CENTRE as usize * usize::from(weight.unsigned_abs())).sum())
            .collect();
        let (mut first, mut bound, mut shortest) = (0, 0, pairs.len());
        for (last, pair) in pairs.iter().enumerate() {
            bound += pair;
            while bound > MOST_LOW {
                shortest = shortest.min(last - first);
                bound -= pairs[first];
                first += 1;
            }
        }
        shortest.max(1) * GROUP
    }

    #[inline]
    fn tile(self, panels: Panels<'_, Self>, columns: usize, out: &mut [i32], stride: usize) {
        let Panels { left, right, run, .. } = panels;
        passes(columns, run, out, stride, |from| Rows::<ROWS>::packed(left, from, right, columns));
    }

    #[inline]
    fn tile_of_windows(
        self,
        windows: &Windows<'_, Wide<CENTRE>>,
        right: RightPanel<'_, Self>,
        out: &mut [i32],
        stride: usize,
    ) {
        let RightPanel { columns, elements, run, .. } = right;
        passes(columns, run, out, stride, |from| Rows::<ROWS>::of_windows(windows, from, elements, columns));
    }
}

/// A tile of so many columns, pass by pass; `rows` gives those from a number on. Accumulators are emptied after `run` depths.
#[inline(always)]
#[allow(clippy::inline_always, reason = "one copy for packed rows, one for maps")]
fn passes<const ROWS: usize>(
    columns: usize,
    run: usize,
    out: &mut [i32],
    stride: usize,
    rows: impl Fn(usize) -> Rows<ROWS>,
) {
    for from in (0..U4_PASSES * ROWS).step_by(ROWS) {
        let (rows, out) = (rows(from), &mut out[from * stride..]);
        match columns / U4_STEP {
            1 => pass::<ROWS, 1, { U4_STEP }>(rows, run, out, stride),
            2 => pass::<ROWS, 2, { 2 * U4_STEP }>(rows, run, out, stride),
            _ => pass::<ROWS, 3, { 3 * U4_STEP }>(rows, run, out, stride),
        }
    }
}

/// `V` vectors a row; `COLUMNS` is `V * U4_STEP`.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a small function would be merged into one that counts its vectors")]
fn pass<const ROWS: usize, const V: usize, const COLUMNS: usize>(
    mut rows: Rows<ROWS>,
    run_length: usize,
    out: &mut [i32],
    stride: usize,
) {
    assert!(out.len() >= (ROWS - 1) * stride + COLUMNS, "room for the tile");
    let out = out.as_mut_ptr();
    // SAFETY: the last row's last vector was found to end within `out`. Low sums stand in the first half of each vector's columns.
    let low = |row: usize, vector: usize| unsafe { out.add(row * stride + vector * U4_STEP).cast::<v128>() };
    let mut run = [[i32x4_splat(0); V]; ROWS];
    for (row, run) in run.iter().enumerate() {
        for (vector, zero) in run.iter().enumerate() {
            // SAFETY: `low` points into `out`.
            unsafe { v128_store(low(row, vector), *zero) }
        }
    }
    // As little known, so that engines keep them instead of making them anew at each split.
    let (half, high) = std::hint::black_box((i32x4_splat(2048), i32x4_splat(!0xfff)));
    while rows.walk_on::<COLUMNS>(run_length / GROUP, |a, w| {
        let w: [v128; V] = vectors(w);
        for (row, run) in run.iter_mut().enumerate() {
            let a = a.splat(row);
            for (run, w) in run.iter_mut().zip(w) {
                *run = i32x4_add(*run, i32x4_dot_i16x8(a, w));
            }
        }
    }) {
        for (row, run) in run.iter_mut().enumerate() {
            for (vector, run) in run.iter_mut().enumerate() {
                let kept = v128_and(i32x4_add(*run, half), high);
                let field = i32x4_sub(*run, kept);
                *run = kept;
                // SAFETY: `low` points into `out`.
                unsafe { v128_store(low(row, vector), i32x4_add(v128_load(low(row, vector)), field)) }
            }
        }
    }
    for (row, run) in run.iter().enumerate() {
        for (vector, run) in run.iter().enumerate() {
            // SAFETY: the other half of the columns of a vector in `out`.
            unsafe { v128_store(low(row, vector).add(1), i32x4_shr(*run, 12)) }
        }
    }
}

/// Where the rows of a pass are read, packed or in the map, and how far they have been: it stops on the way.
struct Rows<const ROWS: usize> {
    /// First words of the rows; the next ones are `step` words on.
    first: [*const u32; ROWS],
    step: usize,
    /// Words of a stretch, and bytes from the beginning of one to that of the next.
    count: usize,
    pitch: usize,
    /// Where the walk is, in rows and weights.
    words: [*const u32; ROWS],
    weights: *const i16,
    /// Words that are left of the stretch, and steps of all.
    in_stretch: usize,
    left: usize,
    next_stretch: usize,
}

impl<const ROWS: usize> Rows<ROWS> {
    /// Rows of a panel.
    const HEIGHT: usize = U4_PASSES * ROWS;

    /// The rows of a panel from a number on, to be met by `right`, `columns` elements a step.
    ///
    /// # Panics
    /// If the panel is shorter than `right`.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "all of it must stay in registers")]
    fn packed(left: &[i16], from: usize, right: &[i16], columns: usize) -> Self {
        let (count, steps) = (left.len() / (GROUP * Self::HEIGHT), right.len() / columns);
        assert!(count >= steps && from + ROWS <= Self::HEIGHT, "both panels have one depth");
        let words = left.as_ptr().cast::<u32>();
        Self::new(
            std::array::from_fn(|row| words.wrapping_add(from + row)),
            Self::HEIGHT,
            [count, 0],
            right,
            steps,
        )
    }

    /// The same of windows, which lie in their map, as the driver has seen.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as above")]
    fn of_windows(windows: &Windows<'_, Wide<CENTRE>>, from: usize, right: &[i16], columns: usize) -> Self {
        let first = std::array::from_fn(|row| windows.map[windows.starts[from + row]..].as_ptr().cast());
        let (count, pitch) = (windows.run / GROUP, size_of::<i16>() * windows.pitch);
        let steps = (right.len() / columns).min(windows.runs * count);
        Self::new(first, 1, [count, pitch], right, steps)
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as above")]
    fn new(
        first: [*const u32; ROWS],
        step: usize,
        [count, pitch]: [usize; 2],
        right: &[i16],
        left: usize,
    ) -> Self {
        let (words, weights) = (first, right.as_ptr());
        Self { first, step, count, pitch, words, weights, in_stretch: count, left, next_stretch: pitch }
    }

    /// Calls `step` for the next `limit` words, fewer at the end, with the weights of each; `false` where there are none.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the accumulators that `step` changes must stay in registers")]
    fn walk_on<const COLUMNS: usize>(
        &mut self,
        limit: usize,
        mut step: impl FnMut(MapWords<ROWS>, &[i16; COLUMNS]),
    ) -> bool {
        let mut budget = limit.min(self.left);
        if budget == 0 {
            return false;
        }
        self.left -= budget;
        while budget != 0 {
            if self.in_stretch == 0 {
                self.words = self.first.map(|word| word.wrapping_byte_add(self.next_stretch));
                self.next_stretch += self.pitch;
                self.in_stretch = self.count;
            }
            let mut steps = budget.min(self.in_stretch);
            budget -= steps;
            self.in_stretch -= steps;
            while steps != 0 {
                // SAFETY: rows and weights hold as many steps as were found left.
                step(MapWords(self.words), unsafe { &*self.weights.cast() });
                self.words = self.words.map(|word| word.wrapping_add(self.step));
                self.weights = self.weights.wrapping_add(COLUMNS);
                steps -= 1;
            }
        }
        true
    }
}
