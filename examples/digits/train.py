"""Trains a network for handwritten digits in 4 bits and exports it: `python train.py`.

The data are scikit-learn's 1,797 digits of 8 x 8 pixels. Needs `nibble-qat[torch]` and
scikit-learn. Writes `digits.safetensors` and its golden vectors beside this file, and `digits.json`
with the accuracies on a fifth of the digits that training never sees.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from nibble_qat import Quantised, export, quantise, simulate
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
#: Mean and deviation of the pixels, as shares of the largest value.
MEAN, DEVIATION = 0.305, 0.376
BATCH = 64


def data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images as bytes and labels: to train with, and to test with."""
    digits = load_digits()
    images = np.rint(digits.images[:, None] * (255 / 16)).astype(np.uint8)
    parts = train_test_split(
        images, digits.target, test_size=0.2, random_state=1, stratify=digits.target
    )
    train, test, labels, test_labels = (torch.from_numpy(part) for part in parts)
    return train, labels, test, test_labels


def network() -> nn.Module:
    def block(inputs: int, outputs: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        ]

    return nn.Sequential(
        *block(1, 16), *block(16, 32), nn.MaxPool2d(2), *block(32, 48), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(48 * 2 * 2, 10),
    )  # fmt: skip


def augmented(images: torch.Tensor) -> torch.Tensor:
    """Turned, resized and moved a little: bytes again."""
    count = len(images)
    angle, size = (torch.rand(count) - 0.5) * 0.4, 1 + (torch.rand(count) - 0.5) * 0.3
    cosine, sine = angle.cos() * size, angle.sin() * size
    move = (torch.rand(count, 2) - 0.5) * 0.4
    matrix = torch.stack(
        [
            torch.stack([cosine, -sine, move[:, 0]], 1),
            torch.stack([sine, cosine, move[:, 1]], 1),
        ],
        1,
    )
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, align_corners=False).round()


def normalised(images: torch.Tensor) -> torch.Tensor:
    # The mean is a whole byte, as in the file.
    return (images.float() - round(255 * MEAN)) / (255 * DEVIATION)


def fit(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    rate: float,
    epochs: int,
) -> None:
    """Trains a model. Those that are quantised read bytes; others, normalised images."""
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=1e-4)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            x = augmented(images[batch])
            x = x if isinstance(model, Quantised) else normalised(x)
            loss = F.cross_entropy(model(x), labels[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.eval()


def share(found: torch.Tensor, labels: torch.Tensor) -> float:
    return round(100 * float((found == labels).float().mean()), 2)


@torch.no_grad()
def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    x = images if isinstance(model, Quantised) else normalised(images)
    return share(model(x).argmax(1), labels)


def integer_accuracy(path: Path, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The accuracy of the exported integers."""
    found = []
    for image in images:
        (scores,) = simulate(path, image.permute(1, 2, 0).numpy()).values()
        found.append(int(scores.argmax()))
    return share(torch.tensor(found), labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--epochs", type=int, default=40, help="of the float network")
    options = parser.parse_args()
    torch.manual_seed(1)
    # Layers this small gain nothing from more threads.
    torch.set_num_threads(1)
    start = time.monotonic()
    train, labels, test, test_labels = data()
    model = network()
    fit(model, train, labels, 5e-3, options.epochs)

    common = {"mean": MEAN, "deviation": DEVIATION}
    results = {"float": accuracy(model, test, test_labels)}
    for bits in (8, 4):
        untrained = quantise(model, train[:256], bits=bits, keep={"first": 8}, **common)
        results[f"{bits} bits without training"] = accuracy(untrained, test, test_labels)
    quantised = quantise(model, train[:256], bits=4, keep={"first": 8}, **common)
    fit(quantised, train, labels, 5e-4, options.epochs)
    results["4 bits"] = accuracy(quantised, test, test_labels)

    path = options.out / "digits.safetensors"
    export(quantised, path, test, outputs=["scores"])
    results["4 bits, exported integers"] = integer_accuracy(path, test, test_labels)
    results |= {
        "bytes": path.stat().st_size,
        "seconds": round(time.monotonic() - start),
    }
    (options.out / "digits.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
