"""Training: fresh strips from a producer process, per-line CTC, float and then quantisation-aware
with distillation.
"""

from __future__ import annotations

import copy
import math
import multiprocessing
import os
import queue
import time
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from .network import COLUMN_STRIDE, Network, QuantisedNetwork
from .strips import HARD, NORMAL, ROWS, Generator, Strip
from .texts import BLANK, INDEX

BATCH = 32
#: Strips kept for reuse; each is seen a few times with other shifts, noise and gain before it is
#: replaced.
POOL = 16_000
#: Share of strips in a typewriter font: met on mock-ups, and no harm to OCR-B.
TYPEWRITER = 0.09
#: CTC needs more columns than characters and a blank between equal ones.
LEAST_PITCH = 9.5
#: Strips wider than this are rare and would widen every batch they are in.
WIDEST = 900
#: Columns nearer to a character's middle than the first share of its pitch are that character,
#: beyond the second they are blank;
#: between them either is right.
CHARACTER, EITHER = 0.27, 0.36
IGNORED = -100


def _produce(seed: int, out: multiprocessing.Queue, parent: int) -> None:
    cv2.setNumThreads(1)
    generators = [Generator(seed, HARD, TYPEWRITER), Generator(seed + 1, NORMAL, TYPEWRITER)]
    turn = 0
    while True:
        strip = generators[turn % 2].strip()
        turn += 1
        if strip.pitches.mean() <= LEAST_PITCH or strip.pixels.shape[1] > WIDEST:
            continue
        while True:
            try:
                out.put(strip, timeout=5)
                break
            except queue.Full:
                # A trainer that was killed leaves nobody to end this process.
                if os.getppid() != parent:
                    return


@dataclass
class Batch:
    """Strips as `[n, 1, 24, width]` in 0..1, their texts, and what each column shows, `[n, width /
    4]`.
    """

    x: torch.Tensor
    texts: list[str]
    labels: torch.Tensor


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


class Pool:
    """A rolling pool of strips, filled by a process of its own."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        # Not a fork: torch has threads by now, whose locks a fork would inherit.
        context = multiprocessing.get_context("spawn")
        self.queue = context.Queue(512)
        self.process = context.Process(
            target=_produce, args=(seed, self.queue, os.getpid()), daemon=True
        )
        self.process.start()
        self.strips: list[Strip] = []
        self.next = 0
        while len(self.strips) < 600:
            self.strips.append(self.queue.get())

    @staticmethod
    def sample(seed: int, count: int = 2 * BATCH) -> torch.Tensor:
        """Strips as `Batch.x`, without a pool: for statistics."""
        strips = [
            Generator(seed + i, profile).strip().pixels
            for i, profile in enumerate([HARD, NORMAL] * (count // 2))
        ]
        width = max(strip.shape[1] for strip in strips) // COLUMN_STRIDE * COLUMN_STRIDE
        widened = [
            np.pad(strip, ((0, 0), (0, max(0, width - strip.shape[1]))), "edge")[:, :width]
            for strip in strips
        ]
        return torch.from_numpy(np.stack(widened)[:, None].astype(np.float32) / 255)

    def refresh(self) -> None:
        """Takes in what has been produced since, in place of the oldest."""
        for _ in range(64):
            try:
                strip = self.queue.get_nowait()
            except queue.Empty:
                return
            if len(self.strips) < POOL:
                self.strips.append(strip)
            else:
                self.strips[self.next] = strip
                self.next = (self.next + 1) % POOL

    def batch(self) -> Batch:
        """Strips of similar width."""
        self.refresh()
        rng = self.rng
        picks = rng.integers(len(self.strips), size=4 * BATCH)
        picks = sorted(picks, key=lambda i: self.strips[i].pixels.shape[1])
        start = int(rng.integers(0, 3 * BATCH))
        chosen = [self.strips[i] for i in picks[start : start + BATCH]]
        width = (max(strip.pixels.shape[1] for strip in chosen) + 4 + 3) // 4 * 4
        x = np.zeros((BATCH, 1, ROWS, width), np.float32)
        labels = np.empty((BATCH, width // COLUMN_STRIDE), np.int64)
        for row, strip in enumerate(chosen):
            offset = int(rng.integers(0, 5))
            x[row, 0] = self._augmented(strip.pixels.astype(np.float32), width, offset)
            labels[row] = column_labels(strip, width, offset)
        x = torch.from_numpy(np.round(x.clip(0, 255)) / 255)
        return Batch(x, [strip.text for strip in chosen], torch.from_numpy(labels))

    def _augmented(self, image: np.ndarray, width: int, offset: int) -> np.ndarray:
        rng = self.rng
        if rng.random() < 0.4:
            image = 255 * (image / 255) ** rng.uniform(0.6, 1.6)
        if rng.random() < 0.3:
            image = image + rng.normal(0, rng.uniform(2, 16), image.shape)
        if rng.random() < 0.15:
            image = np.roll(image, int(rng.choice([-1, 1])), 0)
        out = np.empty((ROWS, width), np.float32)
        out[:, :offset] = image[:, :1]
        out[:, offset : offset + image.shape[1]] = image
        out[:, offset + image.shape[1] :] = image[:, -1:]
        return out


def by_column(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of columns: learns glyphs fast, but lets labels flip within one."""
    return F.cross_entropy(logits, labels, ignore_index=IGNORED)


def ctc(logits: torch.Tensor, texts: list[str]) -> torch.Tensor:
    """Connectionist temporal classification, nats a character."""
    lengths = torch.tensor([len(text) for text in texts])
    targets = torch.tensor([INDEX[c] for text in texts for c in text])
    log_probabilities = F.log_softmax(logits, 1).permute(2, 0, 1)
    losses = F.ctc_loss(
        log_probabilities,
        targets,
        torch.full_like(lengths, logits.shape[2]),
        lengths,
        blank=BLANK,
        zero_infinity=True,
        reduction="none",
    )
    return (losses / lengths).mean()


@dataclass
class Schedule:
    """Length and steps of one training; `columns_until` is the share of the time that columns are
    trained before whole lines.
    """

    minutes: float
    rate: float
    seed: int
    freeze_norm_from: float = 1.0
    distil: float = 0.0
    columns_until: float = 0.0


def train(network: torch.nn.Module, schedule: Schedule, teacher: Network | None = None) -> None:
    """AdamW with a cosine over wall time; prints progress. Learned steps move at half the rate
    without decay.
    """
    torch.manual_seed(schedule.seed)
    pool = Pool(schedule.seed)
    steps = network.step_parameters() if isinstance(network, QuantisedNetwork) else []
    if isinstance(network, QuantisedNetwork) and not network.calibrated:
        network.calibrate(pool.batch().x)
    known = {id(p) for p in steps}
    groups = [
        {
            "params": [p for p in network.parameters() if id(p) not in known and p.requires_grad],
            "share": 1.0,
        }
    ]
    if steps:
        groups.append({"params": steps, "share": 0.5, "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(groups, schedule.rate, weight_decay=1e-4)
    average = copy.deepcopy(network.state_dict())
    begin, iteration, smooth = time.monotonic(), 0, 0.0
    while (progress := (time.monotonic() - begin) / (60 * schedule.minutes)) < 1:
        warm = min(1, (iteration + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * (
                schedule.rate * warm * 0.5 * (1 + math.cos(math.pi * progress)) + 1e-6
            )
        batch = pool.batch()
        network.train()
        if progress > schedule.freeze_norm_from:
            for module in network.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.eval()
        logits = network(batch.x)
        loss = (
            by_column(logits, batch.labels)
            if progress < schedule.columns_until
            else ctc(logits, batch.texts)
        )
        shown = loss.item()
        if teacher is not None:
            with torch.no_grad():
                wanted = F.softmax(teacher(batch.x), 1)
            divergence = F.kl_div(F.log_softmax(logits, 1), wanted, reduction="none").sum(1).mean()
            loss = loss + schedule.distil * divergence
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        iteration += 1
        smooth = shown if iteration == 1 else 0.98 * smooth + 0.02 * shown
        if progress > 0.5:
            with torch.no_grad():
                for name, value in network.state_dict().items():
                    if value.dtype.is_floating_point:
                        average[name].lerp_(value, 0.01 if progress > 0.52 else 1.0)
                    else:
                        average[name].copy_(value)
        if iteration % 100 == 0:
            print(
                f"{iteration:6} {100 * progress:5.1f} % loss {smooth:.4f} pool {len(pool.strips)}",
                flush=True,
            )
    network.load_state_dict(average)
    network.eval()
    pool.process.terminate()
