"""The record of a run: what it did, with what, and how it went."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

import cv2
import numpy as np
import torch

from .recipe import Recipe

NAME = "manifest.json"


def _commit() -> str:
    """The commit that runs, with a `+` if files differ from it; empty outside a checkout."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "HEAD")
        return commit + ("+" if commit and git("status", "--porcelain", "-uno", ".") else "")
    except OSError:
        return ""


def surroundings(device: torch.device, loss: str) -> dict:
    """Software and hardware that decide bits beside the recipe."""
    on_gpu = device.type == "cuda"
    return {
        "commit": _commit() or os.environ.get("NIBBLE_COMMIT", ""),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "cuda": torch.version.cuda if on_gpu else None,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
        "threads": torch.get_num_threads(),
        "ctc": loss,
    }


def write(out: Path, recipe: Recipe, about: dict, progress: dict, curves: list[dict]) -> None:
    """Writes the manifest; a reader never sees half of one."""
    value = {"recipe": recipe.to_json(), "about": about, "progress": progress, "curves": curves}
    partial = out / (NAME + ".part")
    partial.write_text(json.dumps(value, indent=1) + "\n")
    partial.replace(out / NAME)


def recipe_of(path: Path) -> Recipe:
    """The recipe of a manifest."""
    return Recipe.from_json(json.loads(path.read_text())["recipe"])
