"""From the network's maps to proposed zones, as `reader/src/locate/proposals.rs` does it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .network import COS, COS2, DX, DY, HALF, SIN, SIN2, STRIDE, THREE, ZONE

#: Cells above `LOW` hang together; one of them is above `HIGH`. A zone has `MIN_CELLS` cells.
LOW, HIGH, MIN_CELLS, MAX_PROPOSALS = 0.3, 0.5, 3, 6


@dataclass
class Proposal:
    """A centre line from `a` to `b` (pixel centres of the input), half its thickness, the logit of
    three lines, how surely it is the right way up (0 to 1), and a score from 0 to 1.
    """

    a: np.ndarray
    b: np.ndarray
    half: float
    three: float
    upright: float
    score: float


def proposals(out: np.ndarray) -> list[Proposal]:
    """The proposals of maps `[9, rows, columns]`, best first."""
    p = 1 / (1 + np.exp(-out[ZONE]))
    count, labels = cv2.connectedComponents((p > LOW).astype(np.uint8), connectivity=8)
    parts = [np.nonzero(labels == i) for i in range(1, count)]
    parts = [part for part in parts if len(part[0]) >= 2 and p[part].max() > HIGH]
    found = [f for f in (_fit(out, p, *part) for part in parts) if f]
    found.sort(key=lambda f: -f[0].score)
    i = 0
    while i < len(found):  # pieces that lie on one another's axis are one zone
        for j in range(i + 1, len(found)):
            if _continues(found[i][0], found[j][0]):
                pairs = zip(found[i][1], found[j][1], strict=True)
                both = _fit(out, p, *(np.concatenate(c) for c in pairs))
                if both:
                    found[i] = both
                    found.pop(j)
                    i = -1
                    break
        i += 1
    result = [f[0] for f in found if len(f[1][0]) >= MIN_CELLS]
    result.sort(key=lambda f: -f.score)
    return result[:MAX_PROPOSALS]


def _continues(f: Proposal, g: Proposal) -> bool:
    if np.linalg.norm(f.b - f.a) < np.linalg.norm(g.b - g.a):
        f, g = g, f
    d = f.b - f.a
    length = np.linalg.norm(d)
    d = d / length
    e = g.b - g.a
    small = np.linalg.norm(e)
    if small > 24 and abs(d @ e) / small < 0.97:
        return False
    middle = (g.a + g.b) / 2 - (f.a + f.b) / 2
    off, along = abs(d[0] * middle[1] - d[1] * middle[0]), abs(d @ middle)
    gap = along - length / 2 - small / 2
    return off < max(5.0, 0.5 * f.half + 0.03 * along) and gap < max(12.0, 2.5 * f.half)


def _fit(out: np.ndarray, p: np.ndarray, ys: np.ndarray, xs: np.ndarray):
    """A line through the points that the cells' vectors lead to, without those far off."""
    w = p[ys, xs]
    x, y = xs * STRIDE + (STRIDE - 1) / 2, ys * STRIDE + (STRIDE - 1) / 2
    qx, qy = x + out[DX][ys, xs] * STRIDE, y + out[DY][ys, xs] * STRIDE
    keep = np.ones(len(w), bool)

    def mean(channel: int) -> float:
        return float((k * out[channel][ys, xs]).sum() / k.sum())

    d = np.array([1.0, 0.0])
    for turn in range(4):
        k = w * keep
        if k.sum() <= 0:
            return None
        if turn == 0:
            angle = 0.5 * math.atan2(mean(SIN2), mean(COS2))
            d = np.array([math.cos(angle), math.sin(angle)])
        m = np.array([(k * qx).sum(), (k * qy).sum()]) / k.sum()
        half = max(1.0, mean(HALF) * STRIDE)
        for _ in range(2):
            u = (qx - m[0]) * d[0] + (qy - m[1]) * d[1]
            v = (qy - m[1]) * d[0] - (qx - m[0]) * d[1]
            # A few cells say little of the slope.
            slope = (k * u * v).sum() / ((k * u * u).sum() + 600.0)
            d = d + slope * np.array([-d[1], d[0]])
            d /= np.linalg.norm(d)
        v = (qy - m[1]) * d[0] - (qx - m[0]) * d[1]
        keep = np.abs(v) <= max(2.5, 0.5 * half) * (2.0, 1.4, 1.0, 1.0)[turn]
    k = w * keep
    if k.sum() <= 0:
        return None
    u = (x - m[0]) * d[0] + (y - m[1]) * d[1]
    rest = 4.0 * max(abs(d))
    low, high = u[keep].min() - rest, u[keep].max() + rest
    m = m + np.array([-d[1], d[0]]) * float((k * v).sum() / k.sum())
    up = mean(COS) * d[0] + mean(SIN) * d[1]
    if up < 0:
        d, low, high = -d, -high, -low
    length = high - low
    slender = min(1.0, length / (2 * half) / 4.0)
    score = float(k.sum() / keep.sum()) * slender * min(1.0, keep.sum() / 6) ** 0.5
    place = Proposal(m + d * low, m + d * high, half, mean(THREE), abs(up), score)
    return place, (ys[keep], xs[keep])
