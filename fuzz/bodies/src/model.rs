//! Model files: hostile headers and tensors, and networks that are valid after all.

use std::sync::OnceLock;

use nibble_core::{Kernels, Logits, Model, Network, Precision, RunLimits};
use serde_json::{Value, json};

use crate::alloc::peak_of;
use crate::bytes::Bytes;
use crate::graph::check_file;

/// Runs beyond these are refused, so that each input takes milliseconds.
pub(crate) const SMALL: RunLimits = RunLimits { max_work: 1 << 19, max_bytes: 1 << 20 };
/// Bytes that parsing may take beyond a multiple of the file: tables and messages.
pub(crate) const MAX_PARSED: usize = 1 << 20;
/// How many times a file's bytes parsing may take: nibbles become bytes, and headers trees.
pub(crate) const MAX_GROWTH: usize = 40;
/// Bytes that a run may take beyond `max_bytes`: the buffers of a kernel, and the logits.
pub(crate) const MAX_BUFFERS: usize = 1 << 20;

/// Numbers that checks are likely to get wrong.
const HOSTILE: [u64; 12] =
    [0, 1, 2, 63, 64, 65, 4096, 4097, 1 << 31, (1 << 32) - 1, 1 << 32, u64::MAX];

/// Parses a model file. With an even first byte the rest is the file; with an odd one it describes a
/// network, whose file is written here: mostly valid, with a hostile number now and then. A valid
/// model runs on every kernel, within small limits; all kernels must give the same logits. The file is
/// then taken as a graph.
///
/// # Panics
/// If that is not so, or if parsing or running takes more memory than it may.
pub fn model(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let (file, width) = if bytes.byte().is_multiple_of(2) {
        (bytes.rest().to_vec(), 64)
    } else {
        let width = bytes.below(96);
        (written(&mut bytes), width)
    };
    let (parsed, peak) = peak_of(|| Model::parse(&file));
    assert!(peak <= MAX_GROWTH * file.len() + MAX_PARSED, "{peak} bytes for {}", file.len());
    match parsed {
        Ok(model) => {
            assert_eq!(model.check(), Ok(()));
            run(&model, width);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    check_file(&file, width);
}

/// Every kernel of this machine, chosen for its precision. Choosing compares with the naive product,
/// so it is done once.
fn every_kernel() -> &'static [(Precision, &'static str, Kernels)] {
    static KERNELS: OnceLock<Vec<(Precision, &'static str, Kernels)>> = OnceLock::new();
    KERNELS.get_or_init(|| {
        let of = |precision| {
            Kernels::names(precision).into_iter().map(move |name| {
                let mut kernels = Kernels::detect();
                kernels.choose(&[precision], None, &|known| known == name);
                (precision, name, kernels)
            })
        };
        [Precision::F32, Precision::U8, Precision::U4].into_iter().flat_map(of).collect()
    })
}

/// Runs a valid model on every kernel of its precision.
fn run(model: &Model, width: usize) {
    let width = width.next_multiple_of(model.column_stride);
    let height = model.height.unwrap_or(model.row_stride() * 3);
    if height * width > 1 << 16 {
        return;
    }
    let pixels: Vec<u8> =
        (0..height * width).map(|at| u8::try_from(at * 37 % 256).unwrap_or(0)).collect();
    let mut first: Option<Logits> = None;
    for (precision, name, kernels) in every_kernel() {
        if *precision != model.precision {
            continue;
        }
        let network = Network::with_kernels(model.clone(), kernels).expect("it was checked");
        let mut network = network.with_limits(SMALL);
        let (outcome, peak) = peak_of(|| match model.height {
            Some(_) => network.run(&pixels),
            None => network.maps(&pixels, width),
        });
        let allowed = usize::try_from(SMALL.max_bytes).unwrap_or(usize::MAX) + MAX_BUFFERS;
        assert!(peak <= allowed, "{name}: {peak} bytes");
        let logits = match outcome {
            Ok(logits) => logits,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        };
        assert_eq!(
            logits.to_f32().len(),
            logits.rows() * logits.columns() * logits.classes(),
            "{name}"
        );
        if model.precision != Precision::F32 {
            if let Some(first) = &first {
                assert_eq!(first.integers(), logits.integers(), "{name}");
            }
            first = Some(logits);
        }
    }
}

/// A number for a header: mostly `usual`.
pub(crate) fn number(bytes: &mut Bytes<'_>, usual: usize) -> u64 {
    if bytes.byte() < 250 { usual as u64 } else { bytes.one_of(&HOSTILE) }
}

/// Tensors with their data, as a safetensors file holds them.
#[derive(Default)]
pub(crate) struct Tensors {
    header: serde_json::Map<String, Value>,
    data: Vec<u8>,
}

impl Tensors {
    fn add(
        &mut self,
        bytes: &mut Bytes<'_>,
        name: String,
        kind: &str,
        shape: &[usize],
        data: Vec<u8>,
    ) {
        let begin = self.data.len();
        self.data.extend(data);
        let offsets = [number(bytes, begin), number(bytes, self.data.len())];
        self.header.insert(name, json!({"dtype": kind, "shape": shape, "data_offsets": offsets}));
    }

    /// Adds the tensors of a convolution with `[outputs][depth]` weights, from the input's bytes.
    pub(crate) fn add_layer(
        &mut self,
        bytes: &mut Bytes<'_>,
        name: &str,
        [outputs, depth]: [usize; 2],
        bits: usize,
        scales: usize,
    ) {
        let pattern: Vec<u8> = match bytes.take(16) {
            [] => vec![0x17],
            taken => taken.to_vec(),
        };
        let fill = |count: usize| pattern.iter().copied().cycle().take(count);
        // -8, which no weight may be, becomes 0; -128 likewise.
        let valid = |nibble: u8| if nibble == 8 { 0 } else { nibble };
        let nibbles = |byte: u8| valid(byte & 15) | valid(byte >> 4) << 4;
        let (kind, shape, weights) = match bits {
            4 => {
                let row = depth.div_ceil(2);
                ("U8", vec![outputs, row], fill(outputs * row).map(nibbles).collect::<Vec<u8>>())
            }
            8 => {
                let weights = fill(outputs * depth).map(|byte| if byte == 128 { 0 } else { byte });
                ("I8", vec![outputs, depth], weights.collect())
            }
            _ => {
                let weights = fill(outputs * depth).map(|byte| f32::from(byte) / 64.0 - 2.0);
                ("F32", vec![outputs, depth], weights.flat_map(f32::to_le_bytes).collect())
            }
        };
        let extreme = bytes.below(16) == 0;
        self.add(bytes, format!("{name}.weight"), kind, &shape, weights);
        let bias: Vec<u8> = (0..outputs)
            .flat_map(|at| {
                let value = u32::from(pattern[at % pattern.len()]) << if extreme { 23 } else { 2 };
                if bits == 32 {
                    f32::from(pattern[at % pattern.len()]).to_le_bytes()
                } else {
                    value.cast_signed().wrapping_sub(300).to_le_bytes()
                }
            })
            .collect();
        let kind = if bits == 32 { "F32" } else { "I32" };
        self.add(bytes, format!("{name}.bias"), kind, &[outputs], bias);
        if bits < 32 {
            let scale = bytes.one_of(&[0.01f32, 1e-6, 1.0, 3e38, 1e-38, 0.25, 0.1, 0.02]);
            let data = std::iter::repeat_n(scale.to_le_bytes(), scales).flatten().collect();
            self.add(bytes, format!("{name}.scale"), "F32", &[scales], data);
        }
    }

    /// The file, with its metadata.
    pub(crate) fn into_file(mut self, bytes: &mut Bytes<'_>, metadata: Value) -> Vec<u8> {
        self.header.insert(String::from("__metadata__"), metadata);
        let header = Value::Object(self.header).to_string();
        let length = number(bytes, header.len()).to_le_bytes();
        [&length, header.as_bytes(), &self.data].concat()
    }
}

/// The file of a network that `description` describes.
pub(crate) fn model_file(description: &[u8]) -> Vec<u8> {
    written(&mut Bytes::new(description))
}

/// A file whose network the input describes.
fn written(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let precision = bytes.one_of(&["u4", "u8", "f32"]);
    let strips = bytes.below(4) > 0;
    let count = bytes.below(6) + 1;
    let mut height = bytes.below(30) + 1;
    let shown_height = height;
    let (mut inputs, mut stride) = (1, 1);
    let (mut tensors, mut layers) = (Tensors::default(), Vec::new());
    for index in 0..count {
        let last = index + 1 == count;
        let mut kernel = [bytes.below(5) + 1, bytes.below(5) + 1];
        let mut step = [bytes.below(2) + 1, bytes.below(2) + 1];
        let mut padding = [bytes.below(3), bytes.below(3)];
        if strips {
            kernel[0] = kernel[0].min(height + 2 * padding[0]);
        }
        if strips && last {
            // One row is left.
            (kernel[0], step[0], padding[0]) = (height.min(64), 64, 0);
        }
        let pool = !last && bytes.below(5) == 0;
        if pool {
            padding = [0, 0];
            kernel[0] = kernel[0].min(height);
        }
        if bytes.below(64) == 0 {
            step[1] = 4;
        }
        height = ((height + 2 * padding[0]).saturating_sub(kernel[0]) / step[0]) + 1;
        stride *= step[1];
        let pair =
            |bytes: &mut Bytes<'_>, of: [usize; 2]| [number(bytes, of[0]), number(bytes, of[1])];
        if pool {
            layers.push(json!({"name": format!("l{index}"), "op": "max_pool2d",
                "kernel": pair(bytes, kernel), "stride": pair(bytes, step)}));
            continue;
        }
        let outputs = bytes.below(if bytes.rest().len().is_multiple_of(7) { 40 } else { 9 }) + 1;
        let bits = match precision {
            "u4" => 4,
            "u8" => 8,
            _ => 32,
        };
        let shape = [outputs, kernel[0] * kernel[1] * inputs];
        let scales = if last && strips { 1 } else { outputs };
        tensors.add_layer(bytes, &format!("l{index}"), shape, bits, scales);
        let zero = if precision == "u4" && bytes.below(8) == 0 { bytes.below(16) } else { 0 };
        layers.push(json!({"name": format!("l{index}"), "op": "conv2d",
            "in": number(bytes, inputs), "out": number(bytes, outputs),
            "kernel": pair(bytes, kernel), "stride": pair(bytes, step), "padding": pair(bytes, padding),
            "weight_bits": bits, "activation_bits": bits, "zero_point": zero}));
        inputs = outputs;
    }
    let input = if strips {
        json!({"height": number(bytes, shown_height), "column_stride": number(bytes, stride)})
    } else {
        json!({"column_stride": number(bytes, stride)})
    };
    let alphabet = if strips { "A".repeat(inputs.saturating_sub(1)) } else { String::new() };
    let network = json!({"name": "fuzz", "release": "1", "input": input, "alphabet": alphabet,
        "blank": if strips { number(bytes, inputs - 1) } else { 0 }, "layers": layers});
    let metadata = json!({"format": "nibble-model", "version": "1", "precision": precision,
        "network": network.to_string()});
    tensors.into_file(bytes, metadata)
}
