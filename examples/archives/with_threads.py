"""Reads an archive with the threads of one process: one machine needs no engine.

python with_threads.py SCANS RESULTS
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pyarrow
import pyarrow.parquet
from archive import SCHEMA, chunks, finish, rows


def run(scans: Path, results: Path, threads: int = 0, size: int = 10_000) -> int:
    """Reads what is not read yet; returns how many pictures that were."""
    count = 0
    for partial, paths in chunks(scans, results, size):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        table = pyarrow.Table.from_pylist(list(rows(paths, threads)), schema=SCHEMA)
        pyarrow.parquet.write_table(table, partial / "part.parquet")
        finish(partial)
        count += len(paths)
    return count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    print(run(arguments.scans, arguments.results, arguments.threads), "pictures read")
