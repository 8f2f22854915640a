"""The strips that training draws from: a ring of the stream's latest, on the training's device.

Which strips are there, which of them a batch has and how they are changed are functions of the seed
and the step alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .stream import CHUNK, COLUMN_STRIDE, LONGEST, WIDEST, Chunk
from .strips import ROWS
from .texts import BLANK

#: Steps between two looks at the stream.
REFRESH = 32
#: Uniform numbers that the changes of a strip take.
DRAWS = 20


@dataclass
class Batch:
    """Strips as the pool has them, `[n, 24, width]` of u8; texts `[n, 44]` and their lengths;
    classes of columns `[n, width / 4]`; uniform numbers `[n, 20]` and normal ones `[n, 24, width]`
    for their changes.
    """

    pixels: torch.Tensor
    texts: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    uniform: torch.Tensor
    normal: torch.Tensor

    @property
    def width(self) -> int:
        return self.pixels.shape[2]

    @staticmethod
    def empty(count: int, width: int, device: torch.device) -> Batch:
        """Room for `count` strips."""
        return Batch(
            torch.zeros(count, ROWS, width, dtype=torch.uint8, device=device),
            torch.full((count, LONGEST), BLANK, dtype=torch.int64, device=device),
            torch.ones(count, dtype=torch.int64, device=device),
            torch.zeros(count, width // COLUMN_STRIDE, dtype=torch.int64, device=device),
            torch.zeros(count, DRAWS, device=device),
            torch.zeros(count, ROWS, width, device=device),
        )


class Pool:
    """A ring of `size` strips (a multiple of 64)."""

    def __init__(self, size: int, seed: int, device: torch.device):
        if size % CHUNK:
            raise ValueError("a pool holds whole chunks")
        self.size, self.seed, self.device = size, seed, device
        self.pixels = torch.empty(size, ROWS, WIDEST, dtype=torch.uint8, device=device)
        self.texts = torch.empty(size, LONGEST, dtype=torch.int16, device=device)
        self.lengths = torch.empty(size, dtype=torch.int16, device=device)
        self.labels = torch.empty(size, WIDEST // COLUMN_STRIDE, dtype=torch.int16, device=device)
        self.widths = np.zeros(size, np.int16)
        self.members: dict[int, np.ndarray] = {}
        self.source = torch.Generator(device)

    def put(self, number: int, chunk: Chunk) -> None:
        """Takes in chunk `number`, in place of the oldest. Call `sort` when all are in."""
        first = number * CHUNK % self.size
        rows = slice(first, first + CHUNK)
        for own, new in (
            (self.pixels, chunk.pixels),
            (self.texts, chunk.texts),
            (self.lengths, chunk.lengths),
            (self.labels, chunk.labels),
        ):
            own[rows].copy_(torch.from_numpy(new))
        self.widths[rows] = chunk.widths

    def sort(self) -> None:
        """Sorts the strips by width."""
        order = np.argsort(self.widths, kind="stable")
        order = order[np.searchsorted(self.widths[order], 1) :]
        widths, starts = np.unique(self.widths[order], return_index=True)
        parts = np.split(order, starts[1:])
        self.members = {int(w): part for w, part in zip(widths, parts, strict=True)}

    def pick(self, step: int, count: int) -> tuple[int, np.ndarray]:
        """The width and the strips of the batch of a step; a width is as likely as its strips are
        many.
        """
        rng = np.random.default_rng([self.seed, 1, step])
        widths = list(self.members)
        shares = np.array([len(self.members[width]) for width in widths], np.float64)
        width = widths[int(rng.choice(len(widths), p=shares / shares.sum()))]
        members = self.members[width]
        return width, members[rng.integers(len(members), size=count)]

    def fill(self, batch: Batch, picks: np.ndarray, step: int) -> None:
        """Writes the batch of a step."""
        rows, width = torch.from_numpy(picks).to(self.device, non_blocking=True), batch.width
        batch.pixels.copy_(self.pixels[rows, :, :width])
        batch.texts.copy_(self.texts[rows])
        batch.lengths.copy_(self.lengths[rows])
        batch.labels.copy_(self.labels[rows, : width // COLUMN_STRIDE])
        self.source.manual_seed(self.seed << 40 | step)
        batch.uniform.uniform_(generator=self.source)
        batch.normal.normal_(generator=self.source)
