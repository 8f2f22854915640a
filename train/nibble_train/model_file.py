"""Model files: `docs/model-file.md` written and read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from .integer import Convolution, MaxPool, Model


def pack_nibbles(weight: np.ndarray) -> np.ndarray:
    """Codes `[out, ...]` in -8..7 to bytes `[out, ceil(K / 2)]`, even k in the low nibble."""
    flat = weight.reshape(weight.shape[0], -1).astype(np.int64)
    if flat.min() < -8 or flat.max() > 7:
        raise ValueError("weights exceed four bits")
    flat = np.pad(flat, ((0, 0), (0, flat.shape[1] % 2))) & 15
    return (flat[:, ::2] | flat[:, 1::2] << 4).astype(np.uint8)


def unpack_nibbles(packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `pack_nibbles`."""
    nibbles = np.stack([packed & 15, packed >> 4], -1).reshape(packed.shape[0], -1).astype(np.int8)
    signed = np.where(nibbles > 7, nibbles - 16, nibbles)
    return signed[:, : int(np.prod(shape[1:]))].reshape(shape)


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
    save_file(
        {name: np.ascontiguousarray(value) for name, value in tensors.items()},
        path,
        metadata=metadata,
    )
    _order_metadata(Path(path))


def _order_metadata(path: Path) -> None:
    """Sorts the metadata, which the library writes in any order: equal models make equal files."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])


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
