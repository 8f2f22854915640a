"""`python -m nibble_train COMMAND`: see train/README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _train(options: argparse.Namespace) -> None:
    import copy

    import torch

    from . import model_file, unfold
    from .network import Network, QuantisedNetwork, load_archive, save_archive
    from .training import Pool, Schedule, train

    torch.set_num_threads(options.threads)
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    network, known = Network(), {}
    if options.start and Path(options.start).is_dir():
        # Model files: every precision goes on from its own.
        strips = Pool.sample(options.seed)
        files = {
            name: model_file.load(str(Path(options.start) / f"ocr-{name}.safetensors"))
            for name in ("f32", "u8", "u4")
        }
        network = unfold.float_network(files["f32"], strips)
        known = {bits: unfold.quantised_network(files[f"u{bits}"], strips) for bits in (4, 8)}
    elif options.start:
        load_archive(network, options.start)
    if options.stage in ("all", "float"):
        print("float", flush=True)
        # From nothing, columns come first: whole lines give no direction until glyphs are known.
        columns_until = 0.0 if options.start else 0.3
        minutes = options.minutes * (0.45 if options.stage == "all" else 1)
        train(network, Schedule(minutes, options.rate, options.seed, columns_until=columns_until))
        save_archive(network, str(out / "f32.npz"))
    for bits, share, seed in ((4, 0.4, 100), (8, 0.15, 200)):
        if options.stage not in ("all", f"u{bits}"):
            continue
        print(f"{bits} bits", flush=True)
        teacher = copy.deepcopy(network).eval()
        quantised = known.get(bits) or QuantisedNetwork(copy.deepcopy(network), bits)
        minutes = options.minutes * (share if options.stage == "all" else 1)
        schedule = Schedule(minutes, options.rate * 0.7, options.seed + seed, 0.75, options.distil)
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
    evaluate(
        Request(
            options.lines_a_profile,
            Path(options.real),
            Path(options.models),
            Path(options.out),
            jobs,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="nibble_train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    train = commands.add_parser(
        "train", help="train float, then 4 and 8 bits; writes NumPy archives"
    )
    train.add_argument("--out", default=str(ROOT / "train/runs/latest"))
    train.add_argument(
        "--start",
        help="where to start from: a NumPy archive of the float network, or a folder of models",
    )
    train.add_argument("--stage", choices=["all", "float", "u4", "u8"], default="all")
    train.add_argument(
        "--minutes",
        type=float,
        default=110,
        help="wall time of all stages, or of the one that is named",
    )
    train.add_argument(
        "--distil",
        type=float,
        default=1.0,
        help="weight of the divergence from the float network in the loss of an integer one",
    )
    train.add_argument("--rate", type=float, default=2e-3)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--threads", type=int, default=1)
    train.set_defaults(run=_train)

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

    evaluate = commands.add_parser(
        "evaluate", help="measure models/ and write docs/results/training.json with its plot"
    )
    evaluate.add_argument("--lines-a-profile", type=int, default=10_000)
    evaluate.add_argument(
        "--real",
        default=str(ROOT.parent / "shared/data/lines"),
        help="a folder of line crops with index.csv",
    )
    evaluate.add_argument("--models", default=str(ROOT / "models"))
    evaluate.add_argument("--out", default=str(ROOT / "docs/results"))
    evaluate.add_argument("--jobs", type=int, default=0)
    evaluate.set_defaults(run=_evaluate)

    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
