"""Accuracy of model files on lines never trained on, through the integer simulation; written to
`docs/results/training.json`.

Decoding is greedy: the best class of each column, runs collapsed, blanks dropped. No grammar and no
check digits help.
"""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from . import plot
from .integer import Model, input_codes, requantise, windows
from .model_file import load
from .strips import NORMAL, PROFILES, ROWS, Generator, stretch
from .texts import BLANK

PRECISIONS = ("f32", "u8", "u4")
#: Seeds of evaluation lie far above those of training.
SEED = 9_000_000
HEIGHTS = (4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24)
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


@dataclass
class Score:
    """Counts over lines. `alike` are those right where O and 0 count as one: often only a grammar
    tells them apart. `confusions` counts
    pairs of characters, wanted and read, in lines of the right length."""

    lines: int = 0
    exact: int = 0
    alike: int = 0
    characters: int = 0
    errors: int = 0
    confusions: dict = field(default_factory=dict)

    def add(self, read: str, text: str) -> None:
        wrong = 0 if read == text else min(distance(read, text), len(text))
        self.lines += 1
        self.exact += read == text
        self.alike += read.replace("O", "0") == text.replace("O", "0")
        self.characters += len(text)
        self.errors += wrong
        if wrong and len(read) == len(text):
            for want, got in zip(text, read, strict=True):
                if want != got:
                    self.confusions[want + got] = self.confusions.get(want + got, 0) + 1

    def merge(self, other: Score) -> None:
        for name in ("lines", "exact", "alike", "characters", "errors"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for pair, count in other.confusions.items():
            self.confusions[pair] = self.confusions.get(pair, 0) + count

    def summary(self, confusions: bool = False) -> dict:
        result = {
            "lines": self.lines,
            "characters_percent": round(100 * (1 - self.errors / max(1, self.characters)), 3),
            "lines_percent": round(100 * self.exact / max(1, self.lines), 2),
            "lines_percent_but_for_o_and_0": round(100 * self.alike / max(1, self.lines), 2),
        }
        if confusions:
            ordered = sorted(self.confusions.items(), key=lambda item: -item[1])
            result["confusions"] = dict(ordered[:12])
        return result


def calibration_bins(runner: Runner, strips: list[tuple[np.ndarray, str]]) -> list[list[int]]:
    """Characters by stated confidence: (right, all) in twenty bins of `-log2(1 - p)`, each half
    wide; `p` is the largest softmax value of
    the character's columns."""
    bins = [[0, 0] for _ in range(20)]
    scale = (
        float(runner.model.convolutions[-1].scale[0]) if runner.model.precision != "f32" else 1.0
    )
    for pixels, text in strips:
        logits = runner.logits(pixels) * scale
        read = collapse(logits, runner.model.alphabet)
        if len(read) != len(text):
            continue
        shifted = np.exp(logits - logits.max(1, keepdims=True))
        best = (shifted / shifted.sum(1, keepdims=True)).max(1)
        labels, position = logits.argmax(1), -1
        confidence = [0.0] * len(read)
        for column, label in enumerate(labels):
            if label == BLANK:
                continue
            if column == 0 or labels[column - 1] != label:
                position += 1
            confidence[position] = max(confidence[position], float(best[column]))
        for want, got, p in zip(text, read, confidence, strict=True):
            place = min(19, int(-2 * math.log2(max(1 - p, 1e-12))))
            bins[place][0] += want == got
            bins[place][1] += 1
    return bins


def _score_chunk(job: tuple) -> tuple[dict, list]:
    folder, profile, seed, count, cap = job
    cv2.setNumThreads(1)
    generator = Generator(seed, PROFILES[profile])
    runners = {p: Runner(load(str(Path(folder) / f"ocr-{p}.safetensors"))) for p in PRECISIONS}
    scores = {p: Score() for p in PRECISIONS}
    kept = []
    for _ in range(count):
        strip = generator.strip(cap)
        pixels = padded(strip.pixels)
        for precision, runner in runners.items():
            scores[precision].add(
                collapse(runner.logits(pixels), runner.model.alphabet), strip.text
            )
        if cap is None and len(kept) < 60:
            kept.append((pixels, strip.text))
    return scores, calibration_bins(runners["u4"], kept) if kept else []


def _scores(
    folder: Path, profile: str, seed: int, count: int, cap: float | None, jobs: int
) -> tuple[dict, list]:
    """Scores of `count` lines made in chunks of 250, each with a seed of its own, so that `jobs`
    doesn't change the result.
    """
    sizes = [min(250, count - start) for start in range(0, count, 250)]
    work = [(str(folder), profile, seed + 7 * index, size, cap) for index, size in enumerate(sizes)]
    totals, bins = {p: Score() for p in PRECISIONS}, [[0, 0] for _ in range(20)]
    with multiprocessing.Pool(jobs) as pool:
        for index, (scores, found) in enumerate(pool.imap(_score_chunk, work)):
            for precision in PRECISIONS:
                totals[precision].merge(scores[precision])
            for place, (right, every) in enumerate(found):
                bins[place][0] += right
                bins[place][1] += every
            if index % 8 == 7:
                print(f"{profile}: {totals['u4'].lines} of {count} lines", flush=True)
    return totals, bins


def line_strip(gray: np.ndarray) -> np.ndarray:
    """A tight crop of one line to a strip: the rows that hold most ink become the capitals."""
    ink = gray < (int(gray.min()) + int(gray.max())) / 2
    profile = ink.sum(1).astype(float)
    rows = np.flatnonzero(profile > 0.25 * np.percentile(profile, 90))
    top, bottom = rows[0], rows[-1] + 1
    columns = np.flatnonzero(ink[top:bottom].any(0))
    factor = 15.0 / (bottom - top)
    pitch = 15 / factor
    left, right = columns[0] - pitch, columns[-1] + 1 + pitch
    middle = (top + bottom) / 2
    width = math.ceil((right - left) * factor)
    blurred = cv2.GaussianBlur(gray, (0, 0), 0.42 / factor) if factor < 1 else gray
    matrix = np.float64([[factor, 0, -left * factor], [0, factor, ROWS / 2 - middle * factor]])
    seen = cv2.warpAffine(
        blurred, matrix, (width, ROWS), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return stretch(seen)


def real_lines(folder: Path, models: Path) -> dict:
    """Scores on the crops of a folder with `index.csv` (columns file, text)."""
    from PIL import Image

    scores = {p: Score() for p in PRECISIONS}
    runners = {p: Runner(load(str(models / f"ocr-{p}.safetensors"))) for p in PRECISIONS}
    with open(folder / "index.csv", newline="") as file:
        for row in csv.DictReader(file):
            strip = padded(line_strip(np.asarray(Image.open(folder / row["file"]).convert("L"))))
            for precision, runner in runners.items():
                scores[precision].add(
                    collapse(runner.logits(strip), runner.model.alphabet), row["text"]
                )
    return {p: score.summary(True) for p, score in scores.items()}


@dataclass
class Request:
    """What to measure: lines a profile, a folder of real crops (may be absent), the folder of
    models, where results go, processes.
    """

    count: int
    lines: Path
    models: Path
    out: Path
    jobs: int


def evaluate(request: Request, say: Callable[[str], None] = print) -> dict:
    """Writes `training.json` and the plot `training-heights.svg` into the folder `request.out`."""
    count, lines, models, jobs = request.count, request.lines, request.models, request.jobs
    result: dict = {
        "decoding": "greedy CTC",
        "seed": SEED,
        "profiles": {},
        "capital_height": {},
        "confidence": {},
    }
    for index, profile in enumerate(("normal", "hard")):
        totals, bins = _scores(models, profile, SEED + 1_000_000 * index, count, None, jobs)
        result["profiles"][profile] = {p: score.summary(True) for p, score in totals.items()}
        result["confidence"][profile] = bins
        say(f"{profile}: {result['profiles'][profile]}")
    for height in HEIGHTS:
        totals, _ = _scores(
            models,
            NORMAL.name,
            SEED + 5_000_000 + 1000 * height,
            max(10, count // 20),
            float(height),
            jobs,
        )
        result["capital_height"][str(height)] = {p: score.summary() for p, score in totals.items()}
    if lines.exists():
        result["real_lines"] = real_lines(lines, models)
        say(f"real lines: {result['real_lines']}")
    else:
        say("real lines: not present, left out")
    request.out.mkdir(parents=True, exist_ok=True)
    (request.out / "training.json").write_text(json.dumps(result, indent=1) + "\n")
    (request.out / "training-heights.svg").write_text(plot.heights(result["capital_height"]))
    return result


def default_jobs() -> int:
    """One process a core."""
    return os.cpu_count() or 1
