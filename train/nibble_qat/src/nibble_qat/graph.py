"""Graphs and their files: version 2 of `docs/model-file.md`, written and read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

#: The largest code of each type of codes.
TOPS = {"u4": 15, "u8": 255}
#: What may be applied to a result before it is stored.
ACTIVATIONS = ("none", "relu", "relu6")

_WINDOW = ("kernel", "stride", "padding")
#: The operations, and the attributes of each.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "conv2d": ("in", "out", *_WINDOW, "dilation", "groups", "weight_bits", "activation"),
    "linear": ("in", "out", "weight_bits", "activation"),
    "max_pool": _WINDOW,
    "average_pool": (*_WINDOW, "count_padding"),
    "add": ("activation",),
    "global_max_pool": (),
    "global_average_pool": (),
    "concat": (),
    "upsample_nearest": (),
    "upsample_bilinear": (),
    "identity": (),
    "relu": (),
    "relu6": (),
    "hard_sigmoid": (),
    "hard_swish": (),
    "flatten": (),
    "softmax": (),
    "argmax": (),
}


class GraphError(ValueError):
    """A graph or a file that cannot be used; the message names the node or the tensor."""


@dataclass
class Tensor:
    """A tensor: `u4` or `u8` codes that stand for `(q - zero_point) * scale`, or `i32`, `f32`."""

    name: str
    type: str
    scale: float | None = None
    zero_points: list[int] | None = None

    @property
    def is_codes(self) -> bool:
        return self.type in TOPS

    @property
    def top(self) -> int:
        """The largest code."""
        return TOPS[self.type]

    @property
    def step(self) -> np.float32:
        """The value of one step of the codes."""
        return np.float32(self.scale)

    @property
    def zero(self) -> np.ndarray:
        """The zero point, `[1]`, or one for each channel of an input."""
        return np.asarray(self.zero_points, np.int64)


@dataclass
class Node:
    """An operation on tensors, by their names.

    `weight` is `[out, kernel rows, kernel columns, in / groups]` (int8 or float32), `bias` `[out]`
    (int32 or float32), and `scale` `[out]` (float32, absent in single precision).
    """

    name: str
    op: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any] = field(default_factory=dict)
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    scale: np.ndarray | None = None

    @property
    def is_layer(self) -> bool:
        """Whether it has weights."""
        return self.op in ("conv2d", "linear")


@dataclass
class Input:
    """An input: its tensor, channels, and its size where that is fixed."""

    tensor: str
    channels: int
    height: int | None = None
    width: int | None = None


@dataclass
class Graph:
    """A network: nodes in the order in which they run."""

    name: str
    inputs: list[Input]
    tensors: dict[str, Tensor]
    nodes: list[Node]
    outputs: list[str]
    release: str = ""

    def rename(self, old: str, new: str) -> None:
        """Renames a tensor. Nodes keep their names."""
        if old not in self.tensors or (new != old and new in self.tensors):
            raise GraphError(f"`{old}` cannot be renamed to `{new}`")
        name = {old: new}
        self.tensors = {
            name.get(key, key): replace(tensor, name=name.get(key, key))
            for key, tensor in self.tensors.items()
        }
        for source in self.inputs:
            source.tensor = name.get(source.tensor, source.tensor)
        for node in self.nodes:
            node.inputs = [name.get(key, key) for key in node.inputs]
            node.output = name.get(node.output, node.output)
        self.outputs = [name.get(key, key) for key in self.outputs]

    def description(self) -> dict[str, Any]:
        """The JSON of the file's metadata."""
        inputs = []
        for source in self.inputs:
            entry = {"tensor": source.tensor, "channels": source.channels}
            sizes = {"height": source.height, "width": source.width}
            inputs.append(entry | {key: size for key, size in sizes.items() if size is not None})
        tensors = []
        for tensor in self.tensors.values():
            entry = {"name": tensor.name, "type": tensor.type}
            if tensor.is_codes:
                entry |= {
                    "scale": float(tensor.step),
                    "zero_points": [int(zero) for zero in tensor.zero],
                }
            tensors.append(entry)
        nodes = [
            {
                "name": node.name,
                "inputs": node.inputs,
                "output": node.output,
                "op": {node.op: node.attributes} if node.attributes else node.op,
            }
            for node in self.nodes
        ]
        return {
            "name": self.name,
            "release": self.release,
            "inputs": inputs,
            "tensors": tensors,
            "nodes": nodes,
            "outputs": self.outputs,
        }


def pack_nibbles(weight: np.ndarray) -> np.ndarray:
    """Weights `[out, ...]` in -7..7 to bytes `[out, ceil(K / 2)]`, even k in the low nibble."""
    flat = weight.reshape(weight.shape[0], -1).astype(np.int64)
    if flat.min() < -7 or flat.max() > 7:
        raise GraphError("weights exceed four bits")
    flat = np.pad(flat, ((0, 0), (0, flat.shape[1] % 2))) & 15
    return (flat[:, ::2] | flat[:, 1::2] << 4).astype(np.uint8)


def unpack_nibbles(packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `pack_nibbles`."""
    packed = packed.reshape(shape[0], -1)
    nibbles = np.stack([packed & 15, packed >> 4], -1).reshape(shape[0], -1).astype(np.int8)
    signed = np.where(nibbles > 7, nibbles - 16, nibbles).astype(np.int8)
    return signed[:, : int(np.prod(shape[1:]))].reshape(shape)


def weight_shape(node: Node) -> tuple[int, int, int, int]:
    """The shape of the weights of a convolution or a fully connected layer."""
    attributes = node.attributes
    rows, columns = attributes.get("kernel", (1, 1))
    return attributes["out"], rows, columns, attributes["in"] // attributes.get("groups", 1)


def save(graph: Graph, path: str | Path) -> None:
    """Writes the graph as a file of version 2. Equal graphs make equal files."""
    tensors: dict[str, np.ndarray] = {}
    for node in graph.nodes:
        if node.weight is None:
            continue
        bits = node.attributes["weight_bits"]
        flat = node.weight.reshape(node.weight.shape[0], -1)
        if bits == 32:
            tensors[f"{node.name}.weight"] = flat.astype(np.float32)
            tensors[f"{node.name}.bias"] = np.asarray(node.bias, np.float32)
            continue
        tensors[f"{node.name}.weight"] = pack_nibbles(flat) if bits == 4 else flat.astype(np.int8)
        tensors[f"{node.name}.bias"] = np.asarray(node.bias, np.int32)
        tensors[f"{node.name}.scale"] = np.asarray(node.scale, np.float32)
    network = json.dumps(graph.description(), ensure_ascii=False, separators=(",", ":"))
    write(tensors, path, {"format": "nibble-model", "version": "2", "network": network})


def write(tensors: dict[str, np.ndarray], path: str | Path, metadata: dict[str, str]) -> None:
    """Writes a safetensors file whose metadata is sorted: the library writes it in any order."""
    path = Path(path)
    contiguous = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    save_file(contiguous, path, metadata=metadata)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
