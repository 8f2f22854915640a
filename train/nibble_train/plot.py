"""The curve of accuracy against the height of capitals, as an SVG that needs no library."""

from __future__ import annotations

import math

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 40, 48
#: Errors are drawn on a logarithmic axis between these shares of characters.
MOST, LEAST = 0.5, 0.0005
COLOURS = {"f32": "#444444", "u8": "#1f77b4", "u4": "#d62728"}
NAMES = {"f32": "float", "u8": "8 bits", "u4": "4 bits"}


def _x(height: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (height - 4) / 20


def _y(accuracy: float) -> float:
    error = min(MOST, max(LEAST, 1 - accuracy / 100))
    share = math.log(error / LEAST) / math.log(MOST / LEAST)
    return TOP + (HEIGHT - TOP - BOTTOM) * share


def heights(curve: dict) -> str:
    """`curve`: height of capitals to precision to `characters_percent`, as in
    `docs/results/training.json`.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="14">'
        "Characters read right (%), by height of capitals in the picture (pixels)</text>",
    ]
    for accuracy in (50, 80, 90, 95, 99, 99.5, 99.9):
        y = _y(accuracy)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        )
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{accuracy:g}</text>')
    for height in (4, 6, 8, 10, 12, 16, 20, 24):
        parts.append(
            f'<text x="{_x(height):.1f}" y="{HEIGHT - BOTTOM + 20}" '
            f'text-anchor="middle">{height}</text>'
        )
    for row, (precision, colour) in enumerate(COLOURS.items()):
        points = [
            (_x(float(h)), _y(scores[precision]["characters_percent"]))
            for h, scores in curve.items()
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        y = HEIGHT - BOTTOM - 16 - 18 * row
        parts.append(
            f'<text x="{WIDTH - RIGHT - 8}" y="{y}" text-anchor="end" '
            f'fill="{colour}">{NAMES[precision]}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def curves(entries: list[dict]) -> str:
    """`entries`: `curves` of a training's manifest. Errors of characters by step, a line for every
    precision and profile.
    """
    last = max([entry["step"] for entry in entries], default=1) or 1

    def x(step: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="14">'
        f"Characters read right (%) by step, 0 to {last}; dashed: hard</text>",
    ]
    for accuracy in (50, 80, 90, 95, 99, 99.5, 99.9):
        y = _y(accuracy)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        )
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{accuracy:g}</text>')
    for row, (precision, colour) in enumerate(COLOURS.items()):
        own = [entry for entry in entries if entry["precision"] == precision]
        for profile, dash in (("normal", "none"), ("hard", "5 3")):
            points = " ".join(
                f"{x(e['step']):.1f},{_y(e['profiles'][profile]['characters_percent']):.1f}"
                for e in own
            )
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" '
                f'stroke-dasharray="{dash}"/>'
            )
        y = HEIGHT - BOTTOM - 16 - 18 * row
        parts.append(
            f'<text x="{WIDTH - RIGHT - 8}" y="{y}" text-anchor="end" '
            f'fill="{colour}">{NAMES[precision]}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
