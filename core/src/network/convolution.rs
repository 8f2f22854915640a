//! A convolution: the windows of a map as rows of a product, a panel of them at a time.

use super::activation::Activation;
use super::map::Map;
use crate::gemm::{Kernel, LeftPanel, PANELS, Packed, Windows, multiply_windows, window_length};
use crate::model::Window;

/// Elements of the chunks that windows are gathered in: copies of a known length are a load and a store.
pub(super) const CHUNK: usize = 16;

/// The weights of a convolution, packed for a kernel. Everything around it is compiled once for all kernels: what a page loads counts.
pub(super) trait Product<A: Activation>: Send {
    /// What the kernel wants windows to be.
    fn shape(&self) -> Shape;

    /// What belongs to the sums of each channel; empty where nothing does.
    fn offsets(&self) -> &[A::Sum];

    /// The sums of windows, a multiple of `Shape::rows` of them, in rows of `Shape::stride`.
    fn multiply(&mut self, windows: &Windows<'_, A>, sums: &mut [A::Sum]);

    /// Makes the sums of pixels in a row of `to`, from `first` (row, column) on, their activations.
    fn finish(&self, finish: &A::Finish, sums: &[A::Sum], to: &mut Map<A>, first: [usize; 2]);
}

/// Sizes of a product.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Windows that are multiplied together.
    pub(super) rows: usize,
    /// Activations of a stretch of a window.
    pub(super) run: usize,
    /// Whether windows are to be laid side by side before: the kernel does not read stretches like these where they lie.
    pub(super) gathers: bool,
    /// Activations of a window.
    pub(super) depth: usize,
    /// Channels of the output.
    pub(super) columns: usize,
    /// Room for the sums of a window.
    pub(super) stride: usize,
}

/// A [`Product`] on a kernel.
pub(super) struct On<K: Kernel> {
    kernel: K,
    packed: Packed<K>,
    panel: LeftPanel<K>,
    run: usize,
    gathers: bool,
}

impl<K: Kernel> On<K> {
    /// Packs `weights`, `[columns][runs][run]`.
    ///
    /// Where tiles read the map by themselves, runs are whole groups: those that end within one are made longer, and what they read too much meets weights of
    /// zero.
    pub(super) fn new(kernel: K, weights: &[K::Weight], columns: usize, [runs, run]: [usize; 2]) -> Self {
        let longer = if columns <= K::MOST_DIRECT_COLUMNS { run.next_multiple_of(K::GROUP) } else { run };
        let depth = runs * longer;
        let packed = if longer == run {
            Packed::new(weights, columns, depth)
        } else {
            let mut spread = vec![K::Weight::default(); columns * depth];
            for (to, from) in spread.chunks_exact_mut(longer).zip(weights.chunks_exact(run)) {
                to[..run].copy_from_slice(from);
            }
            Packed::new(&spread, columns, depth)
        };
        // Runs that end within a group, or are shorter than a vector, are packed faster where they lie side by side: then a window is one run.
        let gathers = !packed.reads_maps() && (!longer.is_multiple_of(K::GROUP) || longer < CHUNK);
        Self { kernel, packed, panel: LeftPanel::new(depth), run: longer, gathers }
    }
}

impl<K, A> Product<A> for On<K>
where
    K: Kernel<Activation = A, Weight = A::Weight, Sum = A::Sum>,
    A: Activation,
{
    fn shape(&self) -> Shape {
        let packed = &self.packed;
        Shape {
            rows: K::MR,
            run: self.run,
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

/// Sums of pixels, `stride` apart, to their activations. In WebAssembly no kernel has instructions of its own for this.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
#[allow(
    clippy::inline_always,
    reason = "compiled for the instruction set of the kernel that it is a part of"
)]
fn finish_all<A: Activation>(
    finish: &A::Finish,
    sums: &[A::Sum],
    stride: usize,
    to: &mut Map<A>,
    first: [usize; 2],
) {
    let mut left = sums;
    for (place, count) in stretches(first, sums.len() / stride, to.width) {
        let sums;
        (sums, left) = left.split_at(count * stride);
        A::apply(finish, sums, stride, to.pixels_mut(place, count));
    }
}

/// `count` pixels from `first` on, in rows of `width`: where each stretch of a row begins, and its pixels.
fn stretches(
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

/// What a convolution reads, and the size of what it writes.
pub(super) struct Source<'a, A> {
    pub(super) map: &'a Map<A>,
    pub(super) window: &'a Window,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// What convolutions keep between layers.
pub(super) struct Buffers<A: Activation> {
    /// Sums of some panels.
    sums: Vec<A::Sum>,
    /// Their windows, where they are gathered.
    gathered: Vec<A>,
    /// Where their windows begin in the map.
    starts: Vec<usize>,
}

impl<A: Activation> Buffers<A> {
    pub(super) const fn empty() -> Self {
        Self { sums: Vec::new(), gathered: Vec::new(), starts: Vec::new() }
    }
}

/// Multiplies the windows of all output pixels with all filters, some panels at a time; `visit` gets the first pixel of them, and the sums of their pixels.
pub(super) fn convolve<A: Activation>(
    source: &Source<'_, A>,
    product: &mut dyn Product<A>,
    buffers: &mut Buffers<A>,
    mut visit: impl FnMut(&dyn Product<A>, [usize; 2], &[A::Sum]),
) {
    let Source { map, window, height, width } = *source;
    let Buffers { sums, gathered, starts } = buffers;
    let Shape { rows, run, gathers, depth, stride, .. } = product.shape();
    sums.resize(PANELS * rows * stride, A::Sum::default());
    let (runs, pitch) = (window.kernel[0], map.index(1, 0));
    let length = window_length(depth);
    if gathers {
        gathered.resize(PANELS * rows * length + CHUNK, A::default());
    }
    let (pixels, step) = (height * width, window.stride[1] * map.channels);
    for done in (0..pixels).step_by(PANELS * rows) {
        let (first, count) = ([done / width, done % width], (pixels - done).min(PANELS * rows));
        // Where the windows begin; beyond the last pixel the last one is repeated.
        starts.clear();
        for ([y, x], count) in stretches(first, count, width) {
            let start = map.index(y * window.stride[0], x * window.stride[1]);
            starts.extend((0..count).map(|index| start + index * step));
        }
        starts.resize(count.next_multiple_of(rows), starts.last().copied().unwrap_or(0));
        if gathers {
            for (index, start) in starts.iter_mut().enumerate() {
                gather(map, [*start, runs, run, pitch], &mut gathered[index * length..]);
                *start = index * length;
            }
            product.multiply(&Windows { map: gathered, starts, runs: 1, run: length, pitch: 0 }, sums);
        } else {
            product.multiply(&Windows { map: &map.values, starts, runs, run, pitch }, sums);
        }
        visit(product, first, &sums[..count * stride]);
    }
}

/// Lays the runs of a window side by side, in chunks that may run over: the next run, or the next window, overwrites what is too much.
#[inline]
fn gather<A: Activation>(map: &Map<A>, [start, runs, run, pitch]: [usize; 4], out: &mut [A]) {
    for index in 0..runs {
        let (from, to) = (&map.values[start + index * pitch..], &mut out[index * run..]);
        for at in (0..run).step_by(CHUNK) {
            to[at..at + CHUNK].copy_from_slice(&from[at..at + CHUNK]);
        }
    }
}
