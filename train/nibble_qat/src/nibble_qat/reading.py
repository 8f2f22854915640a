"""Reads files of version 2. Files come from strangers: what is wrong with one is a `GraphError`."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from safetensors import SafetensorError, deserialize

from .checks import MAX_NODES, bad, check, check_attributes
from .graph import ATTRIBUTES, Graph, GraphError, Input, Node, Tensor, unpack_nibbles, weight_shape

#: The most bytes of a file, and of its description.
MAX_BYTES, MAX_DESCRIPTION = 64 << 20, 2 << 20
#: Element types of a file.
TYPES = {"U8": np.uint8, "I8": np.int8, "I32": np.int32, "F32": np.float32}
#: Attributes that are a list of whole numbers, and their lengths.
LISTS = {"kernel": 2, "stride": 2, "dilation": 2, "padding": 4}


def load(path: str | Path) -> Graph:
    """Reads a file of version 2, and checks it as the engine does.

    Raises `GraphError` if it cannot be read, or is no such file; the message names the file, and
    the node or the tensor.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise GraphError(f"{path}: {error.strerror or error}") from error
    try:
        return parse(content)
    except GraphError as error:
        raise GraphError(f"{path}: {error}") from error


def parse(content: bytes) -> Graph:
    """A graph from the bytes of a file of version 2, checked.

    Raises `GraphError`, which names the node or the tensor.
    """
    if len(content) > MAX_BYTES:
        raise GraphError("larger than 64 MiB")
    try:
        stored = dict(deserialize(content))
    except SafetensorError as error:
        raise GraphError(f"no safetensors file: {str(error)[:200]}") from error
    # `deserialize` has checked the header.
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    if metadata.get("format") != "nibble-model" or metadata.get("version") != "2":
        raise GraphError("it is no model file of version 2")
    text = metadata.get("network", "")
    if len(text) > MAX_DESCRIPTION:
        raise GraphError("the description of a graph must have at most 2 MiB")
    try:
        network = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise GraphError(f"its description is no JSON: {str(error)[:200]}") from error
    graph = _described(network, stored)
    check(graph)
    return graph


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _fields(
    entry: Any,
    where: str,
    wanted: dict[str, type | tuple[type, ...]],
    optional: tuple[str, ...] = (),
) -> dict[str, Any]:
    """An object of JSON with these fields, of these types, and no others."""
    if not isinstance(entry, dict):
        raise GraphError(f"{where}: it is no object")
    for name in entry:
        if name not in wanted:
            raise GraphError(f"{where}: unknown field `{name[:100]}`")
    for name, kind in wanted.items():
        if name not in entry:
            if name in optional:
                continue
            raise GraphError(f"{where}: the field `{name}` is missing")
        value = entry[name]
        # Booleans are integers in Python.
        is_bool = isinstance(value, bool) and kind is not bool
        if not isinstance(value, kind) or is_bool:
            raise GraphError(f"{where}: `{name}` has the wrong type")
        if isinstance(value, int) and value.bit_length() > 63:
            raise GraphError(f"{where}: `{name}` is too large")
    return entry


def _texts(values: list[Any], where: str) -> list[str]:
    if len(values) > MAX_NODES or not all(isinstance(value, str) for value in values):
        raise GraphError(f"{where}: it must be a list of names")
    return list(values)


def _numbers(values: list[Any], where: str, length: int | None = None) -> list[int]:
    """A list of whole numbers from 0 up."""
    whole = all(type(value) is int and 0 <= value < 2**31 for value in values)
    if not whole or length not in (None, len(values)):
        raise GraphError(f"{where}: it must be {length or 'a list of'} whole numbers")
    return list(values)


def _described(network: Any, stored: dict[str, Any]) -> Graph:
    """The graph of a description, with the parameters of its layers."""
    lists: dict[str, type | tuple[type, ...]] = {
        name: list for name in ("inputs", "tensors", "nodes", "outputs")
    }
    _fields(network, "the description", {"name": str, "release": str} | lists)
    inputs = []
    for place, entry in enumerate(network["inputs"]):
        where = f"input {place}"
        kinds: dict[str, type | tuple[type, ...]] = {
            "tensor": str, "channels": int, "height": int, "width": int,
        }  # fmt: skip
        found = _fields(entry, where, kinds, ("height", "width"))
        _numbers([value for value in found.values() if not isinstance(value, str)], where)
        inputs.append(Input(**found))
    tensors: dict[str, Tensor] = {}
    for place, entry in enumerate(network["tensors"]):
        where = f"tensor {place}"
        kinds = {"name": str, "type": str, "scale": (int, float), "zero_points": list}
        found = _fields(entry, where, kinds, ("scale", "zero_points"))
        if found["name"] in tensors:
            raise bad(found["name"], "described twice")
        zeros = found.get("zero_points")
        if zeros is not None:
            _numbers(zeros, f"tensor `{found['name']}`: `zero_points`")
        tensors[found["name"]] = Tensor(found["name"], found["type"], found.get("scale"), zeros)
    if len(network["nodes"]) > MAX_NODES:
        raise GraphError(f"a graph must have 1 to {MAX_NODES} nodes")
    nodes = [_node(entry, place, stored) for place, entry in enumerate(network["nodes"])]
    outputs = _texts(network["outputs"], "`outputs`")
    return Graph(network["name"], inputs, tensors, nodes, outputs, network["release"])


def _node(entry: Any, place: int, stored: dict[str, Any]) -> Node:
    """A node of the description."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "name": str, "inputs": list, "output": str, "op": (str, dict),
    }  # fmt: skip
    _fields(entry, f"node {place}", kinds)
    where, op = f"node `{entry['name']}`", entry["op"]
    if isinstance(op, dict) and len(op) != 1:
        raise GraphError(f"{where}: it must have one operation")
    name, given = (op, {}) if isinstance(op, str) else next(iter(op.items()))
    if name not in ATTRIBUTES:
        raise GraphError(f"{where}: unknown operation `{name[:100]}`")
    attributes: dict[str, type | tuple[type, ...]] = {key: _kind(key) for key in ATTRIBUTES[name]}
    _fields(given, f"{where}: `{name}`", attributes)
    for key, length in LISTS.items():
        if key in given:
            _numbers(given[key], f"{where}: `{key}`", length)
    inputs = _texts(entry["inputs"], f"{where}: `inputs`")
    node = Node(entry["name"], name, inputs, entry["output"], given)
    check_attributes(node)
    if node.is_layer:
        _parameters(node, stored)
    return node


def _kind(attribute: str) -> type:
    """The type of an attribute."""
    if attribute in LISTS:
        return list
    return {"activation": str, "count_padding": bool}.get(attribute, int)


def _parameters(node: Node, stored: dict[str, Any]) -> None:
    """The weights, biases and scales of a layer whose attributes have been checked."""
    given = node.attributes
    bits, outputs = given["weight_bits"], given["out"]
    shape = weight_shape(node)
    depth = prod(shape[1:])
    if bits == 4:
        packed = _values(stored, f"{node.name}.weight", "U8", outputs * ((depth + 1) // 2))
        node.weight = unpack_nibbles(packed, shape)
    else:
        weight = _values(
            stored, f"{node.name}.weight", "I8" if bits == 8 else "F32", outputs * depth
        )
        node.weight = weight.reshape(shape)
    node.bias = _values(stored, f"{node.name}.bias", "F32" if bits == 32 else "I32", outputs)
    if bits != 32:
        node.scale = _values(stored, f"{node.name}.scale", "F32", outputs)


def _values(stored: dict[str, Any], name: str, kind: str, count: int) -> np.ndarray:
    """The elements of a tensor of the file, whose type and number are checked."""
    if name not in stored:
        raise bad(name, "it is missing")
    found = stored[name]
    if found["dtype"] != kind:
        raise bad(name, f"its elements are {found['dtype']}, not {kind}")
    values = np.frombuffer(found["data"], TYPES[kind])
    if len(values) != count:
        raise bad(name, f"it has {len(values)} elements, but the node wants {count}")
    return values
