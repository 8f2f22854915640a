"""The network as integers, in NumPy: the exact meaning of `docs/model-file.md`, and the source of
the golden vectors.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Convolution:
    """One layer: codes `weight [out, kh, kw, in]`, `bias [out]`, `scale [out]` (`[1]` for the
    logits), and what stands before it.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    scale: np.ndarray
    stride: tuple[int, int]
    padding: tuple[int, int]
    weight_bits: int
    activation_bits: int
    zero_point: int = 0

    def description(self) -> dict:
        out, kernel_height, kernel_width, inputs = self.weight.shape
        return {
            "name": self.name,
            "op": "conv2d",
            "in": inputs,
            "out": out,
            "kernel": [kernel_height, kernel_width],
            "stride": list(self.stride),
            "padding": list(self.padding),
            "weight_bits": self.weight_bits,
            "activation_bits": self.activation_bits,
            "zero_point": self.zero_point,
        }


@dataclass
class MaxPool:
    """Largest value of each window, no padding."""

    name: str
    kernel: tuple[int, int]
    stride: tuple[int, int]

    def description(self) -> dict:
        return {
            "name": self.name,
            "op": "max_pool2d",
            "kernel": list(self.kernel),
            "stride": list(self.stride),
        }


@dataclass
class Model:
    """A network of one precision, `f32`, `u8` or `u4`."""

    precision: str
    layers: list
    #: `None` for a network that gives maps.
    height: int | None = 24
    column_stride: int = 4
    release: str = "2026.11"
    name: str = "ocr"
    alphabet: str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
    metadata: dict = field(default_factory=dict)

    @property
    def convolutions(self) -> list[Convolution]:
        return [layer for layer in self.layers if isinstance(layer, Convolution)]


def input_codes(strip: np.ndarray, bits: int) -> np.ndarray:
    """Gray codes to the first layer's codes, `[rows, columns, 1]`."""
    gray = strip.astype(np.int64)
    codes = gray if bits == 8 else (gray * 15 + 127) // 255
    return codes[:, :, None]


def windows(x: np.ndarray, kernel, stride, padding, fill) -> np.ndarray:
    """`[h, w, kh, kw, c]` windows of `x [H, W, c]`."""
    padded = np.pad(x, ((padding[0],) * 2, (padding[1],) * 2, (0, 0)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(0, 1))
    return view[:: stride[0], :: stride[1]].transpose(0, 1, 3, 4, 2)


def requantise(
    accumulator: np.ndarray, scale: np.ndarray, bits: int, zero_point: int = 0
) -> np.ndarray:
    """`clamp(round_ties_even(f32(acc) * scale) + zero_point, 0, 2^bits - 1)`: one conversion, one
    f32 product, one rounding.
    """
    product = accumulator.astype(np.float32) * scale.astype(np.float32)
    return np.clip(np.rint(product) + zero_point, 0, 2**bits - 1).astype(np.int64)


def convolve(x: np.ndarray, layer: Convolution) -> np.ndarray:
    """Accumulators plus bias, `[h, w, out]`, exact."""
    taken = (
        windows(x, layer.weight.shape[1:3], layer.stride, layer.padding, layer.zero_point)
        - layer.zero_point
    )
    return np.einsum("hwijc,oijc->hwo", taken, layer.weight.astype(np.int64)) + layer.bias.astype(
        np.int64
    )


def run(model: Model, strip: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logits `[columns, classes]` as i32, or maps `[rows, columns, channels]`, and the output codes
    of every layer but the last.
    """
    x = input_codes(strip, model.convolutions[0].activation_bits)
    outputs = []
    for index, layer in enumerate(model.layers):
        if isinstance(layer, MaxPool):
            x = windows(x, layer.kernel, layer.stride, (0, 0), 0).max((2, 3))
            outputs.append(x)
            continue
        accumulator = convolve(x, layer)
        following = [later for later in model.layers[index + 1 :] if isinstance(later, Convolution)]
        if not following:
            logits = accumulator if model.height is None else accumulator[0]
            return logits.astype(np.int32), outputs
        x = requantise(
            accumulator, layer.scale, following[0].activation_bits, following[0].zero_point
        )
        outputs.append(x)
    raise ValueError("a network ends with a convolution")
