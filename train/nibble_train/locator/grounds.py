"""Grounds that documents lie on, and whole scenes without any document: 640 pixels square."""

from __future__ import annotations

import cv2
import numpy as np

from .pages import Pages

SIZE = 640


class Grounds:
    """Draws grounds with the seeded sources of `pages`."""

    def __init__(self, pages: Pages):
        self.pages, self.inks, self.r, self.n = pages, pages.inks, pages.r, pages.n

    def ground(self) -> np.ndarray:
        """`[640, 640]` of uint8."""
        r = self.r
        kinds = (self.plain, self.grain, self.scene, self.print, self.grid, self.codes, self.things)
        g = r.choices(kinds, [12, 12, 20, 30, 12, 8, 6])[0]()
        g = g + self.n.standard_normal((SIZE, SIZE)).astype(np.float32) * r.uniform(0, 8)
        return np.clip(g, 0, 255).astype(np.uint8)

    def level(self, low: float = 15, high: float = 240) -> np.ndarray:
        return np.full((SIZE, SIZE), self.r.uniform(low, high), np.float32)

    def plain(self) -> np.ndarray:
        return self.level() + self.pages.smooth(SIZE, SIZE, 300, 30)

    def grain(self) -> np.ndarray:
        """Wood or cloth."""
        r = self.r
        shape = SIZE // r.choice([2, 3, 6]), r.choice([3, 6, 12])
        grain = self.n.standard_normal(shape).astype(np.float32)
        grain = cv2.resize(grain, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        g = self.level() + grain * r.uniform(3, 25) + self.pages.smooth(SIZE, SIZE, 100, 15)
        if r.random() < 0.4:
            g += self.pages.guilloche(SIZE, SIZE, r.uniform(2, 20))
        return g

    def scene(self) -> np.ndarray:
        """Patches of light and dark with edges."""
        r, g = self.r, self.level()
        for cell in (200, 70, 25, 8):
            g += self.pages.smooth(SIZE, SIZE, cell, r.uniform(5, 35))
        for _ in range(r.randint(0, 14)):
            p, q = ((r.randint(0, SIZE), r.randint(0, SIZE)) for _ in range(2))
            if r.random() < 0.5:
                cv2.line(g, p, q, r.uniform(0, 255), r.randint(1, 30))
            else:
                axes = (r.randint(5, 150), r.randint(5, 150))
                fill = r.choice([-1, 2, 5])
                cv2.ellipse(g, p, axes, r.uniform(0, 180), 0, 360, r.uniform(0, 255), fill)
        return g

    def print(self) -> np.ndarray:
        """Printed pages, screens, listings."""
        r, fonts = self.r, self.inks.fonts
        light = r.random() < 0.8
        g = self.level(170, 250) if light else self.level(10, 60)
        y = r.uniform(5, 60)
        while y < SIZE - 30:
            cap = r.uniform(5, 12) if r.random() < 0.85 else r.uniform(12, 30)
            height, x = int(r.uniform(cap * 2, 240)), r.uniform(0, 60)
            columns = r.choice([1, 1, 2, 3])
            path = r.choice(fonts.text) if r.random() < 0.6 else r.choice(fonts.mono + fonts.zone)
            leading, ragged = cap * r.uniform(1.5, 2.8), r.choice([0.0, 0.3, 0.3])
            for c in range(columns):
                width = int((SIZE - 60) / columns - 14)
                ink = self.inks.text(width, height, cap, leading, path, r.random() < 0.25, ragged)
                shade = r.uniform(0, 90) if light else r.uniform(150, 250)
                self.pages.paste(g, ink, x + c * (SIZE - 60) / columns, y, shade)
            if r.random() < 0.2:
                frame = (int(x) - 6, int(y) - 6), (SIZE - 30, int(y) + height + 4)
                cv2.rectangle(g, *frame, r.uniform(0, 160), r.choice([1, 2]))
            y += height + r.uniform(4, 50)
        return g

    def grid(self) -> np.ndarray:
        """Tables, tiles, shelves, keyboards."""
        r = self.r
        g = self.level(100, 240) if r.random() < 0.7 else self.level(15, 90)
        sx, sy, thick = r.uniform(8, 90), r.uniform(6, 60), r.choice([1, 1, 2, 4])
        shade = r.uniform(0, 255)
        if r.random() < 0.5:
            self.pages.paste(g, self.inks.keys(SIZE, SIZE), 0, 0, shade)
            return g
        for i in range(int(SIZE / sx) + 1):
            cv2.line(g, (int(i * sx), 0), (int(i * sx), SIZE), shade, thick)
        for i in range(int(SIZE / sy) + 1):
            cv2.line(g, (0, int(i * sy)), (SIZE, int(i * sy)), shade, thick)
        if r.random() < 0.6:
            for i in range(min(10, int(SIZE / sx))):
                text = self.inks.text(int(sx), SIZE, min(sx, sy) * 0.4 + 3, sy)
                self.pages.paste(g, text, i * sx + 2, 1, shade)
        return g

    def codes(self) -> np.ndarray:
        """Bar codes and rulers."""
        r, g = self.r, self.level()
        for _ in range(r.randint(3, 12)):
            w, h = r.randint(30, 300), r.randint(10, 120)
            ink = self.inks.bars(h, w) if r.random() < 0.7 else self.inks.ruler(h, w)
            self.pages.paste(g, ink, r.randint(0, SIZE), r.randint(0, SIZE), r.uniform(0, 255))
        return g

    def things(self) -> np.ndarray:
        """Cards with one or two lines of large print: number plates, labels, bank cards."""
        r, g = self.r, self.scene()
        for _ in range(r.randint(2, 6)):
            w, h = r.randint(120, 400), r.randint(40, 220)
            x, y = r.randint(0, SIZE - 60), r.randint(0, SIZE - 40)
            light = r.random() < 0.6
            g[y : y + h, x : x + w] = r.uniform(150, 250) if light else r.uniform(10, 90)
            for _ in range(r.randint(1, 3)):
                cap = r.uniform(8, 26)
                path = r.choice(self.inks.fonts.zone + self.inks.fonts.text)
                ink = self.inks.text(w - 20, int(cap * 1.7), cap, 99, path, r.random() < 0.6)
                shade = r.uniform(0, 90) if light else r.uniform(150, 250)
                self.pages.paste(g, ink, x + 10, y + r.uniform(2, max(3, h - cap * 2)), shade)
        return g
