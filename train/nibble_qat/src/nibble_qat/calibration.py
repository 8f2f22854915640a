"""Turns a graph of single precision into one of integers, by calibration, without training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .graph import TOPS, Graph, GraphError, Node, Tensor
from .integers import F32, Values, reals, run
from .structure import MAX_WEIGHTS, PASSING, Plan, bits_of_layers, plan

#: Step sizes tried, as shares of the largest one.
SHARES = np.linspace(0.2, 1.0, 33)
#: Values of a tensor that its step is fitted to.
MAX_FITTED = 50_000


@dataclass
class Known:
    """Steps and zero points of a network that is quantised already; used where bits agree."""

    #: Step and zero point of 8-bit codes, by the name of the value.
    codes: dict[str, tuple[float, int]] = field(default_factory=dict)
    #: Steps of the 8-bit weights of each output channel, by the name of the layer.
    weights: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Loss:
    """The loss of a value by quantisation: the ratio of signal to error, in decibels."""

    node: str
    op: str
    #: Bits of the weights, of a layer; otherwise of the codes.
    bits: str
    decibels: float


def fitted(values: np.ndarray, low: int, high: int) -> np.ndarray:
    """The step with the least squared error of each row's codes, which are `low` to `high`."""
    full = values.max(1) / max(high, 1)
    if low < 0:
        full = np.maximum(full, values.min(1) / low)
    full = np.maximum(full, 1e-7)
    best, least = full, np.full_like(full, np.inf)
    for share in SHARES:
        step = full * share
        codes = np.clip(np.rint(values / step[:, None]), low, high)
        error = np.square(codes * step[:, None] - values).mean(1)
        best = np.where(error < least, step, best)
        least = np.minimum(error, least)
    return best


def fitted_codes(values: np.ndarray, bits: int, positive: bool) -> tuple[float, int]:
    """The step and the zero point of the codes of values."""
    values, top = values.astype(np.float64).ravel(), TOPS[f"u{bits}"]
    if len(values) > MAX_FITTED:
        values = values[:: len(values) // MAX_FITTED]
    zero = 0
    if not positive:
        low, high = min(values.min(), 0.0), max(values.max(), 0.0)
        zero = round(-low / max(high - low, 1e-6) * top)
    return float(F32(fitted(values[None], -zero, top - zero)[0])), zero


def calibrate(
    graph: Graph,
    images: Sequence[Values],
    bits: int = 8,
    keep: Mapping[str, int] | None = None,
    known: Known | None = None,
) -> Graph:
    """A graph of integers from one of single precision.

    Each node of `graph` has the name of its output. Steps are fitted to the values that `images`
    give; each of these is an array, or holds an array for each input by name. Biases are corrected
    by the mean error that rounded weights cause. `keep` gives single layers another number of bits,
    by name, or as `first` and `last`.
    """
    if bits not in MAX_WEIGHTS:
        raise GraphError(f"bits must be 4 or 8, not {bits}")
    if not images:
        raise GraphError("there is nothing to calibrate with")
    known = known or Known()
    inputs_of_codes = [i.tensor for i in graph.inputs if graph.tensors[i.tensor].is_codes]
    # A graph first converts inputs of bytes to real numbers; integers read the bytes.
    openings = graph.nodes[: len(inputs_of_codes)]
    nodes = graph.nodes[len(inputs_of_codes) :]
    #: The tensor of codes that takes the place of each real input.
    codes_of = {opening.output: opening.inputs[0] for opening in openings}
    real_inputs = [i.tensor for i in graph.inputs if i.tensor not in inputs_of_codes]
    codes_of |= {name: f"{name}.codes" for name in real_inputs}
    layer_bits = bits_of_layers(nodes, bits, keep)
    planned = plan(nodes, list(codes_of), bits, layer_bits)
    seen = [run(graph, given) for given in images]

    def values(name: str) -> np.ndarray:
        return np.concatenate([found[name].reshape(-1, found[name].shape[-1]) for found in seen])

    tensors = {i.tensor: graph.tensors[i.tensor] for i in graph.inputs}
    made = Graph(graph.name, graph.inputs, tensors, [], [], graph.release)
    for name in real_inputs:
        positive = bool(values(name).min() >= 0)
        step, zero = known.codes.get(name) or fitted_codes(values(name), 8, positive)
        made.tensors[codes_of[name]] = Tensor(codes_of[name], "u8", step, [zero])
        made.nodes.append(Node(codes_of[name], "identity", [name], codes_of[name]))
    for node in nodes:
        inputs = [codes_of.get(name, name) for name in node.inputs]
        target = _target(made, planned, known, node, inputs, values)
        made.tensors[target.name] = target
        copy = Node(node.name, node.op, inputs, node.output, dict(node.attributes))
        if node.is_layer:
            mean = values(node.inputs[0]).mean(0, dtype=np.float64)
            _layer(copy, node, made, target, layer_bits[node.name], planned, known, mean)
        made.nodes.append(copy)
    made.outputs = list(graph.outputs)
    return made


def _target(made: Graph, planned: Plan, known: Known, node: Node, inputs, values) -> Tensor:
    """The tensor of a node's output."""
    name = node.output
    if node.op == "argmax" or name in planned.endings:
        return Tensor(name, "i32")
    if node.op == "softmax":
        return Tensor(name, "f32")
    if node.op in PASSING:
        passed = made.tensors[inputs[0]]
        return Tensor(name, passed.type, passed.scale, passed.zero_points)
    bits = planned.bits[name]
    step, zero = (
        known.codes[name]
        if bits == 8 and name in known.codes
        else fitted_codes(values(name), bits, name in planned.positive)
    )
    return Tensor(name, f"u{bits}", step, [zero])


def _layer(
    copy: Node,
    node: Node,
    made: Graph,
    target: Tensor,
    bits: int,
    planned: Plan,
    known: Known,
    mean: np.ndarray,
) -> None:
    """The integers of a layer. `mean` has the mean of each channel of its input."""
    largest = MAX_WEIGHTS[bits]
    flat = node.weight.astype(np.float64).reshape(len(node.weight), -1)
    if bits == 8 and node.name in known.weights:
        steps = np.broadcast_to(known.weights[node.name].astype(np.float64), len(flat))
    elif node.name in planned.endings:
        # Sums that are compared with one another share a step.
        steps = np.broadcast_to(fitted(flat.reshape(1, -1), -largest, largest), len(flat))
    else:
        steps = fitted(flat, -largest, largest)
    codes = np.clip(np.rint(flat / steps[:, None]), -largest, largest)
    # Rounding shifts the mean of each channel's sum: the bias takes that back.
    error = (codes * steps[:, None] - flat).reshape(node.weight.shape).sum((1, 2))
    groups = node.attributes.get("groups", 1)
    parts = mean.reshape(groups, -1)[np.arange(len(flat)) // (len(flat) // groups)]
    bias = node.bias.astype(np.float64) - (error * parts).sum(1)
    source = made.tensors[copy.inputs[0]]
    units = float(source.step) * steps
    whole = np.rint(bias / units)
    if np.abs(whole).max() >= 2**31:
        raise GraphError(f"`{node.name}`: its bias exceeds 32 bits")
    copy.attributes["weight_bits"] = bits
    copy.weight = codes.reshape(node.weight.shape).astype(np.int8)
    copy.bias = whole.astype(np.int32)
    copy.scale = (units / (1 if target.type == "i32" else float(target.step))).astype(F32)


def losses(wanted: Graph, found: Graph, images: Sequence[Values]) -> list[Loss]:
    """What each node of `found` loses against the node of the same name in `wanted`."""
    signal: dict[str, float] = {}
    error: dict[str, float] = {}
    for image in images:
        exact, rounded = run(wanted, image), run(found, image)
        for node in found.nodes:
            if node.output not in wanted.tensors or node.op == "argmax":
                continue
            a = reals(wanted, node.output, exact[node.output]).astype(np.float64)
            b = reals(found, node.output, rounded[node.output]).astype(np.float64)
            signal[node.output] = signal.get(node.output, 0.0) + float(np.square(a).sum())
            error[node.output] = error.get(node.output, 0.0) + float(np.square(a - b).sum())
    table = []
    for node in found.nodes:
        if node.output in signal:
            ratio = signal[node.output] / max(error[node.output], 1e-30)
            kind = str(node.attributes.get("weight_bits", found.tensors[node.output].type))
            table.append(Loss(node.name, node.op, kind, float(10 * np.log10(max(ratio, 1e-30)))))
    return table
