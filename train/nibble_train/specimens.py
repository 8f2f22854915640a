"""The bundled specimens, and as many more as a test wants: pictures and their `index.csv`."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .documents import LAYOUTS, draw
from .people import invent, with_wrong_birth_check, zone_of
from .photograph import Shot, photograph, scan
from .texts import Zone

COLUMNS = ("file", "doc", "kind", "mrz", "failing_checks")
FORMATS = ("TD1", "TD2", "TD3", "MRVA", "MRVB", "FRA36")
#: Value of EXIF tag 0x0112 for a picture whose rows run from right to left and columns from top:
#: shown turned by 90 degrees clockwise.
ORIENTATION, TURN_CLOCKWISE = 0x0112, 6


@dataclass(frozen=True)
class Order:
    """One picture: file name, layout (a format or `front`), camera; `wrong` breaks a check digit,
    `turned` stores it turned.
    """

    file: str
    kind: str
    shot: Shot | None
    wrong: bool = False
    turned: bool = False
    quality: int = 86


FRAME = (1280, 960)
#: JPEG quality of the pictures that the page offers: they have to arrive over slow networks, too.
ON_THE_PAGE = 40
BUNDLED = (
    Order("passport.jpg", "TD3", Shot(FRAME, 0.86), quality=ON_THE_PAGE),
    Order("passport-12mp.jpg", "TD3", Shot((4000, 3000), 0.78, blur=1.6, noise=1.2), quality=74),
    Order(
        "passport-wrong-check.jpg",
        "TD3",
        Shot(FRAME, 0.84, tilt=8),
        wrong=True,
        quality=ON_THE_PAGE,
    ),
    Order("passport-turned.jpg", "TD3", Shot(FRAME, 0.82), turned=True, quality=ON_THE_PAGE),
    Order("id-card-back.jpg", "TD1", Shot(FRAME, 0.72), quality=ON_THE_PAGE),
    Order("id-card-front.jpg", "front", Shot(FRAME, 0.7)),
    Order("id-card-small.jpg", "TD1", Shot(FRAME, 0.45, turn=10)),
    Order("id-td2-scan.png", "TD2", None),
    Order("id-td2.jpg", "TD2", Shot(FRAME, 0.78), quality=ON_THE_PAGE),
    Order("visa-a.jpg", "MRVA", Shot(FRAME, 0.85), quality=ON_THE_PAGE),
    Order("visa-b.webp", "MRVB", Shot(FRAME, 0.76)),
    Order("french-layout.jpg", "FRA36", Shot(FRAME, 0.78), quality=ON_THE_PAGE),
)


def render(order: Order, seed: int) -> tuple[np.ndarray, Zone | None]:
    """The picture as RGB, and the zone it shows."""
    source, rng = random.Random(seed), np.random.default_rng(seed)
    person = invent(source)
    zone = zone_of(person, order.kind, source) if LAYOUTS[order.kind].zone else None
    if order.wrong and zone is not None:
        zone = with_wrong_birth_check(zone)
    width = LAYOUTS[order.kind].width
    wanted = 1000 if order.shot is None else order.shot.frame[0] * order.shot.share
    document = draw(order.kind, person, zone, max(8.0, 1.25 * wanted / width), rng)
    picture = (
        scan(document, 1000, rng) if order.shot is None else photograph(document, order.shot, rng)
    )
    return picture, zone


def _save(picture: np.ndarray, order: Order, path: Path) -> None:
    image = Image.fromarray(picture)
    options: dict = {"quality": order.quality, "optimize": True}
    if order.turned:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[ORIENTATION] = TURN_CLOCKWISE
        options["exif"] = exif
    if path.suffix == ".png":
        image, options = image.convert("L"), {"optimize": True}
    image.save(path, **options)


def _write(orders: list[tuple[Order, int]], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "index.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for order, seed in orders:
            picture, zone = render(order, seed)
            _save(picture, order, out / order.file)
            lines = "|".join(zone.lines) if zone else ""
            kind = "scan" if order.shot is None else "photo"
            table.writerow(
                [
                    order.file,
                    zone.format if zone else "NONE",
                    kind,
                    lines,
                    "dob,comp" if order.wrong else "",
                ]
            )


def bundled(out: Path, seed: int = 2026) -> None:
    """The pictures of `testdata/specimens`."""
    _write([(order, seed + index) for index, order in enumerate(BUNDLED)], out)


def many(out: Path, count: int, seed: int) -> None:
    """`count` pictures of all formats in varied views, for measuring."""
    source = random.Random(seed)
    orders = []
    for index in range(count):
        kind = "front" if index % 25 == 24 else FORMATS[index % len(FORMATS)]
        shot = Shot(
            FRAME,
            source.uniform(0.5, 0.95),
            source.uniform(4, 22),
            source.uniform(2, 15),
            source.uniform(0.3, 1.1),
            source.uniform(1, 6),
        )
        order = Order(
            f"{index:04}-{kind.lower()}.jpg", kind, shot, quality=source.randrange(55, 93)
        )
        orders.append((order, seed * 1_000_003 + index))
    _write(orders, out)
