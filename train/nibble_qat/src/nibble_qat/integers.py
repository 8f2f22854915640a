"""A graph in exact integers, in NumPy: the meaning of `docs/model-file.md`, line by line.

Codes and sums equal those of `nibble_core` bit for bit. Sums of `f32` convolutions depend on their
order, and are equal within rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .checks import check
from .graph import Graph, GraphError, Node, Tensor
from .reading import load
from .shapes import infer

F32 = np.float32

#: Values for the inputs: one array, or an array for each name. `[rows, columns, channels]`: uint8
#: for inputs of codes, float32 for those of type `f32`.
Values = np.ndarray | Mapping[str, np.ndarray]


def simulate(graph: Graph | str | Path, values: Values) -> dict[str, np.ndarray]:
    """The outputs of a graph, or of its file, by name: uint8 codes, int32 sums or float32 reals,
    `[rows, columns, channels]`.

    Raises `GraphError` if the file or the graph is none that the engine runs, or an input does not
    suit it; the message names the file, and the node, the tensor or the input.
    """
    if isinstance(graph, Graph):
        check(graph)
    else:
        graph = load(graph)
    tensors = run(graph, values)
    return {name: stored(tensors[name], graph.tensors[name]) for name in graph.outputs}


def stored(values: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Values in the element type of their tensor."""
    kinds = {"u4": np.uint8, "u8": np.uint8, "i32": np.int32, "f32": np.float32}
    return values.astype(kinds[tensor.type])


def run(graph: Graph, values: Values) -> dict[str, np.ndarray]:
    """All tensors of a run, by name, as int64 or float32.

    Raises `GraphError`, which names the input or the node, where inputs or shapes do not fit.
    """
    if not isinstance(values, Mapping):
        if len(graph.inputs) != 1:
            raise GraphError(f"the graph has {len(graph.inputs)} inputs: give them by name")
        values = {graph.inputs[0].tensor: values}
    names = [source.tensor for source in graph.inputs]
    for name in (*names, *values):
        if name not in values:
            raise GraphError(f"input `{name}` is missing")
        if name not in names:
            raise GraphError(f"there is no input `{name}`; there are {', '.join(names)}")
    tensors = {}
    for source in graph.inputs:
        tensor = graph.tensors[source.tensor]
        given = np.asarray(values[tensor.name])
        if given.ndim == 2:
            given = given[:, :, None]
        wanted = (source.height, source.width, source.channels)
        fits = given.ndim == 3 and all(
            size in (None, found) for size, found in zip(wanted, given.shape, strict=True)
        )
        if not fits or given.dtype != (np.uint8 if tensor.is_codes else np.float32):
            raise GraphError(f"input `{tensor.name}`: {given.dtype} of shape {given.shape}")
        if tensor.type == "u4":
            given = (given.astype(np.int64) * 15 + 127) // 255
        tensors[tensor.name] = given.astype(np.int64) if tensor.is_codes else given
    infer(graph, {name: given.shape[:2] for name, given in tensors.items()})
    for node in graph.nodes:
        tensors[node.output] = compute(graph, node, [tensors[name] for name in node.inputs])
    return tensors


def bounds(tensor: Tensor, activation: str) -> tuple[int, int]:
    """The smallest and the largest code behind an activation."""
    zero = int(tensor.zero[0])
    if activation == "none":
        return 0, tensor.top
    if activation == "relu":
        return zero, tensor.top
    return zero, min(tensor.top, zero + int(np.rint(F32(6) / tensor.step)))


def clamp(rounded: np.ndarray, tensor: Tensor, activation: str = "none") -> np.ndarray:
    """Rounded numbers as codes."""
    low, high = bounds(tensor, activation)
    zero = int(tensor.zero[0])
    # Clamped before they become integers, which hold less than f32; NaN becomes the lowest code.
    rounded = np.where(np.isnan(rounded), F32(low - zero), rounded)
    return np.clip(rounded, low - zero, high - zero).astype(np.int64) + zero


def requantise(
    sums: np.ndarray, factor: np.ndarray | np.float32, tensor: Tensor, activation: str = "none"
) -> np.ndarray:
    """`clamp(rte(f32(sum) * factor) + z, lo, hi)`."""
    return clamp(np.rint(sums.astype(F32) * np.asarray(factor, F32)), tensor, activation)


def activate(reals: np.ndarray, activation: str) -> np.ndarray:
    if activation == "none":
        return reals
    positive = np.fmax(reals, F32(0))
    return positive if activation == "relu" else np.fmin(positive, F32(6))


def function(op: str, x: np.ndarray) -> np.ndarray:
    """A function of real numbers."""
    gate = activate(x + F32(3), "relu6")
    if op in ("relu", "relu6"):
        return activate(x, op)
    if op == "hard_sigmoid":
        return gate / F32(6)
    return x * gate / F32(6) if op == "hard_swish" else x


def reals(graph: Graph, name: str, values: np.ndarray) -> np.ndarray:
    """The real numbers that the elements of a tensor stand for."""
    tensor = graph.tensors[name]
    if tensor.is_codes:
        return (values - tensor.zero).astype(F32) * tensor.step
    if tensor.type == "f32":
        return values
    maker = next(node for node in graph.nodes if node.output == name)
    scale = F32(1) if maker.scale is None else maker.scale
    return values.astype(F32) * scale


def windows(x: np.ndarray, kernel, stride, dilation, padding, fill) -> np.ndarray:
    """`[h, w, kh, kw, c]` windows of `x [H, W, c]`, padded with `fill [c]`."""
    top, left, bottom, right = padding
    padded = np.empty((x.shape[0] + top + bottom, x.shape[1] + left + right, x.shape[2]), x.dtype)
    padded[:] = fill
    padded[top : top + x.shape[0], left : left + x.shape[1]] = x
    reach = [(side - 1) * step + 1 for side, step in zip(kernel, dilation, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(0, 1))
    view = view[:: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return view.transpose(0, 1, 3, 4, 2)


def convolve(node: Node, x: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Sums with their bias, `[h, w, out]`: exact of codes, in float64 of reals.

    Sums of codes are below 2^31, so that float64 holds them exactly, and multiplies faster.
    """
    a: dict[str, Any] = {
        "kernel": [1, 1],
        "stride": [1, 1],
        "dilation": [1, 1],
        "padding": [0] * 4,
        "groups": 1,
    }
    a |= node.attributes
    zero = tensor.zero if tensor.is_codes else F32(0)
    taken = windows(x, a["kernel"], a["stride"], a["dilation"], a["padding"], zero) - zero
    taken, weight = taken.astype(np.float64), node.weight.astype(np.float64)
    inputs, outputs = a["in"] // a["groups"], a["out"] // a["groups"]
    if inputs == outputs == 1:
        sums = np.einsum("hwijc,cij->hwc", taken, weight[..., 0])
    else:
        parts = []
        for group in range(a["groups"]):
            part = taken[..., group * inputs : (group + 1) * inputs]
            flat = weight[group * outputs : (group + 1) * outputs].reshape(outputs, -1)
            parts.append(part.reshape(*part.shape[:2], -1) @ flat.T)
        sums = np.concatenate(parts, -1)
    return (sums.astype(np.int64) if tensor.is_codes else sums) + node.bias


def pool(node: Node, x: np.ndarray, source: Tensor, target: Tensor) -> np.ndarray:
    """Largest values or means of windows, or of the whole map."""
    a = node.attributes or {"kernel": x.shape[:2], "stride": [1, 1], "padding": [0] * 4}
    inside = np.ones((*x.shape[:2], 1), np.int64)
    inside = windows(inside, a["kernel"], a["stride"], [1, 1], a["padding"], 0)
    if node.op.endswith("max_pool"):
        fill = -1 if source.is_codes else F32(-np.inf)
        taken = windows(x, a["kernel"], a["stride"], [1, 1], a["padding"], fill)
        return taken.max((2, 3))
    zero = source.zero if source.is_codes else F32(0)
    taken = windows(x, a["kernel"], a["stride"], [1, 1], a["padding"], zero) - zero
    count = inside.sum((2, 3))
    if a.get("count_padding"):
        count = np.full_like(count, a["kernel"][0] * a["kernel"][1])
    if source.is_codes:
        ratio = source.step / target.step
        return requantise(taken.sum((2, 3)), ratio / count.astype(F32), target)
    total = np.zeros((*taken.shape[:2], taken.shape[4]), F32)
    for row in range(taken.shape[2]):
        for column in range(taken.shape[3]):
            total = total + taken[:, :, row, column]
    return total / count.astype(F32)


def exponential(x: np.ndarray) -> np.ndarray:
    """`e^x` for `x` up to 0, by the polynomial of the file format."""
    small = ~(x >= F32(-86))
    x = np.where(small, F32(0), x).astype(F32)
    n = np.rint(x * F32(1.442695))
    f = (x - n * F32(0.693359375)) + n * F32(2.1219444e-4)
    p = F32(1.98756915e-4) * f + F32(1.39819995e-3)
    for coefficient in (8.33345191e-3, 4.16657959e-2, 0.166666655, 0.5):
        p = p * f + F32(coefficient)
    near_one = (p * (f * f) + f) + F32(1)
    return np.where(small, F32(0), np.ldexp(near_one, n.astype(np.int32)).astype(F32))


def upsample(node: Node, x: np.ndarray, source: Tensor, target: Tensor) -> np.ndarray:
    """Twice the rows and columns."""
    if node.op == "upsample_nearest":
        return x.repeat(2, 0).repeat(2, 1)

    def near_and_far(length: int) -> tuple[np.ndarray, np.ndarray]:
        index = np.arange(2 * length)
        near = index // 2
        return near, np.clip(near + np.where(index % 2 == 0, -1, 1), 0, length - 1)

    (y, other_y), (column, other_column) = near_and_far(x.shape[0]), near_and_far(x.shape[1])
    a, b = x[y][:, column], x[y][:, other_column]
    c, d = x[other_y][:, column], x[other_y][:, other_column]
    if not source.is_codes:
        return (((F32(9) * a + F32(3) * b) + F32(3) * c) + d) / F32(16)
    sums = 9 * a + 3 * b + 3 * c + d - 16 * source.zero
    return requantise(sums, source.step / target.step / F32(16), target)


def compute(graph: Graph, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    """The output of one node."""
    x, source, target = inputs[0], graph.tensors[node.inputs[0]], graph.tensors[node.output]
    activation = node.attributes.get("activation", "none")
    match node.op:
        case "conv2d" | "linear":
            sums = convolve(node, x, source)
            if target.is_codes:
                return requantise(sums, node.scale, target, activation)
            return sums if target.type == "i32" else activate(sums.astype(F32), activation)
        case "max_pool" | "average_pool" | "global_max_pool" | "global_average_pool":
            return pool(node, x, source, target)
        case "add":
            if target.type == "f32":
                return activate(x + inputs[1], activation)
            other = graph.tensors[node.inputs[1]]
            larger = max(source.step, other.step)
            unit = F32(16384)
            m_a, m_b = (int(np.rint(t.step / larger * unit)) for t in (source, other))
            sums = m_a * (x - source.zero) + m_b * (inputs[1] - other.zero)
            return requantise(sums, larger / target.step / unit, target, activation)
        case "concat":
            parts = [
                convert(graph, "identity", name, values, target)
                for name, values in zip(node.inputs, inputs, strict=True)
            ]
            return np.concatenate(parts, -1)
        case "upsample_nearest" | "upsample_bilinear":
            return upsample(node, x, source, target)
        case "identity" | "relu" | "relu6" | "hard_sigmoid" | "hard_swish":
            return convert(graph, node.op, node.inputs[0], x, target)
        case "flatten":
            return x.reshape(1, 1, -1)
        case "softmax":
            x = reals(graph, node.inputs[0], x)
            powers = exponential(x - x.max(-1, keepdims=True))
            total = np.zeros(x.shape[:2], F32)
            for channel in range(x.shape[2]):
                total = total + powers[:, :, channel]
            return powers / total[:, :, None]
        case "argmax":
            return reals(graph, node.inputs[0], x).argmax(-1, keepdims=True)
    raise GraphError(f"node `{node.name}`: unknown operation `{node.op}`")


def convert(graph: Graph, op: str, name: str, values: np.ndarray, target: Tensor) -> np.ndarray:
    """A function of one value, towards the type of `target`."""
    source = graph.tensors[name]
    same = (source.type, source.scale, source.zero_points) == (
        target.type,
        target.scale,
        target.zero_points,
    )
    if op == "identity" and same:
        return values
    y = function(op, reals(graph, name, values))
    return clamp(np.rint(y / target.step), target) if target.is_codes else y
