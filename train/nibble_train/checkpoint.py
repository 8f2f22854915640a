"""Training in pieces: a checkpoint has all that the next step depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .learner import Learner
from .network import Network, QuantisedNetwork
from .recipe import Recipe

if TYPE_CHECKING:
    from .training import Training

NAME = "checkpoint.pt"


def save(training: Training) -> None:
    """Writes `checkpoint.pt`; a run that is cut off while it writes leaves the last one."""
    state = {
        "recipe": training.recipe.to_json(),
        "index": training.index,
        "step": training.step,
        "seconds": training.elapsed(),
        "curves": training.curves,
        "shown": training.shown,
        "learners": {learner.name: learner.state() for learner in training.learners},
        "teacher": None if training.teacher is None else training.teacher.state_dict(),
        "frozen": {
            learner.name: [weight.frozen for weight in learner.network.qw]
            for learner in training.learners
            if isinstance(learner.network, QuantisedNetwork)
        },
    }
    path = training.out / NAME
    partial = path.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(path)


def load(training: Training) -> bool:
    """Goes on from `checkpoint.pt`; `False` if there is none. The pool is made again by the first
    step, from the stream.
    """
    path = training.out / NAME
    if not path.exists():
        return False
    device = training.device
    state = torch.load(path, map_location=device, weights_only=True)
    training.recipe = Recipe.from_json(state["recipe"])
    training.index, training.step = state["index"], state["step"]
    training.seconds, training.curves = state["seconds"], state["curves"]
    training.shown.copy_(state["shown"])
    if state["teacher"] is not None:
        training.teacher = Network().to(device).requires_grad_(False).eval()
        training.teacher.load_state_dict(state["teacher"])
    training.learners = []
    for name, kept in state["learners"].items():
        network = Network() if name == "f32" else QuantisedNetwork(Network(), int(name[1:]))
        network = network.to(device)
        if name != "f32":
            network.calibrated = True
            network.load_state_dict(kept["network"])
            if state["frozen"][name][0] is not None:
                network.freeze_codes()
                for weight, codes in zip(network.qw, state["frozen"][name], strict=True):
                    weight.frozen = codes
        learner = Learner(name, network, training.recipe.decay)
        learner.restore(kept)
        training.learners.append(learner)
    return True
