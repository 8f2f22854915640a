//! Packing with simd128: panels of four rows of 32-bit words (4 codes, 2 widened codes, or 1 real), transposed in registers.

use std::arch::wasm32::*;

use crate::quant::Wide;

/// Rows of a panel.
const ROWS: usize = 4;

/// How activations become four words of 32 bits.
pub(super) trait Words {
    /// What is packed.
    type Activation;
    /// What it becomes.
    type Element;
    /// Activations in four words.
    const COUNT: usize;

    /// `COUNT` values as 16 bytes of elements.
    ///
    /// # Safety
    /// They stand at `values`.
    unsafe fn load(values: *const Self::Activation) -> v128;
}

/// Codes that stay bytes.
#[cfg(target_feature = "relaxed-simd")]
pub(super) struct Bytes;
/// Codes widened to 16 bits, less `OFFSET`.
pub(super) struct Centred<const OFFSET: i16>;
/// Reals.
pub(super) struct Reals;

#[cfg(target_feature = "relaxed-simd")]
impl Words for Bytes {
    type Activation = u8;
    type Element = u8;
    const COUNT: usize = 16;

    #[inline]
    unsafe fn load(values: *const u8) -> v128 {
        // SAFETY: the caller says that there are 16 bytes.
        unsafe { v128_load(values.cast()) }
    }
}

impl<const OFFSET: i16> Words for Centred<OFFSET> {
    type Activation = u8;
    type Element = i16;
    const COUNT: usize = 8;

    #[inline]
    unsafe fn load(values: *const u8) -> v128 {
        // SAFETY: the caller says that there are 8 bytes.
        let widened = unsafe { i16x8_load_extend_u8x8(values) };
        i16x8_sub(widened, i16x8_splat(OFFSET))
    }
}

impl<const CENTRE: i16> Words for Wide<CENTRE> {
    type Activation = Self;
    type Element = i16;
    const COUNT: usize = 8;

    #[inline]
    unsafe fn load(values: *const Self) -> v128 {
        // SAFETY: the caller says that there are 16 bytes.
        unsafe { v128_load(values.cast()) }
    }
}

impl Words for Reals {
    type Activation = f32;
    type Element = f32;
    const COUNT: usize = 4;

    #[inline]
    unsafe fn load(values: *const f32) -> v128 {
        // SAFETY: the caller says that there are 16 bytes.
        unsafe { v128_load(values.cast()) }
    }
}

/// Packs four rows of one length; `false` where they are shorter than a vector. The last vector overlaps the one before it.
///
/// # Panics
/// If the rows are not of one length, or the panel is too short for them.
#[inline]
pub(super) fn pack<'a, W: Words<Activation: 'a>>(
    rows: impl Fn(usize) -> &'a [W::Activation],
    panel: &mut [W::Element],
) -> bool {
    each_vector(rows, panel, W::COUNT, |rows, to| {
        // SAFETY: `each_vector` gives rows of `COUNT` values.
        let [a, b, c, d] = rows.map(|row| unsafe { W::load(row) });
        let ((low, high), (low2, high2)) = (zip(a, b), zip(c, d));
        let vectors = [
            i64x2_shuffle::<0, 2>(low, low2),
            i64x2_shuffle::<1, 3>(low, low2),
            i64x2_shuffle::<0, 2>(high, high2),
            i64x2_shuffle::<1, 3>(high, high2),
        ];
        // SAFETY: and room for `COUNT` elements of each row: a vector.
        unsafe { put(to.cast(), vectors) }
    })
}

/// Calls `pack` with where `count` values of each row stand and where they go, until all are packed. Pointers, because engines do not take checks out of
/// loops.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the constants of `pack` must stay in registers")]
fn each_vector<'a, A: 'a, E>(
    rows: impl Fn(usize) -> &'a [A],
    panel: &mut [E],
    count: usize,
    mut pack: impl FnMut([*const A; ROWS], *mut E),
) -> bool {
    let rows: [&[A]; ROWS] = std::array::from_fn(rows);
    let len = rows[0].len();
    if len < count {
        return false;
    }
    assert!(rows.iter().all(|row| row.len() == len), "rows of one length");
    assert!(panel.len() >= len * ROWS, "room for all rows");
    let (mut from, mut to) = (rows.map(<[A]>::as_ptr), panel.as_mut_ptr());
    let mut left = len;
    loop {
        pack(from, to);
        left -= count.min(left);
        if left == 0 {
            return true;
        }
        // The last vector begins earlier, so that it ends with the rows.
        let step = left.min(count);
        left = left.max(count);
        // SAFETY: after `step` values there are `count` more, and as much room for each row.
        unsafe {
            from = from.map(|row| row.add(step));
            to = to.add(step * ROWS);
        }
    }
}

/// Stores vectors side by side.
///
/// # Safety
/// There is room at `to`.
#[inline]
unsafe fn put<const COUNT: usize>(to: *mut v128, vectors: [v128; COUNT]) {
    for (index, vector) in vectors.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { v128_store(to.add(index), vector) }
    }
}

/// The words of two vectors in turn.
#[inline]
fn zip(a: v128, b: v128) -> (v128, v128) {
    (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b))
}

/// Packs four rows one depth after the other, four 16-bit elements each, less `OFFSET`; `false` where they are shorter than a vector.
///
/// # Panics
/// As [`pack`].
#[inline]
pub(super) fn pack_halves<'a, const OFFSET: i16>(
    rows: impl Fn(usize) -> &'a [u8],
    panel: &mut [i16],
) -> bool {
    each_vector(rows, panel, 8, |rows, to| {
        // SAFETY: `each_vector` gives rows of 8 values.
        let [a, b, c, d] = rows.map(|row| unsafe { Centred::<OFFSET>::load(row) });
        let halves = |a, b| {
            let low = i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b);
            (low, i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b))
        };
        let ((ab, ab2), (cd, cd2)) = (halves(a, b), halves(c, d));
        let ((first, second), (third, fourth)) = (zip(ab, cd), zip(ab2, cd2));
        // SAFETY: and room for 8 elements of each row: four vectors.
        unsafe { put(to.cast(), [first, second, third, fourth]) }
    })
}
