"""`nibble-qat convert`: from an ONNX network to a file of integers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from .calibration import Loss, calibrate, losses
from .graph import Graph, GraphError, save, write
from .integers import run, stored

#: Maximum number of images that the table of losses is made with.
MAX_COMPARED = 16
#: Ratio of signal to error, in decibels, below which the table points a layer out.
POOR = 12.0


def loaded(path: Path, graph: Graph) -> np.ndarray:
    """An image: `.npy` (bytes `[rows, columns, channels]`, or the network's own input in single
    precision, `[channels, rows, columns]`), or a picture, which needs Pillow.
    """
    source = graph.inputs[0]
    reads_bytes = graph.tensors[source.tensor].is_codes
    if path.suffix == ".npy":
        image = np.load(path)
        if image.dtype == np.float32 and not reads_bytes:
            image = image.reshape(image.shape[-3:]).transpose(1, 2, 0)
    else:
        from PIL import Image

        picture = Image.open(path).convert("L" if source.channels == 1 else "RGB")
        if source.height and source.width:
            picture = picture.resize((source.width, source.height))
        image = np.asarray(picture)
    if image.ndim == 2:
        image = image[:, :, None]
    if image.dtype != (np.uint8 if reads_bytes else np.float32):
        wanted = "bytes" if reads_bytes else "single precision (--mean makes it read bytes)"
        raise GraphError(f"{path}: {image.dtype}, but the network reads {wanted}")
    return np.ascontiguousarray(image)


def images(folder: Path, graph: Graph) -> list[np.ndarray]:
    """The images of a folder, in the order of their names."""
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    found = [loaded(path, graph) for path in files if path.is_file()]
    if not found:
        raise GraphError(f"{folder} has no images")
    return found


def table(found: list[Loss]) -> str:
    """What each node loses."""
    width = max([4, *(len(loss.node) for loss in found)])
    lines = [f"{'node':{width}}  {'operation':20} bits   dB"]
    for loss in found:
        mark = "  <- little is left: train this layer, or keep it at 8 bits"
        poor = loss.op in ("conv2d", "linear") and loss.decibels < POOR
        lines.append(
            f"{loss.node:{width}}  {loss.op:20} {loss.bits:>4} {loss.decibels:5.1f}"
            + (mark if poor else "")
        )
    return "\n".join(lines)


def convert(options: argparse.Namespace) -> None:
    from .onnx_graph import read

    mean = options.mean
    graph, known = read(options.network, mean, options.deviation or 1.0)
    given = images(options.calibrate, graph)
    made = graph
    if options.bits != 32:
        keep = dict(entry.rsplit("=", 1) for entry in options.keep)
        made = calibrate(graph, given, options.bits, {k: int(v) for k, v in keep.items()}, known)
        print(table(losses(graph, made, given[:MAX_COMPARED])))
    path = options.out or options.network.with_suffix(".safetensors")
    save(made, path)
    image = made.inputs[0].tensor
    golden = {
        name: stored(values, made.tensors[name]) for name, values in run(made, given[0]).items()
    }
    golden[f"input.{image}"] = given[0]
    reals = [name for name, tensor in made.tensors.items() if tensor.type == "f32"]
    write(golden, path.with_suffix(".golden.safetensors"), {"inexact": ",".join(reals)})
    print(f"{path}: {path.stat().st_size:,} bytes; outputs {', '.join(made.outputs)}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="nibble-qat", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("convert", help="converts an ONNX network by calibration")
    command.add_argument("network", type=Path, help="an ONNX file, float or QDQ")
    command.add_argument(
        "--calibrate", type=Path, required=True, metavar="DIR", help="typical inputs"
    )
    command.add_argument("--bits", type=int, choices=(4, 8, 32), default=8)
    command.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="LAYER=BITS",
        help="gives a layer other bits; `first` and `last` are names, too",
    )
    command.add_argument(
        "--mean", type=float, nargs="+", help="of the channels, 0 to 1: the file then reads bytes"
    )
    command.add_argument("--deviation", type=float, nargs="+")
    command.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    try:
        convert(options)
    except GraphError as error:
        print(f"nibble-qat: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"nibble-qat: {error}: pip install 'nibble-qat[onnx]'", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
