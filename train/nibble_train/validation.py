"""Accuracy during training, on strips that are always the same and never trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .losses import LineLoss, by_line
from .runner import distance
from .stream import COLUMN_STRIDE, LEAST_PITCH, WIDEST, Chunk
from .strips import HARD, NORMAL, Generator
from .texts import ALPHABET, BLANK

#: Seeds lie between those of training and those of evaluation.
SEED = 8_000_000
BATCH = 64


def spelled(labels: np.ndarray) -> str:
    """The text of one row of classes: runs collapsed, blanks dropped."""
    kept = labels[np.flatnonzero(np.diff(labels, prepend=BLANK) != 0)]
    return "".join(ALPHABET[label] for label in kept if label != BLANK)


@dataclass
class Part:
    """Strips of one width: input `[n, 1, 24, w]` in 0..1, texts as classes, lengths."""

    x: torch.Tensor
    texts: torch.Tensor
    lengths: torch.Tensor


class Validation:
    """`count` strips a profile."""

    def __init__(self, count: int, device: torch.device):
        self.parts: dict[str, list[Part]] = {}
        for offset, profile in enumerate((NORMAL, HARD)):
            generator = Generator(SEED + offset, profile)
            strips = []
            while len(strips) < count:
                strip = generator.strip()
                if strip.pitches.mean() > LEAST_PITCH and strip.pixels.shape[1] <= WIDEST:
                    strips.append(strip)
            strips.sort(key=lambda strip: strip.pixels.shape[1])
            self.parts[profile.name] = []
            for start in range(0, count, BATCH):
                chunk = Chunk.of(strips[start : start + BATCH])
                pixels = chunk.pixels[:, :, : chunk.widths.max()]
                x = torch.from_numpy(pixels[:, None].astype(np.float32) / 255).to(device)
                texts = torch.from_numpy(chunk.texts.astype(np.int64)).to(device)
                lengths = torch.from_numpy(chunk.lengths.astype(np.int64)).to(device)
                self.parts[profile.name].append(Part(x, texts, lengths))

    @torch.no_grad()
    def of(self, network: nn.Module, loss: LineLoss) -> dict:
        """Characters and lines read right by greedy CTC, in percent, and nats a character, by
        profile.
        """
        network.eval()
        result = {}
        for profile, parts in self.parts.items():
            errors = characters = exact = lines = 0
            nats = 0.0
            for part in parts:
                logits = network(part.x)
                nats += float(by_line(logits, part.texts, part.lengths, loss)) * len(part.x)
                columns = logits.shape[2]
                if columns != part.x.shape[3] // COLUMN_STRIDE:
                    raise ValueError("a column of logits stands for four of pixels")
                rows = zip(
                    logits.argmax(1).cpu().numpy(),
                    part.texts.cpu().numpy(),
                    part.lengths.tolist(),
                    strict=True,
                )
                for labels, text, length in rows:
                    wanted = "".join(ALPHABET[c] for c in text[:length])
                    read = spelled(labels)
                    lines += 1
                    characters += length
                    exact += read == wanted
                    errors += 0 if read == wanted else min(distance(read, wanted), length)
            result[profile] = {
                "characters_percent": round(100 * (1 - errors / characters), 3),
                "lines_percent": round(100 * exact / lines, 2),
                "nats": round(nats / lines, 5),
            }
        return result
