//! The driver: windows of a map, a panel at a time, through all panels of weights.

use super::pack::ROOM;
use super::{Kernel, LeftPanel, Packed};

/// Panels that are best multiplied, then finished, at a time: calls are shared, and their sums stay in the nearest cache.
pub const PANELS: usize = 8;

/// Windows of a feature map, each `runs` stretches of `run` activations whose beginnings are `pitch` apart. A matrix is a map whose windows are its rows.
///
/// Windows longer than the product's depth end in padding, which meets weights of zero.
#[derive(Debug, Clone, Copy)]
pub struct Windows<'a, A> {
    /// The map.
    pub map: &'a [A],
    /// Where each window begins; as many as make whole panels.
    pub starts: &'a [usize],
    /// Stretches of a window.
    pub runs: usize,
    /// Activations of a stretch.
    pub run: usize,
    /// From the beginning of a stretch to that of the next.
    pub pitch: usize,
}

impl<'a, A> Windows<'a, A> {
    /// A stretch of a window.
    #[inline]
    fn stretch(&self, row: usize, index: usize) -> &'a [A] {
        &self.map[self.starts[row] + index * self.pitch..][..self.run]
    }

    /// Whether all windows lie in the map: what kernels that read it themselves rely on.
    #[inline]
    fn lie_inside(&self) -> bool {
        let length = self.runs.saturating_sub(1) * self.pitch + self.run;
        self.starts.iter().all(|start| start + length <= self.map.len())
    }
}

/// Length of a window of `depth` activations with its padding, which lets kernels read whole vectors.
#[must_use]
pub fn window_length(depth: usize) -> usize {
    depth.div_ceil(ROOM) * ROOM
}

/// The product of windows, some panels of them, with all columns, less [`Packed::offsets`]: `out[row][column]`, rows of [`Packed::stride`] sums.
///
/// # Panics
/// If the windows make no whole panels, do not lie in the map or do not suit the depth, or if `out` is too short.
pub fn multiply_windows<K: Kernel>(
    kernel: K,
    windows: &Windows<'_, K::Activation>,
    panel: &mut LeftPanel<K>,
    right: &Packed<K>,
    out: &mut [K::Sum],
) {
    let size = K::MR * right.stride();
    assert!(
        windows.starts.len().is_multiple_of(K::MR) && out.len() >= windows.starts.len() / K::MR * size,
        "whole panels"
    );
    for (starts, out) in windows.starts.chunks_exact(K::MR).zip(out.chunks_exact_mut(size)) {
        multiply_one(kernel, &Windows { starts, ..*windows }, panel, right, out);
    }
}

/// The product of the windows of one panel.
fn multiply_one<K: Kernel>(
    kernel: K,
    windows: &Windows<'_, K::Activation>,
    panel: &mut LeftPanel<K>,
    right: &Packed<K>,
    out: &mut [K::Sum],
) {
    let length = windows.runs * windows.run;
    assert!(windows.lie_inside(), "windows in the map");
    assert!(length >= right.depth() && length <= window_length(right.depth()), "windows as long as columns");
    if right.reads_maps() && windows.run.is_multiple_of(K::GROUP) {
        return multiply_in_map(kernel, windows, right, out);
    }
    panel.restart();
    for index in 0..windows.runs {
        panel.set_all(index * windows.run, |row| windows.stretch(row, index));
    }
    multiply_panel(kernel, panel, right, out);
}

/// The product of windows that the tiles read where they lie. One copy a kernel, apart, is smaller and leaves engines more registers for its loop.
#[inline(never)]
fn multiply_in_map<K: Kernel>(
    kernel: K,
    windows: &Windows<'_, K::Activation>,
    right: &Packed<K>,
    out: &mut [K::Sum],
) {
    let stride = right.stride();
    assert!(out.len() >= K::MR * stride, "room for whole tiles");
    for tile in right.panels() {
        kernel.tile_of_windows(windows, tile, &mut out[tile.first..], stride);
    }
}

/// The product of one panel with all columns, less [`Packed::offsets`]: `out[row][column]`, `MR` rows of [`Packed::stride`] sums.
///
/// # Panics
/// If the depths differ or `out` is too short.
#[inline(never)]
pub fn multiply_panel<K: Kernel>(kernel: K, left: &LeftPanel<K>, right: &Packed<K>, out: &mut [K::Sum]) {
    assert_eq!(left.depth(), right.depth(), "both operands have one depth");
    let stride = right.stride();
    assert!(out.len() >= K::MR * stride, "room for whole tiles");
    for tile in right.panels() {
        let out = &mut out[tile.first..];
        for (cut, panels) in right.cuts(left, tile).enumerate() {
            if cut == 0 {
                kernel.tile(panels, tile.columns, out, stride);
            } else {
                add_tile(kernel, panels, tile.columns, out, stride);
            }
        }
    }
}

/// Adds the tile of a further cut. Apart, because engines clear its buffer by a call, which most products never need.
#[inline(never)]
fn add_tile<K: Kernel>(
    kernel: K,
    panels: super::Panels<'_, K>,
    columns: usize,
    out: &mut [K::Sum],
    stride: usize,
) {
    let mut tile = [K::Sum::default(); MOST_TILE];
    let tile = &mut tile[..K::MR * columns];
    kernel.tile(panels, columns, tile, columns);
    for (row, results) in out.chunks_mut(stride).zip(tile.chunks_exact(columns)) {
        add_all(row, results);
    }
}

fn add_all<T: Copy + std::ops::AddAssign>(sums: &mut [T], others: &[T]) {
    for (sum, &other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
}

/// Most results of a tile.
const MOST_TILE: usize = 144;

/// `[rows][columns]` product of `[rows][depth]` activations with packed weights.
///
/// # Panics
/// If `activations` does not have `rows * depth` elements.
#[must_use]
pub fn multiply<K: Kernel>(
    kernel: K,
    activations: &[K::Activation],
    rows: usize,
    right: &Packed<K>,
) -> Vec<K::Sum> {
    let depth = right.depth();
    assert_eq!(activations.len(), rows * depth, "activations are [rows][depth]");
    let mut panel = LeftPanel::<K>::new(depth);
    let mut sums = vec![K::Sum::default(); K::MR * right.stride()];
    let mut starts = vec![0; K::MR];
    let mut out = Vec::with_capacity(rows * right.columns());
    for first in (0..rows).step_by(K::MR) {
        let count = K::MR.min(rows - first);
        starts.iter_mut().enumerate().for_each(|(row, start)| *start = (first + row.min(count - 1)) * depth);
        let windows = Windows { map: activations, starts: &starts, runs: 1, run: depth, pitch: 0 };
        multiply_windows(kernel, &windows, &mut panel, right, &mut sums);
        for row in sums.chunks_exact(right.stride()).take(count) {
            let from = out.len();
            out.extend_from_slice(&row[..right.columns()]);
            add_all(&mut out[from..], right.offsets());
        }
    }
    out
}
