//! The input of a network, and the checks before it runs.

use crate::model::{Layer, Model, RunLimits, work_of_convolution};

/// Why a network cannot run on an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputError {
    /// The input is empty, or does not consist of whole columns.
    Rows {
        /// Rows of the network's input.
        rows: usize,
        /// Pixels of the input.
        pixels: usize,
    },
    /// The height is not a multiple of the model's row stride; only of a network that gives maps.
    Height {
        /// Rows of the input.
        height: usize,
        /// What the height must be a multiple of.
        multiple: usize,
    },
    /// The width is not a multiple of the model's column stride.
    Width {
        /// Columns of the input.
        width: usize,
        /// What the width must be a multiple of.
        multiple: usize,
    },
    /// The network gives maps and needs the width of its input, or reads strips of another height.
    Kind,
    /// The input is smaller than a window of the network.
    TooSmall,
    /// A feature map of this input would not fit into the memory of this machine.
    TooLarge,
    /// The run would take more memory than [`RunLimits::max_bytes`].
    TooMuchMemory {
        /// Bytes of feature maps in use at a time.
        needed: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// The run would take more work than [`RunLimits::max_work`].
    TooMuchWork {
        /// Multiply-adds of all layers.
        needed: u64,
        /// Multiply-adds allowed.
        allowed: u64,
    },
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows { rows, pixels } => {
                write!(
                    f,
                    "{pixels} pixels cannot be split into {rows} rows of equal, nonzero width"
                )
            }
            Self::Height { height, multiple } => {
                write!(f, "the height is {height}, which is not a multiple of {multiple}")
            }
            Self::Width { width, multiple } => {
                write!(f, "the width is {width}, which is not a multiple of {multiple}")
            }
            Self::Kind => f.write_str("the network reads another kind of input"),
            Self::TooSmall => f.write_str("the input is smaller than a window of the network"),
            Self::TooLarge => f.write_str("the input needs more memory than this machine has"),
            Self::TooMuchMemory { needed, allowed } => {
                write!(f, "feature maps would take {needed} bytes, and {allowed} are allowed")
            }
            Self::TooMuchWork { needed, allowed } => {
                write!(f, "the run would take {needed} multiply-adds, and {allowed} are allowed")
            }
        }
    }
}

impl std::error::Error for InputError {}

/// Rows of gray codes, 0 to 255.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) pixels: &'a [u8],
    pub(super) height: usize,
    pub(super) width: usize,
}

impl<'a> Input<'a> {
    /// `pixels` as a strip, the input of a `model` with a height. The sizes of all feature maps are
    /// checked to fit the address space, and the run to be within `limits`.
    ///
    /// # Errors
    /// [`InputError`] if the size does not suit the network.
    pub(super) fn strip(
        pixels: &'a [u8],
        model: &Model,
        limits: &RunLimits,
    ) -> Result<Self, InputError> {
        let height = model.height.ok_or(InputError::Kind)?;
        Self::of(pixels, [height, pixels.len() / height.max(1)], model, limits)
    }

    /// `pixels` as a picture of some width, the input of a `model` that gives maps; checked as a
    /// strip is.
    ///
    /// # Errors
    /// [`InputError`] if the size does not suit the network.
    pub(super) fn picture(
        pixels: &'a [u8],
        width: usize,
        model: &Model,
        limits: &RunLimits,
    ) -> Result<Self, InputError> {
        if model.height.is_some() {
            return Err(InputError::Kind);
        }
        let (height, multiple) = (pixels.len().checked_div(width).unwrap_or(0), model.row_stride());
        if !height.is_multiple_of(multiple) {
            return Err(InputError::Height { height, multiple });
        }
        Self::of(pixels, [height, width], model, limits)
    }

    fn of(
        pixels: &'a [u8],
        [height, width]: [usize; 2],
        model: &Model,
        limits: &RunLimits,
    ) -> Result<Self, InputError> {
        if width == 0 || height == 0 || width.checked_mul(height) != Some(pixels.len()) {
            return Err(InputError::Rows { rows: height, pixels: pixels.len() });
        }
        let multiple = model.column_stride;
        if !width.is_multiple_of(multiple) {
            return Err(InputError::Width { width, multiple });
        }
        check_cost(model, [height, width], limits)?;
        Ok(Self { pixels, height, width })
    }
}

/// Checks the sizes of all feature maps, borders included, and of the logits; and the memory and the
/// work that they take together.
fn check_cost(
    model: &Model,
    [mut height, mut width]: [usize; 2],
    limits: &RunLimits,
) -> Result<(), InputError> {
    let (mut channels, mut before, mut peak, mut work) = (1usize, 0u64, 0u64, 0u64);
    let mut take = |bytes: u64| {
        peak = peak.max(bytes.saturating_add(before));
        before = bytes;
    };
    for layer in &model.layers {
        let window = layer.window();
        let padded = |side: usize, padding: usize| side.checked_add(2 * padding);
        let values = padded(height, window.padding[0])
            .zip(padded(width, window.padding[1]))
            .and_then(|(height, width)| height.checked_mul(width));
        take(map_bytes(values.and_then(|values| values.checked_mul(channels)))?);
        (height, width) = window.output(height, width).ok_or(InputError::TooSmall)?;
        let pixels = height.checked_mul(width).ok_or(InputError::TooLarge)?;
        work = work.saturating_add(match layer {
            Layer::Convolution(convolution) => {
                channels = convolution.outputs;
                work_of_convolution(pixels, channels, convolution.depth())
            }
            Layer::MaxPool(window) => work_of_convolution(
                pixels,
                channels,
                window.kernel[0].saturating_mul(window.kernel[1]),
            ),
        });
    }
    take(map_bytes(height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels)))?);
    if peak > limits.max_bytes {
        return Err(InputError::TooMuchMemory { needed: peak, allowed: limits.max_bytes });
    }
    if work > limits.max_work {
        return Err(InputError::TooMuchWork { needed: work, allowed: limits.max_work });
    }
    Ok(())
}

/// Bytes of a map of so many values, at four bytes each, if that fits the address space: a map of
/// wider values, or the chunk behind the last one, takes as much again.
fn map_bytes(values: Option<usize>) -> Result<u64, InputError> {
    let bytes = values.and_then(|values| values.checked_mul(8));
    let bytes = bytes.filter(|&bytes| bytes <= isize::MAX as usize).ok_or(InputError::TooLarge)?;
    Ok(bytes as u64 / 2)
}
