//! Packing with SSE2, which every x86-64 has: six rows of 32-bit words (4 codes, 2 wide codes, or
//! 1 float) are transposed into a panel.

use std::arch::x86_64::*;

use crate::quant::Wide;

/// Rows of a panel.
const MR: usize = 6;

/// Activations that can be packed as words of 32 bits.
pub(super) trait Packable: Copy {
    /// The panel's element for an activation; `COUNT` of them have 16 bytes.
    type Element;
    /// Activations in four words.
    const COUNT: usize;

    /// Loads `COUNT` values as elements.
    ///
    /// # Safety
    /// `COUNT` values can be read at `values`.
    unsafe fn load(values: *const Self) -> __m128i;
}

impl Packable for u8 {
    type Element = Self;
    const COUNT: usize = 16;

    #[inline]
    unsafe fn load(values: *const Self) -> __m128i {
        // SAFETY: by the contract `COUNT` values can be read, which are 16 bytes.
        unsafe { _mm_loadu_si128(values.cast()) }
    }
}

impl Packable for Wide<0> {
    type Element = Self;
    const COUNT: usize = 8;

    #[inline]
    unsafe fn load(values: *const Self) -> __m128i {
        // SAFETY: by the contract `COUNT` values can be read, which are 16 bytes.
        unsafe { _mm_loadu_si128(values.cast()) }
    }
}

impl Packable for f32 {
    type Element = Self;
    const COUNT: usize = 4;

    #[inline]
    unsafe fn load(values: *const Self) -> __m128i {
        // SAFETY: by the contract `COUNT` values can be read, which are 16 bytes.
        unsafe { _mm_loadu_si128(values.cast()) }
    }
}

/// Packs six rows of equal length; returns `false`, and packs nothing, if they are shorter than a
/// vector. The last vector may overlap the one before it.
///
/// # Panics
/// If the rows differ in length, or the panel is too short for them.
#[inline]
pub(super) fn pack<'a, A: Packable + 'a>(
    rows: impl Fn(usize) -> &'a [A],
    panel: &mut [A::Element],
) -> bool {
    let rows: [&[A]; MR] = std::array::from_fn(rows);
    let len = rows[0].len();
    if len < A::COUNT {
        return false;
    }
    assert!(rows.iter().all(|row| row.len() == len), "rows of equal length");
    assert!(panel.len() / MR >= len, "room for six rows");
    let (from, to) = (rows.map(<[A]>::as_ptr), panel.as_mut_ptr());
    let four = |at: usize| {
        // SAFETY: x86-64 includes SSE2. `at + COUNT <= len`, so each row holds `COUNT` values from
        // `at` on, and the panel, of at least `len * MR` elements, `COUNT * MR` elements from
        // `at * MR` on, which are `16 * MR` bytes.
        unsafe { pack_four_words(from.map(|row| row.add(at)), to.add(at * MR).cast()) }
    };
    (0..len / A::COUNT).for_each(|vector| four(vector * A::COUNT));
    if !len.is_multiple_of(A::COUNT) {
        four(len - A::COUNT);
    }
    true
}

/// Writes the transpose of four words of each row.
///
/// # Safety
/// `COUNT` values can be read at each of `rows`, and `16 * MR` bytes written at `to`.
#[inline]
#[target_feature(enable = "sse2")]
unsafe fn pack_four_words<A: Packable>(rows: [*const A; MR], mut to: *mut u8) {
    // SAFETY: by the contract `COUNT` values can be read at each of `rows`.
    let [a, b, c, d, e, f] = rows.map(|row| unsafe { A::load(row) });
    let (ab, cd, ef) =
        (_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d), _mm_unpacklo_epi32(e, f));
    let (ab_high, cd_high, ef_high) =
        (_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d), _mm_unpackhi_epi32(e, f));
    let words = [
        (_mm_unpacklo_epi64(ab, cd), ef),
        (_mm_unpackhi_epi64(ab, cd), _mm_unpackhi_epi64(ef, ef)),
        (_mm_unpacklo_epi64(ab_high, cd_high), ef_high),
        (_mm_unpackhi_epi64(ab_high, cd_high), _mm_unpackhi_epi64(ef_high, ef_high)),
    ];
    for (four, two) in words {
        // SAFETY: `16 * MR` bytes can be written, and each of the four passes writes `4 * MR`.
        unsafe {
            _mm_storeu_si128(to.cast(), four);
            _mm_storel_epi64(to.add(16).cast(), two);
            to = to.add(MR * 4);
        }
    }
}
