"""The table of letters in names."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from nibble_train.names import LETTERS, UNITS, costs, printed

TABLE = Path(__file__).resolve().parents[2] / "reader/src/decode/names.bin"


def _cost(table, first: str, second: str) -> int:
    return table[LETTERS.index(first)][LETTERS.index(second)]


def test_rows_are_probabilities():
    for table in (costs([{"ANNA", "OTTO"}, {"DOTTIR"}]), _committed()):
        for row in table:
            assert sum(math.exp(-cost / UNITS) for cost in row) == pytest.approx(1, abs=0.05)


def test_pairs_that_stand_in_names_cost_less():
    table = costs([{"ANNA", "OTTO", "DOTTIR"}])
    assert _cost(table, "D", "O") < _cost(table, "D", "Q")
    assert _cost(table, "<", "A") < _cost(table, "<", "T")


def test_long_lists_do_not_decide_alone():
    many = {f"A{first}{second}" for first in LETTERS[:26] for second in LETTERS[:26]}
    assert len(many) > 400
    alone, beside = costs([many]), costs([many, {"QUO"}])
    assert _cost(beside, "Q", "U") < _cost(alone, "Q", "U")


def test_the_committed_table_prefers_common_pairs():
    table = _committed()
    assert _cost(table, "D", "O") + 48 < _cost(table, "D", "Q")


def _committed() -> list[list[int]]:
    codes = TABLE.read_bytes()
    size = len(LETTERS)
    assert len(codes) == size * size
    return [list(codes[row * size : (row + 1) * size]) for row in range(size)]


def test_names_are_spelled_as_zones_print_them():
    pytest.importorskip("anyascii")
    assert printed("Müller-Lüdenscheidt") == ["MUELLER", "LUEDENSCHEIDT"]
    assert printed("Åse D'Áldi") == ["AASE", "DALDI"]
    assert printed("\u03a0\u03b1\u03c0\u03c0\u03bf\u03c5") == ["PAPPOU"]
