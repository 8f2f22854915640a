//! Reading model files: safetensors with a description of the network as metadata.

use std::fmt::Display;

use serde_json::Value;

use super::check::{OVERFLOW, Scales, bad, check_window};
use super::container::{Container, Element};
use super::json::{Fields, Mismatch};
use super::{
    Convolution, Layer, MAX_CHANNELS, MAX_FILE_BYTES, MAX_LAYERS, Model, ModelError, Parameters,
    Window,
};
use crate::Precision;
use crate::fnv::Fnv1a64;
use crate::quant::unpack_nibbles;

/// The version of the layout that this reader knows.
const VERSION: &str = "1";

/// What the description says of a convolution.
struct ConvEntry<'a> {
    name: &'a str,
    inputs: usize,
    outputs: usize,
    window: Window,
    weight_bits: usize,
    activation_bits: usize,
    zero_point: u8,
}

impl<'a> ConvEntry<'a> {
    fn read(name: &'a str, mut window: Window, entry: Fields<'a>) -> Result<Self, Mismatch> {
        window.padding = entry.must(Fields::pair, "padding")?;
        Ok(Self {
            name,
            inputs: entry.must(Fields::number, "in")?,
            outputs: entry.must(Fields::number, "out")?,
            window,
            weight_bits: entry.must(Fields::number, "weight_bits")?,
            activation_bits: entry.must(Fields::number, "activation_bits")?,
            zero_point: entry.must(Fields::byte, "zero_point")?,
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
    let container = Container::read(bytes)?;
    for (key, wanted) in [("format", "nibble-model"), ("version", VERSION)] {
        let found = container.metadata(key)?;
        if found != wanted {
            return Err(ModelError::Format { key, found: found.to_owned() });
        }
    }
    let named = container.metadata("precision")?;
    let precision = Precision::from_name(named)
        .ok_or_else(|| ModelError::Format { key: "precision", found: named.to_owned() })?;
    let network: Value = serde_json::from_str(container.metadata("network")?)
        .map_err(|error| ModelError::Description(error.to_string()))?;
    let reader = TensorReader { container: &container, precision };
    let mut model = describe(&network, &reader)?;
    model.hash = Fnv1a64::of(bytes).hex();
    if model.blank != model.alphabet.chars().count() {
        return Err(ModelError::Description(String::from(
            "`blank` must be the class after the alphabet",
        )));
    }
    model.check()?;
    Ok(model)
}

/// The model of a description, without a digest.
fn describe(network: &Value, reader: &TensorReader<'_>) -> Result<Model, ModelError> {
    let bad = |mismatch: Mismatch| ModelError::Description(mismatch.to_string());
    let network = Fields::new(network)
        .ok_or_else(|| ModelError::Description(String::from("not a JSON object")))?;
    let input = network.must(Fields::object, "input").map_err(bad)?;
    let height = input.number("height").map_err(bad)?;
    let entries = network.must(Fields::array, "layers").map_err(bad)?;
    if entries.len() > MAX_LAYERS {
        return Err(ModelError::Description(String::from("a network must have 1 to 256 layers")));
    }
    let last = if height.is_some() { Scales::Single } else { Scales::EachChannel };
    let mut layers = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let scales = if index + 1 == entries.len() { last } else { Scales::EachChannel };
        layers.push(reader.layer(index, entry, scales)?);
    }
    Ok(Model {
        precision: reader.precision,
        release: network.must(Fields::text, "release").map_err(bad)?.to_owned(),
        hash: String::new(),
        height,
        column_stride: input.must(Fields::number, "column_stride").map_err(bad)?,
        alphabet: network.text("alphabet").map_err(bad)?.unwrap_or_default().to_owned(),
        blank: network.number("blank").map_err(bad)?.unwrap_or_default(),
        layers,
    })
}

/// The window of a layer, with checked sizes.
fn checked(layer: &str, window: Window) -> Result<Window, ModelError> {
    check_window(&window)
        .map_err(|problem| ModelError::Layer { layer: layer.to_owned(), problem })?;
    Ok(window)
}

/// Reads layers with their tensors.
struct TensorReader<'a> {
    container: &'a Container<'a>,
    precision: Precision,
}

impl TensorReader<'_> {
    /// The layer of an entry of the description.
    fn layer(&self, index: usize, entry: &Value, scales: Scales) -> Result<Layer, ModelError> {
        let bad = |what: &dyn Display| ModelError::Description(format!("layer {index}: {what}"));
        let entry = Fields::new(entry).ok_or_else(|| bad(&"not a JSON object"))?;
        let of = |mismatch: Mismatch| bad(&mismatch);
        let name = entry.must(Fields::text, "name").map_err(of)?;
        let window = Window {
            kernel: entry.must(Fields::pair, "kernel").map_err(of)?,
            stride: entry.must(Fields::pair, "stride").map_err(of)?,
            padding: [0, 0],
        };
        match entry.must(Fields::text, "op").map_err(of)? {
            "conv2d" => {
                let entry = ConvEntry::read(name, window, entry).map_err(of)?;
                self.convolution(&entry, scales).map(Layer::Convolution)
            }
            "max_pool2d" => checked(name, window).map(Layer::MaxPool),
            _ => Err(bad(&"`op` must be `conv2d` or `max_pool2d`")),
        }
    }

    fn convolution(
        &self,
        entry: &ConvEntry<'_>,
        scales: Scales,
    ) -> Result<Convolution, ModelError> {
        let problem = |problem| ModelError::Layer { layer: entry.name.to_owned(), problem };
        let channels = 1..=MAX_CHANNELS;
        if !channels.contains(&entry.inputs) || !channels.contains(&entry.outputs) {
            return Err(problem("a layer must have 1 to 4096 channels"));
        }
        let window = checked(entry.name, entry.window)?;
        let depth = window.kernel[0] * window.kernel[1] * entry.inputs;
        // The product of both may exceed 32 bits.
        let count = entry.outputs.checked_mul(depth);
        let count = count.ok_or_else(|| problem("its weights exceed this machine's memory"))?;
        let wanted: u8 = match self.precision {
            Precision::F32 => 32,
            Precision::U8 => 8,
            Precision::U4 => 4,
        };
        if [entry.weight_bits, entry.activation_bits] != [usize::from(wanted); 2] {
            return Err(problem(
                "weight_bits and activation_bits must match the precision of the file",
            ));
        }
        let parameters = if self.precision == Precision::F32 {
            Parameters::Float {
                weights: self.f32(entry.name, "weight", count)?,
                bias: self.f32(entry.name, "bias", entry.outputs)?,
            }
        } else {
            let weights = self.weights(entry.name, entry.outputs, depth)?;
            let bias = self.i32(entry.name, "bias", entry.outputs)?;
            let scale = self.f32(entry.name, "scale", scales.count(entry.outputs))?;
            let folded = fold_zero_point(&weights, &bias, depth, entry.zero_point)
                .ok_or_else(|| bad(entry.name, "bias", OVERFLOW))?;
            Parameters::Integer { weights, bias: folded, scale }
        };
        Ok(Convolution {
            inputs: entry.inputs,
            outputs: entry.outputs,
            window,
            parameters,
            zero_point: entry.zero_point,
            activation_bits: wanted,
            name: entry.name.to_owned(),
        })
    }

    /// The bytes of a tensor, whose type and number of elements are checked.
    fn bytes(
        &self,
        layer: &str,
        part: &str,
        kind: Element,
        count: usize,
    ) -> Result<&[u8], ModelError> {
        let tensor = self
            .container
            .tensor(&format!("{layer}.{part}"))
            .ok_or_else(|| bad(layer, part, "missing"))?;
        if tensor.kind != kind {
            return Err(bad(layer, part, "its element type does not match the precision"));
        }
        if tensor.count != count {
            return Err(bad(layer, part, "its number of elements does not match the layer"));
        }
        Ok(tensor.data)
    }

    fn weights(&self, layer: &str, outputs: usize, depth: usize) -> Result<Vec<i8>, ModelError> {
        if self.precision == Precision::U4 {
            let row = depth.div_ceil(2);
            // At most `outputs * depth`, which does not overflow.
            let packed = self.bytes(layer, "weight", Element::U8, outputs * row)?;
            Ok(packed.chunks_exact(row).flat_map(|row| unpack_nibbles(row, depth)).collect())
        } else {
            let bytes = self.bytes(layer, "weight", Element::I8, outputs * depth)?;
            Ok(bytes.iter().map(|byte| byte.cast_signed()).collect())
        }
    }

    fn i32(&self, layer: &str, part: &str, count: usize) -> Result<Vec<i32>, ModelError> {
        let bytes = self.bytes(layer, part, Element::I32, count)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&value| i32::from_le_bytes(value)).collect())
    }

    fn f32(&self, layer: &str, part: &str, count: usize) -> Result<Vec<f32>, ModelError> {
        let bytes = self.bytes(layer, part, Element::F32, count)?;
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
