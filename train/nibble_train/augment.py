"""Changes of strips, new at every look, on the training's device.

Every change is a plain function of the uniform and normal numbers given, so that a batch is the
same whenever it is made again.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

#: Share of strips that something is laid over.
COVERED = 0.05
#: Nominal pitch of characters.
PITCH = 15.0


def changed(
    pixels: torch.Tensor, uniform: torch.Tensor, normal: torch.Tensor, stretching: float
) -> torch.Tensor:
    """Strips `[n, 24, w]` of u8 as `[n, 1, 24, w]` in 0..1, on the grid of 255 codes: moved,
    stretched (by up to `stretching`), slanted, brighter or darker, blurred or sharpened, covered,
    noisy.
    """
    u = uniform[:, :, None, None]
    x = pixels[:, None].to(torch.float32) / 255
    x = _moved(x, uniform, stretching)
    gamma = torch.where(u[:, 7:8] < 0.4, 0.6 + u[:, 8:9], torch.ones_like(u[:, 8:9]))
    x = x.clamp(0, 1) ** gamma
    mean = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    blur = torch.where(u[:, 9:10] < 0.2, 1.4 * u[:, 10:11] - 0.4, torch.zeros_like(u[:, 10:11]))
    x = x + blur * (mean - x)
    x = _covered(x, u)
    gain = torch.where(u[:, 16:17] < 0.15, 0.55 + 0.75 * u[:, 17:18], torch.ones_like(u[:, 17:18]))
    x = 0.5 + (x - 0.5) * gain
    noise = torch.where(u[:, 18:19] < 0.3, (2 + 14 * u[:, 19:20]) / 255, torch.zeros_like(u[:, :1]))
    x = x + noise * normal[:, None]
    return (x.clamp(0, 1) * 255).round() / 255


def _moved(x: torch.Tensor, uniform: torch.Tensor, stretching: float) -> torch.Tensor:
    """Affine maps of half of the strips."""
    rows, width = x.shape[2], x.shape[3]
    v = 2 * uniform[:, :7] - 1
    chosen = (uniform[:, 0] < 0.5).to(x.dtype)
    theta = torch.zeros(len(x), 2, 3, device=x.device, dtype=x.dtype)
    theta[:, 0, 0] = 1 + chosen * v[:, 1] * stretching
    # Columns by rows, as a slant; rows by columns, as a tilt.
    theta[:, 0, 1] = chosen * v[:, 2] * 0.08 * rows / width
    theta[:, 0, 2] = chosen * v[:, 3] * 2 * 2 / width
    theta[:, 1, 0] = chosen * v[:, 4] * 1.2 / rows
    theta[:, 1, 1] = 1 + chosen * v[:, 5] * 0.05
    theta[:, 1, 2] = chosen * v[:, 6] * 1.2 * 2 / rows
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return torch.where(chosen[:, None, None, None] > 0, moved, x)


def _covered(x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """A box of paper, ink or gray over up to two and a half characters."""
    rows, width = x.shape[2], x.shape[3]
    column = torch.arange(width, device=x.device, dtype=x.dtype)[None, None, None]
    row = torch.arange(rows, device=x.device, dtype=x.dtype)[None, None, :, None]
    half = PITCH * (0.2 + u[:, 12:13])
    lean = (u[:, 14:15] - 0.5) * 1.5
    across = (column + lean * (row - rows / 2) - width * u[:, 13:14]).abs() < half
    kind = (4 * u[:, 15:16]).floor()
    below, above = row >= rows / 2 - 1, row < rows / 2 + 1
    whole = kind < 2
    box = across & (whole | ((kind == 2) & below) | ((kind == 3) & above))
    box = box & (u[:, 11:12] < COVERED)
    shade = (3 * (u[:, 11:12] / COVERED) - 1).clamp(0, 1)
    return torch.where(box, shade.expand_as(x), x)
