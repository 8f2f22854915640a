"""Writes the golden vectors of a network that was converted: `python make_converted.py`.

Needs the package `onnx`. The file is `testdata/golden/graphs/converted.safetensors`.
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


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        random = np.random.default_rng(5)
        images = Path(folder) / "images"
        images.mkdir()
        for at in range(8):
            image = random.integers(0, 256, (3, 4, 3), np.uint8).repeat(4, 0).repeat(4, 1)
            np.save(images / f"{at}.npy", image)
        onnx.save(network(), Path(folder) / "converted.onnx")
        arguments = ["convert", f"{folder}/converted.onnx", "--calibrate", str(images)]
        arguments += ["--mean", "0.5", "0.4", "0.3", "--deviation", "0.25", "0.2", "0.25"]
        arguments += ["--bits", "4", "--keep", "first=8"]
        sys.exit(main([*arguments, "--out", str(GRAPHS / "converted.safetensors")]))
