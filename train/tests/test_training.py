"""A few steps of training where torch is present."""

import numpy as np
import pytest
from required import package

torch = package("torch", "TORCH")

from nibble_train.ctc import torch_ctc  # noqa: E402
from nibble_train.export import float_model, float_run, quantised_model  # noqa: E402
from nibble_train.integer import input_codes  # noqa: E402
from nibble_train.losses import by_column, by_line  # noqa: E402
from nibble_train.network import Network, QuantisedNetwork  # noqa: E402
from nibble_train.runner import Runner, padded  # noqa: E402
from nibble_train.stream import IGNORED, Chunk, column_labels  # noqa: E402
from nibble_train.strips import NORMAL, Generator  # noqa: E402
from nibble_train.texts import ALPHABET, BLANK  # noqa: E402

torch.set_num_threads(1)


def batch(count: int):
    generator = Generator(21, NORMAL)
    strips = [generator.strip() for _ in range(count)]
    chunk = Chunk.of(strips)
    x = chunk.pixels[:, None, :, : chunk.widths.max()].astype(np.float32) / 255
    texts, lengths = chunk.texts.astype(np.int64), chunk.lengths.astype(np.int64)
    return torch.from_numpy(x), torch.from_numpy(texts), torch.from_numpy(lengths)


@pytest.mark.parametrize("bits", [0, 4, 8])
def test_steps_lower_the_loss(bits):
    torch.manual_seed(1)
    network = Network() if bits == 0 else QuantisedNetwork(Network(), bits)
    x, texts, lengths = batch(4)
    if bits:
        network.calibrate(x)
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    losses = []
    for _ in range(12):
        loss = by_line(network(x), texts, lengths, torch_ctc)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def state(network) -> dict:
    return {name: value.detach().numpy() for name, value in network.state_dict().items()}


def test_exported_float_network_is_the_trained_one():
    torch.manual_seed(2)
    network = Network().eval()
    x = batch(1)[0]
    strip = np.rint(x[0, 0].numpy() * 255).astype(np.uint8)
    logits, _ = float_run(float_model(state(network)), strip)
    np.testing.assert_allclose(logits, network(x)[0].detach().numpy().T, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("bits", [4, 8])
def test_exported_integers_follow_the_trained_grid(bits):
    """Fake quantisation and integers differ only where a value falls on the edge of a code: logits
    agree closely.
    """
    torch.manual_seed(3)
    network = QuantisedNetwork(Network(), bits)
    x = batch(1)[0]
    network.calibrate(x)
    network.eval()
    strip = np.rint(x[0, 0].numpy() * 255).astype(np.uint8)
    model = quantised_model(state(network), bits)
    seen = input_codes(strip, bits)[:, :, 0].astype(np.float32) / (2**bits - 1)
    wanted = network(torch.from_numpy(seen)[None, None])[0].detach().numpy().T
    logits = Runner(model).logits(strip) * float(model.convolutions[-1].scale[0])
    assert np.abs(logits - wanted).mean() < 0.05 * np.abs(wanted).max()


def test_column_labels_spell_the_text():
    generator = Generator(22, NORMAL)
    for offset in (0, 3):
        strip = generator.strip()
        width = padded(strip.pixels).shape[1] + 8
        labels = column_labels(strip, width, offset)
        assert labels.shape == (width // 4,)
        certain = labels[labels != IGNORED]
        spelled = certain[np.flatnonzero(np.diff(certain, prepend=BLANK))]
        assert "".join(ALPHABET[label] for label in spelled if label != BLANK) == strip.text
        logits = torch.zeros(1, 38, width // 4)
        for column, label in enumerate(labels):
            logits[0, BLANK if label == IGNORED else label, column] = 30.0
        assert by_column(logits, torch.from_numpy(labels)[None]).item() < 1e-3
