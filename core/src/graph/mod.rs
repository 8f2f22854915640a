//! Networks of any shape: graphs of operations whose integers are exact.
//!
//! `docs/model-file.md` describes the file (version 2) and the arithmetic of each operation. A
//! [`Graph`] is a file, parsed and checked. A [`Runner`] is a graph packed for this machine's
//! kernels, with the buffers it runs in.
//!
//! ```
//! use nibble_core::graph::{Graph, Input, Runner, Values};
//!
//! # let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
//! # std::env::set_current_dir(root).unwrap();
//! // Files of version 1 are graphs, too: chains of convolutions.
//! let file = std::fs::read("models/ocr-u4.safetensors")?;
//! let mut runner = Runner::new(Graph::parse(&file)?)?;
//!
//! // Rows and columns of each input; memory is known before anything runs.
//! let (height, width) = (24, 320);
//! assert!(runner.peak_bytes(&[[height, width]])? < 400_000);
//! let strip = vec![255; height * width];
//! let outputs = runner.run(&[Input::bytes(&strip, height, width)])?;
//! let Values::Sums(logits) = outputs.at(0).values else { panic!("exact logits") };
//! assert_eq!(logits.len(), 80 * 38);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Stages
//! | module | what it does |
//! |---|---|
//! | `file`, `version1` | reads and writes files |
//! | `twin` | makes the same graph of 8 bits or of reals, to compare with |
//! | `check` | refuses graphs that cannot run, or whose sums could leave 32 bits |
//! | `shape` | computes the shape of each tensor, and bounds memory and work |
//! | `plan` | gives tensors whose lives do not overlap the same buffer |
//! | `machine`, `depthwise` | convolutions: by blocked products, and channel by channel |
//! | `operations`, `arithmetic` | everything else |
//! | `prepare`, `node` | what a node computes before any run, and in each |
//! | `runner` | runs the nodes in order |

mod arithmetic;
mod check;
#[cfg(any(test, feature = "bench"))]
mod compare;
mod depthwise;
mod file;
#[cfg(feature = "bench")]
mod golden;
mod machine;
mod node;
mod operations;
#[cfg(any(test, feature = "bench"))]
mod oracle;
mod plan;
mod prepare;
#[cfg(any(test, feature = "bench"))]
mod random;
mod runner;
mod shape;
#[cfg(any(test, feature = "bench"))]
mod suite;
mod twin;
mod vectors;
mod version1;

use serde::{Deserialize, Serialize};

#[cfg(feature = "bench")]
pub use golden::golden;
pub use runner::{Input, InputValues, Outputs, Runner, Values, View};
pub use shape::{Limits, RunError, Shape};
#[cfg(feature = "bench")]
pub use suite::verify;

/// Largest number of nodes.
const MAX_NODES: usize = 1024;
/// Largest number of inputs, and of outputs.
const MAX_ENDS: usize = 16;
/// Largest number of bytes of a name.
const MAX_NAME: usize = 128;
/// Largest number of channels of a map.
const MAX_CHANNELS: usize = 4096;
/// Largest number of inputs and outputs of a fully connected layer.
const MAX_FEATURES: usize = 65_536;
/// Largest side, stride and dilation of a window.
const MAX_SIDE: usize = 64;
/// Largest padding of a convolution.
const MAX_PADDING: usize = 4095;

/// A network as its file describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Name of the network.
    pub name: String,
    /// Release of the weights.
    pub release: String,
    /// FNV-1a digest of the file, 16 hexadecimal digits; empty if there is none.
    pub hash: String,
    /// What the network reads.
    pub inputs: Vec<Source>,
    /// All tensors: inputs and outputs of nodes.
    pub tensors: Vec<Tensor>,
    /// The nodes in the order in which they run.
    pub nodes: Vec<Node>,
    /// The tensors that a run returns, as places in `tensors`.
    pub outputs: Vec<usize>,
}

/// An input of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Place of its tensor in [`Graph::tensors`].
    pub tensor: usize,
    /// Channels, interleaved.
    pub channels: usize,
    /// Rows; `None` if they can differ from run to run.
    pub height: Option<usize>,
    /// Columns, likewise.
    pub width: Option<usize>,
}

/// A tensor, `[row][column][channel]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// What its elements are.
    pub kind: Kind,
}

/// What the elements of a tensor are.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Codes of 4 or 8 bits.
    Codes(Codes),
    /// 32-bit sums, or indices.
    Sums,
    /// Single precision.
    Reals,
}

/// The meaning of codes: `(q - zero_point) * scale`.
#[derive(Debug, Clone, PartialEq)]
pub struct Codes {
    /// 4 or 8.
    pub bits: u8,
    /// The value of one step.
    pub scale: f32,
    /// The code that means 0.0: a single one, or, of an input, one for each channel.
    pub zero_points: Vec<u8>,
}

impl Codes {
    /// The largest code.
    #[must_use]
    pub fn top(&self) -> u8 {
        if self.bits == 4 { 15 } else { 255 }
    }

    /// The zero point of a channel.
    fn zero_point(&self, channel: usize) -> u8 {
        self.zero_points.get(channel).or(self.zero_points.first()).copied().unwrap_or(0)
    }
}

/// A node: an operation on tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// The tensors that it reads, as places in [`Graph::tensors`].
    pub inputs: Vec<usize>,
    /// The tensor that it makes.
    pub output: usize,
    /// Weights, biases and scales of convolutions and fully connected layers.
    pub parameters: Option<Parameters>,
}

/// An operation with its attributes. Pairs are `[vertical, horizontal]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Convolution.
    Conv2d(Conv2d),
    /// Fully connected layer.
    Linear(Linear),
    /// Largest value of each window.
    MaxPool(Pool),
    /// Mean of each window.
    AveragePool(AveragePool),
    /// Largest value of each channel.
    GlobalMaxPool,
    /// Mean of each channel.
    GlobalAveragePool,
    /// Sum of two tensors.
    Add(Add),
    /// Channels of several tensors, one after the other.
    Concat,
    /// Doubles rows and columns by repetition.
    UpsampleNearest,
    /// Doubles rows and columns by linear interpolation.
    UpsampleBilinear,
    /// Converts between types.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `min(max(x + 3, 0), 6) / 6`.
    HardSigmoid,
    /// `x * hard_sigmoid(x)`.
    HardSwish,
    /// All values in one row and one column.
    Flatten,
    /// Shares of the exponentials of the channels.
    Softmax,
    /// The first channel of the largest value.
    Argmax,
}

/// Attributes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Channels of the input.
    #[serde(rename = "in")]
    pub inputs: usize,
    /// Channels of the output.
    #[serde(rename = "out")]
    pub outputs: usize,
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Step of the kernel.
    pub stride: [usize; 2],
    /// Distance between neighbouring taps of the kernel.
    pub dilation: [usize; 2],
    /// Rows and columns added: `[top, left, bottom, right]`.
    pub padding: [usize; 4],
    /// Groups of channels that do not mix.
    pub groups: usize,
    /// 4, 8, or 32 for single precision.
    pub weight_bits: u8,
    /// What follows.
    pub activation: Activation,
}

impl Conv2d {
    /// Products summed for one result.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.kernel[0] * self.kernel[1] * (self.inputs / self.groups.max(1))
    }

    /// Whether each output channel reads the one input channel of the same number.
    #[must_use]
    pub fn is_depthwise(&self) -> bool {
        self.groups == self.inputs && self.groups == self.outputs && self.groups > 1
    }

    /// Rows and columns under the kernel, dilation included.
    fn reach(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1)
    }
}

/// Attributes of a fully connected layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Values of the input.
    #[serde(rename = "in")]
    pub inputs: usize,
    /// Values of the output.
    #[serde(rename = "out")]
    pub outputs: usize,
    /// 4, 8, or 32 for single precision.
    pub weight_bits: u8,
    /// What follows.
    pub activation: Activation,
}

/// Attributes of max pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Its step.
    pub stride: [usize; 2],
    /// `[top, left, bottom, right]`, each smaller than the window.
    pub padding: [usize; 4],
}

/// Attributes of average pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AveragePool {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Its step.
    pub stride: [usize; 2],
    /// `[top, left, bottom, right]`, each smaller than the window.
    pub padding: [usize; 4],
    /// Whether positions outside the input count, as zeros.
    pub count_padding: bool,
}

/// Attributes of an addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// What follows.
    pub activation: Activation,
}

/// What is applied to a result before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
}

/// Parameters of a convolution or a fully connected layer. Weights are
/// `[output][kernel row][kernel column][input of the group]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameters {
    /// Of 4 or 8 bits.
    Integer {
        /// Weights, -7..=7 at 4 bits, -127..=127 at 8.
        weights: Vec<i8>,
        /// Added to the sum of each output channel.
        bias: Vec<i32>,
        /// The value of one step of each output channel's sum, divided by the scale of the output
        /// where it is requantised.
        scales: Vec<f32>,
    },
    /// Single precision.
    Real {
        /// Weights.
        weights: Vec<f32>,
        /// Added to the sum of each output channel.
        bias: Vec<f32>,
    },
}

impl Op {
    /// The name in files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv2d(_) => "conv2d",
            Self::Linear(_) => "linear",
            Self::MaxPool(_) => "max_pool",
            Self::AveragePool(_) => "average_pool",
            Self::GlobalMaxPool => "global_max_pool",
            Self::GlobalAveragePool => "global_average_pool",
            Self::Add(_) => "add",
            Self::Concat => "concat",
            Self::UpsampleNearest => "upsample_nearest",
            Self::UpsampleBilinear => "upsample_bilinear",
            Self::Identity => "identity",
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::HardSigmoid => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
            Self::Flatten => "flatten",
            Self::Softmax => "softmax",
            Self::Argmax => "argmax",
        }
    }

    /// The convolution that this is; a fully connected layer is one of 1x1.
    #[must_use]
    pub fn convolution(&self) -> Option<Conv2d> {
        match *self {
            Self::Conv2d(convolution) => Some(convolution),
            Self::Linear(Linear { inputs, outputs, weight_bits, activation }) => Some(Conv2d {
                inputs,
                outputs,
                kernel: [1, 1],
                stride: [1, 1],
                dilation: [1, 1],
                padding: [0; 4],
                groups: 1,
                weight_bits,
                activation,
            }),
            _ => None,
        }
    }
}

impl Graph {
    /// The values of one step of each channel of a tensor of [`Kind::Sums`]: those of the
    /// convolution that makes it, or 1 for indices, and for all other tensors.
    #[must_use]
    pub fn steps_of_sums(&self, tensor: usize) -> &[f32] {
        let maker = self.nodes.iter().find(|node| node.output == tensor);
        match maker.and_then(|node| node.parameters.as_ref()) {
            Some(Parameters::Integer { scales, .. }) => scales,
            _ => &[1.0],
        }
    }
}
