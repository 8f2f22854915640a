//! WebAssembly simd128 with two filters per 16-bit lane, for x86 without relaxed SIMD:
//! `lane = w0 + 4096 * w1`, so one `i32x4.dot_i16x8_s` computes 16 products.
//!
//! ```text
//! vector of weights (8 columns x 2 depths)      row of activations, broadcast
//! | w0 w4 | w0 w4 | w1 w5 | w1 w5 | ...         | a0 | a1 | a0 | a1 | ...
//!   k0      k1      k0      k1
//!                  -> i32 lanes: (sum of column c) + 4096 * (sum of column c + 4)
//! ```
//!
//! Maps hold activations as `a - 8` in 16 bits, and are read as they are. A product is therefore at
//! most `8 |w|`. Accumulators are flushed before the low field can exceed its 12 bits, sign
//! included: after 18 pairs with the largest weights, and after about twice as many with trained
//! ones. Rounding to a multiple of 4096 splits off the low field; the rest belongs to the high
//! filter and goes on accumulating. The low sums stay in memory: with them in registers, engines
//! spill inside the loop.

use std::arch::wasm32::*;

use super::Loaded;
use super::tile::{MapWords, Words, vectors};
use crate::gemm::{Panels, RightPanel, Windows, tile_fits};
use crate::quant::Wide;

/// Largest sum that the low field holds between two flushes.
const MAX_LOW: usize = 2047;
/// The constant subtracted from stored activations.
const CENTRE: i16 = 8;

/// Passes of a tile, each over `ROWS` rows: finishing two costs little more than finishing one.
const U4_PASSES: usize = 2;
/// Depths of a group: a pair.
const GROUP: usize = 2;
/// Columns of a tile.
const U4_COLUMNS: usize = 24;
/// Columns of a vector of weights, two per lane.
const U4_STEP: usize = 8;

kernel! {
    /// 4-bit activations times weights in -7..=7, exact: a pair adds at most 112 to a high sum,
    /// which has 20 bits, enough for 2^13 depths. Low sums are exact by the argument above.
    ///
    /// A pass has `ROWS` by three accumulators: V8 has registers for three rows, Firefox for two.
    U4<const ROWS: usize>(Loaded) = if ROWS == 2 {
        "simd128_u4i4_4x24_pairs"
    } else {
        "simd128_u4i4_6x24_pairs"
    }, "WebAssembly simd128";
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
        // The shortest sequence of pairs, wherever it begins, that could exceed `MAX_LOW` with the
        // pair after it.
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

/// Computes a tile of `columns` columns pass by pass; `rows` returns the rows of the pass that
/// begins at the given row. Accumulators are flushed after every `flush_depth` depths.
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

/// Computes one pass: `ROWS` rows by `V` vectors of columns; `COLUMNS` is `V * U4_STEP`.
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
    // Low sums belong to the first half of each vector's columns, high sums to the second.
    let low = |row: usize, vector: usize| {
        // SAFETY: `row < ROWS` and `vector < V`; `tile_fits` holds for `COLUMNS` columns, so the
        // columns of every vector lie within `out`.
        unsafe { out.add(row * stride + vector * U4_STEP).cast::<v128>() }
    };
    let mut acc = [[i32x4_splat(0); V]; ROWS];
    for (row, sums) in acc.iter().enumerate() {
        for (vector, zero) in sums.iter().enumerate() {
            // SAFETY: `low` points to four sums within `out`; stores need no alignment.
            unsafe { v128_store(low(row, vector), *zero) }
        }
    }
    // Hidden from the compiler, so that engines keep both in registers instead of materialising the
    // constants at each flush.
    let (half, high) = std::hint::black_box((i32x4_splat(2048), i32x4_splat(!0xfff)));
    while rows.walk_on::<COLUMNS>(flush_depth / GROUP, |a, w| {
        let w: [v128; V] = vectors(w);
        for (row, sums) in acc.iter_mut().enumerate() {
            // SAFETY: `row < ROWS`, and `walk_on` is calling this step: the words can be read.
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
                // SAFETY: `low` points to four sums within `out`, which were set to zero above.
                unsafe { v128_store(place, i32x4_add(v128_load(place), field)) }
            }
        }
    }
    for (row, sums) in acc.iter().enumerate() {
        for (vector, sum) in sums.iter().enumerate() {
            // SAFETY: the columns of a vector are eight sums within `out`; these are the last four.
            unsafe { v128_store(low(row, vector).add(1), i32x4_shr(*sum, 12)) }
        }
    }
}

/// Where a pass reads its rows, packed or in the map, and how far it has come: it pauses for each
/// flush.
struct Rows<const ROWS: usize> {
    /// First word of each row.
    first: [*const u32; ROWS],
    /// Distance from a word of a row to the next one, in words.
    step: usize,
    /// Words of a stretch.
    stretch_words: usize,
    /// Distance between the beginnings of neighbouring stretches, in bytes.
    pitch: usize,
    /// Next word of each row.
    words: [*const u32; ROWS],
    /// Next weights.
    weights: *const i16,
    /// Words left in the current stretch.
    in_stretch: usize,
    /// Steps left in all stretches.
    left: usize,
    /// Offset of the next stretch in bytes.
    next_stretch: usize,
}

impl<const ROWS: usize> Rows<ROWS> {
    /// Rows of a panel.
    const HEIGHT: usize = U4_PASSES * ROWS;

    /// Rows of a packed panel from row `from` on, to be multiplied by `right`, which has `columns`
    /// elements a step.
    ///
    /// # Panics
    /// If the panel has fewer steps than `right`, or fewer rows.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "all of it must stay in registers")]
    fn packed(left: &[i16], from: usize, right: &[i16], columns: usize) -> Self {
        let (steps, available) = (right.len() / columns, left.len() / (GROUP * Self::HEIGHT));
        assert!(
            available >= steps && from + ROWS <= Self::HEIGHT,
            "both panels have the same depth"
        );
        let words = left.as_ptr().cast::<u32>();
        let first = std::array::from_fn(|row| words.wrapping_add(from + row));
        Self::new(first, Self::HEIGHT, [available, 0], right, steps)
    }

    /// The same for `ROWS` windows from window `from` on. A [`Windows`] proves that they lie inside
    /// their map.
    ///
    /// # Panics
    /// If there are fewer windows.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "all of it must stay in registers")]
    fn of_windows(
        windows: &Windows<'_, Wide<CENTRE>>,
        from: usize,
        right: &[i16],
        columns: usize,
    ) -> Self {
        let first = std::array::from_fn(|row| windows.first(from + row).cast());
        let stretch_words = windows.stretch_len() / GROUP;
        // Windows of one stretch may have any pitch, which is then not used.
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

    /// Calls `step` for the next `limit` words of each row and their weights, or for all that are
    /// left. Returns `false` if none are. The words can be read during the call.
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "the accumulators that `step` changes must stay in registers"
    )]
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
                // SAFETY: `left` began as a number of steps that rows and weights both have, and
                // `budget` was subtracted from it: `COLUMNS` more weights can be read. An array has
                // the alignment of its elements.
                step(MapWords(self.words), unsafe { &*self.weights.cast() });
                self.words = self.words.map(|word| word.wrapping_add(self.step));
                self.weights = self.weights.wrapping_add(COLUMNS);
                steps -= 1;
            }
        }
        true
    }
}
