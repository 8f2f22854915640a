"""Training from random weights to archives: the float network, then 4 and 8 bits side by side.

Weights are a function of the recipe, the versions of the software and the device;
`docs/training.md` says what each phase is for.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from . import report
from .augment import changed
from .learner import WARM_STEPS, Learner, cosine, estimate_norms, set_training
from .losses import by_column, by_line, divergence, line_loss
from .network import Network, QuantisedNetwork
from .pool import REFRESH, Batch, Pool
from .recipe import PHASES, Recipe
from .stepper import Stepper
from .stream import CHUNK, Stream
from .validation import Validation

#: Bits of the integer networks, which are trained side by side.
BITS = (4, 8)
#: How far strips are stretched along the line: not while columns are trained, whose labels stay.
STRETCHING = {"columns": 0.003}
USUAL_STRETCHING = 0.02
#: Numbers of batches that are not trained on begin here.
FAR_STEP = 1 << 32


@dataclass
class Run:
    """Where and how a recipe is run: none of it decides the weights."""

    out: Path
    device: torch.device
    jobs: int = 1
    #: Seconds between two checkpoints and validations.
    every: float = 180.0
    #: Strips a profile that are validated on.
    validated: int = 400
    graphs: bool = True
    #: Ends the run at this step of the whole training, as if it had been cut off; for tests.
    cut: int | None = None
    say: Callable[[str], None] = print


def deterministic() -> None:
    """Asks torch for the same bits every time. Set before CUDA starts."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


class Training:
    """The state of a run between two steps."""

    def __init__(self, recipe: Recipe, run: Run):
        self.recipe, self.run = recipe, run
        self.device, self.out = run.device, run.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.index = self.step = 0
        self.learners: list[Learner] = []
        self.steppers: dict[str, Stepper] = {}
        self.teacher: nn.Module | None = None
        self.curves: list[dict] = []
        self.seconds = 0.0
        self.begin = self.last = time.monotonic()
        self.loss_name, self.line_loss = line_loss(self.device)
        self.validation = Validation(run.validated, self.device)
        self.damping = torch.zeros((), device=self.device)
        self.shown = torch.zeros((), device=self.device)
        self.pool = Pool(recipe.pool, recipe.seed, self.device)
        self.stream: Stream | None = None
        self.taken = 0
        #: Strips a second while the pool was first filled.
        self.generator_rate = 0.0
        #: When phases end regardless of their steps, and who sets that; see `deadline`.
        self.ends: dict[int, float] = {}
        self.plan: Callable[[Training], None] = lambda _: None

    # Phases.

    @property
    def phase(self):
        return self.recipe.phases[self.index]

    def enter(self) -> None:
        """Makes the learners of the phase from those of the last."""
        self.last = time.monotonic()
        name, decay = self.phase.name, self.recipe.decay
        if name == "columns":
            torch.manual_seed(self.recipe.seed)
            network = Network().to(self.device)
            self.learners = [Learner("f32", network, decay)]
        elif name == "quantised":
            self.teacher = self.finished(self.learners[0]).requires_grad_(False)
            self.learners = []
            for bits in BITS:
                network = QuantisedNetwork(copy.deepcopy(self.teacher), bits).to(self.device)
                network.requires_grad_(True)
                network.qa[0].s.requires_grad_(False)
                network.calibrate(torch.cat([x for x in self.samples(4)]))
                self.learners.append(Learner(f"u{bits}", network, decay))
        elif name == "frozen":
            networks = [(learner.name, self.finished(learner)) for learner in self.learners]
            for _, network in networks:
                network.freeze_codes()
            self.learners = [Learner(name, network, decay) for name, network in networks]

    def rate(self) -> float:
        """The rate of the coming step."""
        recipe, step, steps = self.recipe, self.step, self.phase.steps
        warm = min(1.0, (step + 1) / WARM_STEPS)
        if self.phase.name == "columns":
            return warm * recipe.rate
        if self.phase.name == "lines":
            return cosine(step, steps, recipe.rate, recipe.rate / 100)
        if self.phase.name == "quantised":
            return warm * cosine(step, steps, recipe.quantised_rate, recipe.quantised_rate / 10)
        return warm * cosine(step, steps, recipe.frozen_rate, recipe.frozen_rate / 100)

    def body(self, batch: Batch) -> None:
        """One step on a batch: no number is read from the device here."""
        name = self.phase.name
        stretching = STRETCHING.get(name, USUAL_STRETCHING)
        x = changed(batch.pixels, batch.uniform, batch.normal, stretching)
        wanted = None
        if self.teacher is not None:
            with torch.no_grad():
                wanted = F.softmax(self.teacher(x), 1)
        for number, learner in enumerate(self.learners):
            logits = learner.network(x)
            if name == "columns":
                loss = by_column(logits, batch.labels)
            else:
                loss = by_line(logits, batch.texts, batch.lengths, self.line_loss)
            if number == 0:
                self.shown.lerp_(loss.detach(), 0.02)
            if wanted is not None:
                loss = loss + self.recipe.distil * divergence(logits, wanted)
            if name == "quantised":
                loss = loss + self.damping * learner.network.unrest()
            learner.learn(loss)

    # Strips.

    def refill(self) -> None:
        """Takes in what the pool holds at this step."""
        wanted = self.recipe.chunks(self.index, self.step, REFRESH)
        first = max(0, wanted - self.pool.size // CHUNK)
        begin, known = time.monotonic(), self.run.jobs
        if self.stream is None:
            self.stream = Stream(self.recipe.seed, first, self.run.jobs)
            self.taken = first
        if self.taken >= wanted:
            return
        for number in range(self.taken, wanted):
            self.pool.put(number, self.stream.take())
            if number - self.taken + 1 == known:
                # Every process has started.
                begin = time.monotonic()
        if not self.generator_rate and wanted - self.taken > 2 * known:
            seconds = time.monotonic() - begin
            self.generator_rate = (wanted - self.taken - known) * CHUNK / seconds
        self.taken = wanted
        self.pool.sort()

    def samples(self, count: int) -> list[torch.Tensor]:
        """Batches that are not trained on, as the networks see them."""
        batches = []
        for number in range(count):
            far = FAR_STEP + number
            width, picks = self.pool.pick(far, self.recipe.batch)
            batch = Batch.empty(self.recipe.batch, width, self.device)
            self.pool.fill(batch, picks, far)
            batches.append(changed(batch.pixels, batch.uniform, batch.normal, USUAL_STRETCHING))
        if len({x.shape for x in batches}) > 1 and count <= 4:
            narrow = min(x.shape[3] for x in batches)
            batches = [x[..., :narrow] for x in batches]
        return batches

    # Steps.

    def finished(self, learner: Learner) -> nn.Module:
        """The averaged network with norms estimated anew."""
        network = learner.averaged()
        estimate_norms(network, self.samples(self.recipe.norm_batches))
        return network

    def go(self) -> bool:
        """Trains from where it stands; `False` if it was cut."""
        if not self.learners:
            self.refill()
            self.enter()
            self.plan(self)
        while True:
            if not self._phase():
                return False
            report.check(self)
            self.steppers.clear()
            if self.index + 1 == len(PHASES):
                break
            self.index, self.step = self.index + 1, 0
            self.enter()
            self.plan(self)
        self.close()
        return True

    def _phase(self) -> bool:
        stepper = self.stepper()
        self.refill()
        while self.step < self.phase.length:
            if self.step % REFRESH == 0:
                self.refill()
                self._look_at_clock()
                if self.step >= self.phase.length:
                    break
            if self.run.cut is not None and self.all_steps() >= self.run.cut:
                self.save()
                self.close()
                return False
            self.one(stepper)
        return True

    def stepper(self) -> Stepper:
        """For the phase as it stands; what it has recorded is kept."""
        for learner in self.learners:
            set_training(learner.network, self.phase.name != "frozen")
        name = self.phase.name
        if name not in self.steppers:
            self.steppers[name] = Stepper(
                self.body, self.recipe.batch, self.device, self.run.graphs
            )
        return self.steppers[name]

    def one(self, stepper: Stepper) -> None:
        """One step."""
        step = self.all_steps()
        rate = self.rate()
        rise = 1 - cosine(self.step, self.phase.steps, 1.0, 0.0)
        self.damping.fill_(self.recipe.damping * rise)
        for learner in self.learners:
            learner.set_rate(rate)
        width, picks = self.pool.pick(step, self.recipe.batch)
        stepper.run(self.pool, width, picks, step)
        for learner in self.learners:
            learner.follow(self.step, self.recipe.average)
        self.step += 1

    def all_steps(self) -> int:
        """Steps of the whole training so far."""
        return self.recipe.first_step(self.index) + self.step

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        if now > self.ends.get(self.index, float("inf")) and self.step > 0:
            self.recipe = self.recipe.with_phase(self.index, stop=self.step)
        elif now - self.last > self.run.every:
            report.check(self)
            self.save()
            for learner in self.learners:
                set_training(learner.network, self.phase.name != "frozen")
            self.last = time.monotonic()

    def elapsed(self) -> float:
        """Seconds of training, earlier pieces included."""
        return self.seconds + time.monotonic() - self.begin

    def close(self) -> None:
        """Ends the processes that make strips."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def save(self) -> None:
        """Writes a checkpoint."""
        from .checkpoint import save

        save(self)
