"""What happens to a printed line: ink and paper, something across it, the capture.

Images are gray in 0..255, `[rows, columns]` of f32, at the resolution of the capture; `cap` is the
height of capitals in these pixels. Every function draws from the source it is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


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
#: A picture of a screen's pixels, or a scan of a clean print: little damage.
SCREEN = Profile("screen", (6.5, 13), 0.0, 0.0, (60, 95), (110, 200), 0.0, 0.5)
PROFILES = {"normal": NORMAL, "hard": HARD}


def _normal(rng: np.random.Generator, shape: tuple[int, int], spread: float) -> np.ndarray:
    return rng.standard_normal(shape, np.float32) * np.float32(spread)


def _smooth(
    rng: np.random.Generator, shape: tuple[int, int], grain: float, amplitude: float
) -> np.ndarray:
    height, width = shape
    grid = _normal(
        rng, (max(2, int(height / grain)) + 2, max(2, int(width / grain)) + 2), amplitude
    )
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


def _axes(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Columns `[1, w]` and rows `[h, 1]`."""
    return (
        np.arange(shape[1], dtype=np.float32)[None],
        np.arange(shape[0], dtype=np.float32)[:, None],
    )


def printed(
    rng: np.random.Generator, profile: Profile, coverage: np.ndarray, cap: float
) -> np.ndarray:
    """Ink on paper: wear, gain, halftone; paper with shade, grain and security patterns.
    `coverage` is 0..1.
    """
    shape = coverage.shape
    rows, columns = shape
    x, y = _axes(shape)
    if profile is not SCREEN:
        coverage = _worn(rng, profile, coverage, cap)
    paper = rng.uniform(110, 245)
    ink = rng.uniform(5, max(8, paper - rng.uniform(*profile.contrast)))
    image = np.full(shape, paper, np.float32)
    if rng.random() < (0.1 if profile is SCREEN else 0.7):
        image += _smooth(rng, shape, rng.uniform(1, 4) * rows, rng.uniform(2, 25))
    if profile is not SCREEN:
        image = _patterned(rng, profile, image, cap)
    tone = image / np.float32(paper) if rng.random() < 0.5 else 1.0
    coverage = np.clip(coverage, 0, 1)
    image = image * (1 - coverage) + np.float32(ink) * coverage * tone
    if rng.random() < 0.12 * profile.rare:
        centre, spread = rng.uniform(0, columns), rng.uniform(2, 12) * cap
        away = (x - np.float32(centre) + (y - rows / 2) * np.float32(rng.uniform(-2, 2))) / spread
        image += np.float32(rng.uniform(20, 130)) * np.exp(-(away**2), dtype=np.float32)
    if rng.random() < 0.15 * profile.rare:
        centre, edge = rng.uniform(0, columns), rng.uniform(0.5, 2 * cap)
        ramp = (x - np.float32(centre) + (y - rows / 2) * np.float32(rng.uniform(-2, 2))) / edge
        dark = 1 + np.exp(np.clip(-ramp, -30, 30), dtype=np.float32)
        image *= 1 - np.float32(rng.uniform(0.2, 0.65)) / dark
    return image


def _worn(
    rng: np.random.Generator, profile: Profile, coverage: np.ndarray, cap: float
) -> np.ndarray:
    shape = coverage.shape
    if rng.random() < 0.5:
        worn = 1 + _smooth(rng, shape, rng.uniform(1.5, 10), 0.18)
        coverage = coverage * np.clip(worn, 0.35, 1.3)
    if rng.random() < 0.4:
        coverage = np.clip(coverage * np.float32(rng.uniform(1, 1.9)), 0, 1)
    if rng.random() < 0.1 * profile.rare and cap > 14:
        # Halftone or dot-matrix: a screen over the ink.
        x, y = _axes(shape)
        period = np.float32(6.28 / (cap * rng.uniform(0.07, 0.16)))
        coverage = coverage * (0.75 + 0.35 * np.sin(x * period) * np.sin(y * period))
    return coverage


def _patterned(
    rng: np.random.Generator, profile: Profile, image: np.ndarray, cap: float
) -> np.ndarray:
    shape = image.shape
    x, y = _axes(shape)
    if rng.random() < 0.6:
        image += _smooth(rng, shape, rng.uniform(1, 6), rng.uniform(1, 4 + 8 * profile.rare))
    if rng.random() < 0.55:
        for _ in range(int(rng.integers(1, 4))):
            frequency = 6.28 / (cap * rng.uniform(0.12, 1.2))
            angle, phase = rng.uniform(0, 3.14), rng.uniform(0, 6.3)
            bend = rng.uniform(0, 3) * np.sin(x / (cap * rng.uniform(1, 6)) + phase)
            along = x * np.float32(np.cos(angle) * frequency) + np.float32(phase) + bend
            across = y * np.float32(np.sin(angle) * frequency)
            wave = np.sin((along + across).astype(np.float32))
            depth = np.float32(rng.uniform(3, 12 + 10 * profile.rare))
            image += depth * (wave if rng.random() < 0.5 else np.exp(-6 * (1 - wave)) * -2)
    return image


#: What lies over characters, with how often each is met among what covers.
COVERS = ("patch", "part", "strokes", "glare", "smear", "fold")


def covered(
    rng: np.random.Generator, image: np.ndarray, centres: np.ndarray, pitch: float, cap: float
) -> np.ndarray:
    """One to three neighbouring characters covered, wholly or in part. `centres` are columns."""
    rows, columns = image.shape
    count = min(len(centres), int(rng.choice([1, 1, 1, 2, 2, 3])))
    first = int(rng.integers(len(centres) - count + 1))
    left, right = centres[first] - pitch / 2, centres[first + count - 1] + pitch / 2
    top, bottom = (rows - cap) / 2, (rows + cap) / 2
    dark, light = (float(v) for v in np.percentile(image, [3, 90]))
    shade = float(rng.choice([light, light, dark, rng.uniform(0, 255), rng.uniform(dark, light)]))
    kind = str(rng.choice(COVERS))
    x, y = _axes(image.shape)
    image = np.ascontiguousarray(image, np.float32)
    if kind in ("patch", "part"):
        grow = rng.uniform(-0.12, 0.3, 4) * pitch
        box = np.array([left - grow[0], right + grow[1], top - grow[2] - 1, bottom + grow[3] + 1])
        if kind == "part":
            side, kept = int(rng.integers(4)), rng.uniform(0.25, 0.85)
            ends = (box[1] - box[0]) if side < 2 else (box[3] - box[2])
            box[side] += (1 if side % 2 == 0 else -1) * kept * ends
        soft = rng.uniform(0.05, 0.5)
        lean = rng.normal(0, 0.15)
        sideways = x + (y - rows / 2) * np.float32(lean)
        inside = _edge(sideways - box[0], soft) * _edge(box[1] - sideways, soft)
        inside = inside * _edge(y - box[2], soft) * _edge(box[3] - y, soft)
        image = image + (shade - image) * inside
    elif kind == "strokes":
        for _ in range(int(rng.integers(1, 4))):
            ends = [
                (
                    rng.uniform(left - pitch, right + pitch),
                    rng.uniform(top - 0.2 * cap, bottom + 0.2 * cap),
                )
                for _ in range(2)
            ]
            points = [tuple(int(v * 16) for v in end) for end in ends]
            width = max(1, round(pitch * rng.uniform(0.1, 0.4)))
            drawn = np.zeros(image.shape, np.uint8)
            cv2.line(drawn, points[0], points[1], 255, width, cv2.LINE_AA, 4)
            gray = float(rng.choice([dark, dark, light, shade]))
            image = image + (gray - image) * (drawn.astype(np.float32) / 255)
    elif kind == "glare":
        spread = max(1.0, (right - left) * rng.uniform(0.35, 0.75)), cap * rng.uniform(0.5, 1.5)
        centre = (left + right) / 2, rows / 2 + rng.normal(0, 0.2) * cap
        away = ((x - centre[0]) / spread[0]) ** 2 + ((y - centre[1]) / spread[1]) ** 2
        shine = np.clip(np.exp(-away) * rng.uniform(0.8, 1.7), 0, 1).astype(np.float32)
        image = image + (255 - image) * shine
    elif kind == "smear":
        a, b = max(0, int(left)), min(columns, int(right) + 1)
        spread = pitch * rng.uniform(0.15, 0.5)
        image[:, a:b] = cv2.GaussianBlur(image, (0, 0), spread)[:, a:b]
    else:
        # A fold: a crease that hides a strip of the line, beyond which the line is displaced.
        place, width = rng.uniform(left, right), pitch * rng.uniform(0.1, 0.6)
        lean = rng.normal(0, 0.3)
        band = np.exp(-(((x - place + (y - rows / 2) * lean) / width) ** 2)).astype(np.float32)
        moved = np.roll(image, int(np.rint(rng.normal(0, 0.06) * cap)), 0)
        image = np.where(x > place, moved, image)
        image = image + (shade - image) * np.clip(band * rng.uniform(0.5, 1.5), 0, 1)
    return image.astype(np.float32)


def _edge(distance: np.ndarray, soft: float) -> np.ndarray:
    return np.clip(distance / np.float32(2 * soft) + 0.5, 0, 1).astype(np.float32)


def captured(
    rng: np.random.Generator, profile: Profile, image: np.ndarray, cap: float
) -> np.ndarray:
    """Blur, motion, noise, exposure, moire, sharpening, binarisation, JPEG; gray codes as u8."""
    blur = abs(rng.normal(0, 1)) * profile.blur * cap
    if blur > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), min(blur, 0.14 * cap))
    if rng.random() < profile.motion:
        length = rng.uniform(0.1, 0.38) * cap
        if length > 1.5:
            streak = _streak(length, rng.uniform(0, 3.14))
            image = cv2.filter2D(image, -1, streak, borderType=cv2.BORDER_REPLICATE)
    if rng.random() < 0.08 * profile.rare:
        x, y = _axes(image.shape)
        angle, frequency = rng.uniform(0, 3.14), rng.uniform(0.8, 2.8)
        along = x * np.float32(np.cos(angle) * frequency)
        across = y * np.float32(np.sin(angle) * frequency)
        image = image + np.float32(rng.uniform(3, 14)) * np.sin(along + across)
    if rng.random() < 0.15 * profile.rare:
        image = 128 + (image - 128) * rng.uniform(0.9, 1.8) + rng.uniform(-45, 45)
    noise = abs(rng.normal(0, 5)) * (0.5 + 0.5 * profile.rare)
    if profile is not SCREEN or rng.random() < 0.3:
        image = image + _normal(rng, image.shape, noise)
    if rng.random() < 0.12 * profile.rare:
        # Against the local paper, as scanners and fax machines do; a high threshold fills the
        # corners of letters.
        flat = image - cv2.GaussianBlur(image, (0, 0), 1.5 * cap)
        low, high = np.percentile(flat, [3, 97])
        image = np.where(flat > low + (high - low) * rng.uniform(0.3, 0.75), 255, 0)
        image = image.astype(np.float32)
        if rng.random() < 0.5:
            image = cv2.GaussianBlur(image, (0, 0), 0.5)
    if rng.random() < 0.1:
        image = image + 1.2 * (image - cv2.GaussianBlur(image, (0, 0), max(0.6, 0.06 * cap)))
    codes = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < (0.3 if profile is SCREEN else 0.6):
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*profile.jpeg))]
        codes = cv2.imdecode(cv2.imencode(".jpg", codes, quality)[1], cv2.IMREAD_GRAYSCALE)
    return codes


def _streak(length: float, angle: float) -> np.ndarray:
    """The kernel of straight motion over `length` pixels."""
    side = int(np.ceil(length)) | 1
    kernel, middle = np.zeros((side, side), np.float32), side / 2 - 0.5
    for step in np.linspace(-length / 2, length / 2, side * 4):
        x = int(np.clip(round(middle + np.cos(angle) * step), 0, side - 1))
        y = int(np.clip(round(middle + np.sin(angle) * step), 0, side - 1))
        kernel[y, x] += 1
    return kernel / kernel.sum()
