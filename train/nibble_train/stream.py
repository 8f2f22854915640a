"""The stream of training strips: strip `i` is a function of the seed and `i` alone.

Processes make chunks of strips, and the consumer takes the chunks in order. So neither their number
nor their speed changes what comes out.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import random
import time
from dataclasses import dataclass

import cv2
import numpy as np

from .strips import HARD, NORMAL, ROWS, TRAINING, Generator, Strip
from .texts import BLANK, INDEX, Writer

#: Strips a chunk.
CHUNK = 64
#: Columns of pixels a column of logits.
COLUMN_STRIDE = 4
#: Widths of strips are rounded up to a multiple of this, so that batches have few shapes.
WIDTH_STEP = 64
#: Wider strips are rare and would widen every batch they are in.
WIDEST = 896
#: CTC needs more columns than characters and a blank between equal ones.
LEAST_PITCH = 9.5
#: Characters of the longest line.
LONGEST = 44
#: Columns nearer to a character's middle than the first share of its pitch are that character,
#: beyond the second they are blank; between them either is right.
CHARACTER, EITHER = 0.27, 0.36
IGNORED = -100
#: Seconds after which a producer looks whether its consumer still lives.
PATIENCE = 5


def strip_at(seed: int, index: int) -> Strip:
    """Strip `index` of the stream: `hard` and `normal` take turns."""
    generator = Generator(0, NORMAL if index % 2 else HARD, TRAINING)
    generator.rng = np.random.default_rng([seed, index])
    generator.writer = Writer(random.Random(f"{seed} {index}"))
    while True:
        strip = generator.strip()
        if strip.pitches.mean() > LEAST_PITCH and strip.pixels.shape[1] <= WIDEST:
            return strip


def column_labels(strip: Strip, width: int, offset: int) -> np.ndarray:
    """The class of each column of a strip that begins at column `offset` of a batch; `IGNORED`
    where two are right.
    """
    middles = np.arange(width // COLUMN_STRIDE) * COLUMN_STRIDE + (COLUMN_STRIDE - 1) / 2 - offset
    away = np.abs(middles[None] - strip.centres[:, None]) / strip.pitches[:, None]
    nearest = away.argmin(0)
    away = away[nearest, np.arange(len(middles))]
    codes = np.array([INDEX[c] for c in strip.text])[nearest]
    # A column within two pixels of the middle is the character's, however narrow that is.
    inside = (away < CHARACTER) | (away * strip.pitches[nearest] <= COLUMN_STRIDE / 2)
    return np.where(inside, codes, np.where(away < EITHER, IGNORED, BLANK))


@dataclass
class Chunk:
    """Strips side by side: pixels `[n, 24, 896]` of gray codes, each continued by its last column;
    widths, rounded up; texts `[n, 44]` as classes, filled up with blank; their lengths; classes of
    columns `[n, 224]`.
    """

    pixels: np.ndarray
    widths: np.ndarray
    texts: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray

    @staticmethod
    def of(strips: list[Strip]) -> Chunk:
        """Packs strips."""
        count = len(strips)
        chunk = Chunk(
            np.empty((count, ROWS, WIDEST), np.uint8),
            np.empty(count, np.int16),
            np.full((count, LONGEST), BLANK, np.int16),
            np.empty(count, np.int16),
            np.empty((count, WIDEST // COLUMN_STRIDE), np.int16),
        )
        for row, strip in enumerate(strips):
            width = strip.pixels.shape[1]
            chunk.pixels[row, :, :width] = strip.pixels
            chunk.pixels[row, :, width:] = strip.pixels[:, -1:]
            chunk.widths[row] = -(-width // WIDTH_STEP) * WIDTH_STEP
            chunk.texts[row, : len(strip.text)] = [INDEX[c] for c in strip.text]
            chunk.lengths[row] = len(strip.text)
            chunk.labels[row] = column_labels(strip, WIDEST, 0)
        return chunk


def chunk_at(seed: int, number: int) -> Chunk:
    """Chunk `number` of the stream: strips `64 number` to `64 number + 63`."""
    return Chunk.of([strip_at(seed, CHUNK * number + row) for row in range(CHUNK)])


def _produce(seed: int, number: int, step: int, out: multiprocessing.Queue, parent: int) -> None:
    cv2.setNumThreads(1)
    while True:
        chunk = chunk_at(seed, number)
        while True:
            try:
                out.put(chunk, timeout=PATIENCE)
                break
            except queue.Full:
                # A consumer that was killed leaves nobody to end this process.
                if os.getppid() != parent:
                    return
        number += step


class Stream:
    """Chunks `first`, `first + 1` and so on, made by `jobs` processes ahead of the consumer."""

    def __init__(self, seed: int, first: int, jobs: int, ahead: int = 6):
        self.number, self.first, self.jobs = first, first, jobs
        self.waited = 0.0
        # Not a fork: torch has threads by now, whose locks a fork would inherit.
        context = multiprocessing.get_context("spawn")
        self.queues = [context.Queue(ahead) for _ in range(jobs)]
        self.processes = [
            context.Process(
                target=_produce,
                args=(seed, first + job, jobs, self.queues[job], os.getpid()),
                daemon=True,
            )
            for job in range(jobs)
        ]
        for process in self.processes:
            process.start()

    def take(self) -> Chunk:
        """The next chunk; waits where it is not made yet."""
        begin = time.monotonic()
        job = (self.number - self.first) % self.jobs
        while True:
            try:
                chunk = self.queues[job].get(timeout=PATIENCE)
                break
            except queue.Empty:
                if not self.processes[job].is_alive():
                    raise RuntimeError("a process that makes strips has ended") from None
        self.waited += time.monotonic() - begin
        self.number += 1
        return chunk

    def close(self) -> None:
        """Ends the processes."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join()
