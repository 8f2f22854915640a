"""The shapes of a graph's tensors, and the bounds of memory and work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from .graph import Graph, GraphError, Node

#: Rows, columns, channels.
Shape = tuple[int, int, int]

#: The most channels of a map.
MAX_CHANNELS = 4096
#: The most bytes of a tensor, as the engine holds it, and of a padded map.
MAX_BYTES = 1 << 30
#: The most multiply-adds of a run, or values that other operations make or read.
MAX_WORK = 1 << 40
#: The most positions of a map whose mean is taken.
MAX_POSITIONS = 1 << 23


def fail(node: Node, problem: str) -> GraphError:
    """The error of a node."""
    return GraphError(f"node `{node.name}`: {problem}")


def infer(graph: Graph, sizes: Mapping[str, tuple[int, int]]) -> dict[str, Shape]:
    """The shapes of all tensors for the rows and columns of each input.

    Raises `GraphError`, which names the input or the node: a tensor that is read before it is
    made, shapes that do not fit together, or a run that is larger than `MAX_BYTES` a tensor or
    `MAX_WORK`.
    """
    shapes: dict[str, Shape] = {}
    for source in graph.inputs:
        rows, columns = sizes[source.tensor]
        if rows < 1 or columns < 1:
            raise GraphError(f"input `{source.tensor}`: it is empty")
        if source.height not in (None, rows) or source.width not in (None, columns):
            raise GraphError(f"input `{source.tensor}`: the graph wants another size")
        shapes[source.tensor] = rows, columns, source.channels
        if 4 * prod(shapes[source.tensor]) > MAX_BYTES:
            raise GraphError(f"input `{source.tensor}`: it is larger than 1 GiB")
    work = 0
    for node in graph.nodes:
        for name in node.inputs:
            if name not in shapes:
                raise fail(node, f"nothing makes tensor `{name}` before it is read")
        inputs = [shapes[name] for name in node.inputs]
        if not inputs:
            raise fail(node, "it reads nothing")
        shape = output(node, inputs)
        if 4 * prod(shape) > MAX_BYTES:
            raise fail(node, "its output is larger than 1 GiB")
        shapes[node.output] = shape
        work += prod(shape) * _window(node, inputs[0])
        if work > MAX_WORK:
            raise fail(node, "the run would take more than 2^40 multiply-adds")
    for name in graph.outputs:
        if name not in shapes:
            raise GraphError(f"tensor `{name}`: nothing makes it")
    return shapes


def _window(node: Node, first: Shape) -> int:
    """Products, or values read, for each value of the output."""
    given = node.attributes
    if node.op in ("global_max_pool", "global_average_pool"):
        return first[0] * first[1]
    window = prod(given.get("kernel", (1, 1)))
    return window * (given["in"] // given.get("groups", 1)) if node.is_layer else window


def output(node: Node, inputs: Sequence[Shape]) -> Shape:
    """The shape of a node's output. Raises `GraphError`, which names the node."""
    rows, columns, channels = first = inputs[0]
    given = node.attributes
    match node.op:
        case "conv2d" | "linear":
            if node.op == "linear" and rows * columns != 1:
                raise fail(node, "its input has more than one row or column: flatten it first")
            if channels != given["in"]:
                raise fail(node, f"its input has {channels} channels, not {given['in']}")
            if node.op == "linear":
                return 1, 1, given["out"]
            return (*_windowed(node, first), given["out"])
        case "max_pool" | "average_pool":
            return (*_windowed(node, first), channels)
        case "global_average_pool" if rows * columns > MAX_POSITIONS:
            raise fail(node, "a mean of more than 2^23 positions")
        case "global_average_pool" | "global_max_pool":
            return 1, 1, channels
        case "add":
            if len(inputs) != 2 or inputs[1] != first:
                raise fail(node, "its inputs differ in shape")
            return first
        case "concat":
            if any(other[:2] != first[:2] for other in inputs):
                raise fail(node, "its inputs differ in rows or columns")
            total = sum(other[2] for other in inputs)
            if total > MAX_CHANNELS:
                raise fail(node, f"more than {MAX_CHANNELS} channels")
            return rows, columns, total
        case "upsample_nearest" | "upsample_bilinear":
            return 2 * rows, 2 * columns, channels
        case "flatten":
            return 1, 1, prod(first)
        case "argmax":
            return rows, columns, 1
        case "identity" | "relu" | "relu6" | "hard_sigmoid" | "hard_swish" | "softmax":
            return first
    raise fail(node, f"unknown operation `{node.op}`")


def _windowed(node: Node, first: Shape) -> tuple[int, int]:
    """The rows and columns that the windows of a node leave."""
    given = node.attributes
    top, left, bottom, right = given["padding"]
    padded = first[0] + top + bottom, first[1] + left + right
    if 4 * prod(padded) * first[2] > MAX_BYTES:
        raise fail(node, "its padded input is larger than 1 GiB")
    dilation = given.get("dilation", (1, 1))
    sides = []
    for length, side, step, stride in zip(
        padded, given["kernel"], dilation, given["stride"], strict=True
    ):
        room = length - ((side - 1) * step + 1)
        if room < 0:
            raise fail(node, "its window is larger than its padded input")
        sides.append(room // stride + 1)
    return sides[0], sides[1]
