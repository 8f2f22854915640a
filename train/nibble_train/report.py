"""What a training writes while it runs: validation, archives, the manifest and the curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from . import manifest, plot
from .network import QuantisedNetwork, save_archive
from .stream import CHUNK

if TYPE_CHECKING:
    from .training import Training


def check(training: Training) -> None:
    """Validates the averaged networks, writes their archives, the curves and the manifest."""
    for learner in training.learners:
        network = training.finished(learner)
        scores = training.validation.of(network, training.line_loss)
        entry = {"step": training.all_steps(), "seconds": round(training.elapsed(), 1)}
        entry |= {"phase": training.phase.name, "precision": learner.name, "profiles": scores}
        training.curves.append(entry)
        training.run.say(
            f"{training.phase.name:9} {training.step:6} of {training.phase.steps} "
            f"{training.elapsed():6.0f} s  loss {float(training.shown):.4f}  {learner.name} "
            + "  ".join(
                f"{profile} {score['characters_percent']:.3f} / {score['lines_percent']:.2f}"
                for profile, score in scores.items()
            ),
        )
        path = training.out / f"{learner.name}.npz"
        save_archive(settled(network), str(path))
    write(training)


def write(training: Training) -> None:
    """The manifest and the plot."""
    progress = {
        "phase": training.phase.name,
        "step": training.step,
        "steps": training.all_steps(),
        "seconds": round(training.elapsed(), 1),
        "strips": training.taken * CHUNK,
        "generator_strips_a_second": round(training.generator_rate),
        "generator_processes": training.run.jobs,
        "strips_waited_for_seconds": round(training.stream.waited, 1) if training.stream else 0.0,
    }
    about = manifest.surroundings(training.device, training.loss_name)
    manifest.write(training.out, training.recipe, about, progress, training.curves)
    (training.out / "curves.svg").write_text(plot.curves(training.curves))


def settled(network: nn.Module) -> nn.Module:
    """With frozen weights on their codes, as export expects them."""
    if isinstance(network, QuantisedNetwork):
        with torch.no_grad():
            for block, weight in zip(network.L, network.qw, strict=True):
                if weight.frozen is not None:
                    block.c.weight.copy_(weight.frozen * weight.step().view(-1, 1, 1, 1))
    return network
