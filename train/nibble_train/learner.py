"""A network under training: its optimiser and the average of its weights."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from .network import QuantisedNetwork

#: Steps between two updates of the average.
AVERAGE_EVERY = 4
MAX_GRADIENT = 1.0
WARM_STEPS = 200


class Learner:
    """AdamW over a network; learned step sizes move at half the rate without decay."""

    def __init__(self, name: str, network: nn.Module, decay: float):
        self.name, self.network = name, network
        steps = network.step_parameters() if isinstance(network, QuantisedNetwork) else []
        known = {id(p) for p in steps}
        rest = [p for p in network.parameters() if p.requires_grad and id(p) not in known]
        self.shares = [1.0]
        groups: list[dict] = [{"params": rest}]
        if steps:
            self.shares.append(0.5)
            groups.append({"params": steps, "weight_decay": 0.0})
        self.parameters = [p for group in groups for p in group["params"]]
        device = rest[0].device
        self.on_gpu = device.type == "cuda"
        # On a GPU the rate is read there, so that a recorded step follows it.
        rate = torch.zeros((), device=device) if self.on_gpu else 0.0
        options = {"fused": True, "capturable": True} if self.on_gpu else {}
        self.optimiser = torch.optim.AdamW(groups, rate, weight_decay=decay, **options)
        if self.on_gpu:
            for group in self.optimiser.param_groups:
                group["lr"] = torch.zeros((), device=device)
        self.average = [p.detach().clone() for p in self.parameters]

    def set_rate(self, rate: float) -> None:
        """Sets the rate of the next step."""
        for group, share in zip(self.optimiser.param_groups, self.shares, strict=True):
            if self.on_gpu:
                group["lr"].fill_(rate * share)
            else:
                group["lr"] = rate * share

    def learn(self, loss: torch.Tensor) -> None:
        """One step down a loss."""
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, MAX_GRADIENT)
        self.optimiser.step()

    @torch.no_grad()
    def follow(self, step: int, share: float) -> None:
        """Moves the average towards the weights; at first it is their mean."""
        if step % AVERAGE_EVERY == 0:
            weight = max(AVERAGE_EVERY * share, 1 / (step / AVERAGE_EVERY + 1))
            torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], weight)

    @torch.no_grad()
    def averaged(self) -> nn.Module:
        """A copy of the network with the averaged weights."""
        network = copy.deepcopy(self.network)
        places = {id(p): name for name, p in self.network.named_parameters()}
        own = dict(network.named_parameters())
        for parameter, value in zip(self.parameters, self.average, strict=True):
            own[places[id(parameter)]].copy_(value)
        return network

    def state(self) -> dict:
        """All that a checkpoint must hold."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
        }

    @torch.no_grad()
    def restore(self, state: dict) -> None:
        """Writes a state into the tensors that are there, so that recorded steps still see them."""
        self.network.load_state_dict(state["network"])
        for own, kept in zip(self.average, state["average"], strict=True):
            own.copy_(kept)
        kept = state["optimiser"]["state"]
        if not self.optimiser.state and kept:
            rates = [group["lr"] for group in self.optimiser.param_groups]
            self.optimiser.load_state_dict(state["optimiser"])
            for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
                group["lr"] = rate
            return
        for number, parameter in enumerate(self.parameters):
            for name, own in self.optimiser.state[parameter].items():
                if number in kept:
                    own.copy_(kept[number][name])
                else:
                    own.zero_()


def cosine(step: int, steps: int, begin: float, end: float) -> float:
    """From `begin` to `end` over `steps`."""
    share = min(1.0, step / max(1, steps))
    return end + (begin - end) * 0.5 * (1 + math.cos(math.pi * share))


def set_training(network: nn.Module, norms: bool) -> None:
    """Training mode; without `norms`, batch norm keeps its statistics."""
    network.train()
    if not norms:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


@torch.no_grad()
def estimate_norms(network: nn.Module, batches: list[torch.Tensor]) -> None:
    """Sets batch norm's statistics to the mean of those of the batches."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    network.train()
    for batch in batches:
        network(batch)
    network.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
