"""Writes the pages of the Python packages by pdoc: `python interfaces.py OUT`.

`nibble_qat` imports NumPy, safetensors and PyTorch. Its pages need none of them, so empty modules
take their places.
"""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pdoc

REPLACED = ("numpy", "safetensors", "torch")
#: Modules inside these, and classes whose names are small.
MODULES = ("functional", "fx", "nn")
TYPES = ("float32", "floating", "int8", "int32", "int64", "ndarray", "uint8")
PACKAGES = ("nibble_mrz", "nibble_qat")


class Empty(ModuleType):
    """A module in which every name is there: a module, a class, or a function that decorates."""

    __path__: list[str] = []

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in MODULES:
            return import_module(f"{self.__name__}.{name}")
        is_class = name[0].isupper() or name in TYPES
        made = type(name, (), {"__module__": self.__name__}) if is_class else _anything
        setattr(self, name, made)
        return made


def _anything(*_given, **_named):
    return lambda decorated=None: decorated


class Finder(MetaPathFinder, Loader):
    """Finds empty modules."""

    def find_spec(self, fullname, path=None, target=None):
        is_replaced = fullname.split(".")[0] in REPLACED
        return ModuleSpec(fullname, self, is_package=True) if is_replaced else None

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


if __name__ == "__main__":
    sys.meta_path.insert(0, Finder())
    import nibble_qat

    # These are imported on first use.
    for name in nibble_qat.__all__:
        setattr(nibble_qat, name, getattr(nibble_qat, name))
    pdoc.render.configure(docformat="restructuredtext", show_source=False)
    pdoc.pdoc(*PACKAGES, output_directory=Path(sys.argv[1]))
