"""A program that uses the package with types.

mypy reads it, nothing runs it: what is marked as ignored must be an error.
"""

from pathlib import Path

import numpy as np

from nibble_qat import Graph, GraphError, load, save, simulate


def scores(path: Path, image: np.ndarray) -> list[int]:
    """Loads, runs, writes."""
    try:
        graph: Graph = load(path)
    except GraphError as error:
        return [len(str(error))]
    outputs = simulate(graph, {source.tensor: image for source in graph.inputs})
    save(graph, path.with_suffix(".again"))
    simulate(path, image)
    return [int(value) for value in outputs[graph.outputs[0]].ravel()]


def wrong(graph: Graph) -> None:
    """What a checker must refuse."""
    simulate(graph, "image")  # type: ignore[arg-type]
    load(5)  # type: ignore[arg-type]
    graph.names  # type: ignore[attr-defined]  # noqa: B018
