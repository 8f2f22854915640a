"""How many pictures a second the binary, the package, Ray and Spark read, with 1 and 2 workers.

python rates.py NATIVE_BENCH SPECIMENS [COUNT] [--repeats N] [--json FILE]

Makes an archive of COUNT copies of the rendered specimens, all but the one of 12 megapixels, in a
temporary folder, and reads it with each: one after another, each in a process of its own. The
clocks start when the engine is up and its workers have read some pictures. Everything is repeated,
and the fastest run counts: other work on the machine can only slow it down.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from archive import pictures

HERE = Path(__file__).parent
WARM_UP = 32


def binary(program: str, scans: Path, workers: int) -> float:
    """Seconds of the command line."""
    begin = time.perf_counter()
    subprocess.run(
        [program, "read", "--ndjson", "--jobs", str(workers), str(scans)],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - begin


def package(scans: Path, workers: int) -> float:
    """Seconds of `read_many`."""
    import nibble_mrz

    paths = list(pictures(scans))
    list(nibble_mrz.read_many(paths[:WARM_UP], threads=workers))
    begin = time.perf_counter()
    for _ in nibble_mrz.read_many(paths, threads=workers):
        pass
    return time.perf_counter() - begin


def twice(scans: Path, run: Callable[[Path, Path], int]) -> float:
    """Seconds of a second run, into other results: the first one has started the workers."""
    results = scans.with_name("results")
    for number in (1, 2):
        begin = time.perf_counter()
        run(scans, results / str(number))
    seconds = time.perf_counter() - begin
    shutil.rmtree(results)
    return seconds


def on_ray(scans: Path, workers: int) -> float:
    """Seconds of Ray Data on a cluster of one machine, rows written as Parquet."""
    import ray
    import with_ray

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    return twice(scans, with_ray.run)


def on_spark(scans: Path, workers: int) -> float:
    """Seconds of Spark on a cluster of one machine, rows written as Parquet."""
    import with_spark
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{workers}]").config("spark.ui.enabled", "false")
    spark = builder.getOrCreate()
    for module in ("archive.py", "with_spark.py"):
        spark.sparkContext.addPyFile(str(HERE / module))
    return twice(scans, lambda scans, results: with_spark.run(spark, scans, results))


def in_process(work: Callable[[Path, int], float], scans: Path, workers: int) -> float:
    """Runs in a process of its own, so that no engine sees what another one started."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, scans, workers).result()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("specimens", type=Path)
    parser.add_argument("count", type=int, nargs="?", default=600)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sources = [path for path in pictures(arguments.specimens) if "12mp" not in path]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        scans = Path(folder) / "scans"
        scans.mkdir()
        for number in range(arguments.count):
            source = Path(sources[number % len(sources)])
            shutil.copy(source, scans / f"{number:06}{source.suffix}")
        engines: dict[str, Callable[[int], float]] = {
            "native-bench": partial(binary, arguments.program, scans),
            "package": partial(in_process, package, scans),
            "Ray Data": partial(in_process, on_ray, scans),
            "Spark": partial(in_process, on_spark, scans),
        }
        for workers in (1, 2):
            for name, seconds in engines.items():
                fastest = min(seconds(workers) for _ in range(arguments.repeats))
                rate = arguments.count / fastest
                rows.append({"engine": name, "workers": workers, "pictures_per_second": rate})
                print(f"{name:14} {workers} workers {rate:8.1f} pictures/s", flush=True)
    if arguments.json:
        text = json.dumps({"pictures": arguments.count, "rows": rows}, indent=2)
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
