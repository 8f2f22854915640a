"""What the network should answer: maps of targets from the zones' places, and the loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .network import COS, COS2, DX, DY, HALF, OUTPUTS, SIN, SIN2, STRIDE, THREE, ZONE

#: Half the thickness of a zone in pixels is taken to be at least this, so that a small zone has
#: cells at all; and cells this close to a zone count as neither inside nor outside.
MIN_HALF, MARGIN = 4.3, 3.5

#: The last channel of the targets: weight of a cell, 0 where it does not count.
WEIGHT = OUTPUTS


def targets(zones: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """`[n, 10, rows, columns]` for zones `[n, k, 7]` (see `frames.py`): outputs and weight."""
    device = zones.device
    y = torch.arange(rows, device=device).view(1, 1, -1, 1) * STRIDE + (STRIDE - 1) / 2
    x = torch.arange(columns, device=device).view(1, 1, 1, -1) * STRIDE + (STRIDE - 1) / 2
    ax, ay, bx, by, ha, hb, lines = (v[..., None, None] for v in zones.unbind(2))
    length = torch.hypot(bx - ax, by - ay).clamp(min=1e-3)
    c, s = (bx - ax) / length, (by - ay) / length
    u = (x - ax) * c + (y - ay) * s
    v = (y - ay) * c - (x - ax) * s
    half = ha + (hb - ha) * (u / length).clamp(0, 1)
    reach = half.clamp(min=MIN_HALF)
    present = lines > 0
    inside = present & (v.abs() <= reach) & (u >= 0) & (u <= length)
    near = present & (v.abs() <= reach + MARGIN) & (u >= -MARGIN) & (u <= length + MARGIN)
    count = inside.sum((2, 3), keepdim=True).clamp(min=1)
    ones = torch.ones_like(u)
    values = [torch.zeros_like(u)] * (OUTPUTS + 1)
    values[ZONE] = ones
    values[COS2], values[SIN2] = (c * c - s * s) * ones, 2 * s * c * ones
    values[DX], values[DY] = v * s / STRIDE, -v * c / STRIDE
    values[HALF], values[THREE] = half / STRIDE, (lines == 3) * ones
    values[COS], values[SIN] = c * ones, s * ones
    # Cells of a small zone weigh more.
    values[WEIGHT] = 1 + 8 / count.sqrt() * ones
    everything = torch.stack(values, 2) * inside[:, :, None]
    first = inside.int().argmax(1, keepdim=True)  # a cell belongs to one zone
    chosen = everything.gather(1, first[:, :, None].expand(-1, -1, OUTPUTS + 1, -1, -1))[:, 0]
    outside = ~near.any(1)
    chosen[:, WEIGHT] = torch.where(outside, 1.0, chosen[:, WEIGHT])
    return chosen


def loss(out: torch.Tensor, wanted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss, and its parts zone, geometry, three lines and way up, detached."""
    weight, positive = wanted[:, WEIGHT], wanted[:, ZONE]
    cross = F.binary_cross_entropy_with_logits(out[:, ZONE], positive, reduction="none")
    inside, outside = weight * positive, weight * (1 - positive)
    count = inside.sum().clamp(min=1)
    wrong = (cross * outside).flatten()
    hard = wrong.topk(max(64, wrong.numel() // 40))[0].mean()
    zone = (cross * inside).sum() / count + 0.6 * hard + 2 * wrong.mean()

    def distance(channels: slice) -> torch.Tensor:
        errors = F.smooth_l1_loss(out[:, channels], wanted[:, channels], reduction="none", beta=0.3)
        return errors * inside[:, None]

    place = distance(slice(COS2, HALF + 1)).sum((0, 2, 3)) / count
    geometry = 1.5 * place[:2].sum() + place[2:].sum()
    lines = F.binary_cross_entropy_with_logits(out[:, THREE], wanted[:, THREE], reduction="none")
    three = (lines * inside).sum() / count
    way = distance(slice(COS, SIN + 1)).sum() / count
    parts = torch.stack([zone, geometry, three, way]).detach()
    return zone + geometry + 0.2 * three + 0.4 * way, parts
