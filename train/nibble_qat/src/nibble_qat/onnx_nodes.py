"""Turns the operators of an ONNX network into nodes of single precision, one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from .calibration import Known
from .graph import GraphError, Node
from .integers import F32

#: The operators that are read. The method for each has its name in small letters.
OPERATORS = frozenset(
    "Add ArgMax AveragePool BatchNormalization Clip Concat Constant Conv DequantizeLinear Dropout "
    "Flatten Gemm GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish Identity MatMul MaxPool "
    "QuantizeLinear ReduceMean Relu Reshape Resize Softmax".split()
)


class UnsupportedOperator(GraphError):
    """An operator that has no operation in the file format; the message names its node."""


class Reader:
    """Turns the nodes of an ONNX graph into nodes of single precision."""

    def __init__(self, model: onnx.ModelProto):
        self.proto = model.graph
        self.constants = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        #: The value that each name of ONNX stands for.
        self.values: dict[str, str] = {}
        self.nodes: list[Node] = []
        self.known = Known()
        #: Steps of constants that were quantised, and their axis.
        self.steps: dict[str, np.ndarray] = {}
        self.quantised: dict[str, tuple[str, np.ndarray, np.ndarray, int]] = {}
        self.readers: dict[str, int] = {}
        for node in model.graph.node:
            for name in node.input:
                self.readers[name] = self.readers.get(name, 0) + 1
        for output in model.graph.output:
            self.readers[output.name] = self.readers.get(output.name, 0) + 1
        #: Readers of each value, over all the names that stand for it.
        self.shared: set[str] = set()
        self.shapes = {
            info.name: [d.dim_value or None for d in info.type.tensor_type.shape.dim]
            for info in [*model.graph.value_info, *model.graph.input, *model.graph.output]
        }

    def fail(self, node: onnx.NodeProto, reason: str) -> UnsupportedOperator:
        name = node.name or (node.output[0] if node.output else "?")
        return UnsupportedOperator(f"node `{name}` ({node.op_type}): {reason}")

    def value(self, node: onnx.NodeProto, at: int = 0) -> str:
        if at >= len(node.input) or node.input[at] not in self.values:
            raise self.fail(node, "its input is no map of the network")
        return self.values[node.input[at]]

    def constant(self, node: onnx.NodeProto, at: int) -> np.ndarray | None:
        """A constant input; `None` where it is absent."""
        if at >= len(node.input) or node.input[at] == "":
            return None
        if node.input[at] not in self.constants:
            raise self.fail(node, f"its input `{node.input[at]}` is no constant")
        return self.constants[node.input[at]]

    def add(self, node: onnx.NodeProto, op: str, inputs: list[str], **attributes: Any) -> Node:
        name = node.output[0]
        made = Node(name, op, inputs, name, attributes)
        self.nodes.append(made)
        self.values[name] = name
        return made

    def alias(self, node: onnx.NodeProto) -> None:
        value = self.value(node)
        if self.readers.get(node.input[0], 0) > 1:
            self.shared.add(value)
        self.values[node.output[0]] = value

    def maker(self, node: onnx.NodeProto, at: int = 0) -> Node | None:
        """The node whose value `node` alone reads."""
        value = self.value(node, at)
        if self.readers.get(node.input[at], 0) > 1 or value in self.shared:
            return None
        return next((made for made in self.nodes if made.name == value), None)

    def walk(self) -> None:
        for node in self.proto.node:
            if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
                raise self.fail(node, "has no operation in the file format")
            try:
                attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
                getattr(self, f"_{node.op_type.lower()}")(node, attributes)
            except GraphError:
                raise
            # A node that breaks the rules of ONNX: attributes or inputs that are missing or of
            # another type, constants of another shape.
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise self.fail(node, f"breaks the rules of ONNX: {str(error)[:200]}") from error

    def _constant(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        value = given.get("value")
        if value is not None:
            self.constants[node.output[0]] = numpy_helper.to_array(value)
            return
        for name, kind in (
            ("value_float", F32),
            ("value_floats", F32),
            ("value_int", np.int64),
            ("value_ints", np.int64),
        ):
            if name in given:
                self.constants[node.output[0]] = np.asarray(given[name], kind)
                return
        raise self.fail(node, "its value is no tensor of numbers")

    def _identity(self, node: onnx.NodeProto, _given: dict[str, Any]) -> None:
        if node.input[0] in self.constants:
            self.constants[node.output[0]] = self.constants[node.input[0]]
        else:
            self.alias(node)

    _dropout = _identity

    def _padding(
        self, node: onnx.NodeProto, given: dict[str, Any], kernel, stride, dilation
    ) -> list[int]:
        auto = given.get("auto_pad", b"NOTSET").decode()
        if auto == "VALID":
            return [0, 0, 0, 0]
        if auto == "NOTSET":
            return [int(side) for side in given.get("pads", [0, 0, 0, 0])]
        shape = self.shapes.get(node.input[0], [])
        padding = [0, 0, 0, 0]
        for axis in (0, 1):
            reach = (kernel[axis] - 1) * dilation[axis] + 1
            side = shape[2 + axis] if len(shape) == 4 else None
            if side is None and stride[axis] != 1:
                raise self.fail(node, f"auto_pad={auto} of an input whose size is open")
            outputs = -(-side // stride[axis]) if side is not None else 1
            room = (outputs - 1) * stride[axis] + reach - (side if side is not None else 1)
            total = max(0, room)
            less = total // 2
            first = less if auto == "SAME_UPPER" else total - less
            padding[axis], padding[2 + axis] = first, total - first
        return padding

    def _conv(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        weight, bias = self.constant(node, 1), self.constant(node, 2)
        if weight.ndim != 4:
            raise self.fail(node, "is not two-dimensional")
        outputs, inputs, *kernel = weight.shape
        stride = [int(side) for side in given.get("strides", [1, 1])]
        dilation = [int(side) for side in given.get("dilations", [1, 1])]
        groups = int(given.get("group", 1))
        source = self.value(node)
        made = self.add(node, "conv2d", [source])
        made.attributes = {
            "in": inputs * groups,
            "out": outputs,
            "kernel": list(kernel),
            "stride": stride,
            "dilation": dilation,
            "padding": self._padding(node, given, kernel, stride, dilation),
            "groups": groups,
            "weight_bits": 32,
            "activation": "none",
        }
        made.weight = weight.transpose(0, 2, 3, 1).astype(F32)
        made.bias = np.zeros(outputs, F32) if bias is None else bias.astype(F32)
        if node.input[1] in self.steps:
            self.known.weights[made.name] = self.steps[node.input[1]]

    def _batchnormalization(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        made = self.maker(node)
        if made is None or made.op != "conv2d" or made.attributes["activation"] != "none":
            raise self.fail(node, "does not follow a convolution that it alone reads")
        scale, shift, mean, variance = (
            self.constant(node, at).astype(np.float64) for at in (1, 2, 3, 4)
        )
        factor = scale / np.sqrt(variance + given.get("epsilon", 1e-5))
        made.weight = (made.weight * factor[:, None, None, None]).astype(F32)
        made.bias = ((made.bias - mean) * factor + shift).astype(F32)
        self.known.weights.pop(made.name, None)
        self.values[node.output[0]] = made.name

    def _gemm(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        if given.get("transA"):
            raise self.fail(node, "transA")
        weight = self.constant(node, 1)
        transposed = bool(given.get("transB"))
        self._linear(
            node,
            (weight if transposed else weight.T) * F32(given.get("alpha", 1.0)),
            self.constant(node, 2),
            F32(given.get("beta", 1.0)),
        )

    def _matmul(self, node: onnx.NodeProto, _given: dict[str, Any]) -> None:
        weight = self.constant(node, 1)
        if weight.ndim != 2:
            raise self.fail(node, "its second input is no matrix")
        self._linear(node, weight.T, None, F32(1))

    def _linear(self, node: onnx.NodeProto, weight, bias, factor) -> None:
        outputs, inputs = weight.shape
        made = self.add(node, "linear", [self.value(node)])
        made.attributes = {"in": inputs, "out": outputs, "weight_bits": 32, "activation": "none"}
        made.weight = np.ascontiguousarray(weight, F32)[:, None, None, :]
        made.bias = np.zeros(outputs, F32)
        if bias is not None:
            made.bias = np.broadcast_to(bias.astype(F32) * factor, (1, outputs))[0].copy()
        if node.input[1] in self.steps:
            self.known.weights[made.name] = self.steps[node.input[1]]

    def _activation(self, node: onnx.NodeProto, name: str) -> None:
        made = self.maker(node)
        if (
            made is not None
            and made.attributes.get("activation") == "none"
            and made.name not in self.known.codes
        ):
            made.attributes["activation"] = name
            self.values[node.output[0]] = made.name
        else:
            self.add(node, name, [self.value(node)])

    def _relu(self, node: onnx.NodeProto, _given: dict[str, Any]) -> None:
        self._activation(node, "relu")

    def _clip(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        ends = self.constant(node, 1), self.constant(node, 2)
        low = float(given.get("min", -np.inf) if ends[0] is None else ends[0])
        high = float(given.get("max", np.inf) if ends[1] is None else ends[1])
        if low != 0 or (high not in (6, np.inf) and high < 1e30):
            raise self.fail(node, f"from {low} to {high}: only 0 to 6, or from 0 up")
        self._activation(node, "relu6" if high == 6 else "relu")

    def _hardswish(self, node: onnx.NodeProto, _given: dict[str, Any]) -> None:
        self.add(node, "hard_swish", [self.value(node)])

    def _hardsigmoid(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        alpha, beta = given.get("alpha", 0.2), given.get("beta", 0.5)
        if abs(alpha - 1 / 6) > 1e-6 or beta != 0.5:
            raise self.fail(node, f"alpha {alpha} and beta {beta}: only 1/6 and 1/2")
        self.add(node, "hard_sigmoid", [self.value(node)])

    def _add(self, node: onnx.NodeProto, _given: dict[str, Any]) -> None:
        constants = [at for at in (0, 1) if node.input[at] in self.constants]
        if len(constants) == 1:
            (at,) = constants
            made = self.maker(node, 1 - at)
            bias = self.constants[node.input[at]].astype(F32)
            wanted = (1, -1, 1, 1) if made is not None and made.op == "conv2d" else (-1,)
            if made is None or not made.is_layer or made.attributes["activation"] != "none":
                raise self.fail(node, "adds a constant to what is no layer that it alone reads")
            if bias.size not in (1, len(made.bias)) or bias.reshape(wanted).ndim < bias.ndim - 1:
                raise self.fail(node, "adds a constant that is no bias")
            made.bias = made.bias + bias.ravel()
            self.values[node.output[0]] = made.name
            return
        if node.input[0] == node.input[1]:
            raise self.fail(node, "adds a map to itself")
        inputs = [self.value(node, 0), self.value(node, 1)]
        self.add(node, "add", inputs, activation="none")

    def _concat(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        if given["axis"] not in (1, -3):
            raise self.fail(node, f"along axis {given['axis']}: only along the channels, 1")
        self.add(node, "concat", [self.value(node, at) for at in range(len(node.input))])

    def _pool(self, node: onnx.NodeProto, given: dict[str, Any], op: str, **more: Any) -> None:
        if given.get("ceil_mode"):
            raise self.fail(node, "ceil_mode")
        if any(side != 1 for side in given.get("dilations", [1, 1])):
            raise self.fail(node, "dilations")
        if len(node.output) > 1 and node.output[1]:
            raise self.fail(node, "returns places")
        kernel = [int(side) for side in given["kernel_shape"]]
        stride = [int(side) for side in given.get("strides", [1, 1])]
        padding = self._padding(node, given, kernel, stride, [1, 1])
        self.add(
            node, op, [self.value(node)], kernel=kernel, stride=stride, padding=padding, **more
        )

    def _maxpool(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        self._pool(node, given, "max_pool")

    def _averagepool(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        count = bool(given.get("count_include_pad", 0))
        self._pool(node, given, "average_pool", count_padding=count)

    def _globalaveragepool(self, node: onnx.NodeProto, _given: dict[str, Any]) -> None:
        self.add(node, "global_average_pool", [self.value(node)])

    def _globalmaxpool(self, node: onnx.NodeProto, _given: dict[str, Any]) -> None:
        self.add(node, "global_max_pool", [self.value(node)])

    def _reducemean(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        axes = self.constant(node, 1) if len(node.input) > 1 else given.get("axes")
        if axes is None or sorted(int(axis) % 4 for axis in axes) != [2, 3]:
            raise self.fail(node, "is not the mean over rows and columns")
        # Without kept axes it is flat, too; a map of one position is flat already.
        self.add(node, "global_average_pool", [self.value(node)])

    def _resize(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        scales = self.constant(node, 2)
        sizes = self.constant(node, 3)
        shape = self.shapes.get(node.input[0], [])
        by_sizes = (scales is None or scales.size == 0) and sizes is not None
        if by_sizes and (len(shape) != 4 or None in shape[1:]):
            raise self.fail(node, "to sizes, and the shape of its input is open")
        if by_sizes:
            scales = np.asarray(sizes) / np.asarray([shape[0] or sizes[0], *shape[1:]])
        if scales is None or list(np.asarray(scales, np.float64)) != [1, 1, 2, 2]:
            raise self.fail(node, "does not double rows and columns")
        mode = given.get("mode", b"nearest").decode()
        place = given.get("coordinate_transformation_mode", b"half_pixel").decode()
        nearest = given.get("nearest_mode", b"round_prefer_floor").decode()
        if mode == "nearest":
            whole = place == "asymmetric" and nearest in ("floor", "round_prefer_floor")
            half = place in ("half_pixel", "pytorch_half_pixel") and nearest.startswith("round")
            if not whole and not half:
                raise self.fail(node, f"nearest with {place} and {nearest}")
            self.add(node, "upsample_nearest", [self.value(node)])
        elif mode == "linear" and place in ("half_pixel", "pytorch_half_pixel"):
            self.add(node, "upsample_bilinear", [self.value(node)])
        else:
            raise self.fail(node, f"{mode} with {place}")

    def _flatten(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        if given.get("axis", 1) != 1:
            raise self.fail(node, "keeps more than the batch (axis 1)")
        self.add(node, "flatten", [self.value(node)])

    def _reshape(self, node: onnx.NodeProto, _given: dict[str, Any]) -> None:
        if node.input[0] in self.constants:
            self.constants[node.output[0]] = self.constant(node, 0).reshape(self.constant(node, 1))
            return
        shape = [int(side) for side in self.constant(node, 1)]
        flat = self.shapes.get(node.input[0], [])[1:]
        count = int(np.prod(flat)) if flat and None not in flat else None
        if len(shape) != 2 or shape[1] not in (-1, count):
            raise self.fail(node, f"to {shape} does not flatten everything but the batch")
        self.add(node, "flatten", [self.value(node)])

    def _softmax(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        self._over_channels(node, given.get("axis", -1))
        self.add(node, "softmax", [self.value(node)])

    def _argmax(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        self._over_channels(node, given.get("axis", 0))
        if given.get("select_last_index"):
            raise self.fail(node, "select_last_index")
        self.add(node, "argmax", [self.value(node)])

    def _over_channels(self, node: onnx.NodeProto, axis: int) -> None:
        rank = len(self.shapes.get(node.input[0], []))
        if axis != 1 and not (axis < 0 and rank + axis == 1):
            raise self.fail(node, f"along axis {axis}: only along the channels, 1")

    def _quantizelinear(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        step, zero = self.constant(node, 1), self.constant(node, 2)
        if step.size != 1:
            raise self.fail(node, "has a step for each channel")
        zero = np.zeros((), np.uint8) if zero is None else zero
        if zero.dtype not in (np.uint8, np.int8):
            raise self.fail(node, f"to {zero.dtype}")
        self.alias(node)
        value = self.values[node.output[0]]
        shift = 128 if zero.dtype == np.int8 else 0
        self.known.codes[value] = (float(step.ravel()[0]), int(zero.ravel()[0]) + shift)

    def _dequantizelinear(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        if node.input[0] not in self.constants:
            self.alias(node)
            return
        codes, step, zero = (self.constant(node, at) for at in (0, 1, 2))
        axis = int(given.get("axis", 1))
        if step.size > 1:
            wide = [-1 if place == axis % codes.ndim else 1 for place in range(codes.ndim)]
        else:
            wide = [1] * codes.ndim
        offset = 0 if zero is None else zero.astype(np.int64).reshape(wide if zero.size > 1 else ())
        reals = (codes.astype(np.int64) - offset) * step.astype(np.float64).reshape(wide)
        self.constants[node.output[0]] = reals.astype(F32)
        if codes.dtype == np.int8 and not np.any(offset) and codes.min(initial=0) > -128:
            self.steps[node.output[0]] = step.ravel().astype(np.float64)
