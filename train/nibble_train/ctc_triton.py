"""CTC as one kernel for GPUs: a programme a strip walks the columns forwards, then backwards.

The kernel writes the probability of every state in every column; classes are summed afterwards by
a matrix product. There are no atomic additions, so the same input gives the same bits.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

from .ctc import NEVER, StateCtc, extended, scan
from .texts import BLANK

#: States of a programme: the next power of two above the 89 of the longest line.
_STATES = 128


@triton.jit
def _sum3(a, b, c):
    most = tl.maximum(tl.maximum(a, b), c)
    return most + tl.log(tl.exp(a - most) + tl.exp(b - most) + tl.exp(c - most))


@triton.jit
def _states(
    emitted, states, skips, lengths, alphas, shares, losses,
    columns, classes, count: tl.constexpr, size: tl.constexpr, never: tl.constexpr,
):  # fmt: skip
    strip = tl.program_id(0)
    index = tl.arange(0, size)
    inside = index < count
    label = tl.load(states + strip * count + index, mask=inside, other=0)
    entered = tl.load(skips + strip * count + index, mask=inside, other=0) != 0
    left = tl.load(skips + strip * count + index + 2, mask=index + 2 < count, other=0) != 0
    last = 2 * tl.load(lengths + strip)
    emitted += strip * columns * classes + label
    alphas += strip * columns * count + index
    shares += strip * columns * count + index
    before = tl.maximum(index - 1, 0)
    twice = tl.maximum(index - 2, 0)
    after = tl.minimum(index + 1, size - 1)
    beyond = tl.minimum(index + 2, size - 1)

    alpha = tl.where(index < 2, tl.load(emitted), never)
    tl.store(alphas, alpha, mask=inside)
    for column in range(1, columns):
        one = tl.where(index >= 1, tl.gather(alpha, before, 0), never)
        two = tl.where(entered, tl.gather(alpha, twice, 0), never)
        alpha = _sum3(alpha, one, two) + tl.load(emitted + column * classes)
        alpha = tl.where(inside, alpha, never)
        tl.store(alphas + column * count, alpha, mask=inside)

    final = (index == last) | (index == last - 1)
    ends = tl.where(final, alpha, never)
    most = tl.max(ends, 0)
    total = most + tl.log(tl.sum(tl.exp(ends - most), 0))
    tl.store(losses + strip, -total)

    beta = tl.where(final, 0.0, never)
    tl.store(shares + (columns - 1) * count, tl.exp(alpha + beta - total), mask=inside)
    for back in range(1, columns):
        column = columns - 1 - back
        b = beta + tl.load(emitted + (column + 1) * classes)
        one = tl.where(index + 1 < count, tl.gather(b, after, 0), never)
        two = tl.where(left, tl.gather(b, beyond, 0), never)
        beta = tl.where(inside, _sum3(b, one, two), never)
        alpha = tl.load(alphas + column * count, mask=inside, other=never)
        tl.store(shares + column * count, tl.exp(alpha + beta - total), mask=inside)


def states_of(
    log_probabilities: torch.Tensor,
    states: torch.Tensor,
    skips: torch.Tensor,
    lengths: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `ctc.scan`."""
    strips, columns, classes = log_probabilities.shape
    count = states.shape[1]
    shape = (strips, columns, count)
    alphas, shares = log_probabilities.new_empty(shape), log_probabilities.new_empty(shape)
    losses = log_probabilities.new_empty(strips)
    _states[(strips,)](
        log_probabilities.contiguous(),
        states.to(torch.int32),
        skips.to(torch.int32),
        lengths.to(torch.int32),
        alphas,
        shares,
        losses,
        columns,
        classes,
        count,
        _STATES,
        NEVER,
        num_warps=1,
    )
    return losses, shares


def triton_ctc(
    log_probabilities: torch.Tensor, texts: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """CTC losses `[n]`, as `ctc.torch_ctc`."""
    return StateCtc.apply(log_probabilities, texts, lengths, states_of)


def difference_from_scan(device: torch.device) -> float:
    """The largest difference of the kernel from the plain form, on invented input."""
    source = torch.Generator().manual_seed(1)
    logits = 3 * torch.randn(8, 120, BLANK + 1, generator=source)
    texts = torch.randint(0, BLANK, (8, 44), generator=source)
    texts[:, 10:14] = texts[:, 9:10]
    lengths = torch.tensor([44, 44, 36, 36, 30, 30, 9, 1])
    texts[torch.arange(44)[None] >= lengths[:, None]] = BLANK
    given = (torch.log_softmax(logits, 2).to(device), *(t.to(device) for t in (texts, lengths)))
    states = extended(given[1], given[2])
    own = states_of(given[0], *states, given[2])
    plain = scan(given[0], *states, given[2])
    return max(float((a - b).abs().max()) for a, b in zip(own, plain, strict=True))
