"""`python -m nibble_train COMMAND`: see train/README.md."""

from __future__ import annotations

import argparse
import os
import shutil
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _train(options: argparse.Namespace) -> bool:
    """Trains; `False` if the run was cut."""
    import torch

    from . import checkpoint, deadline, manifest, report
    from .recipe import Recipe
    from .training import Run, Training, deterministic

    deterministic()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    recipe = manifest.recipe_of(Path(options.recipe)) if options.recipe else Recipe()
    names = ("seed", "batch", "pool", "warm", "rate")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    recipe = replace(recipe, **given)
    for index, steps in enumerate(options.steps or []):
        recipe = recipe.with_phase(index, steps=steps, stop=-1)
    run = Run(
        Path(options.out),
        device,
        options.jobs or max(1, (os.cpu_count() or 1) - 1),
        options.every,
        options.validated,
        not options.no_graphs,
    )
    training = Training(recipe, run)
    training.check, training.save = report.check, checkpoint.save
    goes_on = checkpoint.load(training)
    if goes_on:
        print(f"goes on at step {training.all_steps()}", flush=True)
    if options.deadline:
        plan = deadline.Deadline(options.deadline)
        training.plan = plan
        if goes_on:
            plan.go_on(training)
    return training.go()


def _export(options: argparse.Namespace) -> None:
    from .export import export

    export(Path(options.archives), ROOT)


def _make(options: argparse.Namespace) -> None:
    """Everything that is committed of a training."""
    archives, results = Path(options.out), Path(options.results)
    if not options.trained and not _train(options):
        raise SystemExit("the run was cut: the same command goes on")
    _export(argparse.Namespace(archives=archives))
    shutil.copy(archives / "manifest.json", results / "training-run.json")
    shutil.copy(archives / "curves.svg", results / "training-curves.svg")
    _evaluate(argparse.Namespace(**{**vars(options), "out": results, "jobs": 0}))


def _specimens(options: argparse.Namespace) -> None:
    from .specimens import bundled, many

    if options.count:
        many(Path(options.out), options.count, options.seed)
    else:
        bundled(Path(options.out))


def _names(options: argparse.Namespace) -> None:
    from .names import write

    write(Path(options.out))


def _evaluate(options: argparse.Namespace) -> None:
    from .evaluate import Request, default_jobs, evaluate

    jobs = options.jobs or default_jobs()
    evaluate(
        Request(
            options.lines_a_profile,
            Path(options.real),
            Path(options.models),
            Path(options.out),
            jobs,
        )
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    """The options of a training."""
    parser.add_argument("--out", default=str(ROOT / "train/runs/latest"))
    parser.add_argument("--recipe", help="repeat the run of this manifest")
    parser.add_argument(
        "--steps",
        type=int,
        nargs=4,
        metavar=("COLUMNS", "LINES", "QUANTISED", "FROZEN"),
        help="of the four phases",
    )
    parser.add_argument("--seed", type=int)
    parser.add_argument("--batch", type=int, help="strips a step")
    parser.add_argument("--pool", type=int, help="strips kept, a multiple of 64")
    parser.add_argument("--warm", type=int, help="chunks of 64 strips before the first step")
    parser.add_argument("--rate", type=float, help="of the float network")
    parser.add_argument(
        "--deadline",
        type=float,
        help="seconds: set the numbers of steps by what the machine does at first",
    )
    parser.add_argument("--device", help="cuda where there is one, else cpu")
    parser.add_argument("--jobs", type=int, help="processes that make strips")
    parser.add_argument("--every", type=float, default=180, help="seconds between checkpoints")
    parser.add_argument("--validated", type=int, default=400, help="strips a profile")
    parser.add_argument("--threads", type=int, default=1, help="of torch; changes the last bits")
    parser.add_argument("--no-graphs", action="store_true", help="record no CUDA graphs")


def _add_evaluation(parser: argparse.ArgumentParser) -> None:
    """The options of an evaluation."""
    parser.add_argument("--lines-a-profile", type=int, default=10_000)
    parser.add_argument(
        "--real",
        default=str(ROOT.parent / "shared/data/lines"),
        help="a folder of line crops with index.csv",
    )
    parser.add_argument("--models", default=str(ROOT / "models"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="nibble_train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser(
        "train",
        help="train float, then 4 and 8 bits; goes on where a run was cut off",
    )
    _add_training(train)
    train.set_defaults(run=_train)

    make = commands.add_parser(
        "make", help="train, export, evaluate: writes everything that is committed of a training"
    )
    _add_training(make)
    _add_evaluation(make)
    make.add_argument("--trained", action="store_true", help="the archives in --out are complete")
    make.add_argument("--results", default=str(ROOT / "docs/results"))
    make.set_defaults(run=_make)

    export = commands.add_parser(
        "export", help="write models/ and testdata/golden/ from trained archives"
    )
    export.add_argument("archives", help="the folder that `train` wrote")
    export.set_defaults(run=_export)

    specimens = commands.add_parser(
        "specimens",
        help="render invented documents as photographs; without --count the bundled ones",
    )
    specimens.add_argument("--count", type=int, default=0)
    specimens.add_argument("--seed", type=int, default=1)
    specimens.add_argument("--out", default=str(ROOT / "testdata/specimens"))
    specimens.set_defaults(run=_specimens)

    names = commands.add_parser("names", help="write the table of letters in names")
    names.add_argument("--out", default=str(ROOT / "reader/src/decode/names.bin"))
    names.set_defaults(run=_names)

    evaluate = commands.add_parser(
        "evaluate", help="measure models/ and write docs/results/training.json with its plot"
    )
    _add_evaluation(evaluate)
    evaluate.add_argument("--out", default=str(ROOT / "docs/results"))
    evaluate.add_argument("--jobs", type=int, default=0)
    evaluate.set_defaults(run=_evaluate)

    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
