"""The examples on a small archive, each with two workers: run by `cargo xtask archives`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import analyse
import pytest
import with_ray
import with_spark
import with_threads
from archive import content, done, is_address, pictures, rows

import nibble_mrz

SPECIMENS = Path(__file__).parents[2] / "testdata/specimens"
HERE = Path(__file__).parent


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """An archive: folders of specimens, a file that is no picture, and a broken one."""
    folder = tmp_path / "scans"
    for year in ("2019", "2020"):
        (folder / year).mkdir(parents=True)
        for name in (
            "passport.jpg",
            "id-td2.jpg",
            "visa-b.webp",
            "passport-wrong-check.jpg",
        ):
            shutil.copy(SPECIMENS / name, folder / year / name)
    (folder / "2020/broken.jpg").write_bytes((SPECIMENS / "passport.jpg").read_bytes()[:3000])
    (folder / "2020/text.jpg").write_text("no picture, whatever its name says")
    (folder / "2020/notes.txt").write_text("not a picture by its name")
    return folder


def ray_runner(scans: str | Path, results: Path, size: int) -> int:
    import ray

    if not ray.is_initialized():
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    return with_ray.run(scans, results, size=size, batch=4)


def spark_runner(scans: str | Path, results: Path, size: int) -> int:
    from pyspark.sql import SparkSession

    # Workers run the same Python as this test.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    )
    spark.sparkContext.addPyFile(str(HERE / "archive.py"))
    spark.sparkContext.addPyFile(str(HERE / "with_spark.py"))
    return with_spark.run(spark, scans, results, size=size)


def threads_runner(scans: str | Path, results: Path, size: int) -> int:
    return with_threads.run(scans, results, threads=2, size=size)


@pytest.mark.parametrize("in_bucket", [False, True], ids=["folder", "bucket"])
@pytest.mark.parametrize("runner", [threads_runner, ray_runner, spark_runner])
def test_an_archive(
    runner: Callable[[str | Path, Path, int], int],
    in_bucket: bool,
    scans: Path,
    tmp_path: Path,
) -> None:
    results = tmp_path / "results"
    # An address takes the same way for every kind of bucket; that of a folder needs no network.
    place = scans.as_uri() if in_bucket else scans
    assert runner(place, results, 6) == 10
    assert len(done(results)) == 10
    # What is done is not done again; what is new is done.
    assert runner(place, results, 6) == 0
    shutil.copy(SPECIMENS / "visa-a.jpg", scans / "2019/new.jpg")
    assert runner(place, results, 6) == 1
    # A chunk that a killed run left behind does not count, and is in nobody's way.
    last = max(results.glob("chunk-*"))
    last.rename(last.with_name("." + last.name))
    assert runner(place, results, 6) == 1

    table = analyse.table(results)
    statuses = dict(table.execute(analyse.QUESTIONS["How many of each status"]).fetchall())
    assert statuses == {"valid": 7, "not verified": 2, "Broken": 1, "NotAPicture": 1}
    for question in analyse.QUESTIONS.values():
        assert table.execute(question).fetchall()
    for path, status, message, lines, reading in table.execute(
        "SELECT path, status, message, lines, reading FROM rows"
    ).fetchall():
        assert is_address(path) == in_bucket
        alone = nibble_mrz.read(content(path) if in_bucket else path)
        assert lines.split("\n") == (alone["lines"] or [""])
        assert json.loads(reading)["digest"] == alone["digest"]
        assert (message is None) == (status in ("valid", "not verified"))


def test_a_bucket_is_listed_as_a_folder_is(scans: Path) -> None:
    odd = scans / "2021 ä#1"
    odd.mkdir()
    shutil.copy(SPECIMENS / "passport.jpg", odd / "50 % of ä?.JPG")
    shutil.copy(SPECIMENS / "passport.jpg", odd / ".hidden.jpg")
    addresses = list(pictures(scans.as_uri()))
    paths = list(pictures(scans))
    assert len(paths) == 11
    assert [content(address) for address in addresses] == [Path(p).read_bytes() for p in paths]
    assert list(pictures(scans.as_uri() + "/")) == addresses
    read = [(row["status"], row["lines"]) for row in rows(paths)]
    assert [(row["status"], row["lines"]) for row in rows(addresses)] == read


def test_an_object_that_is_gone_is_a_row(scans: Path) -> None:
    addresses = list(pictures(scans.as_uri()))
    (scans / "2019/passport.jpg").unlink()
    found = list(rows(addresses, threads=2))
    assert [row["path"] for row in found] == addresses
    gone = [row for row in found if row["status"] == "Unreadable"]
    assert [row["path"] for row in gone] == [(scans / "2019/passport.jpg").as_uri()]
    assert "cannot be read" in gone[0]["message"]
