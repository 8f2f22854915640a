//! Pairs of outputs as products of their own: compared with the naive product before a kernel is
//! used, in tests and in benches, and raced.

use super::winograd::{CHUNK, Planes, PointWeights, Strides, Taps, multiply_at_points};
use super::{Kernel, LeftPanel, oracle};
use crate::quant::Code;

/// Two outputs of each of a number of windows, ready to be computed by a kernel.
pub(super) struct PairsProduct<K: Kernel> {
    kernel: K,
    weights: PointWeights<K>,
    /// Windows, and activations of a window at one point.
    windows: [usize; 2],
    /// The map that the windows lie in.
    map: Vec<K::Activation>,
    taps: Taps,
    /// What the product writes to: transformed activations, packed ones, and sums.
    planes: Vec<K::Activation>,
    panels: [LeftPanel<K>; 2],
    sums: Vec<i32>,
}

impl<K: Kernel<Activation: Code, Weight = i8, Sum = i32>> PairsProduct<K> {
    /// Outputs of `count` windows and `columns` filters of three taps and `depth` weights each.
    /// `codes`, `[window][input][depth]`, are below 16; `weights` are `[column][tap][depth]`; both
    /// may be longer. `None` if the kernel does not take these weights, or no weights at all.
    pub(super) fn new(
        kernel: K,
        [count, columns, depth]: [usize; 3],
        codes: &[u8],
        weights: &[i8],
    ) -> Option<Self> {
        let taps =
            |column: usize, k: usize| [0, 1, 2].map(|tap| weights[(3 * column + tap) * depth + k]);
        let weights = PointWeights::<K>::new(&taps, columns, depth)?;
        let mut map = K::Activation::all(&codes[..count * 4 * depth]);
        map.resize(map.len() + CHUNK, K::Activation::of(0));
        let sums = vec![0; count.next_multiple_of(K::MR / 2) * 2 * weights.stride()];
        Some(Self {
            kernel,
            weights,
            windows: [count, depth],
            map,
            taps: Taps {
                first: 0,
                tap: depth,
                windows: [count, 4 * depth],
                stretches: [1, 0],
                len: depth,
            },
            planes: K::Activation::all(&vec![0; Planes::<K::Activation>::room(count * depth)]),
            panels: [LeftPanel::new(depth), LeftPanel::new(depth)],
            sums,
        })
    }

    /// Computes twice the outputs: rows of [`PointWeights::stride`] sums, both of a window in turn.
    pub(super) fn run(&mut self) -> &[i32] {
        let Self { kernel, weights, windows, map, taps, planes, panels, sums } = self;
        let mut planes = Planes::of(planes, windows[0] * windows[1]);
        kernel.vectorised(
            #[inline(always)]
            || planes.transform(map, taps),
        );
        let stride = weights.stride();
        let strides = Strides { window: 2 * stride, output: stride };
        multiply_at_points(*kernel, &planes, *windows, panels, weights, sums, strides);
        sums
    }
}

/// Compares a [`PairsProduct`] with the naive product; `None` if there is none.
pub(super) fn pairs_equal<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
    kernel: K,
    shape: [usize; 3],
    codes: &[u8],
    weights: &[i8],
) -> Option<bool> {
    let mut product = PairsProduct::new(kernel, shape, codes, weights)?;
    let stride = product.weights.stride();
    let [_, columns, depth] = shape;
    let sums = product.run().chunks_exact(stride).map(|row| &row[..columns]);
    // The windows of both outputs: three of four inputs each.
    let rows: Vec<u8> = codes[..shape[0] * 4 * depth]
        .chunks_exact(4 * depth)
        .flat_map(|window| [&window[..3 * depth], &window[depth..]].concat())
        .collect();
    let weights = &weights[..columns * 3 * depth];
    let outputs = oracle::multiply(&rows, weights, 2 * shape[0], columns, 3 * depth);
    let equal = |(row, sums): (&[i32], &[i32])| {
        row.iter().zip(sums).all(|(output, &sum)| 2 * output == sum)
    };
    Some(outputs.chunks_exact(columns).zip(sums).all(equal))
}
