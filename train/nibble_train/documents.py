"""Invented specimen documents, drawn flat: background, portrait, fields, machine-readable zone.
Layouts are our own.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .people import Person
from .strips import font_files
from .texts import Zone

#: Millimetres (ISO/IEC 7810, Doc 9303): page, margin of the zone's first character, pitch, distance
#: of its lines.
ZONE_LEFT, PITCH = 4.5, 2.54
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()


@dataclass(frozen=True)
class Layout:
    """Size in millimetres, title, and distance of the zone's lines; `zone` is false for a front
    side.
    """

    width: float
    height: float
    title: str
    spacing: float
    portrait: bool = True
    zone: bool = True


LAYOUTS = {
    "TD3": Layout(125, 88, "PASSPORT  UTOPIA", 6.35),
    "MRVA": Layout(120, 80, "VISA  UTOPIA", 6.35),
    "MRVB": Layout(105, 74, "VISA  UTOPIA", 6.0),
    "TD2": Layout(105, 74, "IDENTITY CARD  UTOPIA", 6.0),
    "TD1": Layout(85.6, 54, "IDENTITY CARD  UTOPIA", 4.23, portrait=False),
    "FRA36": Layout(105, 74, "CARTE  MODELE", 6.0),
    "front": Layout(85.6, 54, "IDENTITY CARD  UTOPIA", 0, zone=False),
}


def _tint(hue: float, saturation: float, brightness: float) -> np.ndarray:
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 1, saturation, brightness), np.float32)


class Page:
    """A document being drawn at `scale` pixels a millimetre, RGB."""

    def __init__(self, layout: Layout, scale: float, rng: np.random.Generator):
        self.layout, self.scale, self.rng = layout, scale, rng
        self.hue = rng.uniform(0, 1)
        shape = (round(layout.height * scale), round(layout.width * scale))
        rows, columns = shape
        self.y, self.x = np.mgrid[0:rows, 0:columns].astype(np.float32) / scale
        self.pixels = np.broadcast_to(_tint(self.hue, 0.08, 0.93), (*shape, 3)).copy()
        self._guilloche()

    def _guilloche(self) -> None:
        """Waves and rosettes of fine lines, fainter under the zone."""
        rng = self.rng
        fade = (
            np.where(self.y > self.layout.height - 24, 0.55, 1.0).astype(np.float32)
            if self.layout.zone
            else np.float32(1)
        )
        for turn in range(3):
            ink = _tint(self.hue + rng.uniform(-0.12, 0.3), 0.55, 0.62)
            if turn < 2:
                phase = rng.uniform(0, 6.3, 2)
                wave = rng.uniform(1.5, 5) * np.sin(self.x / rng.uniform(4, 11) + phase[0])
                wave += rng.uniform(0.5, 2) * np.sin(self.x / rng.uniform(1.5, 4) + phase[1])
                field = (self.y + wave) * 6.28 / rng.uniform(1.1, 2.4)
            else:
                dx = self.x - self.layout.width * rng.uniform(0.35, 0.8)
                dy = self.y - self.layout.height * rng.uniform(0.3, 0.6)
                petals = int(rng.integers(7, 19))
                field = (
                    (np.hypot(dx, dy) + 2.5 * np.sin(petals * np.arctan2(dy, dx)))
                    * 6.28
                    / rng.uniform(1.3, 2.2)
                )
            lines = np.exp(-5 * (1 - np.cos(field)))
            weight = (rng.uniform(0.25, 0.5) * lines * fade)[:, :, None]
            self.pixels += (ink - self.pixels) * weight

    def portrait(self, left: float, top: float, width: float) -> None:
        """A head and shoulders in front of a plain wall, no person's."""
        rng, height = self.rng, width * 1.28
        x, y = (self.x - left) / width, (self.y - top) / height
        inside = (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)
        picture = np.broadcast_to(_tint(0.58, 0.08, 0.85), self.pixels.shape).copy()
        skin = rng.uniform(110, 232) * np.array(
            [1, rng.uniform(0.74, 0.82), rng.uniform(0.6, 0.7)], np.float32
        )
        hair = np.float32(rng.uniform(20, 120)) * np.array([1, 0.8, 0.6], np.float32)
        coat = _tint(rng.uniform(0, 1), 0.4, 0.35)
        long_hair = rng.random() < 0.5

        def blob(cx, cy, rx, ry, colour, soft=0.04):
            distance = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)
            cover = np.clip((1 - distance) / soft, 0, 1)[:, :, None]
            picture[...] = picture * (1 - cover) + colour * cover

        blob(0.5, 0.42, 0.33, 0.46 if long_hair else 0.36, hair)
        blob(0.5, 1.08, 0.5, 0.36, coat)
        blob(0.5, 0.74, 0.11, 0.2, skin * 0.85)
        blob(0.5, 0.46, 0.24, 0.3, skin)
        blob(0.5, 0.2, 0.25, 0.11, hair, 0.2)
        for side in (-1, 1):
            blob(0.5 + side * 0.09, 0.43, 0.035, 0.018, np.float32(40), 0.4)
        blob(0.5, 0.6, 0.07, 0.016, skin * 0.6, 0.5)
        blob(0.5, 0.52, 0.03, 0.03, skin * 0.85, 0.9)
        picture *= 1 - 0.18 * (x[:, :, None] - 0.4)
        self.pixels[inside] = 0.9 * picture[inside] + 0.1 * self.pixels[inside]

    def texts(self, entries: list[tuple[float, float, float, str, int]]) -> None:
        """Entries `(left, top, size, text, gray)` in millimetres, in Pillow's own proportional
        font.
        """
        image = Image.fromarray(np.clip(self.pixels, 0, 255).astype(np.uint8))
        draw = ImageDraw.Draw(image)
        for left, top, size, text, gray in entries:
            font = ImageFont.load_default(size * self.scale)
            stroke = round(0.06 * self.scale) if gray < 60 else 0
            draw.text(
                (left * self.scale, top * self.scale),
                text,
                font=font,
                fill=(gray, gray, gray + 12),
                stroke_width=stroke,
            )
        self.pixels = np.asarray(image).astype(np.float32)

    def zone(self, lines: tuple[str, ...]) -> None:
        """OCR-B at the pitch of the standard, slightly uneven ink."""
        probe = ImageFont.truetype(font_files()[0], 1000)
        font = ImageFont.truetype(font_files()[0], 1000 * PITCH * self.scale / probe.getlength("0"))
        _, cap_top, _, cap_bottom = font.getbbox("H")
        cover = Image.new("L", (self.pixels.shape[1], self.pixels.shape[0]))
        draw = ImageDraw.Draw(cover)
        left = max(2.5, min(ZONE_LEFT, (self.layout.width - PITCH * len(lines[0])) / 2))
        last = self.layout.height - (5.6 if len(lines) == 2 else 4.2)
        for row, line in enumerate(lines):
            middle = last - self.layout.spacing * (len(lines) - 1 - row)
            for column, character in enumerate(line):
                x = (left + PITCH * (column + 0.5)) * self.scale - font.getlength(character) / 2
                draw.text(
                    (x, middle * self.scale - (cap_top + cap_bottom) / 2),
                    character,
                    font=font,
                    fill=255,
                )
        rows, columns = self.pixels.shape[:2]
        wear = cv2.resize(
            self.rng.normal(0.95, 0.05, (rows // 6, columns // 6)).astype(np.float32),
            (columns, rows),
        )
        weight = np.clip(np.asarray(cover).astype(np.float32) / 255 * wear, 0, 1)[:, :, None]
        self.pixels += (np.float32([32, 30, 38]) - self.pixels) * weight


def _day(date: tuple[int, int, int]) -> str:
    return f"{date[2]:02} {MONTHS[date[1] - 1]} {date[0]}"


def draw(
    kind: str, person: Person, zone: Zone | None, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """A document of a layout as `[rows, columns, 3]` RGB with square corners."""
    layout = LAYOUTS[kind]
    page = Page(layout, scale, rng)
    unit = layout.height / 88
    body = 5 * unit + 5
    entries = [
        (6, 3.2 * unit, 4.6 * unit + 0.6, layout.title, 70),
        (layout.width * 0.67, 3.6 * unit, 3.4 * unit + 0.4, "SPECIMEN", 120),
    ]
    left = 6.0
    if kind == "TD1":
        entries += [
            (left, body + 4 * i, 1.9, line, 90)
            for i, line in enumerate(("Place of issue", "Authority", "Height"))
        ]
        entries += [
            (left + 22, body + 4 * i, 2.1, line, 45)
            for i, line in enumerate(("AMAUROT", "CITY REGISTRY", "1.74 m"))
        ]
        page.portrait(layout.width - 20, 7, 12)
    else:
        width = 30 * unit + 2
        page.portrait(6, body + 4 * unit, width)
        left = 10 + width
        fields = [
            ("Surname", person.surname.replace("<", " ")),
            ("Given names", person.given.replace("<", " ")),
            ("Nationality", "UTOPIAN"),
            ("Date of birth", _day(person.birth)),
            ("Sex", person.sex),
            ("Document number", person.number),
            ("Date of expiry", _day(person.expiry)),
        ]
        room = layout.height - (18 if layout.zone else 6) - body - 4 * unit
        step = 2 * room / (len(fields) + 1)
        for index, (label, text) in enumerate(fields):
            column, row = index % 2, index // 2
            x, y = left + column * (layout.width - left) * 0.52, body + 4 * unit + row * step
            entries += [
                (x, y, 1.7 * unit + 0.4, label, 110),
                (x, y + 2.3 * unit + 0.5, 2.7 * unit + 0.4, text, 45),
            ]
    page.texts(entries)
    if zone is not None:
        page.zone(zone.lines)
    return np.clip(page.pixels, 0, 255).astype(np.uint8)
