"""The training loop: steps of a stage, its learning rate, the average of its weights."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .augment import prepared
from .chunks import Pool, Producers
from .network import QuantisedNetwork
from .targets import loss, targets

#: A deadline sets the number of steps by the rate from step `PROBE_FROM` on, known at the earliest
#: at step `PROBE_TO` and after `PROBE_SHARE` of the time.
PROBE_FROM, PROBE_TO, PROBE_SHARE = 60, 120, 0.08
#: Steps over which the learning rate rises.
WARM_UP = 200
#: Share of the steps from which weights are averaged, and from which batch norm stands still in a
#: quantised network.
AVERAGED_FROM, STILL_FROM = 0.5, 0.75


@dataclass
class Stage:
    """A stage of training. Without `steps`, `seconds` set them by the measured rate."""

    name: str
    bits: int
    rate: float
    seed: int
    batch: int
    steps: int | None = None
    seconds: float | None = None


@dataclass
class Supply:
    """How many chunks the pool holds at a step: `warm`, and from step `fresh_from` on `fresh` for
    each step since the beginning, up to `limit`. Steps count on from stage to stage.
    """

    producers: Producers
    pool: Pool
    limit: int
    warm: int
    fresh: float | None = None
    fresh_from: int = 0
    steps: int = 0

    def at(self, step: int) -> None:
        """Fills the pool for `step` of all stages; waits where chunks are late."""
        fresh = (self.fresh or 0.0) if step >= self.fresh_from else 0.0
        wanted = min(self.limit, self.warm + int(step * fresh))
        while self.pool.chunks < wanted:
            self.pool.add(*self.producers.take(self.pool.chunks))


class Average:
    """The mean of the weights over the last hundred steps, exponentially."""

    def __init__(self, network: nn.Module):
        self.network = copy.deepcopy(network)

    @torch.no_grad()
    def follow(self, network: nn.Module, share: float) -> None:
        pairs = zip(self.network.state_dict().values(), network.state_dict().values(), strict=True)
        mine, theirs = [], []
        for a, b in pairs:
            if a.dtype.is_floating_point:
                mine.append(a)
                theirs.append(b)
            else:
                a.copy_(b)
        torch._foreach_lerp_(mine, theirs, share)


def rate_at(stage: Stage, step: int) -> float:
    """The learning rate: rises, then falls as a cosine."""
    rise = min(1.0, (step + 1) / WARM_UP)
    progress = step / stage.steps if stage.steps else 0.0
    return stage.rate * rise * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))) + 1e-6


def optimiser_of(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    """AdamW; learned steps move at half the rate and do not decay."""
    steps = network.step_parameters() if isinstance(network, QuantisedNetwork) else []
    known = {id(p) for p in steps}
    weights = [p for p in network.parameters() if id(p) not in known and p.requires_grad]
    groups = [{"params": weights, "share": 1.0}]
    if steps:
        groups.append({"params": steps, "share": 0.5, "weight_decay": 0.0})
    fused = next(network.parameters()).is_cuda
    return torch.optim.AdamW(groups, rate, weight_decay=1e-4, fused=fused)


def train(
    network: nn.Module,
    stage: Stage,
    supply: Supply,
    report: Callable[[str, nn.Module | None, Callable[[], dict] | None], None],
    every: float = 60.0,
    resume: dict | None = None,
) -> nn.Module:
    """Trains a network in place; returns the average of its weights. `report` gets lines of text;
    every `every` seconds also that average, and a function of the state to go on from.
    """
    device = next(network.parameters()).device
    pool = supply.pool
    supply.at(supply.steps)
    if isinstance(network, QuantisedNetwork) and not network.calibrated:
        images, zones = pool.batch(np.random.default_rng([stage.seed, 1]), 64)
        network.calibrate(prepared(images, zones, np.random.default_rng([stage.seed, 2]))[0])
    optimiser = optimiser_of(network, stage.rate)
    average = Average(network)
    step, base = 0, supply.steps
    if resume:
        step = resume["step"]
        network.load_state_dict(resume["network"])
        average.network.load_state_dict(resume["average"])
        optimiser.load_state_dict(resume["optimiser"])

    def state() -> dict:
        return {
            "stage": stage.name,
            "step": step,
            "steps": stage.steps,
            "fresh": supply.fresh,
            "fresh_from": supply.fresh_from,
            "base": base,
            "network": network.state_dict(),
            "average": average.network.state_dict(),
            "optimiser": optimiser.state_dict(),
        }

    begin, shown, mean = time.monotonic(), time.monotonic(), None
    probe = begin
    while stage.steps is None or step < stage.steps:
        if stage.steps is None and step == PROBE_FROM:
            _settle(device)
            probe = time.monotonic()
        elapsed = time.monotonic() - begin
        if stage.steps is None and step >= PROBE_TO and elapsed > PROBE_SHARE * stage.seconds:
            _settle(device)
            now = time.monotonic()
            pace = (step - PROBE_FROM) / (now - probe)
            stage.steps = step + max(1, int(pace * (stage.seconds - (now - begin)) * 0.97))
            if supply.fresh is None:
                supply.fresh = round(0.93 * supply.producers.rate() / pace, 4)
                supply.fresh_from = base + step
            report(f"{pace:.1f} steps a second: {stage.steps} steps", None, None)
        supply.at(base + step)
        rng = np.random.default_rng([stage.seed, 3, step])
        images, zones = pool.batch(rng, stage.batch)
        x, zones = prepared(images, zones, rng)
        network.train()
        progress = step / stage.steps if stage.steps else 0.0
        if isinstance(network, QuantisedNetwork) and progress > STILL_FROM:
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        for group in optimiser.param_groups:
            group["lr"] = group["share"] * rate_at(stage, step)
        out = network(x)
        total, parts = loss(out, targets(zones, *out.shape[2:]))
        optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        step += 1
        average.follow(network, 0.01 if progress > AVERAGED_FROM else 1.0)
        mean = parts if mean is None else 0.98 * mean + 0.02 * parts
        if time.monotonic() - shown > every:
            shown = time.monotonic()
            report(_line(stage, step, mean, pool, shown - begin), average.network, state)
        if stage.seconds and time.monotonic() - begin > 1.06 * stage.seconds:
            stage.steps = step
            report("cut: the time is over", None, None)
    supply.steps = base + step
    _settle(device)
    report(_line(stage, step, mean, pool, time.monotonic() - begin), average.network, state)
    return average.network


def _line(stage: Stage, step: int, mean: torch.Tensor, pool: Pool, seconds: float) -> str:
    zone, geometry, three, way = mean.tolist()
    return (
        f"{stage.name} step {step} of {stage.steps} loss zone {zone:.4f} geometry {geometry:.4f} "
        f"three {three:.3f} way up {way:.3f} chunks {pool.chunks} seconds {seconds:.0f}"
    )


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
