"""Glyphs of the fonts that zones are printed in, as coverage."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

#: Capital height that glyphs are drawn at, and the size of their cells.
CAP, CELL_WIDTH, CELL_HEIGHT = 32, 48, 64
#: A folder that is searched for fonts before the system's.
FOLDER_VARIABLE = "NIBBLE_FONTS"


def _installed(pattern: str) -> list[Path]:
    folders = [os.environ.get(FOLDER_VARIABLE, ""), "/usr/share/fonts"]
    return [path for folder in folders if folder for path in sorted(Path(folder).rglob(pattern))]


@cache
def font_files() -> tuple[str, ...]:
    """The OCR-B fonts of the Debian package `fonts-ocr-b`: regular and sharp."""
    found = {path.name: str(path) for path in reversed(_installed("OCRB*.otf"))}
    if "OCRB.otf" not in found:
        listed = subprocess.run(
            ["fc-list", ":family=OCR B", "file"], capture_output=True, text=True, check=False
        ).stdout
        files = [line.split(":")[0].strip() for line in listed.splitlines()]
        found |= {Path(file).name: file for file in files}
    wanted = tuple(found[name] for name in ("OCRB.otf", "OCRBS.otf") if name in found)
    if not wanted:
        raise FileNotFoundError("OCR-B not found: install the Debian package fonts-ocr-b")
    return wanted


@cache
def typewriter_files() -> tuple[str, ...]:
    """Nimbus Mono (`fonts-urw-base35`), as some issuers' and most mock-ups' zones are set; none if
    the package is absent.
    """
    return tuple(str(path) for path in _installed("NimbusMonoPS-Regular.otf")[:1])


@lru_cache(maxsize=4)
def _font(file: str) -> ImageFont.FreeTypeFont:
    """The font at the size where a capital is four times `CAP` high."""
    probe = ImageFont.truetype(file, 400)
    _, top, _, bottom = probe.getbbox("H")
    return ImageFont.truetype(file, round(400 * 4 * CAP / (bottom - top)))


@lru_cache(maxsize=256)
def screen_font(file: str, cap: int) -> tuple[ImageFont.FreeTypeFont, int]:
    """The font, hinted, at the size where a capital is about `cap` pixels high, and how far below
    the origin the middle of a capital lies.
    """
    probe = ImageFont.truetype(file, 400)
    _, top, _, bottom = probe.getbbox("H")
    size = max(5, round(400 * cap / (bottom - top)))
    font = ImageFont.truetype(file, size, layout_engine=ImageFont.Layout.BASIC)
    _, top, _, bottom = font.getbbox("H")
    return font, (top + bottom) // 2


@dataclass(frozen=True)
class Style:
    """How glyphs differ from the font's: `weight` thickens (or thins) strokes by quarter pixels,
    `bow` moves the waist of letters up or down and `slope` spreads that over the height (pixels of
    `CAP`), `width` condenses or widens.
    """

    file: str
    weight: int
    bow: float = 0.0
    slope: float = 0.0
    width: float = 1.0


@lru_cache(maxsize=4096)
def _weighted(file: str, weight: int, character: str) -> np.ndarray:
    font = _font(file)
    _, top, _, bottom = font.getbbox("H")
    image = Image.new("L", (4 * CELL_WIDTH, 4 * CELL_HEIGHT))
    place = (2 * CELL_WIDTH - font.getlength(character) / 2, 2 * CELL_HEIGHT - (top + bottom) / 2)
    ImageDraw.Draw(image).text(place, character, font=font, fill=255, stroke_width=max(0, weight))
    pixels = np.asarray(image)
    if weight < 0:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (1 - 2 * weight, 1 - 2 * weight))
        pixels = cv2.erode(pixels, kernel)
    return cv2.resize(pixels, (CELL_WIDTH, CELL_HEIGHT), interpolation=cv2.INTER_AREA)


@lru_cache(maxsize=128)
def _maps(bow: float, slope: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0:CELL_HEIGHT, 0:CELL_WIDTH].astype(np.float32)
    height = np.clip((y - CELL_HEIGHT / 2) / CAP, -0.5, 0.5)
    y = y + bow * np.cos(np.pi * height) + slope * np.sin(2 * np.pi * height)
    x = (x - CELL_WIDTH / 2) / width + CELL_WIDTH / 2
    return cv2.convertMaps(x.astype(np.float32), y.astype(np.float32), cv2.CV_16SC2)


@lru_cache(maxsize=16384)
def glyph(style: Style, character: str) -> np.ndarray:
    """Coverage 0..255 of one character, `[64, 48]`."""
    pixels = _weighted(style.file, style.weight, character)
    if style.bow or style.slope or style.width != 1.0:
        maps = _maps(style.bow, style.slope, style.width)
        pixels = cv2.remap(pixels, *maps, cv2.INTER_LINEAR)
    return pixels
