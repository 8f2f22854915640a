"""What a training does, step by step: written to the run's manifest, from which it is repeated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

#: The phases in their order. `columns` and `lines` train the float network by its two losses,
#: `quantised` the 4-bit and the 8-bit network side by side, `frozen` these with fixed codes.
PHASES = ("columns", "lines", "quantised", "frozen")


@dataclass(frozen=True)
class Phase:
    """`steps` is what the schedule of rates spans; `stop` is where the phase ends, earlier only if
    a deadline cut it. `fresh` chunks of strips come in every 32 steps.
    """

    name: str
    steps: int
    fresh: float
    stop: int = -1

    @property
    def length(self) -> int:
        return self.steps if self.stop < 0 else self.stop


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights, but for versions of software and the device."""

    seed: int = 1
    batch: int = 32
    #: Strips in the pool; what is there before the first step, in chunks of 64.
    pool: int = 16_384
    warm: int = 32
    rate: float = 2e-3
    quantised_rate: float = 1.4e-3
    frozen_rate: float = 5e-4
    decay: float = 1e-4
    #: Weight of the divergence from the float network.
    distil: float = 1.0
    #: Weight of the damping of oscillations at its end.
    damping: float = 1e-2
    #: Share of a step by which averaged weights follow.
    average: float = 2e-3
    #: Batches from which the statistics of batch norm are estimated.
    norm_batches: int = 60
    phases: tuple[Phase, ...] = (
        Phase("columns", 12_000, 1.0),
        Phase("lines", 24_000, 1.0),
        Phase("quantised", 24_000, 1.5),
        Phase("frozen", 6_000, 1.5),
    )

    def to_json(self) -> dict:
        return asdict(self)

    @staticmethod
    def from_json(value: dict) -> Recipe:
        """The inverse of `to_json`."""
        phases = tuple(Phase(**phase) for phase in value["phases"])
        return Recipe(**{**value, "phases": phases})

    def with_phase(self, index: int, **changes: float) -> Recipe:
        """With one phase changed."""
        phases = list(self.phases)
        phases[index] = replace(phases[index], **changes)
        return replace(self, phases=tuple(phases))

    def first_step(self, index: int) -> int:
        """The step of the whole training at which a phase begins."""
        return sum(phase.length for phase in self.phases[:index])

    def chunks(self, index: int, step: int, refresh: int) -> int:
        """Chunks of the stream taken by `step` of phase `index`, that step's own included."""
        taken = float(self.warm)
        for phase in self.phases[:index]:
            taken += phase.length // refresh * phase.fresh
        return int(taken + step // refresh * self.phases[index].fresh)
