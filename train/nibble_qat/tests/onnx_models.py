"""ONNX networks with random weights, built node by node."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Adds nodes and their constants; methods return names of values."""

    def __init__(self, channels: int, height: int, width: int, seed: int = 1):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants = [], []
        self.inputs = {"image": [1, channels, height, width]}
        self.channels = {"image": channels}

    def input(self, name: str, *shape: int) -> str:
        """Another input, batch and channels first."""
        self.inputs[name] = list(shape)
        self.channels[name] = shape[1]
        return name

    def constant(self, value, kind=np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def node(self, op: str, inputs: list[str], channels: int | None = None, **attributes) -> str:
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        self.channels[name] = self.channels[inputs[0]] if channels is None else channels
        return name

    def conv(
        self, x: str, outputs: int, side=3, stride=1, groups=1, norm=True, act="relu", dilation=1
    ) -> str:
        inputs = self.channels[x] // groups
        sides = [side, side] if isinstance(side, int) else side
        deviation = (2 / (inputs * sides[0] * sides[1])) ** 0.5
        weight = self.random.normal(0, deviation, (outputs, inputs, *sides))
        pads = [dilation * (s - 1) // 2 for s in sides]
        given = [x, self.constant(weight)]
        if not norm:
            given.append(self.constant(self.random.normal(0, 0.1, outputs)))
        strides = [stride, stride] if isinstance(stride, int) else stride
        x = self.node(
            "Conv", given, outputs, kernel_shape=sides, strides=strides, pads=pads * 2,
            group=groups, dilations=[dilation] * 2,
        )  # fmt: skip
        if norm:
            scale, shift = (
                self.random.uniform(0.7, 1.3, outputs),
                self.random.normal(0, 0.2, outputs),
            )
            mean, variance = (
                self.random.normal(0, 0.2, outputs),
                self.random.uniform(0.6, 1.4, outputs),
            )
            parts = [self.constant(part) for part in (scale, shift, mean, variance)]
            x = self.node("BatchNormalization", [x, *parts])
        if act == "relu":
            x = self.node("Relu", [x])
        elif act == "relu6":
            x = self.node("Clip", [x, self.constant(0.0), self.constant(6.0)])
        return x

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        weight = self.random.normal(0, (2 / inputs) ** 0.5, (outputs, inputs))
        bias = self.random.normal(0, 0.1, outputs)
        return self.node("Gemm", [x, self.constant(weight), self.constant(bias)], outputs, transB=1)

    def pool(self, x: str, op: str, side=2, stride=2, pad=0) -> str:
        return self.node(op, [x], kernel_shape=[side] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def model(self, *outputs: str) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "net",
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in self.inputs.items()
            ],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        # Fills in the shapes of the outputs.
        model = onnx.shape_inference.infer_shapes(model)
        onnx.checker.check_model(model)
        return model


def lenet() -> onnx.ModelProto:
    b = Builder(1, 28, 28)
    x = b.pool(b.conv("image", 6, 5, norm=False), "MaxPool")
    x = b.pool(b.conv(x, 16, 5, norm=False), "AveragePool")
    x = b.node("Reshape", [x, b.constant([1, -1], np.int64)], 16 * 49)
    x = b.node("Relu", [b.linear(x, 16 * 49, 120)])
    x = b.node("Relu", [b.linear(x, 120, 84)])
    return b.model(b.node("Softmax", [b.linear(x, 84, 10)], axis=1))


def resnet8(size: int = 32) -> onnx.ModelProto:
    b = Builder(3, size, size)
    x = b.conv("image", 16)
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        y = b.conv(b.conv(x, outputs, stride=stride), outputs, act=None)
        if stride == 2:
            x = b.conv(x, outputs, 1, stride, act=None)
        x = b.node("Relu", [b.node("Add", [y, x])])
    x = b.node("Flatten", [b.node("GlobalAveragePool", [x])], axis=1)
    return b.model(b.linear(x, 64, 10))


def mobilenet(size: int = 64) -> onnx.ModelProto:
    """Like MobileNet-V2 at 0.35."""
    b = Builder(3, size, size)
    x = b.conv("image", 16, stride=2, act="relu6")
    x = b.conv(b.conv(x, 16, groups=16, act="relu6"), 8, 1, act=None)
    for outputs, stride, repeats in ((8, 2, 2), (16, 2, 3), (24, 2, 2), (32, 1, 2), (56, 2, 2)):
        for repeat in range(repeats):
            wide = 6 * b.channels[x]
            y = b.conv(x, wide, 1, act="relu6")
            y = b.conv(y, wide, 3, stride if repeat == 0 else 1, groups=wide, act="relu6")
            y = b.conv(y, outputs, 1, act=None)
            same = repeat > 0
            x = b.node("Add", [x, y]) if same else y
    x = b.conv(x, 160, 1, act="relu6")
    x = b.node("ReduceMean", [x], axes=[2, 3], keepdims=0)
    return b.model(b.linear(x, 160, 10))


def unet(size: int = 32) -> onnx.ModelProto:
    b = Builder(3, size, size)
    one = b.conv(b.conv("image", 16), 16)
    two = b.conv(b.conv(b.pool(one, "MaxPool"), 32), 32)
    x = b.conv(b.pool(two, "MaxPool"), 64)
    for skip, outputs, mode in ((two, 32, "nearest"), (one, 16, "linear")):
        scales = b.constant([1, 1, 2, 2])
        place = "asymmetric" if mode == "nearest" else "half_pixel"
        x = b.node(
            "Resize", [x, "", scales], mode=mode, coordinate_transformation_mode=place,
            nearest_mode="floor",
        )  # fmt: skip
        x = b.node("Concat", [x, skip], b.channels[x] + outputs, axis=1)
        x = b.conv(b.conv(x, outputs), outputs)
    return b.model(b.conv(x, 4, 1, norm=False, act=None))


def line_reader() -> onnx.ModelProto:
    """Reads a line of text of 24 rows, column by column."""
    b = Builder(1, 24, 96)
    x = b.conv("image", 16, stride=2)
    x = b.pool(b.conv(x, 24), "MaxPool")
    x = b.node("HardSwish", [b.conv(x, 32, act=None)])
    x = b.conv(x, 48, [3, 3], [2, 1], dilation=1)
    weight = b.random.normal(0, 0.1, (37, 48, 3, 1))
    return b.model(b.node("Conv", [x, b.constant(weight)], 37, kernel_shape=[3, 1]))


MODELS = {
    "lenet": lenet,
    "resnet8": resnet8,
    "mobilenet": mobilenet,
    "unet": unet,
    "line_reader": line_reader,
}
