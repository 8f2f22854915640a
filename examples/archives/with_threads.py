"""Reads an archive with the threads of one process: one machine needs no engine.

python with_threads.py SCANS RESULTS

SCANS is a folder, or the address of a bucket.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow
import pyarrow.parquet
from archive import SCHEMA, fill, rows


def run(scans: str | Path, results: Path, threads: int = 0, size: int = 10_000) -> int:
    """Reads what is not read yet; returns how many pictures that were."""

    def write(partial: Path, paths: list[str]) -> None:
        partial.mkdir()
        table = pyarrow.Table.from_pylist(list(rows(paths, threads)), schema=SCHEMA)
        pyarrow.parquet.write_table(table, partial / "part.parquet")

    return fill(scans, results, size, write)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans")
    parser.add_argument("results", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    print(run(arguments.scans, arguments.results, arguments.threads), "pictures read")
