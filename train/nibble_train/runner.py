"""Model files read strips: exact logits, greedy texts, distances between texts."""

from __future__ import annotations

import numpy as np

from .integer import Model, input_codes, requantise, windows
from .texts import BLANK

#: Every integer up to here is an f32.
EXACT_IN_F32 = 2**24


class Runner:
    """A model as matrix products. Integers stay exact: products run in f64 where a layer's bound
    exceeds f32's integers.
    """

    def __init__(self, model: Model):
        self.model = model
        self.layers = []
        for layer in model.convolutions:
            flat = layer.weight.reshape(layer.weight.shape[0], -1).astype(np.float64)
            bound = np.abs(flat).sum(1).max() * (2.0**layer.activation_bits - 1)
            kind = np.float32 if model.precision == "f32" or bound < EXACT_IN_F32 else np.float64
            self.layers.append((layer, np.ascontiguousarray(flat.T, kind)))

    def logits(self, strip: np.ndarray) -> np.ndarray:
        """`[columns, classes]`; integers for integer models."""
        integer = self.model.precision != "f32"
        first = self.model.convolutions[0]
        x = (
            input_codes(strip, first.activation_bits)
            if integer
            else strip.astype(np.float32)[:, :, None] / np.float32(255)
        )
        for index, (layer, matrix) in enumerate(self.layers):
            x = x.astype(matrix.dtype)
            taken = windows(x, layer.weight.shape[1:3], layer.stride, layer.padding, 0)
            height, width = taken.shape[:2]
            product = taken.reshape(height * width, -1) @ matrix
            if integer:
                product = product.astype(np.int64) + layer.bias.astype(np.int64)
            else:
                product = product + layer.bias.astype(np.float32)
            if index + 1 == len(self.layers):
                return product
            if integer:
                product = requantise(
                    product, layer.scale, self.layers[index + 1][0].activation_bits
                )
            else:
                product = np.maximum(product, 0)
            x = product.reshape(height, width, -1)
        raise ValueError("a network ends with a convolution")


def padded(pixels: np.ndarray, stride: int = 4) -> np.ndarray:
    """Widened to a multiple of the column stride by repeating the last column."""
    return np.pad(pixels, ((0, 0), (0, -pixels.shape[1] % stride)), mode="edge")


def collapse(logits: np.ndarray, alphabet: str) -> str:
    """Greedy reading of `[columns, classes]`."""
    labels = logits.argmax(1)
    kept = labels[np.flatnonzero(np.diff(labels, prepend=BLANK) != 0)]
    return "".join(alphabet[label] for label in kept if label != BLANK)


def distance(a: str, b: str) -> int:
    """Edit distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        following = [i]
        for j, y in enumerate(b, 1):
            following.append(min(row[j] + 1, following[-1] + 1, row[j - 1] + (x != y)))
        row = following
    return row[-1]
