"""Losses of training: by column, by line, and the divergence from a teacher."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from .stream import IGNORED
from .texts import BLANK

#: Stands for the logarithm of zero.
NEVER = -1e30

#: Log probabilities `[n, t, classes]`, texts `[n, 44]` filled up with blank, lengths: losses `[n]`.
LineLoss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def by_column(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of columns: learns glyphs fast, but lets labels flip within one. Written as a
    sum over classes, since `F.cross_entropy` adds atomically on a GPU.
    """
    classes = torch.arange(logits.shape[1], device=logits.device)[None, :, None]
    chosen = (labels[:, None] == classes).to(logits.dtype)
    known = (labels != IGNORED).sum().clamp(min=1)
    return -(F.log_softmax(logits, 1) * chosen).sum() / known


def by_line(
    logits: torch.Tensor, texts: torch.Tensor, lengths: torch.Tensor, loss: LineLoss
) -> torch.Tensor:
    """Connectionist temporal classification of logits `[n, classes, t]`, nats a character."""
    log_probabilities = F.log_softmax(logits, 1).transpose(1, 2).contiguous()
    return (loss(log_probabilities, texts, lengths) / lengths).mean()


def divergence(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence from a teacher's probabilities `[n, classes, t]`, a column."""
    return F.kl_div(F.log_softmax(logits, 1), wanted, reduction="none").sum(1).mean()


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


def line_loss(device: torch.device) -> tuple[str, LineLoss]:
    """The name and the function of the loss that is deterministic on a device, and quickest there.

    On a GPU that is a kernel of our own, if it works there and agrees with the plain form.
    """
    if device.type != "cuda":
        return "torch", torch_ctc
    try:
        from . import ctc_triton

        difference = ctc_triton.difference_from_scan(device)
        if difference < 1e-3:
            return "triton", ctc_triton.triton_ctc
        print(f"the kernel of CTC differs by {difference}: plain operations instead", flush=True)
    except Exception as error:
        # Whatever is wrong with a compiler or a driver, the plain form still trains.
        print(f"the kernel of CTC does not work here: {error!r}", flush=True)
    return "scan", scan_ctc
