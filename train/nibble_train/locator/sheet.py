"""A contact sheet of frames with their zones drawn, to look at by eye."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .frames import chunk
from .inks import Fonts


def outlined(image: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """A frame in colour with its zones outlined; their left ends are marked."""
    view = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for ax, ay, bx, by, ha, hb, lines in zones:
        if lines:
            length = math.hypot(bx - ax, by - ay)
            n = np.array([-(by - ay), bx - ax]) / length
            a, b = np.array([ax, ay]), np.array([bx, by])
            quad = np.array([a - n * ha, b - n * hb, b + n * hb, a + n * ha])
            cv2.polylines(view, [np.int32(quad * 16)], True, (0, 0, 255), 1, cv2.LINE_AA, 4)
            cv2.circle(view, (int(ax), int(ay)), 3, (0, 200, 0), -1)
    return view


def sheet(path: str, seed: int, first: int, count: int, fonts: Fonts, each: int = 8) -> None:
    """Writes `count` chunks' first `each` frames, a row a chunk."""
    rows = []
    for index in range(first, first + count):
        images, zones = chunk(seed, index, fonts)
        tiles = []
        for image, places in list(zip(images, zones, strict=True))[:each]:
            view = outlined(image, places)
            tile = np.full((320, 388, 3), 60, np.uint8)
            part = view[:316, :384]
            tile[: part.shape[0], : part.shape[1]] = part
            tiles.append(tile)
        rows.append(np.concatenate(tiles, 1))
    cv2.imwrite(path, np.concatenate(rows))
