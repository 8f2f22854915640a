"""Temperature and calibration: CTC by brute force, a known temperature found again."""

import itertools

import numpy as np
import pytest

from nibble_train.calibration import bins_of_doubt, confidences, cooled, error, nats, temperature
from nibble_train.integer import Convolution, Model
from nibble_train.runner import Runner
from nibble_train.texts import ALPHABET, BLANK


def collapsed(path):
    kept = [c for i, c in enumerate(path) if c != BLANK and (i == 0 or path[i - 1] != c)]
    return "".join(ALPHABET[c] for c in kept)


@pytest.mark.parametrize("text", ["A", "AA", "AB", "ABA"])
def test_nats_are_those_of_all_alignments(text):
    rng = np.random.default_rng(3)
    logits = np.full((5, BLANK + 1), -60.0)
    classes = [ALPHABET.index("A"), ALPHABET.index("B"), BLANK]
    logits[:, classes] = rng.normal(0, 2, (5, 3))
    for divisor in (1.0, 1.7):
        scaled = logits / divisor
        p = np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True)
        paths = itertools.product(classes, repeat=5)
        wanted = sum(np.prod(p[range(5), path]) for path in paths if collapsed(path) == text)
        assert nats(logits, text, np.array([divisor]))[0] == pytest.approx(-np.log(wanted))


class Sampled:
    """A model whose logits, divided by 1.2, are the true probabilities."""

    precision = "f32"

    def __init__(self, rng):
        self.rows = rng.normal(0, 1.5, (400, 1, BLANK + 1))


def test_a_known_temperature_is_found(monkeypatch):
    rng = np.random.default_rng(5)
    model = Sampled(rng)
    strips = []
    for index, row in enumerate(model.rows):
        p = np.exp(row[0] / 1.2)
        drawn = rng.choice(BLANK + 1, p=p / p.sum())
        strips.append((index, "" if drawn == BLANK else ALPHABET[drawn]))

    class Reader:
        def __init__(self, model):
            self.model = model

        def logits(self, index):
            return self.model.rows[index]

    monkeypatch.setattr("nibble_train.calibration.Runner", Reader)
    assert temperature(model, strips) == pytest.approx(1.2, rel=0.12)


@pytest.mark.parametrize("precision", ["f32", "u4"])
def test_cooling_divides_logits_and_changes_no_reading(precision):
    rng = np.random.default_rng(2)
    bits = 32 if precision == "f32" else 4
    weight = rng.integers(-7, 8, (BLANK + 1, 24, 4, 1))
    bias = rng.integers(-9, 10, BLANK + 1)

    def model():
        layer = Convolution(
            "conv0", weight.copy(), bias.copy(), np.float32([0.1]), (1, 4), (0, 0), bits, bits
        )
        return Model(precision, [layer], alphabet=ALPHABET)

    strip = rng.integers(0, 256, (24, 32)).astype(np.uint8)
    before, after = Runner(model()), Runner(cooled(model(), 0.8))
    unit = [1, 1] if precision == "f32" else [r.layers[-1][0].scale[0] for r in (before, after)]
    logits = [r.logits(strip) * u for r, u in zip((before, after), unit, strict=True)]
    assert np.allclose(logits[0] / 0.8, logits[1], rtol=1e-4, atol=1e-3)


def test_calibration_error_and_bins():
    sure, right = np.full(100, 0.9), np.arange(100) < 80
    assert error(sure, right) == pytest.approx(0.1)
    assert error(sure, np.arange(100) < 90) == pytest.approx(0.0)
    bins = bins_of_doubt(np.array([0.4, 0.9, 1.0]), np.array([True, False, True]))
    assert sum(all_ for _, all_ in bins) == 3
    assert bins[6] == [0, 1], "-2 log2(0.1) is 6.6"
    assert bins[19] == [1, 1]


def test_confidence_is_the_best_of_a_characters_columns():
    class Fixed:
        model = Model("f32", [], alphabet=ALPHABET)

        def logits(self, _):
            logits = np.zeros((3, BLANK + 1))
            logits[0, 1], logits[1, 1], logits[2, BLANK] = 3.0, 5.0, 9.0
            return logits

    sure, right = confidences(Fixed(), [(None, "1"), (None, "11")])
    assert right.tolist() == [True]
    assert sure[0] == pytest.approx(np.exp(5) / (np.exp(5) + BLANK))
