"""Common networks by this engine and by others, natively: `cargo xtask networks` runs this.

    python networks.py make DIR      builds the networks, and converts and quantises them
    python networks.py native DIR    times them, in turn, on one thread; with --peers tract and rten
    python networks.py write DIR     prints the page of `docs/results/networks.md`

The weights are random: they decide nothing about time. `networks.mjs` times the same files in
Chromium.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "train/nibble_qat/src"), str(ROOT / "train/nibble_qat/tests")]

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnx_models as models  # noqa: E402
import onnxruntime  # noqa: E402
from nibble_qat.command import main as nibble_qat  # noqa: E402
from onnxruntime.quantization import (  # noqa: E402
    CalibrationDataReader,
    QuantFormat,
    quant_pre_process,
    quantize_static,
)

MEAN, DEVIATION = 0.5, 0.25
IMAGES = 4
ROUNDS = 15
#: Runs of a peer in a round, of which the quickest counts: interrupted ones say nothing.
RUNS = 12
#: The program of `peers/`, which runs ONNX networks by tract and rten.
PEERS = ROOT / "target/peers/release/nibble-peers"
#: How far a peer's outputs may be from those of onnxruntime, as a share of the largest: in single
#: precision, and in int8, where roundings differ.
FAR = {"f32": 1e-3, "int8": 0.1}
INSTRUCTIONS = {"avx2": "AVX2", "sse41": "SSE4.1", "": "all"}


def reader() -> onnx.ModelProto:
    """The network that reads lines of documents, as `models/ocr-f32.safetensors` describes it."""
    file = (ROOT / "models/ocr-f32.safetensors").read_bytes()
    length = int.from_bytes(file[:8], "little")
    described = json.loads(json.loads(file[8 : 8 + length])["__metadata__"]["network"])
    b = models.Builder(1, described["input"]["height"], 640)
    x = "image"
    for layer in described["layers"]:
        pads = layer["padding"] * 2
        weight = b.random.normal(
            0,
            (2 / (layer["in"] * np.prod(layer["kernel"]))) ** 0.5,
            (layer["out"], layer["in"], *layer["kernel"]),
        )
        x = b.node(
            "Conv",
            [x, b.constant(weight)],
            layer["out"],
            kernel_shape=layer["kernel"],
            strides=layer["stride"],
            pads=pads,
        )
        if layer is not described["layers"][-1]:
            x = b.node("Relu", [x])
    return b.model(x)


NETWORKS = {
    "ResNet-8, 32 x 32": models.resnet8,
    "U-Net-like, 96 x 96": lambda: models.unet(96),
    "MobileNet-V2-like 0.35, 96 x 96": lambda: models.mobilenet(96),
    "the reader, 24 x 640": reader,
}


def short(name: str) -> str:
    return name.split(",")[0].split()[-1 if name.startswith("the") else 0].lower()


def make(folder: Path) -> None:
    random = np.random.default_rng(3)
    described = []
    for name, build in NETWORKS.items():
        model, stem = build(), short(name)
        dims = model.graph.input[0].type.tensor_type.shape.dim
        _, channels, height, width = (dim.dim_value for dim in dims)
        images = folder / stem
        images.mkdir(parents=True, exist_ok=True)
        coarse = random.integers(0, 256, (IMAGES, height // 4, width // 4, channels), np.uint8)
        pictures = coarse.repeat(4, 1).repeat(4, 2)
        for at, picture in enumerate(pictures):
            np.save(images / f"{at}.npy", picture)
        path = folder / f"{stem}.onnx"
        onnx.save(model, path)
        for bits, keep in ((32, []), (8, []), (4, ["--keep", "first=8"])):
            arguments = ["convert", str(path), "--calibrate", str(images), "--bits", str(bits)]
            arguments += ["--mean", str(MEAN), "--deviation", str(DEVIATION), *keep]
            with redirect_stdout(StringIO()):
                failed = nibble_qat(
                    [*arguments, "--out", str(folder / f"{stem}-{bits}.safetensors")]
                )
            assert not failed, name
        inputs = [
            (((picture - np.rint(255 * MEAN)) / (255 * DEVIATION)).astype(np.float32))
            .transpose(2, 0, 1)[None]
            for picture in pictures
        ]  # fmt: skip
        folded = folder / f"{stem}-folded.onnx"
        quant_pre_process(path, folded, skip_symbolic_shape=True)
        quantize_static(
            folded, folder / f"{stem}-int8.onnx", Images(inputs), QuantFormat.QDQ, per_channel=True
        )
        macs = sum(count(node, model) for node in model.graph.node)
        described.append(
            {"name": name, "file": stem, "size": [height, width, channels], "macs": macs}
        )
    (folder / "networks.json").write_text(json.dumps(described))


class Images(CalibrationDataReader):
    def __init__(self, inputs):
        self.left = [{"image": image} for image in inputs]

    def get_next(self):
        return self.left.pop() if self.left else None


def count(node: onnx.NodeProto, model: onnx.ModelProto) -> int:
    """Multiply-adds of a node."""
    constants = {c.name: list(c.dims) for c in model.graph.initializer}
    if node.op_type == "Gemm":
        return int(np.prod(constants[node.input[1]]))
    if node.op_type != "Conv":
        return 0
    infos = {i.name: i for i in [*model.graph.value_info, *model.graph.output]}
    shape = [dim.dim_value for dim in infos[node.output[0]].type.tensor_type.shape.dim]
    return int(np.prod(shape[2:]) * np.prod(constants[node.input[1]]))


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def by_peer(engine: str, path: Path, image: np.ndarray, values: Path) -> tuple[float, np.ndarray]:
    """Milliseconds of the quickest run by tract or rten, and its first output."""
    image.astype("<f4").tofile(values)
    command = [str(PEERS), engine, str(path), str(values), str(RUNS), *map(str, image.shape)]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode:
        reason = found.stderr.strip().splitlines() or ["it ended without a word"]
        raise RuntimeError(reason[0])
    ms, *output = found.stdout.split()
    return float(ms), np.array([float(value) for value in output])


def able_peers(folder: Path, network: dict, sessions: dict, image: np.ndarray) -> dict[str, str]:
    """The reason why each of the peers cannot run a network; empty where it can, and agrees."""
    reasons = {}
    for engine in ("tract", "rten"):
        for kind, end in (("f32", ""), ("int8", "-int8")):
            path = folder / f"{network['file']}{end}.onnx"
            wanted = sessions[f"onnxruntime {kind}"].run(None, {"image": image})[0].ravel()
            try:
                _, output = by_peer(engine, path, image, folder / "image.f32")
            except RuntimeError as error:
                reasons[f"{engine} {kind}"] = str(error)
                continue
            far = np.abs(output - wanted).max() / np.abs(wanted).max()
            reasons[f"{engine} {kind}"] = "" if far < FAR[kind] else f"its output is {far:.2f} off"
    return reasons


def own(folder: Path, network: dict, isa: str) -> dict[str, float]:
    """Milliseconds of one run by `native-bench`, at each precision."""
    command = [str(ROOT / "target/release/native-bench"), "network", "--json", "--repeats", "3"]
    command += ["--isa", isa, "--model", str(folder / f"{network['file']}-4.safetensors")]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    name = INSTRUCTIONS[isa]
    return {
        f"{name} {row['precision']}": row["ns"] / 1e6
        for row in report["rows"]
        if row["op"].endswith(" total")
    }


def native(folder: Path, others_run: bool) -> None:
    networks = json.loads((folder / "networks.json").read_text())
    found, unable = {}, {}
    for network in networks:
        peers = {
            "onnxruntime f32": session(folder / f"{network['file']}.onnx"),
            "onnxruntime int8": session(folder / f"{network['file']}-int8.onnx"),
        }
        height, width, channels = network["size"]
        image = {"image": np.random.default_rng(1).normal(0, 1, (1, channels, height, width))}
        image = {"image": image["image"].astype(np.float32)}
        reasons = able_peers(folder, network, peers, image["image"]) if others_run else {}
        unable[network["file"]] = {name: reason for name, reason in reasons.items() if reason}
        times: dict[str, list[float]] = {}
        for peer in peers.values():
            for _ in range(20):
                peer.run(None, image)
        for _ in range(ROUNDS):
            for isa in INSTRUCTIONS:
                for name, ms in own(folder, network, isa).items():
                    times.setdefault(name, []).append(ms)
            for name, peer in peers.items():
                best = 1e9
                for _ in range(RUNS):
                    start = time.perf_counter()
                    peer.run(None, image)
                    best = min(best, time.perf_counter() - start)
                times.setdefault(name, []).append(1e3 * best)
            for name in (name for name, reason in reasons.items() if not reason):
                engine, kind = name.split()
                path = folder / f"{network['file']}{'' if kind == 'f32' else '-int8'}.onnx"
                ms, _ = by_peer(engine, path, image["image"], folder / "image.f32")
                times.setdefault(name, []).append(ms)
        found[network["file"]] = times
        print(network["name"], {name: round(statistics.median(t), 3) for name, t in times.items()})
    lock = (ROOT / "peers/Cargo.lock").read_text()
    versions = {
        name: lock.split(f'name = "{name}"\nversion = "')[1].split('"')[0]
        for name in ("tract-onnx", "rten")
    }
    report = {"times": found, "unable": unable, "peers": versions if others_run else {}}
    report |= {"version": onnxruntime.__version__, "load": os.getloadavg()[0]}
    (folder / "native.json").write_text(json.dumps(report))


def ratio(times: dict[str, list[float]], slower: str, faster: str) -> str:
    """The median of the ratios within each round."""
    pairs = zip(times[slower], times[faster], strict=True)
    return f"{statistics.median(a / b for a, b in pairs):.2f}"


def section(title: str, networks, found, sets: dict[str, str], peers: list[str]) -> list[str]:
    """A table: what 4 bits gain against our own precisions and against each peer."""
    heads = ["network", "instructions", "4 bits", "our 8 bits", "our f32", *peers]
    lines = [f"## {title}", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for network in networks:
        times = found["times"][network["file"]]
        for key, label in sets.items():
            four = f"{key} u4"
            cells = [network["name"], label, f"{statistics.median(times[four]):.3f} ms"]
            cells += [ratio(times, f"{key} {kind}", four) for kind in ("u8", "f32")]
            cells += [ratio(times, peer, four) if peer in times else "-" for peer in peers]
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def others(networks, here) -> list[str]:
    """What is to say about tract and rten."""
    if not here["peers"]:
        return ["tract and rten were not asked: `cargo xtask networks --peers` runs them, too."]
    versions = " and ".join(f"{name} {version}" for name, version in here["peers"].items())
    lines = [f"{versions} (crates.io) run the same ONNX files, int8 as well, with all instructions"]
    lines += ["that they find. Their outputs must be those of onnxruntime."]
    for network in networks:
        for name, reason in here["unable"][network["file"]].items():
            lines.append(f"{name} is left out for {network['name']}: {reason}.")
    return lines


def page(folder: Path) -> str:
    networks = json.loads((folder / "networks.json").read_text())
    here, there = (json.loads((folder / f"{n}.json").read_text()) for n in ("native", "chromium"))
    names = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    cpu = names[0].split(":")[1].strip() if names else "?"
    lines = [
        "# Common networks in 4 bits",
        "",
        f"Written by `cargo xtask networks {'--peers ' if here['peers'] else ''}--write`. One thread;",
        "the networks take turns, and each figure is the median of the ratios within a round. A ratio",
        "above 1 means that 4 bits are quicker, one below 1 that they are slower. The first layer of a",
        "4-bit network has 8 bits.",
        "Weights are random; how accurate networks are in 4 bits is told by",
        "[own-network.md](../own-network.md).",
        "",
        f"CPU: {cpu}. Load of the machine at the end of the native runs: {here['load']:.1f}, and of",
        f"those in Chromium: {there['load']:.1f}. Where it is above 2, other work shared the machine:",
        "take the ratios, not the times.",
        "",
        "| network | multiply-adds | f32 | 8 bits | 4 bits |",
        "|---|---|---|---|---|",
    ]
    for network in networks:
        files = [folder / f"{network['file']}-{bits}.safetensors" for bits in (32, 8, 4)]
        sizes = [f"{file.stat().st_size / 1000:.0f} KB" for file in files]
        millions = f"{network['macs'] / 1e6:.1f} million"
        lines.append(f"| {' | '.join([network['name'], millions, *sizes])} |")
    lines.append("")
    peers = ["onnxruntime f32", "onnxruntime int8"]
    sets = {"SSE4.1": "SSE4.1", "AVX2": "AVX2", "all": "all that we use"}
    if here["peers"]:
        peers += [f"{engine} {kind}" for engine in ("tract", "rten") for kind in ("f32", "int8")]
    lines += section("Native", networks, here, sets, peers)
    lines += [
        f"onnxruntime {here['version']} from PyPI uses all instructions that the CPU has, AVX-512,",
        "VNNI and AMX where they are. Its int8 networks are its own QDQ quantisation, per channel.",
        '"All that we use" has VNNI where the CPU has it. Only convolutions of three taps, two outputs',
        "of which 4 bits compute at a time, are then quicker than in 8 bits.",
        *others(networks, here),
        "",
    ]
    peers = ["onnxruntime-web f32", "onnxruntime-web int8"]
    sets = {"simd128": "simd128", "relaxed": "relaxed"}
    lines += section(f"Chromium {there['browser']}", networks, there, sets, peers)
    lines += [f"onnxruntime-web {there['version']}, its WebAssembly with SIMD.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    verb, place = sys.argv[1], Path(sys.argv[2]).resolve()
    if verb == "write":
        sys.stdout.write(page(place))
    else:
        make(place) if verb == "make" else native(place, "--peers" in sys.argv[3:])
