//! Compares pairs of outputs with the naive product: before a kernel is used, in tests, and in benches.

use super::winograd::{CHUNK, Planes, PointWeights, Strides, Taps, multiply_at_points};
use super::{Kernel, LeftPanel, oracle};
use crate::quant::Code;

/// Windows and filters of three taps, and the outputs by the naive product.
struct Case {
    /// Inputs of the windows, four each.
    codes: Vec<u8>,
    taps: Taps,
    /// Two outputs of each window, and each column.
    outputs: Vec<i32>,
}

impl Case {
    fn new([count, columns, depth]: [usize; 3], codes: &[u8], weights: &[i8]) -> Self {
        let mut codes = codes[..count * 4 * depth].to_vec();
        let weights = &weights[..columns * 3 * depth];
        // The windows of both outputs: three of four inputs each.
        let mut rows = Vec::with_capacity(count * 6 * depth);
        for window in codes.chunks_exact(4 * depth) {
            rows.extend_from_slice(&window[..3 * depth]);
            rows.extend_from_slice(&window[depth..]);
        }
        let outputs = oracle::multiply(&rows, weights, 2 * count, columns, 3 * depth);
        codes.resize(codes.len() + CHUNK, 0);
        let windows = [count, 4 * depth];
        let taps = Taps { first: 0, tap: depth, windows, stretches: [1, 0], len: depth };
        Self { codes, taps, outputs }
    }

    /// Whether these are twice the outputs, in rows `stride` apart.
    fn are_twice(&self, sums: &[i32], columns: usize, stride: usize) -> bool {
        let rows = sums.chunks_exact(stride).map(|row| &row[..columns]);
        self.outputs
            .chunks_exact(columns)
            .zip(rows)
            .all(|(row, sums)| row.iter().zip(sums).all(|(output, &sum)| 2 * output == sum))
    }
}

/// Compares two outputs of each of `count` windows with the naive product, for filters of three
/// taps and `depth` weights each. `codes`, `[window][input][depth]`, are below 16; `weights` are
/// `[column][tap][depth]`; both may be longer. `None` if the kernel does not take these weights, or
/// no weights at all.
pub(super) fn pairs_equal<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
    kernel: K,
    [count, columns, depth]: [usize; 3],
    codes: &[u8],
    weights: &[i8],
) -> Option<bool> {
    K::POINTS?;
    let taps =
        |column: usize, k: usize| [0, 1, 2].map(|tap| weights[(3 * column + tap) * depth + k]);
    let right = PointWeights::<K>::new(&taps, columns, depth)?;
    let case = Case::new([count, columns, depth], codes, weights);
    let mut buffer = K::Activation::all(&vec![0; Planes::<K::Activation>::room(count * depth)]);
    let mut planes = Planes::of(&mut buffer, count * depth);
    planes.transform(&K::Activation::all(&case.codes), &case.taps);
    let stride = right.stride();
    let mut sums = vec![0; count.next_multiple_of(K::MR / 2) * 2 * stride];
    let mut panels = [LeftPanel::new(depth), LeftPanel::new(depth)];
    let strides = Strides { window: 2 * stride, output: stride };
    multiply_at_points(kernel, &planes, [count, depth], &mut panels, &right, &mut sums, strides);
    Some(case.are_twice(&sums, columns, stride))
}
