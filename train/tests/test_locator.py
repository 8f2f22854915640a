"""The locator's frames, codes, targets, proposals and training, where torch is present."""

import copy
import random

import numpy as np
import pytest
from required import package

torch = package("torch", "TORCH")

from nibble_train.integer import run  # noqa: E402
from nibble_train.locator.augment import prepared  # noqa: E402
from nibble_train.locator.chunks import Pool  # noqa: E402
from nibble_train.locator.export import quantised_model  # noqa: E402
from nibble_train.locator.frames import CHUNK, SIZES, chunk  # noqa: E402
from nibble_train.locator.inks import Fonts, Inks  # noqa: E402
from nibble_train.locator.network import LAYERS, OUTPUTS, Network, QuantisedNetwork  # noqa: E402
from nibble_train.locator.normalise import BLOCK, FLOOR, GAIN, codes  # noqa: E402
from nibble_train.locator.pages import Pages  # noqa: E402
from nibble_train.locator.proposals import proposals  # noqa: E402
from nibble_train.locator.targets import WEIGHT, loss, targets  # noqa: E402
from nibble_train.locator.training import Stage, Supply, train  # noqa: E402
from nibble_train.locator.validate import right  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def fonts():
    return Fonts()


@pytest.fixture(scope="module")
def chunks(fonts):
    return [chunk(3, index, fonts) for index in range(3)]


def test_a_chunk_is_a_function_of_seed_and_index(fonts, chunks):
    images, zones = chunk(3, 1, fonts)
    assert np.array_equal(images, chunks[1][0]) and np.array_equal(zones, chunks[1][1])
    other, _ = chunk(4, 1, fonts)
    assert other.shape != images.shape or not np.array_equal(other, images)


def test_zones_lie_within_their_frames(chunks):
    seen = 0
    for images, zones in chunks:
        rows, columns = images.shape[1:]
        for z in zones[zones[:, :, 6] > 0]:
            seen += 1
            assert (z[[0, 2]] > -1).all() and (z[[0, 2]] < columns).all()
            assert (z[[1, 3]] > -1).all() and (z[[1, 3]] < rows).all()
            assert 0 < z[4] < rows and np.hypot(*(z[2:4] - z[0:2])) > 2 * z[4]
    assert seen > CHUNK


def test_a_page_has_ink_along_its_zone(fonts):
    source = random.Random(5)
    pages = Pages(Inks(source, np.random.default_rng(5), fonts))
    contrast = []
    for _ in range(20):
        page = pages.document(True)
        x0, y, x1, _, half, lines = page.zone
        part = page.pixels[int(y - half) : int(y + half) + 1, int(x0) : int(x1)].astype(float)
        contrast.append(part.std() > 8)
        assert lines in (1, 2, 3) and part.shape[1] >= 300
    assert sum(contrast) >= 19


def reference(gray):
    """Local contrast, pixel by pixel, as `reader/src/locate/contrast.rs` words it."""
    rows, columns = gray.shape
    h, w = -(-rows // BLOCK), -(-columns // BLOCK)

    def at(y, x):
        return int(gray[min(y, rows - 1), min(x, columns - 1)])

    total, deviation = np.zeros((h, w), object), np.zeros((h, w), object)
    for by in range(h):
        for bx in range(w):
            block = [at(by * BLOCK + i, bx * BLOCK + j) for i in range(BLOCK) for j in range(BLOCK)]
            total[by, bx] = sum(block)
            variance = 64 * sum(v * v for v in block) - sum(block) ** 2
            root = int(variance**0.5)
            deviation[by, bx] = root - (root * root > variance)

    def around(grid, by, bx):
        clamped = [
            (min(max(by + i, 0), h - 1), min(max(bx + j, 0), w - 1))
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        return sum(grid[place] for place in clamped)

    mean = [[(around(total, y, x) * 16 + 288) // 576 for x in range(w)] for y in range(h)]
    gain = [[GAIN // (around(deviation, y, x) + 576 * FLOOR) for x in range(w)] for y in range(h)]

    def share(i):
        """The block beside, and its sixteenths, for a pixel `i` of a block."""
        return (-1, 7 - 2 * i) if i < 4 else (1, 2 * i - 7)

    out = np.zeros((rows, columns), np.uint8)
    for y in range(rows):
        for x in range(columns):
            (dy, wy), (dx, wx) = share(y % BLOCK), share(x % BLOCK)
            by, bx = y // BLOCK, x // BLOCK
            oy, ox = min(max(by + dy, 0), h - 1), min(max(bx + dx, 0), w - 1)
            m = [mean[by][c] * (16 - wy) + mean[oy][c] * wy for c in (bx, ox)]
            g = [(gain[by][c] * (16 - wy) + gain[oy][c] * wy) >> 4 for c in (bx, ox)]
            middle = m[0] * (16 - wx) + m[1] * wx
            factor = (g[0] * (16 - wx) + g[1] * wx) >> 4
            difference = ((int(gray[y, x]) << 12) - middle) >> 6
            out[y, x] = min(15, max(0, 8 + ((difference * factor + (1 << 19)) >> 20)))
    return out


@pytest.mark.parametrize("shape", [(16, 24), (19, 30), (5, 41)])
def test_codes_are_those_of_plain_loops(shape):
    rng = np.random.default_rng(8)
    for low, high in ((0, 256), (100, 104), (255, 256)):
        gray = rng.integers(low, high, shape).astype(np.uint8)
        assert np.array_equal(codes(torch.from_numpy(gray[None]))[0].numpy(), reference(gray))


@pytest.mark.parametrize("seed", range(6))
def test_zones_turn_with_their_frames(seed):
    image = np.full((1, 48, 64), 128, np.uint8)
    zones = np.zeros((1, 3, 7), np.float32)
    zones[0, 0] = (10, 30, 50, 8, 3, 3, 2)
    image[0, 30, 10], image[0, 8, 50] = 255, 250
    made = (torch.from_numpy(image), torch.from_numpy(zones))
    x, turned = prepared(*made, np.random.default_rng(seed))
    ax, ay, bx, by = (round(v) for v in turned[0, 0, :4].tolist())
    inner = x[0, 0, :40, :40] if max(x.shape) > 100 else x[0, 0]
    for px, py in ((ax, ay), (bx, by)):
        if py < x.shape[2] - 8 and px < x.shape[3] - 8:  # may be cut otherwise
            assert abs(float(inner[py, px]) - 8 / 15) > 0.3


def test_targets_point_to_the_axis_and_proposals_find_it_again():
    zones = torch.zeros(1, 3, 7)
    zones[0, 0] = torch.tensor([30.0, 150, 250, 110, 12, 10, 2])
    zones[0, 1] = torch.tensor([60.0, 40, 190, 40, 6, 6, 3])
    wanted = targets(zones, 24, 40)
    inside = wanted[0, 0] > 0
    assert 60 < inside.sum() < 160 and (wanted[0, WEIGHT][inside] > 1).all()
    out = wanted[0, :OUTPUTS].numpy().copy()
    out[0] = np.where(inside, 6.0, -6.0)
    out[6] = np.where(out[6] > 0.5, 5.0, -5.0)
    found = proposals(out)
    assert len(found) == 2
    for zone, lines in ((zones[0, 0], 2), (zones[0, 1], 3)):
        near = [f for f in found if right(f, zone.numpy())]
        assert len(near) == 1
        assert (near[0].three > 0) == (lines == 3)
        assert np.linalg.norm(near[0].a - zone[0:2].numpy()) < 9


def pool_of(chunks):
    pool = Pool(40, torch.device("cpu"))
    for images, zones in chunks:
        pool.add(images[:, :, :], zones)
    return pool


def quick(chunks, bits, steps, resume=None, states=None):
    torch.manual_seed(4)
    network = Network() if bits == 32 else QuantisedNetwork(Network(), bits)
    lines = []

    def report(text, average, state):
        lines.append(text)
        if states is not None and state is not None:
            states.append(copy.deepcopy(state()))

    supply = Supply(None, pool_of(chunks), len(chunks), len(chunks), 0.0)
    stage = Stage("test", bits, 4e-3, 9, 2, steps)
    return train(network, stage, supply, report, 0.0, resume), lines


@pytest.mark.parametrize("bits", [32, 4])
def test_two_runs_are_equal_and_one_that_was_cut_goes_on(chunks, bits):
    states = []
    first, _ = quick(chunks, bits, 6, states=states)
    second, _ = quick(chunks, bits, 6)
    third, _ = quick(chunks, bits, 6, resume=states[2])
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
        assert torch.equal(value, third.state_dict()[name]), name


@pytest.mark.parametrize("bits", [32, 4, 8])
def test_steps_lower_the_loss(chunks, bits):
    torch.manual_seed(1)
    network = Network() if bits == 32 else QuantisedNetwork(Network(), bits)
    images, zones = (torch.from_numpy(part[:4]) for part in chunks[0])
    x, zones = prepared(images, zones, None)
    if bits < 32:
        network.calibrate(x)
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), 4e-3)
    wanted = targets(zones, x.shape[2] // 8, x.shape[3] // 8)
    losses = []
    for _ in range(25):
        total, _ = loss(network(x), wanted)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses.append(total.item())
    assert losses[-1] < 0.85 * losses[0]


def test_every_size_suits_the_strides():
    assert all(side % 8 == 0 for shape, _ in SIZES for side in shape)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_exported_model_is_the_network(chunks, bits):
    torch.manual_seed(2)
    network = QuantisedNetwork(Network(), bits)
    images, _ = chunks[0]
    x = codes(torch.from_numpy(images[:4]))[:, None].float() / 15
    network.calibrate(x)
    network.train()
    for _ in range(3):  # batch norm that is not that of the start
        network(x)
    network.eval()
    with torch.no_grad():
        wanted = network(x[:1])[0].permute(1, 2, 0).numpy()
    archive = {name: value.numpy() for name, value in network.state_dict().items()}
    model = quantised_model(archive, bits)
    assert [layer.weight.shape[0] for layer in model.layers] == [c[0] for c in LAYERS]
    maps, _ = run(model, (x[0, 0].numpy() * 255).round().astype(np.uint8))
    found = maps * model.layers[-1].scale
    # A rounding that falls the other way moves a code by one.
    assert np.median(np.abs(found - wanted)) < 0.02 * wanted.std()
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.995
