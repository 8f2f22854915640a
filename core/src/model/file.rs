//! Reading model files: safetensors with a description of the network as metadata.

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::check::{OVERFLOW, Scales, bad, check_window};
use super::{
    Convolution, Layer, MAX_CHANNELS, MAX_FILE_BYTES, MAX_LAYERS, Model, ModelError, Parameters,
    Window,
};
use crate::Precision;
use crate::fnv::Fnv1a64;
use crate::quant::unpack_nibbles;

/// The version of the layout that this reader knows.
const VERSION: &str = "1";

#[derive(Deserialize)]
struct Description {
    release: String,
    input: Input,
    #[serde(default)]
    alphabet: String,
    #[serde(default)]
    blank: usize,
    layers: Vec<Entry>,
}

#[derive(Deserialize)]
struct Input {
    height: Option<usize>,
    column_stride: usize,
}

/// A layer of either kind. Not an enum with a tag: reading one takes three times the code, which every
/// page would download.
#[derive(Deserialize)]
struct Entry {
    op: Op,
    name: String,
    kernel: [usize; 2],
    stride: [usize; 2],
    /// The rest of a convolution.
    #[serde(rename = "in")]
    inputs: Option<usize>,
    #[serde(rename = "out")]
    outputs: Option<usize>,
    padding: Option<[usize; 2]>,
    weight_bits: Option<u8>,
    activation_bits: Option<u8>,
    zero_point: Option<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Conv2d,
    #[serde(rename = "max_pool2d")]
    MaxPool2d,
}

struct ConvEntry {
    name: String,
    inputs: usize,
    outputs: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    weight_bits: u8,
    activation_bits: u8,
    zero_point: u8,
}

impl Entry {
    /// The entry of a convolution, if it has all that one needs.
    fn convolution(self) -> Result<ConvEntry, ModelError> {
        let Self { inputs, outputs, padding, weight_bits, activation_bits, zero_point, .. } = self;
        let rest = inputs.zip(outputs).zip(padding);
        let bits = weight_bits.zip(activation_bits).zip(zero_point);
        let Some((((inputs, outputs), padding), ((weight_bits, activation_bits), zero_point))) =
            rest.zip(bits)
        else {
            let problem = "a convolution needs `in`, `out`, `padding`, `weight_bits`, \
                           `activation_bits` and `zero_point`";
            return Err(ModelError::Layer { layer: self.name, problem });
        };
        let Self { name, kernel, stride, .. } = self;
        Ok(ConvEntry {
            name,
            inputs,
            outputs,
            kernel,
            stride,
            padding,
            weight_bits,
            activation_bits,
            zero_point,
        })
    }
}

impl Model {
    /// Reads and checks a model file (`docs/model-file.md`).
    ///
    /// # Errors
    /// [`ModelError`] says what is wrong with the file. No memory is allocated for sizes that it
    /// claims but does not have.
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        parse(bytes)
    }
}

fn parse(bytes: &[u8]) -> Result<Model, ModelError> {
    if bytes.len() > MAX_FILE_BYTES {
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
    if description.layers.len() > MAX_LAYERS {
        return Err(ModelError::Description(String::from("a network must have 1 to 256 layers")));
    }
    let reader = TensorReader { tensors: &tensors, precision };
    let count = description.layers.len();
    let last =
        if description.input.height.is_some() { Scales::Single } else { Scales::EachChannel };
    let mut layers = Vec::with_capacity(count);
    for (index, entry) in description.layers.into_iter().enumerate() {
        layers.push(match entry.op {
            Op::Conv2d => {
                let scales = if index + 1 == count { last } else { Scales::EachChannel };
                Layer::Convolution(reader.convolution(entry.convolution()?, scales)?)
            }
            Op::MaxPool2d => {
                Layer::MaxPool(window(&entry.name, entry.kernel, entry.stride, [0, 0])?)
            }
        });
    }
    let model = Model {
        precision,
        release: description.release,
        hash: Fnv1a64::of(bytes).hex(),
        height: description.input.height,
        column_stride: description.input.column_stride,
        alphabet: description.alphabet,
        blank: description.blank,
        layers,
    };
    if model.blank != model.alphabet.chars().count() {
        return Err(ModelError::Description(String::from(
            "`blank` must be the class after the alphabet",
        )));
    }
    model.check()?;
    Ok(model)
}

fn window(
    name: &str,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Result<Window, ModelError> {
    let window = Window { kernel, stride, padding };
    let layer_error = |problem| ModelError::Layer { layer: name.to_owned(), problem };
    check_window(&window).map_err(layer_error)?;
    Ok(window)
}

struct TensorReader<'a> {
    tensors: &'a SafeTensors<'a>,
    precision: Precision,
}

impl TensorReader<'_> {
    fn convolution(&self, entry: ConvEntry, scales: Scales) -> Result<Convolution, ModelError> {
        let problem = |problem| ModelError::Layer { layer: entry.name.clone(), problem };
        let channels = 1..=MAX_CHANNELS;
        if !channels.contains(&entry.inputs) || !channels.contains(&entry.outputs) {
            return Err(problem("a layer must have 1 to 4096 channels"));
        }
        let window = window(&entry.name, entry.kernel, entry.stride, entry.padding)?;
        let depth = window.kernel[0] * window.kernel[1] * entry.inputs;
        // The product of both may exceed 32 bits.
        let count = entry.outputs.checked_mul(depth);
        let count = count.ok_or_else(|| problem("its weights exceed this machine's memory"))?;
        let wanted: u8 = match self.precision {
            Precision::F32 => 32,
            Precision::U8 => 8,
            Precision::U4 => 4,
        };
        if entry.weight_bits != wanted || entry.activation_bits != wanted {
            return Err(problem(
                "weight_bits and activation_bits must match the precision of the file",
            ));
        }
        let parameters = if self.precision == Precision::F32 {
            Parameters::Float {
                weights: self.f32(&entry.name, "weight", count)?,
                bias: self.f32(&entry.name, "bias", entry.outputs)?,
            }
        } else {
            let weights = self.weights(&entry.name, entry.outputs, depth)?;
            let bias = self.i32(&entry.name, "bias", entry.outputs)?;
            let scale = self.f32(&entry.name, "scale", scales.count(entry.outputs))?;
            let folded = fold_zero_point(&weights, &bias, depth, entry.zero_point)
                .ok_or_else(|| bad(&entry.name, "bias", OVERFLOW))?;
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

    /// The bytes of a tensor, whose type and number of elements are checked.
    fn bytes(
        &self,
        layer: &str,
        part: &str,
        kind: Dtype,
        count: usize,
    ) -> Result<&[u8], ModelError> {
        let view = self
            .tensors
            .tensor(&format!("{layer}.{part}"))
            .map_err(|_| bad(layer, part, "missing"))?;
        if view.dtype() != kind {
            return Err(bad(layer, part, "its element type does not match the precision"));
        }
        if view.shape().iter().try_fold(1usize, |product, &side| product.checked_mul(side))
            != Some(count)
        {
            return Err(bad(layer, part, "its number of elements does not match the layer"));
        }
        Ok(view.data())
    }

    fn weights(&self, layer: &str, outputs: usize, depth: usize) -> Result<Vec<i8>, ModelError> {
        if self.precision == Precision::U4 {
            let row = depth.div_ceil(2);
            // At most `outputs * depth`, which does not overflow.
            let packed = self.bytes(layer, "weight", Dtype::U8, outputs * row)?;
            Ok(packed.chunks_exact(row).flat_map(|row| unpack_nibbles(row, depth)).collect())
        } else {
            let bytes = self.bytes(layer, "weight", Dtype::I8, outputs * depth)?;
            Ok(bytes.iter().map(|byte| byte.cast_signed()).collect())
        }
    }

    fn i32(&self, layer: &str, part: &str, count: usize) -> Result<Vec<i32>, ModelError> {
        let bytes = self.bytes(layer, part, Dtype::I32, count)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&value| i32::from_le_bytes(value)).collect())
    }

    fn f32(&self, layer: &str, part: &str, count: usize) -> Result<Vec<f32>, ModelError> {
        let bytes = self.bytes(layer, part, Dtype::F32, count)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value)).collect())
    }
}

/// `bias - zero_point * sum of the channel's weights`; `None` if one does not fit 32 bits.
fn fold_zero_point(weights: &[i8], bias: &[i32], depth: usize, zero_point: u8) -> Option<Vec<i32>> {
    let channels = weights.chunks_exact(depth).zip(bias);
    let folded = channels.map(|(channel, &bias)| {
        let sum: i64 = channel.iter().map(|&weight| i64::from(weight)).sum();
        i32::try_from(i64::from(bias) - i64::from(zero_point) * sum).ok()
    });
    folded.collect()
}
