"""Whole runs of a few steps: they repeat bit for bit, also in pieces."""

from dataclasses import replace

import numpy as np
from required import package

torch = package("torch", "TORCH")

from nibble_train import checkpoint, manifest, report  # noqa: E402
from nibble_train.export import export  # noqa: E402
from nibble_train.recipe import Phase, Recipe  # noqa: E402
from nibble_train.training import Run, Training, deterministic  # noqa: E402

RECIPE = Recipe(
    seed=3,
    batch=2,
    pool=192,
    warm=2,
    norm_batches=2,
    phases=(
        Phase("columns", 34, 1.0),
        Phase("lines", 20, 0.5),
        Phase("quantised", 34, 1.5),
        Phase("frozen", 10, 0.5),
    ),
)
#: Steps of `RECIPE` that lie in each of its phases.
CUTS = (20, 50, 70, 95)


def trained(out, recipe=RECIPE, jobs=1, cut=None):
    """Runs or goes on; the archives' content."""
    deterministic()
    torch.set_num_threads(1)
    run = Run(out, torch.device("cpu"), jobs, 1e9, 4, cut=cut, say=lambda _: None)
    training = Training(recipe, run)
    training.check, training.save = report.check, checkpoint.save
    checkpoint.load(training)
    if not training.go():
        return None
    return {name: dict(np.load(out / f"{name}.npz")) for name in ("f32", "u4", "u8")}


def same(one, other) -> bool:
    return all(
        np.array_equal(value, other[name][key])
        for name, archive in one.items()
        for key, value in archive.items()
    )


def test_runs_repeat_and_can_be_cut(tmp_path):
    whole = trained(tmp_path / "whole")
    for cut in CUTS:
        assert trained(tmp_path / "pieces", jobs=2, cut=cut) is None
    assert same(whole, trained(tmp_path / "pieces"))
    assert manifest.recipe_of(tmp_path / "whole/manifest.json") == RECIPE
    assert not same(whole, trained(tmp_path / "other", replace(RECIPE, seed=4)))
    export(tmp_path / "whole", tmp_path / "root")
    assert len(list((tmp_path / "root/models").iterdir())) == 3
