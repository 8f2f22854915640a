"""What the shape of a graph decides: which values have codes, of how many bits and of what sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .graph import GraphError

#: The largest weight for each number of bits.
MAX_WEIGHTS = {4: 7, 8: 127}
#: Operations whose output has the codes of their input.
PASSING = ("max_pool", "global_max_pool", "upsample_nearest", "flatten")


class Step(Protocol):
    """A node of a graph to be. Its value has its name."""

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def inputs(self) -> list[str]: ...
    @property
    def attributes(self) -> dict[str, Any]: ...
    @property
    def is_layer(self) -> bool: ...


@dataclass
class Plan:
    """What each value is: a value that is neither in `codes_of` nor in `endings` has no codes."""

    #: Layers whose sums are not quantised.
    endings: set[str]
    #: The value whose codes each value has: its own name, or that of the value that it passes on.
    codes_of: dict[str, str]
    #: The number of bits of codes, by the value that makes them.
    bits: dict[str, int]
    #: Values that are never negative.
    positive: set[str]


def plan(
    steps: Sequence[Step], sources: Sequence[str], bits: int, layer_bits: Mapping[str, int]
) -> Plan:
    """Plans the codes of all values but `sources`, which the network reads.

    `layer_bits` has the bits of each layer.
    """
    readers = readers_of(steps, sources)
    found = Plan(set(), {}, {}, set())
    for step in steps:
        if is_positive(step, found.positive):
            found.positive.add(step.name)
        # Nothing but the end reads its sums: they are not quantised.
        ends = all(reader.op in ("softmax", "argmax") for reader in readers[step.name])
        if step.is_layer and ends and step.attributes["activation"] == "none":
            found.endings.add(step.name)
        elif step.op in ("softmax", "argmax"):
            continue
        elif step.op in PASSING:
            if step.inputs[0] in found.codes_of:
                found.codes_of[step.name] = found.codes_of[step.inputs[0]]
        else:
            wanted = [layer_bits[layer.name] for layer in layers_behind(step.name, readers)]
            # What no layer reads is a result, and is worth eight bits.
            inner = reaches_layer(step.name, readers)
            found.bits[step.name] = max(wanted, default=bits if inner else 8)
            found.codes_of[step.name] = step.name
    return found


def is_positive(step: Step, positive: set[str]) -> bool:
    """Whether no value of the step's output is negative."""
    if step.attributes.get("activation") in ("relu", "relu6"):
        return True
    if step.op in ("relu", "relu6", "hard_sigmoid"):
        return True
    passing = (
        *PASSING,
        "average_pool",
        "global_average_pool",
        "add",
        "concat",
        "upsample_bilinear",
    )
    return step.op in passing and all(name in positive for name in step.inputs)


def readers_of(steps: Sequence[Step], sources: Sequence[str]) -> dict[str, list[Step]]:
    """The steps that read each value."""
    readers: dict[str, list[Step]] = {name: [] for name in sources}
    readers |= {step.name: [] for step in steps}
    for step in steps:
        for name in step.inputs:
            readers[name].append(step)
    return readers


def layers_behind(name: str, readers: dict[str, list[Step]]) -> list[Step]:
    """The layers that read the codes of a value."""
    found = []
    for reader in readers[name]:
        if reader.is_layer:
            found.append(reader)
        elif reader.op in PASSING:
            found += layers_behind(reader.name, readers)
    return found


def reaches_layer(name: str, readers: dict[str, list[Step]]) -> bool:
    """Whether a layer depends on a value."""
    pending, seen = [name], set()
    while pending:
        for reader in readers[pending.pop()]:
            if reader.is_layer:
                return True
            if reader.name not in seen:
                seen.add(reader.name)
                pending.append(reader.name)
    return False


def bits_of_layers(
    steps: Sequence[Step], bits: int, keep: Mapping[str, int] | None
) -> dict[str, int]:
    """The bits of each layer: `bits`, but for those that `keep` names."""
    names = [step.name for step in steps if step.is_layer]
    if not names:
        raise GraphError("the network has no convolution and no fully connected layer")
    found = dict.fromkeys(names, bits)
    for name, kept in (keep or {}).items():
        place = {"first": names[0], "last": names[-1]}.get(name, name)
        if place not in found:
            raise GraphError(f"keep: there is no layer `{name}`; there are {', '.join(names)}")
        if kept not in MAX_WEIGHTS or bits == 32:
            raise GraphError(f"keep: layer `{name}` cannot have {kept} bits")
        found[place] = kept
    return found
