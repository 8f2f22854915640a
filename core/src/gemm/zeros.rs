//! 4-bit codes with zero points on both sides, as in the paper: `sum (a - za)(w - zw)` of unsigned
//! codes.
//!
//! With weights stored as `w - 8`, any kernel that takes weights of -8 can compute it:
//! `sum a (w - 8) + (8 - zw) sum a - za sum (w - zw)`. The last term depends on the column alone
//! and is added to the bias; the middle one depends on the row alone.

use super::{Kernel, Packed};
use crate::quant::Code;

/// Constant subtracted from stored weights.
const CENTRE: i32 = 8;

/// The codes that stand for zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ZeroPoints {
    /// Of activations, 0..=15.
    pub(crate) activations: u8,
    /// Of weights, 0..=15.
    pub(crate) weights: u8,
}

/// Packed weights with zero points.
#[derive(Debug, Clone)]
pub(crate) struct Zeroed<K: Kernel> {
    packed: Packed<K>,
    columns: Vec<i32>,
    row_factor: i32,
}

impl<K: Kernel<Activation: Code, Weight = i8, Sum = i32>> Zeroed<K> {
    /// Packs `weights`, `[columns][depth]` codes of 0..=15.
    ///
    /// # Panics
    /// If `weights` does not have `columns * depth` elements, or the kernel takes no weight of -8.
    #[must_use]
    pub(crate) fn new(weights: &[u8], columns: usize, depth: usize, zeros: ZeroPoints) -> Self {
        assert!(i32::from(K::MIN_WEIGHT) <= -CENTRE, "{} takes no weight of -8", K::NAME);
        let centred: Vec<i8> = weights.iter().map(|&weight| weight.cast_signed() - 8).collect();
        let packed = Packed::new(&centred, columns, depth);
        let (za, zw) = (i32::from(zeros.activations), i32::from(zeros.weights));
        let mut terms: Vec<i32> = weights
            .chunks_exact(depth.max(1))
            .map(|column| -za * column.iter().map(|&weight| i32::from(weight) - zw).sum::<i32>())
            .collect();
        terms.iter_mut().zip(packed.offsets()).for_each(|(term, offset)| *term += offset);
        Self { packed, columns: terms, row_factor: CENTRE - zw }
    }

    /// The packed weights; sums of products with them lack the terms of row and column.
    #[must_use]
    pub(crate) fn packed(&self) -> &Packed<K> {
        &self.packed
    }

    /// The term to be added to the sums of each column, offsets included.
    #[must_use]
    pub(crate) fn column_terms(&self) -> &[i32] {
        &self.columns
    }

    /// The term to be added to all sums of a row of activations.
    #[inline]
    #[must_use]
    pub(crate) fn row_term(&self, activations: &[K::Activation]) -> i32 {
        if self.row_factor == 0 {
            return 0;
        }
        // 16 bits hold the sum of 4096 codes, and give the compiler twice the lanes of 32.
        let sum = |codes: &[K::Activation]| {
            codes.iter().fold(0u16, |sum, &code| sum.wrapping_add(u16::from(code.code())))
        };
        let total: i32 = activations.chunks(4096).map(|codes| i32::from(sum(codes))).sum();
        self.row_factor * total
    }
}
