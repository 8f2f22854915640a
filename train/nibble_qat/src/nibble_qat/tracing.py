"""From a PyTorch model to the steps of a graph, by torch.fx."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

from .graph import GraphError


class UnsupportedModule(GraphError):
    """A module or a function that has no operation in the file format; named with its path."""


@dataclass
class Step:
    """A node of the graph to be: its operation and attributes, and the layer that it comes from.

    Values are named after the steps that make them; the input is `image`.
    """

    name: str
    op: str
    inputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    weight: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    @property
    def is_layer(self) -> bool:
        """Whether it has weights."""
        return self.op in ("conv2d", "linear")


IMAGE = "image"


def pair(value: Any) -> list[int]:
    return [int(side) for side in value] if isinstance(value, tuple | list) else [int(value)] * 2


def is_in(argument: Any, nodes: set[fx.Node]) -> bool:
    return isinstance(argument, fx.Node) and argument in nodes


def readers(node: fx.Node) -> int:
    """How many nodes read a value, those that ask for its shape aside."""
    return sum(user.target not in ("size", getattr) for user in node.users)


class _Walker:
    """Turns the nodes of a traced module into steps."""

    def __init__(self, model: nn.Module):
        try:
            self.traced = fx.symbolic_trace(model)
        except Exception as error:
            raise UnsupportedModule(
                f"torch.fx cannot trace the model (does control flow depend on data?): {error}"
            ) from error
        self.modules = dict(self.traced.named_modules())
        self.steps: list[Step] = []
        #: The value that each node stands for.
        self.values: dict[fx.Node, str] = {}
        #: Values that something reads before what follows is applied.
        self.shared: set[str] = set()
        #: Nodes that stand for the shape of a value, and for the size of the batch.
        self.sizes: set[fx.Node] = set()
        self.batches: set[fx.Node] = set()

    def path(self, node: fx.Node) -> str:
        if node.op == "call_module":
            kind = type(self.modules[node.target]).__name__
            return f"`{node.target}` ({kind})"
        name = getattr(node.target, "__name__", str(node.target))
        return f"`{node.name}` ({node.op} of {name})"

    def unsupported(self, node: fx.Node, reason: str) -> UnsupportedModule:
        return UnsupportedModule(f"{self.path(node)}: {reason}")

    def value(self, node: fx.Node, at: int = 0) -> str:
        source = node.args[at] if len(node.args) > at else None
        if not isinstance(source, fx.Node) or source not in self.values:
            raise self.unsupported(node, "its input is no tensor of the model")
        return self.values[source]

    def add(self, node: fx.Node, op: str, inputs: list[str], **fields: Any) -> Step:
        target = node.target if node.op == "call_module" else node.name
        name = str(target)
        # A module that is called twice makes two steps.
        taken = {step.name for step in self.steps} | {IMAGE}
        while name in taken:
            name += "_"
        step = Step(name, op, inputs, **fields)
        self.steps.append(step)
        self.values[node] = step.name
        return step

    def alias(self, node: fx.Node) -> None:
        value = self.value(node)
        if readers(node.args[0]) > 1:
            self.shared.add(value)
        self.values[node] = value

    def maker(self, node: fx.Node) -> Step | None:
        """The step whose value `node` alone reads."""
        value = self.value(node)
        if readers(node.args[0]) > 1 or value in self.shared:
            return None
        return next((step for step in self.steps if step.name == value), None)

    def walk(self) -> tuple[list[Step], list[str]]:
        for node in self.traced.graph.nodes:
            match node.op:
                case "placeholder":
                    if self.values:
                        raise self.unsupported(node, "the model has more than one input")
                    self.values[node] = IMAGE
                case "call_module":
                    self.module(node, self.modules[node.target])
                case "call_function" | "call_method":
                    self.function(node)
                case "output":
                    outputs = node.args[0]
                    outputs = outputs if isinstance(outputs, tuple | list) else [outputs]
                    if not all(isinstance(out, fx.Node) for out in outputs):
                        raise UnsupportedModule("the output must be a tensor, or a tuple of them")
                    return self.steps, [self.values[out] for out in outputs]
                case _:
                    raise self.unsupported(node, "parameters outside modules")
        raise UnsupportedModule("the model returns nothing")

    def module(self, node: fx.Node, module: nn.Module) -> None:
        match module:
            case nn.Conv2d():
                self.convolution(node, module)
            case nn.Linear():
                step = self.add(node, "linear", [self.value(node)])
                step.attributes = {"in": module.in_features, "out": module.out_features}
                step.attributes["activation"] = "none"
                self.parameters(step, module)
            case nn.BatchNorm2d():
                self.fold(node, module)
            case nn.Identity() | nn.Dropout() | nn.Dropout2d():
                self.alias(node)
            case nn.ReLU():
                self.activation(node, "relu")
            case nn.ReLU6():
                self.activation(node, "relu6")
            case nn.Hardtanh() if (module.min_val, module.max_val) == (0, 6):
                self.activation(node, "relu6")
            case nn.Hardswish():
                self.add(node, "hard_swish", [self.value(node)])
            case nn.Hardsigmoid():
                self.add(node, "hard_sigmoid", [self.value(node)])
            case nn.MaxPool2d():
                if module.return_indices:
                    raise self.unsupported(node, "return_indices")
                self.pool(node, "max_pool", vars(module))
            case nn.AvgPool2d():
                self.pool(node, "average_pool", vars(module))
            case nn.AdaptiveAvgPool2d():
                self.adaptive(node, "global_average_pool", module.output_size)
            case nn.AdaptiveMaxPool2d():
                self.adaptive(node, "global_max_pool", module.output_size)
            case nn.Flatten():
                self.flatten(node, module.start_dim, module.end_dim)
            case nn.Upsample():
                self.upsample(node, vars(module))
            case nn.Softmax():
                self.ending(node, "softmax", module.dim)
            case _:
                raise self.unsupported(node, "has no operation in the file format")

    def function(self, node: fx.Node) -> None:
        name = node.target
        arguments = dict(node.kwargs)

        def positional(*names: str) -> dict[str, Any]:
            given = dict(zip(names, node.args[1:], strict=False))
            return given | arguments

        table: dict[Any, Callable[[], object]] = {
            operator.add: lambda: self.addition(node),
            operator.iadd: lambda: self.addition(node),
            torch.add: lambda: self.addition(node),
            "add": lambda: self.addition(node),
            torch.cat: lambda: self.concat(node),
            torch.concat: lambda: self.concat(node),
            F.relu: lambda: self.activation(node, "relu"),
            torch.relu: lambda: self.activation(node, "relu"),
            "relu": lambda: self.activation(node, "relu"),
            F.relu6: lambda: self.activation(node, "relu6"),
            F.hardswish: lambda: self.add(node, "hard_swish", [self.value(node)]),
            F.hardsigmoid: lambda: self.add(node, "hard_sigmoid", [self.value(node)]),
            F.dropout: lambda: self.alias(node),
            F.max_pool2d: lambda: self.pool(
                node,
                "max_pool",
                positional("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
            ),
            F.avg_pool2d: lambda: self.pool(
                node,
                "average_pool",
                positional("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
            ),
            F.adaptive_avg_pool2d: lambda: self.adaptive(
                node, "global_average_pool", positional("output_size")["output_size"]
            ),
            F.interpolate: lambda: self.upsample(
                node, positional("size", "scale_factor", "mode", "align_corners")
            ),
            torch.flatten: lambda: self.flatten(node, *self.dims(positional)),
            "flatten": lambda: self.flatten(node, *self.dims(positional)),
            torch.reshape: lambda: self.reshape(node),
            "reshape": lambda: self.reshape(node),
            "view": lambda: self.reshape(node),
            "size": lambda: self.size(node),
            getattr: lambda: self.size(node),
            operator.getitem: lambda: self.item(node),
            torch.mean: lambda: self.mean(node, positional("dim", "keepdim")),
            "mean": lambda: self.mean(node, positional("dim", "keepdim")),
            F.softmax: lambda: self.ending(node, "softmax", positional("dim").get("dim")),
            torch.softmax: lambda: self.ending(node, "softmax", positional("dim").get("dim")),
            "softmax": lambda: self.ending(node, "softmax", positional("dim").get("dim")),
            torch.argmax: lambda: self.ending(node, "argmax", positional("dim").get("dim")),
            "argmax": lambda: self.ending(node, "argmax", positional("dim").get("dim")),
        }
        # F.max_pool2d is wrapped, and may be called by either name.
        table[torch.max_pool2d] = table[F.max_pool2d]
        if name not in table:
            raise self.unsupported(node, "has no operation in the file format")
        table[name]()

    @staticmethod
    def dims(positional: Callable[..., dict[str, Any]]) -> tuple[int, int]:
        given = positional("start_dim", "end_dim")
        return given.get("start_dim", 0), given.get("end_dim", -1)

    def parameters(self, step: Step, layer: nn.Conv2d | nn.Linear) -> None:
        step.weight = layer.weight.detach().clone()
        outputs = layer.weight.shape[0]
        bias = torch.zeros(outputs) if layer.bias is None else layer.bias.detach().clone()
        step.bias = bias

    def convolution(self, node: fx.Node, layer: nn.Conv2d) -> None:
        if layer.padding_mode != "zeros":
            raise self.unsupported(node, f"padding_mode={layer.padding_mode!r}")
        kernel, dilation = list(layer.kernel_size), list(layer.dilation)
        if layer.padding == "same":
            total = [step * (side - 1) for side, step in zip(kernel, dilation, strict=True)]
            top, left = total[0] // 2, total[1] // 2
            padding = [top, left, total[0] - top, total[1] - left]
        else:
            rows, columns = [0, 0] if layer.padding == "valid" else pair(layer.padding)
            padding = [rows, columns, rows, columns]
        step = self.add(node, "conv2d", [self.value(node)])
        step.attributes = {
            "in": layer.in_channels,
            "out": layer.out_channels,
            "kernel": kernel,
            "stride": list(layer.stride),
            "dilation": dilation,
            "padding": padding,
            "groups": layer.groups,
            "activation": "none",
        }
        self.parameters(step, layer)

    def fold(self, node: fx.Node, norm: nn.BatchNorm2d) -> None:
        step = self.maker(node)
        if step is None or step.op != "conv2d" or step.attributes["activation"] != "none":
            raise self.unsupported(node, "does not follow a convolution that it alone reads")
        if norm.running_mean is None:
            raise self.unsupported(node, "has no running statistics")
        weight, bias = fuse_conv_bn_weights(
            nn.Parameter(step.weight),
            nn.Parameter(step.bias),
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        step.weight, step.bias = weight.detach(), bias.detach()
        self.values[node] = step.name

    def activation(self, node: fx.Node, name: str) -> None:
        step = self.maker(node)
        if step is not None and step.attributes.get("activation") == "none":
            step.attributes["activation"] = name
            self.values[node] = step.name
        else:
            self.add(node, name, [self.value(node)])

    def addition(self, node: fx.Node) -> None:
        if len(node.args) != 2 or node.kwargs:
            raise self.unsupported(node, "is not the sum of two tensors")
        inputs = [self.value(node, 0), self.value(node, 1)]
        self.add(node, "add", inputs, attributes={"activation": "none"})

    def concat(self, node: fx.Node) -> None:
        parts = node.args[0] if node.args else node.kwargs.get("tensors")
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        if not isinstance(parts, tuple | list) or not parts:
            raise self.unsupported(node, "its input is no list of tensors")
        if dim != 1 or not all(part in self.values for part in parts):
            raise self.unsupported(node, "does not join tensors along their channels (dim=1)")
        self.add(node, "concat", [self.values[part] for part in parts])

    def pool(self, node: fx.Node, op: str, given: dict[str, Any]) -> None:
        if given.get("ceil_mode") or given.get("divisor_override"):
            raise self.unsupported(node, "ceil_mode or divisor_override")
        if pair(given.get("dilation", 1)) != [1, 1]:
            raise self.unsupported(node, "dilation")
        kernel = pair(given["kernel_size"])
        stride = given.get("stride")
        rows, columns = pair(given.get("padding", 0))
        attributes: dict[str, Any] = {
            "kernel": kernel,
            "stride": kernel if stride is None or stride == [] else pair(stride),
            "padding": [rows, columns, rows, columns],
        }
        if op == "average_pool":
            attributes["count_padding"] = bool(given.get("count_include_pad", True))
        self.add(node, op, [self.value(node)], attributes=attributes)

    def adaptive(self, node: fx.Node, op: str, size: Any) -> None:
        if pair(size) != [1, 1]:
            raise self.unsupported(node, f"output_size {size}: only 1 has an operation")
        self.add(node, op, [self.value(node)])

    def flatten(self, node: fx.Node, start: int, end: int) -> None:
        if (start, end) != (1, -1):
            raise self.unsupported(node, "does not flatten everything but the batch (start_dim=1)")
        self.add(node, "flatten", [self.value(node)])

    def reshape(self, node: fx.Node) -> None:
        """`x.view(n, -1)` with `n` from `x.size(0)` or `x.shape[0]`: a flatten."""
        sizes: tuple[Any, ...] = node.args[1:] or (
            node.kwargs.get("shape") or node.kwargs.get("size"),
        )
        if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
            sizes = tuple(sizes[0])
        if len(sizes) != 2 or sizes[1] != -1 or not is_in(sizes[0], self.batches):
            raise self.unsupported(node, "keeps more than the batch: only view(x.size(0), -1)")
        self.add(node, "flatten", [self.value(node)])

    def size(self, node: fx.Node) -> None:
        """`x.size(0)`, `x.size()` or `x.shape`, of which nothing but the batch is of use."""
        self.value(node)
        if node.op == "call_function" and node.args[1] != "shape":
            raise self.unsupported(node, "has no operation in the file format")
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        if node.op == "call_method" and dim is not None:
            if dim != 0:
                raise self.unsupported(node, "the size of anything but the batch (0)")
            self.batches.add(node)
        else:
            self.sizes.add(node)

    def item(self, node: fx.Node) -> None:
        """`x.shape[0]`. Other sizes may be unpacked beside it, but not used."""
        is_batch = node.args[1] == 0
        if not is_in(node.args[0], self.sizes) or (node.users and not is_batch):
            raise self.unsupported(node, "is not the size of the batch, shape[0]")
        if is_batch:
            self.batches.add(node)

    def mean(self, node: fx.Node, given: dict[str, Any]) -> None:
        dims = given.get("dim")
        dims = [dims] if isinstance(dims, int) else list(dims or [])
        if sorted(dim % 4 for dim in dims) != [2, 3]:
            raise self.unsupported(node, "is not the mean over rows and columns")
        step = self.add(node, "global_average_pool", [self.value(node)])
        if not given.get("keepdim"):
            self.add(node, "flatten", [step.name])

    def upsample(self, node: fx.Node, given: dict[str, Any]) -> None:
        factor, mode = given.get("scale_factor"), given.get("mode", "nearest")
        twice = factor is not None and all(
            float(side) == 2 for side in (factor if isinstance(factor, tuple | list) else [factor])
        )
        if not twice or mode not in ("nearest", "bilinear") or given.get("align_corners"):
            raise self.unsupported(node, "only twice, nearest or bilinear without align_corners")
        self.add(node, f"upsample_{mode}", [self.value(node)])

    def ending(self, node: fx.Node, op: str, dim: int | None) -> None:
        if dim not in (1, -1):
            raise self.unsupported(node, "does not run over the channels (dim=1)")
        self.add(node, op, [self.value(node)])


def trace(model: nn.Module) -> tuple[list[Step], list[str]]:
    """The steps of a model in the order in which they run, and the values that it returns.

    Batch norm is folded into the convolution before it, ReLU and ReLU6 become part of the layer or
    the addition that they follow.
    """
    return _Walker(model).walk()
