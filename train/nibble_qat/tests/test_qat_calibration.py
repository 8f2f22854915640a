"""Calibration in NumPy alone: a small graph of single precision, from bytes to integers."""

import numpy as np
import pytest
from nibble_qat.calibration import calibrate, fitted, fitted_codes, losses
from nibble_qat.command import table
from nibble_qat.integers import run

from nibble_qat import Graph, GraphError, Input, Node, Tensor, load, save


def convolution(random, name: str, source: str, inputs: int, outputs: int, activation: str) -> Node:
    weight = random.normal(0, (2 / (9 * inputs)) ** 0.5, (outputs, 3, 3, inputs))
    attributes = {
        "in": inputs,
        "out": outputs,
        "kernel": [3, 3],
        "stride": [1, 1],
        "dilation": [1, 1],
        "padding": [1, 1, 1, 1],
        "groups": 1,
        "weight_bits": 32,
        "activation": activation,
    }
    bias = random.normal(0, 0.1, outputs).astype(np.float32)
    return Node(name, "conv2d", [source], name, attributes, weight.astype(np.float32), bias)


def small() -> Graph:
    random = np.random.default_rng(1)
    nodes = [
        Node("real", "identity", ["image"], "real"),
        convolution(random, "one", "real", 3, 8, "relu"),
        convolution(random, "two", "one", 8, 8, "none"),
        Node("sum", "add", ["one", "two"], "sum", {"activation": "relu"}),
        Node("pooled", "max_pool", ["sum"], "pooled",
             {"kernel": [2, 2], "stride": [2, 2], "padding": [0] * 4}),
        convolution(random, "end", "pooled", 8, 4, "none"),
        Node("best", "argmax", ["end"], "best"),
    ]  # fmt: skip
    tensors = {node.output: Tensor(node.output, "f32") for node in nodes}
    tensors["image"] = Tensor("image", "u8", 1 / 64, [110, 120, 130])
    tensors["best"] = Tensor("best", "i32")
    return Graph("small", [Input("image", 3)], tensors, nodes, ["end", "best"])


def images(count: int = 8) -> list[np.ndarray]:
    random = np.random.default_rng(2)
    return list(random.integers(0, 256, (count, 4, 4, 3), np.uint8).repeat(3, 1).repeat(3, 2))


def test_fewer_bits_lose_more_and_the_file_is_read(tmp_path):
    graph, given = small(), images()
    found = {}
    for name, bits, keep in (("8", 8, {}), ("mixed", 4, {"first": 8}), ("4", 4, {})):
        made = calibrate(graph, given, bits, keep)
        found[name] = {loss.node: loss.decibels for loss in losses(graph, made, given)}
        save(made, tmp_path / "made.safetensors")
        read = load(tmp_path / "made.safetensors")
        for tensor, values in run(made, given[0]).items():
            np.testing.assert_array_equal(run(read, given[0])[tensor], values)
        assert [made.tensors[name].type for name in made.outputs] == ["i32", "i32"]
        assert made.nodes[0].inputs == ["image"]
    assert found["8"]["end"] > 30 > found["mixed"]["end"] > 12
    assert found["mixed"]["one"] > found["4"]["one"] > 12
    assert found["8"]["end"] > found["4"]["end"] + 15


def test_the_table_points_out_where_little_is_left():
    graph, given = small(), images()
    lost = losses(graph, calibrate(graph, given, 4), given)
    lost[0].decibels = lost[2].decibels = 3.0
    text = table(lost).splitlines()
    assert len(text) == 1 + len(lost)
    # Layers can be trained, additions cannot.
    assert [loss.op for loss in lost[:3]] == ["conv2d", "conv2d", "add"]
    assert "little is left" in text[1] and "little is left" not in text[2] + text[3]


def test_steps_have_the_least_error():
    values = np.concatenate([np.linspace(-1, 1, 1000), [4.0]])[None]
    step = fitted(values, -7, 7)[0]
    # One large value is not worth the detail of a thousand others.
    assert step < 3 / 7
    step, zero = fitted_codes(np.linspace(-1, 3, 1000), 8, False)
    assert zero == 64 and abs(step - 4 / 255) < 1e-3
    assert fitted_codes(np.linspace(0, 3, 1000), 4, True)[1] == 0


def test_what_cannot_be_calibrated_is_an_error():
    with pytest.raises(GraphError, match="nothing"):
        calibrate(small(), [])
    with pytest.raises(GraphError, match="3"):
        calibrate(small(), images(), 3)
    with pytest.raises(GraphError, match="gone"):
        calibrate(small(), images(), 4, {"gone": 8})
