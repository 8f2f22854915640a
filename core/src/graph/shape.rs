//! The shapes of a graph's tensors, and the bounds of memory and work.

use super::file::bad_node;
use super::{Graph, Kind, MAX_CHANNELS, Node, Op};
use crate::model::ModelError;

/// The most bytes that the tensors and buffers of a run may take together.
pub(super) const MAX_BYTES: usize = 1 << 30;
/// The most multiply-adds, or values made by other operations, of a run.
const MAX_WORK: u64 = 1 << 40;
/// The most positions of a map whose mean is taken.
pub(super) const MAX_POSITIONS: usize = 1 << 23;

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
    /// The run would take more than 1 GiB.
    TooLarge {
        /// The node that exceeds it.
        node: String,
    },
    /// The run would take more than 2^40 multiply-adds.
    TooMuchWork {
        /// The node that exceeds it.
        node: String,
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
            Self::TooLarge { node } => {
                write!(f, "node `{node}`: the run would take more than 1 GiB of memory")
            }
            Self::TooMuchWork { node } => {
                write!(f, "node `{node}`: the run would take more than 2^40 multiply-adds")
            }
        }
    }
}

impl std::error::Error for RunError {}

/// The shapes of all tensors, in their order, for the rows and columns of each input. No tensor
/// exceeds [`MAX_BYTES`], and neither does any padded map.
///
/// # Errors
/// [`RunError`] names the input or the node.
pub(super) fn infer(graph: &Graph, sizes: &[[usize; 2]]) -> Result<Vec<Shape>, RunError> {
    if sizes.len() != graph.inputs.len() {
        return Err(RunError::Inputs { wanted: graph.inputs.len(), found: sizes.len() });
    }
    let mut shapes = vec![Shape::default(); graph.tensors.len()];
    for (source, &[rows, columns]) in graph.inputs.iter().zip(sizes) {
        let problem = |problem| {
            let input = graph.tensors[source.tensor].name.clone();
            RunError::Input { input, problem }
        };
        if rows == 0 || columns == 0 {
            return Err(problem("it is empty"));
        }
        let fixed = |wanted: Option<usize>, found| wanted.is_none_or(|wanted| wanted == found);
        if !fixed(source.height, rows) || !fixed(source.width, columns) {
            return Err(problem("the graph wants another size"));
        }
        let shape = Shape { rows, columns, channels: source.channels };
        bytes(shape, &graph.tensors[source.tensor].kind)
            .ok_or_else(|| problem("it takes more than 1 GiB"))?;
        shapes[source.tensor] = shape;
    }
    let mut work = 0u64;
    for node in &graph.nodes {
        let inputs = node.inputs.iter().map(|&input| shapes[input]);
        let shape = output(node, inputs).map_err(|problem| match problem {
            Problem::Shape(problem) => RunError::Node { node: node.name.clone(), problem },
            Problem::Size => RunError::TooLarge { node: node.name.clone() },
        })?;
        bytes(shape, &graph.tensors[node.output].kind)
            .ok_or_else(|| RunError::TooLarge { node: node.name.clone() })?;
        shapes[node.output] = shape;
        work = work.saturating_add(work_of(node, shape, shapes[node.inputs[0]]));
        if work > MAX_WORK {
            return Err(RunError::TooMuchWork { node: node.name.clone() });
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

/// Bytes of a tensor; `None` if they exceed [`MAX_BYTES`].
fn bytes(shape: Shape, kind: &Kind) -> Option<usize> {
    let size = if matches!(kind, Kind::Codes(_)) { 1 } else { 4 };
    let values = shape.rows.checked_mul(shape.columns)?.checked_mul(shape.channels)?;
    values.checked_mul(size).filter(|&bytes| bytes <= MAX_BYTES)
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
fn output(node: &Node, mut inputs: impl Iterator<Item = Shape>) -> Result<Shape, Problem> {
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
        bytes(padded, &Kind::Reals).ok_or(Problem::Size)?;
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
