//! What the tiles of WebAssembly share. Engines optimise loops little, so these functions do it for
//! them: they advance pointers, where an index would be shifted and added for every load, and store
//! results from registers, where an array indexed at run time would be cleared by a call.

use std::arch::wasm32::*;

#[cfg(target_feature = "relaxed-simd")]
use crate::gemm::winograd::Strides;
use crate::gemm::{Windows, tile_fits};

/// Calls `step` with `LEFT` elements of one panel and `RIGHT` of the other, two steps a round: they
/// share the cost of a round, in each of which V8 for arm64 checks for interrupts. For tiles that
/// leave registers free.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "the accumulators that `step` changes must stay in registers"
)]
pub(super) fn walk_in_twos<L, R, const LEFT: usize, const RIGHT: usize>(
    left: &[L],
    right: &[R],
    mut step: impl FnMut(&[L; LEFT], &[R; RIGHT]),
) {
    let steps = (left.len() / LEFT).min(right.len() / RIGHT);
    let (mut a, mut w) = (left.as_ptr(), right.as_ptr());
    let mut rounds = steps / 2;
    while rounds != 0 {
        // SAFETY: each panel holds `steps` whole steps, of which at least `2 * rounds` are left; an
        // array has the alignment of its elements.
        unsafe {
            step(&*a.cast(), &*w.cast());
            step(&*a.add(LEFT).cast(), &*w.add(RIGHT).cast());
            a = a.add(2 * LEFT);
            w = w.add(2 * RIGHT);
        }
        rounds -= 1;
    }
    if steps % 2 == 1 {
        // SAFETY: `steps` is odd, so one step is left after the rounds; aligned as above.
        unsafe { step(&*a.cast(), &*w.cast()) };
    }
}

/// As [`walk_in_twos`], with four steps a round, each of which may be the last. For tiles that need
/// all registers: LLVM interleaves steps that no branch separates, and then they spill.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as `walk_in_twos`")]
pub(super) fn walk_in_fours<L, R, const LEFT: usize, const RIGHT: usize>(
    left: &[L],
    right: &[R],
    mut step: impl FnMut(&[L; LEFT], &[R; RIGHT]),
) {
    let mut steps = (left.len() / LEFT).min(right.len() / RIGHT);
    let (mut a, mut w) = (left.as_ptr(), right.as_ptr());
    if steps == 0 {
        return;
    }
    loop {
        macro_rules! step {
            ($index:literal) => {
                // SAFETY: `steps` more whole steps are left in each panel, of which this is the
                // first not made; an array has the alignment of its elements.
                unsafe { step(&*a.add($index * LEFT).cast(), &*w.add($index * RIGHT).cast()) };
                steps -= 1;
            };
            ($($index:literal),* if left) => {
                $(
                    step!($index);
                    if steps == 0 {
                        break;
                    }
                )*
            };
        }
        step!(0, 1, 2 if left);
        step!(3);
        // Advanced before the test for another round: after it, this would cost another jump.
        a = a.wrapping_add(4 * LEFT);
        w = w.wrapping_add(4 * RIGHT);
        if steps == 0 {
            break;
        }
    }
}

/// Loads an array of elements as vectors. Does not compile for an array of another size.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a few loads")]
pub(super) fn vectors<T, const COUNT: usize, const VECTORS: usize>(
    elements: &[T; COUNT],
) -> [v128; VECTORS] {
    const { assert!(COUNT * size_of::<T>() == VECTORS * size_of::<v128>(), "whole vectors") };
    let from = elements.as_ptr().cast::<v128>();
    // SAFETY: the elements have the size of `VECTORS` vectors, as asserted; loads need no
    // alignment.
    std::array::from_fn(|vector| unsafe { v128_load(from.add(vector)) })
}

/// The words of a step, one for each row of a tile.
///
/// Pointers, not an array: if LLVM knows that 16 bytes can be read, it turns four broadcasting
/// loads into one load and shuffles, which are slower on x86.
pub(super) trait Words: Copy {
    /// The word of a row, in all lanes.
    ///
    /// # Safety
    /// The tile has this row, and its word can be read: the walk that made the value says when.
    unsafe fn splat(self, row: usize) -> v128;
}

/// Words of a packed panel: those of a step lie side by side.
#[derive(Clone, Copy)]
pub(super) struct PackedWords(*const u32);

impl Words for PackedWords {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "one load")]
    unsafe fn splat(self, row: usize) -> v128 {
        // SAFETY: by the contract the word of this row can be read.
        unsafe { v128_load32_splat(self.0.add(row)) }
    }
}

/// Words of a map, one pointer a row.
#[derive(Clone, Copy)]
pub(super) struct MapWords<const ROWS: usize>(pub(super) [*const u32; ROWS]);

impl<const ROWS: usize> Words for MapWords<ROWS> {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "one load")]
    unsafe fn splat(self, row: usize) -> v128 {
        // SAFETY: by the contract the word of this row can be read.
        unsafe { v128_load32_splat(self.0[row]) }
    }
}

/// Calls `step` for each step of a packed panel. The words that it receives can be read during the
/// call, for rows below `MR`.
///
/// # Panics
/// If the right panel has fewer steps than the left one.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "the accumulators that `step` changes must stay in registers"
)]
pub(super) fn walk_words<L, R, const MR: usize, const RIGHT: usize>(
    left: &[L],
    right: &[R],
    mut step: impl FnMut(PackedWords, &[R; RIGHT]),
) {
    let elements = MR * 4 / size_of::<L>();
    let mut steps = left.len() / elements;
    assert!(right.len() / RIGHT >= steps, "both panels have the same depth");
    let (mut a, mut w) = (left.as_ptr().cast::<u32>(), right.as_ptr());
    while steps != 0 {
        // SAFETY: the left panel holds `steps` more steps of `MR` words, and the right one at least
        // as many of `RIGHT` elements; an array has the alignment of its elements.
        unsafe {
            step(PackedWords(a), &*w.cast());
            a = a.wrapping_add(MR);
            w = w.add(RIGHT);
        }
        steps -= 1;
    }
}

/// Calls `step` for each step of windows in their map, until `right` ends. The words that it
/// receives can be read during the call, for rows below `ROWS`.
///
/// # Panics
/// If there are fewer than `ROWS` windows.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as `walk_in_twos`")]
pub(super) fn walk_windows<A, R, const ROWS: usize, const RIGHT: usize>(
    windows: &Windows<'_, A>,
    right: &[R],
    mut step: impl FnMut(MapWords<ROWS>, &[R; RIGHT]),
) {
    let first: [*const A; ROWS] = std::array::from_fn(|row| windows.first(row));
    let (mut left, mut w) = (right.len() / RIGHT, right.as_ptr());
    for stretch in 0..windows.stretches() {
        let offset = stretch * windows.pitch();
        let mut a = first.map(|row| row.wrapping_add(offset).cast::<u32>());
        let mut steps = (windows.stretch_len() * size_of::<A>() / 4).min(left);
        left -= steps;
        while steps != 0 {
            // SAFETY: all windows of a `Windows` lie inside its map, so the words of this stretch
            // can be read; `right` holds `left + steps` more steps; an array has the alignment of
            // its elements.
            unsafe {
                step(MapWords(a), &*w.cast());
                a = a.map(|word| word.add(1));
                w = w.add(RIGHT);
            }
            steps -= 1;
        }
    }
}

/// Stores the sums of a tile, 32 bits each, in rows `stride` apart.
///
/// # Panics
/// If `out` is too short.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the sums are in registers")]
pub(super) fn store<T, const ROWS: usize, const VECTORS: usize>(
    sums: [[v128; VECTORS]; ROWS],
    out: &mut [T],
    stride: usize,
) {
    const { assert!(size_of::<T>() == 4, "results of 32 bits") };
    assert!(tile_fits(ROWS, VECTORS * 4, stride, out.len()), "room for the tile");
    for (row, sums) in sums.into_iter().enumerate() {
        for (vector, sum) in sums.into_iter().enumerate() {
            // SAFETY: `tile_fits` holds, so the last vector of the last row ends within `out`, and
            // all others end before it. Stores need no alignment.
            unsafe { v128_store(out.as_mut_ptr().add(row * stride + vector * 4).cast(), sum) }
        }
    }
}

/// Stores the sums of a tile at points, the first outputs of its windows before the second ones.
///
/// # Panics
/// If `out` is too short.
#[cfg(target_feature = "relaxed-simd")]
#[inline(always)]
#[allow(clippy::inline_always, reason = "the sums are in registers")]
pub(super) fn store_pairs<const ROWS: usize, const VECTORS: usize>(
    sums: [[v128; VECTORS]; ROWS],
    out: &mut [i32],
    strides: Strides,
) {
    assert!(strides.fit(ROWS / 2, VECTORS * 4, out.len()), "room for the tile");
    for (row, sums) in sums.into_iter().enumerate() {
        for (vector, sum) in sums.into_iter().enumerate() {
            let at = strides.row(row, ROWS) + vector * 4;
            // SAFETY: `fit` holds, so the vectors of all rows end within `out`. Stores need no
            // alignment.
            unsafe { v128_store(out.as_mut_ptr().add(at).cast(), sum) }
        }
    }
}
