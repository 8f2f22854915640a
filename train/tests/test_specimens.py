"""The renderer: the same seed gives the same picture, and every layout holds its zone."""

import csv

import numpy as np
import pytest
from PIL import Image

from nibble_train.documents import LAYOUTS, PITCH
from nibble_train.photograph import Shot, homography
from nibble_train.specimens import FORMATS, Order, many, render

SMALL = Shot((480, 360), 0.8)


def test_same_seed_same_picture():
    order = Order("x.jpg", "TD1", SMALL)
    first, zone = render(order, 5)
    again, same = render(order, 5)
    other, _ = render(order, 6)
    assert zone == same
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", FORMATS)
def test_zone_fits_its_document(kind):
    _, zone = render(Order("x.jpg", kind, None), 1)
    assert zone is not None
    assert PITCH * len(zone.lines[0]) < LAYOUTS[kind].width - 4


def test_document_stays_in_the_frame():
    rng = np.random.default_rng(3)
    shot = Shot((640, 480), 0.95, tilt=25, turn=30)
    for _ in range(50):
        matrix = homography((1000, 700), shot, rng)
        corners = matrix @ np.array([[0, 0, 1], [1000, 0, 1], [1000, 700, 1], [0, 700, 1]], float).T
        x, y = corners[0] / corners[2], corners[1] / corners[2]
        assert x.min() >= 0 and x.max() <= 640 and y.min() >= 0 and y.max() <= 480


def test_many_writes_an_index(tmp_path):
    many(tmp_path, 2, 4)
    with open(tmp_path / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["doc"] for row in rows] == list(FORMATS[:2])
    for row in rows:
        with Image.open(tmp_path / row["file"]) as image:
            assert image.size == (1280, 960)
