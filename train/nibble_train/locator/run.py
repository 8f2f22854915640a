"""A whole training: float, then 4 and 8 bits from there; logs, archives, checkpoint, manifest."""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import subprocess
import time
from pathlib import Path

import numpy as np
import torch

from .chunks import Pool, Producers
from .frames import CHUNK
from .inks import Fonts
from .network import Network, QuantisedNetwork
from .training import Stage, Supply, train
from .validate import held_out, quality

#: Stages, their bits and their shares of a deadline.
STAGES = (("f32", 32, 0.38), ("u4", 4, 0.47), ("u8", 8, 0.15))

#: Seconds of a deadline kept for validation and archives.
RESERVE = 12

#: Learning rate of the quantised stages over that of the float one.
QUANTISED_RATE = 0.6


def _manifest(options: argparse.Namespace, device: torch.device) -> dict:
    import cv2

    run = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    cuda = device.type == "cuda"
    return {
        "options": {k: v for k, v in vars(options).items() if k != "run"},
        "commit": run.stdout.strip() or None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "device": torch.cuda.get_device_name(device) if cuda else platform.machine(),
        "stages": {},
    }


def save_archive(network: torch.nn.Module, path: Path) -> None:
    """Writes the state dict as a NumPy archive, whole or not at all."""
    temporary = path.with_suffix(".part.npz")
    state = {k: v.detach().cpu().numpy() for k, v in network.state_dict().items()}
    np.savez_compressed(temporary, **state)
    temporary.rename(path)


def load_archive(network: torch.nn.Module, path: Path) -> None:
    """Reads what `save_archive` wrote."""
    with np.load(path) as archive:
        state = {name: torch.from_numpy(archive[name]) for name in archive.files}
    network.load_state_dict(state)


def _settings(threads: int, seed: int) -> None:
    """The same weights from two runs on one machine."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(seed)


def run(options: argparse.Namespace) -> None:
    """Runs what `python -m nibble_train.locator train` was asked for."""
    begin = time.monotonic()
    _settings(options.threads, options.seed)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    manifest = _manifest(options, device)

    def tell(text: str) -> None:
        line = f"{time.monotonic() - begin:6.0f} s  {text}"
        print(line, flush=True)
        with open(out / "log.txt", "a") as log:
            log.write(line + "\n")

    folder = Path(options.chunks or out / "chunks")
    producers = Producers(options.seed, folder, options.fonts, options.producers, options.limit)
    fixed = held_out(options.seed, options.validation, Fonts(options.fonts))
    pool = Pool(options.limit, device)
    supply = Supply(producers, pool, options.limit, options.warm, options.fresh, options.fresh_from)
    tell(f"{device}, {len(fixed)} chunks held out, {producers.rate():.2f} chunks a second")
    checkpoint = out / "checkpoint.pt"
    resume = torch.load(checkpoint, map_location=device) if options.resume else None
    asked = {name: getattr(options, f"steps_{name}") for name, _, _ in STAGES}
    base = Network().to(device)
    for number, (name, bits, share) in enumerate(STAGES):
        if asked[name] == 0:
            continue
        network = base if bits == 32 else QuantisedNetwork(copy.deepcopy(base), bits).to(device)
        if resume and name != resume["stage"]:  # a stage that was finished before
            load_archive(network, out / f"{name}.npz")
            base = network if bits == 32 else base
            continue
        stage = Stage(
            name,
            bits,
            options.rate * (1.0 if bits == 32 else QUANTISED_RATE),
            options.seed * 10 + number,
            options.batch,
            asked[name],
        )
        start, resume = resume, None
        if start:
            stage.steps, supply.steps = start["steps"], start["base"]
            supply.fresh, supply.fresh_from = start["fresh"], start["fresh_from"]
        elif stage.steps is None:
            left = options.deadline - RESERVE - (time.monotonic() - begin)
            rest = sum(s for n, _, s in STAGES[number:] if asked[n] is None)
            stage.seconds = left * share / rest

        def report(text, average, state, name=name):
            tell(text)
            if average is not None:
                save_archive(average, out / f"{name}.npz")
                torch.save(state(), checkpoint)
                figures = quality(average, fixed[: options.glance], device)
                tell(f"{name} {json.dumps(figures)}")

        average = train(network, stage, supply, report, options.every, start)
        base = average if bits == 32 else base
        figures = quality(average, fixed, device)
        tell(f"{name} held out {json.dumps(figures)}")
        manifest["stages"][name] = {"steps": stage.steps, "figures": figures}
        manifest |= {"fresh": supply.fresh, "fresh_from": supply.fresh_from}
        manifest["frames"] = supply.pool.chunks * CHUNK
        (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    producers.stop()
