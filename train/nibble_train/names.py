"""The letters of names: how likely each is after another.

`python -m nibble_train names` writes `reader/src/decode/names.bin` from the lists of names that the
package Faker ships (MIT licence), in the languages whose names are written with vowels. It needs
`requirements-names.txt`. The counts hold pairs of letters only, no name.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
# Scripts whose transliteration letter by letter is not what passports print.
LEFT_OUT = "ar bn_BD fa_IR gu_IN he_IL hi_IN mr_IN ne_NP or_IN si_LK ta_IN th_TH".split()
# Doc 9303-3, section 6, where it differs from leaving out the accent.
PRINTED = {
    "Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "SS", "Å": "AA", "Æ": "AE", "Ø": "OE", "Œ": "OE",
    "Þ": "TH", "Ð": "D", "\u039f\u03a5": "OU",
}  # fmt: skip
# A language counts as at most so many names, or the longest lists would decide alone.
MOST = 400
# Pairs of average frequency that are added for each first letter, so that none has
# probability 0.
ADDED = 5.0
# Units of the table in one natural logarithm.
UNITS = 16


def printed(name: str) -> list[str]:
    """The parts of a name as a zone prints them."""
    from anyascii import anyascii

    name = name.upper()
    for letter, letters in PRINTED.items():
        name = name.replace(letter.upper(), letters)
    letters = re.sub("['`.\u2019]", "", anyascii(name).upper())
    return [part for part in re.split("[^A-Z]+", letters) if len(part) > 1]


def names_by_language() -> dict[str, set[str]]:
    """The parts of all first and last names, by Faker's locale."""
    import faker.providers.person as person

    found: dict[str, set[str]] = defaultdict(set)
    for module in pkgutil.iter_modules(person.__path__):
        if any(module.name.startswith(left) for left in LEFT_OUT):
            continue
        provider = importlib.import_module(f"{person.__name__}.{module.name}").Provider
        for attribute in dir(provider):
            words = attribute.lower()
            listed = getattr(provider, attribute)
            is_list = isinstance(listed, (list, tuple, dict, set))
            if not is_list or not re.search("first|last|surname", words):
                continue
            if re.search("prefix|suffix|format", words):
                continue
            for entry in listed:
                # Names in two spellings are pairs; the last one is in Latin letters.
                name = entry[-1] if isinstance(entry, (tuple, list)) else entry
                if isinstance(name, str) and "{" not in name:
                    found[module.name].update(printed(name))
    return found


def costs(languages: Iterable[set[str]]) -> list[list[int]]:
    """`[letter][next letter]`: minus the log probability, in units of 1/16, 0 to 255."""
    pairs: Counter[tuple[str, str]] = Counter()
    for names in languages:
        weight = min(1.0, MOST / max(1, len(names)))
        for name in sorted(names):
            for pair in zip(f"<{name}", f"{name}<", strict=True):
                pairs[pair] += weight
    second = Counter()
    for (_, letter), count in pairs.items():
        second[letter] += count
    total = sum(second.values())
    table = []
    for first in LETTERS:
        count = sum(pairs[first, letter] for letter in LETTERS)
        row = []
        for letter in LETTERS:
            average = (second[letter] + 0.5) / (total + 0.5 * len(LETTERS))
            probability = (pairs[first, letter] + ADDED * average) / (count + ADDED)
            row.append(min(255, round(-UNITS * math.log(probability))))
        table.append(row)
    return table


def write(path: Path) -> None:
    """Writes the table, row by row."""
    languages = names_by_language()
    table = costs(languages[name] for name in sorted(languages))
    path.write_bytes(bytes(cost for row in table for cost in row))
    total = sum(map(len, languages.values()))
    print(f"{path.name}: {total} parts of names in {len(languages)} languages")
