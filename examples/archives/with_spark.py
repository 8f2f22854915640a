"""Reads an archive with Spark: `mapInPandas` over the paths, one task for each core.

spark-submit --py-files archive.py with_spark.py SCANS RESULTS

SCANS is a folder that every machine of the cluster sees, or the address of a bucket. RESULTS is a
folder that every machine sees.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas
from archive import COLUMNS, fill, rows
from pyspark.sql import SparkSession

SCHEMA = ", ".join(f"{name} string" for name in COLUMNS)


def read_batches(batches: Iterator[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
    """A table for each batch of paths."""
    for batch in batches:
        yield pandas.DataFrame(list(rows(batch["path"].tolist())), columns=COLUMNS)


def run(spark: SparkSession, scans: str | Path, results: Path, size: int = 100_000) -> int:
    """Reads what is not read yet; returns how many pictures that were."""
    tasks = 4 * spark.sparkContext.defaultParallelism

    def write(partial: Path, paths: list[str]) -> None:
        # As an RDD, each task gets its share of the paths and no other.
        shares = spark.sparkContext.parallelize([(path,) for path in paths], min(tasks, len(paths)))
        table = shares.toDF("path string").mapInPandas(read_batches, SCHEMA)
        table.write.parquet(partial.absolute().as_uri())

    return fill(scans, results, size, write)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scans")
    parser.add_argument("results", type=Path)
    arguments = parser.parse_args()
    session = SparkSession.builder.appName("nibble-mrz").getOrCreate()
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "64")
    print(run(session, arguments.scans, arguments.results), "pictures read")
