"""Chunks of frames made by processes beside the training, and the pool that it draws from."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import torch

from .frames import CHUNK, MAX_ZONES, SIZES, chunk
from .inks import Fonts


def _produce(seed: int, folder: str, fonts: str | None, first: int, step: int, last: int) -> None:
    parent, made = os.getppid(), Fonts(fonts)
    for index in range(first, last, step):
        if os.getppid() != parent:
            return
        images, zones = chunk(seed, index, made)
        temporary = Path(folder, f"part-{index}.npz")
        np.savez(temporary, images=images, zones=zones)
        temporary.rename(Path(folder, f"chunk-{index}.npz"))


class Producers:
    """Processes that write the chunks `0..limit` of a seed into a folder."""

    def __init__(self, seed: int, folder: Path, fonts: str | None, count: int, limit: int):
        self.folder, self.begin, self.taken = folder, time.monotonic(), 0
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.npz"):
            left.unlink()
        context = multiprocessing.get_context("spawn")
        self.processes = [
            context.Process(
                target=_produce,
                args=(seed, str(folder), fonts, first, count, limit),
                daemon=True,
            )
            for first in range(count)
        ]
        for process in self.processes:
            process.start()

    def take(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Chunk `index`, waited for, and removed from the folder."""
        path = self.folder / f"chunk-{index}.npz"
        while not path.exists():
            dead = [p.exitcode for p in self.processes if p.exitcode]
            if dead:
                raise RuntimeError(f"a producer of frames ended with {dead[0]}")
            time.sleep(0.02)
        with np.load(path) as archive:
            made = archive["images"], archive["zones"]
        path.unlink()
        self.taken = index + 1
        return made

    def rate(self) -> float:
        """Chunks a second so far, those in the folder included."""
        waiting = sum(1 for _ in self.folder.glob("chunk-*.npz"))
        return (self.taken + waiting) / (time.monotonic() - self.begin)

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.join()


class Pool:
    """The first chunks of a stream, on the device, by size. A batch has one size."""

    def __init__(self, limit: int, device: torch.device):
        self.device, self.chunks = device, 0
        self.images, self.zones, self.filled = {}, {}, {}
        total = sum(share for _, share in SIZES)
        for shape, share in SIZES:
            room = CHUNK * max(2, round(limit * share / total * 1.15))
            self.images[shape] = torch.empty((room, *shape), dtype=torch.uint8, device=device)
            self.zones[shape] = torch.empty((room, MAX_ZONES, 7), device=device)
            self.filled[shape] = 0

    def add(self, images: np.ndarray, zones: np.ndarray) -> None:
        """Adds the next chunk; where there is no room for its size it is left out."""
        shape = images.shape[1:]
        first = self.filled[shape]
        self.chunks += 1
        if first + CHUNK > len(self.images[shape]):
            return
        self.images[shape][first : first + CHUNK] = torch.from_numpy(images).to(self.device)
        self.zones[shape][first : first + CHUNK] = torch.from_numpy(zones).to(self.device)
        self.filled[shape] = first + CHUNK

    def batch(self, rng: np.random.Generator, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames of one size and their zones. Large frames come in smaller batches."""
        shapes = [shape for shape, filled in self.filled.items() if filled]
        weights = np.array([self.filled[shape] for shape in shapes], float)
        shape = shapes[rng.choice(len(shapes), p=weights / weights.sum())]
        picks = torch.from_numpy(rng.integers(0, self.filled[shape], size)).to(self.device)
        return self.images[shape][picks], self.zones[shape][picks]
