"""How good the proposals are, on frames that nothing was trained on."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from .augment import prepared
from .frames import chunk
from .inks import Fonts
from .proposals import Proposal, proposals
from .targets import loss, targets

#: Added to the seed of the training.
SEED_OFFSET = 1_000_000


def held_out(seed: int, count: int, fonts: Fonts) -> list[tuple[np.ndarray, np.ndarray]]:
    """Chunks for validation."""
    return [chunk(seed + SEED_OFFSET, index, fonts) for index in range(count)]


def right(f: Proposal, zone: np.ndarray) -> bool:
    """Whether a proposal's centre lies in the zone, its angle within 8 degrees and its length
    within 0.75 to 1.35.
    """
    a, b, half = zone[0:2], zone[2:4], max(zone[4], zone[5])
    d, e = b - a, f.b - f.a
    la, le = np.linalg.norm(d), np.linalg.norm(e)
    d, e = d / la, e / le
    angle = math.degrees(math.acos(min(1.0, abs(float(d @ e)))))
    m = (f.a + f.b) / 2 - (a + b) / 2
    inside = abs(d @ m) < la / 2 and abs(d[0] * m[1] - d[1] * m[0]) < half
    return bool(inside and angle <= 8 and 0.75 <= le / la <= 1.35)


def answers(network: nn.Module, images: np.ndarray, device: torch.device) -> np.ndarray:
    """The network's maps for gray pictures `[n, rows, columns]` of one size."""
    network.eval()
    with torch.no_grad():
        x, _ = prepared(torch.from_numpy(images).to(device), torch.zeros(1), None)
        return network(x).cpu().numpy()


def quality(network: nn.Module, chunks: list, device: torch.device) -> dict:
    """Loss; share of zones that the first and one of the first two proposals find; which of these
    are the right way up; proposals above 0.6 a frame without a zone.
    """
    totals, zones, first, second, upright, empty, false = [], 0, 0, 0, 0, 0, 0
    large = [0, 0]
    for images, places in chunks:
        out = answers(network, images, device)
        wanted = targets(torch.from_numpy(places), *out.shape[2:])
        totals.append(loss(torch.from_numpy(out), wanted)[0].item())
        for maps, here in zip(out, places, strict=True):
            found = proposals(maps)
            here = here[here[:, 6] > 0]
            if not len(here):
                empty += 1
                false += sum(f.score > 0.6 for f in found)
            for zone in here:
                hits = [right(f, zone) for f in found[: len(here) + 1]]
                zones += 1
                first += any(hits[: len(here)])
                second += any(hits)
                share = np.linalg.norm(zone[2:4] - zone[0:2]) / max(images.shape[1:])
                large[0] += share > 0.8
                large[1] += share > 0.8 and any(hits)
                if any(hits):
                    f = found[hits.index(True)]
                    upright += float((f.b - f.a) @ (zone[2:4] - zone[0:2])) > 0
    return {
        "loss": round(float(np.mean(totals)), 4),
        "zones": zones,
        "first": round(first / zones, 4),
        "first two": round(second / zones, 4),
        "first two, zone above 0.8 of the frame": round(large[1] / max(1, large[0]), 4),
        "upright": round(upright / max(1, second), 4),
        "false a frame": round(false / max(1, empty), 4),
    }
