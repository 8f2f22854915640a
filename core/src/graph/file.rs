//! Files of version 2: safetensors with the graph as metadata. Files of version 1 become graphs.

use std::collections::HashMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::check::sizes;
use super::{
    Codes, Conv2d, Graph, Kind, MAX_ENDS, MAX_NAME, MAX_NODES, Node, Op, Parameters, Source,
    Tensor, version1,
};
use crate::fnv::Fnv1a64;
use crate::model::{Model, ModelError};
use crate::quant::unpack_nibbles;

/// Size of the largest file that is read.
const MAX_BYTES: usize = 64 << 20;
/// The version that is written.
const VERSION: &str = "2";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description<O> {
    name: String,
    release: String,
    inputs: Vec<InputEntry>,
    tensors: Vec<TensorEntry>,
    nodes: Vec<NodeEntry<O>>,
    outputs: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InputEntry {
    tensor: String,
    channels: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TensorEntry {
    name: String,
    #[serde(rename = "type")]
    kind: KindEntry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zero_points: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindEntry {
    U4,
    U8,
    I32,
    F32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeEntry<O> {
    name: String,
    inputs: Vec<String>,
    output: String,
    op: O,
}

/// An error about a tensor of the graph, or one of the parameters of a node.
pub(super) fn bad_tensor(tensor: impl Into<String>, problem: &'static str) -> ModelError {
    ModelError::Tensor { tensor: tensor.into(), problem }
}

/// An error about a node.
pub(super) fn bad_node(node: &str, problem: &'static str) -> ModelError {
    ModelError::Layer { layer: node.to_owned(), problem }
}

fn bad(reason: impl Into<String>) -> ModelError {
    ModelError::Description(reason.into())
}

impl Graph {
    /// Reads and checks a model file of version 2, or one of version 1 as the graph that it is
    /// (`docs/model-file.md`).
    ///
    /// # Errors
    /// [`ModelError`] names the node or the tensor. No memory is allocated for sizes that the file
    /// claims but does not have.
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.len() > MAX_BYTES {
            return Err(ModelError::Container(String::from("larger than 64 MiB")));
        }
        let container = |error: safetensors::SafeTensorError| {
            // The reader's message can quote the file at any length.
            ModelError::Container(error.to_string().chars().take(200).collect())
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(container)?;
        let value = |key: &'static str| {
            let found = header.metadata().as_ref().and_then(|map| map.get(key)).map(String::as_str);
            found.ok_or(ModelError::Format { key, found: String::new() })
        };
        let format = value("format")?;
        if format != "nibble-model" {
            return Err(ModelError::Format { key: "format", found: format.to_owned() });
        }
        match value("version")? {
            "1" => return version1::graph(&Model::parse(bytes)?),
            VERSION => {}
            other => {
                return Err(ModelError::Format { key: "version", found: other.to_owned() });
            }
        }
        // Operations are read one by one, so that an error can name its node.
        let description: Description<serde_json::Value> =
            serde_json::from_str(value("network")?).map_err(|error| bad(error.to_string()))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(container)?;
        let graph = description.resolve(&Reader(&tensors), Fnv1a64::of(bytes).hex())?;
        graph.check()?;
        Ok(graph)
    }

    /// The graph as a file of version 2.
    ///
    /// # Errors
    /// [`ModelError`] if the graph does not pass [`Graph::check`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        self.check()?;
        let description = Description::of(self);
        let network =
            serde_json::to_string(&description).map_err(|error| bad(error.to_string()))?;
        let metadata = [("format", "nibble-model"), ("version", VERSION), ("network", &network)];
        let metadata =
            metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let mut stored: Vec<(String, Dtype, Vec<u8>)> = Vec::new();
        for node in &self.nodes {
            let Some((parameters, convolution)) =
                node.parameters.as_ref().zip(node.op.convolution())
            else {
                continue;
            };
            let mut store = |part: &str, kind, bytes| {
                stored.push((format!("{}.{part}", node.name), kind, bytes));
            };
            match parameters {
                Parameters::Integer { weights, bias, scales } => {
                    if convolution.weight_bits == 4 {
                        store("weight", Dtype::U8, nibbles(weights, convolution.depth()));
                    } else {
                        let bytes = weights.iter().map(|weight| weight.cast_unsigned()).collect();
                        store("weight", Dtype::I8, bytes);
                    }
                    store("bias", Dtype::I32, words(bias, |bias| bias.to_le_bytes()));
                    store("scale", Dtype::F32, words(scales, |scale| scale.to_le_bytes()));
                }
                Parameters::Real { weights, bias } => {
                    store("weight", Dtype::F32, words(weights, |weight| weight.to_le_bytes()));
                    store("bias", Dtype::F32, words(bias, |bias| bias.to_le_bytes()));
                }
            }
        }
        let mut views = Vec::with_capacity(stored.len());
        for (name, kind, bytes) in &stored {
            let count = bytes.len() / if matches!(kind, Dtype::U8 | Dtype::I8) { 1 } else { 4 };
            let view = TensorView::new(*kind, vec![count], bytes);
            views.push((name, view.map_err(|error| ModelError::Container(error.to_string()))?));
        }
        safetensors::serialize(views, Some(metadata))
            .map_err(|error| ModelError::Container(error.to_string()))
    }
}

/// Weights of 4 bits as nibbles, each row in whole bytes.
fn nibbles(weights: &[i8], depth: usize) -> Vec<u8> {
    let nibble = |weight: &i8| weight.cast_unsigned() & 15;
    weights
        .chunks_exact(depth)
        .flat_map(|row| row.chunks(2))
        .map(|pair| nibble(&pair[0]) | pair.get(1).map_or(0, nibble) << 4)
        .collect()
}

fn words<T>(values: &[T], bytes: impl Fn(&T) -> [u8; 4]) -> Vec<u8> {
    values.iter().flat_map(bytes).collect()
}

impl Description<Op> {
    fn of(graph: &Graph) -> Self {
        let name = |&tensor: &usize| graph.tensors[tensor].name.clone();
        let inputs = graph.inputs.iter().map(|source| InputEntry {
            tensor: name(&source.tensor),
            channels: source.channels,
            height: source.height,
            width: source.width,
        });
        let tensors = graph.tensors.iter().map(|tensor| {
            let (kind, codes) = match &tensor.kind {
                Kind::Codes(codes) if codes.bits == 4 => (KindEntry::U4, Some(codes)),
                Kind::Codes(codes) => (KindEntry::U8, Some(codes)),
                Kind::Sums => (KindEntry::I32, None),
                Kind::Reals => (KindEntry::F32, None),
            };
            TensorEntry {
                name: tensor.name.clone(),
                kind,
                scale: codes.map(|codes| codes.scale),
                zero_points: codes.map(|codes| codes.zero_points.clone()),
            }
        });
        let nodes = graph.nodes.iter().map(|node| NodeEntry {
            name: node.name.clone(),
            inputs: node.inputs.iter().map(name).collect(),
            output: name(&node.output),
            op: node.op,
        });
        Self {
            name: graph.name.clone(),
            release: graph.release.clone(),
            inputs: inputs.collect(),
            tensors: tensors.collect(),
            nodes: nodes.collect(),
            outputs: graph.outputs.iter().map(name).collect(),
        }
    }
}

impl Description<serde_json::Value> {
    /// Replaces names by places, and reads the parameters.
    fn resolve(self, reader: &Reader<'_>, hash: String) -> Result<Graph, ModelError> {
        // Checked again by `Graph::check`; here they bound the work.
        let ends = 1..=MAX_ENDS;
        if !ends.contains(&self.inputs.len()) || !ends.contains(&self.outputs.len()) {
            return Err(bad("a graph must have 1 to 16 inputs and 1 to 16 outputs"));
        }
        if self.nodes.len() > MAX_NODES || self.tensors.len() > MAX_NODES + MAX_ENDS {
            return Err(bad("a graph must have 1 to 1024 nodes, and a tensor for each"));
        }
        let mut places = HashMap::with_capacity(self.tensors.len());
        for (place, tensor) in self.tensors.iter().enumerate() {
            if tensor.name.is_empty() || tensor.name.len() > MAX_NAME {
                return Err(bad("a name must have 1 to 128 bytes"));
            }
            if places.insert(tensor.name.clone(), place).is_some() {
                return Err(bad_tensor(&*tensor.name, "described twice"));
            }
        }
        let place = |name: &str| {
            let shown = || name.chars().take(MAX_NAME).collect::<String>();
            places.get(name).copied().ok_or_else(|| bad_tensor(shown(), "named but not described"))
        };
        let inputs = self.inputs.iter().map(|entry| {
            let InputEntry { channels, height, width, .. } = *entry;
            Ok(Source { tensor: place(&entry.tensor)?, channels, height, width })
        });
        let inputs = inputs.collect::<Result<Vec<_>, ModelError>>()?;
        let outputs = self.outputs.iter().map(|name| place(name));
        let outputs = outputs.collect::<Result<Vec<_>, ModelError>>()?;
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for entry in self.nodes {
            if entry.name.is_empty() || entry.name.len() > MAX_NAME {
                return Err(bad("a name must have 1 to 128 bytes"));
            }
            if entry.inputs.len() > MAX_NODES {
                return Err(bad_node(&entry.name, "too many inputs"));
            }
            let op: Op = serde_json::from_value(entry.op).map_err(|error| {
                bad(format!("node `{}`: {error}", entry.name).chars().take(400).collect::<String>())
            })?;
            let inputs = entry.inputs.iter().map(|name| place(name));
            let inputs = inputs.collect::<Result<_, ModelError>>()?;
            let parameters = match op.convolution() {
                Some(convolution) => {
                    sizes(&convolution, matches!(op, Op::Linear(_)))
                        .map_err(|problem| bad_node(&entry.name, problem))?;
                    Some(reader.parameters(&entry.name, &convolution)?)
                }
                None => None,
            };
            let output = place(&entry.output)?;
            nodes.push(Node { name: entry.name, op, inputs, output, parameters });
        }
        let tensors = self.tensors.into_iter().map(TensorEntry::resolve);
        let tensors = tensors.collect::<Result<_, ModelError>>()?;
        Ok(Graph { name: self.name, release: self.release, hash, inputs, tensors, nodes, outputs })
    }
}

impl TensorEntry {
    fn resolve(self) -> Result<Tensor, ModelError> {
        let kind = match (self.kind, self.scale, self.zero_points) {
            (kind @ (KindEntry::U4 | KindEntry::U8), Some(scale), Some(zero_points)) => {
                let bits = if matches!(kind, KindEntry::U4) { 4 } else { 8 };
                Kind::Codes(Codes { bits, scale, zero_points })
            }
            (KindEntry::I32, None, None) => Kind::Sums,
            (KindEntry::F32, None, None) => Kind::Reals,
            _ => {
                let problem = "`u4` and `u8` have a scale and zero points, other types neither";
                return Err(bad_tensor(self.name, problem));
            }
        };
        Ok(Tensor { name: self.name, kind })
    }
}

/// The tensors of a file.
struct Reader<'a>(&'a SafeTensors<'a>);

impl Reader<'_> {
    /// The parameters of a convolution whose attributes have been checked.
    fn parameters(&self, node: &str, convolution: &Conv2d) -> Result<Parameters, ModelError> {
        let (depth, outputs) = (convolution.depth(), convolution.outputs);
        let too_large = || bad_node(node, "its weights exceed this machine's memory");
        let count = outputs.checked_mul(depth).ok_or_else(too_large)?;
        if convolution.weight_bits == 32 {
            let reals = |part, count| self.words(node, part, Dtype::F32, count, f32::from_le_bytes);
            return Ok(Parameters::Real {
                weights: reals("weight", count)?,
                bias: reals("bias", outputs)?,
            });
        }
        let weights = if convolution.weight_bits == 4 {
            let row = depth.div_ceil(2);
            // At most `outputs * depth`.
            let packed = self.bytes(node, "weight", Dtype::U8, outputs * row)?;
            packed.chunks_exact(row).flat_map(|row| unpack_nibbles(row, depth)).collect()
        } else {
            let bytes = self.bytes(node, "weight", Dtype::I8, count)?;
            bytes.iter().map(|byte| byte.cast_signed()).collect()
        };
        Ok(Parameters::Integer {
            weights,
            bias: self.words(node, "bias", Dtype::I32, outputs, i32::from_le_bytes)?,
            scales: self.words(node, "scale", Dtype::F32, outputs, f32::from_le_bytes)?,
        })
    }

    /// The bytes of a tensor, whose type and number of elements are checked.
    fn bytes(
        &self,
        node: &str,
        part: &str,
        kind: Dtype,
        count: usize,
    ) -> Result<&[u8], ModelError> {
        let name = format!("{node}.{part}");
        let Ok(view) = self.0.tensor(&name) else { return Err(bad_tensor(name, "missing")) };
        if view.dtype() != kind {
            return Err(bad_tensor(name, "its element type does not match `weight_bits`"));
        }
        let found = view.shape().iter().try_fold(1usize, |count, &side| count.checked_mul(side));
        if found != Some(count) {
            return Err(bad_tensor(name, "its number of elements does not match the node"));
        }
        Ok(view.data())
    }

    fn words<T>(
        &self,
        node: &str,
        part: &str,
        kind: Dtype,
        count: usize,
        value: fn([u8; 4]) -> T,
    ) -> Result<Vec<T>, ModelError> {
        let bytes = self.bytes(node, part, kind, count)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|&word| value(word)).collect())
    }
}
