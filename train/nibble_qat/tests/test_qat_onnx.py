"""ONNX networks against onnxruntime."""

import numpy as np
import pytest
from nibble_qat.calibration import calibrate, losses
from nibble_qat.command import main
from nibble_qat.integers import reals, run
from required import package
from safetensors import safe_open

from nibble_qat import GraphError, load

onnx = package("onnx", "ONNX")
onnxruntime = package("onnxruntime", "ONNX")

from google.protobuf.message import DecodeError  # noqa: E402
from nibble_qat.onnx_graph import UnsupportedOperator, read  # noqa: E402
from nibble_qat.onnx_nodes import Reader  # noqa: E402
from onnx_models import MODELS, Builder, resnet8  # noqa: E402

#: Decibels of signal over error that the outputs keep: at 8 bits, and at 4 with the first layer at
#: 8. The weights are random, so that no layer was made to be quantised.
KEPT = {
    "lenet": (30, 11),
    "resnet8": (35, 14),
    "mobilenet": (16, 4),
    "unet": (30, 11),
    "line_reader": (27, 8),
}


def inputs(model, count: int = 6) -> list[np.ndarray]:
    """Smooth random inputs, `[rows, columns, channels]`."""
    random = np.random.default_rng(7)
    _, channels, height, width = (
        d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim
    )
    found = []
    for _ in range(count):
        coarse = random.normal(0, 1, (height // 4, width // 4, channels))
        found.append(coarse.repeat(4, 0).repeat(4, 1).astype(np.float32))
    return found


def peer(model, image: np.ndarray) -> list[np.ndarray]:
    """The outputs of onnxruntime, `[rows, columns, channels]`."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"image": image.transpose(2, 0, 1)[None]})
    return [out[0].transpose(1, 2, 0) if out.ndim == 4 else out[0][None, None] for out in found]


def decibels(wanted: np.ndarray, found: np.ndarray) -> float:
    error = np.square(wanted - found).sum()
    return float(10 * np.log10(np.square(wanted).sum() / max(error, 1e-30)))


@pytest.mark.parametrize("name", MODELS)
def test_single_precision_is_what_onnxruntime_computes(name):
    model = MODELS[name]()
    graph, _ = read(model)
    for image in inputs(model, 2):
        tensors = run(graph, image)
        for output, wanted in zip(graph.outputs, peer(model, image), strict=True):
            assert tensors[output].shape == wanted.shape
            assert decibels(wanted, tensors[output]) > 90
    assert graph.outputs == [output.name for output in model.graph.output]


@pytest.mark.parametrize("name", MODELS)
def test_integers_are_near_onnxruntime(name):
    model = MODELS[name]()
    graph, known = read(model)
    given = inputs(model)
    for bits, keep, kept in ((8, {}, KEPT[name][0]), (4, {"first": 8}, KEPT[name][1])):
        made = calibrate(graph, given, bits, keep, known)
        image = given[0]
        tensors = run(made, image)
        for output, wanted in zip(made.outputs, peer(model, image), strict=True):
            found = decibels(wanted, reals(made, output, tensors[output]))
            assert found > kept, f"{bits} bits: {found:.1f} dB"
        table = losses(graph, made, given[:2])
        layers = [node.name for node in made.nodes if node.is_layer]
        assert {loss.node for loss in table} >= set(layers)
        assert {loss.bits for loss in table if loss.node in layers} <= {"4", "8"}


def test_a_network_that_is_quantised_keeps_its_codes(tmp_path):
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        quant_pre_process,
        quantize_static,
    )

    model = resnet8(16)
    given = inputs(model)

    class Images(CalibrationDataReader):
        def __init__(self):
            self.left = [{"image": image.transpose(2, 0, 1)[None]} for image in given]

        def get_next(self):
            return self.left.pop() if self.left else None

    onnx.save(model, tmp_path / "float.onnx")
    # Folds batch norm, before weights are quantised.
    quant_pre_process(tmp_path / "float.onnx", tmp_path / "folded.onnx", skip_symbolic_shape=True)
    quantize_static(
        tmp_path / "folded.onnx", tmp_path / "qdq.onnx", Images(), QuantFormat.QDQ, per_channel=True
    )
    quantised = onnx.load(tmp_path / "qdq.onnx")
    assert any(node.op_type == "QuantizeLinear" for node in quantised.graph.node)
    graph, known = read(quantised)
    assert len(known.weights) == 10 and len(known.codes) > 8
    made = calibrate(graph, given, 8, known=known)
    # The sums of the last layer stay as they are.
    inner = [node for node in made.nodes if node.is_layer and node.output not in made.outputs]
    assert len(inner) == 9
    for node in inner:
        if node.name in known.codes:
            tensor = made.tensors[node.output]
            assert (tensor.step, tensor.zero_points) == (
                np.float32(known.codes[node.name][0]),
                [known.codes[node.name][1]],
            )
            steps = node.scale * tensor.step / made.tensors[node.inputs[0]].step
            np.testing.assert_allclose(steps, known.weights[node.name], rtol=1e-5)
    (wanted,) = peer(quantised, given[0])
    found = reals(made, made.outputs[0], run(made, given[0])[made.outputs[0]])
    assert decibels(wanted, found) > 30


def test_images_are_bytes_where_a_mean_is_given(tmp_path, capsys):
    model = resnet8(16)
    onnx.save(model, tmp_path / "net.onnx")
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(3)
    pictures = random.integers(0, 256, (4, 4, 4, 3), np.uint8).repeat(4, 1).repeat(4, 2)
    for at, picture in enumerate(pictures):
        np.save(folder / f"{at}.npy", picture)
    means, deviations = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    arguments = ["convert", str(tmp_path / "net.onnx"), "--calibrate", str(folder)]
    arguments += ["--mean", *map(str, means), "--deviation", *map(str, deviations)]
    assert main([*arguments, "--bits", "4", "--keep", "first=8"]) == 0
    printed = capsys.readouterr().out
    assert "conv0" in printed and "dB" in printed and "gemm" in printed
    made = load(tmp_path / "net.safetensors")
    assert {node.attributes["weight_bits"] for node in made.nodes if node.is_layer} == {4, 8}
    with safe_open(str(tmp_path / "net.golden.safetensors"), "numpy") as file:
        np.testing.assert_array_equal(file.get_tensor("input.image"), pictures[0])
    assert main([*arguments, "--out", str(tmp_path / "8.safetensors")]) == 0
    eight = load(tmp_path / "8.safetensors")
    zeros = np.rint(255 * np.array(means))
    image = ((pictures[0] - zeros) / (255 * np.array(deviations))).astype(np.float32)
    (wanted,) = peer(model, image)
    found = reals(eight, eight.outputs[0], run(eight, pictures[0])[eight.outputs[0]])
    assert decibels(wanted, found) > 25
    # The network's own input is real numbers, not bytes.
    assert main(["convert", str(tmp_path / "net.onnx"), "--calibrate", str(folder)]) == 1
    assert "--mean" in capsys.readouterr().err


def two_inputs():
    """Reads an image, and a vector with what is known beside it; one output looks at both."""
    b = Builder(3, 16, 16)
    beside = b.input("beside", 1, 6)
    x = b.node("GlobalAveragePool", [b.conv(b.conv("image", 16, stride=2), 24)])
    x = b.node("Flatten", [x], axis=1)
    y = b.node("Relu", [b.linear(beside, 6, 16)], 16)
    both = b.node("Concat", [x, y], 40, axis=1)
    mask = b.input("mask", 1, 1, 8, 8)
    z = b.conv(b.node("Concat", [b.conv("image", 8, stride=2), b.conv(mask, 8)], 16, axis=1), 4)
    return b.model(b.linear(both, 40, 5), z)


def test_several_inputs_go_by_their_names(tmp_path, capsys):
    model = two_inputs()
    random = np.random.default_rng(11)
    examples = []
    for _ in range(6):
        image = random.integers(0, 256, (4, 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
        mask = random.normal(0, 1, (8, 8, 1)).astype(np.float32)
        beside = random.normal(0, 2, (1, 1, 6)).astype(np.float32)
        examples.append({"image": image, "beside": beside, "mask": mask})
    means, deviations = [0.5, 0.4, 0.3], [0.25, 0.2, 0.25]
    graph, known = read(model, {"image": means}, {"image": deviations})
    assert [source.tensor for source in graph.inputs] == ["image", "beside", "mask"]
    assert (graph.inputs[1].height, graph.inputs[1].channels) == (1, 6)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    zeros = np.rint(255 * np.array(means))
    image = ((examples[0]["image"] - zeros) / (255 * np.array(deviations))).astype(np.float32)
    given = {"image": image.transpose(2, 0, 1)[None], "beside": examples[0]["beside"][0]}
    scores, map_ = session.run(None, given | {"mask": examples[0]["mask"].transpose(2, 0, 1)[None]})
    wanted = [scores[None], map_[0].transpose(1, 2, 0)]
    exact = run(graph, examples[0])
    for output, values in zip(graph.outputs, wanted, strict=True):
        assert decibels(values, exact[output]) > 90
    for bits, least in ((8, 25), (4, 8)):
        made = calibrate(graph, examples, bits, {"first": 8}, known)
        found = run(made, examples[0])
        for output, values in zip(made.outputs, wanted, strict=True):
            assert decibels(values, reals(made, output, found[output])) > least
        assert len(losses(graph, made, examples)) >= 7

    # The same from the command line: an `.npz` file for each example.
    onnx.save(model, tmp_path / "net.onnx")
    folder = tmp_path / "examples"
    folder.mkdir()
    for at, example in enumerate(examples):
        vector, mask = example["beside"].ravel(), example["mask"].transpose(2, 0, 1)
        np.savez(folder / f"{at}.npz", image=example["image"], beside=vector, mask=mask)
    command = ["convert", str(tmp_path / "net.onnx"), "--calibrate", str(folder), "--bits", "4"]
    options = ["--mean", "image=0.5", "0.4", "0.3", "--deviation", "image=0.25", "0.2", "0.25"]
    assert main([*command, *options, "--keep", "first=8"]) == 0
    stored = load(tmp_path / "net.safetensors")
    for name, values in run(made, examples[0]).items():
        np.testing.assert_array_equal(run(stored, examples[0])[name], values)
    with safe_open(str(tmp_path / "net.golden.safetensors"), "numpy") as file:
        names = [name for name in file.keys() if name.startswith("input.")]  # noqa: SIM118
    assert sorted(names) == ["input.beside", "input.image", "input.mask"]

    capsys.readouterr()
    assert main([*command, "--mean", "picture=0.5"]) == 1
    assert "no input `picture`; there are image, beside, mask" in capsys.readouterr().err
    np.savez(folder / "7.npz", image=examples[0]["image"])
    assert main([*command, *options]) == 1
    assert "no array `beside`" in capsys.readouterr().err
    np.save(folder / "7.npy", examples[0]["image"])
    (folder / "7.npz").unlink()
    assert main([*command, *options]) == 1
    assert "3 inputs" in capsys.readouterr().err


def refused(build, *parts):
    builder = Builder(2, 8, 8)
    model = builder.model(build(builder))
    with pytest.raises(UnsupportedOperator) as error:
        read(model)
    for part in parts:
        assert part in str(error.value)


def test_operators_without_an_operation_are_named_with_their_node():
    refused(lambda b: b.node("Sigmoid", [b.conv("image", 4)]), "sigmoid3", "Sigmoid")
    refused(lambda b: b.node("Clip", ["image", b.constant(-1.0), b.constant(1.0)]), "clip0", "-1")
    refused(lambda b: b.node("Concat", ["image", "image"], axis=2), "concat0", "axis 2")
    window = {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}
    refused(lambda b: b.node("AveragePool", ["image"], **window), "averagepool0", "ceil_mode")
    refused(
        lambda b: b.node("Resize", ["image", "", b.constant([1, 1, 3, 3])], mode="nearest"),
        "resize0",
        "double",
    )
    refused(
        lambda b: b.node("BatchNormalization", ["image", *[b.constant([1.0, 1.0])] * 4]),
        "batchnormalization0",
    )
    refused(lambda b: b.node("Reshape", ["image", b.constant([1, 4, 4, 8], np.int64)]), "reshape0")
    refused(lambda b: b.node("Add", ["image", b.constant(np.ones((1, 2, 8, 8)))]), "add0")
    refused(lambda b: b.node("Softmax", ["image"], axis=2), "softmax0", "axis 2")
    old = resnet8(16)
    old.opset_import[0].version = 11
    with pytest.raises(UnsupportedOperator, match="opset 11"):
        read(old)


def test_broken_networks_are_named(tmp_path, capsys):
    """Every file that cannot be used: exit code 1, and its name in the message."""
    whole = MODELS["lenet"]().SerializeToString()
    network, folder = tmp_path / "net.onnx", tmp_path / "images"
    folder.mkdir()
    np.save(folder / "0.npy", np.zeros((1, 28, 28), np.float32))
    command = ["convert", str(network), "--calibrate", str(folder)]

    def fails(part: str) -> None:
        assert main(command) == 1
        printed = capsys.readouterr()
        assert part in printed.err and "Traceback" not in printed.err

    fails("net.onnx")
    for length in range(0, len(whole), len(whole) // 50):
        network.write_bytes(whole[:length])
        fails("net.onnx")
    network.write_bytes(whole)
    (folder / "1.npy").write_bytes(b"no array")
    fails("1.npy")
    (folder / "1.npy").unlink()
    (folder / "1.png").write_bytes(b"no picture")
    fails("1.png")
    (folder / "1.png").unlink()
    command[3] = str(tmp_path / "gone")
    fails("gone")
    command[3] = str(folder)
    command += ["--keep", "first"]
    fails("--keep")


def test_changed_bytes_of_a_network_are_errors_or_networks():
    whole = MODELS["lenet"]().SerializeToString()
    random = np.random.default_rng(21)
    outcomes = {"refused": 0, "read": 0}
    for _ in range(300):
        broken = bytearray(whole)
        # Names and attributes are before the weights and behind them.
        place = int(random.integers(2000)) * (1 if random.integers(2) else -1)
        broken[place] = int(random.integers(256))
        try:
            read(onnx.load_from_string(bytes(broken)))
            outcomes["read"] += 1
        except (GraphError, DecodeError):
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 20, outcomes


def changed(name: str, op: str, change) -> None:
    """Changes the first node of `op` in a network; reading it must name the node."""
    model = MODELS[name]()
    node = next(node for node in model.graph.node if node.op_type == op)
    change(node)
    with pytest.raises(GraphError, match=node.name):
        read(model)


@pytest.mark.parametrize("name", ["Pool", "Linear", "Activation", "Padding", "Over_Channels"])
def test_helpers_of_the_reader_are_no_operators(name):
    changed("lenet", "Conv", lambda node: setattr(node, "op_type", name))


def test_nodes_that_break_the_rules_are_named():
    changed("lenet", "Conv", lambda node: node.ClearField("input"))
    changed("lenet", "Gemm", lambda node: node.input.__setitem__(1, ""))
    changed("unet", "Concat", lambda node: node.ClearField("attribute"))
    changed("unet", "MaxPool", lambda node: node.ClearField("attribute"))


def test_sizes_of_what_has_no_known_shape_are_refused():
    b = Builder(2, 8, 8)
    sizes = b.constant([1, 2, 16, 16], np.int64)
    x = b.node("Resize", ["image", "", "", sizes], mode="nearest")
    model = b.model(x)
    reader = Reader(model)
    reader.values["image"] = "image"
    # Inference knows no shape behind an operator that it does not understand.
    reader.shapes.clear()
    with pytest.raises(UnsupportedOperator, match=r"resize0.* open"):
        reader.walk()
