#!/usr/bin/env python3
"""Render damaged zones of invented people, for the measurements of `docs/accuracy.md`.

usage: renders.py SET COUNT SEED OUT
Needs Pillow, numpy and the fonts OCR-B (Debian: fonts-ocr-b). The same SET, COUNT and SEED give
the same pictures. Writes OUT/00000.pgm and so on, and OUT/index.tsv: file, lines divided by `|`.

Sets: `zeros` (document numbers and optional data full of O and 0, damaged by blur, noise, low
resolution and strokes), `screen` (the same, small and hinted as a screen draws it), `covered`
(patches, strokes and glare over characters), `single` (damage to one character: ink, glare, a
cover, a smear, or a pen that alters it; every second picture has capitals of 5 to 8 pixels),
`clean` (nothing done but a mild blur).
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = [f"/usr/share/fonts/opentype/ocr-b/{name}.otf" for name in ("OCRB", "OCRBS")]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LETTERS = ALPHABET[10:]
STATES = "UTO D<< FRA USA GBR NLD ITA ESP PRT POL SWE NOR ROU BRA JPN KOR ZAF COD OMN QAT".split()


def check_digit(text: str) -> str:
    values = (0 if c == "<" else ALPHABET.index(c) for c in text)
    return str(sum(v * (7, 3, 1)[i % 3] for i, v in enumerate(values)) % 10)


def fit(text: str, length: int) -> str:
    return (text + "<" * length)[:length]


class Writer:
    """Invents zones; numbers and optional data hold many characters that look alike."""

    def __init__(self, rng: random.Random):
        self.rng = rng

    def word(self) -> str:
        length, start = self.rng.randint(2, 9), self.rng.randrange(2)
        kinds = ("BCDFGHJKLMNPQRSTVWXZ", "AEIOUOO")
        return "".join(self.rng.choice(kinds[(i + start) % 2]) for i in range(length))

    def names(self, length: int) -> str:
        first = [self.word() for _ in range(self.rng.randint(1, 2))]
        return fit("<".join([self.word()]) + "<<" + "<".join(first), length)

    def number(self, length: int) -> str:
        """What issuers print: letters before digits, or a few letters anywhere."""
        rng = self.rng
        style = rng.random()
        digit = lambda: "0" if rng.random() < 0.45 else rng.choice("0123456789")
        letter = lambda: rng.choice("OQDIBSZG") if rng.random() < 0.2 else rng.choice(LETTERS)
        if style < 0.45:
            letters = rng.randint(0, 3)
            return "".join([letter() for _ in range(letters)] + [digit() for _ in range(length - letters)])
        if style < 0.7:
            return "".join(digit() if rng.random() < 0.75 else letter() for _ in range(length))
        if style < 0.85 and length > 3:
            body = [digit() for _ in range(length)]
            body[0], body[3] = letter(), letter()
            return "".join(body)
        return fit("".join(rng.choice(["0", "O", digit(), letter()]) for _ in range(rng.randint(min(6, length), length))), length)

    def date(self, low: int, high: int) -> str:
        return f"{self.rng.randint(low, high) % 100:02}{self.rng.randint(1, 12):02}{self.rng.randint(1, 28):02}"

    def optional(self, length: int) -> str:
        if self.rng.random() < 0.45:
            return "<" * length
        count = self.rng.randint(3, length)
        return fit(self.number(count)[:count], length)

    def zone(self) -> list[str]:
        rng = self.rng
        kind = rng.choice(["TD3", "TD3", "TD3", "TD1", "TD1", "TD2", "MRVA", "MRVB"])
        state, nation = rng.choice(STATES), rng.choice(STATES)
        number, birth, expiry = self.number(9), self.date(30, 105), self.date(24, 36)
        sex = rng.choice("MF<")
        number += check_digit(number)
        birth += check_digit(birth)
        expiry += check_digit(expiry)
        if kind == "TD1":
            one, two = self.optional(15), self.optional(11)
            digit = check_digit(number + one + birth + expiry + two)
            return [
                "I" + rng.choice("<D") + state + number + one,
                birth + sex + expiry + nation + two + digit,
                self.names(30),
            ]
        length = 44 if kind in ("TD3", "MRVA") else 36
        opening = {"TD3": "P<", "TD2": "I<"}.get(kind, "V<")
        first = opening + state + self.names(length - 5)
        second = number + nation + birth + sex + expiry
        if kind == "TD3":
            optional = self.optional(14)
            optional += "<" if optional == "<" * 14 else check_digit(optional)
            second += optional + check_digit(number + birth + expiry + optional)
        elif kind == "TD2":
            optional = self.optional(7)
            second += optional + check_digit(number + birth + expiry + optional)
        else:
            second += self.optional(length - 28)
        return [first, second]


class Fonts:
    def __init__(self):
        self.kept: dict = {}

    def of(self, file: str, pitch: float, hinted: bool):
        key = (file, round(pitch * 20), hinted)
        if key not in self.kept:
            box = ImageFont.truetype(file, 200).getbbox("H")
            size = 200 * pitch * 2.4 / 2.54 / (box[3] - box[1])
            if hinted:
                font = ImageFont.truetype(file, max(6, round(size)), layout_engine=ImageFont.Layout.BASIC)
            else:
                font = ImageFont.truetype(file, size)
            self.kept[key] = font
        return self.kept[key]


def draw(lines, pitch, font, hinted, rng, ink, paper):
    """The zone, and the box of every character in pixels."""
    margin, step = pitch * 2.2, pitch * rng.uniform(1.9, 2.6)
    width, height = max(map(len, lines)) * pitch + 2 * margin, len(lines) * step + 2 * margin
    scale = 1 if hinted else 4
    image = Image.new("L", (int(width * scale), int(height * scale)), paper)
    pen = ImageDraw.Draw(image)
    pen.fontmode = "1" if hinted and rng.random() < 0.3 else "L"
    boxes = []
    _, top, _, bottom = font.getbbox("H")
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            x = (margin + (column + 0.5) * pitch) * scale - font.getlength(character) / 2
            y = (margin + row * step) * scale
            pen.text((round(x) if hinted else x, round(y) if hinted else y), character, fill=ink, font=font)
            left = margin + column * pitch
            boxes.append((row, column, left, (y + top) / scale, left + pitch, (y + bottom) / scale))
    if scale > 1:
        image = image.resize((int(width), int(height)), Image.Resampling.BOX)
    return image, boxes


def noisy(image, amount, rng):
    grains = np.random.default_rng(rng.getrandbits(32)).normal(0, amount, (image.height, image.width))
    return Image.fromarray(np.clip(np.asarray(image, np.float32) + grains, 0, 255).astype(np.uint8))


def resampled(image, rng, low, high):
    factor = rng.uniform(low, high)
    size = (max(8, round(image.width * factor)), max(8, round(image.height * factor)))
    return image.resize(size, rng.choice([Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX]))


def struck(image, boxes, rng, ink, most):
    """Thin strokes across characters, as a pen or a scratch leaves them."""
    pen = ImageDraw.Draw(image)
    for _ in range(rng.randint(1, most)):
        _, _, x0, y0, x1, y1 = rng.choice(boxes)
        length = rng.uniform(1, 12) * (x1 - x0)
        x, y, slope = rng.uniform(x0, x1), rng.uniform(y0, y1), rng.uniform(-0.5, 0.5)
        gray = rng.choice([ink, ink, 255, rng.randint(0, 255)])
        pen.line((x, y, x + length, y + slope * length), fill=gray, width=max(1, round((x1 - x0) * rng.uniform(0.06, 0.3))))


def covered(image, boxes, rng, ink, paper):
    """Patches, strokes and glare over one to six characters in a row, protected ones mostly."""
    row = rng.choice([1, 1, 1, 0]) if boxes[-1][0] == 1 else rng.choice([0, 0, 1, 1, 2])
    line = [box for box in boxes if box[0] == row]
    count = rng.choice([1, 1, 1, 2, 2, 3, 4, 6])
    start = rng.randrange(len(line) - count)
    if rng.random() < 0.5:
        start = rng.randrange(0, min(16, len(line) - count))
    x0, y0, x1, y1 = line[start][2], line[start][3], line[start + count - 1][4], line[start][5]
    pitch, cap = line[0][4] - line[0][2], y1 - y0
    kind = rng.choice(["patch", "part", "stroke", "glare", "smear"])
    pen = ImageDraw.Draw(image)
    if kind == "patch":
        grow = rng.uniform(-0.1, 0.25) * pitch
        pen.rectangle((x0 - grow, y0 - grow - 1, x1 + grow, y1 + grow + 1), fill=rng.choice([paper, ink, rng.randint(0, 255)]))
    elif kind == "part":
        share = rng.uniform(0.3, 0.9)
        side = rng.randrange(4)
        box = [x0, y0 - 1, x1, y1 + 1]
        if side == 0: box[2] = x0 + share * (x1 - x0)
        if side == 1: box[0] = x1 - share * (x1 - x0)
        if side == 2: box[3] = y0 + share * cap
        if side == 3: box[1] = y1 - share * cap
        pen.rectangle(box, fill=rng.choice([paper, paper, ink, rng.randint(0, 255)]))
    elif kind == "stroke":
        for _ in range(rng.randint(1, 3)):
            pen.line(
                (rng.uniform(x0 - pitch, x0 + pitch), rng.uniform(y0 - 3, y1 + 3), rng.uniform(x1 - pitch, x1 + pitch), rng.uniform(y0 - 3, y1 + 3)),
                fill=rng.choice([ink, paper]), width=max(1, round(pitch * rng.uniform(0.12, 0.45))))
    elif kind == "glare":
        pixels = np.asarray(image, np.float32)
        y, x = np.mgrid[0 : image.height, 0 : image.width]
        cx, cy, sx, sy = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) * rng.uniform(0.35, 0.7), cap * rng.uniform(0.5, 1.4)
        light = np.exp(-(((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2)) * rng.uniform(0.8, 1.6)
        pixels = pixels + (255 - pixels) * np.clip(light, 0, 1)
        image = Image.fromarray(pixels.astype(np.uint8))
    else:
        box = tuple(int(v) for v in (x0, y0 - 2, x1, y1 + 2))
        piece = image.crop(box).filter(ImageFilter.GaussianBlur(pitch * rng.uniform(0.15, 0.5)))
        image.paste(piece, box[:2])
    return image


def altered(image, box, rng, ink):
    """Strokes of a pen within a character, as somebody makes an 8 of a 3."""
    _, _, x0, y0, x1, y1 = box
    pen = ImageDraw.Draw(image)
    width = max(1, round((x1 - x0) * rng.uniform(0.1, 0.2)))
    middle = (y0 + y1) / 2
    for _ in range(rng.randint(1, 2)):
        half = rng.choice([(x0, y0, x1, middle), (x0, middle, x1, y1), (x0, y0, x1, y1)])
        if rng.random() < 0.5:
            begin = rng.choice([0, 90, 180, 270])
            pen.arc(half, begin, begin + rng.choice([90, 180, 360]), fill=ink, width=width)
        else:
            left, top, right, bottom = half
            ends = [(left, top), (right, top), (left, bottom), (right, bottom), (left, middle), (right, middle)]
            pen.line([*rng.sample(ends, 2)], fill=ink, width=width)


def marked(image, boxes, rng, ink, paper):
    """Damage to one character of a line, protected ones mostly."""
    rows = boxes[-1][0] + 1
    row = rng.choice([0, 1] if rows == 3 else [rows - 1, rows - 1, rows - 1, 0])
    line = [box for box in boxes if box[0] == row]
    box = rng.choice(line[:28] if row else line)
    _, _, x0, y0, x1, y1 = box
    kind = rng.choice(["ink", "glare", "cover", "smear", "pen", "pen"])
    pen = ImageDraw.Draw(image)
    if kind == "pen":
        altered(image, box, rng, ink)
    elif kind == "ink":
        x, y, radius = rng.uniform(x0, x1), rng.uniform(y0, y1), rng.uniform(0.15, 0.6) * (x1 - x0)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    elif kind == "cover":
        x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
        pen.rectangle(rng.choice([(x0, y0, x, y1), (x, y0, x1, y1), (x0, y0, x1, y), (x0, y, x1, y1)]), fill=paper)
    elif kind == "smear":
        piece = tuple(int(v) for v in (x0, y0 - 2, x1 + 1, y1 + 2))
        image.paste(image.crop(piece).filter(ImageFilter.GaussianBlur((x1 - x0) * rng.uniform(0.1, 0.5))), piece[:2])
    else:
        pixels = np.asarray(image, np.float32)
        y, x = np.mgrid[0 : image.height, 0 : image.width]
        far = ((x - (x0 + x1) / 2) / (x1 - x0)) ** 2 + ((y - (y0 + y1) / 2) / (y1 - y0)) ** 2
        pixels = pixels + (255 - pixels) * np.clip(np.exp(-far / rng.uniform(0.1, 0.5)) * rng.uniform(0.6, 1.5), 0, 1)
        image = Image.fromarray(pixels.astype(np.uint8))
    return image


def picture(kind: str, rng: random.Random, fonts: Fonts):
    lines = Writer(rng).zone()
    ink, paper = rng.randint(0, 70), rng.randint(170, 255)
    hinted = kind == "screen"
    pitches = {"screen": (9, 14), "zeros": (8.5, 18), "single": rng.choice([(5.3, 8.5), (8.5, 18)]) if kind == "single" else None}
    pitch = rng.uniform(*pitches.get(kind, (12, 22)))
    if hinted and rng.random() < 0.7:
        pitch = round(pitch)
    font = fonts.of(rng.choice(FONTS), pitch * (1 if hinted else 4), hinted)
    image, boxes = draw(lines, pitch, font, hinted, rng, ink, paper)
    if kind == "covered":
        image = covered(image, boxes, rng, ink, paper)
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.08) * pitch))
        image = noisy(image, rng.uniform(0, 8), rng)
    elif kind == "single":
        image = marked(image, boxes, rng, ink, paper)
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.1) * pitch))
        image = noisy(image, rng.uniform(0, 12), rng)
    elif kind == "zeros":
        if rng.random() < 0.3:
            struck(image, boxes, rng, ink, 4)
        if rng.random() < 0.8:
            image = image.filter(ImageFilter.GaussianBlur(pitch * rng.uniform(0.02, 0.17)))
        if rng.random() < 0.4:
            image = resampled(image, rng, 0.55, 1.0)
        if rng.random() < 0.7:
            image = noisy(image, rng.uniform(1, 22), rng)
        if rng.random() < 0.2:
            image = image.rotate(rng.uniform(-2, 2), Image.Resampling.BICUBIC, fillcolor=paper)
    elif kind == "screen":
        if rng.random() < 0.25:
            image = resampled(image, rng, 0.8, 1.4)
    else:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.02, 0.07) * pitch))
        image = noisy(image, rng.uniform(0, 5), rng)
    return image, lines


def main(kind: str, count: int, seed: int, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    fonts = Fonts()
    with open(out / "index.tsv", "w") as index:
        for number in range(count):
            image, lines = picture(kind, random.Random(f"{kind} {seed} {number}"), fonts)
            image.save(out / f"{number:05}.pgm")
            index.write(f"{number:05}.pgm\t{'|'.join(lines)}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
