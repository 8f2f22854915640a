"""The checks that a graph must pass: those that `nibble_core` makes before it runs one."""

from __future__ import annotations

import numpy as np

from .graph import ACTIVATIONS, ATTRIBUTES, TOPS, Graph, GraphError, Node, Tensor, weight_shape
from .shapes import MAX_CHANNELS, fail, infer
from .structure import MAX_WEIGHTS

MAX_NODES = 1024
#: The most inputs, and outputs, of a graph.
MAX_ENDS = 16
#: The most bytes of a name.
MAX_NAME = 128
#: The most inputs and outputs of a fully connected layer.
MAX_FEATURES = 65_536
#: The largest side, stride and dilation of a window.
MAX_SIDE = 64
MAX_PADDING = 4095
#: Scales of tensors lie between the inverse of this and this, those of layers within its square.
MAX_SCALE = 2.0**48

MISMATCH = "the types of its tensors do not match its operation"


def bad(tensor: str, problem: str) -> GraphError:
    """The error of a tensor."""
    return GraphError(f"tensor `{tensor}`: {problem}")


def check(graph: Graph) -> None:
    """Checks everything that running a graph relies on: that tensors are made before they are read,
    that types and channels fit together, that parameters have their sizes and ranges, and that no
    sum can leave 32 bits.

    Raises `GraphError`, which names the node or the tensor.
    """
    if not 1 <= len(graph.nodes) <= MAX_NODES:
        raise GraphError(f"a graph must have 1 to {MAX_NODES} nodes")
    if not 1 <= len(graph.inputs) <= MAX_ENDS or not 1 <= len(graph.outputs) <= MAX_ENDS:
        raise GraphError(f"a graph must have 1 to {MAX_ENDS} inputs and 1 to {MAX_ENDS} outputs")
    _names(graph)
    _order(graph)
    channels = {source.tensor: source.channels for source in graph.inputs}
    for tensor in graph.tensors.values():
        _tensor(tensor, channels.get(tensor.name, 1))
    for source in graph.inputs:
        if not 1 <= source.channels <= MAX_CHANNELS:
            raise bad(source.tensor, f"an input must have 1 to {MAX_CHANNELS} channels")
        if graph.tensors[source.tensor].type == "i32":
            raise bad(source.tensor, "an input must be of codes or reals")
        if source.height == 0 or source.width == 0:
            raise bad(source.tensor, "an input cannot be empty")
    for node in graph.nodes:
        _node(graph, node)
    _channels(graph)
    # Where the file alone decides all shapes, they must fit.
    sizes = {
        source.tensor: (source.height, source.width)
        for source in graph.inputs
        if source.height is not None and source.width is not None
    }
    if len(sizes) == len(graph.inputs):
        infer(graph, sizes)


def _names(graph: Graph) -> None:
    names = [node.name for node in graph.nodes]
    for name in (*graph.tensors, *names):
        if not 1 <= len(name.encode()) <= MAX_NAME:
            raise GraphError(f"`{name[:MAX_NAME]}`: a name must have 1 to {MAX_NAME} bytes")
    for name in names:
        if names.count(name) > 1:
            raise GraphError(f"node `{name}`: another node has its name")
    for node in graph.nodes:
        for name in (*node.inputs, node.output):
            if name not in graph.tensors:
                raise fail(node, f"tensor `{name}` is not described")
    for name in (*(source.tensor for source in graph.inputs), *graph.outputs):
        if name not in graph.tensors:
            raise bad(name, "named but not described")


def _order(graph: Graph) -> None:
    """Every tensor is made once, before it is read, and is read or an output."""
    made: set[str] = set()
    for source in graph.inputs:
        if source.tensor in made:
            raise bad(source.tensor, "an input twice")
        made.add(source.tensor)
    makers = {node.output for node in graph.nodes}
    for node in graph.nodes:
        for name in node.inputs:
            if name not in made:
                why = (
                    "it or a later node makes: the graph has a cycle, or is out of order"
                    if name in makers
                    else "nothing makes"
                )
                raise fail(node, f"it reads tensor `{name}`, which {why}")
        if node.output in made:
            raise bad(node.output, "made twice")
        made.add(node.output)
    used = {name for node in graph.nodes for name in node.inputs} | set(graph.outputs)
    for name in graph.tensors:
        if name not in made:
            raise bad(name, "nothing makes it")
        if name not in used:
            raise bad(name, "nothing reads it, and it is no output")


def _tensor(tensor: Tensor, channels: int) -> None:
    """The type of a tensor, and what its codes stand for."""
    name = tensor.name
    if tensor.type not in (*TOPS, "i32", "f32"):
        raise bad(name, f"unknown type `{tensor.type}`")
    described = tensor.scale is not None, tensor.zero_points is not None
    if described != (tensor.is_codes, tensor.is_codes):
        raise bad(name, "`u4` and `u8` have a scale and zero points, other types neither")
    if tensor.scale is None or tensor.zero_points is None:
        return
    # False of NaN.
    if not 1 / MAX_SCALE <= float(tensor.scale) <= MAX_SCALE:
        raise bad(name, "its scale must lie within 2^-48..=2^48")
    if len(tensor.zero_points) not in (1, channels):
        raise bad(name, "it must have one zero point, or, as an input, one for each channel")
    if not all(0 <= zero <= tensor.top for zero in tensor.zero_points):
        raise bad(name, "a zero point must be a code")


def check_attributes(node: Node) -> None:
    """An operation has its own attributes, in their ranges."""
    given = node.attributes
    if node.op not in ATTRIBUTES:
        raise fail(node, f"unknown operation `{node.op}`")
    if set(given) != set(ATTRIBUTES[node.op]):
        wanted = ", ".join(ATTRIBUTES[node.op]) or "none"
        raise fail(node, f"`{node.op}` has the attributes {wanted}")
    for name in ("kernel", "stride", "dilation"):
        if any(not 1 <= side <= MAX_SIDE for side in given.get(name, ())):
            raise fail(node, f"`{name}` must be 1 to {MAX_SIDE}")
    if any(not 0 <= side <= MAX_PADDING for side in given.get("padding", ())):
        raise fail(node, f"padding must be 0 to {MAX_PADDING}")
    if given.get("activation", "none") not in ACTIVATIONS:
        raise fail(node, f"unknown activation `{given['activation']}`")
    padding = given["padding"] if node.op in ("max_pool", "average_pool") else ()
    if any(side >= given["kernel"][at % 2] for at, side in enumerate(padding)):
        raise fail(node, "padding must be smaller than the window")
    if not node.is_layer:
        return
    most = MAX_FEATURES if node.op == "linear" else MAX_CHANNELS
    if not (1 <= given["in"] <= most and 1 <= given["out"] <= most):
        raise fail(node, f"`in` and `out` must be 1 to {most}")
    groups = given.get("groups", 1)
    if groups < 1 or given["in"] % groups or given["out"] % groups:
        raise fail(node, "`groups` must divide the channels of input and output")
    if given["weight_bits"] not in (*MAX_WEIGHTS, 32):
        raise fail(node, "`weight_bits` must be 4, 8 or 32")


def _node(graph: Graph, node: Node) -> None:
    """The attributes of a node, and the number and the types of what it reads."""
    check_attributes(node)
    least, most = {"add": (2, 2), "concat": (2, MAX_NODES)}.get(node.op, (1, 1))
    if not least <= len(node.inputs) <= most:
        raise fail(node, "its number of inputs does not match its operation")
    sources = [graph.tensors[name] for name in node.inputs]
    target = graph.tensors[node.output]
    # Each channel is padded with its own zero point, and has one in any conversion.
    several = any(len(source.zero_points or ()) > 1 for source in sources)
    if several and node.op not in ("conv2d", "identity"):
        raise fail(
            node, "an input with a zero point for each channel is read by `conv2d` or `identity`"
        )
    source = sources[0]
    if node.is_layer:
        _layer(node, source, target)
        return
    all_codes = all(one.is_codes for one in sources)
    arithmetic = all_codes if target.is_codes else all(one.type == "f32" for one in sources)
    match node.op:
        case "max_pool" | "global_max_pool" | "upsample_nearest" | "flatten":
            fits = kind(source) == kind(target) and target.type != "i32"
        case "average_pool" | "global_average_pool" | "add" | "concat" | "upsample_bilinear":
            fits = arithmetic and target.type != "i32"
        case "identity":
            fits = target.type != "i32"
        case "softmax":
            fits = target.type == "f32"
        case "argmax":
            fits = target.type == "i32"
        case _:
            fits = "i32" not in (source.type, target.type)
    if not fits:
        raise fail(node, MISMATCH)


def kind(tensor: Tensor) -> tuple[str, float | None, list[int] | None]:
    """What the elements of a tensor are."""
    return tensor.type, tensor.scale, tensor.zero_points


def _layer(node: Node, source: Tensor, target: Tensor) -> None:
    """The parameters of a convolution or a fully connected layer."""
    bits, outputs = node.attributes["weight_bits"], node.attributes["out"]
    weight, bias, scale = node.weight, node.bias, node.scale
    if weight is None or bias is None or (scale is None) != (bits == 32):
        raise fail(node, "it has no parameters, or others than `weight_bits` asks for")
    wanted: dict[str, tuple[np.ndarray, tuple[int, ...]]] = {
        "weight": (weight, weight_shape(node)),
        "bias": (bias, (outputs,)),
    }
    if scale is not None:
        wanted["scale"] = scale, (outputs,)
    for part, (found, shape) in wanted.items():
        if found.shape != shape:
            raise bad(f"{node.name}.{part}", f"{found.shape} elements, but the node wants {shape}")
    if bits == 32:
        if (source.type, target.type) != ("f32", "f32"):
            raise fail(node, "the types of its tensors do not match its weights")
        for part, values in (("weight", weight), ("bias", bias)):
            if not np.isfinite(values).all():
                raise bad(f"{node.name}.{part}", "it must be finite")
        return
    if not source.is_codes or target.type == "f32":
        raise fail(node, "the types of its tensors do not match its weights")
    if target.type == "i32" and node.attributes["activation"] != "none":
        raise fail(node, "sums that are not requantised have no activation")
    largest = MAX_WEIGHTS[bits]
    if np.abs(weight.astype(np.int64)).max() > largest:
        raise bad(f"{node.name}.weight", f"weights must lie within -{largest}..={largest}")
    assert scale is not None
    if not ((scale >= MAX_SCALE**-2) & (scale <= MAX_SCALE**2)).all():
        raise bad(f"{node.name}.scale", "scales must lie within 2^-96..=2^96")
    zeros = source.zero
    if len(zeros) not in (1, node.attributes["in"]):
        raise fail(node, "its input has another number of zero points")
    groups = node.attributes.get("groups", 1)
    whole = weight.astype(np.int64).reshape(groups, outputs // groups, -1, weight.shape[3])
    if len(zeros) > 1:
        zeros = zeros.reshape(groups, 1, 1, -1)
    folded = bias.astype(np.int64) - (whole * zeros).sum((2, 3)).ravel()
    if (np.abs(folded) + source.top * np.abs(whole).sum((2, 3)).ravel()).max() >= 2**31:
        raise bad(f"{node.name}.bias", "sums could overflow 32 bits")


def _channels(graph: Graph) -> None:
    """Channels agree wherever the file alone decides them: everywhere but behind `flatten`."""
    channels: dict[str, int | None] = {source.tensor: source.channels for source in graph.inputs}
    for node in graph.nodes:
        found = [channels[name] for name in node.inputs]
        first = found[0]
        if node.is_layer:
            if first not in (None, node.attributes["in"]):
                wanted = node.attributes["in"]
                raise fail(node, f"its input has {first} channels, not {wanted}")
            channels[node.output] = node.attributes["out"]
        elif node.op == "add":
            if None not in found and found[0] != found[1]:
                raise fail(node, "its inputs differ in channels")
            channels[node.output] = found[1] if first is None else first
        elif node.op == "concat":
            known = [count for count in found if count is not None]
            total = sum(known) if len(known) == len(found) else None
            if total is not None and total > MAX_CHANNELS:
                raise fail(node, f"more than {MAX_CHANNELS} channels")
            channels[node.output] = total
        elif node.op == "flatten":
            channels[node.output] = None
        else:
            channels[node.output] = 1 if node.op == "argmax" else first
