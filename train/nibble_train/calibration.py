"""How far a network's probabilities can be believed, and the temperature that makes them so.

A temperature divides logits before softmax. It changes no reading, only how sure the network is.
`export` folds it into the scale of the last layer, so that readers of the file need not know it.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from .integer import Model
from .runner import Runner, collapse, padded
from .strips import HARD, NORMAL, Generator
from .texts import ALPHABET, BLANK

#: Strips to fit on: seeds between those of validation and those of evaluation.
SEED = 8_500_000
COUNT = 150
#: Temperatures tried; a parabola through the best three gives the result.
TRIED = np.exp(np.linspace(math.log(0.7), math.log(1.4), 7))
BINS = 15


def held_out(count: int = COUNT) -> list[tuple[np.ndarray, str]]:
    """`count` strips a profile, and their texts."""
    cv2.setNumThreads(1)
    strips = []
    for offset, profile in enumerate((NORMAL, HARD)):
        generator = Generator(SEED + offset, profile)
        for _ in range(count):
            strip = generator.strip()
            strips.append((padded(strip.pixels), strip.text))
    return strips


def scale(model: Model) -> float:
    """The unit of the model's logits."""
    return 1.0 if model.precision == "f32" else float(model.convolutions[-1].scale[0])


def nats(logits: np.ndarray, text: str, temperatures: np.ndarray) -> np.ndarray:
    """What CTC loses on a line at each temperature, in nats: minus the log probability of `text`
    given `logits`, `[columns, classes]`.
    """
    scaled = logits[None] / temperatures[:, None, None]
    scaled -= scaled.max(2, keepdims=True)
    scaled -= np.log(np.exp(scaled).sum(2, keepdims=True))
    labels = np.full(2 * len(text) + 1, BLANK)
    labels[1::2] = [ALPHABET.index(character) for character in text]
    # A character follows another without a blank unless they are the same.
    skips = np.zeros(len(labels), bool)
    skips[3::2] = labels[3::2] != labels[1:-2:2]
    state = np.full((len(temperatures), len(labels)), -np.inf)
    state[:, 0] = 0.0
    first = True
    with np.errstate(divide="ignore"):
        for column in range(logits.shape[0]):
            one = np.full_like(state, -np.inf)
            one[:, 1:] = state[:, :-1]
            two = np.full_like(state, -np.inf)
            two[:, 2:] = np.where(skips[2:], state[:, :-2], -np.inf)
            if first:
                one[:, 2:], two[:] = -np.inf, -np.inf
                first = False
            state = np.logaddexp(np.logaddexp(state, one), two) + scaled[:, column, labels]
        return -np.logaddexp.reduce(state[:, -2:], axis=1)


def temperature(model: Model, strips: list[tuple[np.ndarray, str]]) -> float:
    """The temperature at which the model loses least on strips that it was not trained on."""
    runner, unit = Runner(model), scale(model)
    lost = np.zeros(len(TRIED))
    for pixels, text in strips:
        lines = nats(runner.logits(pixels) * unit, text, TRIED)
        # A line that no alignment spells says nothing about temperature.
        if np.isfinite(lines).all():
            lost += lines
    best = int(np.clip(lost.argmin(), 1, len(TRIED) - 2))
    below, here, above = lost[best - 1 : best + 2]
    step = math.log(TRIED[1] / TRIED[0])
    return float(TRIED[best] * math.exp(step * (below - above) / (below - 2 * here + above) / 2))


def cooled(model: Model, divisor: float) -> Model:
    """The model with its logits divided by a temperature. It must not have been cooled before."""
    last = model.convolutions[-1]
    if model.precision == "f32":
        last.weight, last.bias = last.weight / divisor, last.bias / divisor
    else:
        last.scale = (last.scale / np.float32(divisor)).astype(np.float32)
    return model


def confidences(
    runner: Runner, strips: list[tuple[np.ndarray, str]]
) -> tuple[np.ndarray, np.ndarray]:
    """Of every character read in a line of the right length: how sure the network is (the largest
    softmax value of its columns), and whether it is right.
    """
    unit, sure, right = scale(runner.model), [], []
    for pixels, text in strips:
        logits = runner.logits(pixels) * unit
        if len(collapse(logits, runner.model.alphabet)) != len(text):
            continue
        shifted = np.exp(logits - logits.max(1, keepdims=True))
        best = (shifted / shifted.sum(1, keepdims=True)).max(1)
        labels = logits.argmax(1)
        starts = np.flatnonzero(np.diff(labels, prepend=BLANK) != 0)
        runs = zip(labels[starts], np.maximum.reduceat(best, starts), strict=True)
        kept = [(label, p) for label, p in runs if label != BLANK]
        sure += [p for _, p in kept]
        right += [ALPHABET[label] == want for (label, _), want in zip(kept, text, strict=True)]
    return np.array(sure), np.array(right, bool)


def error(sure: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error (Guo et al. 2017): mean distance of accuracy from confidence over
    fifteen bins of equal width, weighted by their characters, 0 to 1.
    """
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(float((right[bins == b] - sure[bins == b]).sum())) for b in range(BINS)]
    return sum(gaps) / max(1, len(sure))


def bins_of_doubt(sure: np.ndarray, right: np.ndarray) -> list[list[int]]:
    """Characters by confidence: (right, all) in twenty bins of `-log2(1 - p)`, each half wide."""
    doubt = -2 * np.log2(np.maximum(1 - sure, 1e-12))
    place = np.clip(doubt, 0, 19).astype(int)
    return [[int(right[place == b].sum()), int((place == b).sum())] for b in range(20)]
