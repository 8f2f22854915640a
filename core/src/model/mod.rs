//! Models: the description and the weights of a network, read from a file and checked.
//!
//! The file format is described in `docs/model-file.md`.

mod check;
mod container;
mod error;
mod file;
mod json;
mod limits;

use crate::Precision;

pub use error::ModelError;
pub(crate) use limits::work_of_convolution;
pub use limits::{MAX_CHANNELS, MAX_FILE_BYTES, MAX_LAYERS, MAX_SIDE, RunLimits};

/// A model as its file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The arithmetic.
    pub precision: Precision,
    /// Release of the weights.
    pub release: String,
    /// FNV-1a digest of the file, 16 hexadecimal digits.
    pub hash: String,
    /// Rows of the input of a network that reads strips and gives one row of logits; `None` for one
    /// that gives maps of pictures of any size.
    pub height: Option<usize>,
    /// Columns of the input per column of logits.
    pub column_stride: usize,
    /// The characters, in the order of the classes; empty for maps.
    pub alphabet: String,
    /// The class that means "no character"; 0 for maps.
    pub blank: usize,
    /// The layers in order; the last is a convolution.
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A convolution.
    Convolution(Convolution),
    /// Max pooling without padding.
    MaxPool(Window),
}

/// A window that slides over a feature map; pairs are `[vertical, horizontal]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its size.
    pub kernel: [usize; 2],
    /// Its step.
    pub stride: [usize; 2],
    /// Border on each side of the map.
    pub padding: [usize; 2],
}

impl Model {
    /// Rows of the input per row of logits: the product of the vertical strides, which
    /// [`Model::check`] bounds.
    #[must_use]
    pub fn row_stride(&self) -> usize {
        self.layers
            .iter()
            .fold(1, |product, layer| product.saturating_mul(layer.window().stride[0]))
    }
}

impl Layer {
    /// The window that slides over the layer's input.
    #[must_use]
    pub fn window(&self) -> &Window {
        match self {
            Self::Convolution(convolution) => &convolution.window,
            Self::MaxPool(window) => window,
        }
    }
}

impl Window {
    /// Rows and columns of the output for an input of `height` x `width`; `None` if the window does
    /// not fit.
    #[must_use]
    pub fn output(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let side = |len: usize, axis: usize| {
            let padded = len.checked_add(self.padding[axis].checked_mul(2)?)?;
            let room = padded.checked_sub(self.kernel[axis])?;
            Some(room.checked_div(self.stride[axis])? + 1)
        };
        Some((side(height, 0)?, side(width, 1)?))
    }
}

/// A convolution with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// Name.
    pub name: String,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Kernel, stride and padding.
    pub window: Window,
    /// Weights, biases and scales.
    pub parameters: Parameters,
    /// The code of the input that means 0.0.
    pub zero_point: u8,
    /// Bits of the input's codes, 4 or 8.
    pub activation_bits: u8,
}

impl Convolution {
    /// Products summed for one result.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.inputs
    }
}

/// Parameters of a convolution; weights are `[output][kernel row][kernel column][input]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameters {
    /// Those of an integer network.
    Integer {
        /// Weights, -7..=7 at 4 bits, -127..=127 at 8.
        weights: Vec<i8>,
        /// Added to each channel's sum.
        bias: Vec<i32>,
        /// Factor of requantisation for each channel. In the last layer the value of one unit of a
        /// logit: a single one for strips, one for each channel for maps.
        scale: Vec<f32>,
    },
    /// Those of a network in single precision.
    Float {
        /// Weights.
        weights: Vec<f32>,
        /// Added to each channel's sum.
        bias: Vec<f32>,
    },
}
