"""The locator in PyTorch: plain convolutions on 16 codes of local contrast, a cell of the output
for 8 x 8 pixels; float, and with learned step sizes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..network import ActivationStep, Block, WeightStep

STRIDE = 8
#: Channels, kernel, stride, padding of each layer.
LAYERS = (
    (24, 8, 4, 2),
    (24, 3, 2, 1),
    (24, 3, 1, 1),
    (24, 3, 1, 1),
    (24, 3, 1, 1),
    (32, 3, 1, 1),
    (9, 1, 1, 0),
)
#: Outputs of a cell: logit of being in a zone; cosine and sine of twice the angle of its lines;
#: vector to its axis and half its thickness, in cells; logit of three lines; cosine and sine of
#: the angle.
ZONE, COS2, SIN2, DX, DY, HALF, THREE, COS, SIN = range(9)
OUTPUTS = 9


class Network(nn.Module):
    """Codes / 15, `[n, 1, rows, columns]` with sides that are multiples of 8, to maps
    `[n, 9, rows / 8, columns / 8]`.
    """

    def __init__(self):
        super().__init__()
        inputs, blocks = 1, []
        for index, (outputs, k, s, p) in enumerate(LAYERS):
            last = index + 1 == len(LAYERS)
            blocks.append(Block(inputs, outputs, (k, k), (s, s), (p, p), last))
            inputs = outputs
        self.L = nn.ModuleList(blocks)
        self.L[-1].c.bias.data[ZONE] = -2.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.L:
            x = block(x)
        return x


class QuantisedNetwork(nn.Module):
    """`Network` with every weight and activation on its grid of `bits`; the input's codes are 4
    bits at any precision.
    """

    def __init__(self, network: Network, bits: int):
        super().__init__()
        self.bits, self.L, self.calibrated = bits, network.L, False
        self.qw = nn.ModuleList([WeightStep(block.c.weight, bits, False) for block in self.L])
        self.qa = nn.ModuleList(
            [ActivationStep(4 if i == 0 else bits, i == 0) for i in range(len(self.L))]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block, weight, activation in zip(self.L, self.qw, self.qa, strict=True):
            c = block.c
            x = block.finish(F.conv2d(activation(x), weight(c.weight), c.bias, c.stride, c.padding))
        return x

    @torch.no_grad()
    def calibrate(self, x: torch.Tensor) -> None:
        """Sets the activations' steps by least squared error on a batch."""
        self.eval()
        for activation in self.qa:
            activation.calibrating = True
        self(x)
        for activation in self.qa:
            activation.calibrating = False
        self.calibrated = True

    def step_parameters(self) -> list[nn.Parameter]:
        return [p for m in (*self.qw, *self.qa) for p in m.parameters() if p.requires_grad]


def multiply_adds(rows: int, columns: int) -> int:
    """Multiply-adds of a picture."""
    total, inputs = 0, 1
    for outputs, k, s, p in LAYERS:
        rows, columns = (rows + 2 * p - k) // s + 1, (columns + 2 * p - k) // s + 1
        total += rows * columns * outputs * k * k * inputs
        inputs = outputs
    return total
