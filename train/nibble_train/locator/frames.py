"""Frames: documents put on grounds as a camera, a scanner or a screen shows them, at the size that
the locator sees, with the zones' places.

Frames come in chunks. A chunk is a function of (seed, index) alone, whatever the number of
processes that make chunks; all its frames have one size. A frame is drawn at twice its size,
shrunk by means of 2 x 2 as the reader's pyramid does, and damaged.
"""

from __future__ import annotations

import math
import random

import cv2
import numpy as np

from .grounds import SIZE as GROUND
from .grounds import Grounds
from .inks import Fonts, Inks
from .pages import Page, Pages

#: Frames of a chunk, and the largest number of zones of a frame.
CHUNK, MAX_ZONES = 64, 3

#: Rows, columns and share. A level of the reader's pyramid has a longer side of 193 to 384 pixels,
#: or fewer in a small picture; the second look takes the level below.
SIZES = (
    ((240, 320), 26),
    ((288, 384), 10),
    ((216, 384), 6),
    ((184, 320), 6),
    ((216, 320), 5),
    ((192, 256), 12),
    ((136, 240), 6),
    ((256, 256), 5),
    ((320, 320), 4),
    ((144, 208), 6),
    ((120, 160), 6),
    ((64, 320), 4),
    ((104, 376), 4),
)

#: Share of frames with a document that has a zone, and with a second one.
POSITIVE, SECOND = 0.6, 0.08

#: Documents with and without a zone, and grounds, that the frames of a chunk share.
DOCUMENTS, BLANKS, GROUNDS = 12, 5, 4


class Frames:
    """The frames of one chunk."""

    def __init__(self, seed: int, index: int, fonts: Fonts):
        self.r = random.Random(f"{seed} {index}")
        self.n = np.random.default_rng([seed, index])
        self.shape = self.r.choices([s[0] for s in SIZES], [s[1] for s in SIZES])[0]
        pages = Pages(Inks(self.r, self.n, fonts))
        grounds = Grounds(pages)
        self.documents = [pages.document(True) for _ in range(DOCUMENTS)]
        self.blanks = [pages.document(False) for _ in range(BLANKS)]
        self.grounds = [grounds.ground() for _ in range(GROUNDS)]
        self.noise = self.n.standard_normal((512, 512)).astype(np.float32)

    def pose(self, page: Page, width: int, height: int) -> tuple[np.ndarray, float] | None:
        """The homography of a page onto a canvas with its zone inside (without a zone, most of
        the page), and its scale; `None` if it does not fit.
        """
        r = self.r
        h, w = page.pixels.shape
        zone = page.zone
        longest = max(width, height)
        span = (zone[2] - zone[0]) if zone else w * 0.9
        whole = r.random() < 0.25  # a scan: the page is the picture
        fill = whole or r.random() < (0.6 if page.crop else 0.1)
        quarter = r.choices([0, 90, 180, 270], [5, 2, 2, 2])[0]
        if whole:
            if (w > h) != (width > height):
                quarter = r.choice([90, 270])
            elif w > h:
                quarter = r.choice([0, 0, 180])
            turned = (h, w) if quarter in (90, 270) else (w, h)
            fit = min(width / turned[0], height / turned[1]) * r.uniform(0.9, 1.04)
            share = fit * span / longest
        else:
            share = r.uniform(0.8, 1.0) if fill else math.exp(r.uniform(math.log(0.2), 0))
        if r.random() < 0.68 or fill:
            roll = math.radians(quarter + r.gauss(0, 1.5 if fill else 7))
        else:
            roll = r.uniform(0, 2 * math.pi)
        tilt = 0.06 if whole or r.random() < 0.3 else 1.0
        yaw, pitch = (math.radians(r.uniform(-35, 35)) * tilt for _ in range(2))
        cx, cy = ((zone[0] + zone[2]) / 2, zone[1]) if zone else (w / 2, h / 2)
        c, s = math.cos, math.sin
        ry = np.array([[c(yaw), 0, s(yaw)], [0, 1, 0], [-s(yaw), 0, c(yaw)]])
        rx = np.array([[1, 0, 0], [0, c(pitch), -s(pitch)], [0, s(pitch), c(pitch)]])
        rz = np.array([[c(roll), -s(roll), 0], [s(roll), c(roll), 0], [0, 0, 1]])
        turn = rz @ rx @ ry
        corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], float)
        size = np.array([width, height])
        for _ in range(12):
            scale = share * longest / span
            flat = np.concatenate([(corners - (cx, cy)) * scale, np.zeros((4, 1))], 1) @ turn.T
            far = longest * 1.25
            seen = flat[:, :2] * (far / (far + flat[:, 2:3]))
            m = cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32))
            box = corners
            if zone:
                e = zone[4] + 3
                left, right, y = zone[0], zone[2], zone[1]
                box = np.array([[left, y - e], [right, y - e], [right, y + e], [left, y + e]])
            b = cv2.perspectiveTransform(box[None].astype(np.float64), m)[0]
            low, room = b.min(0), size * 0.995 - (b.max(0) - b.min(0))
            if (room > 0).all():
                shift = -low + room * (r.random(), r.random()) + size * 0.0025
            elif not zone:
                shift = size * (r.uniform(0.2, 0.8), r.uniform(0.2, 0.8))
            else:
                share *= 0.86
                continue
            return np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1.0]]) @ m, scale
        return None

    def put(self, canvas: np.ndarray, page: np.ndarray, m: np.ndarray, scale: float) -> np.ndarray:
        """Warps a page onto the canvas; returns its corners there."""
        r = self.r
        h, w = page.shape
        shrink = min(1.0, scale * 1.15)
        if shrink < 0.8:
            size = (max(8, int(w * shrink)), max(8, int(h * shrink)))
            small = cv2.resize(page, size, interpolation=cv2.INTER_AREA)
            m = m @ np.diag([w / small.shape[1], h / small.shape[0], 1.0])
            page, (h, w) = small, small.shape
        rows, columns = canvas.shape
        outline = np.array([[[0, 0], [w, 0], [w, h], [0, h]]], np.float64)
        c = cv2.perspectiveTransform(outline, m)[0]
        x0, y0 = np.maximum(np.floor(c.min(0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(c.max(0)).astype(int) + 1, (columns, rows))
        if x1 - x0 < 2 or y1 - y0 < 2:
            return c
        m = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1.0]]) @ m
        size, part = (int(x1 - x0), int(y1 - y0)), canvas[y0:y1, x0:x1]
        if r.random() < 0.5:  # a shadow beside the page
            mask = np.zeros(size[::-1], np.uint8)
            offset = r.uniform(-8, 8), r.uniform(-8, 8)
            cv2.fillConvexPoly(mask, np.int32(c - (x0, y0) + offset), 255)
            mask = cv2.blur(mask, (9, 9))
            part[:] = (part * (1 - mask * (r.uniform(0.1, 0.5) / 255))).astype(np.uint8)
        border = cv2.BORDER_TRANSPARENT
        cv2.warpPerspective(page, m, size, dst=part, flags=cv2.INTER_LINEAR, borderMode=border)
        return c

    def ground(self, rows: int, columns: int) -> np.ndarray:
        """A canvas: a ground at any scale and turn, or one shade."""
        r = self.r
        if r.random() < 0.2:
            shade = r.choice([r.uniform(0, 255), r.uniform(235, 255), r.uniform(0, 12)])
            return np.full((rows, columns), shade, np.uint8)
        a = r.choice([0, 0.5, 1, 1.5]) * math.pi + r.gauss(0, 0.1)
        a = r.uniform(0, 2 * math.pi) if r.random() < 0.5 else a
        s = math.exp(r.uniform(-0.4, 1.0))
        cos, sin = math.cos(a) * s, math.sin(a) * s
        m = np.array([[cos, -sin, 0], [sin, cos, 0]])
        centre = np.array((columns * r.uniform(0.1, 1.1), rows * r.uniform(0.1, 1.1)))
        m[:, 2] = centre - m[:, :2] @ (GROUND / 2, GROUND / 2)
        ground = r.choice(self.grounds)
        mode = {"borderMode": cv2.BORDER_REFLECT}
        if r.random() < 0.5:  # half as fine: quicker
            half = (columns // 2, rows // 2)
            canvas = cv2.warpAffine(ground, m * 0.5, half, flags=cv2.INTER_LINEAR, **mode)
            return cv2.resize(canvas, (columns, rows))
        return cv2.warpAffine(ground, m, (columns, rows), flags=cv2.INTER_NEAREST, **mode)

    def document(self) -> Page:
        """A document with a zone; a long frame prefers crops."""
        rows, columns = self.shape
        page = self.r.choice(self.documents)
        crops = [d for d in self.documents if d.crop]
        if crops and columns > 2 * rows and self.r.random() < 0.6:
            page = self.r.choice(crops)
        return page

    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """A frame of uint8 and its zones `[3, 7]` in its pixels: the ends of the centre line, half
        the thickness at both, number of lines, which is 0 where there is no zone.
        """
        r = self.r
        rows, columns = self.shape
        if r.random() < 0.5 and rows != columns:
            rows, columns = columns, rows  # an upright frame, turned below
        canvas = self.ground(2 * rows, 2 * columns)
        if r.random() < 0.4:
            page = r.choice(self.blanks)
            found = self.pose(page, 2 * columns, 2 * rows)
            if found:
                self.put(canvas, page.pixels, *found)
        zones, taken = np.zeros((MAX_ZONES, 7), np.float32), None
        count = 0
        if r.random() < POSITIVE:
            count = 2 if r.random() < SECOND else 1
        known = 0
        for _ in range(count):
            page = self.document()
            found = self.pose(page, 2 * columns, 2 * rows)
            if not found:
                continue
            m, scale = found
            h, w = page.pixels.shape
            outline = np.array([[[0, 0], [w, 0], [w, h], [0, h]]], np.float64)
            mask = np.zeros((rows, columns), np.uint8)
            corners = cv2.perspectiveTransform(outline, m)[0] / 2
            cv2.fillConvexPoly(mask, np.int32(np.round(corners)), 1)
            if taken is not None and (mask & taken).any():
                continue  # would hide another zone
            taken = mask if taken is None else taken | mask
            self.put(canvas, page.pixels, m, scale)
            ax, ay, bx, by, e, lines = page.zone
            points = [[ax, ay], [bx, by], [ax, ay - e], [ax, ay + e], [bx, by - e], [bx, by + e]]
            # Pixel centres: two pixels of the canvas make one.
            p = cv2.perspectiveTransform(np.array([points], np.float64), m)[0] / 2 - 0.25
            halves = np.linalg.norm(p[2] - p[3]) / 2, np.linalg.norm(p[4] - p[5]) / 2
            zones[known] = (*p[0], *p[1], *halves, lines)
            known += 1
        self.cover(canvas, zones)
        image = self.damaged(cv2.resize(canvas, (columns, rows), interpolation=cv2.INTER_AREA))
        if (rows, columns) != self.shape:
            image = np.ascontiguousarray(np.rot90(image, -1))
            for z in zones[:known]:
                ax, ay, bx, by = z[:4]
                z[:4] = rows - 1 - ay, ax, rows - 1 - by, bx
        return image, zones

    def cover(self, canvas: np.ndarray, zones: np.ndarray) -> None:
        """Fingers and other things in front, at times over the end of a zone."""
        r = self.r
        if r.random() > 0.16:
            return
        rows, columns = canvas.shape
        shade = r.uniform(0, 230)
        for _ in range(r.randint(1, 3)):
            centre = (r.randint(0, columns), r.randint(0, rows))
            axes = (r.randint(8, 50), r.randint(20, 110))
            hides = False
            for ax, ay, bx, by, ha, _, lines in zones:
                if lines:
                    length = math.hypot(bx - ax, by - ay)
                    off = math.hypot(centre[0] / 2 - (ax + bx) / 2, centre[1] / 2 - (ay + by) / 2)
                    free = 0.38 if r.random() < 0.4 else 0.65
                    hides |= off < free * length + max(axes) / 2 - 0.12 * length + ha * 0.5
            if hides:
                continue
            cv2.ellipse(canvas, centre, axes, r.uniform(0, 180), 0, 360, shade, -1, cv2.LINE_AA)

    def damaged(self, image: np.ndarray) -> np.ndarray:
        """Blur, light, glare, contrast, noise and codecs."""
        r = self.r
        rows, columns = image.shape
        image = image.astype(np.float32)
        choice = r.random()
        if choice < 0.4:
            sigma = r.uniform(0.3, 0.55) if r.random() < 0.7 else r.uniform(0.5, 1.1)
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        elif choice < 0.5:
            k = np.zeros((5, 5), np.float32)
            cv2.line(k, (r.randint(0, 4), r.randint(0, 4)), (2, 2), 1, 1)
            image = cv2.filter2D(image, -1, k / k.sum())
        elif choice < 0.56:  # sharpened
            image = image + r.uniform(0.3, 1.2) * (image - cv2.GaussianBlur(image, (0, 0), 1.0))
        x = np.arange(columns, dtype=np.float32)[None]
        y = np.arange(rows, dtype=np.float32)[:, None]
        if r.random() < 0.6:
            a, k = r.uniform(0, 2 * math.pi), r.uniform(0, 0.6)
            across = 1 + k * (x / columns - 0.5) * math.cos(a)
            image = image * across * (1 + k * (y / rows - 0.5) * math.sin(a))
        if r.random() < 0.2:  # glare
            cx, cy, radius = r.uniform(0, columns), r.uniform(0, rows), r.uniform(8, 45)
            glow = np.exp(-((y - cy) ** 2) / radius**2) * np.exp(-((x - cx) ** 2) / radius**2)
            image = image + glow * r.uniform(30, 160)
        if r.random() < 0.07:  # the grid of a screen
            period, a = r.uniform(2.2, 9), r.uniform(0, math.pi)
            wave = np.cos((x * math.cos(a) + y * math.sin(a)) * (2 * math.pi / period))
            image = image * (1 + wave * r.uniform(0.02, 0.12))
        if r.random() < 0.5:
            low, high = r.uniform(0, 90), r.uniform(140, 255)
            if r.random() < 0.25:
                low, high = r.uniform(40, 110), r.uniform(112, 170)
            image = low + image * ((high - low) / 255)
        dy, dx = r.randint(0, 512 - rows), r.randint(0, 512 - columns)
        noise = self.noise[dy : dy + rows, dx : dx + columns]
        image = image + noise * (r.uniform(0, 3) if r.random() < 0.7 else r.uniform(2, 9))
        image = np.clip(image, 0, 255).astype(np.uint8)
        if r.random() < 0.2:
            quality = [cv2.IMWRITE_JPEG_QUALITY, r.randint(40, 95)]
            image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_GRAYSCALE)
        return image


def chunk(seed: int, index: int, fonts: Fonts) -> tuple[np.ndarray, np.ndarray]:
    """Chunk `index`: frames `[64, rows, columns]` of uint8 and zones `[64, 3, 7]` of float32."""
    cv2.setNumThreads(1)
    frames = Frames(seed, index, fonts)
    made = [frames.frame() for _ in range(CHUNK)]
    return np.stack([m[0] for m in made]), np.stack([m[1] for m in made])
