//! Models: what a network is made of, read from a file and checked before anything is built from it.
//!
//! The file is described in `docs/model-file.md`.

mod check;
mod error;
mod file;

use crate::Precision;

pub use error::ModelError;

/// Largest number of channels, and of rows of the input.
const MAX_CHANNELS: usize = 4096;
/// Largest side of a window, stride, padding and column stride.
const MAX_SIDE: usize = 64;
/// Largest number of layers.
const MAX_LAYERS: usize = 256;

/// A model as the file describes it, all of it checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The arithmetic.
    pub precision: Precision,
    /// Release of the weights.
    pub release: String,
    /// FNV-1a 64 of the file, hexadecimal.
    pub hash: String,
    /// Rows of a strip.
    pub height: usize,
    /// Columns of a strip that one column of logits stands for.
    pub column_stride: usize,
    /// The characters, in the order of the classes.
    pub alphabet: String,
    /// The class that means "no character".
    pub blank: usize,
    /// The layers in order; the last is a convolution.
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A convolution.
    Convolution(Convolution),
    /// The largest of each window, without padding.
    MaxPool(Window),
}

/// A window that slides over a feature map; pairs are vertical, horizontal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Size.
    pub kernel: [usize; 2],
    /// Step.
    pub stride: [usize; 2],
    /// Border on each side.
    pub padding: [usize; 2],
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
    /// Rows and columns of what comes out of `height` x `width`; `None` where the window does not fit.
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
    /// The code of the input that means 0.
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

/// Parameters of a convolution; weights are `[outputs][kernel row][kernel column][inputs]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameters {
    /// Codes.
    Integer {
        /// Weights, -7..=7 or -127..=127.
        weights: Vec<i8>,
        /// Added to each channel's sum.
        bias: Vec<i32>,
        /// Requantisation factor a channel; of the last layer a single one, the worth of a logit.
        scale: Vec<f32>,
    },
    /// Single precision.
    Float {
        /// Weights.
        weights: Vec<f32>,
        /// Added to each channel's sum.
        bias: Vec<f32>,
    },
}
