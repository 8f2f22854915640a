"""Reads an ONNX network as a graph of single precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import checker, shape_inference

from .calibration import Known
from .checks import check
from .graph import Graph, GraphError, Input, Node, Tensor
from .integers import F32, run
from .onnx_nodes import Reader, UnsupportedOperator

#: Oldest set of operators that is read.
MIN_OPSET = 13
#: A number for all channels, or one for each.
Channels = float | Sequence[float]
#: Errors of the package onnx about networks that break its rules.
BROKEN = (
    LookupError,
    TypeError,
    ValueError,
    checker.ValidationError,
    shape_inference.InferenceError,
)

__all__ = ["UnsupportedOperator", "read"]


def read(
    model: str | Path | onnx.ModelProto,
    mean: Channels | Mapping[str, Channels] | None = None,
    deviation: Channels | Mapping[str, Channels] = 1.0,
    name: str = "",
) -> tuple[Graph, Known]:
    """The graph of an ONNX network in single precision, and what a QDQ network has decided.

    With `mean`, the graph reads images as bytes, of which the network sees
    `(bytes / 255 - mean) / deviation`. Without, it reads the network's own input, real numbers.
    Both hold for all inputs, or for those that they name. An input of two dimensions is a map
    with one position.

    Raises `GraphError`, which names the file, and `UnsupportedOperator`, which also names the node.
    """
    if not isinstance(model, onnx.ModelProto):
        path = Path(model)
        try:
            return read(_loaded(path), mean, deviation, name or path.stem)
        except GraphError as error:
            # Of the class of the error: an operator that is not supported stays one.
            raise type(error)(f"{path}: {error}") from error
    opset = next((entry.version for entry in model.opset_import if entry.domain == ""), 0)
    if opset < MIN_OPSET:
        raise UnsupportedOperator(f"opset {opset}: {MIN_OPSET} is the oldest that is read")
    try:
        model = shape_inference.infer_shapes(model)
        reader = Reader(model)
    except BROKEN as error:
        raise GraphError(f"the network is broken: {str(error)[:200]}") from error
    constants = set(reader.constants)
    sources = [source for source in model.graph.input if source.name not in constants]
    if not sources:
        raise UnsupportedOperator("the network has no input")
    inputs = [_input(source.name, reader.shapes[source.name]) for source in sources]
    means, deviations = (_by_input(values, inputs) for values in (mean, deviation))
    for source in inputs:
        reader.values[source.tensor] = source.tensor + (".real" if source.tensor in means else "")
    reader.walk()
    tensors, openings = {}, []
    for source in inputs:
        image = source.tensor
        if image not in means:
            tensors[image] = Tensor(image, "f32")
            continue
        tensors[image], shares = _bytes(source, means[image], deviations.get(image, 1.0))
        real = reader.values[image]
        tensors[real] = Tensor(real, "f32")
        _fold(reader.nodes, real, shares, tensors[image])
        openings.append(Node(real, "identity", [image], real))
    nodes = [*openings, *reader.nodes]
    tensors |= {node.output: Tensor(node.output, "f32") for node in reader.nodes}
    for node in nodes:
        if node.op == "argmax":
            tensors[node.output] = Tensor(node.output, "i32")
    for output in model.graph.output:
        if output.name not in reader.values:
            raise GraphError(f"output `{output.name}` is no map of the network")
    outputs = [reader.values[output.name] for output in model.graph.output]
    graph = Graph(name, inputs, tensors, nodes, outputs)
    _drop_unread(graph)
    check(graph)
    _reorder(graph)
    # The output keeps the name that the network gives it.
    for output, value in zip(model.graph.output, outputs, strict=True):
        if value != output.name and outputs.count(value) == 1 and output.name not in tensors:
            _rename(graph, reader.known, value, output.name)
    return graph, reader.known


def _loaded(path: Path) -> onnx.ModelProto:
    """The network of a file."""
    try:
        return onnx.load(str(path))
    except OSError as error:
        raise GraphError(f"it cannot be read: {error.strerror or error}") from error
    except (DecodeError, *BROKEN) as error:
        raise GraphError(f"it is no ONNX file: {str(error)[:200]}") from error


def _rename(graph: Graph, known: Known, old: str, new: str) -> None:
    graph.rename(old, new)
    for node in graph.nodes:
        if node.name == old:
            node.name = new
    tables: tuple[dict[str, Any], ...] = (known.codes, known.weights)
    for table in tables:
        if old in table:
            table[new] = table.pop(old)


def _input(name: str, shape: list[int | None]) -> Input:
    """An input of the graph from its shape in ONNX, batch and channels first."""
    channels, *size = shape[1:] if len(shape) in (2, 4) else [None]
    if channels is None:
        raise UnsupportedOperator(f"input `{name}`: its shape {shape} is no image's")
    return Input(name, channels, *(size or (1, 1)))


def _by_input(values, inputs: list[Input]) -> dict[str, Channels]:
    """What is given for each input: for all the same, or by name."""
    names = [source.tensor for source in inputs]
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        return dict.fromkeys(names, values)
    for name in values:
        if name not in names:
            raise GraphError(f"there is no input `{name}`; there are {', '.join(names)}")
    return dict(values)


def _bytes(image: Input, mean: Channels, deviation: Channels) -> tuple[Tensor, np.ndarray]:
    """The tensor of an image of bytes, and what the steps of its channels differ by."""
    channels = image.channels
    means, deviations = (
        np.broadcast_to(np.asarray(value, np.float64).ravel(), channels)
        if np.size(value) in (1, channels)
        else None
        for value in (mean, deviation)
    )
    if means is None or deviations is None or deviations.min() <= 0:
        raise GraphError(
            f"input `{image.tensor}`: mean and deviation must have 1 or {channels} values, "
            "these above 0"
        )
    zeros = [int(zero) for zero in np.clip(np.rint(255 * means), 0, 255)]
    zeros = zeros if len(set(zeros)) > 1 else zeros[:1]
    step = float(F32(1 / (255 * deviations.max())))
    return Tensor(image.tensor, "u8", step, zeros), deviations.max() / deviations


def _fold(nodes: list[Node], source: str, shares: np.ndarray, image: Tensor) -> None:
    """Folds what the steps of the channels differ by into the weights that read them."""
    if len(image.zero_points) == 1 and (shares == 1).all():
        return
    for node in nodes:
        if source not in node.inputs:
            continue
        if node.op != "conv2d":
            raise UnsupportedOperator(
                f"node `{node.name}` reads the image, whose channels differ in mean or deviation: "
                "only a convolution can"
            )
        inputs, groups = node.weight.shape[3], node.attributes["groups"]
        group = np.arange(len(node.weight)) // (len(node.weight) // groups)
        places = group[:, None] * inputs + np.arange(inputs)
        node.weight = (node.weight * shares[places][:, None, None, :]).astype(F32)


def _drop_unread(graph: Graph) -> None:
    """Drops nodes that no output depends on."""
    needed = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed.update(node.inputs)
    graph.nodes = [node for node in graph.nodes if node.output in needed]
    kept = {node.output for node in graph.nodes} | {source.tensor for source in graph.inputs}
    graph.tensors = {name: tensor for name, tensor in graph.tensors.items() if name in kept}


def _reorder(graph: Graph) -> None:
    """Reorders the weights behind `flatten`: ONNX has channels slowest, the format fastest."""
    if not any(node.op == "flatten" for node in graph.nodes):
        return
    zeros = {}
    for source in graph.inputs:
        kind = np.uint8 if graph.tensors[source.tensor].is_codes else F32
        size = (source.height or 64, source.width or 64, source.channels)
        zeros[source.tensor] = np.zeros(size, kind)
    shapes = {name: found.shape for name, found in run(graph, zeros).items()}
    order: dict[str, tuple[int, int, int]] = {}
    for node in graph.nodes:
        sources = [order[name] for name in node.inputs if name in order]
        if node.op == "flatten":
            rows, columns, channels = shapes[node.inputs[0]]
            if rows * columns > 1:
                order[node.output] = (channels, rows, columns)
        elif node.op == "linear" and sources:
            weight = node.weight.reshape(len(node.weight), *sources[0])
            node.weight = weight.transpose(0, 2, 3, 1).reshape(node.weight.shape).copy()
        elif sources and node.op in ("concat", "softmax", "argmax"):
            raise UnsupportedOperator(
                f"node `{node.name}` reads a flattened map of several positions"
            )
        elif sources:
            order[node.output] = sources[0]
