"""Files and graphs that are broken: a `GraphError` that names what is wrong, and nothing else."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
from nibble_qat.command import images, kept, loaded
from nibble_qat.integers import run
from nibble_qat.reading import parse

from nibble_qat import Graph, GraphError, Input, Node, Tensor, load, simulate

ROOT = Path(__file__).parents[3]
#: A small graph whose layers have 4 and 8 bits.
FILE = ROOT / "testdata/golden/graphs/several.safetensors"
DIGITS = ROOT / "examples/digits/digits.safetensors"

#: Seeded changes of one byte.
CHANGES = 2000


def test_every_prefix_is_refused():
    content = FILE.read_bytes()
    parse(content)
    for length in range(len(content)):
        with pytest.raises(GraphError):
            parse(content[:length])


def zeros(graph: Graph) -> dict[str, np.ndarray]:
    """An input of 16 rows and columns where the graph leaves these open."""
    found = {}
    for source in graph.inputs:
        kind = np.uint8 if graph.tensors[source.tensor].is_codes else np.float32
        size = (source.height or 16, source.width or 16, source.channels)
        # What a changed byte makes of the size is the caller's to judge.
        found[source.tensor] = np.zeros([min(side, 64) for side in size], kind)
    return found


def test_changed_bytes_give_an_error_or_a_graph_that_runs():
    """Half of the changes are in the header, the others in the parameters."""
    content = FILE.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    random = np.random.default_rng(20)
    outcomes = {"refused": 0, "does not fit": 0, "runs": 0}
    for change in range(CHANGES):
        low, high = (0, header) if change % 2 else (header, len(content))
        broken = bytearray(content)
        broken[int(random.integers(low, high))] = int(random.integers(256))
        try:
            graph = parse(bytes(broken))
        except GraphError:
            outcomes["refused"] += 1
            continue
        try:
            found = run(graph, zeros(graph))
        except GraphError:
            outcomes["does not fit"] += 1
            continue
        assert set(found) == set(graph.tensors)
        outcomes["runs"] += 1
    assert outcomes["refused"] > CHANGES / 4, outcomes
    assert outcomes["runs"] > CHANGES / 4, outcomes


def changed(change) -> bytes:
    """The digits' file with another description."""
    content = DIGITS.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    network = json.loads(header["__metadata__"]["network"])
    network = change(network) or network
    header["__metadata__"]["network"] = json.dumps(network)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def layer(network, at: int = 0) -> dict:
    """The attributes of a layer."""
    layers = [node["op"] for node in network["nodes"] if "conv2d" in node["op"]]
    return layers[at]["conv2d"]


def put(place, **values):
    """A change that sets values of what `place` finds in the description."""

    def change(network):
        place(network).update(values)

    return change


def cycle(network):
    network["nodes"][0]["inputs"] = [network["nodes"][1]["output"]]


def first_node(network):
    return network["nodes"][0]


def codes(network):
    return network["tensors"][1]


NAN = float("nan")

DESCRIPTIONS = {
    "a list": (lambda network: [1], "description"),
    "no nodes": (lambda network: network | {"nodes": []}, "nodes"),
    "nodes of text": (lambda network: network | {"nodes": "none"}, "`nodes`"),
    "a node of text": (lambda network: network["nodes"].__setitem__(0, "conv"), "node 0"),
    "unknown field": (lambda network: network | {"more": 1}, "`more`"),
    "no release": (lambda network: network.pop("release") and None, "`release`"),
    "cycle": (cycle, "cycle"),
    "out of order": (lambda network: network["nodes"].reverse(), "order"),
    "node gone": (lambda network: network["nodes"].pop(0) and None, "nothing makes"),
    "tensor gone": (lambda network: network["tensors"].pop(1) and None, "not described"),
    "tensor twice": (
        lambda network: network["tensors"].append(dict(codes(network))),
        "described twice",
    ),
    "made twice": (
        lambda network: network["nodes"].insert(3, network["nodes"][2] | {"name": "again"}),
        "made twice",
    ),
    "two nodes of one name": (
        lambda network: network["nodes"][2].update(name=first_node(network)["name"]),
        "another node has its name",
    ),
    "no such output": (lambda network: network | {"outputs": ["gone"]}, "gone"),
    "an output of numbers": (lambda network: network | {"outputs": [1]}, "`outputs`"),
    "an operation gone": (put(first_node, op="sigmoid"), "sigmoid"),
    "two operations": (put(first_node, op={"relu": {}, "add": {}}), "one operation"),
    "an operation without attributes": (put(first_node, op="conv2d"), "missing"),
    "an attribute of text": (put(layer, out="8"), "`out`"),
    "an attribute of truth": (put(layer, out=True), "`out`"),
    "kernel of one side": (put(layer, kernel=[3]), "`kernel`"),
    "kernel of nothing": (put(layer, kernel=[0, 3]), "`kernel`"),
    "kernel of fractions": (put(layer, kernel=[1.5, 3]), "`kernel`"),
    "negative padding": (put(layer, padding=[-1, 1, 1, 1]), "`padding`"),
    "more outputs": (put(layer, out=1 << 40), "`out`"),
    "no groups": (put(layer, groups=0), "`groups`"),
    "five bits": (put(layer, weight_bits=5), "weight_bits"),
    "real weights": (put(layer, weight_bits=32), "weight"),
    "unknown activation": (put(layer, activation="tanh"), "tanh"),
    "NaN": (put(codes, scale=NAN), "NaN"),
    "scale of nothing": (put(codes, scale=0.0), "scale"),
    "negative scale": (put(codes, scale=-1.0), "scale"),
    "scale of infinity": (put(codes, scale=float("inf")), "Infinity"),
    "scale of 10^400": (put(codes, scale=10**400), "`scale`"),
    "zero point beyond the codes": (put(codes, zero_points=[256]), "zero point"),
    "no zero point": (put(codes, zero_points=[]), "zero point"),
    "unknown type": (put(codes, type="u2"), "u2"),
    "reals with a scale": (put(codes, type="f32"), "scale"),
    "sums with an activation": (
        put(lambda network: network["nodes"][-1]["op"]["linear"], activation="relu"),
        "activation",
    ),
    "a window that is too large": (
        lambda network: [source.update(height=1, width=1) for source in network["inputs"]] and None,
        "node `",
    ),
    "an input without channels": (
        lambda network: network["inputs"][0].update(channels=0),
        "channels",
    ),
    "an input of nothing": (lambda network: network["inputs"][0].update(height=0), "empty"),
    "nested deep": (lambda network: json.loads("[" * 900 + "]" * 900), "description"),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_broken_descriptions_are_named(name, tmp_path):
    change, part = DESCRIPTIONS[name]
    path = tmp_path / "net.safetensors"
    path.write_bytes(changed(lambda network: None))
    load(path)
    path.write_bytes(changed(change))
    with pytest.raises(GraphError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ") and part in str(error.value)
    with pytest.raises(GraphError, match=r"net\.safetensors"):
        simulate(path, np.zeros((8, 8), np.uint8))


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(GraphError, match="gone"):
        load(tmp_path / "gone")
    with pytest.raises(GraphError, match=str(tmp_path)):
        load(tmp_path)
    (tmp_path / "text").write_text("no network")
    with pytest.raises(GraphError, match="text: no safetensors"):
        load(tmp_path / "text")


def sum_of(weight=3, bias=1, scale=0.5, inputs=("a",)) -> Graph:
    """One pixel, one channel, one weight."""
    attributes = {"in": 1, "out": 1, "kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1]}
    attributes |= {"padding": [0] * 4, "groups": 1, "weight_bits": 8, "activation": "none"}
    node = Node("n", "conv2d", list(inputs), "b", attributes)
    node.weight = np.full((1, 1, 1, 1), weight, np.int8)
    node.bias = np.full(1, bias, np.int32)
    node.scale = np.full(1, scale, np.float32)
    tensors = [Tensor("a", "u8", 1.0, [2]), Tensor("b", "u4", 1.0, [5])]
    return Graph("sum", [Input("a", 1)], {t.name: t for t in tensors}, [node], ["b"])


@pytest.mark.parametrize(
    ("graph", "part"),
    [
        (sum_of(weight=-128), "n.weight"),
        (sum_of(bias=2**31 - 1), "n.bias"),
        (sum_of(scale=0), "n.scale"),
        (sum_of(scale=-1), "n.scale"),
        (sum_of(scale=NAN), "n.scale"),
        (sum_of(inputs=("b",)), "cycle"),
        (sum_of(inputs=("gone",)), "gone"),
        (sum_of(inputs=("a", "a")), "number of inputs"),
        (sum_of(inputs=()), "nothing reads"),
    ],
)
def test_broken_graphs_are_named(graph, part):
    pixel = np.zeros((1, 1, 1), np.uint8)
    simulate(sum_of(), pixel)
    with pytest.raises(GraphError, match=part):
        simulate(graph, pixel)


def test_parameters_must_be_there():
    for part in ("weight", "bias", "scale"):
        graph = copy.deepcopy(sum_of())
        setattr(graph.nodes[0], part, None)
        with pytest.raises(GraphError, match="`n`"):
            simulate(graph, np.zeros((1, 1, 1), np.uint8))


def test_inputs_go_by_their_names():
    pixel = np.zeros((1, 1, 1), np.uint8)
    with pytest.raises(GraphError, match="`a` is missing"):
        simulate(sum_of(), {})
    with pytest.raises(GraphError, match="no input `b`; there are a"):
        simulate(sum_of(), {"a": pixel, "b": pixel})
    with pytest.raises(GraphError, match="empty"):
        simulate(sum_of(), np.zeros((0, 1, 1), np.uint8))


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.png", "gone.npy", "gone.png"])
def test_examples_that_cannot_be_read_are_named(name, tmp_path):
    path = tmp_path / name
    if not name.startswith("gone"):
        path.write_bytes(b"neither an array nor a picture")
    with pytest.raises(GraphError, match=name):
        loaded(path, sum_of())


def test_arrays_that_are_cut_off_are_named(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4, 1), np.uint8))
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros((4, 4, 1), np.uint8))
    for name in ("a.npy", "a.npz"):
        content = (tmp_path / name).read_bytes()
        loaded(tmp_path / name, sum_of())
        for length in range(len(content)):
            (tmp_path / name).write_bytes(content[:length])
            with pytest.raises(GraphError, match=name):
                loaded(tmp_path / name, sum_of())


def test_folders_without_examples_are_named(tmp_path):
    for path, part in [(tmp_path / "gone", "no folder"), (tmp_path, "no images")]:
        with pytest.raises(GraphError, match=part) as error:
            images(path, sum_of())
        assert str(path) in str(error.value)


def test_options_of_layers_name_both():
    assert kept(["first=8", "a=b=4"]) == {"first": 8, "a=b": 4}
    for option in ("first", "=8", "first=", "first=four"):
        with pytest.raises(GraphError, match="--keep"):
            kept([option])
