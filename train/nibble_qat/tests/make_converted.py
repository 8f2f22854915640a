"""Writes the golden vectors of networks that were converted: `python make_converted.py`.

Needs the package `onnx`. The files are `converted` and `several` in `testdata/golden/graphs`.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from nibble_qat.command import main
from onnx_models import Builder

GRAPHS = Path(__file__).parents[3] / "testdata" / "golden" / "graphs"


def network() -> onnx.ModelProto:
    b = Builder(3, 12, 16)
    wide = b.conv("image", 16, stride=2, act="relu6")
    x = b.conv(wide, 16, groups=16, act="relu6")
    x = b.node("Add", [wide, b.conv(x, 16, 1, act=None)])
    deep = b.node("HardSwish", [b.conv(x, 24, [3, 2], [2, 2], act=None)])
    scales = b.constant([1, 1, 2, 2])
    up = b.node(
        "Resize", [deep, "", scales], mode="linear", coordinate_transformation_mode="half_pixel"
    )
    cut = b.conv(x, 8, norm=False, dilation=2)
    joined = b.node("Concat", [up, b.pool(cut, "MaxPool", 3, 1, 1)], 32, axis=1)
    mask = b.conv(joined, 2, 1, norm=False, act=None)
    flat = b.node("Flatten", [b.pool(deep, "AveragePool", 2, 2)], 24, axis=1)
    return b.model(mask, b.node("Softmax", [b.linear(flat, 24 * 2, 5)], axis=1))


def several() -> onnx.ModelProto:
    """Reads an image, a mask and a vector."""
    b = Builder(3, 12, 16)
    mask, beside = b.input("mask", 1, 1, 6, 8), b.input("beside", 1, 6)
    x = b.conv("image", 12, stride=2)
    joined = b.node("Concat", [x, b.conv(mask, 4)], 16, axis=1)
    flat = b.node("Flatten", [b.node("GlobalAveragePool", [b.conv(joined, 24)])], axis=1)
    both = b.node("Concat", [flat, b.node("Relu", [b.linear(beside, 6, 16)], 16)], 40, axis=1)
    return b.model(b.linear(both, 40, 5), b.conv(joined, 4, act=None))


def convert(network: onnx.ModelProto, examples: list, name: str, options: str) -> int:
    """Writes the file of a network and its golden vectors."""
    with TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        images.mkdir()
        for at, example in enumerate(examples):
            if isinstance(example, dict):
                np.savez(images / f"{at}.npz", **example)
            else:
                np.save(images / f"{at}.npy", example)
        path = Path(folder) / f"{name}.onnx"
        onnx.save(network, path)
        arguments = ["convert", str(path), "--calibrate", str(images), *options.split()]
        arguments += ["--bits", "4", "--keep", "first=8"]
        return main([*arguments, "--out", str(GRAPHS / f"{name}.safetensors")])


if __name__ == "__main__":
    random = np.random.default_rng(5)

    def image() -> np.ndarray:
        return random.integers(0, 256, (3, 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)

    means, deviations = "0.5 0.4 0.3", "0.25 0.2 0.25"
    pictures = [image() for _ in range(8)]
    failed = convert(network(), pictures, "converted", f"--mean {means} --deviation {deviations}")
    examples = [
        {
            "image": image(),
            "mask": random.normal(0, 1, (1, 6, 8)).astype(np.float32),
            "beside": random.normal(0, 2, 6).astype(np.float32),
        }
        for _ in range(8)
    ]
    options = f"--mean image={means} --deviation image={deviations}"
    sys.exit(failed or convert(several(), examples, "several", options))
