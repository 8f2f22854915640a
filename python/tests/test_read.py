"""The package on the specimens of the repository."""

from __future__ import annotations

import csv
import io
import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy
import pytest
from PIL import Image

import nibble_mrz

SPECIMENS = Path(__file__).parents[2] / "testdata/specimens"
PASSPORT = SPECIMENS / "passport.jpg"


def expected() -> dict[str, list[str]]:
    """The lines of each specimen."""
    with (SPECIMENS / "index.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: [line for line in row[3].split("|") if line] for row in rows}


def stable(reading: nibble_mrz.Reading) -> dict[str, object]:
    """A reading without its times, name and place."""
    return {key: reading[key] for key in reading if key not in ("ms", "file", "index")}


@pytest.mark.parametrize("precision", ["u4", "u8", "f32"])
def test_specimens_are_read_exactly(precision: nibble_mrz.Precision) -> None:
    for name, lines in expected().items():
        reading = nibble_mrz.read(SPECIMENS / name, precision=precision)
        assert reading["lines"] == lines, name
        assert reading["precision"] == precision
        assert reading["file"] == str(SPECIMENS / name)


def test_paths_and_bytes_give_the_same() -> None:
    data = PASSPORT.read_bytes()
    readings = [nibble_mrz.read(source) for source in (str(PASSPORT), data, bytearray(data))]
    assert stable(readings[0]) == stable(readings[1]) == stable(readings[2])
    assert readings[1]["file"] is None
    assert readings[0]["schema"] == 1
    assert readings[0]["valid"] is True
    assert readings[0]["ms"]["total"] > 0
    json.dumps(readings[0])


class Pixels:
    """A raw picture, without NumPy."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        shape = (height, width, channels) if channels > 1 else (height, width)
        data = bytes([255]) * (height * width * channels)
        self.view = memoryview(data).cast("B", shape)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_white_pixels_have_no_zone(channels: int) -> None:
    reading = nibble_mrz.read(Pixels(60, 80, channels).view)
    assert (reading["lines"], reading["error"], reading["document"]) == ([], None, None)
    gray = nibble_mrz.read(Pixels(60, 80, 1).view)
    assert reading["gray_digest"] == gray["gray_digest"]


def test_arrays_are_read_as_their_file() -> None:
    name = "id-td2-scan.png"
    with Image.open(SPECIMENS / name) as picture:
        gray = numpy.asarray(picture.convert("RGB"))
    of_file, of_array = nibble_mrz.read(SPECIMENS / name), nibble_mrz.read(gray)
    assert stable(of_file) == stable(of_array)
    # An array that is not laid out row by row.
    assert stable(nibble_mrz.read(gray[:, ::-1][:, ::-1])) == stable(of_file)


def test_what_is_no_picture_is_a_row(tmp_path: Path) -> None:
    empty, text, broken = tmp_path / "empty", tmp_path / "text.jpg", tmp_path / "broken.jpg"
    empty.touch()
    text.write_text("this is no picture, whatever its name says")
    broken.write_bytes(PASSPORT.read_bytes()[:2000])
    paths = [empty, text, broken, tmp_path / "none", tmp_path, PASSPORT]
    readings = list(nibble_mrz.read_many(paths, threads=2))
    codes = [reading["error"]["code"] if reading["error"] else None for reading in readings]
    assert codes == ["Empty", "NotAPicture", "Broken", "Unreadable", "Unreadable", None]
    assert all(reading["error"]["message"] for reading in readings[:-1] if reading["error"])
    assert {key for key in readings[0] if key != "not_valid_because"} == {
        key for key in readings[-1] if key != "not_valid_because"
    }
    assert stable(nibble_mrz.read(broken)) == stable(readings[2])


def test_wrong_calls_raise() -> None:
    with pytest.raises(ValueError, match="precision"):
        nibble_mrz.read(PASSPORT, precision="u2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not int"):
        nibble_mrz.read(7)
    with pytest.raises(ValueError, match="uint8"):
        nibble_mrz.read(memoryview(bytes(16)).cast("H"))
    with pytest.raises(ValueError, match="channels"):
        nibble_mrz.read(memoryview(bytes(18)).cast("B", (3, 3, 2)))
    with pytest.raises(ValueError, match="precision"):
        nibble_mrz.read_many([], precision="u2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threads"):
        nibble_mrz.read_many([], threads=-1)
    with pytest.raises(TypeError):
        nibble_mrz.read_many(7)  # type: ignore[arg-type]


def test_many_are_in_order_and_those_of_one() -> None:
    # Large and small ones in turn, so that threads finish out of order.
    names = ["passport-12mp.jpg", "visa-b.webp", "id-card-small.jpg", "passport.jpg"] * 3
    alone = {name: stable(nibble_mrz.read(SPECIMENS / name)) for name in set(names)}
    for threads in (1, 3):
        readings = list(nibble_mrz.read_many((SPECIMENS / name for name in names), threads=threads))
        assert [reading["index"] for reading in readings] == list(range(len(names)))
        assert [stable(reading) for reading in readings] == [alone[name] for name in names]
    free = list(nibble_mrz.read_many([SPECIMENS / name for name in names], ordered=False))
    assert sorted(reading["index"] for reading in free) == list(range(len(names)))
    assert all(stable(reading) == alone[names[reading["index"]]] for reading in free)


def test_an_endless_iterable_is_taken_bit_by_bit() -> None:
    data = (SPECIMENS / "id-card-small.jpg").read_bytes()
    taken = 0

    def pictures() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield data

    readings = nibble_mrz.read_many(pictures(), threads=2)  # type: ignore[arg-type]
    assert [reading["index"] for reading in itertools.islice(readings, 40)] == list(range(40))
    assert 40 <= taken <= 40 + 2 * 8
    readings.close()  # type: ignore[attr-defined]
    assert list(readings) == []


def test_a_slow_iterable_delays_no_reading() -> None:
    asked = []

    def pictures() -> object:
        for number in range(3):
            asked.append(number)
            yield PASSPORT
            # The threads have time to read what they have.
            time.sleep(0.3)

    readings = nibble_mrz.read_many(pictures(), threads=1)  # type: ignore[arg-type]
    assert next(readings)["index"] == 0
    assert asked in ([0], [0, 1])


def test_an_exception_comes_after_what_was_read() -> None:
    def pictures() -> object:
        yield PASSPORT
        raise OSError("the listing broke off")

    readings = nibble_mrz.read_many(pictures())  # type: ignore[arg-type]
    assert next(readings)["valid"]
    with pytest.raises(OSError, match="broke off"):
        next(readings)
    assert list(readings) == []
    mixed = nibble_mrz.read_many([PASSPORT, 7])  # type: ignore[list-item]
    assert next(mixed)["valid"]
    with pytest.raises(TypeError):
        next(mixed)


def test_threads_of_python_run_meanwhile() -> None:
    count = 0
    done = threading.Event()

    def work() -> None:
        nonlocal count
        while not done.is_set():
            count += 1
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    before = count
    nibble_mrz.read(SPECIMENS / "passport-12mp.jpg")
    assert count > before
    results: list[nibble_mrz.Reading] = []
    readers = [
        threading.Thread(target=lambda: results.append(nibble_mrz.read(PASSPORT))) for _ in range(4)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    done.set()
    thread.join()
    assert len(results) == 4
    assert all(stable(result) == stable(results[0]) for result in results)


def test_ctrl_c_ends_it() -> None:
    program = (
        "import itertools, nibble_mrz, signal, sys\n"
        # A shell that starts this test in the background has it ignore the signal.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "readings = nibble_mrz.read_many(itertools.repeat(sys.argv[1]), threads=2)\n"
        "next(readings); print('reads', flush=True)\n"
        "try:\n"
        "    for reading in readings: pass\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(SPECIMENS / "passport-12mp.jpg")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "reads\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "interrupted\n"
        assert process.returncode == 0
    finally:
        process.kill()


def test_the_version_is_that_of_the_workspace() -> None:
    manifest = (Path(__file__).parents[2] / "Cargo.toml").read_text()
    assert f'\nversion = "{nibble_mrz.__version__}"\n' in manifest


def test_bytes_of_io_are_read() -> None:
    data = io.BytesIO(PASSPORT.read_bytes())
    assert nibble_mrz.read(data.getbuffer())["valid"]
