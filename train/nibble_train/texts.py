"""Invented machine-readable zones of all formats, with correct check digits (ICAO Doc 9303 parts 3
to 7; the French card of 1988).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
BLANK = len(ALPHABET)
INDEX = {character: index for index, character in enumerate(ALPHABET)}
LETTERS = ALPHABET[10:36]
DIGITS = ALPHABET[:10]

#: Characters that look alike when they are small, blurred or worn.
ALIKE = ("O0", "O0", "O0", "0DQ", "0U", "I1T", "Z2", "B8", "S58", "G6C", "1L7", "EF3", "VY4")

#: Issuing states, more often than once where their letters deserve it.
STATES = (
    "UTO D<< FRA USA GBR CAN AUS NLD BEL ITA ESP PRT CZE SVK POL HUN AUT CHE SWE NOR DNK FIN "
    "EST LVA LTU UKR RUS TUR GRC BGR ROU HRV SVN SRB IND CHN JPN KOR BRA ARG MEX ZAF NGA EGY "
    "ISR IRN IRQ AFG PAK PHL THA VNM MYS SGP IDN NZL ISL IRL LUX MLT CYP QAT ARE SAU KWT JOR "
    "LBN MAR TUN DZA KEN GHA ETH COD CMR KAZ UZB AZE GEO ARM MDA BLR"
).split()


def value(character: str) -> int:
    """The value of a character in a check digit."""
    return 0 if character == "<" else INDEX[character]


def check_digit(characters: str) -> str:
    """Weights 7, 3, 1 repeating, modulo 10 (Doc 9303-3, 4.9)."""
    return str(sum(value(c) * (7, 3, 1)[i % 3] for i, c in enumerate(characters)) % 10)


def fit(text: str, length: int) -> str:
    """Cut or filled up to `length`."""
    return (text + "<" * length)[:length]


@dataclass(frozen=True)
class Zone:
    """The lines of one document."""

    format: str
    lines: tuple[str, ...]


class Writer:
    """Invents zones from a seeded source."""

    def __init__(self, source: random.Random):
        self.source = source
        #: Share of the characters of numbers and of lines without grammar that have lookalikes.
        self.alike = 0.0

    def word(self) -> str:
        length = self.source.choice([2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 12])
        if self.source.random() < 0.25:
            return "".join(self.source.choice(LETTERS) for _ in range(length))
        start = self.source.randrange(2)
        return "".join(
            self.source.choice(("BCDFGHJKLMNPQRSTVWXZ", "AEIOUY")[(i + start) % 2])
            for i in range(length)
        )

    def words(self) -> str:
        return "<".join(self.word() for _ in range(self.source.choice([1, 1, 1, 2, 2, 3])))

    def names(self) -> str:
        return self.words() + "<<" + self.words()

    def mixed(self, length: int, letters: float) -> str:
        """Digits with a share of letters; of both, `alike` are such as look alike."""
        s = self.source
        if self.alike and length > 2:
            # A few kinds a text, each often: runs of zeros, and letters among them.
            group = s.choice(ALIKE) + s.choice(ALIKE)
            digits = [c for c in group if c in DIGITS]
            capitals = [c for c in group if c in LETTERS]
        text = []
        for _ in range(length):
            is_letter = s.random() < letters
            if self.alike and length > 2 and s.random() < self.alike:
                text.append(s.choice(capitals if is_letter else digits))
            else:
                text.append(s.choice(LETTERS if is_letter else DIGITS))
        return "".join(text)

    def date(self) -> str:
        year = self.source.randrange(100)
        month = self.source.randrange(1, 13)
        day = self.source.randrange(1, 32)
        return f"{year:02}{month:02}{day:02}"

    def number(self, length: int = 9) -> str:
        used = self.source.choice([length - 2, length - 1, length, length, length])
        return fit(self.mixed(used, self.source.choice([0, 0.1, 0.35, 0.6])), length)

    def zone(self, kind: str | None = None) -> Zone:
        """A zone of `kind`, or of any."""
        kind = kind or self.source.choice(
            ["TD1", "TD1", "TD2", "TD3", "TD3", "TD3", "MRVA", "MRVB", "FRA36"]
        )
        if kind == "TD1":
            return self.card()
        if kind == "FRA36":
            return self.french_card()
        return self.booklet(kind)

    def card(self) -> Zone:
        s = self.source
        number = self.number()
        first = (
            s.choice("IAC")
            + s.choice("<<DPRT" + LETTERS)
            + s.choice(STATES)
            + number
            + check_digit(number)
        )
        first += fit(self.mixed(s.choice([0, 0, 0, 5, 10, 15]), 0.2), 15)
        birth, expiry = self.date(), self.date()
        second = (
            birth
            + check_digit(birth)
            + s.choice("MF<")
            + expiry
            + check_digit(expiry)
            + s.choice(STATES)
        )
        second += fit(self.mixed(s.choice([0, 0, 0, 4, 8, 11]), 0.3), 11)
        second += check_digit(first[5:] + second[:7] + second[8:15] + second[18:29])
        return Zone("TD1", (first, second, fit(self.names(), 30)))

    def booklet(self, kind: str) -> Zone:
        s = self.source
        length = 44 if kind in ("TD3", "MRVA") else 36
        code = (
            s.choice("V")
            if kind.startswith("MRV")
            else s.choice("PPPP")
            if kind == "TD3"
            else s.choice("IAC")
        )
        first = fit(code + s.choice("<<<<" + LETTERS) + s.choice(STATES) + self.names(), length)
        number, birth, expiry = self.number(), self.date(), self.date()
        second = (
            number
            + check_digit(number)
            + s.choice(STATES)
            + birth
            + check_digit(birth)
            + s.choice("MF<")
        )
        second += expiry + check_digit(expiry)
        if kind.startswith("MRV"):
            return Zone(
                kind, (first, fit(second + self.mixed(s.choice([0, 0, 6, 8]), 0.3), length))
            )
        optional = fit(
            self.mixed(s.choice([0, 0, 6, 7, 14]), 0.2),
            length - 30 if kind == "TD3" else length - 29,
        )
        second += optional
        if kind == "TD3":
            second += "<" if not optional.strip("<") and s.random() < 0.5 else check_digit(optional)
        second += check_digit(second[:10] + second[13:20] + second[21:])
        return Zone(kind, (first, second))

    def french_card(self) -> Zone:
        s = self.source
        first = "IDFRA" + fit(self.words(), 25) + self.mixed(3, 0.05) + self.mixed(3, 0)
        number = f"{s.randrange(100):02}{s.randrange(1, 13):02}" + self.mixed(8, 0.03)
        birth = self.date()
        second = (
            number
            + check_digit(number)
            + fit(self.words().replace("<", "<<"), 14)
            + birth
            + check_digit(birth)
        )
        second += s.choice("MF")
        return Zone("FRA36", (first, second + check_digit(first + second)))

    def noise(self) -> Zone:
        """Lines without any grammar, so that the network learns glyphs and not texts."""
        length = self.source.choice([30, 36, 44])
        group = self.source.choice(ALIKE) + self.source.choice(ALIKE)

        def line() -> str:
            return "".join(
                self.source.choice(group)
                if self.alike and self.source.random() < self.alike
                else self.source.choice(ALPHABET)
                if self.source.random() < 0.9
                else "<"
                for _ in range(length)
            )

        return Zone("noise", (line(), line()))
