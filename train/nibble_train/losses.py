"""Losses of training: by column, by line, and the divergence from a teacher."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from .ctc import scan_ctc, torch_ctc
from .stream import IGNORED

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
