//! Graphs: files of version 2 of the model file, with hostile numbers, names and cycles.

use nibble_core::graph::{Graph, Input, Kind, Runner};
use serde_json::{Value, json};

use crate::alloc::peak_of;
use crate::bytes::Bytes;
use crate::model::{MAX_BUFFERS, MAX_GROWTH, MAX_PARSED, SMALL, Tensors, number};

/// Maximum elements of a tensor. A node whose output would be larger is not added.
const MAX_ELEMENTS: usize = 2000;
/// Maximum number of nodes.
const MAX_NODES: usize = 10;
/// Multiply-adds of a graph that is compared with the oracle, which is slow.
const MAX_COMPARED: u64 = 1 << 17;

/// Parses a graph. If the first byte is even, the rest of the input is the file. If it is odd, the
/// rest describes a graph, whose file is written here: mostly valid, with a hostile number, a wrong
/// name or a cycle now and then. Checks that a valid graph can be written and parsed again, that it
/// runs within the memory that it announced, and that every kernel gives the tensors of the oracle,
/// a slow implementation that shares no code.
///
/// # Panics
/// If a check fails, or if parsing takes more memory than it may.
pub fn graph(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let (file, width) = if bytes.byte().is_multiple_of(2) {
        (bytes.rest().to_vec(), 8)
    } else {
        let width = bytes.below(20) + 1;
        (graph_file(&mut bytes), width)
    };
    if let Some(graph) = check_file(&file, width) {
        compare(&graph, width, &mut bytes);
    }
}

/// Parses the file as a graph; a file of version 1 is one, too. Checks that a valid graph can be
/// written and parsed again, and that both run alike if they are small.
pub(crate) fn check_file(file: &[u8], width: usize) -> Option<Graph> {
    let (parsed, peak) = peak_of(|| Graph::parse(file));
    assert!(peak <= MAX_GROWTH * file.len() + MAX_PARSED, "{peak} bytes for {}", file.len());
    let graph = match parsed {
        Ok(graph) => graph,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let written = graph.to_bytes().expect("a graph that was parsed is valid");
    let again = Graph::parse(&written).expect("what was written can be parsed");
    assert_eq!((&again.nodes, &again.tensors), (&graph.nodes, &graph.tensors));
    let before = outcome(graph.clone(), width);
    assert_eq!(before, outcome(again, width));
    before.map(|_| graph)
}

/// Rows and columns of the inputs: `width` where the file leaves them free.
fn sizes(graph: &Graph, width: usize) -> Vec<[usize; 2]> {
    let sides = |side: Option<usize>| side.unwrap_or(width);
    graph.inputs.iter().map(|input| [sides(input.height), sides(input.width)]).collect()
}

/// Values for an input of a graph.
enum Data {
    Bytes(Vec<u8>),
    Reals(Vec<f32>),
}

/// Values for the inputs of a graph, from a pattern.
fn data(graph: &Graph, sizes: &[[usize; 2]], pattern: &[u8]) -> Vec<Data> {
    let of = |(source, &[height, width]): (&nibble_core::graph::Source, &[usize; 2])| {
        let values = (0..height * width * source.channels).map(|at| {
            let byte = u8::try_from(at * 37 % 256).unwrap_or(0);
            byte.wrapping_add(pattern.get(at % pattern.len().max(1)).copied().unwrap_or(0))
        });
        match graph.tensors[source.tensor].kind {
            Kind::Reals => Data::Reals(values.map(|byte| f32::from(byte) / 16.0 - 8.0).collect()),
            _ => Data::Bytes(values.collect()),
        }
    };
    graph.inputs.iter().zip(sizes).map(of).collect()
}

fn inputs<'a>(data: &'a [Data], sizes: &[[usize; 2]]) -> Vec<Input<'a>> {
    let of = |(data, &[height, width]): (&'a Data, &[usize; 2])| match data {
        Data::Bytes(bytes) => Input::bytes(bytes, height, width),
        Data::Reals(reals) => Input::reals(reals, height, width),
    };
    data.iter().zip(sizes).map(of).collect()
}

/// The bits of the first output of a graph; `None` if the graph cannot run on inputs of this size,
/// or if a run would take long.
fn outcome(graph: Graph, width: usize) -> Option<Vec<u32>> {
    let sizes = sizes(&graph, width);
    let elements = |(input, &[height, width]): (&nibble_core::graph::Source, &[usize; 2])| {
        height.checked_mul(width)?.checked_mul(input.channels).filter(|&count| count < 1 << 20)
    };
    if !graph.inputs.iter().zip(&sizes).all(|input| elements(input).is_some()) {
        return None;
    }
    let data = data(&graph, &sizes, &[]);
    let mut runner = Runner::new(graph).expect("it was checked");
    let work = runner.macs(&sizes).ok()?.into_iter().fold(0u64, u64::saturating_add);
    let bytes = runner.peak_bytes(&sizes).ok()?;
    if work > SMALL.max_work || bytes as u64 > SMALL.max_bytes {
        return None;
    }
    let inputs = inputs(&data, &sizes);
    let (outputs, peak) =
        peak_of(|| runner.run(&inputs).ok().map(|outputs| outputs.at(0).to_f32()));
    // The copy of the output is not the runner's.
    let copied = outputs.as_ref().map_or(0, |values| values.len() * 4);
    assert!(peak <= bytes + copied + MAX_BUFFERS, "{peak} bytes, and {bytes} were announced");
    Some(outputs?.into_iter().map(f32::to_bits).collect())
}

/// Checks that every kernel gives the oracle's tensors.
fn compare(graph: &Graph, width: usize, bytes: &mut Bytes<'_>) {
    let sizes = sizes(graph, width);
    let runner = Runner::new(graph.clone()).expect("it was checked");
    let work = runner.macs(&sizes).into_iter().flatten().fold(0u64, u64::saturating_add);
    // Other work than multiply-adds is bounded by the memory of its result, times its window.
    let small = runner.peak_bytes(&sizes).is_ok_and(|bytes| bytes < 1 << 17);
    if work > MAX_COMPARED || !small {
        return;
    }
    let data = data(graph, &sizes, bytes.rest());
    let compared = graph.compare(&inputs(&data, &sizes)).expect("it ran before");
    assert!(compared.as_ref().is_ok_and(|&kernels| kernels >= 2), "{compared:?}: {graph:?}");
}

/// What the elements of a tensor are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Type {
    Codes {
        bits: u8,
        scale: f32,
        zero: u8,
    },
    /// Codes of an input with a zero point for each channel.
    Channels {
        bits: u8,
    },
    Sums,
    Reals,
}

/// A graph in the making: its tensors with their types and shapes, as far as nothing is hostile.
struct Builder<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    tensors: Vec<Value>,
    made: Vec<(Type, [usize; 3])>,
    nodes: Vec<Value>,
    is_read: Vec<bool>,
    parameters: Tensors,
}

/// The file of a graph that `description` describes.
pub(crate) fn graph_file(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let mut builder = Builder {
        bytes,
        tensors: Vec::new(),
        made: Vec::new(),
        nodes: Vec::new(),
        is_read: Vec::new(),
        parameters: Tensors::default(),
    };
    let inputs: Vec<Value> = (0..=builder.bytes.below(2)).map(|_| builder.input()).collect();
    for _ in 0..=builder.bytes.below(MAX_NODES) {
        builder.node();
    }
    builder.finish(inputs)
}

impl Builder<'_, '_> {
    /// Whether something rare happens.
    fn rarely(&mut self) -> bool {
        self.bytes.byte() >= 252
    }

    fn number(&mut self, usual: usize) -> u64 {
        number(self.bytes, usual)
    }

    fn numbers<const N: usize>(&mut self, usual: [usize; N]) -> Vec<u64> {
        usual.into_iter().map(|usual| self.number(usual)).collect()
    }

    /// The name of a tensor; now and then that of another one, or one that is not allowed.
    fn name(&mut self, tensor: usize) -> String {
        if self.rarely() {
            let other = self.bytes.below(self.tensors.len() + 3);
            return match self.bytes.below(8) {
                0 => String::new(),
                1 => "t".repeat(129),
                _ => format!("t{other}"),
            };
        }
        format!("t{tensor}")
    }

    fn codes(&mut self) -> Type {
        let bits = self.bytes.one_of(&[4, 8]);
        let scale = self.bytes.one_of(&[
            0.01,
            0.02,
            0.1,
            0.4,
            1.0,
            6.0 / 255.0,
            1.0 / 281_474_976_710_656.0,
            281_474_976_710_656.0,
        ]);
        let top: u8 = if bits == 4 { 15 } else { 255 };
        let any = self.bytes.byte() & top;
        Type::Codes { bits, scale, zero: self.bytes.one_of(&[0, top, top / 2, any]) }
    }

    fn tensor(&mut self, kind: Type, shape: [usize; 3]) -> usize {
        let place = self.tensors.len();
        let name = self.name(place);
        let mut entry = match kind {
            Type::Codes { bits, scale, zero } => {
                let zero = if self.rarely() { 16 } else { zero };
                json!({"name": name, "type": format!("u{bits}"), "scale": scale, "zero_points": [zero]})
            }
            Type::Channels { bits } => {
                let top: u8 = if bits == 4 { 15 } else { 255 };
                let zeros: Vec<u8> = (0..shape[2]).map(|_| self.bytes.byte() & top).collect();
                json!({"name": name, "type": format!("u{bits}"), "scale": 0.02, "zero_points": zeros})
            }
            Type::Sums => json!({"name": name, "type": "i32"}),
            Type::Reals => json!({"name": name, "type": "f32"}),
        };
        if self.rarely() {
            entry["scale"] = json!(self.bytes.one_of(&[0.0, -1.0, 1e-30, 1e30, 1e-45, 3e38]));
        }
        self.tensors.push(entry);
        self.made.push((kind, shape));
        self.is_read.push(false);
        place
    }

    fn input(&mut self) -> Value {
        let channels = self.bytes.one_of(&[1, 1, 2, 3, 4, 7, 17]);
        let (height, width) = (self.bytes.below(12) + 1, self.bytes.below(12) + 1);
        let kind = match self.bytes.below(6) {
            0 => Type::Reals,
            1 => Type::Channels { bits: self.bytes.one_of(&[4, 8]) },
            _ => self.codes(),
        };
        let tensor = self.tensor(kind, [height, width, channels]);
        let mut entry = json!({"tensor": self.name(tensor), "channels": self.number(channels)});
        if self.bytes.below(2) == 0 {
            entry["height"] = json!(self.number(height));
            entry["width"] = json!(self.number(width));
        }
        entry
    }

    /// A tensor to read: often the last one.
    fn pick(&mut self) -> usize {
        let last = self.made.len() - 1;
        if self.bytes.below(2) == 0 { last } else { self.bytes.below(self.made.len()) }
    }

    /// Adds a node with its output, unless that would be large.
    fn add(&mut self, op: Value, inputs: &[usize], kind: Type, shape: [usize; 3]) {
        if shape.iter().product::<usize>() > MAX_ELEMENTS {
            return;
        }
        let names: Vec<String> = inputs.iter().map(|&input| self.name(input)).collect();
        inputs.iter().for_each(|&input| self.is_read[input] = true);
        let output = self.tensor(kind, shape);
        let (name, output) = (format!("n{}", self.nodes.len()), self.name(output));
        self.nodes.push(json!({"name": name, "inputs": names, "output": output, "op": op}));
    }

    fn node(&mut self) {
        let input = self.pick();
        let (kind, shape) = self.made[input];
        let [height, width, channels] = shape;
        let is_real = kind == Type::Reals;
        let fresh = if is_real { Type::Reals } else { self.codes() };
        let choice = self.bytes.below(18);
        match (choice, kind) {
            (0..6, Type::Codes { .. } | Type::Channels { .. } | Type::Reals) => {
                self.convolution(input, choice == 5);
            }
            (16, _) => {
                self.add(json!("softmax"), &[input], Type::Reals, shape);
            }
            (17, _) => self.add(json!("argmax"), &[input], Type::Sums, [height, width, 1]),
            (_, Type::Sums | Type::Channels { .. }) => {
                let kind = if self.bytes.below(2) == 0 { Type::Reals } else { self.codes() };
                self.add(json!("identity"), &[input], kind, shape);
            }
            (6 | 7, _) => self.pool(input, choice == 6, fresh),
            (8, _) => self.add(json!("global_max_pool"), &[input], kind, [1, 1, channels]),
            (9, _) => self.add(json!("global_average_pool"), &[input], fresh, [1, 1, channels]),
            (10 | 11, _) => {
                // One of the same kind and shape: this one, if there is no other.
                let suits = |made: &(Type, [usize; 3])| {
                    matches!(made.0, Type::Codes { .. } | Type::Reals)
                        && (made.0 == Type::Reals) == is_real
                        && made.1 == shape
                };
                let other = self.made.iter().position(suits).unwrap_or(input);
                if choice == 10 {
                    let op = json!({"add": {"activation": self.activation()}});
                    self.add(op, &[input, other], fresh, shape);
                } else {
                    let kind = if self.bytes.below(2) == 0 { kind } else { fresh };
                    self.add(
                        json!("concat"),
                        &[other, input, other],
                        kind,
                        [height, width, 3 * channels],
                    );
                }
            }
            (12, _) => {
                let shape = [2 * height, 2 * width, channels];
                if self.bytes.below(2) == 0 {
                    self.add(json!("upsample_nearest"), &[input], kind, shape);
                } else {
                    self.add(json!("upsample_bilinear"), &[input], fresh, shape);
                }
            }
            (13, _) => {
                let shape = [1, 1, shape.iter().product()];
                self.add(json!("flatten"), &[input], kind, shape);
            }
            _ => {
                let op = self.bytes.one_of(&[
                    "identity",
                    "relu",
                    "relu6",
                    "hard_sigmoid",
                    "hard_swish",
                    "sigmoid",
                ]);
                let kind = if self.bytes.below(3) == 0 { Type::Reals } else { self.codes() };
                self.add(json!(op), &[input], kind, shape);
            }
        }
    }

    fn activation(&mut self) -> &'static str {
        self.bytes.one_of(&["none", "relu", "relu6"])
    }

    fn pool(&mut self, input: usize, is_max: bool, fresh: Type) {
        let (kind, [height, width, channels]) = self.made[input];
        let kernel = [self.bytes.below(3) + 1, self.bytes.below(3) + 1];
        let stride = [self.bytes.below(3) + 1, self.bytes.below(3) + 1];
        let padding = [0, 1, 2, 3].map(|side| self.bytes.below(kernel[side % 2]));
        let side = |len: usize, axis: usize| {
            (len + padding[axis] + padding[axis + 2]).saturating_sub(kernel[axis]) / stride[axis]
                + 1
        };
        let shape = [side(height, 0), side(width, 1), channels];
        let mut attributes = json!({"kernel": self.numbers(kernel), "stride": self.numbers(stride),
            "padding": self.numbers(padding)});
        if is_max {
            return self.add(json!({"max_pool": attributes}), &[input], kind, shape);
        }
        attributes["count_padding"] = json!(self.bytes.below(2) == 0);
        self.add(json!({"average_pool": attributes}), &[input], fresh, shape);
    }

    fn convolution(&mut self, input: usize, is_linear: bool) {
        let (kind, [height, width, inputs]) = self.made[input];
        let is_linear = is_linear && height * width == 1;
        let groups = match self.bytes.below(4) {
            0 if !is_linear => inputs,
            _ => 1,
        };
        let outputs = groups * (self.bytes.below(if groups > 1 { 2 } else { 18 }) + 1);
        let mut side = |end: usize| {
            let most = if is_linear { 1 } else { end };
            [self.bytes.below(most) + 1, self.bytes.below(most) + 1]
        };
        let (kernel, stride, dilation) = (side(4), side(3), side(2));
        let padding = [(); 4].map(|()| if is_linear { 0 } else { self.bytes.below(4) });
        let out = |len: usize, axis: usize| {
            let reach = (kernel[axis] - 1) * dilation[axis] + 1;
            (len + padding[axis] + padding[axis + 2]).saturating_sub(reach) / stride[axis] + 1
        };
        let shape = [out(height, 0), out(width, 1), outputs];
        let bits = if kind == Type::Reals { 32 } else { self.bytes.one_of(&[4, 8]) };
        let is_sum = bits < 32 && self.bytes.below(4) == 0;
        let output = match (bits, is_sum) {
            (32, _) => Type::Reals,
            (_, true) => Type::Sums,
            _ => self.codes(),
        };
        let activation = if is_sum { "none" } else { self.activation() };
        let mut attributes = json!({"in": self.number(inputs), "out": self.number(outputs),
            "weight_bits": self.number(bits), "activation": activation});
        if !is_linear {
            attributes["kernel"] = json!(self.numbers(kernel));
            attributes["stride"] = json!(self.numbers(stride));
            attributes["dilation"] = json!(self.numbers(dilation));
            attributes["padding"] = json!(self.numbers(padding));
            attributes["groups"] = json!(self.number(groups));
        }
        let op =
            if is_linear { json!({"linear": attributes}) } else { json!({"conv2d": attributes}) };
        let (before, name) = (self.nodes.len(), format!("n{}", self.nodes.len()));
        self.add(op, &[input], output, shape);
        if self.nodes.len() > before {
            let depth = kernel[0] * kernel[1] * inputs / groups;
            self.parameters.add_layer(self.bytes, &name, [outputs, depth], bits, outputs);
        }
    }

    fn finish(self, inputs: Vec<Value>) -> Vec<u8> {
        let Self { bytes, tensors, nodes, is_read, parameters, .. } = self;
        let mut outputs: Vec<String> =
            (0..is_read.len()).filter(|&at| !is_read[at]).map(|at| format!("t{at}")).collect();
        if bytes.byte() >= 252 {
            outputs.push(format!("t{}", bytes.below(tensors.len() + 1)));
        }
        let network = json!({"name": "fuzz", "release": "1", "inputs": inputs, "tensors": tensors,
            "nodes": nodes, "outputs": outputs});
        let metadata =
            json!({"format": "nibble-model", "version": "2", "network": network.to_string()});
        parameters.into_file(bytes, metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    /// Fuzzing would otherwise exercise errors alone.
    #[test]
    fn most_descriptions_are_valid_and_compared() {
        let (mut valid, mut compared, mut seen) = (0, 0, std::collections::BTreeSet::new());
        let seeds = seeds::of("graph");
        for (_, seed) in &seeds {
            let mut bytes = Bytes::new(seed);
            let file = if bytes.byte().is_multiple_of(2) {
                bytes.rest().to_vec()
            } else {
                let _ = bytes.below(20);
                graph_file(&mut bytes)
            };
            let Ok(graph) = Graph::parse(&file) else { continue };
            valid += 1;
            seen.extend(graph.nodes.iter().map(|node| node.op.name()));
            let sizes = sizes(&graph, 8);
            let data = data(&graph, &sizes, &[]);
            compared += usize::from(graph.compare(&inputs(&data, &sizes)).is_ok());
        }
        println!("{valid} valid, {compared} compared, of {}: {seen:?}", seeds.len());
        assert!(valid * 2 > seeds.len() && compared * 3 > seeds.len());
        assert_eq!(seen.len(), 18, "every operation: {seen:?}");
    }

    #[test]
    fn hostile_numbers_and_names_are_refused() {
        let mut refused = 0;
        for first in 0..200u8 {
            // Every third byte asks for something rare.
            let description: Vec<u8> =
                (0..200).map(|at| if at % 3 == 0 { 252 } else { first }).collect();
            let file = graph_file(&mut Bytes::new(&description));
            refused += usize::from(Graph::parse(&file).is_err());
        }
        assert!(refused >= 150, "{refused}");
    }
}
