"""`python -m nibble_train.locator COMMAND`: see train/README.md."""

from __future__ import annotations

import argparse


def _train(options: argparse.Namespace) -> None:
    from .run import run

    run(options)


def _sheet(options: argparse.Namespace) -> None:
    from .inks import Fonts
    from .sheet import sheet

    sheet(options.out, options.seed, options.first, options.count, Fonts(options.fonts))


def _export(options: argparse.Namespace) -> None:
    from pathlib import Path

    import torch

    from .export import export
    from .frames import chunk
    from .inks import Fonts
    from .normalise import codes

    images, zones = chunk(options.seed, 0, Fonts(options.fonts))
    frame = images[int((zones[:, 0, 6] > 0).argmax())][:61, :103]
    root = Path(__file__).resolve().parents[3]
    export(Path(options.archive), frame, codes(torch.from_numpy(frame[None]))[0].numpy(), root)


def main() -> None:
    parser = argparse.ArgumentParser(prog="nibble_train.locator")
    commands = parser.add_subparsers(required=True)
    t = commands.add_parser("train", help="float, then 4 and 8 bits")
    t.add_argument("--out", default="runs/locator")
    t.add_argument("--chunks", help="folder for frames on their way (default: OUT/chunks)")
    t.add_argument("--fonts", help="folder of fonts (default: NIBBLE_FONTS, or the system's)")
    t.add_argument("--seed", type=int, default=1)
    t.add_argument("--device")
    t.add_argument("--threads", type=int, default=1)
    t.add_argument("--producers", type=int, default=1, help="processes that make frames")
    t.add_argument("--limit", type=int, default=400, help="chunks of 64 frames at most")
    t.add_argument("--warm", type=int, default=12, help="chunks before the first step")
    t.add_argument("--fresh", type=float, help="chunks a step from then on (default: measured)")
    t.add_argument("--fresh-from", type=int, default=0, help="the step from which on")
    t.add_argument("--batch", type=int, default=32)
    t.add_argument("--rate", type=float, default=4e-3)
    t.add_argument("--steps-f32", type=int)
    t.add_argument("--steps-u4", type=int)
    t.add_argument("--steps-u8", type=int)
    t.add_argument("--deadline", type=float, default=3600, help="seconds; sets steps not given")
    t.add_argument("--every", type=float, default=60, help="seconds between checkpoints")
    t.add_argument("--validation", type=int, default=24, help="chunks held out")
    t.add_argument("--glance", type=int, default=4, help="of these, those looked at on the way")
    t.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    t.set_defaults(run=_train)
    s = commands.add_parser("sheet", help="a picture of frames with their zones")
    s.add_argument("out")
    s.add_argument("--seed", type=int, default=1)
    s.add_argument("--first", type=int, default=0)
    s.add_argument("--count", type=int, default=8)
    s.add_argument("--fonts")
    s.set_defaults(run=_sheet)
    e = commands.add_parser("export", help="model file and golden vectors from an archive")
    e.add_argument("archive", help="u4.npz of a training")
    e.add_argument("--seed", type=int, default=7)
    e.add_argument("--fonts")
    e.set_defaults(run=_export)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
