"""Local contrast: what the locator's network sees, 16 codes; 8 is the mean of the surroundings.

The same integers as `reader/src/locate/contrast.rs`, which a golden vector proves. A picture is cut
into blocks of 8 x 8. A block's mean and deviation are averaged over 3 x 3 blocks, and interpolated
between the middles of the blocks. At the border of the picture the last rows, columns and blocks
are repeated.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

#: Pixels of a block.
BLOCK = 8
#: Codes a deviation of `REACH` mean deviations and `FLOOR` gray values is worth 7 codes.
REACH, FLOOR = 2.25, 3
#: The gain of a flat picture is `GAIN / (576 * FLOOR)`, in codes a gray value times 2^14.
GAIN = round(7 / REACH * 2**14 * 576)


def _spread(x: torch.Tensor) -> torch.Tensor:
    """Sums over 3 x 3 blocks."""
    x = F.pad(x[:, None].double(), (1, 1, 1, 1), mode="replicate")[:, 0].int()
    x = x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    return x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]


def _weave(x: torch.Tensor, dim: int) -> torch.Tensor:
    """16 times the values interpolated between the middles of blocks along `dim`."""
    x = x.movedim(dim, -1)
    before = torch.cat([x[..., :1], x[..., :-1]], -1)
    after = torch.cat([x[..., 1:], x[..., -1:]], -1)
    i = torch.arange(BLOCK, device=x.device, dtype=torch.int32)
    first = i < BLOCK // 2
    other = torch.where(first, before[..., None], after[..., None])
    share = torch.where(first, 7 - 2 * i, 2 * i - 7)
    out = x[..., None] * (16 - share) + other * share
    return out.flatten(-2).movedim(-1, dim)


def codes(gray: torch.Tensor) -> torch.Tensor:
    """Codes 0 to 15 (uint8) of gray pictures `[n, rows, columns]` of uint8, of the same size."""
    n, rows, columns = gray.shape
    down, right = -rows % BLOCK, -columns % BLOCK
    x = F.pad(gray[:, None].float(), (0, right, 0, down), mode="replicate")[:, 0].int()
    height, width = x.shape[1] // BLOCK, x.shape[2] // BLOCK
    blocks = x.view(n, height, BLOCK, width, BLOCK)
    total = blocks.sum((2, 4), dtype=torch.int32)
    squares = (blocks * blocks).sum((2, 4), dtype=torch.int32)
    # 64 times the deviation, rounded down: exact in double precision.
    deviation = (64 * squares - total * total).double().sqrt().floor().int()
    mean = (_spread(total) * 16 + 288).div(576, rounding_mode="floor")
    gain = torch.div(GAIN, _spread(deviation) + 576 * FLOOR, rounding_mode="floor")
    mean = _weave(_weave(mean, 1), 2)  # gray times 4096
    gain = _weave(_weave(gain, 1) >> 4, 2) >> 4
    difference = ((x << 12) - mean) >> 6
    code = 8 + ((difference * gain + (1 << 19)) >> 20)
    return code.clamp(0, 15)[:, :rows, :columns].to(torch.uint8)
