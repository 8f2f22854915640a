"""Synthetic line strips with realistic damage, in the geometry of `docs/model-file.md`.

A strip is drawn large (capitals 32 pixels high) with its neighbours above and below, mapped by one
homography to the resolution of a capture, printed on a background, damaged as cameras, printers and
codecs damage, and resampled to 24 rows.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .texts import Writer, Zone

ROWS = 24
#: Capital height that glyphs are drawn at, and the size of their cells.
CAP, CELL_WIDTH, CELL_HEIGHT = 32, 48, 64


@dataclass(frozen=True)
class Profile:
    """How much damage: ranges are uniform unless said otherwise; heights in captured pixels."""

    name: str
    cap: tuple[float, float]
    blur: float
    motion: float
    jpeg: tuple[int, int]
    contrast: tuple[float, float]
    rare: float
    jitter: float


#: What a careful user photographs or scans.
NORMAL = Profile("normal", (13, 30), 0.035, 0.05, (55, 95), (80, 160), 0.35, 0.6)
#: What a hurried one does: capitals down to 7 pixels, motion, strong codecs, every damage often.
HARD = Profile("hard", (7.0, 30), 0.055, 0.3, (22, 95), (45, 110), 1.0, 1.0)
PROFILES = {"normal": NORMAL, "hard": HARD}


@dataclass
class Strip:
    """Pixels `[24, width]` of gray codes, the text, and the middle and pitch of each character in
    columns.
    """

    pixels: np.ndarray
    text: str
    centres: np.ndarray
    pitches: np.ndarray
    cap: float


def font_files() -> list[str]:
    """The OCR-B fonts of the Debian package `fonts-ocr-b`: regular and sharp."""
    listed = subprocess.run(
        ["fc-list", ":family=OCR B", "file"], capture_output=True, text=True, check=False
    ).stdout
    files = [line.split(":")[0].strip() for line in listed.splitlines()]
    files += [str(path) for path in Path("/usr/share/fonts").rglob("OCRB*.otf")]
    found = {Path(file).name: file for file in files}
    wanted = [found[name] for name in ("OCRB.otf", "OCRBS.otf") if name in found]
    if not wanted:
        raise FileNotFoundError("OCR-B not found: install the Debian package fonts-ocr-b")
    return wanted


def typewriter_files() -> list[str]:
    """Nimbus Mono (`fonts-urw-base35`), as some issuers' and most mock-ups' zones are set; none if
    the package is absent.
    """
    files = [
        path
        for folder in ("opentype", "type1")
        for path in Path("/usr/share/fonts", folder).rglob("NimbusMonoPS-Regular.*")
    ]
    return [str(path) for path in sorted(files)[:1]]


@lru_cache(maxsize=4)
def _font(file: str) -> ImageFont.FreeTypeFont:
    """The font at the size where a capital is four times `CAP` high."""
    probe = ImageFont.truetype(file, 400)
    _, top, _, bottom = probe.getbbox("H")
    return ImageFont.truetype(file, round(400 * 4 * CAP / (bottom - top)))


@dataclass(frozen=True)
class Style:
    """How glyphs differ from the font's: `weight` thickens (or thins) strokes by quarter pixels,
    `bow` moves the waist of letters up or
    down and `slope` spreads that over the height (pixels of `CAP`), `width` condenses or widens."""

    file: str
    weight: int
    bow: float = 0.0
    slope: float = 0.0
    width: float = 1.0


@lru_cache(maxsize=8192)
def glyph(style: Style, character: str) -> np.ndarray:
    """Coverage 0..255 of one character."""
    font, weight = _font(style.file), style.weight
    _, top, _, bottom = font.getbbox("H")
    image = Image.new("L", (4 * CELL_WIDTH, 4 * CELL_HEIGHT))
    place = (2 * CELL_WIDTH - font.getlength(character) / 2, 2 * CELL_HEIGHT - (top + bottom) / 2)
    ImageDraw.Draw(image).text(place, character, font=font, fill=255, stroke_width=max(0, weight))
    pixels = np.asarray(image)
    if weight < 0:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (1 - 2 * weight, 1 - 2 * weight))
        pixels = cv2.erode(pixels, kernel)
    pixels = cv2.resize(pixels, (CELL_WIDTH, CELL_HEIGHT), interpolation=cv2.INTER_AREA)
    if style.bow or style.slope or style.width != 1.0:
        y, x = np.mgrid[0:CELL_HEIGHT, 0:CELL_WIDTH].astype(np.float32)
        height = np.clip((y - CELL_HEIGHT / 2) / CAP, -0.5, 0.5)
        y += np.float32(style.bow) * np.cos(np.pi * height) + np.float32(style.slope) * np.sin(
            2 * np.pi * height
        )
        x = (x - CELL_WIDTH / 2) / np.float32(style.width) + CELL_WIDTH / 2
        pixels = cv2.remap(pixels, x, y.astype(np.float32), cv2.INTER_LINEAR)
    return pixels


def stretch(gray: np.ndarray) -> np.ndarray:
    """The 2 % and 95 % percentiles to 0 and 255, in integers as `core` does it."""
    counts = np.bincount(gray.ravel(), minlength=256).cumsum()
    low = int(np.searchsorted(counts, counts[-1] * 0.02))
    high = max(int(np.searchsorted(counts, counts[-1] * 0.95)), low + 16)
    scaled = (gray.astype(np.int32) - low) * 255 // (high - low)
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _smooth(
    rng: np.random.Generator, shape: tuple[int, int], grain: float, amplitude: float
) -> np.ndarray:
    height, width = shape
    grid = rng.normal(
        0, amplitude, (max(2, int(height / grain)) + 2, max(2, int(width / grain)) + 2)
    )
    return cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)


class Generator:
    """Draws strips from a seeded source: the same seed gives the same strips."""

    def __init__(self, seed: int, profile: Profile = HARD, typewriter: float = 0.0):
        """`typewriter` is the share of strips set in a typewriter font, for training only."""
        self.rng = np.random.default_rng(seed)
        self.writer = Writer(random.Random(seed))
        self.profile = profile
        self.fonts = font_files()
        self.typewriter, self.typewriter_fonts = (
            typewriter,
            typewriter_files() if typewriter else [],
        )

    def strip(self, cap: float | None = None) -> Strip:
        """One strip of any line of any zone; `cap` fixes the height of capitals in the capture."""
        rng = self.rng
        zone = self.writer.noise() if rng.random() < 0.15 else self.writer.zone()
        line = int(rng.integers(len(zone.lines)))
        return self.strip_of(zone, line, cap)

    def strip_of(self, zone: Zone, line: int, cap: float | None = None) -> Strip:
        rng, profile = self.rng, self.profile
        if cap is None:
            low, high = np.log(profile.cap)
            cap = float(np.exp(rng.uniform(low, high)))
        canvas, centres, baseline, pitch = self._draw(zone, line)
        coverage, xs, edges, strip_rows = self._map(canvas, centres, baseline, pitch, cap)
        image = self._print(coverage, cap)
        image = self._capture(image, cap)
        width = max(16, round(image.shape[1] * ROWS / strip_rows))
        method = cv2.INTER_AREA if strip_rows > ROWS else cv2.INTER_LINEAR
        pixels = stretch(cv2.resize(image, (width, ROWS), interpolation=method))
        factor = ROWS / strip_rows
        pitches = np.diff(np.concatenate([[edges[0]], (xs[1:] + xs[:-1]) / 2, [edges[1]]]))
        return Strip(
            pixels,
            zone.lines[line],
            (xs * factor).astype(np.float32),
            (pitches * factor).astype(np.float32),
            cap,
        )

    def _draw(self, zone: Zone, line: int):
        """The line and its neighbours as coverage, large."""
        rng = self.rng
        font = self.fonts[int(rng.integers(len(self.fonts)))]
        weight = int(
            rng.choice(
                [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6],
                p=[0.04, 0.08, 0.12, 0.2, 0.16, 0.14, 0.1, 0.08, 0.05, 0.03],
            )
        )
        if self.typewriter_fonts and rng.random() < self.typewriter:
            font, weight = self.typewriter_fonts[0], max(-1, weight)
        style = Style(font, weight)
        if rng.random() < 0.45:
            # Printers' versions of OCR-B differ: a few seeded variants, so that glyphs can be kept.
            bow, slope = (int(v) for v in rng.integers(-2, 3, 2))
            style = Style(
                font, weight, 1.5 * bow, 0.7 * slope, float(rng.choice([0.88, 0.94, 1.0, 1.06]))
            )
        pitch = CAP * rng.uniform(0.86, 1.04)
        spacing = CAP * rng.uniform(1.6, 2.9)
        text = zone.lines[line]
        left, middle = 96, 150
        canvas = np.zeros((2 * middle, int(2 * left + pitch * len(text))), np.uint8)
        centres = []
        for offset in (-1, 0, 1):
            if not 0 <= line + offset < len(zone.lines):
                continue
            wobble = rng.uniform(0, 0.9) if rng.random() < 0.5 else 0
            for i, character in enumerate(zone.lines[line + offset]):
                x = left + pitch * (i + 0.5) + rng.normal(0, wobble)
                y = middle + offset * spacing + rng.normal(0, wobble)
                if offset == 0:
                    centres.append(x)
                self._stamp(canvas, glyph(style, character), x, y)
        if rng.random() < 0.12 * self.profile.rare:
            y = int(middle + rng.choice([-1, 1]) * rng.uniform(28, 60))
            canvas[y : y + int(rng.integers(1, 5))] = 255
        if rng.random() < 0.12 * self.profile.rare:
            # The frame of a card or a stroke beyond the ends of the line.
            x = int(
                rng.choice(
                    [left - rng.uniform(12, 70), canvas.shape[1] - left + rng.uniform(12, 70)]
                )
            )
            canvas[:, max(0, x) : max(0, x) + int(rng.integers(2, 12))] = 255
        return canvas, np.array(centres), (left, middle), pitch

    @staticmethod
    def _stamp(canvas: np.ndarray, cell: np.ndarray, x: float, y: float) -> None:
        x0, y0 = round(x) - CELL_WIDTH // 2, round(y) - CELL_HEIGHT // 2
        top, bottom = max(0, y0), min(canvas.shape[0], y0 + CELL_HEIGHT)
        if bottom > top:
            region = canvas[top:bottom, x0 : x0 + CELL_WIDTH]
            np.maximum(region, cell[top - y0 : bottom - y0, : region.shape[1]], out=region)

    def _map(self, canvas, centres, baseline, pitch, cap):
        """From the drawing to the capture: scale, aspect, lean, small perspective, rotation and
        bend, misplaced crop.
        """
        rng, jitter = self.rng, self.profile.jitter
        left, middle = baseline
        count = len(centres)
        share = 15.0 / ROWS * np.exp(rng.normal(0, 0.09) * jitter)
        rows = max(6, round(cap / np.clip(share, 0.46, 0.8)))
        scale = cap / CAP
        aspect = 15.0 / (pitch * scale * ROWS / rows) * np.exp(rng.normal(0, 0.07) * jitter)
        margin_left, margin_right = rng.uniform(0.1, 2.6, 2) * pitch * scale * aspect
        width = count * pitch * scale * aspect
        gap = (1 - cap / rows) / 2 * rows
        shift = rng.normal(0, 0.33) * gap * jitter
        tilt = rng.normal(0, 0.25) * gap / (width / 2) * jitter
        lean = rng.normal(0, 0.08) * jitter
        keystone = rng.normal(0, 0.05) * jitter / width
        move = np.array([[1, 0, -left], [0, 1, -middle], [0, 0, 1.0]])
        size = np.diag([scale * aspect, scale, 1.0])
        shear = np.array([[1, -lean, margin_left], [0, 1, 0], [0, 0, 1.0]])
        perspective = np.array(
            [[1, 0, 0], [0, 1, 0], [keystone, rng.normal(0, 0.06) * jitter / width, 1.0]]
        )
        turn = np.array([[1, 0, 0], [tilt, 1, -tilt * width / 2], [0, 0, 1.0]])
        place = np.array([[1, 0, 0], [0, 1, rows / 2 + shift], [0, 0, 1.0]])
        matrix = place @ turn @ perspective @ shear @ size @ move

        def mapped(xs):
            points = matrix @ np.array([[x, middle, 1.0] for x in xs]).T
            return points[0] / points[2]

        edges = mapped([left, left + count * pitch])
        columns = max(16, round(edges[1] + margin_right))
        source = cv2.GaussianBlur(canvas, (0, 0), 0.42 / scale) if scale < 1 else canvas
        coverage = (
            cv2.warpPerspective(source, matrix, (columns, rows), flags=cv2.INTER_LINEAR).astype(
                np.float32
            )
            / 255
        )
        if rng.random() < 0.35:
            bend = rng.normal(0, 0.2) * gap * jitter
            x = np.arange(columns, dtype=np.float32)
            rise = bend * (2 * (x / columns) - 1) ** 2
            ys, xs = np.mgrid[0:rows, 0:columns].astype(np.float32)
            coverage = cv2.remap(coverage, xs, ys + rise[None], cv2.INTER_LINEAR)
        return coverage, mapped(centres), edges, rows

    def _print(self, coverage: np.ndarray, cap: float) -> np.ndarray:
        """Ink on paper: wear, gain, halftone; paper with shade, grain and security patterns."""
        rng, profile = self.rng, self.profile
        shape = coverage.shape
        rows, columns = shape
        if rng.random() < 0.5:
            coverage = coverage * np.clip(
                1 + _smooth(rng, shape, rng.uniform(1.5, 10), 0.18), 0.35, 1.3
            )
        if rng.random() < 0.4:
            coverage = np.clip(coverage * rng.uniform(1, 1.9), 0, 1)
        if rng.random() < 0.1 * profile.rare and cap > 14:
            # Halftone or dot-matrix: a screen over the ink.
            ys, xs = np.mgrid[0:rows, 0:columns]
            period = cap * rng.uniform(0.07, 0.16)
            coverage = coverage * (
                0.75 + 0.35 * np.sin(xs * 6.28 / period) * np.sin(ys * 6.28 / period)
            )
        paper = rng.uniform(110, 245)
        ink = rng.uniform(5, max(8, paper - rng.uniform(*profile.contrast)))
        image = np.full(shape, paper, np.float32)
        x = np.arange(columns, dtype=np.float32)[None]
        y = np.arange(rows, dtype=np.float32)[:, None]
        if rng.random() < 0.7:
            image += _smooth(rng, shape, rng.uniform(1, 4) * rows, rng.uniform(2, 25))
        if rng.random() < 0.6:
            image += _smooth(rng, shape, rng.uniform(1, 6), rng.uniform(1, 4 + 8 * profile.rare))
        if rng.random() < 0.55:
            for _ in range(int(rng.integers(1, 4))):
                frequency = 6.28 / (cap * rng.uniform(0.12, 1.2))
                angle, phase = rng.uniform(0, 3.14), rng.uniform(0, 6.3)
                bend = rng.uniform(0, 3) * np.sin(x / (cap * rng.uniform(1, 6)) + phase)
                wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * frequency + phase + bend)
                depth = rng.uniform(3, 12 + 10 * profile.rare)
                image += depth * (wave if rng.random() < 0.5 else np.exp(-6 * (1 - wave)) * -2)
        tone = image / paper if rng.random() < 0.5 else 1.0
        coverage = np.clip(coverage, 0, 1)
        image = image * (1 - coverage) + ink * coverage * tone
        if rng.random() < 0.12 * profile.rare:
            centre, spread = rng.uniform(0, columns), rng.uniform(2, 12) * cap
            image += rng.uniform(20, 130) * np.exp(
                -(((x - centre + (y - rows / 2) * rng.uniform(-2, 2)) / spread) ** 2)
            )
        if rng.random() < 0.15 * profile.rare:
            centre, edge = rng.uniform(0, columns), rng.uniform(0.5, 2 * cap)
            ramp = (x - centre + (y - rows / 2) * rng.uniform(-2, 2)) / edge
            image *= 1 - rng.uniform(0.2, 0.65) / (1 + np.exp(np.clip(-ramp, -30, 30)))
        return image

    def _capture(self, image: np.ndarray, cap: float) -> np.ndarray:
        """Blur, motion, noise, exposure, moire, sharpening, binarisation, JPEG."""
        rng, profile = self.rng, self.profile
        blur = abs(rng.normal(0, 1)) * profile.blur * cap
        if blur > 0.25:
            image = cv2.GaussianBlur(image, (0, 0), min(blur, 0.14 * cap))
        if rng.random() < profile.motion:
            length = rng.uniform(0.1, 0.38) * cap
            if length > 1.5:
                image = cv2.filter2D(
                    image,
                    -1,
                    _streak(length, rng.uniform(0, 3.14)),
                    borderType=cv2.BORDER_REPLICATE,
                )
        if rng.random() < 0.08 * profile.rare:
            y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
            angle = rng.uniform(0, 3.14)
            image = image + rng.uniform(3, 14) * np.sin(
                (x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(0.8, 2.8)
            )
        if rng.random() < 0.15 * profile.rare:
            image = 128 + (image - 128) * rng.uniform(0.9, 1.8) + rng.uniform(-45, 45)
        image = image + rng.normal(
            0, abs(rng.normal(0, 5)) * (0.5 + 0.5 * profile.rare), image.shape
        )
        if rng.random() < 0.12 * profile.rare:
            # Against the local paper, as scanners and fax machines do; a high threshold fills the
            # corners of letters.
            flat = image - cv2.GaussianBlur(image, (0, 0), 1.5 * cap)
            low, high = np.percentile(flat, [3, 97])
            image = np.where(flat > low + (high - low) * rng.uniform(0.3, 0.75), 255, 0).astype(
                np.float32
            )
            if rng.random() < 0.5:
                image = cv2.GaussianBlur(image, (0, 0), 0.5)
        if rng.random() < 0.1:
            image = image + 1.2 * (image - cv2.GaussianBlur(image, (0, 0), max(0.6, 0.06 * cap)))
        image = np.clip(image, 0, 255).astype(np.uint8)
        if rng.random() < 0.6:
            quality = int(rng.integers(*profile.jpeg))
            image = cv2.imdecode(
                cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1],
                cv2.IMREAD_GRAYSCALE,
            )
        return image


def _streak(length: float, angle: float) -> np.ndarray:
    """The kernel of straight motion over `length` pixels."""
    side = int(np.ceil(length)) | 1
    kernel, middle = np.zeros((side, side), np.float32), side / 2 - 0.5
    for step in np.linspace(-length / 2, length / 2, side * 4):
        x = int(np.clip(round(middle + np.cos(angle) * step), 0, side - 1))
        y = int(np.clip(round(middle + np.sin(angle) * step), 0, side - 1))
        kernel[y, x] += 1
    return kernel / kernel.sum()
