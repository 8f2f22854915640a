//! Convolutions of three taps by F(2,3), the algorithm of Winograd for two neighbouring outputs:
//! four products in place of six, in exact integers.
//!
//! With inputs `d0..d3` and taps `g0, g1, g2`, the outputs `y0 = g0 d0 + g1 d1 + g2 d2` and `y1 =
//! g0 d1 + g1 d2 + g2 d3` are sums of products at four *points*:
//!
//! ```text
//! point  activations     weights           2 y0  2 y1
//!   0    d0 - d2 + 15    2 g0                +
//!   1    d1 + d2         g0 + g1 + g2        +     +
//!   2    d2 - d1 + 15    g0 - g1 + g2        +     -
//!   3    d1 - d3 + 15    -2 g2                     +
//! ```
//!
//! The outputs are these sums minus what the offset of 15 adds, which is constant for a filter.
//! Activations of 4 bits become 0..=30 and weights within -7..=7 become -21..=21, so both still fit
//! the bytes that dot products read; activations and weights of 8 bits would not.
//!
//! # Why it is exact
//! The sum of two products is at most `2 * 30 * 21 = 1260`, which no instruction saturates. Sums
//! wrap around, so only the results must fit: where accumulators have 16 bits, twice a lane's share
//! of an output, `2 * 15 * sum |g|` at most ([`PointWeights::new`] checks it for the weights it
//! gets). The sums are twice the outputs. Requantisation halves its scales in return, which changes
//! no bit.

use super::{Kernel, LeftPanel, Windows};
use crate::quant::Code;

/// Points at which a tile multiplies: first those that both outputs need, then one of each.
const PHASES: [[usize; 2]; 2] = [[1, 2], [0, 3]];
/// Points.
const POINTS: usize = 4;
/// Added to differences of activations, so that they are not negative: the largest code.
const OFFSET: u8 = 15;
/// The largest weight, and the negative of the smallest one, that can be transformed.
const MAX_WEIGHT: i8 = 7;
/// Activations are transformed in chunks of this length, which the compiler knows; the last chunk
/// may reach beyond what is asked for.
pub(crate) const CHUNK: usize = 16;
/// Maximum rows of a tile.
const MAX_ROWS: usize = 8;

/// How the accumulators of a kernel hold the sum of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lanes {
    /// One sum of 32 bits.
    Whole,
    /// Two sums of 16 bits: of the first two depths of each group of four, and of the other two.
    Halves,
}

/// The weights of a convolution at all points, packed for a kernel.
#[derive(Debug, Clone)]
pub(crate) struct PointWeights<K: Kernel> {
    columns: usize,
    depth: usize,
    /// `[panel][phase][depth / GROUP][point of the phase][columns of the panel][GROUP]`.
    elements: Vec<K::Right>,
    /// `[panel][output][columns of the panel]`: what is added to accumulators because activations
    /// are offset, as many 16-bit halves as [`Lanes`] says.
    corrections: Vec<i32>,
}

/// A panel of [`PointWeights`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointPanel<'a, K: Kernel> {
    /// Its columns, including those that only fill it up.
    pub(crate) columns: usize,
    /// For each phase, `[depth / GROUP][point of the phase][columns][GROUP]` weights.
    pub(crate) phases: [&'a [K::Right]; 2],
    /// `[output][columns]`: what is added to the accumulators of both outputs after phase 0.
    pub(crate) corrections: &'a [i32],
}

/// Rows of a tile at the points of both phases: `MR / 2` windows at one point, then the same
/// windows at the other.
#[derive(Debug)]
pub(crate) struct PointRows<'a, K: Kernel> {
    /// Where they lie, for kernels that read maps.
    pub(crate) windows: [Windows<'a, K::Activation>; 2],
    /// Packed, for kernels that do not.
    pub(crate) panels: [&'a [K::Left]; 2],
}

/// Weights at all points, in the order of points. Their largest magnitude is 21.
fn weights_at_points([a, b, c]: [i8; 3]) -> [i8; POINTS] {
    [2 * a, a + b + c, a - b + c, -2 * c]
}

/// The layout of a kernel's weights.
#[derive(Clone, Copy)]
struct Layout {
    lanes: Lanes,
    group: usize,
    /// Columns of the narrowest tile, and of the widest one.
    columns: [usize; 2],
}

/// Weights and corrections as [`PointWeights`] holds them. `taps(column, k)` are those of a column
/// at depth `k`. `None` as [`PointWeights::new`] says. Not generic, so that pages load it once.
#[inline(never)]
fn pack(
    taps: &dyn Fn(usize, usize) -> [i8; 3],
    [columns, depth]: [usize; 2],
    layout: Layout,
) -> Option<(Vec<i8>, Vec<i32>)> {
    let Layout { lanes, group, columns: [step, widest] } = layout;
    if !depth.is_multiple_of(group) {
        return None;
    }
    let stride = columns.next_multiple_of(step);
    // Of a column and a depth, side by side; zero for columns that fill a panel up.
    let mut at_points = vec![[0; POINTS]; stride * depth];
    let mut corrections = vec![[0; 2]; stride];
    for column in 0..columns {
        let (mut bounds, mut excess) = ([0; 2], [[0; 2]; 2]);
        for k in 0..depth {
            let (taps, half) = (taps(column, k), k % 4 / 2);
            if taps.iter().any(|tap| !(-MAX_WEIGHT..=MAX_WEIGHT).contains(tap)) {
                return None;
            }
            let at = weights_at_points(taps);
            at_points[column * depth + k] = at;
            let [p0, _, p2, p3] = at.map(i32::from);
            excess[0][half] += p0 + p2;
            excess[1][half] += p3 - p2;
            bounds[half] += taps.into_iter().map(|tap| i32::from(tap).abs()).sum::<i32>();
        }
        let largest = i32::from(i16::MAX) / (2 * i32::from(OFFSET));
        if lanes == Lanes::Halves && bounds.into_iter().any(|bound| bound > largest) {
            return None;
        }
        corrections[column] = excess.map(|halves| {
            let [low, high] = halves.map(|half| -i32::from(OFFSET) * half);
            match lanes {
                Lanes::Whole => low + high,
                Lanes::Halves => (low & 0xffff) | (high << 16),
            }
        });
    }
    let mut elements = Vec::with_capacity(POINTS * stride * depth);
    let mut of_panels = Vec::with_capacity(2 * stride);
    for first in (0..stride).step_by(widest) {
        let panel = first..stride.min(first + widest);
        for points in PHASES {
            for group_first in (0..depth).step_by(group) {
                for point in points {
                    for column in panel.clone() {
                        let from = column * depth + group_first;
                        for at in &at_points[from..from + group] {
                            elements.push(at[point]);
                        }
                    }
                }
            }
        }
        for output in 0..2 {
            for outputs in &corrections[panel.clone()] {
                of_panels.push(outputs[output]);
            }
        }
    }
    Some((elements, of_panels))
}

impl<K: Kernel<Weight = i8, Sum = i32>> PointWeights<K> {
    /// Packs `taps(column, k)`, the three taps of a column at depth `k`.
    ///
    /// `None` if the kernel cannot multiply at points, if the depth is not made of whole groups, if
    /// a weight is not within -7..=7, or if the accumulators cannot hold every sum.
    pub(crate) fn new(
        taps: &dyn Fn(usize, usize) -> [i8; 3],
        columns: usize,
        depth: usize,
    ) -> Option<Self> {
        let layout = Layout { lanes: K::POINTS?, group: K::GROUP, columns: [K::STEP, K::NR] };
        if depth > K::MAX_DEPTH {
            return None;
        }
        let (elements, corrections) = pack(taps, [columns, depth], layout)?;
        let elements = elements.into_iter().map(|weight| K::right(&[weight])).collect();
        Some(Self { columns, depth, elements, corrections })
    }

    /// Activations of a window at one point.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Columns rounded up to whole tiles.
    pub(super) fn stride(&self) -> usize {
        self.columns.div_ceil(K::STEP) * K::STEP
    }

    /// All panels with their first columns.
    fn panels(&self) -> impl Iterator<Item = (usize, PointPanel<'_, K>)> {
        (0..self.stride()).step_by(K::NR).map(|first| {
            let columns = K::NR.min(self.stride() - first);
            let phase = 2 * columns * self.depth;
            let elements = &self.elements[POINTS * first * self.depth..][..2 * phase];
            let (shared, own) = elements.split_at(phase);
            let corrections = &self.corrections[2 * first..][..2 * columns];
            (first, PointPanel { columns, phases: [shared, own], corrections })
        })
    }
}

/// Where the inputs of transformed activations lie in a map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taps {
    /// Index of input `d0` of the first stretch.
    pub(crate) first: usize,
    /// Distance between neighbouring inputs of a window, `d0` and `d1`.
    pub(crate) tap: usize,
    /// Windows, and the distance between their beginnings.
    pub(crate) windows: [usize; 2],
    /// Stretches of a window, and the distance between their beginnings.
    pub(crate) stretches: [usize; 2],
    /// Activations of a stretch.
    pub(crate) len: usize,
}

/// Transformed activations: a plane for each point, in each of which windows lie side by side.
#[derive(Debug)]
pub(crate) struct Planes<'a, A> {
    values: &'a mut [A],
    plane: usize,
}

impl<'a, A: Code> Planes<'a, A> {
    /// Elements of a buffer for planes of `len` activations.
    pub(crate) const fn room(len: usize) -> usize {
        POINTS * (len + CHUNK)
    }

    /// Planes of `len` activations at the beginning of `buffer`.
    ///
    /// # Panics
    /// If it is shorter than [`Planes::room`].
    pub(crate) fn of(buffer: &'a mut [A], len: usize) -> Self {
        Self { values: &mut buffer[..Self::room(len)], plane: len + CHUNK }
    }

    /// Transforms windows, and stores them side by side from the beginning of each plane on.
    ///
    /// # Panics
    /// If a window reaches beyond the map, in which chunks are read, or if there is no room.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[allow(clippy::inline_always, reason = "compiled for the instruction set of its caller")]
    pub(crate) fn transform(&mut self, map: &[A], taps: &Taps) {
        let Taps { first, tap, windows: [windows, window_step], stretches, len } = *taps;
        let [stretches, pitch] = stretches;
        if windows == 0 || stretches == 0 {
            return;
        }
        let padded = len.next_multiple_of(CHUNK);
        let steps = [(windows - 1, window_step), (stretches - 1, pitch), (3, tap), (1, padded)];
        let end = steps.iter().try_fold(first, |end, &(count, step)| {
            end.checked_add(usize::checked_mul(count, step)?)
        });
        assert!(end.is_some_and(|end| end <= map.len()), "windows lie inside the map");
        let last = (windows * stretches - 1).checked_mul(len);
        let end = last.and_then(|last| last.checked_add(padded));
        assert!(end.is_some_and(|end| end <= self.plane), "room for the windows");
        assert!(self.values.len() / POINTS >= self.plane, "room for all points");
        let to = self.values.as_mut_ptr();
        let mut to: [*mut A; POINTS] =
            std::array::from_fn(|point| to.wrapping_add(point * self.plane));
        for window in 0..windows {
            let from = map.as_ptr().wrapping_add(first + window * window_step);
            let mut from: [*const A; POINTS] =
                std::array::from_fn(|input| from.wrapping_add(input * tap));
            for _ in 0..stretches {
                let mut at = 0;
                while at < len {
                    let input = |index: usize| {
                        // SAFETY: `at + CHUNK <= padded`. By the first assertion, `padded`
                        // activations can be read from each input of the last window's last
                        // stretch on, and all others begin before it.
                        unsafe { from[index].add(at).cast::<Chunk<A>>().read() }
                    };
                    let store = |point: usize, chunk| {
                        // SAFETY: in each plane, `padded` activations can be written from the last
                        // stretch on, and all others begin before it: the other two assertions.
                        unsafe { to[point].add(at).cast::<Chunk<A>>().write(chunk) }
                    };
                    let outputs = A::at_points([input(0), input(1), input(2), input(3)]);
                    for (point, chunk) in outputs.into_iter().enumerate() {
                        store(point, chunk);
                    }
                    at += CHUNK;
                }
                from = from.map(|from| from.wrapping_add(pitch));
                to = to.map(|to| to.wrapping_add(len));
            }
        }
    }
}

/// Activations that are transformed together.
pub(crate) type Chunk<A> = [A; CHUNK];

/// Inputs `d0..d3` of a chunk of windows at all points.
#[inline(always)]
#[allow(clippy::inline_always, reason = "compiled for the instruction set of its caller")]
pub(crate) fn at_points<A: Code>([d0, d1, d2, d3]: [Chunk<A>; POINTS]) -> [Chunk<A>; POINTS] {
    let each = |of: fn(u8, u8) -> u8, a: Chunk<A>, b: Chunk<A>| {
        std::array::from_fn(|index| A::of(of(a[index].code(), b[index].code())))
    };
    let difference = |a: u8, b: u8| a.wrapping_add(OFFSET).wrapping_sub(b);
    [
        each(difference, d0, d2),
        each(u8::wrapping_add, d1, d2),
        each(difference, d2, d1),
        each(difference, d1, d3),
    ]
}

/// The same in vectors. The compiler does not make them of [`at_points`] at the optimisation level
/// of a page's binaries.
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
#[inline(always)]
#[allow(clippy::inline_always, reason = "chunks must stay in registers")]
pub(crate) fn at_points_in_vectors(inputs: [Chunk<u8>; POINTS]) -> [Chunk<u8>; POINTS] {
    use std::arch::wasm32::{i8x16_add, i8x16_sub, u8x16_splat, v128};
    // SAFETY: vectors and chunks are 16 bytes, of which any value is valid.
    let [d0, d1, d2, d3] = inputs.map(|chunk| unsafe { std::mem::transmute::<_, v128>(chunk) });
    let difference = |a, b| i8x16_sub(i8x16_add(a, u8x16_splat(OFFSET)), b);
    [difference(d0, d2), i8x16_add(d1, d2), difference(d2, d1), difference(d1, d3)]
        // SAFETY: as above.
        .map(|vector| unsafe { std::mem::transmute::<v128, _>(vector) })
}

/// Where a tile stores its sums: those of window `w` and output `y` begin at `w * window + y *
/// output`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strides {
    /// Distance between the rows of neighbouring windows.
    pub(crate) window: usize,
    /// Distance between the rows of both outputs of a window.
    pub(crate) output: usize,
}

impl Strides {
    /// Whether the sums of `windows` windows and `columns` columns have room in `len`.
    #[inline]
    pub(crate) const fn fit(self, windows: usize, columns: usize, len: usize) -> bool {
        self.output <= len && super::tile_fits(windows, columns, self.window, len - self.output)
    }

    /// Where row `row` of a tile of `rows` begins: its first half holds first outputs.
    #[inline]
    pub(crate) const fn row(self, row: usize, rows: usize) -> usize {
        let half = rows / 2;
        if row < half { row * self.window } else { (row - half) * self.window + self.output }
    }
}

/// Multiplies windows of transformed activations, `step` apart in their planes, with all columns.
/// The sums are twice the outputs, and rows of them lie as `strides` says. There must be room for
/// whole tiles: the last window is repeated to fill them.
///
/// # Panics
/// If windows do not lie inside their planes, or `out` is too short.
#[inline(never)]
pub(crate) fn multiply_at_points<K: Kernel<Weight = i8, Sum = i32>>(
    kernel: K,
    planes: &Planes<'_, K::Activation>,
    [count, step]: [usize; 2],
    panels: &mut [LeftPanel<K>; 2],
    right: &PointWeights<K>,
    out: &mut [i32],
    strides: Strides,
) {
    const {
        let halves = K::MR <= MAX_ROWS && K::MR.is_multiple_of(2);
        assert!(K::POINTS.is_none() || halves && K::LANE_COLUMNS == 1, "two halves of a few rows");
    }
    let half = K::MR / 2;
    for first in (0..count).step_by(half) {
        let starts = PHASES.map(|points| {
            let mut starts = [0; MAX_ROWS];
            for (row, start) in starts[..K::MR].iter_mut().enumerate() {
                let window = (first + row % half).min(count - 1);
                *start = points[row / half] * planes.plane + window * step;
            }
            starts
        });
        let windows = starts.each_ref().map(|starts| {
            Windows::new(planes.values, &starts[..K::MR], [1, right.depth, 0])
                .expect("windows lie inside their planes")
        });
        let mut rows = PointRows { windows, panels: [&[], &[]] };
        if K::MAX_DIRECT_COLUMNS == 0 {
            for (panel, windows) in panels.iter_mut().zip(&rows.windows) {
                panel.set_all(0, |row| windows.stretch(row, 0));
            }
            rows.panels = panels.each_ref().map(|panel| panel.groups(right.depth / K::GROUP));
        }
        let out = &mut out[first * strides.window..];
        for (column, panel) in right.panels() {
            let out = &mut out[column..];
            assert!(strides.fit(half, panel.columns, out.len()), "room for the tile");
            // SAFETY: there are `MR` windows of the depth of both phases of the panel, whole
            // groups; the panel has a multiple of `STEP` columns, at most `NR`; `fit` holds.
            unsafe { kernel.tile_at_points(&rows, panel, out, strides) }
        }
    }
}
