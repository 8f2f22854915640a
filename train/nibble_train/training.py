"""Training: fresh strips from a producer process, per-line CTC, float and then quantisation-aware with distillation."""

from __future__ import annotations

import copy
import math
import multiprocessing
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
#: Strips kept for reuse; each is seen a few times with other shifts, noise and gain before it is replaced.
POOL = 16_000
#: CTC needs more columns than characters and a blank between equal ones.
LEAST_PITCH = 9.5


def _produce(seed: int, out: multiprocessing.Queue) -> None:
    cv2.setNumThreads(1)
    generators = [Generator(seed, HARD), Generator(seed + 1, NORMAL)]
    turn = 0
    while True:
        # Three hard strips to one normal one.
        strip = generators[turn % 4 == 3].strip()
        turn += 1
        if strip.pitches.mean() > LEAST_PITCH and strip.pixels.shape[1] <= 900:
            out.put((strip.pixels, strip.text))


class Pool:
    """A rolling pool of strips, filled by a process of its own."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.queue: multiprocessing.Queue = multiprocessing.Queue(512)
        self.process = multiprocessing.Process(target=_produce, args=(seed, self.queue), daemon=True)
        self.process.start()
        self.strips: list[tuple[np.ndarray, str]] = []
        self.next = 0
        while len(self.strips) < 600:
            self.strips.append(self.queue.get())

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

    def batch(self) -> tuple[torch.Tensor, list[str], list[int]]:
        """Strips of similar width as `[n, 1, 24, width]` in 0..1, their texts and column counts."""
        self.refresh()
        rng = self.rng
        picks = rng.integers(len(self.strips), size=4 * BATCH)
        picks = sorted(picks, key=lambda i: self.strips[i][0].shape[1])
        start = int(rng.integers(0, 3 * BATCH))
        chosen = [self.strips[i] for i in picks[start : start + BATCH]]
        width = (max(pixels.shape[1] for pixels, _ in chosen) + 4 + 3) // 4 * 4
        x = np.zeros((BATCH, 1, ROWS, width), np.float32)
        for row, (pixels, _) in enumerate(chosen):
            x[row, 0] = self._augmented(pixels.astype(np.float32), width)
        texts = [text for _, text in chosen]
        return torch.from_numpy(np.round(x.clip(0, 255)) / 255), texts, [width // COLUMN_STRIDE] * BATCH

    def _augmented(self, image: np.ndarray, width: int) -> np.ndarray:
        rng = self.rng
        if rng.random() < 0.4:
            image = 255 * (image / 255) ** rng.uniform(0.6, 1.6)
        if rng.random() < 0.3:
            image = image + rng.normal(0, rng.uniform(2, 16), image.shape)
        if rng.random() < 0.15:
            image = np.roll(image, int(rng.choice([-1, 1])), 0)
        out = np.empty((ROWS, width), np.float32)
        offset = int(rng.integers(0, 5))
        out[:, :offset] = image[:, :1]
        out[:, offset : offset + image.shape[1]] = image
        out[:, offset + image.shape[1] :] = image[:, -1:]
        return out


def ctc(logits: torch.Tensor, texts: list[str], columns: list[int]) -> torch.Tensor:
    """Connectionist temporal classification, nats a character."""
    lengths = torch.tensor([len(text) for text in texts])
    targets = torch.tensor([INDEX[c] for text in texts for c in text])
    log_probabilities = F.log_softmax(logits, 1).permute(2, 0, 1)
    losses = F.ctc_loss(
        log_probabilities, targets, torch.tensor(columns), lengths, blank=BLANK, zero_infinity=True, reduction="none"
    )
    return (losses / lengths).mean()


@dataclass
class Schedule:
    """Length and steps of one training."""

    minutes: float
    rate: float
    seed: int
    freeze_norm_from: float = 1.0
    distil: float = 0.0


def train(network: torch.nn.Module, schedule: Schedule, teacher: Network | None = None) -> None:
    """AdamW with a cosine over wall time; prints progress. Learned steps move at half the rate without decay."""
    torch.manual_seed(schedule.seed)
    pool = Pool(schedule.seed)
    steps = network.step_parameters() if isinstance(network, QuantisedNetwork) else []
    if isinstance(network, QuantisedNetwork):
        network.calibrate(pool.batch()[0])
    known = {id(p) for p in steps}
    groups = [{"params": [p for p in network.parameters() if id(p) not in known and p.requires_grad], "share": 1.0}]
    if steps:
        groups.append({"params": steps, "share": 0.5, "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(groups, schedule.rate, weight_decay=1e-4)
    average = copy.deepcopy(network.state_dict())
    begin, iteration, smooth = time.monotonic(), 0, 0.0
    while (progress := (time.monotonic() - begin) / (60 * schedule.minutes)) < 1:
        warm = min(1, (iteration + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * (schedule.rate * warm * 0.5 * (1 + math.cos(math.pi * progress)) + 1e-6)
        x, texts, columns = pool.batch()
        network.train()
        if progress > schedule.freeze_norm_from:
            for module in network.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.eval()
        logits = network(x)
        loss = ctc(logits, texts, columns)
        shown = loss.item()
        if teacher is not None:
            with torch.no_grad():
                wanted = F.softmax(teacher(x), 1)
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
            print(f"{iteration:6} {100 * progress:5.1f} % loss {smooth:.4f} pool {len(pool.strips)}", flush=True)
    network.load_state_dict(average)
    network.eval()
    pool.process.terminate()


def collapse(logits: np.ndarray) -> str:
    """Greedy CTC reading of `[38, columns]`."""
    from .texts import ALPHABET

    text, previous = [], BLANK
    for label in logits.argmax(0):
        if label not in (previous, BLANK):
            text.append(ALPHABET[label])
        previous = label
    return "".join(text)


def padded(strip: Strip) -> np.ndarray:
    """Pixels padded to a multiple of the column stride by repeating the last column."""
    missing = -strip.pixels.shape[1] % COLUMN_STRIDE
    return np.pad(strip.pixels, ((0, 0), (0, missing)), mode="edge")
