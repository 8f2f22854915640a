"""`nibble-qat convert`: from an ONNX network to a file of integers."""

from __future__ import annotations

import argparse
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .calibration import Loss, calibrate, losses
from .checks import check
from .graph import Graph, GraphError, Input, save, write
from .integers import Values, run, stored

#: Maximum number of images that the table of losses is made with.
MAX_COMPARED = 16
#: Ratio of signal to error, in decibels, below which the table points a layer out.
POOR = 12.0


def loaded(path: Path, graph: Graph) -> Values:
    """An image: `.npy` (bytes `[rows, columns, channels]`, or the network's own input in single
    precision, `[channels, rows, columns]`), or a picture, which needs Pillow. For a network with
    several inputs: `.npz`, with such an array for each input, under its name.

    Raises `GraphError`, which names the file.
    """
    try:
        return _loaded(path, graph)
    except GraphError:
        raise
    # NumPy reads zip files and pickles, Pillow dozens of formats: each has errors of its own.
    except (OSError, ValueError, EOFError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
        raise GraphError(f"{path}: it cannot be read: {str(error)[:200]}") from error


def _loaded(path: Path, graph: Graph) -> Values:
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            missing = [i.tensor for i in graph.inputs if i.tensor not in arrays]
            if missing:
                raise GraphError(f"{path}: there is no array `{missing[0]}`")
            return {i.tensor: given(path, arrays[i.tensor], graph, i) for i in graph.inputs}
    if len(graph.inputs) > 1:
        raise GraphError(
            f"{path}: the network has {len(graph.inputs)} inputs; give each example as .npz"
        )
    source = graph.inputs[0]
    if path.suffix == ".npy":
        image = np.load(path)
    else:
        from PIL import Image

        try:
            picture = Image.open(path).convert("L" if source.channels == 1 else "RGB")
        except Image.DecompressionBombError as error:
            raise GraphError(f"{path}: {error}") from error
        if source.height and source.width:
            picture = picture.resize((source.width, source.height))
        image = np.asarray(picture)
    return given(path, image, graph, source)


def given(path: Path, image: np.ndarray, graph: Graph, source: Input) -> np.ndarray:
    """The values of an input from an array of a file: `[rows, columns, channels]`."""
    reads_bytes = graph.tensors[source.tensor].is_codes
    if (source.height, source.width) == (1, 1) and image.size == source.channels:
        image = image.reshape(1, 1, -1)
    elif image.dtype == np.float32 and not reads_bytes and image.ndim >= 3:
        image = image.reshape(image.shape[-3:]).transpose(1, 2, 0)
    if image.ndim == 2:
        image = image[:, :, None]
    if image.dtype != (np.uint8 if reads_bytes else np.float32):
        wanted = "bytes" if reads_bytes else "single precision (--mean makes it read bytes)"
        raise GraphError(f"{path}: {image.dtype}, but `{source.tensor}` reads {wanted}")
    return np.ascontiguousarray(image)


def images(folder: Path, graph: Graph) -> list[Values]:
    """The images of a folder, in the order of their names.

    Raises `GraphError`, which names the folder or the file.
    """
    if not folder.is_dir():
        raise GraphError(f"{folder} is no folder")
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    found = [loaded(path, graph) for path in files if path.is_file()]
    if not found:
        raise GraphError(f"{folder} has no images")
    return found


def by_input(options: list[list[str]] | None) -> list[float] | dict[str, list[float]] | None:
    """The numbers of an option, for all inputs or by input: `0.5 0.4 0.3`, or `image=0.5`."""
    if options is None:
        return None
    named: dict[str, list[float]] = {}
    for first, *rest in options:
        name, _, number = first.rpartition("=")
        try:
            named[name] = [float(value) for value in (number, *rest)]
        except ValueError as error:
            raise GraphError(f"--mean and --deviation take numbers: {error}") from error
    if "" in named and len(named) > 1:
        raise GraphError("--mean and --deviation hold for all inputs, or name each one")
    return named.get("", named)


def kept(options: list[str]) -> dict[str, int]:
    """The bits of `--keep LAYER=BITS`, by layer."""
    found = {}
    for entry in options:
        name, _, bits = entry.rpartition("=")
        if not name or not bits.isdecimal():
            raise GraphError(f"--keep takes LAYER=BITS, not `{entry}`")
        found[name] = int(bits)
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

    graph, known = read(options.network, by_input(options.mean), by_input(options.deviation) or 1.0)
    examples = images(options.calibrate, graph)
    made = graph
    if options.bits != 32:
        made = calibrate(graph, examples, options.bits, kept(options.keep), known)
        print(table(losses(graph, made, examples[:MAX_COMPARED])))
    path = options.out or options.network.with_suffix(".safetensors")
    check(made)
    save(made, path)
    first = examples[0]
    golden = {name: stored(values, made.tensors[name]) for name, values in run(made, first).items()}
    arrays = first if isinstance(first, Mapping) else {made.inputs[0].tensor: first}
    golden |= {f"input.{name}": values for name, values in arrays.items()}
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
        "--mean",
        action="append",
        nargs="+",
        metavar="[INPUT=]MEAN",
        help="of the channels, 0 to 1: all inputs, or the one named, then read bytes",
    )
    command.add_argument("--deviation", action="append", nargs="+", metavar="[INPUT=]DEVIATION")
    command.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    try:
        convert(options)
    # OSError: a file that cannot be written. Its message has the name.
    except (GraphError, OSError) as error:
        print(f"nibble-qat: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"nibble-qat: {error}: pip install 'nibble-qat[onnx]'", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
