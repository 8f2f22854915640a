"""Numbers of steps that fit a deadline, from what the machine does in the first seconds.

The manifest holds the numbers that come out, so that the run can be repeated without a deadline.
"""

from __future__ import annotations

import copy
import math
import time
from typing import TYPE_CHECKING

import torch

from .pool import REFRESH
from .recipe import PHASES
from .stream import CHUNK
from .training import FAR_STEP

if TYPE_CHECKING:
    from .training import Training

#: Shares of the time until the float network is done, and of the steps of its first phase.
FLOAT_SHARE, COLUMNS_SHARE = 0.43, 0.12
#: Share of the steps of the integer networks that have frozen codes.
FROZEN_SHARE = 0.2
#: Seconds kept for estimating norms, validation and archives, for every deadline of ten minutes.
RESERVE = 24 / 600
#: Strips are asked for somewhat slower than they are made.
ASKED = 0.85
#: Share of the time that steps are planned for; validations take the rest.
PLANNED = 0.92
#: Steps of a measurement, or share of the time if that is over before; half of it isn't counted.
MEASURED, MEASURED_SHARE = 500, 0.04


class Deadline:
    """Plans the phases of a training that is to end `seconds` after now."""

    def __init__(self, seconds: float):
        self.seconds, self.begin = seconds, time.monotonic()

    def __call__(self, training: Training) -> None:
        name = training.phase.name
        reserve = RESERVE * self.seconds
        if name == "columns":
            end = self.begin + FLOAT_SHARE * self.seconds
            self._share(training, ("columns", "lines"), 1 - COLUMNS_SHARE, end - reserve)
        elif name == "quantised":
            end = self.begin + self.seconds
            self._share(training, ("quantised", "frozen"), FROZEN_SHARE, end - 1.5 * reserve)

    def go_on(self, training: Training) -> None:
        """Sets when the phases end of a training that goes on from a checkpoint."""
        is_float = training.phase.name in PHASES[:2]
        share = FLOAT_SHARE if is_float else 1.0
        pair = range(0, 2) if is_float else range(2, 4)
        now, end = time.monotonic(), self.begin + (share - 1.5 * RESERVE) * self.seconds
        lengths = {index: training.recipe.phases[index].length for index in pair}
        left = sum(length for index, length in lengths.items() if index >= training.index)
        left, seen = max(1, left - training.step), -training.step
        for index in pair:
            if index >= training.index:
                seen += lengths[index]
                training.ends[index] = now + (end - now) * seen / left

    def _share(self, training: Training, names: tuple[str, str], second: float, end: float) -> None:
        """Two phases until `end`, the second having a share of the steps."""
        first = PHASES.index(names[0])
        measured = first + 1 if names[1] == "lines" else first
        seconds_a_step = self._measure(training, measured)
        now = time.monotonic()
        steps = max(4 * REFRESH, (end - now) / seconds_a_step * PLANNED)
        fresh = ASKED * training.generator_rate * seconds_a_step * REFRESH / CHUNK
        fresh = math.floor(fresh * 100) / 100
        for index, share in ((first, 1 - second), (first + 1, second)):
            length = max(REFRESH, int(steps * share) // REFRESH * REFRESH)
            training.recipe = training.recipe.with_phase(index, steps=length, fresh=fresh)
        training.ends[first] = now + (end - now) * (1 - second) * 1.03
        training.ends[first + 1] = end
        training.run.say(
            f"{names[0]} and {names[1]}: {1 / seconds_a_step:.1f} steps a second, "
            f"{training.generator_rate:.0f} strips a second; {int(steps)} steps, "
            f"{fresh} chunks in {REFRESH}"
        )

    def _measure(self, training: Training, index: int) -> float:
        """Seconds a step of a phase; leaves everything as it was."""
        kept = copy.deepcopy([learner.state() for learner in training.learners])
        shown, own = training.shown.clone(), (training.index, training.step)
        training.index = index
        stepper, limit = training.stepper(), MEASURED_SHARE * self.seconds
        begin = time.monotonic()
        half, counted, middle = begin, 0, False
        for number in range(MEASURED):
            share = max(number / MEASURED, (time.monotonic() - begin) / limit)
            if share >= 1 and counted:
                break
            if share >= 0.5 and not middle:
                _wait(training)
                half, middle = time.monotonic(), True
            counted += middle
            step = FAR_STEP + 1000 + number
            for learner in training.learners:
                learner.set_rate(1e-5)
            stepper.run(training.pool, *training.pool.pick(step, training.recipe.batch), step)
            for learner in training.learners:
                learner.follow(number, training.recipe.average)
        _wait(training)
        seconds = (time.monotonic() - half) / counted
        training.run.say(f"measured in {time.monotonic() - begin:.1f} s")
        training.index, training.step = own
        training.shown.copy_(shown)
        for learner, state in zip(training.learners, kept, strict=True):
            learner.restore(state)
        return seconds


def _wait(training: Training) -> None:
    if training.device.type == "cuda":
        torch.cuda.synchronize(training.device)
