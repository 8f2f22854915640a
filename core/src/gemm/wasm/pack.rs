//! Packing with simd128: four rows of 32-bit words (4 codes, 2 codes of 16 bits, or 1 float) are
//! transposed into a panel.

use std::arch::wasm32::*;

use crate::quant::Wide;

/// Rows of a panel.
const ROWS: usize = 4;

/// How activations are packed as words of 32 bits.
pub(super) trait Packable {
    /// An activation in a map.
    type Activation;
    /// Its element in a panel; `COUNT` of them have 16 bytes.
    type Element;
    /// Activations in four words.
    const COUNT: usize;

    /// Loads `COUNT` values as elements.
    ///
    /// # Safety
    /// `COUNT` values can be read at `values`.
    unsafe fn load(values: *const Self::Activation) -> v128;
}

/// Codes that stay bytes.
#[cfg(target_feature = "relaxed-simd")]
pub(super) struct Bytes;
/// Codes that are widened to 16 bits and centred by `CENTRE`.
pub(super) struct Centred<const CENTRE: i16>;
/// Single precision.
pub(super) struct Reals;

#[cfg(target_feature = "relaxed-simd")]
impl Packable for Bytes {
    type Activation = u8;
    type Element = u8;
    const COUNT: usize = 16;

    #[inline]
    unsafe fn load(values: *const u8) -> v128 {
        // SAFETY: by the contract `COUNT` values can be read, which are 16 bytes.
        unsafe { v128_load(values.cast()) }
    }
}

impl<const CENTRE: i16> Packable for Centred<CENTRE> {
    type Activation = u8;
    type Element = i16;
    const COUNT: usize = 8;

    #[inline]
    unsafe fn load(values: *const u8) -> v128 {
        // SAFETY: by the contract `COUNT` values can be read, which are 8 bytes.
        let widened = unsafe { i16x8_load_extend_u8x8(values) };
        i16x8_sub(widened, i16x8_splat(CENTRE))
    }
}

impl<const CENTRE: i16> Packable for Wide<CENTRE> {
    type Activation = Self;
    type Element = i16;
    const COUNT: usize = 8;

    #[inline]
    unsafe fn load(values: *const Self) -> v128 {
        // SAFETY: by the contract `COUNT` values can be read, which are 16 bytes.
        unsafe { v128_load(values.cast()) }
    }
}

impl Packable for Reals {
    type Activation = f32;
    type Element = f32;
    const COUNT: usize = 4;

    #[inline]
    unsafe fn load(values: *const f32) -> v128 {
        // SAFETY: by the contract `COUNT` values can be read, which are 16 bytes.
        unsafe { v128_load(values.cast()) }
    }
}

/// Packs four rows of equal length; returns `false`, and packs nothing, if they are shorter than a
/// vector. The last vector may overlap the one before it.
///
/// # Panics
/// If the rows differ in length, or the panel is too short for them.
#[inline]
pub(super) fn pack<'a, W: Packable<Activation: 'a>>(
    rows: impl Fn(usize) -> &'a [W::Activation],
    panel: &mut [W::Element],
) -> bool {
    each_vector(rows, panel, W::COUNT, |rows, to| {
        // SAFETY: `each_vector` passes pointers at which `COUNT` values can be read.
        let [a, b, c, d] = rows.map(|row| unsafe { W::load(row) });
        let ((low, high), (low2, high2)) = (zip(a, b), zip(c, d));
        let vectors = [
            i64x2_shuffle::<0, 2>(low, low2),
            i64x2_shuffle::<1, 3>(low, low2),
            i64x2_shuffle::<0, 2>(high, high2),
            i64x2_shuffle::<1, 3>(high, high2),
        ];
        // SAFETY: `each_vector` passes a pointer at which `COUNT` elements of each row can be
        // written.
        unsafe { put(to.cast(), vectors) }
    })
}

/// Calls `pack` until all values are packed, with pointers to `count` values of each row and to
/// `count * ROWS` elements of the panel. Pointers, because engines do not hoist bounds checks out
/// of loops.
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
    assert!(rows.iter().all(|row| row.len() == len), "rows of equal length");
    assert!(panel.len() >= len * ROWS, "room for all rows");
    let (mut from, mut to) = (rows.map(<[A]>::as_ptr), panel.as_mut_ptr());
    let mut left = len;
    loop {
        pack(from, to);
        left -= count.min(left);
        if left == 0 {
            return true;
        }
        // The last vector begins earlier, so that it ends where the rows end.
        let step = left.min(count);
        left = left.max(count);
        // SAFETY: `left >= count`: behind the `step` values skipped, each row holds `count` more,
        // and the panel, of at least `len * ROWS` elements, the elements for them.
        unsafe {
            from = from.map(|row| row.add(step));
            to = to.add(step * ROWS);
        }
    }
}

/// Stores vectors side by side.
///
/// # Safety
/// `COUNT` vectors of 16 bytes can be written at `to`; it need not be aligned.
#[inline]
unsafe fn put<const COUNT: usize>(to: *mut v128, vectors: [v128; COUNT]) {
    for (index, vector) in vectors.into_iter().enumerate() {
        // SAFETY: `index < COUNT`, and `COUNT` vectors can be written at `to`.
        unsafe { v128_store(to.add(index), vector) }
    }
}

/// The words of two vectors, alternating.
#[inline]
fn zip(a: v128, b: v128) -> (v128, v128) {
    (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b))
}

/// Packs four rows of equal length depth by depth: four elements of 16 bits, centred by `CENTRE`.
/// Returns `false`, and packs nothing, if the rows are shorter than a vector.
///
/// # Panics
/// As [`pack`].
#[inline]
pub(super) fn pack_halves<'a, const CENTRE: i16>(
    rows: impl Fn(usize) -> &'a [u8],
    panel: &mut [i16],
) -> bool {
    each_vector(rows, panel, 8, |rows, to| {
        // SAFETY: `each_vector` passes pointers at which 8 values can be read.
        let [a, b, c, d] = rows.map(|row| unsafe { Centred::<CENTRE>::load(row) });
        let halves = |a, b| {
            let low = i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b);
            (low, i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b))
        };
        let ((ab, ab2), (cd, cd2)) = (halves(a, b), halves(c, d));
        let ((first, second), (third, fourth)) = (zip(ab, cd), zip(ab2, cd2));
        // SAFETY: `each_vector` passes a pointer at which 8 elements of each row can be written.
        unsafe { put(to.cast(), [first, second, third, fourth]) }
    })
}
