"""A flat document as a phone sees it: on a table, in perspective, unevenly lit, slightly blurred,
noisy.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Shot:
    """Frame `(width, height)` in pixels, share of its width that the document takes, largest angles
    in degrees, blur and noise.
    """

    frame: tuple[int, int]
    share: float
    tilt: float = 12.0
    turn: float = 6.0
    blur: float = 0.7
    noise: float = 2.5


def table(frame: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Wood, cloth or stone."""
    width, height = frame
    kind = rng.integers(3)
    base = np.float32(([120, 84, 56], [70, 78, 92], [150, 148, 142])[kind]) * rng.uniform(0.6, 1.15)

    def grain(columns: int, rows: int, amplitude: float) -> np.ndarray:
        small = rng.normal(0, amplitude, (max(2, rows), max(2, columns))).astype(np.float32)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)

    if kind == 0:
        texture = grain(5, height // 6, 9) + grain(12, height // 25, 8) + grain(3, 7, 6)
    elif kind == 1:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) * (1280 / width)
        texture = 5 * np.sin(x * 1.3) + 5 * np.sin(y * 1.3) + grain(30, 24, 4)
    else:
        texture = grain(width // 5, height // 5, 5) + grain(40, 30, 5)
    return base[None, None] + texture[:, :, None]


def _rotation(tilt: float, lean: float, turn: float) -> np.ndarray:
    a, b, c = np.radians([tilt, lean, turn])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def homography(size: tuple[int, int], shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """Document pixels to frame pixels: a pinhole camera of focal length 1.1 frame widths over a
    tilted plane.
    """
    width, height = shot.frame
    columns, rows = size
    tilt, lean = rng.uniform(-shot.tilt, shot.tilt, 2)
    spin = _rotation(tilt, lean, rng.uniform(-shot.turn, shot.turn))
    corners = np.float32([[0, 0], [columns, 0], [columns, rows], [0, rows]])
    plane = (
        np.column_stack(
            [corners[:, 0] / columns - 0.5, (corners[:, 1] - rows / 2) / columns, np.zeros(4)]
        )
        @ spin.T
    )
    focal = 1.1
    seen = focal * plane[:, :2] / (focal / shot.share + plane[:, 2:]) * width
    # A tall page or a strong angle may leave the frame: shrink, then move at will inside it.
    extent = np.ptp(seen, axis=0)
    seen *= min(1.0, 0.96 * width / extent[0], 0.96 * height / extent[1])
    low, high = seen.min(0), seen.max(0)
    free = np.array([width, height]) - (high - low)
    seen += free * rng.uniform(0.25, 0.75, 2) - low
    return cv2.getPerspectiveTransform(corners, seen.astype(np.float32))


def photograph(document: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """The frame as `[rows, columns, 3]` RGB."""
    width, height = shot.frame
    rows, columns = document.shape[:2]
    matrix = homography((columns, rows), shot, rng)
    frame = table(shot.frame, rng)
    mask = np.zeros((rows, columns), np.uint8)
    radius = max(2, columns // 40)
    cv2.rectangle(mask, (radius, 0), (columns - radius, rows), 255, -1)
    cv2.rectangle(mask, (0, radius), (columns, rows - radius), 255, -1)
    for x in (radius, columns - radius - 1):
        for y in (radius, rows - radius - 1):
            cv2.circle(mask, (x, y), radius, 255, -1)
    reduction = columns / (shot.share * width)
    sharp = cv2.GaussianBlur(document, (0, 0), 0.4 * reduction) if reduction > 1 else document
    seen = cv2.warpPerspective(sharp, matrix, shot.frame, flags=cv2.INTER_LINEAR).astype(np.float32)
    cover = (
        cv2.warpPerspective(mask, matrix, shot.frame, flags=cv2.INTER_LINEAR).astype(np.float32)
        / 255
    )
    reach = width / 160
    shadow = np.roll(
        cv2.GaussianBlur(cover, (0, 0), 1.6 * reach),
        (round(reach), round(reach * rng.uniform(-1, 1))),
        (0, 1),
    )
    frame *= (1 - 0.5 * shadow)[:, :, None]
    frame += (seen - frame) * cover[:, :, None]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width - 0.5, y / width - 0.5 * height / width
    angle = rng.uniform(0, 6.28)
    light = rng.uniform(0.82, 1.02) * (
        1 + rng.uniform(0.1, 0.35) * (x * np.cos(angle) + y * np.sin(angle))
    )
    light *= 1 - 0.35 * (x * x + y * y)
    if rng.random() < 0.5:
        # The photographer's own soft shadow from one side.
        edge = (
            x * np.cos(angle + 1) + y * np.sin(angle + 1) - rng.uniform(-0.3, 0.3)
        ) / rng.uniform(0.03, 0.12)
        light *= 1 - rng.uniform(0.1, 0.3) / (1 + np.exp(np.clip(edge, -30, 30)))
    warmth = np.float32([rng.uniform(0.98, 1.05), 1.0, rng.uniform(0.88, 1.02)])
    frame *= light[:, :, None] * warmth
    if shot.blur > 0.2:
        frame = cv2.GaussianBlur(frame, (0, 0), shot.blur)
    frame += rng.normal(0, shot.noise, frame.shape).astype(np.float32)
    return np.clip(frame, 0, 255).astype(np.uint8)


def scan(document: np.ndarray, width: int, rng: np.random.Generator) -> np.ndarray:
    """The document alone from a flatbed, a little askew on white."""
    rows, columns = document.shape[:2]
    inner = 0.94 * width
    height = round(inner * rows / columns + 0.06 * width)
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), rng.uniform(-1.2, 1.2), inner / columns)
    turn[:, 2] += [width / 2 - columns / 2, height / 2 - rows / 2]
    sharp = cv2.GaussianBlur(document, (0, 0), max(0.3, 0.4 * columns / inner))
    return cv2.warpAffine(
        sharp, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=(244, 244, 242)
    )
