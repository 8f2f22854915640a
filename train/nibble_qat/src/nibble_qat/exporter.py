"""From a quantised model to a file of exact integers, with golden vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from .checks import check
from .graph import Graph, GraphError, Input, Node, Tensor, save, write
from .integers import run, stored
from .quantisation import Codes, Quantised, key
from .structure import PASSING
from .tracing import IMAGE, Step


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()


def described(name: str, codes: Codes) -> Tensor:
    return Tensor(name, f"u{codes.bits}", float(np.float32(codes.size.item())), [int(codes.zero)])


def graph(
    model: Quantised, name: str = "", height: int | None = None, width: int | None = None
) -> Graph:
    """The graph of a model. `height` and `width` fix the size of the input."""
    step = float(np.float32(model.input_step))
    zeros = model.zeros if len(set(model.zeros)) > 1 else model.zeros[:1]
    tensors = {IMAGE: Tensor(IMAGE, "u8", step, zeros)}
    nodes = []
    image = IMAGE
    if not model.quantising:
        image = "real"
        tensors[image] = Tensor(image, "f32")
        nodes.append(Node("input", "identity", [IMAGE], image))
    for source in model.steps:
        nodes.append(node(model, source, tensors, image))
    inputs = [Input(IMAGE, len(model.zeros), height, width)]
    return Graph(name, inputs, tensors, nodes, list(model.outputs))


def node(model: Quantised, step: Step, tensors: dict[str, Tensor], image: str) -> Node:
    """The node of a step; its output is added to the tensors."""
    inputs = [image if name == IMAGE else name for name in step.inputs]
    source = tensors[inputs[0]]
    codes = model.codes_of.get(step.name)
    if step.op == "argmax":
        target = Tensor(step.name, "i32")
    elif step.op == "softmax" or not model.quantising:
        target = Tensor(step.name, "f32")
    elif step.op in PASSING:
        target = Tensor(step.name, source.type, source.scale, source.zero_points)
    elif codes is None:
        target = Tensor(step.name, "i32")
    else:
        target = described(step.name, model.codes[codes])
    tensors[step.name] = target
    made = Node(step.name, step.op, inputs, step.name, dict(step.attributes))
    if step.is_layer:
        parameters(model, made, source, target)
    return made


def parameters(model: Quantised, made: Node, source: Tensor, target: Tensor) -> None:
    """The weights, biases and scales of a layer."""
    layer = model.layers[key(made.name)]
    made.attributes["weight_bits"] = layer.bits
    bias = numbers(layer.bias)
    weight = layer.weight.detach() if layer.bits == 32 else layer.codes().detach()
    weight = weight[:, :, None, None] if weight.dim() == 2 else weight
    weight = numbers(weight.permute(0, 2, 3, 1))
    if layer.bits == 32:
        made.weight, made.bias = weight.astype(np.float32), bias.astype(np.float32)
        return
    activation = made.attributes["activation"]
    if target.type == "i32" and activation != "none":
        raise GraphError(f"`{made.name}`: sums that nothing quantises have no {activation}")
    steps = float(source.step) * numbers(layer.sizes)
    made.weight = weight.astype(np.int8)
    whole = np.rint(bias / steps)
    if np.abs(whole).max() >= 2**31:
        raise GraphError(f"`{made.name}`: its bias exceeds 32 bits")
    made.bias = whole.astype(np.int32)
    made.scale = (steps / (1 if target.type == "i32" else float(target.step))).astype(np.float32)


def export(
    model: Quantised,
    path: str | Path,
    example: torch.Tensor,
    name: str = "",
    fixed: bool = True,
    outputs: Sequence[str] | None = None,
) -> Graph:
    """Writes a model as a file of version 2, and its golden vectors beside it.

    `example` is one image as bytes, `[channels, rows, columns]`, or a batch whose first image is
    taken. The golden vectors, `PATH` with `.golden.safetensors` at its end, hold every tensor of
    the run on it. With `fixed`, the file reads images of this size alone. `outputs` names the
    outputs; by default they have the names of the modules that make them.

    Raises `GraphError` where the engine could not run the graph: the message names the node.
    """
    image = example[0] if example.dim() == 4 else example
    if image.dtype != torch.uint8:
        raise GraphError("the example must be bytes")
    size = tuple(image.shape[1:]) if fixed else (None, None)
    made = graph(model, name or Path(path).stem, *size)
    if outputs is not None:
        if len(outputs) != len(made.outputs):
            raise GraphError(f"the model has {len(made.outputs)} outputs, not {len(outputs)}")
        for old, new in zip(list(made.outputs), outputs, strict=True):
            made.rename(old, new)
    values = image.permute(1, 2, 0).contiguous().cpu().numpy()
    check(made)
    tensors = run(made, values)
    save(made, path)
    golden = {name: stored(found, made.tensors[name]) for name, found in tensors.items()}
    golden[f"input.{IMAGE}"] = values
    inexact = "" if model.quantising else ",".join(made.tensors)
    write(golden, Path(path).with_suffix(".golden.safetensors"), {"inexact": inexact})
    return made
