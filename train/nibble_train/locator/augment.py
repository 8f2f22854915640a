"""What is done to a batch on the device: turns, inversion, ragged borders; and its codes."""

from __future__ import annotations

import numpy as np
import torch

from .normalise import BLOCK, codes

#: Share of frames shown light on dark, of those turned upside down (most frames are upright, as
#: most pictures are), and of those whose size is no multiple of 8.
INVERTED, HALF_TURNED, RAGGED = 0.08, 0.3, 0.5


def _half_turn(zones: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    ax, ay, bx, by, ha, hb, lines = zones.unbind(2)
    w, h = columns - 1, rows - 1
    return torch.stack([w - ax, h - ay, w - bx, h - by, ha, hb, lines], 2)


def _quarter_turn(zones: torch.Tensor, rows: int) -> torch.Tensor:
    ax, ay, bx, by, ha, hb, lines = zones.unbind(2)
    return torch.stack([rows - 1 - ay, ax, rows - 1 - by, bx, ha, hb, lines], 2)


def prepared(
    images: torch.Tensor, zones: torch.Tensor, rng: np.random.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The network's input `[n, 1, rows, columns]` and the zones, as `rng` changes them."""
    n, rows, columns = images.shape
    device = images.device
    if rng is None:
        return codes(images)[:, None].float() / 15, zones

    def some(share: float) -> torch.Tensor:
        return torch.from_numpy(rng.random(n) < share).to(device)[:, None, None]

    images = torch.where(some(INVERTED), 255 - images, images)
    turned = some(HALF_TURNED)
    images = torch.where(turned, images.flip(1, 2), images)
    zones = torch.where(turned, _half_turn(zones, rows, columns), zones)
    if rng.random() < 0.5:
        images = images.rot90(-1, (1, 2))
        zones = _quarter_turn(zones, rows)
        rows, columns = columns, rows
    x = codes(images.contiguous())
    # A picture whose sides are no multiples of 8 is filled up with code 0.
    ragged = some(RAGGED)
    missing = torch.from_numpy(rng.integers(0, BLOCK, (2, n, 1, 1))).to(device)
    y = torch.arange(rows, device=device).view(1, -1, 1)
    z = torch.arange(columns, device=device).view(1, 1, -1)
    outside = (y >= rows - missing[0]) | (z >= columns - missing[1])
    x = torch.where(outside & ragged, 0, x)
    return x[:, None].float() / 15, zones
