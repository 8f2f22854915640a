"""The recogniser in PyTorch: float, and with learned step sizes for quantisation-aware training
(LSQ, Esser et al. 2020).
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .stream import COLUMN_STRIDE
from .texts import BLANK

__all__ = ["COLUMN_STRIDE", "LAYERS", "ActivationStep", "Block", "Network", "QuantisedNetwork"]

#: (channels, kernel, stride, padding), vertical first: 24 rows collapse to one, a column stands for
#: four.
LAYERS = (
    (24, (3, 3), (2, 2), (1, 1)),
    (32, (3, 3), (2, 1), (1, 1)),
    (40, (3, 3), (1, 2), (1, 1)),
    (48, (3, 3), (2, 1), (1, 1)),
    (64, (3, 3), (1, 1), (0, 1)),
    (64, (1, 3), (1, 1), (0, 1)),
    (BLANK + 1, (1, 1), (1, 1), (0, 0)),
)


class Block(nn.Module):
    """Convolution, batch norm and ReLU; the last block has only a convolution with bias."""

    def __init__(self, inputs: int, outputs: int, kernel, stride, padding, last: bool):
        super().__init__()
        self.c = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=last)
        self.bn = None if last else nn.BatchNorm2d(outputs)

    def finish(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.bn is None else F.relu(self.bn(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.finish(self.c(x))


class Network(nn.Module):
    """Strips `[n, 1, 24, width]` of gray / 255 to logits `[n, 38, width / 4]`."""

    def __init__(self):
        super().__init__()
        inputs, blocks = 1, []
        for index, (outputs, kernel, stride, padding) in enumerate(LAYERS):
            blocks.append(Block(inputs, outputs, kernel, stride, padding, index + 1 == len(LAYERS)))
            inputs = outputs
        self.L = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.L:
            x = block(x)
        return x[:, :, 0]


class _Grid(torch.autograd.Function):
    """Values on a grid `step * (low..high)`; the gradient of rounding is that of the identity
    inside the grid, the step's is scaled by `factor` (LSQ). A step is a scalar or has one entry a
    channel, shaped to be broadcast.
    """

    @staticmethod
    def forward(ctx, x, step, low, high, factor):
        scaled = x / step
        codes = scaled.round().clamp(low, high)
        ctx.save_for_backward(scaled, step, factor)
        ctx.limits = low, high
        return codes * step

    @staticmethod
    def backward(ctx, gradient):
        scaled, step, factor = ctx.saved_tensors
        low, high = ctx.limits
        inside = (scaled >= low) & (scaled <= high)
        x = torch.where(inside, gradient, 0.0) if ctx.needs_input_grad[0] else None
        own = None
        if ctx.needs_input_grad[1]:
            error = scaled.round().clamp(low, high) - torch.where(inside, scaled, 0.0)
            own = (gradient * error).sum_to_size(step.shape) * factor
        return x, own, None, None, None


class WeightStep(nn.Module):
    """Symmetric weights in -q..q with a learned step per channel, or one for the whole tensor."""

    def __init__(self, weight: torch.Tensor, bits: int, per_tensor: bool):
        super().__init__()
        self.q = 2 ** (bits - 1) - 1
        flat = weight.detach().reshape(1 if per_tensor else weight.shape[0], -1)
        largest = flat.abs().max(1)[0]
        best, step = torch.full_like(largest, math.inf), largest / self.q
        for share in torch.linspace(0.35, 1.0, 27):
            candidate = (largest * share / self.q).clamp(min=1e-8)
            rounded = (flat / candidate[:, None]).round().clamp(-self.q, self.q) * candidate[
                :, None
            ]
            error = ((rounded - flat) ** 2).sum(1)
            better = error < best
            best, step = torch.where(better, error, best), torch.where(better, candidate, step)
        self.s = nn.Parameter(step.clamp(min=1e-8))
        self.register_buffer("factor", torch.tensor(1 / math.sqrt(flat.shape[1] * self.q)))
        self.frozen: torch.Tensor | None = None

    def step(self) -> torch.Tensor:
        return self.s.abs() + 1e-9

    def codes(self, weight: torch.Tensor) -> torch.Tensor:
        return (weight / self.step().view(-1, 1, 1, 1)).round().clamp(-self.q, self.q)

    @torch.no_grad()
    def freeze(self, weight: torch.Tensor) -> None:
        """Keeps the codes that weights have now; steps go on learning."""
        self.frozen = self.codes(weight)

    def unrest(self, weight: torch.Tensor) -> torch.Tensor:
        """Squared distance of the weights from their codes: what makes codes oscillate."""
        with torch.no_grad():
            step = self.step().view(-1, 1, 1, 1)
            on_grid = self.codes(weight) * step
            edge = self.q * step
        return ((weight.clamp(-edge, edge) - on_grid) ** 2).sum()

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        step = self.step().view(-1, 1, 1, 1)
        if self.frozen is not None:
            scaled = (step - step * self.factor).detach() + step * self.factor
            return self.frozen * scaled
        return _Grid.apply(weight, step, -self.q, self.q, self.factor)


class ActivationStep(nn.Module):
    """Unsigned activations 0..q with one learned step; the input's step is fixed, full scale being
    white.
    """

    def __init__(self, bits: int, is_input: bool):
        super().__init__()
        self.q = 2**bits - 1
        self.is_input, self.calibrating = is_input, False
        self.register_buffer("factor", torch.tensor(1e-3))
        self.s = nn.Parameter(
            torch.tensor(1.0 / self.q if is_input else 0.1), requires_grad=not is_input
        )

    def step(self) -> torch.Tensor:
        return self.s if self.is_input else self.s.abs() + 1e-9

    def calibrate(self, x: torch.Tensor) -> None:
        values = x.detach().flatten()
        values = values[:: max(1, values.numel() // 200_000)]
        largest, best = values.max(), math.inf
        for share in torch.linspace(0.15, 1.0, 35):
            step = largest * share / self.q
            error = float((((values / step).round().clamp(0, self.q) * step - values) ** 2).mean())
            if error < best:
                best = error
                self.s.data.copy_(step)
        self.factor.fill_(1 / math.sqrt(x[0].numel() * self.q))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.calibrating and not self.is_input:
            self.calibrate(x)
        return _Grid.apply(x, self.step(), 0, self.q, self.factor)


class QuantisedNetwork(nn.Module):
    """`Network` with every weight and activation on its grid of `bits`."""

    def __init__(self, network: Network, bits: int):
        super().__init__()
        self.bits, self.L, self.calibrated = bits, network.L, False
        last = len(self.L) - 1
        self.qw = nn.ModuleList(
            [WeightStep(block.c.weight, bits, i == last) for i, block in enumerate(self.L)]
        )
        self.qa = nn.ModuleList([ActivationStep(bits, i == 0) for i in range(len(self.L))])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block, weight, activation in zip(self.L, self.qw, self.qa, strict=True):
            c = block.c
            x = block.finish(F.conv2d(activation(x), weight(c.weight), c.bias, c.stride, c.padding))
        return x[:, :, 0]

    @torch.no_grad()
    def calibrate(self, strips: torch.Tensor) -> None:
        """Sets the activations' steps by least squared error on a batch."""
        self.eval()
        for activation in self.qa:
            activation.calibrating = True
        self(strips)
        for activation in self.qa:
            activation.calibrating = False
        self.calibrated = True

    def unrest(self) -> torch.Tensor:
        """Sum of the layers' `WeightStep.unrest`."""
        pairs = zip(self.L, self.qw, strict=True)
        return torch.stack([weight.unrest(block.c.weight) for block, weight in pairs]).sum()

    def freeze_codes(self) -> None:
        """Weights keep their codes; steps, norms and biases go on learning."""
        for block, weight in zip(self.L, self.qw, strict=True):
            weight.freeze(block.c.weight)
            block.c.weight.requires_grad_(False)

    def step_parameters(self) -> list[nn.Parameter]:
        return [
            p for module in (*self.qw, *self.qa) for p in module.parameters() if p.requires_grad
        ]


def load_archive(network: nn.Module, path: str) -> None:
    """Loads a NumPy archive of a state dict; a step per channel of the last layer is left to be
    searched anew.
    """
    with np.load(path) as archive:
        state = {name: torch.from_numpy(np.asarray(archive[name])) for name in archive.files}
    own = network.state_dict()
    network.load_state_dict(
        {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}, strict=False
    )


def save_archive(network: nn.Module, path: str) -> None:
    """Writes the state dict as a NumPy archive."""
    np.savez_compressed(
        path, **{name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}
    )
