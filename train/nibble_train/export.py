"""From trained archives to model files and golden vectors. Needs NumPy only: archives are state
dicts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from . import calibration
from .integer import Convolution, MaxPool, Model, input_codes, run
from .model_file import save
from .strips import NORMAL, Generator
from .texts import BLANK

#: Stride and padding of each layer, as in `network.LAYERS`.
GEOMETRY = (
    ((2, 2), (1, 1)),
    ((2, 1), (1, 1)),
    ((1, 2), (1, 1)),
    ((2, 1), (1, 1)),
    ((1, 1), (0, 1)),
    ((1, 1), (0, 1)),
    ((1, 1), (0, 0)),
)
NORM_EPSILON = 1e-5


def folded(archive: dict, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights `[out, kh, kw, in]` as trained, batch norm's gain and offset, and the convolution's
    own bias.
    """
    prefix = f"L.{index}."
    weight = archive[prefix + "c.weight"].astype(np.float64).transpose(0, 2, 3, 1)
    bias = archive.get(prefix + "c.bias", np.zeros(weight.shape[0])).astype(np.float64)
    if prefix + "bn.weight" not in archive:
        return weight, np.ones(weight.shape[0]), np.zeros(weight.shape[0]), bias
    gain = archive[prefix + "bn.weight"] / np.sqrt(
        archive[prefix + "bn.running_var"].astype(np.float64) + NORM_EPSILON
    )
    offset = (
        archive[prefix + "bn.bias"] - archive[prefix + "bn.running_mean"].astype(np.float64) * gain
    )
    return weight, gain.astype(np.float64), offset.astype(np.float64), bias


def float_model(archive: dict) -> Model:
    """Batch norm folded into weights and biases."""
    layers = []
    for index, (stride, padding) in enumerate(GEOMETRY):
        weight, gain, offset, bias = folded(archive, index)
        weight = weight * gain[:, None, None, None]
        layers.append(
            Convolution(
                f"conv{index}", weight, bias * gain + offset, np.ones(1), stride, padding, 32, 32
            )
        )
    return Model("f32", layers)


def quantised_model(archive: dict, bits: int) -> Model:
    """Codes of the learned grids. A channel whose norm gain is negative would need a negative
    scale: its weights change sign instead.
    """
    q = 2 ** (bits - 1) - 1
    steps = [
        1.0 / (2**bits - 1) if i == 0 else abs(float(archive[f"qa.{i}.s"])) + 1e-9
        for i in range(len(GEOMETRY))
    ]
    layers = []
    for index, (stride, padding) in enumerate(GEOMETRY):
        weight, gain, offset, bias = folded(archive, index)
        last = index + 1 == len(GEOMETRY)
        step = np.abs(archive[f"qw.{index}.s"].astype(np.float64)) + 1e-9
        if last and step.size > 1:
            step = _common_step(weight, q)
        codes = np.clip(np.rint(weight / step.reshape(-1, 1, 1, 1)), -q, q)
        unit = np.broadcast_to(step * steps[index], gain.shape)
        sign = np.where(gain < 0, -1, 1)
        if last:
            layer_bias, scale = np.rint((bias + offset) / unit), unit[:1]
        else:
            codes = codes * sign[:, None, None, None]
            real = np.maximum(np.abs(gain), 1e-12) * unit
            layer_bias, scale = np.rint((bias * gain + offset) / real), real / steps[index + 1]
        layers.append(
            Convolution(
                f"conv{index}",
                codes.astype(np.int8),
                layer_bias.astype(np.int32),
                scale.astype(np.float32),
                stride,
                padding,
                bits,
                bits,
            )
        )
    return Model(f"u{bits}", layers)


def _common_step(weight: np.ndarray, q: int) -> np.ndarray:
    """The step of least squared error for a whole tensor."""
    largest = np.abs(weight).max()
    candidates = largest * np.linspace(0.3, 1, 60) / q
    error = [((np.clip(np.rint(weight / s), -q, q) * s - weight) ** 2).sum() for s in candidates]
    return np.array([candidates[int(np.argmin(error))]])


def calibrated(archive: dict, bits: int, strips: list[np.ndarray]) -> dict:
    """A float archive with steps found by least squares: quantisation without retraining."""
    result = dict(archive)
    model = float_model(archive)
    values = [_float_activations(model, strip) for strip in strips]
    for index in range(len(GEOMETRY)):
        weight = folded(archive, index)[0]
        result[f"qw.{index}.s"] = np.abs(weight).reshape(weight.shape[0], -1).max(1) / (
            2 ** (bits - 1) - 1
        )
        if index:
            seen = np.concatenate([v[index - 1].ravel() for v in values])
            candidates = seen.max() * np.linspace(0.2, 1, 40) / (2**bits - 1)
            error = [
                ((np.clip(np.rint(seen / s), 0, 2**bits - 1) * s - seen) ** 2).sum()
                for s in candidates
            ]
            result[f"qa.{index}.s"] = np.array(candidates[int(np.argmin(error))])
    return result


def float_run(model: Model, strip: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logits and layer outputs of the float network, in float64."""
    from .integer import windows

    x, outputs = strip.astype(np.float64)[:, :, None] / 255, []
    for index, layer in enumerate(model.layers):
        taken = windows(x, layer.weight.shape[1:3], layer.stride, layer.padding, 0)
        x = np.einsum("hwijc,oijc->hwo", taken, layer.weight) + layer.bias
        if index + 1 < len(model.layers):
            x = np.maximum(x, 0)
            outputs.append(x)
    return x[0], outputs


def _float_activations(model: Model, strip: np.ndarray) -> list[np.ndarray]:
    return float_run(model, strip)[1]


def golden(model: Model, strip: np.ndarray, path: Path) -> None:
    """One strip with every layer's output and the logits."""
    tensors = {"strip": strip.astype(np.uint8)}
    if model.precision == "f32":
        logits, outputs = float_run(model, strip)
        tensors["logits"] = logits.astype(np.float32)
    else:
        tensors["input"] = input_codes(strip, model.convolutions[0].activation_bits).astype(
            np.uint8
        )
        logits, outputs = run(model, strip)
        tensors["logits"] = logits
        tensors |= {
            f"{layer.name}.output": x.astype(np.uint8)
            for layer, x in zip(model.layers, outputs, strict=False)
        }
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, str(path))


def odd_network(seed: int = 5) -> Model:
    """A small network that meets what the reader's does not: odd depths, pooling, stride (1, 2),
    padding 2, zero points, mixed bits.
    """
    rng = np.random.default_rng(seed)

    def layer(name, out, kernel, inputs, stride, padding, bits, zero_point, last=False):
        q = 2 ** (bits - 1) - 1
        weight = rng.integers(-q, q + 1, (out, *kernel, inputs)).astype(np.int8)
        depth = inputs * kernel[0] * kernel[1]
        scale = rng.uniform(0.3, 1.2, 1 if last else out) / (q * np.sqrt(depth))
        bias = rng.integers(-40, 41, out).astype(np.int32)
        return Convolution(
            name, weight, bias, scale.astype(np.float32), stride, padding, bits, bits, zero_point
        )

    layers = [
        layer("conv0", 5, (3, 3), 1, (1, 2), (2, 2), 4, 3),
        MaxPool("pool0", (2, 2), (2, 1)),
        layer("conv1", 7, (3, 5), 5, (2, 1), (1, 2), 4, 2),
        layer("conv2", 9, (4, 1), 7, (1, 1), (0, 0), 4, 0),
        layer("conv3", 38, (1, 1), 9, (1, 1), (0, 0), 4, 0, last=True),
    ]
    return Model("u4", layers, height=14, column_stride=2, name="odd")


def export(archives: Path, root: Path) -> None:
    """Writes `models/` and `testdata/golden/` from the archives at hand: `f32.npz`, from which 8
    bits are calibrated unless `u8.npz` is there, and `u4.npz`. What has no archive stays as it is.
    The temperature of each precision is fitted and folded in (`calibration`).
    """

    def load(name: str) -> dict:
        return dict(np.load(archives / name))

    def has(name: str) -> bool:
        return (archives / name).exists()

    generator = Generator(7, NORMAL)
    strips = [generator.strip().pixels for _ in range(12)]
    strips = [strip[:, : strip.shape[1] // 4 * 4] for strip in strips]
    models = {}
    if has("f32.npz"):
        models["f32"] = float_model(load("f32.npz"))
    if has("u8.npz") or has("f32.npz"):
        models["u8"] = quantised_model(
            load("u8.npz") if has("u8.npz") else calibrated(load("f32.npz"), 8, strips), 8
        )
    if has("u4.npz"):
        models["u4"] = quantised_model(load("u4.npz"), 4)
    if not models:
        raise FileNotFoundError(f"{archives} holds none of f32.npz, u8.npz and u4.npz")
    for folder in ("models", "testdata/golden"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    crop, judges = strips[0][:, :128], calibration.held_out()
    for name, model in models.items():
        found = calibration.temperature(model, judges)
        calibration.cooled(model, found)
        print(f"{name}: temperature {found:.3f}")
        save(model, str(root / f"models/ocr-{name}.safetensors"))
        golden(model, crop, root / f"testdata/golden/{name}.safetensors")
    odd = odd_network()
    save(odd, str(root / "testdata/golden/odd-model.safetensors"))
    golden(
        odd,
        np.random.default_rng(9).integers(0, 256, (14, 26)),
        root / "testdata/golden/odd.safetensors",
    )
    assert all(len(model.alphabet) == BLANK for model in models.values())
