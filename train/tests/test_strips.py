"""Strips: geometry, stretch, the same pixels for the same seed."""

import numpy as np
import pytest

from nibble_train.strips import HARD, NORMAL, ROWS, Generator, stretch


@pytest.mark.parametrize("profile", [NORMAL, HARD], ids=lambda profile: profile.name)
def test_same_seed_same_strips(profile):
    first, second, other = Generator(11, profile), Generator(11, profile), Generator(12, profile)
    strips = [generator.strip() for generator in (first, second, other) for _ in range(4)]
    for a, b in zip(strips[:4], strips[4:8], strict=True):
        assert a.text == b.text
        assert np.array_equal(a.pixels, b.pixels)
    assert any(a.text != b.text for a, b in zip(strips[:4], strips[8:], strict=True))


def test_geometry_is_the_contracts():
    generator = Generator(5, NORMAL)
    strips = [generator.strip() for _ in range(40)]
    pitches = np.array([strip.pitches.mean() for strip in strips])
    assert 14 < np.median(pitches) < 16.5
    for strip in strips:
        assert strip.pixels.shape[0] == ROWS
        assert strip.pixels.dtype == np.uint8
        assert len(strip.centres) == len(strip.text) == len(strip.pitches)
        assert np.all(np.diff(strip.centres) > 0)
        assert strip.centres[0] > 0
        assert strip.centres[-1] < strip.pixels.shape[1]


def test_characters_stand_at_their_centres():
    """Ink lies where the labels say: `I` and `<` differ, blanks between words do not exist, so
    every cell holds ink.
    """
    generator = Generator(6, NORMAL)
    good = cells = 0
    for _ in range(10):
        strip = generator.strip(cap=28.0)
        for centre, pitch in zip(strip.centres, strip.pitches, strict=True):
            left, right = int(centre - pitch / 2), int(centre + pitch / 2) + 1
            cell = strip.pixels[4:20, max(0, left) : right].astype(int)
            cells += 1
            good += cell.max() - cell.min() > 60
    assert good / cells > 0.95


def test_stretch_uses_percentiles():
    gray = np.full((24, 100), 100, np.uint8)
    gray[:, :10] = 50
    gray[:, 90:] = 150
    out = stretch(gray)
    assert (out.min(), out.max()) == (0, 255)
    assert np.array_equal(stretch(np.full((24, 30), 7, np.uint8)), np.zeros((24, 30), np.uint8))
