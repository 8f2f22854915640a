"""The evaluation itself: the same result for any number of processes, crops brought to a strip's
geometry.
"""

import json
from pathlib import Path

import numpy as np

from nibble_train.evaluate import Request, evaluate, line_strip
from nibble_train.runner import padded
from nibble_train.strips import ROWS

ROOT = Path(__file__).resolve().parents[2]


def test_results_do_not_depend_on_processes(tmp_path):
    results = []
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        evaluate(Request(20, tmp_path / "absent", ROOT / "models", out, jobs), say=lambda _: None)
        results.append(json.loads((out / "training.json").read_text()))
        assert (out / "training-heights.svg").read_text().startswith("<svg")
    assert results[0] == results[1]
    normal = results[0]["profiles"]["normal"]["u4"]
    assert normal["lines"] == 20
    assert normal["characters_percent"] > 97
    assert "real_lines" not in results[0]


def test_a_tight_crop_becomes_a_strip():
    gray = np.full((55, 400), 250, np.uint8)
    for x in range(20, 380, 30):
        gray[15:40, x : x + 8] = 10
    strip = padded(line_strip(gray))
    assert strip.shape[0] == ROWS
    assert strip.shape[1] % 4 == 0
    rows = np.flatnonzero((strip < 128).any(1))
    assert abs((rows[0] + rows[-1]) / 2 - (ROWS - 1) / 2) <= 1
    assert 14 <= rows[-1] - rows[0] + 1 <= 16
