"""Draws the figures of the book from the results in this repository.

python3 docs/figures/make.py           writes docs/figures/*.svg
python3 docs/figures/make.py --check   fails if a file differs from what it would write
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
COLOURS = {"f32": "#8a8f98", "u8": "#3c7dc4", "u4": "#c8102e"}
LABELS = {"f32": "single precision", "u8": "8 bits", "u4": "4 bits"}
STYLE = 'font-family="system-ui, sans-serif" font-size="13" fill="#1c2024"'


def svg(width: int, height: int, title: str, body: list[str]) -> str:
    """A picture on white, so that it can be read in a dark page too."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{title}" {STYLE}>'
    )
    ground = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    return "\n".join([head, f"<title>{title}</title>", ground, *body, "</svg>", ""])


def text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    """A line of text."""
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{extra}>{words}</text>'


def box(x: float, y: float, width: float, height: float, colour: str, extra: str = "") -> str:
    """A filled rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:.4g}" height="{height:g}" fill="{colour}"{extra}/>'


def legend(x: float, y: float) -> list[str]:
    """What the colours mean."""
    parts = []
    for precision, colour in COLOURS.items():
        parts += [box(x, y - 10, 12, 12, colour), text(x + 17, y, LABELS[precision])]
        x += 150
    return parts


def bars(title: str, unit: str, groups: list[tuple[str, dict[str, float]]], digits: int = 0) -> str:
    """Horizontal bars: for each group one for each precision."""
    left, width, row = 190, 720, 18
    most = max(value for _, values in groups for value in values.values())
    scale = (width - left - 70) / most
    body = [text(16, 24, title, extra=' font-weight="600"'), *legend(16, 48)]
    y = 64
    for name, values in groups:
        body.append(text(left - 10, y + row * len(values) / 2 + 5, name, "end"))
        for precision, value in values.items():
            body.append(box(left, y, value * scale, row - 4, COLOURS[precision]))
            body.append(text(left + value * scale + 6, y + row - 7, f"{value:.{digits}f}"))
            y += row
        y += 12
    body.append(text(width - 16, y + 6, unit, "end", ' fill="#5b626b"'))
    return svg(width, y + 18, title, body)


def load(name: str) -> dict:
    """A file of results."""
    return json.loads((RESULTS / name).read_text())


def speeds(report: dict) -> dict[str, float]:
    """GMAC/s of the chosen kernel of each precision."""
    means = report.get("summary") or report["gemm"]["summary"]
    return {
        precision: next(mean["gmacs"] for mean in means if mean["precision"] == precision)
        for precision in COLOURS
    }


def speed() -> str:
    """Products on several machines."""
    files = {
        "native, AVX2": "gemm-x86_64.json",
        "native, SSE4.1": "gemm-x86_64-sse4.json",
        "native, AVX-VNNI": "gemm-x86_64-vnni.json",
        "Chromium, relaxed": "bench-chromium-relaxed.json",
        "Chromium, plain": "bench-chromium-simd128.json",
        "Firefox, relaxed": "bench-firefox-relaxed.json",
        "Firefox, plain": "bench-firefox-simd128.json",
    }
    groups = [(name, speeds(load(file))) for name, file in files.items()]
    return bars("Products on one core", "10^9 multiply-adds per second", groups)


def layers() -> str:
    """Where the reader's network spends its time."""
    rows = [row for row in load("network-x86_64.json")["rows"] if row["op"].startswith("ocr ")]
    names = list(dict.fromkeys(row["op"] for row in rows))
    groups = [
        (
            name.removeprefix("ocr "),
            {row["precision"]: row["ns"] / 1e3 for row in rows if row["op"] == name},
        )
        for name in names
    ]
    title = "The reader's network on a line of 640 columns, AVX2"
    return bars(title, "microseconds", groups, 1)


def counts() -> str:
    """Multiply-adds per instruction of the inner loops for NEON."""
    lines = (RESULTS / "inner-loops-aarch64.md").read_text().splitlines()
    cells = [line.strip("|").split("|") for line in lines if line.startswith("| ")]
    loops = {row[0].strip(): row[3].strip() for row in cells[1:]}
    chosen = {
        "f32": ("ours, 8 x 12", "neon::tile_f32", "f32"),
        "gemmlowp": ("gemmlowp's", "neon::tile_u8_widened", "u8"),
        "u8": ("ours, exact", "neon::tile_u8_pair", "u8"),
        "paper": ("the paper's", "neon_paper::tile_u4", "u4"),
        "u4": ("ours, a centred pair", "neon_pair::tile_u4", "u4"),
    }
    groups = [
        (name, {precision: float(loops[loop])}) for name, loop, precision in chosen.values()
    ]
    title = "Multiply-adds per instruction of the inner loop, NEON of Armv8.0"
    return bars(title, "counted in the compiler's listing", groups, 1)


def lanes() -> str:
    """A register of 256 bits in one step of each loop."""
    rows = [
        ("f32", 8, "8 products of 32 bits, 1 instruction: 8 multiply-adds"),
        ("u8", 16, "16 products of 16 bits, added in pairs to 32: 2 instructions, 16 multiply-adds"),
        ("u4", 32, "32 products of 8 bits, added in pairs to 16: 2 instructions, 32 multiply-adds"),
    ]
    left, width, y = 16, 688, 60
    body = [text(16, 24, "One register of 256 bits", extra=' font-weight="600"')]
    for precision, count, words in rows:
        body.append(text(left, y - 8, f"{LABELS[precision]}: {words}"))
        size = width / count
        for lane in range(count):
            body.append(box(left + lane * size, y, size - 2, 26, COLOURS[precision], ' rx="2"'))
        y += 64
    return svg(720, y - 24, "Lanes of a register at three precisions", body)


def overflow() -> str:
    """How far 16-bit sums reach."""
    limit = 32767
    rows = [
        ("unsigned 4-bit operands, 291 products of 15 x 15", 291 * 225, 65535, "u4"),
        ("a pair of AVX2, 136 steps of 2 x 15 x 8", 136 * 240, limit, "u4"),
        ("8 bits: 2 products of 127 x 127", 2 * 127 * 127, limit, "u8"),
    ]
    title = "How much of a 16-bit sum is used when it has to be widened"
    body, y = [text(16, 24, title, extra=' font-weight="600"')], 44
    for words, value, most, precision in rows:
        body.append(text(16, y + 12, words))
        body.append(box(16, y + 20, 600, 14, "#e6e8eb"))
        body.append(box(16, y + 20, 600 * value / most, 14, COLOURS[precision]))
        body.append(text(626, y + 32, f"{100 * value / most:.1f} %"))
        y += 52
    return svg(720, y + 4, title, body)


FIGURES = {
    "counts": counts,
    "lanes": lanes,
    "layers": layers,
    "overflow": overflow,
    "speed": speed,
}


def main() -> None:
    """Writes or checks the figures."""
    stale = []
    for name, draw in FIGURES.items():
        path, drawn = HERE / f"{name}.svg", draw()
        if sys.argv[1:] == ["--check"]:
            if not path.exists() or path.read_text() != drawn:
                stale.append(path.name)
        else:
            path.write_text(drawn)
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; run python3 docs/figures/make.py")


if __name__ == "__main__":
    main()
