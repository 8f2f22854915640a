"""From a trained archive to the locator's model file and its golden vectors. NumPy only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ..integer import Convolution, Model, input_codes, run
from ..model_file import save

NORM_EPSILON = 1e-5

#: Stride and padding of each layer, as in `network.LAYERS`.
GEOMETRY = ((4, 2), (2, 1), (1, 1), (1, 1), (1, 1), (1, 1), (1, 0))
COLUMN_STRIDE = 8


def _norm(archive: dict, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset of each channel: batch norm, or the convolution's bias."""
    prefix = f"L.{index}."
    if prefix + "bn.weight" not in archive:
        bias = archive[prefix + "c.bias"].astype(np.float64)
        return np.ones(len(bias)), bias
    variance = archive[prefix + "bn.running_var"].astype(np.float64)
    gain = archive[prefix + "bn.weight"] / np.sqrt(variance + NORM_EPSILON)
    mean = archive[prefix + "bn.running_mean"].astype(np.float64)
    return gain.astype(np.float64), archive[prefix + "bn.bias"] - mean * gain


def quantised_model(archive: dict, bits: int) -> Model:
    """Codes of the learned grids. A channel whose norm gain is negative would need a negative
    scale: its weights change sign instead. The input's step is 1/15: at 8 bits the codes are 17
    times as large.
    """
    q, layers = 2 ** (bits - 1) - 1, []
    steps = [1 / 15 if bits == 4 else 1 / 255]
    steps += [abs(float(archive[f"qa.{i}.s"])) + 1e-9 for i in range(1, len(GEOMETRY))]
    for index, (stride, padding) in enumerate(GEOMETRY):
        weight = archive[f"L.{index}.c.weight"].astype(np.float64).transpose(0, 2, 3, 1)
        gain, offset = _norm(archive, index)
        step = np.abs(archive[f"qw.{index}.s"].astype(np.float64)) + 1e-9
        codes = np.clip(np.rint(weight / step.reshape(-1, 1, 1, 1)), -q, q)
        codes *= np.where(gain < 0, -1, 1)[:, None, None, None]
        unit = np.maximum(np.abs(gain), 1e-12) * step * steps[index]
        last = index + 1 == len(GEOMETRY)
        scale = unit if last else unit / steps[index + 1]
        layers.append(
            Convolution(
                f"conv{index}",
                codes.astype(np.int8),
                np.rint(offset / unit).astype(np.int32),
                scale.astype(np.float32),
                (stride, stride),
                (padding, padding),
                bits,
                bits,
            )
        )
    return Model(f"u{bits}", layers, None, COLUMN_STRIDE, name="locate", alphabet="")


def golden(model: Model, picture: np.ndarray, path: Path) -> None:
    """A picture with every layer's output, and the maps."""
    maps, outputs = run(model, picture)
    tensors = {"picture": picture.astype(np.uint8), "maps": maps}
    codes = input_codes(picture, model.convolutions[0].activation_bits)
    tensors["input"] = codes.astype(np.uint8)
    for layer, values in zip(model.layers, outputs, strict=False):
        tensors[f"{layer.name}.output"] = values.astype(np.uint8)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, str(path))


def export(archive: Path, frame: np.ndarray, codes: np.ndarray, root: Path) -> None:
    """Writes `models/locate-u4.safetensors` and the golden vectors: `frame` is a gray picture, and
    `codes` its local contrast (`normalise.codes`).
    """
    model = quantised_model(dict(np.load(archive)), 4)
    save(model, str(root / "models/locate-u4.safetensors"))
    folder = root / "testdata/golden"
    rows, columns = (side // 8 * 8 for side in codes.shape)
    golden(model, codes[:rows, :columns] * 17, folder / "locate-u4.safetensors")
    save_file(
        {"gray": np.ascontiguousarray(frame), "codes": np.ascontiguousarray(codes)},
        str(folder / "contrast.safetensors"),
    )
