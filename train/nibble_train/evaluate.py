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
from .calibration import bins_of_doubt, confidences, error
from .model_file import load
from .runner import Runner, collapse, distance, padded
from .strips import NORMAL, PROFILES, ROWS, Generator, stretch

PRECISIONS = ("f32", "u8", "u4")
#: Seeds of evaluation lie far above those of training.
SEED = 9_000_000
HEIGHTS = (4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24)


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


def _score_chunk(job: tuple) -> tuple[dict, dict]:
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
    return scores, {p: confidences(runner, kept) for p, runner in runners.items() if kept}


def _scores(
    folder: Path, profile: str, seed: int, count: int, cap: float | None, jobs: int
) -> tuple[dict, dict]:
    """Scores of `count` lines made in chunks of 250, each with a seed of its own, so that `jobs`
    doesn't change the result.
    """
    sizes = [min(250, count - start) for start in range(0, count, 250)]
    work = [(str(folder), profile, seed + 7 * index, size, cap) for index, size in enumerate(sizes)]
    totals, sure = {p: Score() for p in PRECISIONS}, {p: [] for p in PRECISIONS}
    with multiprocessing.Pool(jobs) as pool:
        for index, (scores, found) in enumerate(pool.imap(_score_chunk, work)):
            for precision in PRECISIONS:
                totals[precision].merge(scores[precision])
            for precision, pair in found.items():
                sure[precision].append(pair)
            if index % 8 == 7:
                print(f"{profile}: {totals['u4'].lines} of {count} lines", flush=True)
    joined = {
        p: [np.concatenate(part) for part in zip(*all_, strict=True)] for p, all_ in sure.items()
    }
    return totals, joined


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
        "calibration_error_percent": {},
    }
    for index, profile in enumerate(("normal", "hard")):
        totals, sure = _scores(models, profile, SEED + 1_000_000 * index, count, None, jobs)
        result["profiles"][profile] = {p: score.summary(True) for p, score in totals.items()}
        result["confidence"][profile] = bins_of_doubt(*sure["u4"])
        result["calibration_error_percent"][profile] = {
            p: round(100 * error(*pair), 3) for p, pair in sure.items()
        }
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
