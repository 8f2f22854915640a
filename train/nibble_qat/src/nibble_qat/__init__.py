"""4-bit convolutional networks: train with quantisation, export, and simulate in exact integers.

`simulate` needs NumPy alone. `quantise` and `export` need PyTorch, which is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .graph import Graph, GraphError, Input, Node, Tensor, save
from .integers import simulate
from .reading import load

if TYPE_CHECKING:
    from .exporter import export
    from .quantisation import Quantised, UnsupportedModule, quantise

__all__ = [
    "Graph",
    "GraphError",
    "Input",
    "Node",
    "Quantised",
    "Tensor",
    "UnsupportedModule",
    "export",
    "load",
    "quantise",
    "save",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name == "export":
        from .exporter import export

        return export
    if name in ("Quantised", "UnsupportedModule", "quantise"):
        from . import quantisation

        return getattr(quantisation, name)
    raise AttributeError(f"module `nibble_qat` has no attribute `{name}`")
