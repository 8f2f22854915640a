"""Damage: every cover lies where it is said to lie, and captures stay gray codes."""

import numpy as np
import pytest

from nibble_train import damage
from nibble_train.damage import HARD, NORMAL, SCREEN, captured, covered, printed

PITCH, CAP, ROWS = 15.0, 15.0, 24
CENTRES = 30 + PITCH * np.arange(30)


def line():
    """Bars as characters, ink 20 on paper 200."""
    image = np.full((ROWS, 500), 200, np.float32)
    for centre in CENTRES:
        image[5:20, int(centre) - 4 : int(centre) + 4] = 20
    return image


@pytest.mark.parametrize("kind", damage.COVERS)
def test_covers_change_a_few_neighbouring_characters(kind, monkeypatch):
    monkeypatch.setattr(damage, "COVERS", (kind,))
    changed_at_all = 0
    for seed in range(40):
        before = line()
        after = covered(np.random.default_rng(seed), before.copy(), CENTRES, PITCH, CAP)
        assert after.shape == before.shape
        assert after.dtype == np.float32
        assert np.isfinite(after).all()
        columns = np.flatnonzero((np.abs(after - before) > 25).any(0))
        changed_at_all += columns.size > 0
        if columns.size and kind not in ("fold", "glare"):
            # Three characters, and a stroke that begins and ends beside them.
            assert np.ptp(columns) <= 6 * PITCH, (seed, kind)
    assert changed_at_all > 30, f"{kind} changes something in nearly every line"


def test_a_whole_patch_hides_the_character(monkeypatch):
    monkeypatch.setattr(damage, "COVERS", ("patch",))
    hidden = 0
    for seed in range(40):
        after = covered(np.random.default_rng(seed), line(), CENTRES, PITCH, CAP)
        contrasts = [np.ptp(after[6:19, int(c) - 6 : int(c) + 6]) for c in CENTRES]
        hidden += min(contrasts) < 60
    assert hidden > 30


@pytest.mark.parametrize("profile", [NORMAL, HARD, SCREEN])
def test_captures_are_gray_codes_of_the_same_size(profile):
    coverage = (line() < 100).astype(np.float32)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        image = printed(rng, profile, coverage, CAP)
        codes = captured(rng, profile, image, CAP)
        assert codes.shape == coverage.shape
        assert codes.dtype == np.uint8
        dark = np.mean(codes[coverage > 0], dtype=float)
        assert dark < np.mean(codes[coverage == 0], dtype=float), "ink stays darker than paper"


def test_the_same_source_damages_alike():
    images = [covered(np.random.default_rng(8), line(), CENTRES, PITCH, CAP) for _ in range(2)]
    assert np.array_equal(*images)
