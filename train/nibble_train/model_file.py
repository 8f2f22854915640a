"""Model files of version 1: `docs/model-file.md` written and read.

Nibbles are packed, and files written, by `nibble_qat`, which writes files of version 2.
"""

from __future__ import annotations

import json

import numpy as np
from nibble_qat.graph import pack_nibbles, unpack_nibbles, write
from safetensors import safe_open

from .integer import Convolution, MaxPool, Model


def save(model: Model, path: str) -> None:
    """Writes the model."""
    tensors = {}
    for layer in model.convolutions:
        if model.precision == "f32":
            tensors[f"{layer.name}.weight"] = layer.weight.astype(np.float32)
            tensors[f"{layer.name}.bias"] = layer.bias.astype(np.float32)
            continue
        weight = (
            pack_nibbles(layer.weight) if layer.weight_bits == 4 else layer.weight.astype(np.int8)
        )
        tensors[f"{layer.name}.weight"] = weight
        tensors[f"{layer.name}.bias"] = layer.bias.astype(np.int32)
        tensors[f"{layer.name}.scale"] = layer.scale.astype(np.float32)
    network = {
        "name": model.name,
        "release": model.release,
        "input": {"height": model.height, "column_stride": model.column_stride},
        "alphabet": model.alphabet,
        "blank": len(model.alphabet),
        "layers": [layer.description() for layer in model.layers],
    }
    if model.height is None:
        network["input"] = {"column_stride": model.column_stride}
        del network["alphabet"], network["blank"]
    metadata = {
        "format": "nibble-model",
        "version": "1",
        "precision": model.precision,
        "network": json.dumps(network),
    }
    write(tensors, path, metadata)


def load(path: str) -> Model:
    """Reads a model."""
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    network, precision = json.loads(metadata["network"]), metadata["precision"]
    layers = []
    for entry in network["layers"]:
        name = entry["name"]
        if entry["op"] == "max_pool2d":
            layers.append(MaxPool(name, tuple(entry["kernel"]), tuple(entry["stride"])))
            continue
        weight = tensors[f"{name}.weight"]
        if weight.dtype == np.uint8:
            weight = unpack_nibbles(weight, (entry["out"], *entry["kernel"], entry["in"]))
        scale = tensors.get(f"{name}.scale", np.ones(1, np.float32))
        layers.append(
            Convolution(
                name,
                weight,
                tensors[f"{name}.bias"],
                scale,
                tuple(entry["stride"]),
                tuple(entry["padding"]),
                entry["weight_bits"],
                entry["activation_bits"],
                entry["zero_point"],
            )
        )
    size = network["input"]
    return Model(
        precision,
        layers,
        size.get("height"),
        size["column_stride"],
        network["release"],
        network["name"],
        network.get("alphabet", ""),
    )
