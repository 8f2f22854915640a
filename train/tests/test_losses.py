"""Losses against PyTorch's own, the kernel for GPUs through Triton's interpreter."""

import os

import pytest
from required import package

torch = package("torch", "TORCH")

from nibble_train.ctc import scan_ctc, torch_ctc  # noqa: E402
from nibble_train.losses import IGNORED, by_column  # noqa: E402
from nibble_train.texts import BLANK  # noqa: E402


def lines(columns: int):
    """Logits, texts with repeated characters, lengths from 1 to 44."""
    source = torch.Generator().manual_seed(columns)
    logits = 3 * torch.randn(5, columns, BLANK + 1, generator=source)
    texts = torch.randint(0, BLANK, (5, 44), generator=source)
    texts[:, 10:14] = texts[:, 9:10]
    lengths = torch.tensor([44, 36, 30, 9, 1])
    texts[torch.arange(44)[None] >= lengths[:, None]] = BLANK
    return logits.requires_grad_(), texts, lengths


def loss_and_gradient(loss, logits, texts, lengths):
    logits.grad = None
    losses = loss(torch.log_softmax(logits, 2), texts, lengths)
    (losses * torch.arange(1, 6)).sum().backward()
    return losses.detach(), logits.grad.clone()


# Of 40 columns, a line of 44 characters is impossible.
@pytest.mark.parametrize("columns", [40, 100, 176])
@pytest.mark.parametrize("kind", ["scan", "triton"])
def test_ctc_is_that_of_torch(kind, columns):
    if kind == "triton":
        os.environ["TRITON_INTERPRET"] = "1"
        pytest.importorskip("triton", reason="triton is not installed: its kernel is not tested")
        from nibble_train.ctc_triton import triton_ctc as own
    else:
        own = scan_ctc
    given = lines(columns)
    wanted = loss_and_gradient(torch_ctc, *given)
    seen = loss_and_gradient(own, *given)
    for a, b in zip(seen, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3)
    assert (seen[0][0] == 0) == (columns < 44)


def test_columns_that_may_be_either_do_not_count():
    source = torch.Generator().manual_seed(1)
    logits = torch.randn(3, BLANK + 1, 20, generator=source)
    labels = torch.randint(0, BLANK + 1, (3, 20), generator=source)
    labels[:, ::3] = IGNORED
    wanted = torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED)
    torch.testing.assert_close(by_column(logits, labels), wanted)
