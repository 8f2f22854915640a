"""What every engine needs: the pictures of an archive, rows of a table, and what is done already.

An archive is a folder that every machine sees, or the address of a bucket.

Results are Parquet files. An engine writes a chunk into a folder whose name begins with a dot,
which is renamed when the chunk is complete. A run that was killed loses only its last chunk.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import pyarrow
import pyarrow.dataset
from pyarrow.fs import FileSelector, FileSystem, FileType

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
    """A row for each path or address, in order; the pictures that cannot be read are rows too.

    What lies under an address is fetched when its turn comes, at most eight pictures ahead for each
    thread.
    """
    named = list(paths)
    #: Why objects could not be fetched, by their place.
    failures: dict[int, str] = {}

    def sources() -> Iterator[str | bytes]:
        for place, path in enumerate(named):
            if not is_address(path):
                yield path
                continue
            try:
                yield content(path)
            except OSError as error:
                failures[place] = f"the object cannot be read: {error}"
                yield b""

    for reading in nibble_mrz.read_many(sources(), threads=threads):
        place = reading["index"]
        if place in failures:
            reading["error"] = {"code": "Unreadable", "message": failures[place]}
        yield row(named[place], reading)


def is_address(place: str) -> bool:
    """Whether a place is an address such as `s3://bucket/2019`, and no path of this machine."""
    return "://" in place


@cache
def system_of(root: str) -> tuple[FileSystem, str]:
    """The file system behind an address without a path, and the beginning of its paths."""
    return FileSystem.from_uri(root)


def located(address: str) -> tuple[FileSystem, str]:
    """The file system and the path of an address. Options stay: `s3://bucket?region=eu-west-1`."""
    scheme, host, path, options, _ = urlsplit(address)
    system, begin = system_of(urlunsplit((scheme, host, "/", options, "")))
    return system, begin.rstrip("/") + unquote(path)


def content(address: str) -> bytes:
    """The bytes of an object. Raises OSError if it is gone or must not be read."""
    system, path = located(address)
    with system.open_input_file(path) as file:
        return file.read()


def pictures(place: str | Path) -> Iterator[str]:
    """The pictures in a folder and those below it, one by one, in the order of their names.

    `place` is a path, or an address that pyarrow knows: `s3://bucket/2019`, `gs://bucket`,
    `hdfs://host:8020/scans`, `file:///scans`. Pictures of a path are paths, those of an address are
    addresses.
    """
    if is_address(str(place)):
        yield from objects(str(place))
        return
    for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from pictures(Path(entry.path))
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield entry.path


def objects(address: str) -> Iterator[str]:
    """The pictures under an address, likewise."""
    system, folder = located(address)
    scheme, host, path, options, _ = urlsplit(address)
    entries = system.get_file_info(FileSelector(folder))
    for entry in sorted(entries, key=lambda entry: entry.base_name):
        name = entry.base_name
        if name.startswith("."):
            continue
        inside = f"{path.rstrip('/')}/{quote(name)}"
        below = urlunsplit((scheme, host, inside, options, ""))
        if entry.type == FileType.Directory:
            yield from objects(below)
        elif Path(name).suffix.lower() in SUFFIXES:
            yield below


def done(results: Path) -> set[str]:
    """The paths that have a row already.

    They must fit into memory: some 150 bytes each. Run larger archives folder by folder.
    """
    chunks = sorted(results.glob("chunk-*"))
    tables = (pyarrow.dataset.dataset(chunk).to_table(columns=["path"]) for chunk in chunks)
    return {path for table in tables for path in table["path"].to_pylist()}


def fill(
    place: str | Path,
    results: Path,
    size: int,
    write: Callable[[Path, list[str]], object],
) -> int:
    """Writes chunks of `size` pictures that have no row yet; returns how many pictures that were.

    `write` is called with a folder that does not exist and the paths or addresses whose rows belong
    into it.
    """
    results.mkdir(parents=True, exist_ok=True)
    known = done(results)
    todo = (path for path in pictures(place) if path not in known)
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
