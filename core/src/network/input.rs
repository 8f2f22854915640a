//! The input of a network, and the checks before it runs.

use crate::model::{Layer, Model};

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
    /// checked to fit the address space.
    ///
    /// # Errors
    /// [`InputError`] if the size does not suit the network.
    pub(super) fn strip(pixels: &'a [u8], model: &Model) -> Result<Self, InputError> {
        let height = model.height.ok_or(InputError::Kind)?;
        Self::of(pixels, [height, pixels.len() / height.max(1)], model)
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
    ) -> Result<Self, InputError> {
        if model.height.is_some() {
            return Err(InputError::Kind);
        }
        let (height, multiple) = (pixels.len().checked_div(width).unwrap_or(0), model.row_stride());
        if !height.is_multiple_of(multiple) {
            return Err(InputError::Height { height, multiple });
        }
        Self::of(pixels, [height, width], model)
    }

    fn of(
        pixels: &'a [u8],
        [height, width]: [usize; 2],
        model: &Model,
    ) -> Result<Self, InputError> {
        if width == 0 || height == 0 || width.checked_mul(height) != Some(pixels.len()) {
            return Err(InputError::Rows { rows: height, pixels: pixels.len() });
        }
        let multiple = model.column_stride;
        if !width.is_multiple_of(multiple) {
            return Err(InputError::Width { width, multiple });
        }
        check_maps(model, height, width)?;
        Ok(Self { pixels, height, width })
    }
}

/// Checks the sizes of all feature maps, borders included, and of the logits.
fn check_maps(model: &Model, mut height: usize, mut width: usize) -> Result<(), InputError> {
    let mut channels = 1;
    for layer in &model.layers {
        let window = layer.window();
        let padded = |side: usize, padding: usize| side.checked_add(2 * padding);
        let bytes = padded(height, window.padding[0])
            .zip(padded(width, window.padding[1]))
            .and_then(|(height, width)| height.checked_mul(width))
            .and_then(|pixels| pixels.checked_mul(channels))
            // At most four bytes a value, and again as many for the chunk behind the last one.
            .and_then(|values| values.checked_mul(8));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(InputError::TooLarge);
        }
        (height, width) = window.output(height, width).ok_or(InputError::TooSmall)?;
        if let Layer::Convolution(convolution) = layer {
            channels = convolution.outputs;
        }
    }
    // The logits.
    let logits = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels));
    let logits = logits.and_then(|values| values.checked_mul(8));
    logits.filter(|&bytes| bytes <= isize::MAX as usize).map(|_| ()).ok_or(InputError::TooLarge)
}
