"""The integer simulation against plain loops."""

import numpy as np
import pytest

from nibble_train.export import odd_network
from nibble_train.integer import Convolution, MaxPool, Model, convolve, input_codes, requantise, run
from nibble_train.runner import Runner, collapse, distance


def convolve_by_loops(x: np.ndarray, layer: Convolution) -> np.ndarray:
    """Sums written out: `weight * (code - zero_point)`, outside the picture the code is the zero
    point.
    """
    out, kernel_height, kernel_width, inputs = layer.weight.shape
    rows = (x.shape[0] + 2 * layer.padding[0] - kernel_height) // layer.stride[0] + 1
    columns = (x.shape[1] + 2 * layer.padding[1] - kernel_width) // layer.stride[1] + 1
    result = np.zeros((rows, columns, out), np.int64)
    for r in range(rows):
        for c in range(columns):
            for o in range(out):
                total = int(layer.bias[o])
                for i in range(kernel_height):
                    for j in range(kernel_width):
                        y, z = (
                            r * layer.stride[0] + i - layer.padding[0],
                            c * layer.stride[1] + j - layer.padding[1],
                        )
                        if 0 <= y < x.shape[0] and 0 <= z < x.shape[1]:
                            for k in range(inputs):
                                total += int(layer.weight[o, i, j, k]) * (
                                    int(x[y, z, k]) - layer.zero_point
                                )
                result[r, c, o] = total
    return result


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "zero_point"),
    [
        ((3, 3), (2, 2), (1, 1), 0),
        ((3, 3), (1, 2), (2, 2), 3),
        ((1, 3), (1, 1), (0, 1), 5),
        ((4, 1), (2, 1), (0, 0), 0),
        ((5, 2), (1, 1), (2, 1), 15),
    ],
)
def test_convolution(kernel, stride, padding, zero_point):
    rng = np.random.default_rng(1)
    weight = rng.integers(-7, 8, (4, *kernel, 3)).astype(np.int8)
    layer = Convolution(
        "conv",
        weight,
        rng.integers(-9, 9, 4),
        np.ones(4, np.float32),
        stride,
        padding,
        4,
        4,
        zero_point,
    )
    x = rng.integers(0, 16, (7, 9, 3))
    assert np.array_equal(convolve(x, layer), convolve_by_loops(x, layer))


def test_requantisation_rounds_ties_to_even_and_clamps():
    scale = np.float32([0.5])
    accumulators = np.array([[-3], [1], [3], [5], [7], [29], [31], [33], [1000]])
    assert requantise(accumulators, scale, 4).ravel().tolist() == [0, 0, 2, 2, 4, 14, 15, 15, 15]
    # Beyond 2^24 the conversion itself rounds to even.
    large = np.array([[2**24 + 1], [2**24 + 3]])
    assert requantise(large, np.float32([2.0**-20]), 8).ravel().tolist() == [16, 16]


def test_input_codes():
    gray = np.arange(256, dtype=np.uint8)[None]
    assert input_codes(gray, 8)[0, :, 0].tolist() == list(range(256))
    codes = input_codes(gray, 4)[0, :, 0]
    assert (codes[0], codes[8], codes[9], codes[255]) == (0, 0, 1, 15)
    assert np.array_equal(codes, np.floor(np.arange(256) * 15 / 255 + 127 / 255).astype(int))


def test_network_of_odd_shapes_by_loops():
    model = odd_network()
    strip = np.random.default_rng(2).integers(0, 256, (14, 18))
    logits, outputs = run(model, strip)
    x = input_codes(strip, 4)
    for index, layer in enumerate(model.layers[:-1]):
        if isinstance(layer, MaxPool):
            rows, columns = (x.shape[0] - 2) // 2 + 1, x.shape[1] - 1
            x = np.array(
                [
                    [
                        [x[2 * r : 2 * r + 2, c : c + 2, k].max() for k in range(x.shape[2])]
                        for c in range(columns)
                    ]
                    for r in range(rows)
                ]
            )
        else:
            following = next(
                later for later in model.layers[index + 1 :] if isinstance(later, Convolution)
            )
            product = convolve_by_loops(x, layer).astype(np.float32) * layer.scale
            x = np.clip(np.rint(product) + following.zero_point, 0, 15).astype(int)
        assert np.array_equal(outputs[index], x)
    assert np.array_equal(logits, convolve_by_loops(x, model.layers[-1])[0])


def test_fast_runner_is_exact():
    rng = np.random.default_rng(3)
    for bits in (4, 8):
        q = 2 ** (bits - 1) - 1
        first = Convolution(
            "a",
            rng.integers(-q, q + 1, (6, 3, 3, 1)),
            rng.integers(-9, 9, 6),
            np.float32(rng.uniform(0.001, 0.01, 6)),
            (2, 2),
            (1, 1),
            bits,
            bits,
        )
        last = Convolution(
            "b",
            rng.integers(-q, q + 1, (5, 6, 1, 6)),
            rng.integers(-9, 9, 5),
            np.ones(1, np.float32),
            (1, 1),
            (0, 0),
            bits,
            bits,
        )
        model = Model(f"u{bits}", [first, last], height=12)
        strip = rng.integers(0, 256, (12, 20))
        assert np.array_equal(Runner(model).logits(strip), run(model, strip)[0])


def test_greedy_reading():
    alphabet = "AB"
    labels = [37, 0, 0, 37, 0, 1, 1, 37, 37]
    logits = np.zeros((len(labels), 38))
    logits[np.arange(len(labels)), labels] = 1
    assert collapse(logits, alphabet) == "AAB"
    assert [
        distance(a, b)
        for a, b in (
            ("", "abc"),
            ("abc", "abc"),
            ("abc", "axc"),
            ("abc", "ac"),
            ("kitten", "sitting"),
        )
    ] == [3, 0, 1, 1, 3]
