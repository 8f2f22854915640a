#!/usr/bin/env python3
"""Render the kinds of pictures that readers lose, for `cargo xtask eval --kinds`.

usage: kinds.py COUNT SEED OUT [KIND]...
Needs Pillow, numpy, OpenCV and the fonts OCR-B (Debian: fonts-ocr-b). Makes COUNT pictures of each
kind, or of those that are named. The same COUNT, SEED and versions give the same pictures; persons
are invented. Writes OUT/<kind>-00.png and so on, and OUT/index.tsv: kind, file, format, lines. `|`
divides lines, ` & ` documents, and `?` stands for a character that the picture does not show whole.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "reader/tests"))
sys.dont_write_bytecode = True
from renders import FONTS, Fonts, Writer, check_digit, draw, fit, noisy  # noqa: E402

FORMATS = ["TD3", "TD3", "TD3", "TD1", "TD1", "TD2", "MRVA", "MRVB", "D1FRA", "D1NLD"]
LABELS = "Surname Given names Nationality Date of birth Place of birth Sex Authority Date of issue Date of expiry Type Code".split()


class Persons(Writer):
    """Invents zones as issuers print them: numbers of digits after at most two letters."""

    def number(self, length: int) -> str:
        letters = self.rng.choice([0, 0, 1, 1, 2])
        body = "".join(self.rng.choice("0123456789") for _ in range(length - letters))
        return "".join(self.rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(letters)) + body

    def optional(self, length: int) -> str:
        return "<" * length if self.rng.random() < 0.6 else fit(self.number(self.rng.randint(5, length)), length)

    def licence(self, document: str) -> list[str]:
        if document == "D1FRA":
            number = "D1FRA" + self.date(10, 24)[:2] + "".join(self.rng.choice("ABCDEFGH") for _ in range(2))
            number += "".join(self.rng.choice("0123456789") for _ in range(5))
            line = number + check_digit(number) + self.date(26, 36) + fit(self.word() + self.word()[:2], 8)
        else:
            random_part = "".join(self.rng.choice("0123456789ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(13))
            line = "D1NLD1" + "".join(self.rng.choice("0123456789") for _ in range(10)) + random_part
        return [line + check_digit(line)]

    def document(self, document: str) -> list[str]:
        if document in ("D1FRA", "D1NLD"):
            return self.licence(document)
        while True:
            lines = self.zone()
            if format_of(lines) == document:
                return lines


def format_of(lines: list[str]) -> str:
    if len(lines) == 1:
        return lines[0][:5]
    if len(lines) == 3:
        return "TD1"
    is_visa, is_long = lines[0][0] == "V", len(lines[0]) == 44
    return {(False, True): "TD3", (False, False): "TD2", (True, True): "MRVA", (True, False): "MRVB"}[is_visa, is_long]


class Zone:
    """A rendered zone: its picture, its characters' boxes, its lines, its pitch in pixels."""

    def __init__(self, rng: random.Random, fonts: Fonts, pitch: float, hinted=False, ink=None, paper=None):
        self.rng, self.pitch = rng, pitch
        self.format = rng.choice(FORMATS)
        self.lines = Persons(rng).document(self.format)
        self.ink = rng.randint(0, 60) if ink is None else ink
        self.paper = rng.randint(190, 255) if paper is None else paper
        font = fonts.of(FONTS[0], pitch * (1 if hinted else 4), hinted)
        self.image, self.boxes = draw(self.lines, pitch, font, hinted, rng, self.ink, self.paper)

    @property
    def box(self) -> tuple[float, float, float, float]:
        lefts, tops, rights, bottoms = zip(*(box[2:] for box in self.boxes))
        return min(lefts), min(tops), max(rights), max(bottoms)

    def row(self, row: int) -> list[tuple]:
        return [box for box in self.boxes if box[0] == row]

    def rows(self) -> list[tuple[float, float, float, float]]:
        found = []
        for row in range(len(self.lines)):
            line = self.row(row)
            found.append((line[0][2], line[0][3], line[-1][4], line[0][5]))
        return found

    def moved(self, across: float, down: float) -> None:
        self.boxes = [(r, c, x0 + across, y0 + down, x1 + across, y1 + down) for r, c, x0, y0, x1, y1 in self.boxes]

    def on_page(self) -> None:
        """Puts the zone at the foot of a data page with a portrait and printed fields."""
        rng, width = self.rng, self.image.width
        height = int(width * rng.uniform(0.35, 0.6)) + self.image.height
        page = Image.new("L", (width, height), self.paper)
        pen, size = ImageDraw.Draw(page), max(7.0, self.pitch * 0.9)
        top = height - self.image.height
        if top > 6 * size:
            box = (self.pitch * 2, size * 2, width * 0.28, top - size)
            pen.rectangle(box, fill=rng.randint(90, 190))
            cx, cy, r = (box[0] + box[2]) / 2, box[1] + (box[3] - box[1]) * 0.4, (box[2] - box[0]) * 0.25
            pen.ellipse((cx - r, cy - 1.3 * r, cx + r, cy + 1.3 * r), fill=rng.randint(150, 220))
            small, large = ImageFont.load_default(size * 0.7), ImageFont.load_default(size * 1.05)
            y = size * 2
            while y + 2.4 * size < top:
                x = width * 0.33
                pen.text((x, y), rng.choice(LABELS), fill=self.ink + 40, font=small)
                pen.text((x, y + size * 0.8), Persons(rng).word(), fill=self.ink, font=large)
                if rng.random() < 0.6:
                    pen.text((x + width * 0.33, y + size * 0.8), f"{rng.randint(1, 28):02} {rng.randint(1, 12):02} 20{rng.randint(10, 36)}", fill=self.ink, font=large)
                y += size * rng.uniform(2.4, 3.0)
        page.paste(self.image, (0, top))
        self.image = page
        self.moved(0, top)

    def crop(self, left: float, top: float, right: float, bottom: float) -> None:
        box = tuple(round(side) for side in (left, top, right, bottom))
        self.image = self.image.crop(box)
        self.moved(-box[0], -box[1])

    def blur(self, low: float, high: float) -> None:
        self.image = self.image.filter(ImageFilter.GaussianBlur(self.pitch * self.rng.uniform(low, high)))


def base(rng, fonts, low=11.0, high=20.0, page=0.5, **options) -> Zone:
    zone = Zone(rng, fonts, rng.uniform(low, high), **options)
    if rng.random() < page:
        zone.on_page()
    return zone


def finished(zone: Zone, turn=2.0, noise=6.0) -> Image.Image:
    """A little blur, turn and noise, as every scan has."""
    rng = zone.rng
    zone.blur(0.0, 0.07)
    image = zone.image.rotate(rng.uniform(-turn, turn), Image.Resampling.BICUBIC, fillcolor=zone.paper)
    return noisy(image, rng.uniform(0, noise), rng)


def frame(image, box, rng, pitch, gray=None):
    """A frame as a tool or a pen draws it: a rectangle, or four corners that are a little off."""
    pen = ImageDraw.Draw(image)
    gap, width = pitch * rng.uniform(0.12, 0.5), max(1, round(pitch * rng.uniform(0.06, 0.22)))
    gray = rng.randint(0, 150) if gray is None else gray
    x0, y0, x1, y1 = box[0] - gap, box[1] - gap, box[2] + gap, box[3] + gap
    off = lambda: rng.uniform(-0.12, 0.12) * pitch
    corners = [(x0 + off(), y0 + off()), (x1 + off(), y0 + off()), (x1 + off(), y1 + off()), (x0 + off(), y1 + off())]
    pen.line(corners + corners[:1], fill=gray, width=width, joint="curve")
    return corners


def handles(image, corners, rng, pitch):
    """Marks at the corners of a polygon, as a tool for annotations draws them."""
    pen, gray = ImageDraw.Draw(image), rng.choice([0, 30, 60, 255, 255])
    size, width = pitch * rng.uniform(0.35, 0.6), max(1, round(pitch * 0.15))
    for (x, y), shape in zip(corners, rng.choices(["cross", "disk", "arrow"], k=4)):
        if shape == "disk":
            pen.ellipse((x - size, y - size, x + size, y + size), fill=gray)
        elif shape == "cross":
            pen.line((x - size, y - size, x + size, y + size), fill=gray, width=width)
            pen.line((x - size, y + size, x + size, y - size), fill=gray, width=width)
        else:
            pen.line((x, y - 2 * size, x, y + size), fill=gray, width=width)
            pen.line([(x - size, y), (x, y + size), (x + size, y)], fill=gray, width=width)


def warped(image, paper, rng, tilt):
    """The picture as a camera sees it that is not straight above."""
    width, height = image.size
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    shift = np.float32([[rng.uniform(0, tilt) * width, rng.uniform(0, tilt) * height] for _ in range(4)])
    seen = corners + shift * np.float32([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    matrix = cv2.getPerspectiveTransform(corners, seen)
    return Image.fromarray(cv2.warpPerspective(np.asarray(image), matrix, (width, height), flags=cv2.INTER_AREA, borderValue=int(paper)))


def box(rng, fonts):
    zone = base(rng, fonts)
    frame(zone.image, zone.box, rng, zone.pitch)
    return finished(zone), zone


def boxes(rng, fonts):
    zone = base(rng, fonts)
    gray = rng.randint(0, 150)
    for row in zone.rows():
        frame(zone.image, row, rng, zone.pitch, gray)
    return finished(zone), zone


def polygon(rng, fonts):
    zone = base(rng, fonts, 13, 22, page=1.0)
    corners = frame(zone.image, zone.box, rng, zone.pitch * rng.uniform(1, 1.6), rng.randint(60, 190))
    if rng.random() < 0.6:
        handles(zone.image, corners, rng, zone.pitch)
    zone.blur(0.02, 0.08)
    image = warped(zone.image, rng.randint(40, 160), rng, 0.06)
    return noisy(image.rotate(rng.uniform(-5, 5), Image.Resampling.BICUBIC, fillcolor=90), rng.uniform(1, 6), rng), zone


def mark(rng, fonts):
    """A mark right before a line, as a tool or a pen leaves it, and another on its last character."""
    zone = base(rng, fonts, 11, 20)
    pitch, pen = zone.pitch, ImageDraw.Draw(zone.image)
    row = rng.choice([number for number, line in enumerate(zone.lines) if line[-1] == "<"] or [0])
    x0, y0, x1, y1 = zone.rows()[row]
    x, y, size, width = x0 - 0.5 * pitch, (y0 + y1) / 2, pitch * rng.uniform(0.3, 0.5), max(1, round(0.16 * pitch))
    if rng.random() < 0.5:
        pen.line((x - size, y - 1.3 * size, x + size, y + 1.3 * size), fill=zone.ink, width=width)
        pen.line((x - size, y + 1.3 * size, x + size, y - 1.3 * size), fill=zone.ink, width=width)
    else:
        pen.line((x, y - 1.5 * size, x, y + 1.5 * size), fill=zone.ink, width=width)
        pen.line((x - size, y, x + size, y), fill=zone.ink, width=width)
    if zone.lines[row][-1] == "<":
        x = x1 - 0.5 * pitch
        pen.ellipse((x - 0.6 * pitch, y - 0.8 * pitch, x + 0.6 * pitch, y + 0.8 * pitch), fill=255)
    return finished(zone, turn=1.0), zone


def highlighter(rng, fonts):
    zone = base(rng, fonts)
    stripe = Image.new("L", zone.image.size, 255)
    pen = ImageDraw.Draw(stripe)
    gray = rng.randint(140, 225)
    for x0, y0, x1, y1 in rng.sample(zone.rows(), rng.randint(1, len(zone.lines))):
        start = x0 - zone.pitch if rng.random() < 0.5 else rng.uniform(x0, (x0 + x1) / 2)
        end = x1 + zone.pitch if rng.random() < 0.5 else rng.uniform((x0 + x1) / 2, x1)
        middle, half = (y0 + y1) / 2, (y1 - y0) * rng.uniform(0.55, 0.95)
        slope = rng.uniform(-0.3, 0.3) * zone.pitch
        pen.polygon([(start, middle - half), (end, middle - half + slope), (end, middle + half + slope), (start, middle + half)], fill=gray)
    stripe = stripe.filter(ImageFilter.GaussianBlur(zone.pitch * 0.08))
    zone.image = ImageChops.multiply(zone.image, stripe)
    return finished(zone), zone


def dark(rng, fonts):
    zone = base(rng, fonts, ink=rng.randint(190, 255), paper=rng.randint(5, 80))
    return finished(zone), zone


def turned(angle):
    def made(rng, fonts):
        zone = base(rng, fonts)
        image = finished(zone)
        return image.transpose(rng.choice(angle)), zone

    return made


def cut(side):
    def made(rng, fonts):
        zone = base(rng, fonts)
        shown = rng.randint(1, 3)
        # Of the last character at most a third is left.
        at = shown - rng.uniform(0.0, 0.45)
        x0, y0, x1, y1 = zone.box
        width, height = zone.image.size
        if side == "left":
            zone.crop(x0 + at * zone.pitch, 0, width, height)
            zone.lines = ["?" * shown + line[shown:] for line in zone.lines]
        else:
            zone.crop(0, 0, x1 - at * zone.pitch, height)
            zone.lines = [line[:-shown] + "?" * shown for line in zone.lines]
        return finished(zone, turn=0.0), zone

    return made


def capitals(height, hinted):
    def made(rng, fonts):
        pitch = height * 2.54 / 2.4
        if hinted and rng.random() < 0.5:
            pitch = round(pitch)
        zone = base(rng, fonts, pitch, pitch, hinted=hinted, ink=rng.randint(0, 40), paper=rng.randint(230, 255))
        if hinted:
            return zone.image, zone
        zone.blur(0.0, 0.05)
        return noisy(zone.image, rng.uniform(0, 3), rng), zone

    return made


def pen(rng, fonts):
    """A signature or a stroke across a line, thin enough that a person still reads it."""
    zone = base(rng, fonts, 14, 24)
    x0, y0, x1, y1 = zone.box
    length = rng.uniform(4, 16) * zone.pitch
    x, y = rng.uniform(x0, x1 - length), rng.uniform(y0, y1)
    layer = Image.new("L", (zone.image.width * 4, zone.image.height * 4), 255)
    drawing = ImageDraw.Draw(layer)
    width = max(2, round(4 * zone.pitch * rng.uniform(0.05, 0.11)))
    gray, t = rng.randint(60, 140), np.linspace(0, 1, 240)
    if rng.random() < 0.6:
        loops, swing = rng.randint(2, 7), rng.uniform(0.8, 2.2) * zone.pitch
        turn, fall = rng.uniform(0, 6.3), rng.uniform(-2, 2) * zone.pitch
        swell = 0.4 + 0.6 * np.abs(np.sin(3 * np.pi * t * rng.uniform(0.5, 1.5) + turn))
        xs = x + length * t + zone.pitch * rng.uniform(0.3, 1.2) * np.cos(2 * np.pi * loops * t)
        ys = y + fall * t + swing * swell * np.sin(2 * np.pi * loops * t + turn)
    else:
        xs = x + length * t
        ys = y + rng.uniform(-1.5, 1.5) * zone.pitch * t + rng.uniform(-1, 1) * zone.pitch * t * (1 - t)
    drawing.line([(4 * a, 4 * b) for a, b in zip(xs, ys)], fill=gray, width=width, joint="curve")
    layer = layer.resize(zone.image.size, Image.Resampling.BOX)
    zone.image = ImageChops.darker(zone.image, layer)
    return finished(zone), zone


def stamp(rng, fonts):
    zone = base(rng, fonts, 14, 24)
    x0, y0, x1, y1 = zone.box
    size = int(rng.uniform(7, 13) * zone.pitch)
    ring = Image.new("L", (size, size), 255)
    drawing, gray = ImageDraw.Draw(ring), rng.randint(110, 175)
    edge = max(1, round(zone.pitch * 0.12))
    drawing.ellipse((2, 2, size - 2, size - 2), outline=gray, width=edge)
    inner = size * 0.22
    drawing.ellipse((inner, inner, size - inner, size - inner), outline=gray, width=edge)
    font = ImageFont.load_default(size * 0.12)
    for step, word in enumerate(["IMMIGRATION", "ENTRY", f"{rng.randint(1, 28)} MAR 20{rng.randint(10, 26)}"]):
        drawing.text((size / 2 - font.getlength(word) / 2, size * (0.05 + 0.4 * step)), word, fill=gray, font=font)
    ring = ring.rotate(rng.uniform(0, 360), Image.Resampling.BICUBIC, fillcolor=255)
    grains = np.random.default_rng(rng.getrandbits(32)).random((size // 3 + 1, size // 3 + 1))
    worn = Image.fromarray((grains > rng.uniform(0.1, 0.5)).astype(np.uint8) * 255).resize((size, size), Image.Resampling.BILINEAR)
    ring = Image.composite(ring, Image.new("L", (size, size), 255), worn)
    layer = Image.new("L", zone.image.size, 255)
    layer.paste(ring, (int(rng.uniform(x0, x1 - size)), int(rng.uniform(y0, y1) - size / 2)))
    zone.image = ImageChops.multiply(zone.image, layer)
    return finished(zone), zone


def photocopy(rng, fonts):
    zone = base(rng, fonts, 13, 22)
    zone.blur(0.05, 0.12)
    image = zone.image.rotate(rng.uniform(-2, 2), Image.Resampling.BICUBIC, fillcolor=zone.paper)
    pixels = np.asarray(noisy(image, rng.uniform(4, 14), rng), np.float32)
    # Blurred strokes are lighter than their ink.
    x0, y0, x1, y1 = (int(side) for side in zone.box)
    ink = float(np.percentile(pixels[y0:y1, x0:x1], 3))
    black = pixels < ink + (zone.paper - ink) * rng.uniform(0.5, 0.75)
    rows, columns = black.shape
    for _ in range(int(rng.uniform(0.0002, 0.003) * black.size)):
        y, x, size = rng.randrange(rows), rng.randrange(columns), rng.choice([1, 1, 1, 2, 2, 3])
        black[y : y + size, x : x + size] = rng.random() < 0.85
    if rng.random() < 0.4:
        black[:, : rng.randint(1, 12)] = True
    return Image.fromarray(np.where(black, 0, 255).astype(np.uint8)), zone


def screen(rng, fonts):
    """A screen photographed: its grid of pixels beats with that of the camera."""
    zone = base(rng, fonts, 9, 13, hinted=True)
    cell = 4
    pixels = np.repeat(np.repeat(np.asarray(zone.image, np.float32), cell, 0), cell, 1)
    rows, columns = pixels.shape
    grid = np.where(np.arange(rows) % cell == 0, rng.uniform(0.5, 0.8), 1.0)[:, None] * np.where(np.arange(columns) % cell == 0, rng.uniform(0.5, 0.8), 1.0)[None, :]
    pixels = pixels * grid
    scale = rng.uniform(1.3, 2.1)
    width, height = int(columns / cell * scale), int(rows / cell * scale)
    corners = np.float32([[0, 0], [columns, 0], [columns, rows], [0, rows]])
    off = lambda: rng.uniform(0, 0.035)
    seen = np.float32([[off() * width, off() * height], [(1 - off()) * width, off() * height], [(1 - off()) * width, (1 - off()) * height], [off() * width, (1 - off()) * height]])
    pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.5, 1.2))
    image = cv2.warpPerspective(pixels, cv2.getPerspectiveTransform(corners, seen), (width, height), flags=cv2.INTER_LINEAR, borderValue=rng.randint(5, 60))
    if rng.random() < 0.5:
        y = np.arange(height)[:, None]
        image = image * (1 + rng.uniform(0.03, 0.15) * np.sin(2 * np.pi * y / rng.uniform(40, 200)))
    image = Image.fromarray(np.clip(image * rng.uniform(0.8, 1.05), 0, 255).astype(np.uint8))
    return noisy(image, rng.uniform(1, 6), rng), zone


def filled(rng, fonts):
    zone = base(rng, fonts, 9, 22, page=0)
    room = rng.uniform(1, 3)
    x0, y0, x1, y1 = zone.box
    # The side bearings of the characters belong to the zone's box, as a crop to the text cuts them.
    bearing = 0.12 * zone.pitch
    zone.crop(x0 + bearing - room, y0 - room, x1 - bearing + room, y1 + room)
    return finished(zone, turn=0.3), zone


class Sheet:
    """Several documents; quacks like a zone."""

    format = "several"

    def __init__(self, documents):
        self.documents = documents


def several(rng, fonts):
    zones = [base(rng, fonts, 10, 16, page=0.7) for _ in range(rng.randint(2, 4))]
    paper, gap = rng.randint(225, 255), rng.randint(30, 90)
    across = rng.random() < 0.3
    if across:
        zones = zones[:2]
        size = (sum(z.image.width for z in zones) + gap * (len(zones) + 1), max(z.image.height for z in zones) + 2 * gap)
    else:
        size = (max(z.image.width for z in zones) + 2 * gap, sum(z.image.height for z in zones) + gap * (len(zones) + 1))
    sheet, at = Image.new("L", size, paper), gap
    for zone in zones:
        # Side by side, the zones are level.
        place = (at, size[1] - gap - zone.image.height) if across else (gap, at)
        sheet.paste(zone.image, place)
        if rng.random() < 0.5:
            x, y = place
            ImageDraw.Draw(sheet).rectangle((x, y, x + zone.image.width, y + zone.image.height), outline=rng.randint(60, 200), width=2)
        at += gap + (zone.image.width if across else zone.image.height)
    sheet = sheet.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.9)))
    return noisy(sheet, rng.uniform(0, 5), rng), Sheet([zone.lines for zone in zones])


def gif(rng, fonts):
    zone = base(rng, fonts)
    return finished(zone), zone


def jpeg(rng, fonts):
    zone = base(rng, fonts, 11, 18)
    return finished(zone, noise=3), zone


def faint(rng, fonts):
    paper = rng.randint(80, 220)
    zone = base(rng, fonts, paper=paper, ink=paper - rng.randint(28, 45))
    zone.blur(0.0, 0.06)
    return noisy(zone.image.rotate(rng.uniform(-2, 2), Image.Resampling.BICUBIC, fillcolor=paper), rng.uniform(0.5, 3.5), rng), zone


def shade(rng, fonts):
    """A slope of light, the edge of a shadow, and a glare that leaves the characters legible."""
    zone = base(rng, fonts, 12, 22)
    pixels = np.asarray(zone.image, np.float32)
    rows, columns = pixels.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    angle = rng.uniform(0, 6.3)
    slope = (np.cos(angle) * x + np.sin(angle) * y) / max(rows, columns)
    slope = (slope - slope.min()) / max(np.ptp(slope), 1e-6)
    light = 1 - rng.uniform(0.3, 0.7) * slope
    towards, (x0, y0, x1, y1) = rng.uniform(0, 6.3), zone.box
    side = np.cos(towards) * (x - rng.uniform(x0, x1)) + np.sin(towards) * (y - rng.uniform(y0, y1))
    light *= 1 - rng.uniform(0.2, 0.6) / (1 + np.exp(-np.clip(side / (zone.pitch * rng.uniform(0.3, 3)), -30, 30)))
    pixels *= light
    if rng.random() < 0.6:
        gx, gy, radius = rng.uniform(x0, x1), rng.uniform(y0, y1), zone.pitch * rng.uniform(2, 7)
        glow = rng.uniform(0.3, 0.8) * np.exp(-((x - gx) ** 2 + (2 * (y - gy)) ** 2) / (2 * radius**2))
        pixels += (250 - pixels) * glow
    zone.image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return finished(zone), zone


def bent(rng, fonts):
    """A page bent as a cylinder whose axis is upright, seen from above or below its middle."""
    zone = base(rng, fonts, 14, 24, page=0.7)
    pixels = np.asarray(zone.image)
    rows, columns = pixels.shape
    half = np.radians(rng.uniform(20, 42))
    low = rng.uniform(-1, 0.2) * half
    high = low + 2 * half * rng.uniform(0.6, 1.0)
    angles = np.linspace(low, high, columns)
    radius = columns / (high - low)
    sag = radius * np.sin(np.radians(rng.choice([-1, 1]) * rng.uniform(6, 18)))
    # Where each column of the page appears, and how far down.
    across = radius * (np.sin(angles) - np.sin(angles[0]))
    down = sag * (1 - np.cos(angles))
    width = int(across[-1])
    if width < columns // 2:
        return bent(rng, fonts)
    source = np.interp(np.arange(width), across, np.arange(columns))
    fall = np.interp(np.arange(width), across, down)
    top = int(max(0, -fall.min())) + 4
    height = rows + int(np.ptp(fall)) + 8
    y = np.arange(height, dtype=np.float32)[:, None] - top - fall[None, :]
    x = np.broadcast_to(source[None, :], y.shape)
    seen = cv2.remap(pixels, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderValue=rng.randint(60, 200))
    shading = 1 - rng.uniform(0, 0.35) * (1 - np.cos(np.interp(np.arange(width), across, angles)))
    zone.image = Image.fromarray(np.clip(seen * shading[None, :], 0, 255).astype(np.uint8))
    zone.blur(0.02, 0.07)
    return noisy(zone.image, rng.uniform(0, 6), rng), zone


KINDS = {
    "box": box,
    "boxes": boxes,
    "polygon": polygon,
    "mark": mark,
    "highlighter": highlighter,
    "dark": dark,
    "turned-180": turned([Image.Transpose.ROTATE_180]),
    "turned-90": turned([Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270]),
    "cut-left": cut("left"),
    "cut-right": cut("right"),
    "capitals-5": capitals(5, False),
    "capitals-5.5": capitals(5.5, False),
    "capitals-6": capitals(6, False),
    "capitals-6.5": capitals(6.5, False),
    "capitals-7": capitals(7, False),
    "hinted-5": capitals(5, True),
    "hinted-6": capitals(6, True),
    "hinted-7": capitals(7, True),
    "pen": pen,
    "stamp": stamp,
    "photocopy": photocopy,
    "screen": screen,
    "filled": filled,
    "several": several,
    "gif": gif,
    "jpeg": jpeg,
    "faint": faint,
    "shade": shade,
    "bent": bent,
}


def save(kind: str, image: Image.Image, path: Path, rng: random.Random) -> str:
    if kind == "jpeg":
        path = path.with_suffix(".jpg")
        image.save(path, quality=rng.randint(10, 20))
    elif kind == "gif":
        # Later frames show other things.
        path = path.with_suffix(".gif")
        later = [ImageChops.invert(image), Image.new("L", image.size, 255)]
        image.quantize(rng.choice([16, 64, 256])).save(path, save_all=True, append_images=later, duration=400, loop=0)
    else:
        image.save(path)
    return path.name


def main(count: int, seed: int, out: Path, kinds: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    fonts = Fonts()
    with open(out / "index.tsv", "w") as index:
        for kind in kinds or KINDS:
            for number in range(count):
                rng = random.Random(f"{kind} {seed} {number}")
                image, zone = KINDS[kind](rng, fonts)
                name = save(kind, image, out / f"{kind}-{number:02}.png", rng)
                documents = zone.documents if isinstance(zone, Sheet) else [zone.lines]
                text = " & ".join("|".join(lines) for lines in documents)
                index.write(f"{kind}\t{name}\t{zone.format}\t{text}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
