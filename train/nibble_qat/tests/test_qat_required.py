"""Tests that need a package are skipped without it, or fail where it is required."""

import pytest
from required import package


@pytest.mark.parametrize("kind", ["TORCH", "ONNX"])
def test_a_missing_package_skips_unless_it_is_required(kind, monkeypatch):
    monkeypatch.delenv(f"NIBBLE_REQUIRE_{kind}", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"NIBBLE_REQUIRE_{kind}=1"):
        package("no_such_package", kind)
    monkeypatch.setenv(f"NIBBLE_REQUIRE_{kind}", "1")
    with pytest.raises(ModuleNotFoundError):
        package("no_such_package", kind)
    assert package("json", kind).loads("1") == 1
