"""What every engine needs: the pictures of an archive, rows of a table, and what is done already.

Results are Parquet files. An engine writes a chunk into a folder whose name begins with a dot,
which is renamed when the chunk is complete. A run that was killed loses only its last chunk.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow
import pyarrow.dataset

import nibble_mrz

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}

FIELDS = [
    "format",
    "issuer",
    "surname",
    "given_names",
    "document_number",
    "nationality",
    "birth_date",
    "expiry_date",
    "sex",
]

# `status` is `valid`, `not verified`, `no zone`, or the code of an error; `message` describes it.
# `reading` is the whole reading as JSON.
COLUMNS = ["path", "status", "message", "lines", *FIELDS, "reading"]
SCHEMA = pyarrow.schema([(name, pyarrow.string()) for name in COLUMNS])


def row(path: str, reading: nibble_mrz.Reading) -> dict[str, str | None]:
    """A row of the table."""
    error, document = reading["error"], reading["document"]
    if error:
        status = error["code"]
    elif document is None:
        status = "no zone"
    else:
        status = "valid" if reading["valid"] else "not verified"
    fields = {name: document[name] if document else None for name in FIELDS}
    return {
        "path": path,
        "status": status,
        "message": error["message"] if error else None,
        "lines": "\n".join(reading["lines"]),
        **fields,
        "reading": json.dumps(reading),
    }


def rows(paths: Iterable[str], threads: int = 1) -> Iterator[dict[str, str | None]]:
    """A row for each path, in order; the pictures that cannot be read are rows too."""
    named = list(paths)
    for reading in nibble_mrz.read_many(named, threads=threads):
        yield row(named[reading["index"]], reading)


def pictures(folder: Path) -> Iterator[str]:
    """The pictures in a folder and those below it, one by one, in the order of their names."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from pictures(Path(entry.path))
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield entry.path


def done(results: Path) -> set[str]:
    """The paths that have a row already.

    They must fit into memory: some 150 bytes each. Run larger archives folder by folder.
    """
    chunks = sorted(results.glob("chunk-*"))
    tables = (pyarrow.dataset.dataset(chunk).to_table(columns=["path"]) for chunk in chunks)
    return {path for table in tables for path in table["path"].to_pylist()}


def fill(folder: Path, results: Path, size: int, write: Callable[[Path, list[str]], object]) -> int:
    """Writes chunks of `size` pictures that have no row yet; returns how many pictures that were.

    `write` is called with a folder that does not exist and the paths whose rows belong into it.
    """
    results.mkdir(parents=True, exist_ok=True)
    known = done(results)
    todo = (path for path in pictures(folder) if path not in known)
    number = 1 + max(
        (int(chunk.name.split("-")[1]) for chunk in results.glob("chunk-*")), default=0
    )
    count = 0
    while paths := list(islice(todo, size)):
        partial = results / f".chunk-{number:06}"
        # What a killed run left.
        shutil.rmtree(partial, ignore_errors=True)
        write(partial, paths)
        partial.rename(results / f"chunk-{number:06}")
        number += 1
        count += len(paths)
    return count
