"""Trains the digits' network in 4 bits twice: by nibble-qat, and by Brevitas.

Both start from the same float network and train for the same epochs on the same batches, with 8
bits in the first layer and 4 in the others, weights and activations alike. Run in an environment
with `requirements.txt` and nibble-qat: `python brevitas_digits.py`. It prints Markdown.
"""

from __future__ import annotations

import copy
import importlib.util
import inspect
import tempfile
import time
from pathlib import Path

import torch
from brevitas import nn as qnn
from brevitas.quant import (
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    ShiftedUint8ActPerTensorFloat,
    Uint8ActPerTensorFloat,
)
from torch import nn

from nibble_qat import export, quantise

HERE = Path(__file__).parent
SEEDS = (1,)
EPOCHS, RATE = 15, 5e-4


def example():
    """The training script of the digits."""
    path = HERE / "../../../examples/digits/train.py"
    spec = importlib.util.spec_from_file_location("digits_train", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


digits = example()


def by_nibble(model: nn.Module, images: torch.Tensor) -> nn.Module:
    common = {"mean": digits.MEAN, "deviation": digits.DEVIATION}
    return quantise(model, images, bits=4, keep={"first": 8}, **common)


def by_brevitas(model: nn.Module, images: torch.Tensor) -> nn.Module:
    def conv(old: nn.Conv2d, bits: int) -> nn.Module:
        return qnn.QuantConv2d(
            old.in_channels, old.out_channels, 3, padding=1, bias=False,
            weight_quant=Int8WeightPerChannelFloat, weight_bit_width=bits,
        )  # fmt: skip

    def relu(bits: int) -> nn.Module:
        return qnn.QuantReLU(
            act_quant=Uint8ActPerTensorFloat, bit_width=bits, return_quant_tensor=False
        )

    old = list(model)
    layers = [
        qnn.QuantIdentity(act_quant=ShiftedUint8ActPerTensorFloat, return_quant_tensor=False),
        conv(old[0], 8), nn.BatchNorm2d(16), relu(4),
        conv(old[3], 4), nn.BatchNorm2d(32), relu(4), nn.MaxPool2d(2),
        conv(old[7], 4), nn.BatchNorm2d(48), relu(4), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.2),
        qnn.QuantLinear(
            old[13].in_features, 10, bias=True,
            weight_quant=Int8WeightPerTensorFloat, weight_bit_width=4,
        ),
    ]  # fmt: skip
    quantised = nn.Sequential(*layers)
    for new, before in zip(layers[1:], old, strict=True):
        state = {**new.state_dict(), **before.state_dict()}
        new.load_state_dict(state, strict=False)
    # The first batches collect the statistics that the step sizes begin with.
    quantised.train()
    with torch.no_grad():
        for _ in range(20):
            quantised(digits.normalised(images))
    return quantised


def onnx_bytes(model: nn.Module, image: torch.Tensor) -> int | str:
    """Bytes of the network as Brevitas exports it for onnxruntime, or why it does not."""
    from brevitas.export import export_onnx_qcdq

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.onnx"
        try:
            export_onnx_qcdq(model, image, export_path=str(path), dynamo=False)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return path.stat().st_size


def lines(function) -> int:
    """Lines of code of a function that are neither blank nor comments."""
    text = [line.strip() for line in inspect.getsource(function).splitlines()]
    return sum(bool(line) and not line.startswith("#") for line in text)


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for seed in SEEDS:
        torch.manual_seed(seed)
        train, labels, test, test_labels = digits.data()
        model = digits.network()
        digits.fit(model, train, labels, 5e-3, EPOCHS)
        row = [seed, digits.accuracy(model, test, test_labels)]
        for make in (by_nibble, by_brevitas):
            quantised = make(copy.deepcopy(model).eval(), train[:256])
            torch.manual_seed(seed)
            begin = time.monotonic()
            digits.fit(quantised, train, labels, RATE, EPOCHS)
            seconds = time.monotonic() - begin
            row += [digits.accuracy(quantised, test, test_labels), round(seconds)]
            if seed == SEEDS[0]:
                if make is by_nibble:
                    with tempfile.TemporaryDirectory() as folder:
                        path = Path(folder) / "digits.safetensors"
                        export(quantised, path, test, outputs=["scores"])
                        sizes = [path.stat().st_size]
                else:
                    sizes.append(onnx_bytes(quantised, digits.normalised(test[:1])))
        rows.append(row)
        print(row, flush=True)
    print("\n| seed | float | nibble-qat | seconds | Brevitas | seconds |")
    print("|---|---|---|---|---|---|")
    for seed, whole, ours, our_seconds, theirs, their_seconds in rows:
        shares = f"| {seed} | {whole} % | {ours} % | {our_seconds} "
        print(f"{shares}| {theirs} % | {their_seconds} |")
    print(f"\nfile: {sizes[0]} bytes; ONNX of Brevitas: {sizes[1]}")
    print(f"lines: {lines(by_nibble)} and {lines(by_brevitas)}")


if __name__ == "__main__":
    main()
