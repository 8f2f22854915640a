"""Model files as networks that can be trained on: batch norm, which export folds away, is put back
with the statistics that strips have now.

The networks compute what the files compute. ReLU does not care how a channel is scaled, so weights
are brought to the size that training expects, and the norm undoes it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .integer import Convolution, Model
from .network import Block, Network, QuantisedNetwork

#: Root mean square of a channel's weights after training from nothing, and the usual step of an
#: activation.
WEIGHT_SIZE, ACTIVATION_STEP = 0.13, 0.18


def _weights(layer: Convolution) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights `[out, in, kh, kw]` of channels of the usual size, and what each channel was
    multiplied by.
    """
    weight = torch.tensor(layer.weight, dtype=torch.float32).permute(0, 3, 1, 2)
    factor = WEIGHT_SIZE / weight.flatten(1).square().mean(1).sqrt().clamp(min=1e-6)
    return weight * factor.view(-1, 1, 1, 1), factor


def _set_norm(block: Block, seen: torch.Tensor, gain: torch.Tensor, offset: torch.Tensor) -> None:
    """Makes the norm compute `gain * z + offset` for convolutions `z` as seen, `[n, out, h, w]`."""
    norm = block.bn
    norm.running_mean.copy_(seen.mean((0, 2, 3)))
    norm.running_var.copy_(seen.var((0, 2, 3)))
    norm.weight.copy_(gain * (norm.running_var + norm.eps).sqrt())
    norm.bias.copy_(offset + gain * norm.running_mean)


@torch.no_grad()
def float_network(model: Model, strips: torch.Tensor) -> Network:
    """The network of a float model file; `strips` as in `Network`."""
    network, x = Network().eval(), strips
    for block, layer in zip(network.L, model.convolutions, strict=True):
        bias = torch.tensor(layer.bias, dtype=torch.float32)
        if block.bn is None:
            block.c.weight.copy_(
                torch.tensor(layer.weight, dtype=torch.float32).permute(0, 3, 1, 2)
            )
            block.c.bias.copy_(bias)
            return network
        weight, factor = _weights(layer)
        block.c.weight.copy_(weight)
        _set_norm(block, block.c(x), 1 / factor, bias)
        x = block(x)
    raise ValueError("a network ends with a convolution")


@torch.no_grad()
def quantised_network(model: Model, strips: torch.Tensor) -> QuantisedNetwork:
    """The network of an integer model file; `strips` as in `Network`."""
    bits = model.convolutions[0].activation_bits
    network, x = QuantisedNetwork(Network(), bits).eval(), strips
    for activation in network.qa[1:]:
        activation.s.fill_(ACTIVATION_STEP)
    for index, (block, layer) in enumerate(zip(network.L, model.convolutions, strict=True)):
        bias, scale = torch.tensor(layer.bias, dtype=torch.float32), torch.tensor(layer.scale)
        weight_step, activation = network.qw[index], network.qa[index]
        codes = torch.tensor(layer.weight, dtype=torch.float32).permute(0, 3, 1, 2)
        if block.bn is None:
            weight_step.s.copy_(scale / activation.step())
            block.c.weight.copy_(codes * weight_step.s)
            block.c.bias.copy_(bias * scale)
            activation.factor.fill_((x[0].numel() * activation.q) ** -0.5)
            network.calibrated = True
            return network
        weight, step = _weights(layer)
        block.c.weight.copy_(weight)
        weight_step.s.copy_(step)
        following = network.qa[index + 1].step() * scale
        # Steps are not exactly what was set: `step()` adds a trifle against division by zero.
        z = F.conv2d(
            activation(x), weight_step(block.c.weight), None, block.c.stride, block.c.padding
        )
        _set_norm(block, z, following / (step * activation.step()), following * bias)
        activation.factor.fill_((x[0].numel() * activation.q) ** -0.5)
        x = block.finish(z)
    raise ValueError("a network ends with a convolution")
