"""Connectionist temporal classification: PyTorch's own, and a plain form in a fixed order."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .texts import BLANK

#: Stands for the logarithm of zero.
NEVER = -1e30


def torch_ctc(
    log_probabilities: torch.Tensor, texts: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """PyTorch's own loss. On a GPU its gradient is summed by atomic additions, in any order."""
    inputs = torch.full_like(lengths, log_probabilities.shape[1])
    return F.ctc_loss(
        log_probabilities.transpose(0, 1),
        texts,
        inputs,
        lengths,
        blank=BLANK,
        zero_infinity=True,
        reduction="none",
    )


def extended(texts: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts with blanks between and around, `[n, 89]`, and which states may be entered from the
    last but one: characters that differ from the one before.
    """
    states = torch.full(
        (len(texts), 2 * texts.shape[1] + 1), BLANK, dtype=texts.dtype, device=texts.device
    )
    states[:, 1::2] = texts
    skips = torch.zeros_like(states, dtype=torch.bool)
    skips[:, 3::2] = texts[:, 1:] != texts[:, :-1]
    return states, skips


def scan(
    log_probabilities: torch.Tensor,
    states: torch.Tensor,
    skips: torch.Tensor,
    lengths: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses `[n]` and the probabilities of states `[n, t, states]`, column after column: the plain
    form of what `ctc_triton` computes.
    """
    count, columns, _ = log_probabilities.shape
    emitted = log_probabilities.gather(2, states[:, None].expand(-1, columns, -1))
    never = torch.full((count, 1), NEVER, device=states.device)
    entered = torch.where(skips, 0.0, NEVER)
    leaves = torch.cat([entered[:, 2:], never, never], 1)
    index = torch.arange(states.shape[1], device=states.device)[None]
    last = 2 * lengths[:, None]
    alphas = [torch.where(index < 2, emitted[:, 0], NEVER)]
    for column in range(1, columns):
        a = alphas[-1]
        one = torch.cat([never, a[:, :-1]], 1)
        two = torch.cat([never, never, a[:, :-2]], 1) + entered
        alphas.append(torch.logsumexp(torch.stack([a, one, two]), 0) + emitted[:, column])
    ends = torch.where((index == last) | (index == last - 1), alphas[-1], NEVER)
    total = torch.logsumexp(ends, 1, keepdim=True)
    beta = torch.where((index == last) | (index == last - 1), 0.0, NEVER)
    shares = [(alphas[-1] + beta - total).exp()]
    for column in range(columns - 2, -1, -1):
        b = beta + emitted[:, column + 1]
        one = torch.cat([b[:, 1:], never], 1)
        two = torch.cat([b[:, 2:], never, never], 1) + leaves
        beta = torch.logsumexp(torch.stack([b, one, two]), 0)
        shares.append((alphas[column] + beta - total).exp())
    return -total[:, 0], torch.stack(shares[::-1], 1)


class StateCtc(torch.autograd.Function):
    """CTC from the probabilities of states, with a gradient whose sums have a fixed order."""

    @staticmethod
    def forward(ctx, log_probabilities, texts, lengths, states_of):
        states, skips = extended(texts, lengths)
        losses, shares = states_of(log_probabilities, states, skips, lengths)
        possible = losses < -NEVER / 2
        shares = torch.where(possible[:, None, None], shares, 0.0)
        classes = torch.arange(log_probabilities.shape[2], device=states.device)
        chosen = (states[:, :, None] == classes).to(shares.dtype)
        ctx.save_for_backward(torch.bmm(shares, chosen))
        return torch.where(possible, losses, 0.0)

    @staticmethod
    def backward(ctx, gradient):
        (classes,) = ctx.saved_tensors
        return -classes * gradient[:, None, None], None, None, None


def scan_ctc(
    log_probabilities: torch.Tensor, texts: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """CTC in plain operations; deterministic everywhere, slow."""
    return StateCtc.apply(log_probabilities, texts, lengths, scan)
