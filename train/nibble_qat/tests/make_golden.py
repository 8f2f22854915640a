"""Writes the exported network of `testdata/golden/graphs`, which the engine is checked with:
`python make_golden.py`. The file depends on the version of PyTorch; the check does not.
"""

from pathlib import Path

from qat_models import DEVIATIONS, MEANS, images, residual

from nibble_qat import export, quantise

FOLDER = Path(__file__).parents[3] / "testdata" / "golden" / "graphs"

if __name__ == "__main__":
    batch = images()
    keep = {"first": 8, "mask": 8}
    quantised = quantise(residual(), batch, keep=keep, mean=MEANS, deviation=DEVIATIONS)
    export(quantised, FOLDER / "exported.safetensors", batch, fixed=False)
