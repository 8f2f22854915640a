//! The driver: windows of a map, a panel of rows at a time, through all panels of weights.

use super::pack::ROOM;
use super::{Kernel, LeftPanel, Packed, Panels, Windows, tile_fits};

/// Row panels that are multiplied, then finished together: they share calls, and their sums stay
/// in the first-level cache.
pub(crate) const PANELS: usize = 8;

/// Length of a gathered window of `depth` activations, padded so that kernels read whole vectors.
#[must_use]
pub(crate) fn window_length(depth: usize) -> usize {
    depth.div_ceil(ROOM) * ROOM
}

/// Multiplies whole panels of windows with all columns: `out[row][column]`, rows of
/// [`Packed::stride`] sums. [`Packed::offsets`] are not added.
///
/// # Panics
/// If the number of windows is not a multiple of `MR`, if their length does not suit the depth, if
/// their last stretch begins behind it, or if `out` is too short.
pub(crate) fn multiply_windows<K: Kernel>(
    kernel: K,
    windows: &Windows<'_, K::Activation>,
    panel: &mut LeftPanel<K>,
    right: &Packed<K>,
    out: &mut [K::Sum],
) {
    let size = K::MR * right.stride();
    assert!(windows.count().is_multiple_of(K::MR), "whole panels");
    assert!(
        size == 0 || out.len() / size >= windows.count() / K::MR,
        "room for the sums of all panels"
    );
    assert!(
        (right.depth()..=window_length(right.depth())).contains(&windows.window_len()),
        "windows as long as columns"
    );
    // An empty product has no panels of weights.
    let outs = out.chunks_exact_mut(size.max(1));
    if right.reads_maps() && windows.stretch_len().is_multiple_of(K::GROUP) {
        for (windows, out) in windows.panels(K::MR).zip(outs) {
            multiply_in_map(kernel, &windows, right, out);
        }
        return;
    }
    for (windows, out) in windows.panels(K::MR).zip(outs) {
        panel.restart();
        for index in 0..windows.stretches() {
            let from = index * windows.stretch_len();
            panel.set_all(from, |row| windows.stretch(row, index));
        }
        multiply_panel(kernel, panel, right, out);
    }
}

/// Multiplies `MR` windows that tiles read where they lie, for products where
/// [`Packed::reads_maps`]. Not inlined: one copy per kernel is smaller, and leaves WebAssembly
/// engines more registers for its loop.
#[inline(never)]
fn multiply_in_map<K: Kernel>(
    kernel: K,
    windows: &Windows<'_, K::Activation>,
    right: &Packed<K>,
    out: &mut [K::Sum],
) {
    let stride = right.stride();
    assert!(windows.count() == K::MR && windows.stretch_len().is_multiple_of(K::GROUP));
    assert!(windows.window_len() >= right.depth());
    for tile in right.panels() {
        let out = &mut out[tile.first..];
        assert!(tile_fits(K::MR, tile.columns, stride, out.len()), "room for the tile");
        // SAFETY: asserted above: there are `MR` windows, their stretches are whole groups, and
        // they are at least as long as the columns. `Packed` makes panels of a multiple of `STEP`
        // columns, at most `NR`. `tile_fits` holds.
        unsafe { kernel.tile_of_windows(windows, tile, out, stride) }
    }
}

/// Multiplies one panel of rows with all columns: `out[row][column]`, `MR` rows of
/// [`Packed::stride`] sums. [`Packed::offsets`] are not added.
///
/// # Panics
/// If the depths differ or `out` is too short.
#[inline(never)]
fn multiply_panel<K: Kernel>(
    kernel: K,
    left: &LeftPanel<K>,
    right: &Packed<K>,
    out: &mut [K::Sum],
) {
    assert_eq!(left.depth(), right.depth(), "both operands have the same depth");
    let stride = right.stride();
    for tile in right.panels() {
        let out = &mut out[tile.first..];
        assert!(tile_fits(K::MR, tile.columns, stride, out.len()), "room for the tile");
        for (cut, panels) in right.cuts(left, tile).enumerate() {
            if cut == 0 {
                // SAFETY: `cuts` gives both panels the same number of whole groups, and `MR` row
                // sums where `ROW_SUMS`. `Packed` makes panels of a multiple of `STEP` columns, at
                // most `NR`. `tile_fits` holds.
                unsafe { kernel.tile(panels, tile.columns, out, stride) }
            } else {
                add_tile(kernel, panels, tile.columns, out, stride);
            }
        }
    }
}

/// Adds the tile of a further cut to `out`. Not inlined, because WebAssembly engines clear its
/// buffer by a call, which most products never need.
///
/// # Panics
/// If `out` is too short for the rows of the tile.
#[inline(never)]
fn add_tile<K: Kernel>(
    kernel: K,
    panels: Panels<'_, K>,
    columns: usize,
    out: &mut [K::Sum],
    stride: usize,
) {
    const { assert!(K::MR * K::NR <= MAX_TILE, "MAX_TILE holds every kernel's tile") };
    let mut tile = [K::Sum::default(); MAX_TILE];
    let tile = &mut tile[..K::MR * columns];
    // SAFETY: panels and columns come from `Packed` as in `multiply_panel`: whole groups, as many
    // on both sides, and a multiple of `STEP` columns. `MR` rows of `columns` results, `columns`
    // apart, fill `tile` exactly.
    unsafe { kernel.tile(panels, columns, tile, columns) };
    for (row, results) in out.chunks_mut(stride).zip(tile.chunks_exact(columns)) {
        add_all(row, results);
    }
}

fn add_all<T: Copy + std::ops::AddAssign>(sums: &mut [T], others: &[T]) {
    for (sum, &other) in sums.iter_mut().zip(others) {
        *sum += other;
    }
}

/// Largest number of results of any kernel's tile.
const MAX_TILE: usize = 144;

/// The `[rows][columns]` product of `[rows][depth]` activations with packed weights, offsets added.
///
/// # Panics
/// If `activations` does not have `rows * depth` elements.
#[must_use]
pub(crate) fn multiply<K: Kernel>(
    kernel: K,
    activations: &[K::Activation],
    rows: usize,
    right: &Packed<K>,
) -> Vec<K::Sum> {
    let depth = right.depth();
    assert_eq!(Some(activations.len()), rows.checked_mul(depth), "activations are [rows][depth]");
    let mut panel = LeftPanel::<K>::new(depth);
    let mut sums = vec![K::Sum::default(); K::MR * right.stride()];
    let mut starts = vec![0; K::MR];
    let mut out = Vec::with_capacity(rows * right.columns());
    for first in (0..rows).step_by(K::MR) {
        let count = K::MR.min(rows - first);
        for (row, start) in starts.iter_mut().enumerate() {
            *start = (first + row.min(count - 1)) * depth;
        }
        let windows = Windows::new(activations, &starts, [1, depth, 0]);
        let windows = windows.unwrap_or_else(|| unreachable!("rows lie inside their matrix"));
        multiply_windows(kernel, &windows, &mut panel, right, &mut sums);
        for row in sums.chunks_exact(right.stride().max(1)).take(count) {
            let from = out.len();
            out.extend_from_slice(&row[..right.columns()]);
            add_all(&mut out[from..], right.offsets());
        }
    }
    out
}
