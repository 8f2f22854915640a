//! Packing: the operands of a product in the layout of a kernel.

use super::{Kernel, Panels};

/// Left panels have room for rows padded to a multiple of this, the longest vector of activations.
pub(super) const ROOM: usize = 16;

/// `depth` rounded up to whole groups.
const fn padded(depth: usize, group: usize) -> usize {
    depth.div_ceil(group) * group
}

/// Weights packed once: panels of `NR` columns, the last one narrower.
#[derive(Debug, Clone)]
pub(crate) struct Packed<K: Kernel> {
    columns: usize,
    depth: usize,
    /// Groups of a cut: the depth at which products are cut.
    cut: usize,
    /// For each panel, the smallest [`Kernel::flush_depth`] of its columns.
    flush_depths: Vec<usize>,
    panels: Vec<K::Right>,
    /// An offset for each column; empty if activations are not centred.
    offsets: Vec<K::Sum>,
}

/// A panel of [`Packed`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct RightPanel<'a, K: Kernel> {
    /// Its first column.
    pub(crate) first: usize,
    /// Its columns, including those that only fill it up.
    pub(crate) columns: usize,
    /// `[depth / GROUP][columns / LANE_COLUMNS][GROUP]` weights.
    pub(crate) elements: &'a [K::Right],
    /// The smallest [`Kernel::flush_depth`] of its columns.
    pub(crate) flush_depth: usize,
}

impl<K: Kernel> Packed<K> {
    /// Packs `weights`, `[columns][depth]` row-major.
    ///
    /// # Panics
    /// If `weights` does not have `columns * depth` elements.
    #[must_use]
    pub(crate) fn new(weights: &[K::Weight], columns: usize, depth: usize) -> Self {
        assert_eq!(weights.len(), columns * depth, "weights are [columns][depth]");
        let groups = depth.div_ceil(K::GROUP);
        let filled = columns.div_ceil(K::STEP) * K::STEP;
        let mut panels = Vec::with_capacity(filled / K::LANE_COLUMNS * groups * K::GROUP);
        let mut lane_weights = vec![K::Weight::default(); K::LANE_COLUMNS];
        for first in (0..filled).step_by(K::NR) {
            let lanes = K::NR.min(filled - first) / K::LANE_COLUMNS;
            for group in 0..groups {
                for lane in 0..lanes {
                    for k in group * K::GROUP..(group + 1) * K::GROUP {
                        for (share, weight) in lane_weights.iter_mut().enumerate() {
                            // The columns of a lane are a vector apart, so that splitting a
                            // vector's lanes gives vectors of neighbouring columns.
                            let column = first + share * VECTOR_LANES + lane_column::<K>(lane);
                            let inside = column < columns && k < depth;
                            *weight = if inside {
                                weights[column * depth + k]
                            } else {
                                K::Weight::default()
                            };
                        }
                        panels.push(K::right(&lane_weights));
                    }
                }
            }
        }
        let column = |column: usize| &weights[column * depth..][..depth];
        let offset = |index: usize| {
            let mut sum = K::Sum::default();
            column(index).iter().for_each(|&weight| sum += weight.into());
            K::Sum::from(K::CENTRE) * sum
        };
        let offsets = if K::CENTRE == 0 { Vec::new() } else { (0..columns).map(offset).collect() };
        let whole = (0..columns).all(|index| K::fits(column(index)));
        let cut = if whole { groups.max(1) } else { K::MAX_DEPTH / K::GROUP };
        let flush_depth = |first: usize| {
            (first..columns.min(first + K::NR)).map(|index| K::flush_depth(column(index))).min()
        };
        let flush_depths = (0..columns).step_by(K::NR).filter_map(flush_depth).collect();
        Self { columns, depth, cut, flush_depths, panels, offsets }
    }

    /// Columns.
    #[must_use]
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Columns rounded up to whole tiles: the length of a row of sums.
    #[must_use]
    pub(crate) fn stride(&self) -> usize {
        self.columns.div_ceil(K::STEP) * K::STEP
    }

    /// Depth.
    #[must_use]
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// What the sums of each column lack because activations are centred; empty if nothing. It is
    /// added to the bias once, so it costs nothing per product.
    #[must_use]
    pub(crate) fn offsets(&self) -> &[K::Sum] {
        &self.offsets
    }

    fn groups(&self) -> usize {
        self.depth.div_ceil(K::GROUP)
    }

    /// Whether tiles may read activations straight from the map, given stretches of whole groups.
    /// A product that is cut, or that has too many columns, packs them instead.
    pub(crate) fn reads_maps(&self) -> bool {
        self.columns <= K::MAX_DIRECT_COLUMNS && self.groups() <= self.cut
    }

    /// All panels.
    pub(super) fn panels(&self) -> impl Iterator<Item = RightPanel<'_, K>> {
        let (groups, stride) = (self.groups(), self.stride());
        (0..stride).step_by(K::NR).zip(&self.flush_depths).map(move |(first, &flush_depth)| {
            let columns = K::NR.min(stride - first);
            // A panel's elements follow those of all columns before it.
            let column_elements = groups * K::GROUP;
            let from = first / K::LANE_COLUMNS * column_elements;
            RightPanel {
                first,
                columns,
                flush_depth,
                elements: &self.panels[from..][..columns / K::LANE_COLUMNS * column_elements],
            }
        })
    }

    /// The cuts of a tile's operands: parts as deep as its accumulators allow.
    pub(super) fn cuts<'a>(
        &self,
        left: &'a LeftPanel<K>,
        right: RightPanel<'a, K>,
    ) -> impl Iterator<Item = Panels<'a, K>> {
        let elements = left.groups(self.groups());
        let flush_depth = right.flush_depth;
        let lefts = elements.chunks(self.cut * K::GROUP * K::MR);
        let rights = right.elements.chunks(self.cut * K::GROUP * (right.columns / K::LANE_COLUMNS));
        lefts.zip(rights).enumerate().map(move |(cut, (piece, right))| {
            let sums = if K::ROW_SUMS { &left.sums[cut * K::MR..][..K::MR] } else { &[][..] };
            Panels { left: piece, right, sums, flush_depth }
        })
    }
}

/// Lanes of a 128-bit vector of 32-bit sums: columns that share a lane are this far apart.
const VECTOR_LANES: usize = 4;

/// The first column of a lane. Vectors are in order, and each stands for
/// `VECTOR_LANES * LANE_COLUMNS` columns.
const fn lane_column<K: Kernel>(lane: usize) -> usize {
    let (vector, lane) = (lane / VECTOR_LANES, lane % VECTOR_LANES);
    vector * VECTOR_LANES * K::LANE_COLUMNS + lane
}

/// A panel of `MR` packed rows.
#[derive(Debug, Clone)]
pub(crate) struct LeftPanel<K: Kernel> {
    depth: usize,
    elements: Vec<K::Left>,
    sums: Vec<i32>,
}

impl<K: Kernel> LeftPanel<K> {
    /// A panel of zeros.
    #[must_use]
    pub(crate) fn new(depth: usize) -> Self {
        let room = padded(padded(depth, K::GROUP), ROOM) * K::MR;
        Self { depth, elements: vec![K::Left::default(); room], sums: Vec::new() }
    }

    /// Depth.
    #[must_use]
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The elements of the first `groups` groups.
    pub(super) fn groups(&self, groups: usize) -> &[K::Left] {
        &self.elements[..groups * K::GROUP * K::MR]
    }

    /// Begins a new panel: clears the row sums.
    pub(crate) fn restart(&mut self) {
        if !K::ROW_SUMS {
            return;
        }
        self.sums.clear();
        self.sums.resize(K::MR * self.depth.div_ceil(K::MAX_DEPTH), 0);
    }

    /// Sets all `MR` rows from depth `from` on. `rows` returns the values of each row; all have the
    /// same length.
    ///
    /// # Panics
    /// As [`LeftPanel::set`].
    #[inline]
    pub(crate) fn set_all<'a>(&mut self, from: usize, rows: impl Fn(usize) -> &'a [K::Activation]) {
        let whole = from.is_multiple_of(K::GROUP) && rows(0).len().is_multiple_of(K::GROUP);
        if !K::ROW_SUMS && whole && K::pack(&rows, &mut self.elements[from * K::MR..]) {
            return;
        }
        for row in 0..K::MR {
            self.set(row, from, rows(row));
        }
    }

    /// Sets `values` of `row` from depth `from` on. Values beyond the panel's depth, which are a
    /// row's padding, are ignored.
    ///
    /// # Panics
    /// If the row or the depth lies outside the panel.
    #[inline]
    pub(crate) fn set(&mut self, row: usize, from: usize, values: &[K::Activation]) {
        assert!(row < K::MR && from <= self.depth, "within the panel");
        let values = &values[..values.len().min(self.depth - from)];
        // Whole groups are contiguous; values before the first and after the last go one by one.
        let head = (K::GROUP - from % K::GROUP).min(values.len()) % K::GROUP;
        let (ragged, whole) = values.split_at(head);
        self.set_ragged(row, from, ragged);
        let groups = whole.chunks_exact(K::GROUP);
        let tail = groups.remainder();
        let first = (from + head) / K::GROUP * K::MR + row;
        let whole_panel = self.elements.len();
        // The groups of a row are `MR * GROUP` elements apart; the last chunk may be shorter than
        // that, but not shorter than a group.
        let steps =
            self.elements[(first * K::GROUP).min(whole_panel)..].chunks_mut(K::MR * K::GROUP);
        for (target, group) in steps.zip(groups) {
            for (element, &value) in target[..K::GROUP].iter_mut().zip(group) {
                *element = K::left(value);
            }
        }
        self.set_ragged(row, from + values.len() - tail.len(), tail);
        if K::ROW_SUMS {
            for (offset, &value) in values.iter().enumerate() {
                self.sums[(from + offset) / K::MAX_DEPTH * K::MR + row] += K::row_term(value);
            }
        }
    }

    fn set_ragged(&mut self, row: usize, from: usize, values: &[K::Activation]) {
        for (k, &value) in (from..).zip(values) {
            self.elements[(k / K::GROUP * K::MR + row) * K::GROUP + k % K::GROUP] = K::left(value);
        }
    }
}
