"""Reads an archive with Ray Data: one task for each core of the cluster.

python with_ray.py SCANS RESULTS

SCANS is a folder that every machine of the cluster sees, or the address of a bucket. RESULTS is a
folder that every machine sees.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow
import ray
from archive import SCHEMA, fill, rows


def read_batch(batch: dict) -> pyarrow.Table:
    """A table for a batch of paths."""
    return pyarrow.Table.from_pylist(list(rows(batch["path"].tolist())), schema=SCHEMA)


def run(scans: str | Path, results: Path, size: int = 100_000, batch: int = 64) -> int:
    """Reads what is not read yet; returns how many pictures that were."""

    def write(partial: Path, paths: list[str]) -> None:
        cores = int(ray.cluster_resources()["CPU"])
        data = ray.data.from_items([{"path": path} for path in paths])
        data = data.repartition(min(4 * cores, len(paths)))
        data.map_batches(read_batch, batch_size=batch).write_parquet(str(partial))

    return fill(scans, results, size, write)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans")
    parser.add_argument("results", type=Path)
    arguments = parser.parse_args()
    # Joins the cluster that RAY_ADDRESS names, or starts one on this machine.
    ray.init()
    print(run(arguments.scans, arguments.results), "pictures read")
