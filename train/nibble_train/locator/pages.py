"""Pages: documents with and without a zone, and what lies on a table around them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from .inks import MILLIMETRE, PITCH, Inks

#: Lines, width and height of the page in millimetres, share.
FORMATS = {
    "TD3": (2, 125, 88, 42),
    "TD1": (3, 85.6, 54, 28),
    "TD2": (2, 105, 74, 9),
    "FRA36": (2, 105, 74, 4),
    "MRVA": (2, 120, 80, 8),
    "MRVB": (2, 105, 74, 4),
    "LINE": (1, 85.6, 54, 5),
}


@dataclass
class Page:
    """Gray pixels of uint8, and the zone in them: ends of its centre line (the left first), half
    thickness, number of lines; `None` without a zone. `crop` if little but the zone is there.
    """

    pixels: np.ndarray
    zone: tuple[float, float, float, float, float, int] | None = None
    crop: bool = field(default=False)


class Pages:
    """Draws pages with the seeded sources of its inks."""

    def __init__(self, inks: Inks):
        self.inks, self.r, self.n = inks, inks.r, inks.n

    def smooth(self, h: int, w: int, cell: int, amplitude: float) -> np.ndarray:
        shape = (max(2, h // cell + 2), max(2, w // cell + 2))
        small = self.n.standard_normal(shape).astype(np.float32)
        return cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC) * amplitude

    def guilloche(self, h: int, w: int, amplitude: float) -> np.ndarray:
        r = self.r
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        out = np.zeros((h, w), np.float32)
        for _ in range(r.randint(1, 3)):
            a, period = r.uniform(0, math.pi), r.uniform(4, 22)
            u = x * math.cos(a) + y * math.sin(a)
            v = -x * math.sin(a) + y * math.cos(a)
            bend = r.uniform(2, 20) * np.sin(v / r.uniform(8, 40))
            out += np.cos(2 * math.pi * (u + bend) / period)
        return out * amplitude

    def paste(self, page: np.ndarray, ink: np.ndarray, x: float, y: float, shade: float) -> None:
        """Moves the pixels under `ink` towards `shade`."""
        h, w = ink.shape
        x, y = int(x), int(y)
        x0, y0 = max(0, x), max(0, y)
        x1, y1 = min(page.shape[1], x + w), min(page.shape[0], y + h)
        if x1 > x0 and y1 > y0:
            cover = ink[y0 - y : y1 - y, x0 - x : x1 - x].astype(np.float32) / 255
            part = page[y0:y1, x0:x1]
            part += cover * (shade - part)

    def portrait(self, page: np.ndarray, x: float, y: float, w: float, h: float) -> None:
        r = self.r
        x, y, w, h = (int(v) for v in (x, y, w, h))
        box = self.smooth(h, w, 12, r.uniform(5, 25)) + r.uniform(120, 230)
        for cy, rx, ry, low, high in (
            (0.95, 0.48, 0.33, 20, 160),
            (0.45, 0.3, 0.36, 20, 120),
            (0.5, 0.24, 0.3, 110, 220),
        ):
            axes = (int(w * rx), int(h * ry))
            cv2.ellipse(box, (w // 2, int(h * cy)), axes, 0, 0, 360, r.uniform(low, high), -1)
        part = page[y : y + h, x : x + w]
        part[:] = box[: part.shape[0], : part.shape[1]]

    def fields(self, page: np.ndarray, x0: float, y0: float, x1: float, y1: float) -> None:
        """Labels and values in columns."""
        r, fonts = self.r, self.inks.fonts
        leading = r.uniform(16, 34)
        label, value = r.choice(fonts.text), r.choice(fonts.text + fonts.zone * 6)
        dark = r.uniform(0, 90)
        y = y0
        while y + 14 < y1:
            x = x0
            while x < x1 - 20:
                w = min(x1 - x, r.uniform(60, 240))
                if r.random() < 0.7:
                    if r.random() < 0.6:
                        small = self.inks.text(int(w), 8, 5, 99, label)
                        self.paste(page, small, x, y, r.uniform(40, 150))
                    cap = r.uniform(6, 11)
                    size = int(w * r.uniform(0.3, 1)) + 8, int(cap * 1.6 + 2)
                    text = self.inks.text(*size, cap, 99, value, r.random() < 0.7)
                    self.paste(page, text, x, y + 7, dark)
                x += w + r.uniform(4, 40)
            y += leading

    def paper(self, h: int, w: int) -> np.ndarray:
        r = self.r
        page = np.full((h, w), r.uniform(165, 250), np.float32)
        if r.random() < 0.7:
            page += self.smooth(h, w, r.choice([10, 30, 80]), r.uniform(1, 14))
        if r.random() < 0.5:
            page += self.guilloche(h, w, r.uniform(1, 9))
        return page

    def boxes(
        self, page: np.ndarray, box: tuple[int, int, int, int], lines: int, spacing: float
    ) -> None:
        """Frames or rules drawn tightly round a zone (left, top, width, height), or round each of
        its lines, `spacing` apart.
        """
        r = self.r
        x, y, w, h = box
        shade, thick = r.uniform(0, 150), r.choice([1, 1, 2, 3])
        choice = r.random()
        near = r.uniform(1.5, 12)
        if choice < 0.45:
            corner = (int(x - near), int(y - near)), (int(x + w + near), int(y + h + near))
            cv2.rectangle(page, *corner, shade, thick)
        elif choice < 0.75:
            near = min(near, max(2.0, spacing * 0.22))
            cap = h - spacing * (lines - 1)
            for i in range(lines):
                top = y + i * spacing
                first = (int(x - near), int(top - near))
                last = (int(x + w + near), int(top + cap + near))
                cv2.rectangle(page, first, last, shade, thick)
        else:
            for level in (y - near, y + h + near)[: r.choice([1, 2])]:
                left = 0 if r.random() < 0.5 else int(x - near)
                cv2.line(page, (left, int(level)), (page.shape[1] - left, int(level)), shade, thick)

    def body(self, page: np.ndarray, top: int, bottom: int) -> None:
        """What stands above a zone: portrait, title, fields, perhaps a code."""
        r, w = self.r, page.shape[1]
        side = r.uniform(0.2, 0.34)
        x0, x1 = 12.0, w - 12.0
        if r.random() < 0.8:
            left, pw = r.random() < 0.75, w * side
            ph = min(pw * 1.3, (bottom - top) * 0.85)
            y = top + (bottom - top - ph) * r.uniform(0.3, 0.9)
            self.portrait(page, 10 if left else w - pw - 10, y, pw, ph)
            x0, x1 = (pw + 22, w - 8.0) if left else (8.0, w - pw - 20)
        if r.random() < 0.8:
            width = int((x1 - x0) * r.uniform(0.4, 1))
            title = self.inks.text(width, 20, r.uniform(7, 12), 99, None, True)
            self.paste(page, title, x0, top + 8, r.uniform(0, 120))
        self.fields(page, x0, top + 30, x1, bottom - 2)
        if r.random() < 0.15:
            code = self.inks.bars(int(r.uniform(14, 50)), int(r.uniform(80, w * 0.8)))
            x, y = r.uniform(0, w * 0.3), top + r.uniform(0, (bottom - top) * 0.8)
            self.paste(page, code, x, y, r.uniform(0, 60))

    def document(self, with_zone: bool) -> Page:
        """A document; without a zone, something else may stand in its place."""
        r = self.r
        kind = r.choices(list(FORMATS), [f[3] for f in FORMATS.values()])[0]
        lines, wmm, hmm, _ = FORMATS[kind]
        crop = r.random() < (0.22 if with_zone else 0.1)
        unit = 2.0 if crop and r.random() < 0.6 else 1.0
        ink, spacing = self.inks.zone(kind, unit)
        zh, zw = ink.shape
        top = 0
        if crop:
            around = r.choice([4, 20, 60])
            w = zw + int(r.uniform(4, 2 + around * 2) * unit)
            h = zh + int(r.uniform(4, 4 + around * 2) * unit)
            page, bottom = self.paper(h, w), h
        else:
            w, h = int(wmm * MILLIMETRE), int(hmm * MILLIMETRE)
            if kind == "TD3" and r.random() < 0.3:
                top = h
            page = self.paper(top + h, w)
            if top:
                page[:top] = self.paper(top, w)
                if r.random() < 0.7:
                    text = self.inks.text(w - 60, top - 60, r.uniform(5, 9), r.uniform(14, 30))
                    self.paste(page, text, 30, 30, r.uniform(20, 120))
                page[top - 2 : top + 2] -= r.uniform(10, 80)
            h += top
            bottom = h - int((zh + r.uniform(26, 46)) if kind != "LINE" else zh + 30)
            self.body(page, top, bottom)
        zone = None
        if with_zone:
            x = int((w - zw) * (r.random() if crop else r.uniform(0.3, 0.7)))
            room = (h - zh) if crop else (h - bottom - zh)
            y = int((0 if crop else bottom) + room * (r.random() if crop else r.uniform(0.3, 0.75)))
            if not crop and r.random() < 0.25:  # a light band under the zone
                page[max(0, y - 6) :] = page[max(0, y - 6) :] * 0.3 + r.uniform(190, 250) * 0.7
            shade = r.uniform(0, 100) if r.random() < 0.85 else r.uniform(100, 145)
            if r.random() < 0.07:  # light on a dark band
                page[max(0, y - 8) : y + zh + 8] *= r.uniform(0.1, 0.4)
                shade = r.uniform(150, 255)
            self.paste(page, ink, x, y, shade)
            if r.random() < 0.22:
                self.boxes(page, (x, y, zw, zh), lines, spacing)
            zone = (x, y + zh / 2, x + zw, y + zh / 2, max(zh / 2 - 1, PITCH * 0.4 * unit), lines)
        else:
            self.distract(page, 4, bottom if not crop else 2, w - 4, h - 3)
        if r.random() < 0.09:  # a photocopy
            if r.random() < 0.5:
                page = np.where(page > r.uniform(110, 170), np.float32(250), np.float32(10))
            else:
                local = cv2.blur(page, (41, 41)) - r.uniform(6, 25)
                page = np.where(page > local, np.float32(250), np.float32(10))
        elif r.random() < 0.05:
            page = 255 - page
        return Page(np.clip(page, 0, 255).astype(np.uint8), zone, crop)

    def distract(self, page: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> None:
        """Draws what stands where a zone might, and is none."""
        r, inks, w, h = self.r, self.inks, int(x1 - x0), int(y1 - y0)
        if w < 10 or h < 10:
            return
        choice = r.random()
        if choice < 0.3:
            cap = r.uniform(5, 10)
            ink = inks.text(w, h, cap, cap * r.uniform(1.6, 3), None, r.random() < 0.5)
        elif choice < 0.45:
            self.fields(page, x0, y0, x1, y1)
            return
        elif choice < 0.6:
            ink = inks.bars(h, int(w * r.uniform(0.4, 1)))
        elif choice < 0.7:
            ink = inks.ruler(h, w)
        elif choice < 0.78:
            ink = inks.keys(h, w)
        elif choice < 0.88:  # words in the zone's print
            ink = inks.text(w, 24, 8.5, 99, r.choice(inks.fonts.zone), True)
        else:
            return
        self.paste(page, ink, x0, y0 + r.uniform(0, max(1, h - ink.shape[0])), r.uniform(0, 120))
