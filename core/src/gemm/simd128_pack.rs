//! Packing with simd128: panels of two or four rows of 32-bit words (4 codes, 2 widened codes, or 1 real), transposed in registers.

use std::arch::wasm32::*;

/// How activations become four words of 32 bits.
pub(super) trait Words {
    /// What is packed.
    type Activation;
    /// What it becomes.
    type Element;
    /// Activations in four words.
    const COUNT: usize;

    /// The first `COUNT` of `values` as 16 bytes of elements.
    fn load(values: &[Self::Activation]) -> v128;
}

/// Codes that stay bytes.
#[cfg(target_feature = "relaxed-simd")]
pub(super) struct Bytes;
/// Codes widened to 16 bits.
pub(super) struct Widened;
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
    fn load(values: &[u8]) -> v128 {
        let values = &values[..Self::COUNT];
        // SAFETY: there are 16 bytes.
        unsafe { v128_load(values.as_ptr().cast()) }
    }
}

impl Words for Widened {
    type Activation = u8;
    type Element = i16;
    const COUNT: usize = 8;

    #[inline]
    fn load(values: &[u8]) -> v128 {
        let values = &values[..Self::COUNT];
        // SAFETY: there are 8 bytes.
        unsafe { i16x8_load_extend_u8x8(values.as_ptr()) }
    }
}

impl<const OFFSET: i16> Words for Centred<OFFSET> {
    type Activation = u8;
    type Element = i16;
    const COUNT: usize = 8;

    #[inline]
    fn load(values: &[u8]) -> v128 {
        i16x8_sub(Widened::load(values), i16x8_splat(OFFSET))
    }
}

impl Words for Reals {
    type Activation = f32;
    type Element = f32;
    const COUNT: usize = 4;

    #[inline]
    fn load(values: &[f32]) -> v128 {
        let values = &values[..Self::COUNT];
        // SAFETY: there are 16 bytes.
        unsafe { v128_load(values.as_ptr().cast()) }
    }
}

/// Packs the beginnings of `MR` rows and says how many activations of each it took.
///
/// # Panics
/// If the rows are not of one length, or the panel is too short for them.
#[inline]
pub(super) fn pack<'a, W: Words<Activation: 'a>, const MR: usize>(
    rows: impl Fn(usize) -> &'a [W::Activation],
    panel: &mut [W::Element],
) -> usize {
    const { assert!(MR == 2 || MR == 4, "panels of two or four rows") };
    let rows: [&[W::Activation]; MR] = std::array::from_fn(rows);
    let taken = rows[0].len() / W::COUNT * W::COUNT;
    assert!(rows.iter().all(|row| row.len() >= taken), "rows of one length");
    assert!(panel.len() >= taken * MR, "room for all rows");
    let mut to = panel.as_mut_ptr().cast::<v128>();
    for at in (0..taken).step_by(W::COUNT) {
        let words = rows.map(|row| W::load(&row[at..]));
        let mut put = |vector| {
            // SAFETY: the panel was found to hold `taken * MR` elements, and `COUNT` of them are one vector.
            unsafe {
                v128_store(to, vector);
                to = to.add(1);
            }
        };
        let (low, high) = zip(words[0], words[1]);
        if MR == 2 {
            put(low);
            put(high);
        } else {
            let (low2, high2) = zip(words[MR - 2], words[MR - 1]);
            put(i64x2_shuffle::<0, 2>(low, low2));
            put(i64x2_shuffle::<1, 3>(low, low2));
            put(i64x2_shuffle::<0, 2>(high, high2));
            put(i64x2_shuffle::<1, 3>(high, high2));
        }
    }
    taken
}

/// The words of two vectors in turn.
#[inline]
fn zip(a: v128, b: v128) -> (v128, v128) {
    (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b))
}

/// Packs the beginnings of four rows one depth after the other, four 16-bit elements each, less `OFFSET`; says how many of each it took.
///
/// # Panics
/// As [`pack`].
#[inline]
pub(super) fn pack_halves<'a, const OFFSET: i16>(
    rows: impl Fn(usize) -> &'a [u8],
    panel: &mut [i16],
) -> usize {
    let rows: [&[u8]; 4] = std::array::from_fn(rows);
    let taken = rows[0].len() / 8 * 8;
    assert!(rows.iter().all(|row| row.len() >= taken), "rows of one length");
    for (at, panel) in (0..taken).step_by(8).zip(panel[..taken * 4].as_chunks_mut::<32>().0) {
        let [a, b, c, d] = rows.map(|row| Centred::<OFFSET>::load(&row[at..]));
        let halves = |a, b| {
            let low = i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b);
            (low, i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b))
        };
        let ((ab, ab2), (cd, cd2)) = (halves(a, b), halves(c, d));
        let ((first, second), (third, fourth)) = (zip(ab, cd), zip(ab2, cd2));
        for (vector, to) in [first, second, third, fourth].into_iter().zip(panel.as_chunks_mut::<8>().0) {
            // SAFETY: `to` is 8 elements of 16 bits, one vector.
            unsafe { v128_store(to.as_mut_ptr().cast(), vector) }
        }
    }
    taken
}
