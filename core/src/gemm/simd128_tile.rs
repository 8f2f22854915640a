//! What the tiles of WebAssembly share. Engines do not rewrite loops, so these say what is wanted: pointers that advance (an index would be shifted and
//! added for every load) and results stored from registers (an array that is indexed at run time is filled by a call).

use std::arch::wasm32::*;

use super::Windows;

/// Calls `step` for each `LEFT` elements of one panel with `RIGHT` of the other, twice a round: what a round costs apart from its steps (V8 for arm64 asks for a
/// stop in each) is shared. For tiles that leave registers free.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the accumulators that `step` changes must stay in registers")]
pub(super) fn walk_in_twos<L, R, const LEFT: usize, const RIGHT: usize>(
    left: &[L],
    right: &[R],
    mut step: impl FnMut(&[L; LEFT], &[R; RIGHT]),
) {
    let steps = (left.len() / LEFT).min(right.len() / RIGHT);
    let (mut a, mut w) = (left.as_ptr(), right.as_ptr());
    let mut rounds = steps / 2;
    while rounds != 0 {
        // SAFETY: both panels hold as many whole steps as are made.
        unsafe {
            step(&*a.cast(), &*w.cast());
            step(&*a.add(LEFT).cast(), &*w.add(RIGHT).cast());
            a = a.add(2 * LEFT);
            w = w.add(2 * RIGHT);
        }
        rounds -= 1;
    }
    if steps % 2 == 1 {
        // SAFETY: one step is left.
        unsafe { step(&*a.cast(), &*w.cast()) };
    }
}

/// The same with four steps a round, each of which may be the last. For tiles that need all registers: LLVM mixes steps that no branch divides.
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
                // SAFETY: both panels hold as many whole steps as are made.
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
        // Before it is known whether there is another round: after that, it would cost a jump more.
        a = a.wrapping_add(4 * LEFT);
        w = w.wrapping_add(4 * RIGHT);
        if steps == 0 {
            break;
        }
    }
}

/// The vectors that an array of elements is made of.
///
/// # Panics
/// When compiled for arrays of another size.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a few loads")]
pub(super) fn vectors<T, const COUNT: usize, const VECTORS: usize>(elements: &[T; COUNT]) -> [v128; VECTORS] {
    const { assert!(COUNT * size_of::<T>() == VECTORS * size_of::<v128>(), "whole vectors") };
    let from = elements.as_ptr().cast::<v128>();
    // SAFETY: the elements are as long as the vectors.
    std::array::from_fn(|vector| unsafe { v128_load(from.add(vector)) })
}

/// The words of a step, one for each row of a tile.
///
/// Pointers and no array: where LLVM knows 16 bytes to be readable, it makes one load and shuffles of four broadcasting loads, and x86 engines run
/// that slower.
pub(super) trait Words: Copy {
    /// The word of a row, in all lanes.
    fn splat(self, row: usize) -> v128;
}

/// Words of a panel.
#[derive(Clone, Copy)]
pub(super) struct PackedWords(*const u32);

impl Words for PackedWords {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "one load")]
    fn splat(self, row: usize) -> v128 {
        // SAFETY: `walk_words` made this of as many words as a panel has rows.
        unsafe { v128_load32_splat(self.0.add(row)) }
    }
}

/// Words of a map; they must be readable.
#[derive(Clone, Copy)]
pub(super) struct MapWords<const ROWS: usize>(pub(super) [*const u32; ROWS]);

impl<const ROWS: usize> Words for MapWords<ROWS> {
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "one load")]
    fn splat(self, row: usize) -> v128 {
        // SAFETY: whoever made this saw that the words can be read.
        unsafe { v128_load32_splat(self.0[row]) }
    }
}

/// Calls `step` for each step with the left panel as words, `MR` a step.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the accumulators that `step` changes must stay in registers")]
pub(super) fn walk_words<L, R, const MR: usize, const RIGHT: usize>(
    left: &[L],
    right: &[R],
    mut step: impl FnMut(PackedWords, &[R; RIGHT]),
) {
    let elements = MR * 4 / size_of::<L>();
    let mut steps = left.len() / elements;
    assert!(right.len() >= steps * RIGHT, "both panels have one depth");
    let (mut a, mut w) = (left.as_ptr().cast::<u32>(), right.as_ptr());
    while steps != 0 {
        // SAFETY: both panels hold as many whole steps as are made.
        unsafe {
            step(PackedWords(a), &*w.cast());
            a = a.wrapping_add(MR);
            w = w.add(RIGHT);
        }
        steps -= 1;
    }
}

/// The same with the words of windows, which lie in the map.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as `walk_in_twos`")]
pub(super) fn walk_windows<A, R, const ROWS: usize, const RIGHT: usize>(
    windows: &Windows<'_, A>,
    right: &[R],
    mut step: impl FnMut(MapWords<ROWS>, &[R; RIGHT]),
) {
    let first: [*const A; ROWS] = std::array::from_fn(|row| windows.map[windows.starts[row]..].as_ptr());
    let (mut left, mut w) = (right.len() / RIGHT, right.as_ptr());
    for run in 0..windows.runs {
        let mut a = first.map(|row| row.wrapping_add(run * windows.pitch).cast::<u32>());
        let mut steps = (windows.run * size_of::<A>() / 4).min(left);
        left -= steps;
        while steps != 0 {
            // SAFETY: the driver saw that the windows lie in the map, and `right` holds as many steps as are made.
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
    assert!(out.len() >= (ROWS - 1) * stride + VECTORS * 4, "room for the tile");
    for (row, sums) in sums.into_iter().enumerate() {
        for (vector, sum) in sums.into_iter().enumerate() {
            // SAFETY: the last row's last vector was found to end within `out`.
            unsafe { v128_store(out.as_mut_ptr().add(row * stride + vector * 4).cast(), sum) }
        }
    }
}
