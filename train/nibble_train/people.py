"""Invented people of the invented state Utopia (UTO), and their machine-readable zones."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .texts import DIGITS, LETTERS, Zone, check_digit, fit

SURNAMES = (
    "ERIKSSON OKONKWO MARTINEZ LINDQVIST TANAKA DUBOIS NOVAK ROSSI ABERNATHY KOVACS "
    "VAN<DER<MEER ALMEIDA HADDAD JOHANSEN PETROVA MOREAU QUISPE YILMAZ WOZNIAK FERNANDES ODUYA "
    "SANTOS<LIMA BRANDT KAZLAUSKAS THORNE IBARRA XU ZELENKA"
).split()
GIVEN = {
    "F": (
        "ANNA<MARIA INES CHIDINMA SOFIA FREYA YUKI CLAIRE ZUZANA GIULIA<ROSA HARRIET LILLA "
        "OPHELIE LEYLA ASTRID VERA<KATE"
    ).split(),
    "M": (
        "JONAS EMEKA PABLO<JOSE ERIK HIRO MATHIEU ONDREJ LUCA WILLIAM<HENRY BENCE OMAR PIOTR "
        "TIAGO KWAME DAVID<IVO"
    ).split(),
}


@dataclass(frozen=True)
class Person:
    """What a document says of its holder; names as in the zone, dates as year, month, day."""

    surname: str
    given: str
    sex: str
    birth: tuple[int, int, int]
    expiry: tuple[int, int, int]
    number: str
    optional: str = ""

    @property
    def names(self) -> str:
        return f"{self.surname}<<{self.given}"


def invent(source: random.Random) -> Person:
    """A person with a document that is valid for some years."""
    sex = source.choice("FM")
    birth = (source.randrange(1948, 2008), source.randrange(1, 13), source.randrange(1, 29))
    expiry = (source.randrange(2027, 2036), source.randrange(1, 13), source.randrange(1, 29))
    number = "".join(source.choice(LETTERS if i in (0, 3) else DIGITS) for i in range(9))
    return Person(source.choice(SURNAMES), source.choice(GIVEN[sex]), sex, birth, expiry, number)


def six(date: tuple[int, int, int]) -> str:
    """YYMMDD."""
    return f"{date[0] % 100:02}{date[1]:02}{date[2]:02}"


def _checked(text: str) -> str:
    return text + check_digit(text)


def zone_of(person: Person, kind: str, source: random.Random) -> Zone:
    """The person's zone in a format; `source` invents what the French layout needs besides."""
    number, birth, expiry = fit(person.number, 9), six(person.birth), six(person.expiry)
    if kind == "TD1":
        first = "I<UTO" + _checked(number) + fit(person.optional, 15)
        second = _checked(birth) + person.sex + _checked(expiry) + "UTO" + fit("", 11)
        second += check_digit(first[5:] + second[:7] + second[8:15] + second[18:29])
        return Zone(kind, (first, second, fit(person.names, 30)))
    if kind == "FRA36":
        office = "".join(source.choice(DIGITS) for _ in range(6))
        first = "IDFRA" + fit(person.surname, 25) + office
        issued = f"{source.randrange(88, 100):02}{source.randrange(1, 13):02}"
        second = _checked(issued + office[:3] + "".join(source.choice(DIGITS) for _ in range(5)))
        second += fit(person.given.replace("<", "<<"), 14) + _checked(birth) + person.sex
        return Zone(kind, (first, second + check_digit(first + second)))
    length = 44 if kind in ("TD3", "MRVA") else 36
    code = {"TD3": "P", "TD2": "I"}.get(kind, "V")
    first = fit(f"{code}<UTO{person.names}", length)
    second = _checked(number) + "UTO" + _checked(birth) + person.sex + _checked(expiry)
    if kind in ("MRVA", "MRVB"):
        return Zone(kind, (first, fit(second + person.optional, length)))
    if kind == "TD3":
        optional = fit(person.optional, 14)
        second += optional + ("<" if not person.optional else check_digit(optional))
    else:
        second += fit(person.optional, 7)
    return Zone(kind, (first, second + check_digit(second[:10] + second[13:20] + second[21:])))


def with_wrong_birth_check(zone: Zone) -> Zone:
    """A TD3 zone whose check digit of the birth date is off by one; the composite, which covers it,
    then fails too.
    """
    first, second = zone.lines
    wrong = DIGITS[(int(second[19]) + 1) % 10]
    return Zone(zone.format, (first, second[:19] + wrong + second[20:]))
