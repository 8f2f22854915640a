"""Model files, golden vectors and the committed specimens."""

import csv
from pathlib import Path

import numpy as np
import pytest
from nibble_qat.graph import pack_nibbles, unpack_nibbles
from PIL import Image
from safetensors.numpy import load_file
from test_texts import failing

from nibble_qat import graph
from nibble_train import model_file
from nibble_train.export import float_run, odd_network, quantised_model
from nibble_train.integer import input_codes, run
from nibble_train.model_file import load, save

ROOT = Path(__file__).resolve().parents[2]
SPECIMENS = ROOT / "testdata/specimens"


@pytest.mark.parametrize("shape", [(3, 3, 3, 1), (5, 1, 1, 7), (2, 3, 5, 2)])
def test_nibbles_come_back(shape):
    weight = np.random.default_rng(1).integers(-7, 8, shape).astype(np.int8)
    packed = pack_nibbles(weight)
    depth = int(np.prod(shape[1:]))
    assert packed.shape == (shape[0], (depth + 1) // 2)
    assert np.array_equal(unpack_nibbles(packed, shape), weight)
    flat = weight.reshape(shape[0], -1)
    assert packed[0, 0] == (int(flat[0, 0]) & 15) | ((int(flat[0, 1]) & 15) << 4)


def test_a_weight_beyond_four_bits_is_refused():
    with pytest.raises(ValueError, match="four bits"):
        pack_nibbles(np.array([[9, 0]]))


def test_files_of_both_versions_are_packed_by_the_same_code():
    for name in ("pack_nibbles", "unpack_nibbles", "write"):
        assert getattr(model_file, name) is getattr(graph, name)


@pytest.mark.parametrize("path", ["models/ocr-u4", "models/ocr-u8", "models/ocr-f32"])
def test_committed_files_are_written_again_byte_for_byte(path, tmp_path):
    path = ROOT / f"{path}.safetensors"
    save(load(str(path)), str(tmp_path / "again.safetensors"))
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_model_file_comes_back(tmp_path):
    model = odd_network()
    save(model, str(tmp_path / "odd.safetensors"))
    again = load(str(tmp_path / "odd.safetensors"))
    assert [layer.description() for layer in again.layers] == [
        layer.description() for layer in model.layers
    ]
    strip = np.random.default_rng(4).integers(0, 256, (14, 30))
    assert np.array_equal(run(again, strip)[0], run(model, strip)[0])


def test_equal_models_make_equal_files(tmp_path):
    files = [tmp_path / f"{number}.safetensors" for number in range(6)]
    for file in files:
        save(odd_network(), str(file))
    assert len({file.read_bytes() for file in files}) == 1
    header = files[0].read_bytes()
    assert int.from_bytes(header[:8], "little") % 8 == 0


@pytest.mark.parametrize("precision", ["u4", "u8"])
def test_models_are_within_the_contract(precision):
    path = ROOT / f"models/ocr-{precision}.safetensors"
    model = load(str(path))
    limit = 7 if precision == "u4" else 127
    for layer in model.convolutions:
        assert np.abs(layer.weight).max() <= limit
        assert np.all(layer.scale > 0)
    assert model.convolutions[-1].scale.shape == (1,)
    if precision == "u4":
        assert path.stat().st_size < 100_000


@pytest.mark.parametrize(
    ("precision", "model"),
    [("u4", "models/ocr-u4"), ("u8", "models/ocr-u8"), ("odd", "testdata/golden/odd-model")],
)
def test_golden_vectors_are_the_models(precision, model):
    golden = load_file(str(ROOT / f"testdata/golden/{precision}.safetensors"))
    network = load(str(ROOT / f"{model}.safetensors"))
    assert np.array_equal(
        golden["input"], input_codes(golden["strip"], network.convolutions[0].activation_bits)
    )
    logits, outputs = run(network, golden["strip"])
    assert np.array_equal(golden["logits"], logits)
    for layer, output in zip(network.layers, outputs, strict=False):
        assert np.array_equal(golden[f"{layer.name}.output"], output)


def test_golden_float_logits_are_the_models():
    golden = load_file(str(ROOT / "testdata/golden/f32.safetensors"))
    logits, _ = float_run(load(str(ROOT / "models/ocr-f32.safetensors")), golden["strip"])
    np.testing.assert_allclose(golden["logits"], logits, rtol=1e-4, atol=1e-4)


def test_negative_norm_gain_flips_weights_not_scales():
    rng = np.random.default_rng(6)
    archive = {}
    inputs = 1
    for index, (out, kernel) in enumerate(
        [(4, (3, 3))] * 4 + [(4, (3, 3)), (4, (1, 3)), (38, (1, 1))]
    ):
        archive[f"L.{index}.c.weight"] = rng.normal(size=(out, inputs, *kernel)).astype(np.float32)
        archive[f"qw.{index}.s"] = np.full(out if index < 6 else 1, 0.2, np.float32)
        archive[f"qa.{index}.s"] = np.float32(0.3)
        if index < 6:
            archive[f"L.{index}.bn.weight"] = rng.normal(size=out).astype(np.float32)
            archive[f"L.{index}.bn.bias"] = rng.normal(size=out).astype(np.float32)
            archive[f"L.{index}.bn.running_mean"] = rng.normal(size=out).astype(np.float32)
            archive[f"L.{index}.bn.running_var"] = rng.uniform(0.5, 2, out).astype(np.float32)
        inputs = out
    model = quantised_model(archive, 4)
    assert all(np.all(layer.scale > 0) for layer in model.convolutions)
    first = model.convolutions[0]
    codes = np.clip(
        np.rint(
            archive["L.0.c.weight"].transpose(0, 2, 3, 1).astype(np.float64)
            / (np.float64(np.float32(0.2)) + 1e-9)
        ),
        -7,
        7,
    )
    sign = np.where(archive["L.0.bn.weight"] < 0, -1, 1)[:, None, None, None]
    assert np.array_equal(first.weight, codes * sign)


def test_specimens_are_what_the_index_says():
    with open(SPECIMENS / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["doc"] for row in rows} == {"TD1", "TD2", "TD3", "MRVA", "MRVB", "FRA36", "NONE"}
    for row in rows:
        with Image.open(SPECIMENS / row["file"]) as image:
            assert min(image.size) >= 600
        if row["doc"] == "NONE":
            assert row["mrz"] == ""
        else:
            lines = tuple(row["mrz"].split("|"))
            assert ",".join(failing(row["doc"], lines)) == row["failing_checks"]
    on_disk = {path.name for path in SPECIMENS.iterdir()} - {"index.csv"}
    assert on_disk == {row["file"] for row in rows}
    with Image.open(SPECIMENS / "passport-turned.jpg") as image:
        assert image.getexif()[0x0112] == 6
