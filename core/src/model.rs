//! The model file (`docs/model-file.md`): safetensors with a description of the network, checked before anything is built from it.

use std::fmt;

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::Precision;
use crate::digest::Fnv1a64;
use crate::quant::unpack_nibbles;

/// The layout that this reader knows.
const VERSION: &str = "1";
/// Largest model file that is looked at.
const MOST_BYTES: usize = 64 << 20;
/// Most channels, kernel sides, strides and paddings: far beyond any network of this kind, small enough that no product overflows.
const MOST_CHANNELS: usize = 4096;
const MOST_SIDE: usize = 64;
/// Most layers.
const MOST_LAYERS: usize = 256;

/// Why a model file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelError {
    /// Not a safetensors file, or one that is cut off: what the container's reader said.
    Container(String),
    /// No model of this project, or a layout that this version does not know.
    Format {
        /// The metadata key.
        key: &'static str,
        /// What it holds; empty where it is missing.
        found: String,
    },
    /// The network's description cannot be read: what its parser said.
    Description(String),
    /// The description asks for what cannot be.
    Layer {
        /// The layer's name.
        layer: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A tensor is missing, has another type or shape, or holds values out of range.
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(reason) => write!(f, "the model is not a whole safetensors file: {reason}"),
            Self::Format { key, found } if found.is_empty() => {
                write!(f, "the model's metadata lacks `{key}`")
            }
            Self::Format { key, found } => {
                write!(f, "the model's `{key}` is `{found}`, which this version does not know")
            }
            Self::Description(reason) => write!(f, "the model's description cannot be read: {reason}"),
            Self::Layer { layer, problem } => write!(f, "layer `{layer}`: {problem}"),
            Self::Tensor { tensor, problem } => write!(f, "tensor `{tensor}`: {problem}"),
        }
    }
}

impl std::error::Error for ModelError {}

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

impl Window {
    /// Rows and columns of what comes out of `height` x `width`; `None` where the window does not fit.
    #[must_use]
    pub fn output(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let side = |len: usize, axis: usize| {
            let room = (len + 2 * self.padding[axis]).checked_sub(self.kernel[axis])?;
            Some(room / self.stride[axis] + 1)
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

#[derive(Deserialize)]
struct Description {
    release: String,
    input: Input,
    alphabet: String,
    blank: usize,
    layers: Vec<Entry>,
}

#[derive(Deserialize)]
struct Input {
    height: usize,
    column_stride: usize,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Entry {
    Conv2d(ConvEntry),
    #[serde(rename = "max_pool2d")]
    MaxPool2d {
        name: String,
        kernel: [usize; 2],
        stride: [usize; 2],
    },
}

#[derive(Deserialize)]
struct ConvEntry {
    name: String,
    #[serde(rename = "in")]
    inputs: usize,
    #[serde(rename = "out")]
    outputs: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    weight_bits: u8,
    activation_bits: u8,
    zero_point: u8,
}

/// Reads and checks a model file.
///
/// # Errors
/// [`ModelError`] says what is wrong with it. Nothing is allocated for sizes that the file merely claims.
pub fn parse(bytes: &[u8]) -> Result<Model, ModelError> {
    if bytes.len() > MOST_BYTES {
        return Err(ModelError::Container(String::from("larger than 64 MiB")));
    }
    let container = |error: safetensors::SafeTensorError| ModelError::Container(error.to_string());
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(container)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(container)?;
    let value = |key: &'static str| {
        let found = header.metadata().as_ref().and_then(|map| map.get(key)).map(String::as_str);
        found.ok_or(ModelError::Format { key, found: String::new() })
    };
    for (key, wanted) in [("format", "nibble-model"), ("version", VERSION)] {
        let found = value(key)?;
        if found != wanted {
            return Err(ModelError::Format { key, found: found.to_owned() });
        }
    }
    let named = value("precision")?;
    let precision = Precision::from_name(named)
        .ok_or_else(|| ModelError::Format { key: "precision", found: named.to_owned() })?;
    let description: Description = serde_json::from_str(value("network")?)
        .map_err(|error| ModelError::Description(error.to_string()))?;
    if description.layers.is_empty() || description.layers.len() > MOST_LAYERS {
        return Err(ModelError::Description(String::from("a network has 1 to 256 layers")));
    }
    if description.input.height == 0
        || description.input.height > MOST_CHANNELS
        || !(1..=MOST_SIDE).contains(&description.input.column_stride)
        || description.blank != description.alphabet.chars().count()
    {
        return Err(ModelError::Description(String::from("the input's size or the alphabet is impossible")));
    }
    let reader = TensorReader { tensors: &tensors, precision };
    let count = description.layers.len();
    let mut layers = Vec::with_capacity(count);
    let mut channels = 1;
    for (index, entry) in description.layers.into_iter().enumerate() {
        let layer = match entry {
            Entry::Conv2d(entry) => {
                let convolution = reader.convolution(entry, channels, index + 1 == count)?;
                channels = convolution.outputs;
                Layer::Convolution(convolution)
            }
            Entry::MaxPool2d { name, kernel, stride } => {
                if index + 1 == count {
                    return Err(ModelError::Layer {
                        layer: name,
                        problem: "a network ends with a convolution",
                    });
                }
                Layer::MaxPool(window(&name, kernel, stride, [0, 0])?)
            }
        };
        layers.push(layer);
    }
    if channels != description.blank + 1 {
        return Err(ModelError::Description(String::from(
            "the last layer needs a class for each character and one for blank",
        )));
    }
    Ok(Model {
        precision,
        release: description.release,
        hash: Fnv1a64::of(bytes).hex(),
        height: description.input.height,
        column_stride: description.input.column_stride,
        alphabet: description.alphabet,
        blank: description.blank,
        layers,
    })
}

fn window(
    name: &str,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Window, ModelError> {
    let side = 1..=MOST_SIDE;
    let fits = kernel.iter().chain(&stride).all(|value| side.contains(value))
        && padding.iter().all(|&p| p <= MOST_SIDE);
    if !fits {
        return Err(ModelError::Layer {
            layer: name.to_owned(),
            problem: "kernel, stride and padding are at most 64, the first two at least 1",
        });
    }
    Ok(Window { kernel, stride, padding })
}

struct TensorReader<'a> {
    tensors: &'a SafeTensors<'a>,
    precision: Precision,
}

impl TensorReader<'_> {
    fn convolution(&self, entry: ConvEntry, channels: usize, last: bool) -> Result<Convolution, ModelError> {
        let problem = |problem| ModelError::Layer { layer: entry.name.clone(), problem };
        if entry.inputs != channels {
            return Err(problem("its inputs are not the outputs of the layer before"));
        }
        if !(1..=MOST_CHANNELS).contains(&entry.outputs) {
            return Err(problem("between 1 and 4096 outputs are possible"));
        }
        let window = window(&entry.name, entry.kernel, entry.stride, entry.padding)?;
        let depth = window.kernel[0] * window.kernel[1] * entry.inputs;
        let parameters = if self.precision == Precision::F32 {
            Parameters::Float {
                weights: self.f32(&entry.name, "weight", entry.outputs * depth)?,
                bias: self.f32(&entry.name, "bias", entry.outputs)?,
            }
        } else {
            let wanted: u8 = if self.precision == Precision::U4 { 4 } else { 8 };
            if entry.weight_bits != wanted || entry.activation_bits != wanted {
                return Err(problem("weights and activations have the bits of the file's precision"));
            }
            if u32::from(entry.zero_point) >= 1 << wanted {
                return Err(problem("the zero point is a code"));
            }
            let weights = self.weights(&entry.name, entry.outputs, depth)?;
            let bias = self.i32(&entry.name, "bias", entry.outputs)?;
            let scale = self.f32(&entry.name, "scale", if last { 1 } else { entry.outputs })?;
            if !scale.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
                return Err(self.bad(&entry.name, "scale", "scales are finite and above 0"));
            }
            let folded = fold_zero_point(&weights, &bias, depth, entry.zero_point)
                .ok_or_else(|| self.bad(&entry.name, "bias", "sums could overflow 32 bits"))?;
            Parameters::Integer { weights, bias: folded, scale }
        };
        Ok(Convolution {
            inputs: entry.inputs,
            outputs: entry.outputs,
            window,
            parameters,
            zero_point: entry.zero_point,
            activation_bits: entry.activation_bits,
            name: entry.name,
        })
    }

    fn bad(&self, layer: &str, part: &str, problem: &'static str) -> ModelError {
        ModelError::Tensor { tensor: format!("{layer}.{part}"), problem }
    }

    /// The bytes of a tensor that must have this type and this many elements.
    fn bytes(&self, layer: &str, part: &str, kind: Dtype, count: usize) -> Result<&[u8], ModelError> {
        let view =
            self.tensors.tensor(&format!("{layer}.{part}")).map_err(|_| self.bad(layer, part, "missing"))?;
        if view.dtype() != kind {
            return Err(self.bad(layer, part, "another element type than the precision has"));
        }
        if view.shape().iter().try_fold(1usize, |product, &side| product.checked_mul(side)) != Some(count) {
            return Err(self.bad(layer, part, "another number of elements than the layer has"));
        }
        Ok(view.data())
    }

    fn weights(&self, layer: &str, outputs: usize, depth: usize) -> Result<Vec<i8>, ModelError> {
        let (weights, largest) = if self.precision == Precision::U4 {
            let row = depth.div_ceil(2);
            let packed = self.bytes(layer, "weight", Dtype::U8, outputs * row)?;
            (packed.chunks_exact(row).flat_map(|row| unpack_nibbles(row, depth)).collect::<Vec<i8>>(), 7)
        } else {
            let bytes = self.bytes(layer, "weight", Dtype::I8, outputs * depth)?;
            (bytes.iter().map(|byte| byte.cast_signed()).collect(), 127)
        };
        if weights.iter().any(|weight| weight.unsigned_abs() > largest) {
            return Err(self.bad(layer, "weight", "weights lie within -7..=7 at 4 bits, -127..=127 at 8"));
        }
        Ok(weights)
    }

    fn i32(&self, layer: &str, part: &str, count: usize) -> Result<Vec<i32>, ModelError> {
        let bytes = self.bytes(layer, part, Dtype::I32, count)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&value| i32::from_le_bytes(value)).collect())
    }

    fn f32(&self, layer: &str, part: &str, count: usize) -> Result<Vec<f32>, ModelError> {
        let bytes = self.bytes(layer, part, Dtype::F32, count)?;
        let values: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value)).collect();
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(self.bad(layer, part, "values are finite"))
        }
    }
}

/// `bias - zero_point * sum of the channel's weights`; `None` where any sum of the channel could leave 32 bits.
fn fold_zero_point(weights: &[i8], bias: &[i32], depth: usize, zero_point: u8) -> Option<Vec<i32>> {
    weights
        .chunks_exact(depth)
        .zip(bias)
        .map(|(channel, &bias)| {
            let sum: i64 = channel.iter().map(|&w| i64::from(w)).sum();
            let magnitude: i64 = channel.iter().map(|&w| i64::from(w).abs()).sum();
            let folded = i64::from(bias) - i64::from(zero_point) * sum;
            let reach = folded.abs() + 255 * magnitude;
            i32::try_from(reach).ok().and(i32::try_from(folded).ok())
        })
        .collect()
}
