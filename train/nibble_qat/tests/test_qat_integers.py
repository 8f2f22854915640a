"""The simulation against golden vectors of the Rust engine's oracle, and files read and written."""

import os
from pathlib import Path

import numpy as np
import pytest
from nibble_qat.integers import run, stored
from safetensors import safe_open

from nibble_qat import Graph, GraphError, Input, Node, Tensor, load, save, simulate

ROOT = Path(__file__).parents[3]
GRAPHS = ROOT / "testdata" / "golden" / "graphs"
EXAMPLES = [ROOT / "examples" / name for name in ("digits", "codes")]

#: A folder written by `cargo run -p nibble-core --features bench --example random_graphs`, for more
#: graphs than are committed.
FOLDERS = [
    GRAPHS,
    *EXAMPLES,
    *(Path(folder) for folder in os.environ.get("NIBBLE_GRAPHS", "").split() if folder),
]

CASES = [
    path
    for folder in FOLDERS
    for path in sorted(folder.glob("*.safetensors"))
    if "golden" not in path.name
]


def vectors(path: Path) -> tuple[dict[str, np.ndarray], set[str]]:
    """The tensors of a file of golden vectors, and the names of those that are not exact."""
    with safe_open(str(path), "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, set((file.metadata() or {}).get("inexact", "").split(","))


def golden(path: Path) -> tuple[dict[str, np.ndarray], set[str]]:
    return vectors(path.with_name(path.stem + ".golden.safetensors"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_simulation_equals_the_engine(path):
    graph = load(path)
    wanted, inexact = golden(path)
    inputs = {source.tensor: wanted[f"input.{source.tensor}"] for source in graph.inputs}
    found = run(graph, inputs)
    assert set(found) == {name for name in wanted if not name.startswith("input.")}
    for name, values in found.items():
        values = stored(values, graph.tensors[name])
        if name in inexact:
            tolerance = 1e-4 * max(1, np.abs(wanted[name]).max())
            np.testing.assert_allclose(values, wanted[name], atol=tolerance, err_msg=name)
        else:
            np.testing.assert_array_equal(values, wanted[name], err_msg=name, strict=True)
    outputs = simulate(path, inputs)
    assert list(outputs) == graph.outputs


def test_the_examples_are_among_the_graphs():
    assert {"digits", "codes"} <= {path.stem for path in CASES}


def test_committed_graphs_have_every_operation():
    operations = {
        node.op
        for path in GRAPHS.glob("*.safetensors")
        if "golden" not in path.name
        for node in load(path).nodes
    }
    assert len(operations) == 18, operations


@pytest.mark.parametrize("path", CASES[:22], ids=lambda path: path.stem)
def test_graphs_survive_writing_and_reading(path, tmp_path):
    graph = load(path)
    save(graph, tmp_path / "again.safetensors")
    again = load(tmp_path / "again.safetensors")
    assert graph.description() == again.description()
    for node, other in zip(graph.nodes, again.nodes, strict=True):
        for part in ("weight", "bias", "scale"):
            np.testing.assert_array_equal(getattr(node, part), getattr(other, part))
    save(again, tmp_path / "twice.safetensors")
    once, twice = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("again", "twice"))
    assert once == twice


def small() -> Graph:
    """One pixel, one channel, one weight."""
    weight = np.full((1, 1, 1, 1), 3, np.int8)
    attributes = {"in": 1, "out": 1, "kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1]}
    attributes |= {"padding": [0] * 4, "groups": 1, "weight_bits": 4, "activation": "none"}
    half = np.full(1, 0.5, np.float32)
    node = Node("n", "conv2d", ["a"], "b", attributes, weight, np.ones(1, np.int32), half)
    tensors = [Tensor("a", "u8", 1.0, [2]), Tensor("b", "u4", 1.0, [5])]
    return Graph("small", [Input("a", 1)], {t.name: t for t in tensors}, [node], ["b"])


def test_ties_go_to_even_and_codes_are_clamped():
    # 3 * (q - 2) + 1 halved, plus 5.
    for code, wanted in [(0, 3), (2, 5), (3, 7), (4, 9), (200, 15)]:
        found = simulate(small(), np.full((1, 1, 1), code, np.uint8))
        assert found["b"].tolist() == [[[wanted]]], code


def test_inputs_of_another_shape_or_type_are_errors():
    for bad in [
        np.zeros((1, 1, 2), np.uint8),
        np.zeros((1, 1, 1), np.float32),
        np.zeros(3, np.uint8),
    ]:
        with pytest.raises(GraphError, match="`a`"):
            simulate(small(), bad)


def test_files_of_another_version_are_errors():
    with pytest.raises(GraphError, match=r"ocr-u4\.safetensors: .* version 2"):
        load(ROOT / "models" / "ocr-u4.safetensors")


def test_tensors_are_renamed_wherever_they_stand():
    path = GRAPHS / "exported.safetensors"
    made, (wanted, _) = load(path), golden(path)
    old = made.outputs[0]
    values = {source.tensor: wanted[f"input.{source.tensor}"] for source in made.inputs}
    before = run(made, values)[old]
    made.rename(old, "other")
    np.testing.assert_array_equal(run(made, values)["other"], before)
    assert made.outputs[0] == "other" and made.tensors["other"].name == "other"
    with pytest.raises(GraphError, match="gone"):
        made.rename("gone", "name")
    with pytest.raises(GraphError, match="other"):
        made.rename(made.inputs[0].tensor, "other")
