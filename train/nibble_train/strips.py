"""Synthetic line strips with realistic damage, in the geometry of `docs/model-file.md`.

A strip is drawn large (capitals 32 pixels high) with its neighbours above and below, mapped by one
homography to the resolution of a capture, printed on a background, damaged as cameras, printers and
codecs damage, and resampled to 24 rows.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw

from .damage import HARD, NORMAL, PROFILES, SCREEN, Profile, captured, covered, printed
from .glyphs import (
    CAP,
    CELL_HEIGHT,
    CELL_WIDTH,
    Style,
    font_files,
    glyph,
    screen_font,
    typewriter_files,
)
from .texts import Writer, Zone

__all__ = ["HARD", "NORMAL", "PROFILES", "ROWS", "TRAINING", "Generator", "Mix", "Strip", "stretch"]

ROWS = 24
#: Rows above and below the line's middle that are drawn: more than any strip shows.
_MIDDLE = 84
#: Columns beside the line.
_LEFT = 96
_WEIGHTS = ((-3, 0.04), (-2, 0.08), (-1, 0.12), (0, 0.2), (1, 0.16), (2, 0.14), (3, 0.1))
_HEAVY_WEIGHTS = ((4, 0.08), (5, 0.05), (6, 0.03))


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


@dataclass(frozen=True)
class Mix:
    """Shares of strips that are met in training only, beside what a profile has."""

    #: In a typewriter font.
    typewriter: float = 0.0
    #: With something across one to three characters; the true text is kept, so that the network
    #: learns to be unsure there.
    covered: float = 0.0
    #: Small and hinted, as a screen draws text.
    screen: float = 0.0
    #: With texts full of characters that look alike.
    alike: float = 0.0
    #: With capitals of 5 to 7 pixels.
    small: float = 0.0
    #: With rules or a box drawn tightly round the line.
    boxed: float = 0.0


TRAINING = Mix(typewriter=0.08, covered=0.07, screen=0.12, alike=0.3, small=0.04, boxed=0.04)


def stretch(gray: np.ndarray) -> np.ndarray:
    """The 2 % and 95 % percentiles to 0 and 255, in integers as `core` does it."""
    counts = np.bincount(gray.ravel(), minlength=256).cumsum()
    low = int(np.searchsorted(counts, counts[-1] * 0.02))
    high = max(int(np.searchsorted(counts, counts[-1] * 0.95)), low + 16)
    codes = np.arange(256, dtype=np.int32)
    return np.clip((codes - low) * 255 // (high - low), 0, 255).astype(np.uint8)[gray]


class Generator:
    """Draws strips from a seeded source: the same seed gives the same strips."""

    def __init__(self, seed: int, profile: Profile = HARD, mix: Mix | None = None):
        self.rng = np.random.default_rng(seed)
        self.writer = Writer(random.Random(seed))
        self.profile, self.mix = profile, mix or Mix()

    def strip(self, cap: float | None = None) -> Strip:
        """One strip of any line of any zone; `cap` fixes the height of capitals in the capture."""
        rng = self.rng
        self.writer.alike = 0.55 if rng.random() < self.mix.alike else 0.0
        zone = self.writer.noise() if rng.random() < 0.15 else self.writer.zone()
        line = int(rng.integers(len(zone.lines)))
        return self.strip_of(zone, line, cap)

    def strip_of(self, zone: Zone, line: int, cap: float | None = None) -> Strip:
        rng, mix = self.rng, self.mix
        profile = SCREEN if rng.random() < mix.screen else self.profile
        if cap is None:
            small = profile is HARD and rng.random() < mix.small
            low, high = np.log((5.0, 7.0) if small else profile.cap)
            cap = float(np.exp(rng.uniform(low, high)))
        if profile is SCREEN:
            coverage, xs, edges, rows = self._screen(zone.lines[line], max(5, round(cap)))
        else:
            canvas, centres, pitch = self._draw(zone, line)
            coverage, xs, edges, rows = self._map(canvas, centres, pitch, cap)
        image = printed(rng, profile, coverage, cap)
        if rng.random() < mix.covered:
            image = covered(rng, image, xs, float(edges[1] - edges[0]) / len(xs), cap)
        image = captured(rng, profile, image, cap)
        if profile is SCREEN and rng.random() < 0.3:
            image, xs, edges, rows = self._resampled(image, xs, edges, rows)
        factor = ROWS / rows
        if profile is SCREEN:
            # What is mapped is brought to the nominal pitch there.
            spread = np.exp(rng.normal(0, 0.07) * profile.jitter)
            factor = 15.0 * len(xs) / (edges[1] - edges[0]) * spread
        width = max(16, round(image.shape[1] * factor))
        method = cv2.INTER_AREA if rows > ROWS else cv2.INTER_LINEAR
        pixels = stretch(cv2.resize(image, (width, ROWS), interpolation=method))
        pitches = np.diff(np.concatenate([[edges[0]], (xs[1:] + xs[:-1]) / 2, [edges[1]]]))
        return Strip(
            pixels,
            zone.lines[line],
            (xs * factor).astype(np.float32),
            (pitches * factor).astype(np.float32),
            cap,
        )

    def _style(self) -> Style:
        rng = self.rng
        font = font_files()[int(rng.integers(len(font_files())))]
        weights, shares = zip(*_WEIGHTS, *_HEAVY_WEIGHTS, strict=True)
        weight = int(rng.choice(weights, p=shares))
        if rng.random() < self.mix.typewriter and typewriter_files():
            font, weight = typewriter_files()[0], max(-1, weight)
        if rng.random() >= 0.45:
            return Style(font, weight)
        # Printers' versions of OCR-B differ: a few seeded variants, so that glyphs can be kept.
        bow, slope = (int(v) for v in rng.integers(-2, 3, 2))
        width = float(rng.choice([0.88, 0.94, 1.0, 1.06]))
        return Style(font, weight, 1.5 * bow, 0.7 * slope, width)

    def _draw(self, zone: Zone, line: int) -> tuple[np.ndarray, np.ndarray, float]:
        """The line and its neighbours as coverage, large; the middle of each character; the
        pitch.
        """
        rng, style = self.rng, self._style()
        pitch = CAP * rng.uniform(0.86, 1.04)
        spacing = CAP * rng.uniform(1.6, 2.9)
        text = zone.lines[line]
        canvas = np.zeros((2 * _MIDDLE, int(2 * _LEFT + pitch * len(text))), np.uint8)
        centres = np.empty(0)
        for offset in (-1, 0, 1):
            if not 0 <= line + offset < len(zone.lines):
                continue
            characters = zone.lines[line + offset]
            wobble = rng.uniform(0, 0.9) if rng.random() < 0.5 else 0.0
            places = rng.normal(0, wobble, (2, len(characters)))
            places[0] += _LEFT + pitch * (np.arange(len(characters)) + 0.5)
            places[1] += _MIDDLE + offset * spacing
            if offset == 0:
                centres = places[0].copy()
            elif spacing > _MIDDLE + CAP / 2:
                continue
            for character, x, y in zip(characters, *np.rint(places).astype(int).tolist()):  # noqa: B905
                self._stamp(canvas, glyph(style, character), x, y)
        self._rule(canvas, pitch * len(text))
        return canvas, centres, pitch

    def _rule(self, canvas: np.ndarray, length: float) -> None:
        """Rules above or below, strokes beyond the ends, or a box round the line."""
        rng, rare = self.rng, self.profile.rare
        if rng.random() < self.mix.boxed:
            away, width = int(rng.uniform(19, 30)), int(rng.integers(1, 5))
            sides = int(rng.choice([1, 2, 3, 3, 3]))
            if sides & 1:
                canvas[_MIDDLE - away - width : _MIDDLE - away] = 255
            if sides & 2:
                canvas[_MIDDLE + away : _MIDDLE + away + width] = 255
            if sides == 3 and rng.random() < 0.6:
                gap = rng.uniform(3, 26)
                for x in (int(_LEFT - gap), int(_LEFT + length + gap)):
                    canvas[_MIDDLE - away : _MIDDLE + away, max(0, x) : max(0, x) + width] = 255
        elif rng.random() < 0.12 * rare:
            y = int(_MIDDLE + rng.choice([-1, 1]) * rng.uniform(28, 60))
            canvas[y : y + int(rng.integers(1, 5))] = 255
        if rng.random() < 0.12 * rare:
            # The frame of a card or a stroke beyond the ends of the line.
            gap = rng.uniform(12, 70)
            x = int(rng.choice([_LEFT - gap, canvas.shape[1] - _LEFT + gap]))
            canvas[:, max(0, x) : max(0, x) + int(rng.integers(2, 12))] = 255

    @staticmethod
    def _stamp(canvas: np.ndarray, cell: np.ndarray, x: int, y: int) -> None:
        x0, y0 = x - CELL_WIDTH // 2, y - CELL_HEIGHT // 2
        top, bottom = max(0, y0), min(canvas.shape[0], y0 + CELL_HEIGHT)
        if bottom > top:
            region = canvas[top:bottom, x0 : x0 + CELL_WIDTH]
            np.maximum(region, cell[top - y0 : bottom - y0, : region.shape[1]], out=region)

    def _share(self) -> float:
        """The share of a strip's rows that capitals take."""
        spread = self.rng.normal(0, 0.09) * self.profile.jitter
        return float(np.clip(15.0 / ROWS * np.exp(spread), 0.46, 0.8))

    def _screen(self, text: str, cap: int):
        """A line as a screen draws it: hinted glyphs on whole pixels, now and then without gray."""
        rng = self.rng
        rows = max(6, round(cap / self._share()))
        file = font_files()[int(rng.integers(len(font_files())))]
        font, middle = screen_font(file, cap)
        pitch = cap * rng.uniform(0.92, 1.16)
        if rng.random() < 0.7:
            pitch = float(round(pitch))
        left, right = rng.uniform(0.1, 2.6, 2) * pitch
        columns = round(left + pitch * len(text) + right)
        image = Image.new("L", (columns, rows))
        pen = ImageDraw.Draw(image)
        pen.fontmode = "1" if rng.random() < 0.35 else "L"
        centres = left + pitch * (np.arange(len(text)) + 0.5)
        y = rows // 2 - middle + int(rng.integers(-1, 2))
        for character, centre in zip(text, centres, strict=True):
            pen.text((round(centre - font.getlength(character) / 2), y), character, 255, font)
        coverage = np.asarray(image, np.float32) / 255
        return coverage, centres, np.array([left, left + pitch * len(text)]), rows

    def _resampled(self, image: np.ndarray, xs: np.ndarray, edges: np.ndarray, rows: int):
        """The picture of a screen shown larger or smaller."""
        factor = self.rng.uniform(0.8, 1.5)
        size = (max(16, round(image.shape[1] * factor)), max(6, round(rows * factor)))
        along = size[0] / image.shape[1]
        method = cv2.INTER_CUBIC if self.rng.random() < 0.5 else cv2.INTER_LINEAR
        return cv2.resize(image, size, interpolation=method), xs * along, edges * along, size[1]

    def _map(self, canvas, centres, pitch, cap):
        """From the drawing to the capture: scale, aspect, lean, small perspective, rotation and
        bend, misplaced crop.
        """
        rng, jitter = self.rng, self.profile.jitter
        count = len(centres)
        rows = max(6, round(cap / self._share()))
        scale = cap / CAP
        aspect = 15.0 / (pitch * scale * ROWS / rows) * np.exp(rng.normal(0, 0.07) * jitter)
        margin_left, margin_right = rng.uniform(0.1, 2.6, 2) * pitch * scale * aspect
        width = count * pitch * scale * aspect
        gap = (1 - cap / rows) / 2 * rows
        shift = rng.normal(0, 0.33) * gap * jitter
        tilt = rng.normal(0, 0.25) * gap / (width / 2) * jitter
        lean = rng.normal(0, 0.08) * jitter
        keystone = rng.normal(0, 0.05) * jitter / width
        move = np.array([[1, 0, -_LEFT], [0, 1, -_MIDDLE], [0, 0, 1.0]])
        size = np.diag([scale * aspect, scale, 1.0])
        shear = np.array([[1, -lean, margin_left], [0, 1, 0], [0, 0, 1.0]])
        perspective = np.array(
            [[1, 0, 0], [0, 1, 0], [keystone, rng.normal(0, 0.06) * jitter / width, 1.0]]
        )
        turn = np.array([[1, 0, 0], [tilt, 1, -tilt * width / 2], [0, 0, 1.0]])
        place = np.array([[1, 0, 0], [0, 1, rows / 2 + shift], [0, 0, 1.0]])
        matrix = place @ turn @ perspective @ shear @ size @ move

        def mapped(xs):
            points = matrix @ np.stack([xs, np.full(len(xs), _MIDDLE), np.ones(len(xs))])
            return points[0] / points[2]

        edges = mapped(np.array([_LEFT, _LEFT + count * pitch]))
        columns = max(16, round(edges[1] + margin_right))
        source = cv2.GaussianBlur(canvas, (0, 0), 0.42 / scale) if scale < 1 else canvas
        seen = cv2.warpPerspective(source, matrix, (columns, rows), flags=cv2.INTER_LINEAR)
        coverage = seen.astype(np.float32) / 255
        if rng.random() < 0.35:
            bend = rng.normal(0, 0.2) * gap * jitter
            xs = np.arange(columns, dtype=np.float32)[None]
            ys = (
                np.arange(rows, dtype=np.float32)[:, None]
                + np.float32(bend) * (2 * (xs / columns) - 1) ** 2
            )
            along = np.broadcast_to(xs, ys.shape).astype(np.float32)
            coverage = cv2.remap(coverage, along, ys.astype(np.float32), cv2.INTER_LINEAR)
        return coverage, mapped(centres), edges, rows
