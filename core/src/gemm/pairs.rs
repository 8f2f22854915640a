//! Convolutions that compute two neighbouring outputs at a time, by products at points
//! ([`super::winograd`]).

use super::winograd::{Planes, PointWeights, Strides, Taps, multiply_at_points};
use super::{Kernel, LeftPanel, PANELS};
use crate::quant::Code;

/// A convolution without dilation or groups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    /// Channels of the input.
    pub(crate) inputs: usize,
    /// Channels of the output.
    pub(crate) outputs: usize,
    /// Rows and columns of the window.
    pub(crate) kernel: [usize; 2],
    /// Distance between windows.
    pub(crate) stride: [usize; 2],
}

/// The map that a convolution reads, and the size of its output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a, A> {
    /// `[rows][columns][channels]`, border included. After the last row, one pixel and [`ROOM`]
    /// activations more can be read.
    pub(crate) map: &'a [A],
    /// Activations of a row.
    pub(crate) row: usize,
    /// Rows and columns of the output.
    pub(crate) output: [usize; 2],
}

/// Whether any kernel of this target computes pairs.
pub(crate) const EXIST: bool = cfg!(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "relaxed-simd")
));

/// Activations that are read beyond the last pixel.
pub(crate) const ROOM: usize = super::winograd::CHUNK;

/// The direction in which two outputs are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Along {
    /// In a row of the map: windows of three columns.
    Row,
    /// In a column of the map: windows of three rows.
    Column,
}

impl Along {
    /// The direction for a filter whose output has `height` rows, where that is known: along
    /// columns if both are possible, because then whole rows are transformed, each of them for two
    /// rows of outputs.
    fn of(filter: &Filter, height: Option<usize>) -> Option<Self> {
        let possible = |axis: usize| filter.kernel[axis] == 3 && filter.stride[axis] == 1;
        if possible(0) && height != Some(1) {
            Some(Self::Column)
        } else {
            possible(1).then_some(Self::Row)
        }
    }
}

/// The sums that a caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SumsAre {
    /// Twice those of the convolution, as tiles compute them.
    Doubled,
    /// Those of the convolution.
    Halved,
}

/// Receives the first pixel of neighbours in a row, and their sums.
pub(crate) type Visit<'a, S> = dyn FnMut([usize; 2], &[S]) + 'a;

/// A convolution that computes two outputs at a time. A trait object, so that the code around it is
/// compiled once and not for every kernel.
pub(crate) trait Pairs<A, S>: Send {
    /// Whether an output of this height can be computed.
    fn suit(&self, height: usize) -> bool;

    /// Elements of the buffers of [`Pairs::convolve`]: transformed activations, and sums of
    /// `stride` a pixel.
    fn room(&self, stride: usize) -> [usize; 2];

    /// Computes all outputs, in batches of a few tiles that lie in a row; some outputs more than
    /// once. `visit` receives the sums, `stride` a pixel.
    ///
    /// # Panics
    /// If a window does not lie inside the map, if the height does not suit, or if the buffers are
    /// too short.
    fn convolve(
        &mut self,
        source: &Source<'_, A>,
        stride: usize,
        buffers: (&mut [A], &mut [S]),
        visit: &mut Visit<'_, S>,
    );
}

/// [`Pairs`] on a kernel.
pub(crate) struct PairsOnKernel<K: Kernel> {
    kernel: K,
    filter: Filter,
    along: Along,
    sums_are: SumsAre,
    weights: PointWeights<K>,
    panels: [LeftPanel<K>; 2],
}

impl<K: Kernel<Activation: Code, Weight = i8, Sum = i32>> PairsOnKernel<K> {
    /// The pairs of a convolution of 4-bit codes whose output has `height` rows, where that is
    /// known, with `weights` of `[output][kernel row][kernel column][input]`. `None` if it has no
    /// pairs, or if the kernel cannot compute them exactly.
    pub(crate) fn new(
        kernel: K,
        filter: Filter,
        weights: &[i8],
        height: Option<usize>,
        sums_are: SumsAre,
    ) -> Option<Self> {
        K::POINTS?;
        let along = Along::of(&filter, height)?;
        let Filter { inputs, outputs, kernel: [rows, columns], .. } = filter;
        // Stretches and the length of each, and the distance between taps in a filter's weights.
        let (stretches, len, tap) = match along {
            Along::Row => (rows, inputs, inputs),
            Along::Column => (1, columns * inputs, columns * inputs),
        };
        let size = rows * columns * inputs;
        let taps = |column: usize, k: usize| {
            // A stretch of the map has three taps along rows, and one along columns.
            let first = column * size + k / len * columns * inputs + k % len;
            [0, 1, 2].map(|index| weights[first + index * tap])
        };
        let weights = PointWeights::new(&taps, outputs, stretches * len)?;
        let room = if K::MAX_DIRECT_COLUMNS == 0 { weights.depth() } else { 0 };
        let panels = [LeftPanel::new(room), LeftPanel::new(room)];
        Some(Self { kernel, filter, along, sums_are, weights, panels })
    }

    /// Windows of a batch.
    const BATCH: usize = PANELS * (K::MR / 2);

    /// Activations of a batch at one point.
    fn plane(&self) -> usize {
        let (depth, step) = (self.weights.depth(), self.step());
        match self.along {
            Along::Row => Self::BATCH * depth,
            Along::Column => (Self::BATCH - 1) * step + depth,
        }
    }

    /// Distance between the windows of a plane.
    fn step(&self) -> usize {
        match self.along {
            Along::Row => self.weights.depth(),
            Along::Column => self.filter.stride[1] * self.filter.inputs,
        }
    }
}

impl<K, A> Pairs<A, i32> for PairsOnKernel<K>
where
    K: Kernel<Activation = A, Weight = i8, Sum = i32>,
    A: Code + Send,
{
    fn suit(&self, height: usize) -> bool {
        self.along == Along::Row || height > 1
    }

    fn room(&self, stride: usize) -> [usize; 2] {
        [Planes::<A>::room(self.plane()), 2 * Self::BATCH * stride]
    }

    fn convolve(
        &mut self,
        source: &Source<'_, A>,
        stride: usize,
        (planes, sums): (&mut [A], &mut [i32]),
        visit: &mut Visit<'_, i32>,
    ) {
        let (plane, step) = (self.plane(), self.step());
        let Self { kernel, filter, along, sums_are, weights, panels } = self;
        let mut multiply = |taps: &Taps, count: usize, sums: &mut [i32], strides: Strides| {
            let mut planes = Planes::of(planes, plane);
            kernel.vectorised(
                #[inline(always)]
                || planes.transform(source.map, taps),
            );
            multiply_at_points(*kernel, &planes, [count, step], panels, weights, sums, strides);
            if *sums_are == SumsAre::Halved {
                // Rows of both outputs alternate, or those of all second outputs follow the first.
                let rows = if strides.output < strides.window { 2 * count } else { count };
                for first in [0, strides.output].into_iter().take(2 * count / rows) {
                    let sums = &mut sums[first..][..rows * stride];
                    kernel.vectorised(
                        #[inline(always)]
                        || sums.iter_mut().for_each(|sum| *sum >>= 1),
                    );
                }
            }
        };
        let sizes = Sizes { stride, batch: Self::BATCH, row: source.row, output: source.output };
        match along {
            Along::Row => in_rows(filter, sizes, sums, &mut multiply, visit),
            Along::Column => in_columns(filter, sizes, sums, &mut multiply, visit),
        }
    }
}

/// Sizes of a convolution.
#[derive(Clone, Copy)]
struct Sizes {
    /// Sums of a pixel.
    stride: usize,
    /// Windows of a batch.
    batch: usize,
    /// Activations of a row of the map.
    row: usize,
    /// Rows and columns of the output.
    output: [usize; 2],
}

/// Transforms the activations of a number of windows, and multiplies them.
type Multiply<'a> = dyn FnMut(&Taps, usize, &mut [i32], Strides) + 'a;

/// Pairs of neighbours in a row. The last pair of an odd number of columns has an output that does
/// not exist.
#[inline(never)]
fn in_rows(
    filter: &Filter,
    Sizes { stride, batch, row, output: [height, width] }: Sizes,
    sums: &mut [i32],
    multiply: &mut Multiply<'_>,
    visit: &mut Visit<'_, i32>,
) {
    let Filter { inputs, kernel, stride: steps, .. } = *filter;
    for (y, x) in batches(height, width, 2 * batch) {
        let pixels = (width - x).min(2 * batch);
        let count = pixels.div_ceil(2);
        let taps = Taps {
            first: y * steps[0] * row + x * inputs,
            tap: inputs,
            windows: [count, 2 * inputs],
            stretches: [kernel[0], row],
            len: inputs,
        };
        multiply(&taps, count, sums, Strides { window: 2 * stride, output: stride });
        visit([y, x], &sums[..pixels * stride]);
    }
}

/// Pairs of neighbours in a column. The last pair of an odd number of rows overlaps the one before
/// it.
#[inline(never)]
fn in_columns(
    filter: &Filter,
    Sizes { stride, batch, row, output: [height, width] }: Sizes,
    sums: &mut [i32],
    multiply: &mut Multiply<'_>,
    visit: &mut Visit<'_, i32>,
) {
    let Filter { inputs, kernel, stride: steps, .. } = *filter;
    let (depth, step, second) = (kernel[1] * inputs, steps[1] * inputs, batch * stride);
    for (pair, x) in batches(height.div_ceil(2), width, batch) {
        let y = (2 * pair).min(height - 2);
        let count = (width - x).min(batch);
        // Neighbouring windows overlap, so a batch is transformed as one.
        let taps = Taps {
            first: y * row + x * step,
            tap: row,
            windows: [1, 0],
            stretches: [1, 0],
            len: (count - 1) * step + depth,
        };
        multiply(&taps, count, sums, Strides { window: stride, output: second });
        visit([y, x], &sums[..count * stride]);
        visit([y + 1, x], &sums[second..][..count * stride]);
    }
}

/// The first pixels of batches of `batch` columns, row by row.
fn batches(height: usize, width: usize, batch: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..height).flat_map(move |y| (0..width).step_by(batch).map(move |x| (y, x)))
}
