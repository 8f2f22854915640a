"""Trains a network that finds QR codes in camera frames, in 4 bits: `python train.py`.

Every frame is rendered here: codes of random modules, turned, tilted, blurred and unevenly lit, on
backgrounds of blobs, stripes, grids and rows of marks that look a little like codes.
The network reads gray frames of any size and says for each cell of 8 x 8 pixels whether a code is
there. The script needs `nibble-qat[torch]`. It writes `codes.safetensors` and its golden vectors
beside this file, and `codes.json` with the accuracy on frames that training never sees.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from nibble_qat import Quantised, export, quantise, simulate
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
#: Size of a frame and of a cell, in pixels.
ROWS, COLUMNS, CELL = 120, 160, 8
#: Frames are drawn this much larger and then averaged, so that small modules turn gray as in a
#: camera.
SCALE = 2
#: Side of a code's picture, in pixels.
TEXTURE = 256
#: Half the smallest and half the largest width of a code, in pixels of a frame.
CODE = (13, 52)
#: Mean and deviation of the pixels, as shares of the largest value.
MEAN, DEVIATION = 0.5, 0.25
BATCH = 24
FRAMES, TEST_FRAMES = 2400, 240


def uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    """A random number from `low` to `high` for each of `count` frames: `[count, 1, 1]`."""
    return low + (high - low) * torch.rand(count, 1, 1, generator=generator)


def modules(count: int, generator: torch.Generator) -> torch.Tensor:
    """Codes of versions 1 to 6 with a margin, dark 0 and light 1: `[count, 1, side, side]`."""
    finder = torch.zeros(8, 8)
    finder[7] = finder[:, 7] = 1
    finder[1:6, 1:6] = 1
    finder[2:5, 2:5] = 0
    codes = []
    for _ in range(count):
        side = 17 + 4 * int(torch.randint(1, 7, (), generator=generator))
        code = (torch.rand(side, side, generator=generator) > 0.5).float()
        code[6, 8:-8] = code[8:-8, 6] = torch.arange(side - 16) % 2
        code[:8, :8], code[:8, -8:], code[-8:, :8] = finder, finder.flip(1), finder.flip(0)
        code = F.pad(code, (3, 3, 3, 3), value=1.0)[None, None]
        codes.append(F.interpolate(code, size=(TEXTURE, TEXTURE), mode="nearest")[0])
    return torch.stack(codes)


def square(
    count: int, generator: torch.Generator, half: tuple[float, float], stretch: float
) -> torch.Tensor:
    """Where each pixel lies on a square, from -1 to 1, that a camera sees from a random place.

    `half` is the range of half its width in pixels of a frame, `stretch` the largest ratio of its
    sides. The result is `[count, rows, columns, 2]`.
    """
    rows, columns = torch.meshgrid(
        (torch.arange(ROWS * SCALE) + 0.5) / SCALE,
        (torch.arange(COLUMNS * SCALE) + 0.5) / SCALE,
        indexing="ij",
    )
    angle, size = uniform(count, 0, 6.283, generator), uniform(count, *half, generator)
    x = (columns - uniform(count, 8, COLUMNS - 8, generator)) / size
    y = (rows - uniform(count, 8, ROWS - 8, generator)) / size
    u, v = angle.cos() * x + angle.sin() * y, angle.cos() * y - angle.sin() * x
    tilt = [uniform(count, -0.2, 0.2, generator) for _ in range(2)]
    depth = (1 + tilt[0] * u + tilt[1] * v).clamp(min=0.3)
    return torch.stack([u / depth, v / depth * uniform(count, 1, stretch, generator)], -1)


def backgrounds(count: int, generator: torch.Generator) -> torch.Tensor:
    """Smooth shades, and four patches of stripes, checks, marks or plain gray on them."""
    size = (ROWS * SCALE, COLUMNS * SCALE)
    frames = torch.zeros(count, *size)
    for cells, weight in ((3, 0.5), (8, 0.3), (30, 0.2)):
        coarse = torch.rand(count, 1, cells, cells, generator=generator)
        frames += weight * F.interpolate(coarse, size=size, mode="bicubic")[:, 0]
    for _ in range(4):
        place = square(count, generator, (10, 70), 3)
        pitch = uniform(count, 3, 20, generator)
        stripes = torch.sin(place[..., 0] * pitch) > 0
        across = torch.sin(place[..., 1] * pitch * uniform(count, 0.3, 2, generator)) > 0
        marks = torch.rand(count, 1, 16, 40, generator=generator)
        marks = F.grid_sample(marks, place, "nearest", align_corners=False)[:, 0] > 0.4
        kind = torch.randint(0, 4, (count, 1, 1), generator=generator)
        pattern = torch.where(kind == 0, stripes, kind == 3)
        pattern = torch.where(kind == 1, stripes ^ across, pattern)
        pattern = torch.where(kind == 2, marks & across, pattern).float()
        dark, light = uniform(count, 0, 1, generator), uniform(count, 0, 1, generator)
        inside = place.abs().amax(-1) < 1
        frames = torch.where(inside, dark + (light - dark) * pattern, frames)
    return frames


def frames(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames as bytes, `[count, 1, rows, columns]`, and the share of a code in each cell."""
    images = backgrounds(count, generator)
    covered = torch.zeros_like(images)
    for chance in (0.75, 0.25):
        place = square(count, generator, CODE, 1.2)
        inside = (place.abs().amax(-1) < 1) & (uniform(count, 0, 1, generator) < chance)
        code = F.grid_sample(modules(count, generator), place, "bilinear", align_corners=False)
        dark, light = uniform(count, 0, 0.35, generator), uniform(count, 0.5, 1, generator)
        images = torch.where(inside, dark + (light - dark) * code[:, 0], images)
        covered = torch.where(inside, 1.0, covered)
    images, covered = (F.avg_pool2d(each[:, None], SCALE) for each in (images, covered))
    # Uneven light, a lens out of focus, and noise.
    light = torch.rand(count, 1, 2, 2, generator=generator) * 0.6 + 0.6
    images *= F.interpolate(light, size=(ROWS, COLUMNS), mode="bilinear", align_corners=True)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(count, 1, 1, 1, generator=generator)
    images = share * soft + (1 - share) * images
    images += 0.03 * share * torch.randn(images.shape, generator=generator)
    return (images * 255).round().clamp(0, 255).to(torch.uint8), F.avg_pool2d(covered, CELL)


def many(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    parts = [frames(BATCH, generator) for _ in range(0, count, BATCH)]
    images, shares = zip(*parts, strict=True)
    return torch.cat(images), torch.cat(shares)


def network() -> nn.Module:
    def block(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]

    return nn.Sequential(
        *block(1, 16, 2), *block(16, 24, 2), *block(24, 32, 2),
        *block(32, 32, 1), *block(32, 32, 1), *block(32, 32, 1), nn.Conv2d(32, 1, 1),
    )  # fmt: skip


def normalised(images: torch.Tensor) -> torch.Tensor:
    # The mean is a whole byte, as in the file.
    return (images.float() - round(255 * MEAN)) / (255 * DEVIATION)


def fit(
    model: nn.Module, images: torch.Tensor, shares: torch.Tensor, rate: float, steps: int
) -> None:
    """Trains a model. Quantised models read bytes, others read normalised images."""
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for step in range(1, steps + 1):
        chosen = torch.randint(0, len(images), (BATCH,))
        # Mirrored or not, in both directions: a code's mirror image is as much a code.
        axes = [axis for axis in (2, 3) if torch.rand(()) < 0.5]
        x, wanted = images[chosen].flip(axes), shares[chosen].flip(axes)
        x = x if isinstance(model, Quantised) else normalised(x)
        loss = F.binary_cross_entropy_with_logits(model(x), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    model.eval()


def overlap(found: torch.Tensor, shares: torch.Tensor) -> dict[str, float]:
    """How the cells that are found agree with those that codes cover by more than half, in percent.

    `iou` is intersection over union, `recall` the share of the covered cells that are found, and
    `precision` the share of the found cells that are covered.
    """
    wanted = shares > 0.5
    both = (found & wanted).sum()
    totals = {
        "iou": (found | wanted).sum(),
        "recall": wanted.sum(),
        "precision": found.sum(),
    }
    return {name: round(100 * float(both / total), 1) for name, total in totals.items()}


@torch.no_grad()
def quality(model: nn.Module, images: torch.Tensor, shares: torch.Tensor) -> dict[str, float]:
    x = images if isinstance(model, Quantised) else normalised(images)
    return overlap(model(x) > 0, shares)


def integer_quality(path: Path, images: torch.Tensor, shares: torch.Tensor) -> dict[str, float]:
    """The same as `quality`, for the exported integers."""
    found = []
    for image in images:
        (sums,) = simulate(path, image.permute(1, 2, 0).numpy()).values()
        found.append(torch.from_numpy(np.moveaxis(sums > 0, -1, 0)))
    return overlap(torch.stack(found), shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--steps", type=int, default=1200, help="of the float network")
    options = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    start = time.monotonic()
    images, shares = many(FRAMES, 1)
    test = many(TEST_FRAMES, 2)
    print(f"frames rendered in {time.monotonic() - start:.0f} s", flush=True)
    model = network()
    fit(model, images, shares, 1e-2, options.steps)

    common = {"mean": MEAN, "deviation": DEVIATION}
    results: dict[str, object] = {"float": quality(model, *test)}
    for bits in (8, 4):
        untrained = quantise(model, images[:48], bits=bits, keep={"first": 8}, **common)
        results[f"{bits} bits without training"] = quality(untrained, *test)
    quantised = quantise(model, images[:48], bits=4, keep={"first": 8}, **common)
    fit(quantised, images, shares, 2e-3, options.steps * 2 // 3)
    results["4 bits"] = quality(quantised, *test)

    path = options.out / "codes.safetensors"
    # The size of frames stays open. Golden vectors of a corner of two frames are enough.
    export(quantised, path, test[0][:2, :, :40, :48], fixed=False, outputs=["codes"])
    results["4 bits, exported integers"] = integer_quality(path, *test)
    results |= {"bytes": path.stat().st_size, "seconds": round(time.monotonic() - start)}
    (options.out / "codes.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
