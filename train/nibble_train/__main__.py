"""`python -m nibble_train COMMAND`: see train/README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _train(options: argparse.Namespace) -> None:
    import copy

    import torch

    from .network import Network, QuantisedNetwork, load_archive, save_archive
    from .training import Schedule, train

    torch.set_num_threads(options.threads)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    network = Network()
    if options.start:
        load_archive(network, options.start)
    if options.stage in ("all", "float"):
        print("float", flush=True)
        # From nothing, columns come first: whole lines give no direction until glyphs are known.
        columns_until = 0.0 if options.start else 0.3
        train(network, Schedule(options.minutes * 0.45, options.rate, options.seed, columns_until=columns_until))
        save_archive(network, str(out / "f32.npz"))
    for bits, share, seed in ((4, 0.4, 100), (8, 0.15, 200)):
        if options.stage not in ("all", f"u{bits}"):
            continue
        print(f"{bits} bits", flush=True)
        teacher = copy.deepcopy(network).eval()
        quantised = QuantisedNetwork(copy.deepcopy(network), bits)
        schedule = Schedule(options.minutes * share, options.rate * 0.7, options.seed + seed, 0.75, 0.3)
        train(quantised, schedule, teacher)
        save_archive(quantised, str(out / f"u{bits}.npz"))


def _export(options: argparse.Namespace) -> None:
    from .export import export

    export(Path(options.archives), ROOT)


def _specimens(options: argparse.Namespace) -> None:
    from .specimens import bundled, many

    if options.count:
        many(Path(options.out), options.count, options.seed)
    else:
        bundled(Path(options.out))


def _evaluate(options: argparse.Namespace) -> None:
    from .evaluate import Request, default_jobs, evaluate

    jobs = options.jobs or default_jobs()
    evaluate(Request(options.lines_a_profile, Path(options.real), Path(options.models), Path(options.out), jobs))


def main() -> None:
    parser = argparse.ArgumentParser(prog="nibble_train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train float, then 4 and 8 bits; writes NumPy archives")
    train.add_argument("--out", default=str(ROOT / "train/runs/latest"))
    train.add_argument("--start", help="a NumPy archive to start from")
    train.add_argument("--stage", choices=["all", "float", "u4", "u8"], default="all")
    train.add_argument("--minutes", type=float, default=110, help="wall time of all stages")
    train.add_argument("--rate", type=float, default=2e-3)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--threads", type=int, default=1)
    train.set_defaults(run=_train)

    export = commands.add_parser("export", help="write models/ and testdata/golden/ from trained archives")
    export.add_argument("archives", help="the folder that `train` wrote")
    export.set_defaults(run=_export)

    specimens = commands.add_parser("specimens", help="render invented documents as photographs; without --count the bundled ones")
    specimens.add_argument("--count", type=int, default=0)
    specimens.add_argument("--seed", type=int, default=1)
    specimens.add_argument("--out", default=str(ROOT / "testdata/specimens"))
    specimens.set_defaults(run=_specimens)

    evaluate = commands.add_parser("evaluate", help="measure models/ and write docs/results/training.json with its plot")
    evaluate.add_argument("--lines-a-profile", type=int, default=10_000)
    evaluate.add_argument("--real", default=str(ROOT.parent / "shared/data/lines"), help="a folder of line crops with index.csv")
    evaluate.add_argument("--models", default=str(ROOT / "models"))
    evaluate.add_argument("--out", default=str(ROOT / "docs/results"))
    evaluate.add_argument("--jobs", type=int, default=0)
    evaluate.set_defaults(run=_evaluate)

    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
