"""A program that uses the package with types.

mypy reads it, nothing runs it: what is marked as ignored must be an error.
"""

from pathlib import Path

import nibble_mrz


def surnames(folder: Path) -> list[str]:
    """Reads a folder."""
    found: list[str] = []
    for reading in nibble_mrz.read_many(folder.iterdir(), threads=2, precision="u8"):
        document = reading["document"]
        if document is not None and reading["valid"]:
            found.append(document["surname"])
    alone: nibble_mrz.Reading = nibble_mrz.read(b"", precision="f32")
    error = alone["error"]
    return found if error is None else [error["code"]]


def wrong() -> None:
    """What a checker must refuse."""
    nibble_mrz.read("passport.jpg", precision="u2")  # type: ignore[arg-type]
    print(nibble_mrz.read("passport.jpg")["surname"])  # type: ignore[typeddict-item]
    nibble_mrz.read_many("passport.jpg", threads="2")  # type: ignore[arg-type]
