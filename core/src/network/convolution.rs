//! Convolutions as matrix products: the windows of a map are the rows, a few panels at a time.

use super::activation::Activation;
use super::map::{CHUNK, Map};
use crate::gemm::pairs::{self, Pairs};
use crate::gemm::{Kernel, LeftPanel, PANELS, Packed, Windows, multiply_windows, window_length};
use crate::model::Window;

/// The weights of a convolution, packed for a kernel. A trait object, so that the code around it is
/// compiled once and not for every kernel: pages have to load it.
pub(super) trait Product<A: Activation>: Send {
    /// Sizes of the product.
    fn shape(&self) -> Shape;

    /// What the sums of each channel lack ([`Packed::offsets`]); empty if nothing.
    fn offsets(&self) -> &[A::Sum];

    /// Computes the sums of windows, whose number is a multiple of `Shape::rows`, in rows of
    /// `Shape::stride` sums.
    fn multiply(&mut self, windows: &Windows<'_, A>, sums: &mut [A::Sum]);

    /// Turns the sums of pixels into activations, and stores them in `to` from pixel `first` (row,
    /// column) on.
    fn finish(&self, finish: &A::Finish, sums: &[A::Sum], to: &mut Map<A>, first: [usize; 2]);
}

/// Sizes of a product.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Windows of a panel.
    pub(super) rows: usize,
    /// Activations of a stretch of a window.
    pub(super) stretch_len: usize,
    /// Whether the stretches of a window must be gathered first, because the kernel cannot read
    /// them from the map or pack them quickly.
    pub(super) gathers: bool,
    /// Activations of a window.
    pub(super) depth: usize,
    /// Channels of the output.
    pub(super) columns: usize,
    /// Length of a row of sums.
    pub(super) stride: usize,
}

/// A [`Product`] on a kernel.
pub(super) struct OnKernel<K: Kernel> {
    kernel: K,
    packed: Packed<K>,
    panel: LeftPanel<K>,
    stretch_len: usize,
    gathers: bool,
}

impl<K: Kernel> OnKernel<K> {
    /// Packs `weights`, `[columns][stretches][stretch_len]`.
    ///
    /// Where tiles read the map themselves, stretches are rounded up to whole groups; the extra
    /// activations are multiplied by zero weights.
    pub(super) fn new(
        kernel: K,
        weights: &[K::Weight],
        columns: usize,
        [stretches, stretch_len]: [usize; 2],
    ) -> Self {
        let rounded = if columns <= K::MAX_DIRECT_COLUMNS {
            stretch_len.next_multiple_of(K::GROUP)
        } else {
            stretch_len
        };
        let depth = stretches * rounded;
        let packed = if rounded == stretch_len {
            Packed::new(weights, columns, depth)
        } else {
            let mut spread = vec![K::Weight::default(); columns * depth];
            let stretches = weights.chunks_exact(stretch_len);
            for (to, from) in spread.chunks_exact_mut(rounded).zip(stretches) {
                to[..stretch_len].copy_from_slice(from);
            }
            Packed::new(&spread, columns, depth)
        };
        // Stretches that end within a group, or are shorter than a vector, are faster to pack after
        // gathering, which makes a window one stretch.
        let ragged = !rounded.is_multiple_of(K::GROUP) || rounded < CHUNK;
        let gathers = !packed.reads_maps() && ragged;
        Self { kernel, packed, panel: LeftPanel::new(depth), stretch_len: rounded, gathers }
    }
}

impl<K, A> Product<A> for OnKernel<K>
where
    K: Kernel<Activation = A, Weight = A::Weight, Sum = A::Sum>,
    A: Activation,
{
    fn shape(&self) -> Shape {
        let packed = &self.packed;
        Shape {
            rows: K::MR,
            stretch_len: self.stretch_len,
            gathers: self.gathers,
            depth: packed.depth(),
            columns: packed.columns(),
            stride: packed.stride(),
        }
    }

    fn offsets(&self) -> &[A::Sum] {
        self.packed.offsets()
    }

    fn multiply(&mut self, windows: &Windows<'_, A>, sums: &mut [A::Sum]) {
        multiply_windows(self.kernel, windows, &mut self.panel, &self.packed, sums);
    }

    fn finish(&self, finish: &A::Finish, sums: &[A::Sum], to: &mut Map<A>, first: [usize; 2]) {
        let stride = self.packed.stride();
        self.kernel.vectorised(
            #[inline(always)]
            || finish_all(finish, sums, stride, to, first),
        );
    }
}

/// Turns the sums of pixels, `stride` apart, into activations. Not inlined in WebAssembly, where
/// all kernels share its instructions.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
#[allow(
    clippy::inline_always,
    reason = "compiled for the instruction set of the kernel that calls it"
)]
fn finish_all<A: Activation>(
    finish: &A::Finish,
    sums: &[A::Sum],
    stride: usize,
    to: &mut Map<A>,
    first: [usize; 2],
) {
    let mut left = sums;
    for (place, count) in row_parts(first, sums.len() / stride, to.width) {
        let sums;
        (sums, left) = left.split_at(count * stride);
        A::apply(finish, sums, stride, to.pixels_mut(place, count));
    }
}

/// Splits `count` pixels, from pixel `first` on, at the ends of rows of `width`. Returns the first
/// pixel of each part, and its length.
fn row_parts(
    mut first: [usize; 2],
    mut count: usize,
    width: usize,
) -> impl Iterator<Item = ([usize; 2], usize)> {
    std::iter::from_fn(move || {
        let ([y, x], taken) = (first, count.min(width - first[1]));
        count -= taken;
        first = if x + taken == width { [y + 1, 0] } else { [y, x + taken] };
        (taken > 0).then_some(([y, x], taken))
    })
}

/// The pairs of a convolution, and what turns their sums, which are doubled, into activations.
pub(super) type WithPairs<A> =
    (Box<dyn Pairs<A, <A as Activation>::Sum>>, <A as Activation>::Finish);

/// What a convolution reads, and the size of its output.
pub(super) struct Source<'a, A> {
    pub(super) map: &'a Map<A>,
    pub(super) window: &'a Window,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Buffers that all convolutions share.
pub(super) struct Buffers<A: Activation> {
    /// Sums of a batch of panels.
    sums: Vec<A::Sum>,
    /// Activations of a batch of pairs, transformed.
    planes: Vec<A>,
    /// Their windows, if they are gathered.
    gathered: Vec<A>,
    /// Where their windows begin in the map.
    starts: Vec<usize>,
}

impl<A: Activation> Buffers<A> {
    pub(super) const fn empty() -> Self {
        Self { sums: Vec::new(), planes: Vec::new(), gathered: Vec::new(), starts: Vec::new() }
    }
}

/// Multiplies the windows of all output pixels by all filters, in batches of panels. `visit`
/// receives the first pixel of each batch, and the sums of its pixels.
///
/// # Panics
/// If a window does not lie inside the padded map. With the size from `Window::output` all do.
pub(super) fn convolve<A: Activation>(
    source: &Source<'_, A>,
    product: &mut dyn Product<A>,
    buffers: &mut Buffers<A>,
    mut visit: impl FnMut(&dyn Product<A>, [usize; 2], &[A::Sum]),
) {
    let Source { map, window, height, width } = *source;
    let Buffers { sums, gathered, starts, .. } = buffers;
    let Shape { rows, stretch_len, gathers, depth, stride, .. } = product.shape();
    sums.resize(PANELS * rows * stride, A::Sum::default());
    let (stretches, pitch) = (window.kernel[0], map.index(1, 0));
    let length = window_length(depth);
    if gathers {
        gathered.resize(PANELS * rows * length + CHUNK, A::default());
    }
    let (pixels, step) = (height * width, window.stride[1] * map.channels);
    for done in (0..pixels).step_by(PANELS * rows) {
        let (first, count) = ([done / width, done % width], (pixels - done).min(PANELS * rows));
        // The window of the last pixel is repeated to fill its panel.
        starts.clear();
        for ([y, x], count) in row_parts(first, count, width) {
            let start = map.index(y * window.stride[0], x * window.stride[1]);
            starts.extend((0..count).map(|index| start + index * step));
        }
        starts.resize(count.next_multiple_of(rows), starts.last().copied().unwrap_or(0));
        let windows = if gathers {
            for (index, start) in starts.iter_mut().enumerate() {
                let sizes = [stretches, stretch_len, pitch];
                gather(map, *start, sizes, &mut gathered[index * length..]);
                *start = index * length;
            }
            Windows::new(gathered, starts, [1, length, 0])
        } else {
            Windows::new(&map.values, starts, [stretches, stretch_len, pitch])
        };
        product.multiply(&windows.expect("windows lie inside the padded map"), sums);
        visit(product, first, &sums[..count * stride]);
    }
}

/// Copies the stretches of a window side by side in chunks of `CHUNK`. A chunk may extend beyond
/// its stretch; the next stretch or the next window overwrites the excess.
#[inline]
fn gather<A: Activation>(
    map: &Map<A>,
    start: usize,
    [stretches, stretch_len, pitch]: [usize; 3],
    out: &mut [A],
) {
    for index in 0..stretches {
        let (from, to) = (&map.values[start + index * pitch..], &mut out[index * stretch_len..]);
        for at in (0..stretch_len).step_by(CHUNK) {
            to[at..at + CHUNK].copy_from_slice(&from[at..at + CHUNK]);
        }
    }
}

/// Computes all outputs of a convolution two at a time, and stores them in `to`.
///
/// # Panics
/// If a window does not lie inside the padded map, or if the height does not suit the pairs.
pub(super) fn convolve_pairs<A: Activation>(
    source: &Source<'_, A>,
    (pairs, finish): &mut WithPairs<A>,
    product: &dyn Product<A>,
    buffers: &mut Buffers<A>,
    to: &mut Map<A>,
) {
    let Source { map, height, width, .. } = *source;
    let Buffers { sums, planes, .. } = buffers;
    let stride = product.shape().stride;
    let [of_planes, of_sums] = pairs.room(stride);
    planes.resize(of_planes, A::default());
    sums.resize(of_sums, A::Sum::default());
    let source = pairs::Source { map: &map.values, row: map.index(1, 0), output: [height, width] };
    pairs.convolve(&source, stride, (planes, sums), &mut |first, sums| {
        product.finish(finish, sums, to, first);
    });
}
