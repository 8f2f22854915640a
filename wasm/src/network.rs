//! Networks of any kind, as model files of version 2 describe them.

use nibble_core::Precision;
use nibble_core::graph::{Graph, Input, Kind, Limits, RunError, Runner, Shape, Values};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::error::thrown;
use crate::kernels::raced;

/// Maximum bytes of a run: the 128 MiB that a module may have, less room for weights and stack.
const MAX_BYTES: usize = 100 << 20;

/// A network with its buffers, and the inputs of its next run.
#[wasm_bindgen]
pub struct GraphNetwork {
    runner: Runner,
    given: Vec<Given>,
}

/// An input of the next run.
#[derive(Default)]
struct Given {
    size: [usize; 2],
    values: Option<Either>,
}

enum Either {
    Bytes(Vec<u8>),
    Reals(Vec<f32>),
}

/// A network as JavaScript sees it.
#[derive(Serialize)]
struct Description<'a> {
    name: &'a str,
    release: &'a str,
    hash: &'a str,
    inputs: Vec<End<'a>>,
    outputs: Vec<End<'a>>,
}

/// An input or an output.
#[derive(Serialize)]
struct End<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The value of one step: of all elements, or of each channel. Empty for reals.
    scales: &'a [f32],
    /// The codes that mean 0, likewise. Empty unless elements are codes.
    zero_points: &'a [u8],
    /// For inputs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<usize>,
}

fn end(graph: &Graph, tensor: usize) -> End<'_> {
    let none = End {
        name: &graph.tensors[tensor].name,
        kind: "f32",
        scales: &[],
        zero_points: &[],
        channels: None,
        height: None,
        width: None,
    };
    match &graph.tensors[tensor].kind {
        Kind::Codes(codes) => End {
            kind: if codes.bits == 4 { "u4" } else { "u8" },
            scales: std::slice::from_ref(&codes.scale),
            zero_points: &codes.zero_points,
            ..none
        },
        Kind::Sums => End { kind: "i32", scales: graph.steps_of_sums(tensor), ..none },
        Kind::Reals => none,
    }
}

/// The precisions of the products of a graph.
fn precisions(graph: &Graph) -> Vec<Precision> {
    let mut found = Vec::new();
    for node in &graph.nodes {
        let Some(convolution) = node.op.convolution() else { continue };
        let precision = match (convolution.weight_bits, &graph.tensors[node.inputs[0]].kind) {
            (32, _) => Precision::F32,
            (4, Kind::Codes(codes)) if codes.bits == 4 => Precision::U4,
            _ => Precision::U8,
        };
        if !convolution.is_depthwise() && !found.contains(&precision) {
            found.push(precision);
        }
    }
    found
}

/// An error of a run, with its code.
fn failed(error: &RunError) -> JsValue {
    let code = match error {
        RunError::TooLarge { .. }
        | RunError::InputTooLarge { .. }
        | RunError::TooMuchWork { .. } => "TooLarge",
        _ => "InvalidArgument",
    };
    thrown(code, error)
}

#[wasm_bindgen]
impl GraphNetwork {
    /// Loads a model file, and races the kernels of its precisions if no race has been held.
    ///
    /// # Errors
    /// An `Error` with `code` `ModelInvalid`, whose message names the node or the tensor.
    #[wasm_bindgen(constructor)]
    pub fn new(file: &[u8]) -> Result<GraphNetwork, JsValue> {
        let graph = Graph::parse(file).map_err(|error| thrown("ModelInvalid", &error))?;
        let kernels = raced(&precisions(&graph));
        let given = graph.inputs.iter().map(|_| Given::default()).collect();
        let runner = Runner::with_kernels(graph, &kernels);
        let mut runner = runner.map_err(|error| thrown("ModelInvalid", &error))?;
        runner.set_limits(Limits { max_bytes: MAX_BYTES, ..Limits::default() });
        Ok(Self { runner, given })
    }

    /// Sets the limits of later runs: bytes apart from the weights, at most the default, and
    /// multiply-adds.
    pub fn limit(&mut self, max_bytes: u64, max_multiply_adds: u64) {
        let max_bytes = usize::try_from(max_bytes).unwrap_or(MAX_BYTES).min(MAX_BYTES);
        self.runner.set_limits(Limits { max_bytes, max_multiply_adds });
    }

    /// Name, release and hash, and in `inputs` and `outputs` their names, types, scales and zero
    /// points, as JSON. Inputs have `channels`, and `height` and `width` if these are fixed.
    #[must_use]
    pub fn description(&self) -> String {
        let graph = self.runner.graph();
        let inputs = graph.inputs.iter().map(|source| End {
            channels: Some(source.channels),
            height: source.height,
            width: source.width,
            ..end(graph, source.tensor)
        });
        let description = Description {
            name: &graph.name,
            release: &graph.release,
            hash: &graph.hash,
            inputs: inputs.collect(),
            outputs: graph.outputs.iter().map(|&tensor| end(graph, tensor)).collect(),
        };
        serde_json::to_string(&description).unwrap_or_default()
    }

    /// Bytes that a run takes apart from the weights, for the rows and columns of each input in
    /// turn.
    ///
    /// # Errors
    /// An `Error` with `code` `InvalidArgument` or `TooLarge`.
    pub fn peak_bytes(&self, sizes: &[usize]) -> Result<usize, JsValue> {
        let sizes: Vec<[usize; 2]> = sizes.chunks_exact(2).map(|size| [size[0], size[1]]).collect();
        self.runner.peak_bytes(&sizes).map_err(|error| failed(&error))
    }

    /// Gives the bytes of an input for the next run.
    pub fn give_bytes(&mut self, place: usize, height: usize, width: usize, bytes: Vec<u8>) {
        self.give(place, [height, width], Either::Bytes(bytes));
    }

    /// Gives the real numbers of an input for the next run.
    pub fn give_reals(&mut self, place: usize, height: usize, width: usize, reals: Vec<f32>) {
        self.give(place, [height, width], Either::Reals(reals));
    }

    /// Runs on what was given since the last run. For each output, the array has its rows, its
    /// columns, its channels, and a typed array of its elements.
    ///
    /// # Errors
    /// An `Error` with `code` `InvalidArgument` if an input is missing or does not suit, or
    /// `TooLarge` if the run would exceed the limits.
    pub fn run(&mut self) -> Result<js_sys::Array, JsValue> {
        let given = std::mem::take(&mut self.given);
        self.given = given.iter().map(|_| Given::default()).collect();
        let graph = self.runner.graph();
        let mut inputs = Vec::with_capacity(given.len());
        for (source, Given { size: [height, width], values }) in graph.inputs.iter().zip(&given) {
            inputs.push(match values {
                Some(Either::Bytes(bytes)) => Input::bytes(bytes, *height, *width),
                Some(Either::Reals(reals)) => Input::reals(reals, *height, *width),
                None => {
                    let name = &graph.tensors[source.tensor].name;
                    return Err(thrown(
                        "InvalidArgument",
                        &format!("input `{name}`: it was not given"),
                    ));
                }
            });
        }
        let outputs = self.runner.run(&inputs).map_err(|error| failed(&error))?;
        let array = js_sys::Array::new();
        for view in (0..outputs.len()).map(|place| outputs.at(place)) {
            let Shape { rows, columns, channels } = view.shape;
            for side in [rows, columns, channels] {
                array.push(&JsValue::from(side));
            }
            array.push(&match view.values {
                Values::Codes(codes) => js_sys::Uint8Array::from(codes).into(),
                Values::Sums(sums) => js_sys::Int32Array::from(sums).into(),
                Values::Reals(reals) => js_sys::Float32Array::from(reals).into(),
            });
        }
        Ok(array)
    }
}

impl GraphNetwork {
    fn give(&mut self, place: usize, size: [usize; 2], values: Either) {
        if let Some(given) = self.given.get_mut(place) {
            *given = Given { size, values: Some(values) };
        }
    }
}

impl std::fmt::Debug for GraphNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GraphNetwork").field("runner", &self.runner).finish_non_exhaustive()
    }
}
