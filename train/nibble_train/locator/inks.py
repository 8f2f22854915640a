"""Coverage of ink, 0 to 255: text, zones, bar codes, rulers, keys. What pages are drawn with."""

from __future__ import annotations

import os
import random
import string
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..texts import Writer

#: Pixels a character of a zone at `unit` 1, and pixels a millimetre (2.54 mm a character).
PITCH = 10
MILLIMETRE = PITCH / 2.54

#: Distance of a zone's lines (millimetres, Doc 9303): two and three lines.
SPACING = 6.35


class Fonts:
    """The fonts of a folder by their use: `zone` (OCR-B), `mono` and `text`."""

    def __init__(self, folder: str | None = None):
        folders = [folder or os.environ.get("NIBBLE_FONTS") or "/usr/share/fonts"]
        files = sorted(
            path
            for root in folders
            for kind in ("*.otf", "*.ttf")
            for path in Path(root).rglob(kind)
            if not any(odd in path.name for odd in ("Symbol", "D050000L", "Math", "Z003", "OCRA"))
        )
        #: The same fonts whatever folder they stand in.
        files.sort(key=lambda path: path.name)
        self.zone = [str(p) for p in files if p.name in ("OCRB.otf", "OCRBS.otf")]
        others = [p for p in files if not p.name.startswith("OCR")]
        self.mono = [str(p) for p in others if "Mono" in p.name]
        self.text = [str(p) for p in others]
        if not self.zone or not self.mono:
            raise FileNotFoundError(
                "OCR-B or fonts of fixed pitch not found: install fonts-ocr-b and fonts-dejavu, "
                "or name a folder of fonts (--fonts, NIBBLE_FONTS)"
            )


@lru_cache(maxsize=512)
def font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


class Inks:
    """Draws ink from seeded sources; every result is `[rows, columns]` of uint8."""

    def __init__(self, source: random.Random, noise: np.random.Generator, fonts: Fonts):
        self.r, self.n, self.fonts = source, noise, fonts
        self.writer = Writer(source)

    def words(self, length: int, letters: str | None = None) -> str:
        r = self.r
        letters = letters or r.choice(
            [
                string.ascii_uppercase,
                string.ascii_lowercase,
                string.ascii_letters + string.digits,
                string.ascii_uppercase + string.digits,
                string.digits,
            ]
        )
        out = ""
        while len(out) < length:
            out += "".join(r.choices(letters, k=r.randint(2, 11)))
            out += r.choice([" ", " ", ", ", " / ", ". "])
        return out[:length]

    def text(
        self,
        width: int,
        height: int,
        cap: float,
        leading: float,
        path: str | None = None,
        upper: bool = False,
        ragged: float = 0.3,
    ) -> np.ndarray:
        """Lines of text with capitals `cap` pixels high, `leading` apart."""
        r = self.r
        face = font(path or r.choice(self.fonts.text), max(6, int(cap * 1.4)))
        image = Image.new("L", (max(1, width), max(1, height)), 0)
        draw = ImageDraw.Draw(image)
        per = max(4, int(width / max(1.0, face.getlength("n"))))
        y = 0.0
        while y + cap * 1.5 < height:
            text = self.words(
                int(per * (1 - r.random() * ragged)), string.ascii_uppercase if upper else None
            )
            draw.text((0, y), text, fill=255, font=face)
            y += leading
        return np.asarray(image)

    def lines(self, kind: str) -> tuple[str, ...]:
        """The texts of a zone of `kind`; `LINE` is a single line of 30 characters."""
        if kind == "LINE":
            text = (
                self.r.choice("D<AN")
                + "1"
                + "".join(
                    self.writer.mixed(1, 0.5) if self.r.random() < 0.8 else "<" for _ in range(28)
                )
            )
            return (text[:30].ljust(30, "<"),)
        if self.r.random() < 0.1:
            lines = self.writer.zone(kind).lines
            noise = self.writer.noise().lines[0]
            return tuple((noise * 2)[: len(line)] for line in lines)
        return self.writer.zone(kind).lines

    def zone(self, kind: str, unit: float) -> tuple[np.ndarray, float]:
        """A zone without margins at `PITCH * unit` pixels a character, and the distance of its
        lines in pixels (0 for one line).
        """
        r = self.r
        texts = self.lines(kind)
        pitch = 2 * round(PITCH * unit)
        close = kind == "TD1" and r.random() < 0.5
        factor = r.uniform(0.62, 0.9) if close else r.uniform(0.88, 1.15)
        spacing = SPACING * MILLIMETRE * unit * factor * 2
        own = r.random() < 0.88
        path = r.choice(self.fonts.zone) if own else r.choice(self.fonts.mono)
        size = int(2.8 * PITCH * unit) if own else int(3.1 * PITCH * unit)
        face = font(path, size)
        cap = 1.8 * PITCH * unit
        height = int((len(texts) - 1) * spacing + cap + 8)
        image = Image.new("L", (len(texts[0]) * pitch, height), 0)
        draw = ImageDraw.Draw(image)
        box = face.getbbox("H")
        off = (pitch - face.getlength("0")) / 2
        for i, text in enumerate(texts):
            y = 4 + i * spacing + cap / 2 - (box[1] + box[3]) / 2
            for j, character in enumerate(text):
                draw.text((j * pitch + off, y), character, fill=255, font=face)
        ink = np.asarray(image)
        weight = r.random()
        kernel = np.ones((2, 2), np.uint8)
        if weight < 0.3:
            ink = cv2.dilate(ink, kernel)
        elif weight < 0.42:
            ink = cv2.erode(ink, kernel)
        size = (ink.shape[1] // 2, ink.shape[0] // 2)
        return cv2.resize(ink, size, interpolation=cv2.INTER_AREA), spacing / 2

    def bars(self, height: int, width: int) -> np.ndarray:
        """A bar code or a square code."""
        r = self.r
        if r.random() < 0.5:
            row, x = np.zeros(width, np.uint8), 0
            while x < width:
                bar = r.choice([1, 1, 2, 2, 3, 4])
                row[x : x + bar] = 255
                x += bar + r.choice([1, 1, 2, 3, 4])
            return np.repeat(row[None], height, 0)
        cell = r.choice([2, 3, 4, 6])
        bits = self.n.random((height // cell + 1, width // cell + 1)) < 0.5
        code = np.repeat(np.repeat(bits.astype(np.uint8) * 255, cell, 0), cell, 1)
        return code[:height, :width]

    def ruler(self, height: int, width: int) -> np.ndarray:
        """Ticks, every fifth longer."""
        ink = np.zeros((height, width), np.uint8)
        step, thick = self.r.uniform(4, 14), self.r.choice([1, 1, 2])
        for i in range(int(width / step)):
            long = 0.5 if i % 5 == 0 else 0.3
            cv2.line(ink, (int(i * step), 0), (int(i * step), int(height * long)), 255, thick)
        return ink

    def keys(self, height: int, width: int) -> np.ndarray:
        """Rows of boxes with one or two characters each."""
        r = self.r
        ink = np.zeros((height, width), np.uint8)
        key = r.uniform(10, 40)
        face = font(r.choice(self.fonts.text), max(6, int(key * 0.45)))
        image = Image.fromarray(ink)
        draw = ImageDraw.Draw(image)
        solid = r.random() < 0.5
        for j in range(min(12, int(height / key) + 1)):
            for i in range(min(48, int(width / key) + 1)):
                x, y = i * key + (j % 2) * key * 0.3, j * key
                box = [x + 1, y + 1, x + key * 0.88, y + key * 0.88]
                draw.rectangle(box, outline=None if solid else 255, fill=180 if solid else None)
                text = self.words(r.choice([1, 1, 2]), string.ascii_uppercase)
                place = (x + key * 0.25, y + key * 0.15)
                draw.text(place, text, fill=0 if solid else 255, font=face)
        return np.asarray(image)
