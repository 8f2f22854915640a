"""The stream of strips: the same whatever makes it."""

import numpy as np

from nibble_train.stream import CHUNK, WIDTH_STEP, Stream, chunk_at, strip_at
from nibble_train.texts import ALPHABET


def test_a_strip_depends_on_seed_and_number_alone():
    first = strip_at(5, 7)
    strip_at(5, 3)
    again, other = strip_at(5, 7), strip_at(6, 7)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.text == again.text
    assert first.text != other.text


def test_processes_do_not_change_the_stream():
    alone = chunk_at(9, 1)
    for jobs in (1, 2):
        stream = Stream(9, 0, jobs)
        try:
            taken = [stream.take() for _ in range(3)]
        finally:
            stream.close()
        assert np.array_equal(taken[1].pixels, alone.pixels)
        assert np.array_equal(taken[1].texts, alone.texts)
        assert not np.array_equal(taken[0].pixels, taken[2].pixels)


def test_a_chunk_holds_its_strips():
    chunk = chunk_at(9, 0)
    for row in (0, CHUNK - 1):
        strip = strip_at(9, row)
        width = strip.pixels.shape[1]
        assert width <= chunk.widths[row] < width + WIDTH_STEP
        assert np.array_equal(chunk.pixels[row, :, :width], strip.pixels)
        text = "".join(ALPHABET[code] for code in chunk.texts[row, : chunk.lengths[row]])
        assert text == strip.text
