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

use super::Loaded;
use super::tile::{MapWords, Words, vectors};
use crate::gemm::{Panels, RightPanel, Windows, tile_fits};
use crate::quant::Wide;

/// Largest sum of a run in the low field.
const MAX_LOW: usize = 2047;
/// What activations are centred by.
const CENTRE: i16 = 8;

/// Passes of a tile, `ROWS` rows each: finishing two costs little more than one.
const U4_PASSES: usize = 2;
/// Depths that lie together.
const GROUP: usize = 2;
const U4_COLUMNS: usize = 24;
/// Columns of a vector of weights.
const U4_STEP: usize = 8;

kernel! {
    /// Accumulators of a pass are `ROWS` by three: V8 has registers for three rows, Firefox for two.
    ///
    /// 4-bit activations times weights in -7..=7, exact: high sums have 20 bits and gain at most 112 a pair, enough for 2^13 depths.
    U4<const ROWS: usize>(Loaded) = if ROWS == 2 { "simd128_u4i4_4x24_pairs" } else { "simd128_u4i4_6x24_pairs" }, "WebAssembly simd128";
    (Wide<CENTRE> => i16, i8 => i16) -> i32;
    tile U4_PASSES * ROWS, U4_COLUMNS; group GROUP; max_depth 1 << 13;
    left |activation| activation.stored();
    right |weights| i16::from(weights[0]) + 4096 * i16::from(weights[1]);
    const STEP: usize = U4_STEP;
    const LANE_COLUMNS: usize = 2;
    const MIN_WEIGHT: i8 = -7;
    const CENTRE: i16 = CENTRE;
    const MAX_DIRECT_COLUMNS: usize = usize::MAX;

    fn flush_depth(column: &[i8]) -> usize {
        // Runs are of whole pairs; the bound holds wherever one begins.
        let pairs: Vec<usize> = column
            .chunks(GROUP)
            .map(|pair| pair.iter().map(|&weight| CENTRE as usize * usize::from(weight.unsigned_abs())).sum())
            .collect();
        let (mut first, mut bound, mut shortest) = (0, 0, pairs.len());
        for (last, pair) in pairs.iter().enumerate() {
            bound += pair;
            while bound > MAX_LOW {
                shortest = shortest.min(last - first);
                bound -= pairs[first];
                first += 1;
            }
        }
        shortest.max(1) * GROUP
    }

    #[inline]
    unsafe fn tile(self, panels: Panels<'_, Self>, columns: usize, out: &mut [i32], stride: usize) {
        let Panels { left, right, flush_depth, .. } = panels;
        passes(columns, flush_depth, out, stride, |from| Rows::<ROWS>::packed(left, from, right, columns));
    }

    #[inline]
    unsafe fn tile_of_windows(
        self,
        windows: &Windows<'_, Wide<CENTRE>>,
        right: RightPanel<'_, Self>,
        out: &mut [i32],
        stride: usize,
    ) {
        let RightPanel { columns, elements, flush_depth, .. } = right;
        passes(columns, flush_depth, out, stride, |from| Rows::<ROWS>::of_windows(windows, from, elements, columns));
    }
}

/// Computes a tile of `columns` columns, pass by pass; `rows` gives the rows of a pass from its first
/// row on. Accumulators are flushed after every `flush_depth` depths.
#[inline(always)]
#[allow(clippy::inline_always, reason = "one copy for packed rows, one for maps")]
fn passes<const ROWS: usize>(
    columns: usize,
    flush_depth: usize,
    out: &mut [i32],
    stride: usize,
    rows: impl Fn(usize) -> Rows<ROWS>,
) {
    for from in (0..U4_PASSES * ROWS).step_by(ROWS) {
        let (rows, out) = (rows(from), &mut out[from * stride..]);
        match columns / U4_STEP {
            1 => pass::<ROWS, 1, { U4_STEP }>(rows, flush_depth, out, stride),
            2 => pass::<ROWS, 2, { 2 * U4_STEP }>(rows, flush_depth, out, stride),
            _ => pass::<ROWS, 3, { 3 * U4_STEP }>(rows, flush_depth, out, stride),
        }
    }
}

/// Computes `ROWS` rows of `V` vectors; `COLUMNS` is `V * U4_STEP`.
///
/// # Panics
/// If `out` has no room for them.
#[inline(always)]
#[allow(clippy::inline_always, reason = "LLVM would merge a small function into one that counts")]
fn pass<const ROWS: usize, const V: usize, const COLUMNS: usize>(
    mut rows: Rows<ROWS>,
    flush_depth: usize,
    out: &mut [i32],
    stride: usize,
) {
    assert!(tile_fits(ROWS, COLUMNS, stride, out.len()), "room for the tile");
    let out = out.as_mut_ptr();
    // Low sums are the first half of each vector's columns, high sums the second.
    let low = |row: usize, vector: usize| {
        // SAFETY: `tile_fits` holds for `COLUMNS` columns of the last row, so every vector's
        // columns are within `out`.
        unsafe { out.add(row * stride + vector * U4_STEP).cast::<v128>() }
    };
    let mut acc = [[i32x4_splat(0); V]; ROWS];
    for (row, sums) in acc.iter().enumerate() {
        for (vector, zero) in sums.iter().enumerate() {
            // SAFETY: `low` gives the place of four sums within `out`.
            unsafe { v128_store(low(row, vector), *zero) }
        }
    }
    // Hidden from the compiler, so that engines keep both in registers instead of making them anew
    // at each flush.
    let (half, high) = std::hint::black_box((i32x4_splat(2048), i32x4_splat(!0xfff)));
    while rows.walk_on::<COLUMNS>(flush_depth / GROUP, |a, w| {
        let w: [v128; V] = vectors(w);
        for (row, sums) in acc.iter_mut().enumerate() {
            // SAFETY: `a` has a word for each of the `ROWS` rows, and its walk is under way.
            let a = unsafe { a.splat(row) };
            for (sum, w) in sums.iter_mut().zip(w) {
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(a, w));
            }
        }
    }) {
        for (row, sums) in acc.iter_mut().enumerate() {
            for (vector, sum) in sums.iter_mut().enumerate() {
                let kept = v128_and(i32x4_add(*sum, half), high);
                let field = i32x4_sub(*sum, kept);
                *sum = kept;
                let place = low(row, vector);
                // SAFETY: `low` gives the place of four sums within `out`, set to zero above.
                unsafe { v128_store(place, i32x4_add(v128_load(place), field)) }
            }
        }
    }
    for (row, sums) in acc.iter().enumerate() {
        for (vector, sum) in sums.iter().enumerate() {
            // SAFETY: a vector's columns are eight sums within `out`, and these are the last four.
            unsafe { v128_store(low(row, vector).add(1), i32x4_shr(*sum, 12)) }
        }
    }
}

/// Where a pass reads its rows, packed or in the map, and how far it has come: it stops for each
/// flush and goes on behind it.
struct Rows<const ROWS: usize> {
    /// First words of the rows; the next ones are `step` words on.
    first: [*const u32; ROWS],
    step: usize,
    /// Words of a stretch, and bytes between the beginnings of neighbouring stretches.
    stretch_words: usize,
    pitch: usize,
    /// Next words of the rows, and next weights.
    words: [*const u32; ROWS],
    weights: *const i16,
    /// Words left in the stretch, and steps left in all.
    in_stretch: usize,
    left: usize,
    /// Offset of the next stretch in bytes.
    next_stretch: usize,
}

impl<const ROWS: usize> Rows<ROWS> {
    /// Rows of a panel.
    const HEIGHT: usize = U4_PASSES * ROWS;

    /// The rows of a panel from row `from` on, to be multiplied by `right`, `columns` elements a
    /// step.
    ///
    /// # Panics
    /// If the panel has fewer steps than `right`, or fewer rows.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "all of it must stay in registers")]
    fn packed(left: &[i16], from: usize, right: &[i16], columns: usize) -> Self {
        let (steps, available) = (right.len() / columns, left.len() / (GROUP * Self::HEIGHT));
        assert!(available >= steps && from + ROWS <= Self::HEIGHT, "both panels have one depth");
        let words = left.as_ptr().cast::<u32>();
        let first = std::array::from_fn(|row| words.wrapping_add(from + row));
        Self::new(first, Self::HEIGHT, [available, 0], right, steps)
    }

    /// `ROWS` windows from window `from` on, likewise. That they lie inside their map is what a
    /// [`Windows`] proves.
    ///
    /// # Panics
    /// If there are fewer windows.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "all of it must stay in registers")]
    fn of_windows(windows: &Windows<'_, Wide<CENTRE>>, from: usize, right: &[i16], columns: usize) -> Self {
        let first = std::array::from_fn(|row| windows.first(from + row).cast());
        let stretch_words = windows.stretch_len() / GROUP;
        // Windows of one stretch may have any pitch: it is then not used.
        let pitch = windows.pitch().wrapping_mul(size_of::<i16>());
        let steps = (right.len() / columns).min(windows.stretches() * stretch_words);
        Self::new(first, 1, [stretch_words, pitch], right, steps)
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "all of it must stay in registers")]
    fn new(
        first: [*const u32; ROWS],
        step: usize,
        [stretch_words, pitch]: [usize; 2],
        right: &[i16],
        left: usize,
    ) -> Self {
        Self {
            first,
            step,
            stretch_words,
            pitch,
            words: first,
            weights: right.as_ptr(),
            in_stretch: stretch_words,
            left,
            next_stretch: pitch,
        }
    }

    /// Calls `step` for the next `limit` words of each row and their weights, or for what is left.
    /// Returns `false` where nothing is. The words can be read during the call.
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
                self.in_stretch = self.stretch_words;
            }
            let mut steps = budget.min(self.in_stretch);
            budget -= steps;
            self.in_stretch -= steps;
            while steps != 0 {
                // SAFETY: `left` counted the steps of both the rows and the weights, `COLUMNS`
                // elements each, and `budget` was taken from it.
                step(MapWords(self.words), unsafe { &*self.weights.cast() });
                self.words = self.words.map(|word| word.wrapping_add(self.step));
                self.weights = self.weights.wrapping_add(COLUMNS);
                steps -= 1;
            }
        }
        true
    }
}
