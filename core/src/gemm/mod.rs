//! Matrix products in blocks: one driver, one kernel trait, one file per instruction set.
//!
//! A product has `rows` (pixels) x `columns` (filters) results, each a sum over `depth`. The left operand (activations) is packed in
//! panels of `MR` rows, the right one (weights) once in panels of `NR` columns. Both panels run over the depth in groups of `GROUP`
//! neighbours, because the instructions that multiply narrow integers add neighbours:
//!
//! ```text
//! left panel:  [depth / GROUP][MR][GROUP]      right panel: [depth / GROUP][NR][GROUP]
//! ```
//!
//! Kernels are named `{isa}_{activations}{weights}_{MR}x{NR}`.

mod choice;
mod dispatch;
pub mod oracle;
mod portable;
#[cfg(test)]
mod suite;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod dotprod;
#[cfg(target_arch = "aarch64")]
mod i8mm;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
mod neon_pair;
#[cfg(target_arch = "aarch64")]
mod neon_paper;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128_pack;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128_pair;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128_tile;
#[cfg(target_arch = "x86_64")]
mod sse2_pack;

pub use choice::{Choice, choose};
pub use dispatch::{Task, Visitor, every, select};

/// A number that products are made of.
pub trait Number: Copy + Default + Send + Sync + PartialEq + std::fmt::Debug + 'static {}
impl Number for u8 {}
impl Number for i8 {}
impl Number for i16 {}
impl Number for i32 {}
impl Number for f32 {}

/// The inner loop of one instruction set, and the layout it reads.
///
/// A value of a kernel can only be had where its instructions exist ([`Kernel::detect`]), so holding one is the proof.
pub trait Kernel: Copy + Send + Sync + 'static {
    /// Activations before packing: `u8` codes or `f32`.
    type Activation: Number;
    /// Weights before packing: `i8` or `f32`.
    type Weight: Number;
    /// Elements of a left panel.
    type Left: Number;
    /// Elements of a right panel.
    type Right: Number;
    /// Results.
    type Sum: Number;

    /// Name, after the rule of the module.
    const NAME: &'static str;
    /// Instruction set, for people.
    const ISA: &'static str;
    /// Rows of a tile.
    const MR: usize;
    /// Columns of a tile.
    const NR: usize;
    /// Neighbours along the depth that lie together.
    const GROUP: usize;
    /// Columns that share one element of a right panel.
    const LANE_COLUMNS: usize = 1;
    /// Largest depth whose sums cannot overflow the kernel's accumulators; a multiple of `GROUP`, at most 2^20 so that a panel's length fits 32 bits. Deeper
    /// products are cut and added.
    const MAX_DEPTH: usize;
    /// Whether tiles need the sum of each row's activations, because weights are stored with an offset.
    const ROW_SUMS: bool = false;

    /// Whether a term of each column alone belongs to its sums, because activations are stored with an offset.
    const COLUMN_OFFSETS: bool = false;

    /// The kernel, where the machine has its instructions.
    fn detect() -> Option<Self>;

    /// Does `work` compiled for the kernel's instruction set: for plain loops that compilers turn into vectors.
    #[inline]
    fn vectorised<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    /// An activation as an element of a left panel.
    fn left(activation: Self::Activation) -> Self::Left;

    /// The weights of `LANE_COLUMNS` columns at one depth as an element of a right panel.
    fn right(weights: &[Self::Weight]) -> Self::Right;

    /// `a + b` of sums.
    fn add(a: Self::Sum, b: Self::Sum) -> Self::Sum;

    /// An activation as a term of a row sum; only asked for where `ROW_SUMS`.
    fn row_term(_activation: Self::Activation) -> i32 {
        0
    }

    /// What belongs to every sum of a column with these weights; only asked for where `COLUMN_OFFSETS`.
    fn column_offset(_column: &[Self::Weight]) -> Self::Sum {
        Self::Sum::default()
    }

    /// One tile: `out[r * NR + c] = sum over the panels` (not added to what is there). `sums` has `MR` row sums where `ROW_SUMS`.
    ///
    /// Panels hold whole groups, at most `MAX_DEPTH` deep.
    fn tile(self, left: &[Self::Left], right: &[Self::Right], sums: &[i32], out: &mut [Self::Sum]);

    /// The same with rows of results `stride` apart, where they are wanted: `out[r * stride + c]`.
    #[inline]
    fn tile_into(
        self,
        left: &[Self::Left],
        right: &[Self::Right],
        sums: &[i32],
        out: &mut [Self::Sum],
        stride: usize,
    ) {
        let mut tile = [Self::Sum::default(); MOST_TILE];
        let tile = &mut tile[..Self::MR * Self::NR];
        self.tile(left, right, sums, tile);
        for (target, results) in out.chunks_mut(stride).zip(tile.chunks_exact(Self::NR)) {
            target[..Self::NR].copy_from_slice(results);
        }
    }

    /// Packs the beginnings of `MR` rows of one length into `panel`, which begins with their first group, and says how many activations of each
    /// row it took: whole groups, or none where there is no fast way. Only asked for without `ROW_SUMS`.
    #[inline]
    fn pack<'a>(_rows: impl Fn(usize) -> &'a [Self::Activation], _panel: &mut [Self::Left]) -> usize {
        0
    }
}

/// Weights packed once: panels of `NR` columns, cut at `MAX_DEPTH`.
#[derive(Debug, Clone)]
pub struct Packed<K: Kernel> {
    columns: usize,
    depth: usize,
    panels: Vec<K::Right>,
    /// A term for each column of whole panels; empty without `COLUMN_OFFSETS`.
    offsets: Vec<K::Sum>,
}

/// Depth in whole groups.
const fn padded(depth: usize, group: usize) -> usize {
    depth.div_ceil(group) * group
}

impl<K: Kernel> Packed<K> {
    /// Packs `weights`, `[columns][depth]` row-major.
    ///
    /// # Panics
    /// If `weights` does not have `columns * depth` elements.
    #[must_use]
    pub fn new(weights: &[K::Weight], columns: usize, depth: usize) -> Self {
        assert_eq!(weights.len(), columns * depth, "weights are [columns][depth]");
        let (groups, lanes) = (padded(depth, K::GROUP) / K::GROUP, K::NR / K::LANE_COLUMNS);
        let mut panels = Vec::with_capacity(columns.div_ceil(K::NR) * groups * lanes * K::GROUP);
        let mut lane_weights = vec![K::Weight::default(); K::LANE_COLUMNS];
        for panel in 0..columns.div_ceil(K::NR) {
            for group in 0..groups {
                for lane in 0..lanes {
                    for k in group * K::GROUP..(group + 1) * K::GROUP {
                        for (share, weight) in lane_weights.iter_mut().enumerate() {
                            // Lanes hold columns `lanes` apart, so that each half of a tile's row stands together.
                            let column = panel * K::NR + share * VECTOR_LANES + lane_column::<K>(lane);
                            let inside = column < columns && k < depth;
                            *weight = if inside { weights[column * depth + k] } else { K::Weight::default() };
                        }
                        panels.push(K::right(&lane_weights));
                    }
                }
            }
        }
        let mut offsets = Vec::new();
        if K::COLUMN_OFFSETS {
            offsets.extend((0..columns).map(|column| K::column_offset(&weights[column * depth..][..depth])));
            offsets.resize(columns.div_ceil(K::NR) * K::NR, K::Sum::default());
        }
        Self { columns, depth, panels, offsets }
    }

    /// Columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Depth.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    fn groups(&self) -> usize {
        padded(self.depth, K::GROUP) / K::GROUP
    }

    fn panel(&self, index: usize) -> &[K::Right] {
        let len = self.groups() * K::GROUP * K::NR / K::LANE_COLUMNS;
        &self.panels[index * len..][..len]
    }
}

/// Lanes of one 128-bit vector of 32-bit sums: columns that share a lane are this far apart.
const VECTOR_LANES: usize = 4;

/// The first column of a lane: vectors follow one another, each standing for `VECTOR_LANES * LANE_COLUMNS` columns.
const fn lane_column<K: Kernel>(lane: usize) -> usize {
    let (vector, lane) = (lane / VECTOR_LANES, lane % VECTOR_LANES);
    vector * VECTOR_LANES * K::LANE_COLUMNS + lane
}

/// A panel of `MR` packed rows.
#[derive(Debug, Clone)]
pub struct LeftPanel<K: Kernel> {
    depth: usize,
    elements: Vec<K::Left>,
    sums: Vec<i32>,
}

impl<K: Kernel> LeftPanel<K> {
    /// A panel of zeros.
    #[must_use]
    pub fn new(depth: usize) -> Self {
        Self { depth, elements: vec![K::Left::default(); padded(depth, K::GROUP) * K::MR], sums: Vec::new() }
    }

    /// Begins a new panel: row sums are those of the rows set from now on.
    pub fn restart(&mut self) {
        if !K::ROW_SUMS {
            return;
        }
        self.sums.clear();
        self.sums.resize(K::MR * self.depth.div_ceil(K::MAX_DEPTH), 0);
    }

    /// Sets all `MR` rows from depth `from` on; `rows` gives each, and all have one length.
    ///
    /// # Panics
    /// As [`LeftPanel::set`].
    #[inline]
    pub fn set_all<'a>(&mut self, from: usize, rows: impl Fn(usize) -> &'a [K::Activation]) {
        let mut done = 0;
        if !K::ROW_SUMS && from.is_multiple_of(K::GROUP) {
            done = K::pack(&rows, &mut self.elements[from * K::MR..]);
        }
        if done == rows(0).len() {
            return;
        }
        for row in 0..K::MR {
            self.set(row, from + done, &rows(row)[done..]);
        }
    }

    /// Sets `values` of `row` from depth `from` on.
    ///
    /// # Panics
    /// If the row or the depth lies outside the panel.
    #[inline]
    pub fn set(&mut self, row: usize, from: usize, values: &[K::Activation]) {
        assert!(row < K::MR && from + values.len() <= self.depth, "within the panel");
        // Whole groups are contiguous; what stands before the first and after the last of them goes one by one.
        let head = (K::GROUP - from % K::GROUP).min(values.len()) % K::GROUP;
        let (ragged, whole) = values.split_at(head);
        self.set_ragged(row, from, ragged);
        let groups = whole.chunks_exact(K::GROUP);
        let tail = groups.remainder();
        let first = (from + head) / K::GROUP * K::MR + row;
        let whole_panel = self.elements.len();
        // One row's groups lie a whole step apart; the last of these chunks is short, but never shorter than a group.
        let steps = self.elements[(first * K::GROUP).min(whole_panel)..].chunks_mut(K::MR * K::GROUP);
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

/// The product of one panel with all columns: `out[row][column]`, `MR` rows of `stride` sums, `stride` at least the columns in whole tiles.
///
/// # Panics
/// If the depths differ or `out` is too short.
pub fn multiply_panel<K: Kernel>(
    kernel: K,
    left: &LeftPanel<K>,
    right: &Packed<K>,
    out: &mut [K::Sum],
    stride: usize,
) {
    assert_eq!(left.depth, right.depth, "both operands have one depth");
    let tiles = right.columns.div_ceil(K::NR);
    assert!(stride >= tiles * K::NR && out.len() >= K::MR * stride, "room for whole tiles");
    let chunk = K::MAX_DEPTH / K::GROUP;
    let (left_group, right_group) = (K::MR * K::GROUP, K::NR / K::LANE_COLUMNS * K::GROUP);
    for index in 0..tiles {
        let panel = right.panel(index);
        let out = &mut out[index * K::NR..];
        let cuts = left.elements.chunks(chunk * left_group).zip(panel.chunks(chunk * right_group));
        for (cut, (left_cut, right_cut)) in cuts.enumerate() {
            let sums = if K::ROW_SUMS { &left.sums[cut * K::MR..][..K::MR] } else { &[][..] };
            if cut == 0 {
                kernel.tile_into(left_cut, right_cut, sums, out, stride);
                if K::COLUMN_OFFSETS {
                    let offsets = &right.offsets[index * K::NR..][..K::NR];
                    out.chunks_mut(stride).take(K::MR).for_each(|row| add_all::<K>(row, offsets));
                }
            } else {
                add_tile(kernel, left_cut, right_cut, sums, out, stride);
            }
        }
    }
}

/// Adds the tile of a further cut. Apart, because engines clear its buffer by a call, which most products never need.
#[inline(never)]
fn add_tile<K: Kernel>(
    kernel: K,
    left: &[K::Left],
    right: &[K::Right],
    sums: &[i32],
    out: &mut [K::Sum],
    stride: usize,
) {
    let mut tile = [K::Sum::default(); MOST_TILE];
    let tile = &mut tile[..K::MR * K::NR];
    kernel.tile(left, right, sums, tile);
    for (row, results) in out.chunks_mut(stride).zip(tile.chunks_exact(K::NR)) {
        add_all::<K>(row, results);
    }
}

fn add_all<K: Kernel>(sums: &mut [K::Sum], others: &[K::Sum]) {
    for (sum, &other) in sums.iter_mut().zip(others) {
        *sum = K::add(*sum, other);
    }
}

/// Most results of a tile.
const MOST_TILE: usize = 128;

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
    assert_eq!(activations.len(), rows * right.depth, "activations are [rows][depth]");
    let stride = right.columns.div_ceil(K::NR) * K::NR;
    let mut panel = LeftPanel::<K>::new(right.depth);
    let mut sums = vec![K::Sum::default(); K::MR * stride];
    let mut out = Vec::with_capacity(rows * right.columns);
    for first in (0..rows).step_by(K::MR) {
        let count = K::MR.min(rows - first);
        panel.restart();
        panel.set_all(0, |row| &activations[(first + row.min(count - 1)) * right.depth..][..right.depth]);
        multiply_panel(kernel, &panel, right, &mut sums, stride);
        for row in 0..count {
            out.extend_from_slice(&sums[row * stride..][..right.columns]);
        }
    }
    out
}
