"""Packages that only some tests need.

A test file whose package is not installed is skipped. `NIBBLE_REQUIRE_TORCH=1` and
`NIBBLE_REQUIRE_ONNX=1` make that a failure.
"""

import importlib
import os
from types import ModuleType

import pytest


def package(name: str, kind: str) -> ModuleType:
    """A package, for tests of `kind`: `TORCH` or `ONNX`."""
    variable = f"NIBBLE_REQUIRE_{kind}"
    if os.environ.get(variable):
        return importlib.import_module(name)
    reason = f"{name} is not installed ({variable}=1 makes this a failure)"
    return pytest.importorskip(name, reason=reason)
