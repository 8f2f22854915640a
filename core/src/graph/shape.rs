//! The shapes of a graph's tensors, and the bounds of memory and work.

use super::file::bad_node;
use super::{Graph, Kind, MAX_CHANNELS, Node, Op};
use crate::model::ModelError;

/// No run takes more bytes than this, whatever its limits are: sums of sizes must not wrap around.
const MAX_BYTES: usize = if usize::BITS < 64 { 1 << 30 } else { 1 << 40 };
/// The most positions of a map whose mean is taken.
pub(super) const MAX_POSITIONS: usize = 1 << 23;

/// What a run may take at most. A run that would take more is refused before it begins.
///
/// The sizes that a file fixes must fit the default limits, or else [`Graph::parse`] refuses the
/// file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of all tensors and buffers, apart from the weights: 1 GiB by default. Values
    /// above 1 TiB mean 1 TiB, and above 1 GiB mean 1 GiB where pointers have 32 bits.
    pub max_bytes: usize,
    /// Multiply-adds, or values that other operations make or read: 2^40 by default.
    pub max_multiply_adds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 1 << 30, max_multiply_adds: 1 << 40 }
    }
}

impl Limits {
    /// The bytes, if they are within the limit.
    pub(super) fn fit(self, bytes: usize) -> Option<usize> {
        Some(bytes).filter(|&bytes| bytes <= self.bytes())
    }

    fn bytes(self) -> usize {
        self.max_bytes.min(MAX_BYTES)
    }

    /// The error of a node that exceeds the bytes.
    pub(super) fn too_large(self, node: &Node) -> RunError {
        RunError::TooLarge { node: node.name.clone(), max_bytes: self.bytes() }
    }

    /// The error of an input that exceeds the bytes.
    pub(super) fn input_too_large(self, input: &str) -> RunError {
        RunError::InputTooLarge { input: input.to_owned(), max_bytes: self.bytes() }
    }
}

/// A number of bytes as errors state it.
struct Bytes(usize);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const GIB: usize = 1 << 30;
        match self.0 {
            bytes if bytes > 0 && bytes % GIB == 0 => write!(f, "{} GiB", bytes / GIB),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// The shape of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Shape {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Channels.
    pub channels: usize,
}

impl Shape {
    /// Number of positions. Shapes of a run are bounded, so it does not wrap around.
    pub(super) fn positions(self) -> usize {
        self.rows * self.columns
    }

    /// Number of elements, likewise.
    pub(super) fn len(self) -> usize {
        self.positions() * self.channels
    }
}

/// Why a graph cannot run on its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunError {
    /// Another number of inputs than the graph has.
    Inputs {
        /// Inputs of the graph.
        wanted: usize,
        /// Inputs that were given.
        found: usize,
    },
    /// An input does not suit the graph.
    Input {
        /// Name of its tensor.
        input: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A node cannot run on the shapes that it would get.
    Node {
        /// Its name.
        node: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The run would take more memory than [`Limits::max_bytes`].
    TooLarge {
        /// The node that exceeds it.
        node: String,
        /// The limit.
        max_bytes: usize,
    },
    /// The inputs alone take more memory than [`Limits::max_bytes`].
    InputTooLarge {
        /// Name of the tensor of the input that exceeds it.
        input: String,
        /// The limit.
        max_bytes: usize,
    },
    /// The run would take more than [`Limits::max_multiply_adds`].
    TooMuchWork {
        /// The node that exceeds it.
        node: String,
        /// The limit.
        max_multiply_adds: u64,
    },
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inputs { wanted, found } => {
                write!(f, "the graph has {wanted} inputs, and {found} were given")
            }
            Self::Input { input, problem } => write!(f, "input `{input}`: {problem}"),
            Self::Node { node, problem } => write!(f, "node `{node}`: {problem}"),
            Self::TooLarge { node, max_bytes } => {
                let limit = Bytes(*max_bytes);
                write!(f, "node `{node}`: the run would take more than {limit} of memory")
            }
            Self::InputTooLarge { input, max_bytes } => {
                write!(f, "input `{input}`: it takes more than {} of memory", Bytes(*max_bytes))
            }
            Self::TooMuchWork { node, max_multiply_adds: limit } => {
                write!(f, "node `{node}`: the run would take more than {limit} multiply-adds")
            }
        }
    }
}

impl std::error::Error for RunError {}

/// The shapes of all tensors, in their order, for the rows and columns of each input. No tensor
/// exceeds the limit, and neither does any padded map.
///
/// # Errors
/// [`RunError`] names the input or the node.
pub(super) fn infer(
    graph: &Graph,
    sizes: &[[usize; 2]],
    limits: Limits,
) -> Result<Vec<Shape>, RunError> {
    if sizes.len() != graph.inputs.len() {
        return Err(RunError::Inputs { wanted: graph.inputs.len(), found: sizes.len() });
    }
    let mut shapes = vec![Shape::default(); graph.tensors.len()];
    for (source, &[rows, columns]) in graph.inputs.iter().zip(sizes) {
        let name = &graph.tensors[source.tensor].name;
        let problem = |problem| RunError::Input { input: name.clone(), problem };
        if rows == 0 || columns == 0 {
            return Err(problem("it is empty"));
        }
        let fixed = |wanted: Option<usize>, found| wanted.is_none_or(|wanted| wanted == found);
        if !fixed(source.height, rows) || !fixed(source.width, columns) {
            return Err(problem("the graph wants another size"));
        }
        let shape = Shape { rows, columns, channels: source.channels };
        bytes(shape, &graph.tensors[source.tensor].kind, limits)
            .ok_or_else(|| limits.input_too_large(name))?;
        shapes[source.tensor] = shape;
    }
    let mut work = 0u64;
    for node in &graph.nodes {
        let inputs = node.inputs.iter().map(|&input| shapes[input]);
        let shape = output(node, inputs, limits).map_err(|problem| match problem {
            Problem::Shape(problem) => RunError::Node { node: node.name.clone(), problem },
            Problem::Size => limits.too_large(node),
        })?;
        bytes(shape, &graph.tensors[node.output].kind, limits)
            .ok_or_else(|| limits.too_large(node))?;
        shapes[node.output] = shape;
        work = work.saturating_add(work_of(node, shape, shapes[node.inputs[0]]));
        let max_multiply_adds = limits.max_multiply_adds;
        if work > max_multiply_adds {
            return Err(RunError::TooMuchWork { node: node.name.clone(), max_multiply_adds });
        }
    }
    Ok(shapes)
}

/// The multiply-adds of a convolution, the values read by a pool, the values made by others.
pub(super) fn work_of(node: &Node, output: Shape, input: Shape) -> u64 {
    let window = match node.op {
        Op::MaxPool(pool) => pool.kernel[0] * pool.kernel[1],
        Op::AveragePool(pool) => pool.kernel[0] * pool.kernel[1],
        Op::GlobalMaxPool | Op::GlobalAveragePool => input.positions(),
        _ => node.op.convolution().map_or(1, |convolution| convolution.depth()),
    };
    (output.len() as u64).saturating_mul(window as u64)
}

/// Bytes of a tensor; `None` if they exceed the limit.
fn bytes(shape: Shape, kind: &Kind, limits: Limits) -> Option<usize> {
    let size = if matches!(kind, Kind::Codes(_)) { 1 } else { 4 };
    let values = shape.rows.checked_mul(shape.columns)?.checked_mul(shape.channels)?;
    values.checked_mul(size).and_then(|bytes| limits.fit(bytes))
}

enum Problem {
    Shape(&'static str),
    Size,
}

impl From<&'static str> for Problem {
    fn from(problem: &'static str) -> Self {
        Self::Shape(problem)
    }
}

/// The shape of a node's output.
fn output(
    node: &Node,
    mut inputs: impl Iterator<Item = Shape>,
    limits: Limits,
) -> Result<Shape, Problem> {
    let first = inputs.next().unwrap_or_default();
    if let Some(convolution) = node.op.convolution() {
        if matches!(node.op, Op::Linear(_)) && first.positions() != 1 {
            return Err("its input has more than one row or column: flatten it first".into());
        }
        if first.channels != convolution.inputs {
            return Err("its input has another number of channels".into());
        }
        let (reach, padding) = (convolution.reach(), convolution.padding);
        let shape = windowed(first, reach, convolution.stride, padding)?;
        // Kernels hold an activation in at most 4 bytes.
        let [top, left, bottom, right] = padding;
        let (rows, columns) = (first.rows + top + bottom, first.columns + left + right);
        let padded = Shape { rows, columns, channels: first.channels };
        bytes(padded, &Kind::Reals, limits).ok_or(Problem::Size)?;
        return Ok(Shape { channels: convolution.outputs, ..shape });
    }
    let single = Shape { rows: 1, columns: 1, channels: first.channels };
    match node.op {
        Op::MaxPool(pool) => windowed(first, pool.kernel, pool.stride, pool.padding),
        Op::AveragePool(pool) => windowed(first, pool.kernel, pool.stride, pool.padding),
        Op::GlobalAveragePool if first.positions() > MAX_POSITIONS => {
            Err("a mean of more than 2^23 positions".into())
        }
        Op::GlobalMaxPool | Op::GlobalAveragePool => Ok(single),
        Op::Add(_) => match inputs.next() {
            Some(second) if second == first => Ok(first),
            _ => Err("its inputs differ in shape".into()),
        },
        Op::Concat => {
            let mut channels = first.channels;
            for other in inputs {
                if [other.rows, other.columns] != [first.rows, first.columns] {
                    return Err("its inputs differ in rows or columns".into());
                }
                channels = channels.checked_add(other.channels).ok_or(Problem::Size)?;
            }
            if channels > MAX_CHANNELS {
                return Err("more than 4096 channels".into());
            }
            Ok(Shape { channels, ..first })
        }
        Op::UpsampleNearest | Op::UpsampleBilinear => {
            let double = |side: usize| side.checked_mul(2).ok_or(Problem::Size);
            Ok(Shape { rows: double(first.rows)?, columns: double(first.columns)?, ..first })
        }
        Op::Flatten => Ok(Shape { rows: 1, columns: 1, channels: first.len() }),
        Op::Argmax => Ok(Shape { channels: 1, ..first }),
        _ => Ok(first),
    }
}

/// The shape that windows of this reach leave.
fn windowed(
    input: Shape,
    reach: [usize; 2],
    stride: [usize; 2],
    [top, left, bottom, right]: [usize; 4],
) -> Result<Shape, Problem> {
    let side = |len: usize, before: usize, after: usize, axis: usize| {
        // Sides are bounded by the bytes of a tensor, and padding by `MAX_PADDING`.
        let room = (len + before + after).checked_sub(reach[axis]);
        room.map(|room| room / stride[axis] + 1).ok_or("its window is larger than its padded input")
    };
    Ok(Shape {
        rows: side(input.rows, top, bottom, 0)?,
        columns: side(input.columns, left, right, 1)?,
        ..input
    })
}

/// Checks that channels agree wherever the file alone decides them: everywhere but behind
/// `flatten`.
///
/// # Errors
/// [`ModelError`] names the node.
pub(super) fn check_channels(graph: &Graph) -> Result<(), ModelError> {
    let mut channels: Vec<Option<usize>> = vec![None; graph.tensors.len()];
    for source in &graph.inputs {
        channels[source.tensor] = Some(source.channels);
    }
    for node in &graph.nodes {
        let first = channels[node.inputs[0]];
        let problem = |problem| Err(bad_node(&node.name, problem));
        channels[node.output] = match node.op {
            Op::Conv2d(_) | Op::Linear(_) => {
                let convolution = node.op.convolution();
                let wanted = convolution.map(|convolution| convolution.inputs);
                if first.is_some() && first != wanted {
                    return problem("its input has another number of channels");
                }
                convolution.map(|convolution| convolution.outputs)
            }
            Op::Add(_) => {
                let second = channels[node.inputs[1]];
                if first.is_some() && second.is_some() && first != second {
                    return problem("its inputs differ in channels");
                }
                first.or(second)
            }
            Op::Concat => {
                let sum = node
                    .inputs
                    .iter()
                    .try_fold(0usize, |sum, &input| sum.checked_add(channels[input]?));
                if sum.is_some_and(|sum| sum > MAX_CHANNELS) {
                    return problem("more than 4096 channels");
                }
                sum
            }
            Op::Flatten => None,
            Op::Argmax => Some(1),
            _ => first,
        };
    }
    Ok(())
}
