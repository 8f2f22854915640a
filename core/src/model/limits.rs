//! Every limit on models and on running them, in one place.

/// Maximum bytes of a model file.
pub const MAX_FILE_BYTES: usize = 64 << 20;
/// Maximum bytes of a model file's header; what it takes in memory is up to 32 times as much.
pub(super) const MAX_HEADER_BYTES: usize = 1 << 20;
/// Maximum channels of a layer, and maximum rows of the input of a network that reads strips.
pub const MAX_CHANNELS: usize = 4096;
/// Maximum side of a window; also the maximum stride, padding, and column stride.
pub const MAX_SIDE: usize = 64;
/// Maximum layers of a network.
pub const MAX_LAYERS: usize = 256;

/// Channels that every kernel computes at once: fewer cost as much.
const MIN_COLUMNS: u64 = 16;
/// Multiply-adds that the rest of the work on a window costs: gathering and finishing it.
const MIN_DEPTH: u64 = 16;

/// Limits on one run of a network. They are compared with what the sizes of model and input imply,
/// before anything is allocated or computed, so a run within the limits gives the same result
/// whatever they are.
///
/// A model file of some kilobytes can describe a network that takes gigabytes or minutes for a small
/// input, because padding, rows and channels cost nothing in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Maximum work in multiply-adds, summed over all layers. Max pooling counts a product for each
    /// value that it looks at. Windows count as at least 16 products deep and 16 channels wide.
    pub max_work: u64,
    /// Maximum bytes of feature maps in use at a time: a layer's input and its output, borders
    /// included, at four bytes per value.
    pub max_bytes: u64,
}

impl RunLimits {
    /// For a strip or a picture of a reader: seconds on the slowest machine, and as much memory as a
    /// browser tab on a phone can spare. The bundled networks stay below a twentieth of both.
    pub const DEFAULT: Self = Self { max_work: 1 << 32, max_bytes: 64 << 20 };
    /// No limit but the address space.
    pub const NONE: Self = Self { max_work: u64::MAX, max_bytes: u64::MAX };
}

impl Default for RunLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The work of a convolution with `pixels` outputs of `columns` channels, each a sum of `depth`
/// products, as [`RunLimits::max_work`] counts it.
pub(crate) fn work_of_convolution(pixels: usize, columns: usize, depth: usize) -> u64 {
    let (depth, columns) = ((depth as u64).max(MIN_DEPTH), (columns as u64).max(MIN_COLUMNS));
    (pixels as u64).saturating_mul(depth).saturating_mul(columns)
}
