"""Check digits and the layouts of invented zones."""

import random

import pytest

from nibble_train.people import invent, with_wrong_birth_check, zone_of
from nibble_train.texts import Writer, check_digit

LENGTHS = {
    "TD1": (3, 30),
    "TD2": (2, 36),
    "TD3": (2, 44),
    "MRVA": (2, 44),
    "MRVB": (2, 36),
    "FRA36": (2, 36),
}


def failing(kind: str, lines: tuple[str, ...]) -> list[str]:
    """Failing check digits by positions written down from Doc 9303, independent of the code that
    writes zones.
    """
    upper, lower = lines[0], lines[1]
    if kind == "FRA36":
        spans = {
            "doc": (lower[:12], lower[12]),
            "dob": (lower[27:33], lower[33]),
            "comp": (upper + lower[:35], lower[35]),
        }
    elif kind == "TD1":
        composite = upper[5:30] + lower[0:7] + lower[8:15] + lower[18:29]
        spans = {
            "doc": (upper[5:14], upper[14]),
            "dob": (lower[:6], lower[6]),
            "exp": (lower[8:14], lower[14]),
            "comp": (composite, lower[29]),
        }
    else:
        spans = {
            "doc": (lower[:9], lower[9]),
            "dob": (lower[13:19], lower[19]),
            "exp": (lower[21:27], lower[27]),
        }
        if kind == "TD3":
            spans["opt"] = (lower[28:42], lower[42])
            spans["comp"] = (lower[:10] + lower[13:20] + lower[21:43], lower[43])
        if kind == "TD2":
            spans["comp"] = (lower[:10] + lower[13:20] + lower[21:35], lower[35])
    return [
        name
        for name, (text, digit) in spans.items()
        if digit != check_digit(text) and not (name == "opt" and digit == "<")
    ]


def test_check_digits_of_the_standard():
    # Doc 9303-3 and -4: the specimen of Anna Maria Eriksson.
    assert check_digit("L898902C3") == "6"
    assert check_digit("740812") == "2"
    assert check_digit("120415") == "9"
    assert check_digit("ZE184226B<<<<<") == "1"
    assert check_digit("L898902C36" + "7408122" + "1204159" + "ZE184226B<<<<<1") == "0"


@pytest.mark.parametrize("kind", LENGTHS)
def test_invented_zones_are_right(kind):
    writer, source = Writer(random.Random(3)), random.Random(4)
    for _ in range(50):
        for zone in (writer.zone(kind), zone_of(invent(source), kind, source)):
            count, length = LENGTHS[kind]
            assert len(zone.lines) == count
            assert {len(line) for line in zone.lines} == {length}
            assert failing(kind, zone.lines) == []


def test_wrong_check_digit_fails_alone_with_the_composite():
    source = random.Random(8)
    for _ in range(20):
        zone = with_wrong_birth_check(zone_of(invent(source), "TD3", source))
        assert failing("TD3", zone.lines) == ["dob", "comp"]
