"""Quantising, training and exporting plain PyTorch models."""

import numpy as np
import pytest
from nibble_qat.integers import reals, run
from required import package
from safetensors import safe_open

from nibble_qat import GraphError, load, simulate

torch = package("torch", "TORCH")

from nibble_qat.exporter import graph  # noqa: E402
from qat_models import DEVIATIONS, MEANS, images, normalised, residual  # noqa: E402
from torch import nn  # noqa: E402

from nibble_qat import UnsupportedModule, export, quantise  # noqa: E402


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The error as a share of the values' size."""
    return float((found - wanted).square().mean().sqrt() / wanted.square().mean().sqrt())


def real_outputs(model, batch):
    """The outputs of the exported integers as reals, `[batch, channels, rows, columns]`."""
    made = graph(model)
    found = []
    for image in batch:
        tensors = run(made, image.permute(1, 2, 0).numpy())
        found.append([reals(made, name, tensors[name]) for name in made.outputs])
    stacks = [np.stack(values).transpose(0, 3, 1, 2) for values in zip(*found, strict=True)]
    return [torch.tensor(stack) for stack in stacks]


def test_the_float_twin_computes_what_the_model_does(tmp_path):
    model, batch = residual(), images()
    twin = quantise(model, batch, bits=32, mean=MEANS, deviation=DEVIATIONS)
    with torch.no_grad():
        wanted, found = model(normalised(batch)), twin(batch)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    export(twin, tmp_path / "twin.safetensors", batch)
    outputs = simulate(tmp_path / "twin.safetensors", batch[0].permute(1, 2, 0).numpy())
    for values, b in zip(outputs.values(), wanted, strict=True):
        np.testing.assert_allclose(values.transpose(2, 0, 1).ravel(), b[0].ravel(), atol=1e-3)


@pytest.mark.parametrize(("bits", "largest"), [(8, 0.03), (4, 0.5)])
def test_quantised_models_are_near_the_float_one(bits, largest):
    model, batch = residual(), images()
    quantised = quantise(model, batch, bits=bits, mean=MEANS, deviation=DEVIATIONS)
    with torch.no_grad():
        for found, wanted in zip(quantised(batch), model(normalised(batch)), strict=True):
            assert relative(found, wanted) < largest


@pytest.mark.parametrize("bits", [4, 8])
def test_integers_are_what_was_trained(bits):
    """Fake quantisation computes what the exported integers do, within the rounding of f32."""
    model, batch = residual(), images()
    keep = {"first": 8, "head": 8} if bits == 4 else None
    quantised = quantise(model, batch, bits, keep, mean=MEANS, deviation=DEVIATIONS)
    with torch.no_grad():
        wanted = quantised(batch)
    for found, value in zip(real_outputs(quantised, batch), wanted, strict=True):
        found = found.flatten(1) if value.dim() == 2 else found
        assert found.shape == value.shape
        assert relative(found, value) < 1e-3


def test_export_writes_the_graph_and_its_golden_vectors(tmp_path):
    batch = images()
    quantised = quantise(
        residual(), batch, keep={"first": 8, "mask": 8}, mean=MEANS, deviation=DEVIATIONS
    )
    path = tmp_path / "net.safetensors"
    export(quantised, path, batch)
    made = load(path)
    bits = {
        node.name: node.attributes["weight_bits"] for node in made.nodes if node.scale is not None
    }
    assert bits == {
        "stem.0": 8,
        "depthwise.0": 4,
        "project.0": 4,
        "down": 4,
        "mask": 8,
        "head": 4,
    }
    layers = [node for node in made.nodes if node.weight is not None]
    # Sums at the end have one step, so that they can be compared; others have one each channel.
    scales = {node.name: len(set(node.scale.tolist())) for node in layers}
    assert scales["mask"] == scales["head"] == 1
    assert scales["down"] > 8
    # The mask's layer reads codes of 8 bits.
    assert made.tensors["cat"].type == "u8"
    assert made.tensors["image"].zero_points == [102, 128, 115]
    assert [made.tensors[name].type for name in made.outputs] == ["i32", "i32"]
    with safe_open(str(tmp_path / "net.golden.safetensors"), "numpy") as golden:
        names = set(golden.keys())
        assert names == {*made.tensors, "input.image"}
        outputs = simulate(path, golden.get_tensor("input.image"))
        for name, values in outputs.items():
            np.testing.assert_array_equal(values, golden.get_tensor(name), strict=True)
    assert path.stat().st_size < 9000


def test_training_brings_the_error_down():
    model, batch = residual(), images(32)
    quantised = quantise(model, batch, keep={"first": 8}, mean=MEANS, deviation=DEVIATIONS)
    with torch.no_grad():
        wanted = model(normalised(batch))
    optimiser = torch.optim.Adam(quantised.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 60)

    def loss():
        found = quantised(batch)
        return sum(nn.functional.mse_loss(a, b) for a, b in zip(found, wanted, strict=True))

    before = loss().item()
    for _ in range(60):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
        schedule.step()
    assert loss().item() < 0.7 * before
    # The steps of weights and codes learn, too.
    assert all(codes.step.grad is not None for codes in quantised.codes.values())
    assert all(layer.steps.grad is not None for layer in quantised.layers.values())
    found = real_outputs(quantised, batch[:4])
    with torch.no_grad():
        assert relative(found[0], quantised(batch[:4])[0]) < 1e-3


class Odd(nn.Module):
    """A model around a layer that has no operation."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), layer)

    def forward(self, x):
        return self.body(x)


@pytest.mark.parametrize(
    "layer",
    [
        nn.GELU(),
        nn.InstanceNorm2d(4),
        nn.ConvTranspose2d(4, 4, 2),
        nn.AdaptiveAvgPool2d(2),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Upsample(scale_factor=3),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Softmax(dim=2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_unsupported_modules_are_named_with_their_path(layer):
    with pytest.raises(UnsupportedModule, match=r"`body\.1`"):
        quantise(Odd(layer), images())


def test_functions_without_an_operation_are_named():
    class Strange(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return torch.sin(self.first(x))

    with pytest.raises(UnsupportedModule, match="sin"):
        quantise(Strange(), images())


def test_wrong_arguments_are_errors():
    model, batch = residual(), images()
    for arguments, part in [
        ({"bits": 5}, "bits"),
        ({"keep": {"nothing": 8}}, "nothing"),
        ({"keep": {"first": 5}}, "first"),
        ({"mean": [0.5, 0.5]}, "mean"),
        ({"deviation": 0.0}, "deviation"),
    ]:
        with pytest.raises(GraphError, match=part):
            quantise(model, batch, **arguments)
    with pytest.raises(GraphError, match="bytes"):
        quantise(model, batch.float())


def test_a_model_that_is_used_by_two_keeps_what_both_read():
    """A value that something else reads is not rectified for it."""

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 1), nn.Conv2d(8, 2, 1)

        def forward(self, x):
            x = self.first(x)
            return self.last(torch.cat([x, torch.relu(x)], 1))

    torch.manual_seed(3)
    model, batch = Both().eval(), images()
    twin = quantise(model, batch, bits=8)
    with torch.no_grad():
        wanted = model(batch.float() / 255)
        assert relative(twin(batch), wanted) < 0.03
        assert relative(real_outputs(twin, batch)[0], wanted) < 0.03


def test_names_that_differ_in_their_dots_alone_are_two_layers():
    """`block.1` and `block_1`, and names that attributes of `nn.ModuleDict` have."""

    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.Sequential(nn.Identity(), nn.Conv2d(3, 4, 1))
            self.block_1 = nn.Conv2d(4, 5, 1)
            self.pop, self.values = nn.Conv2d(5, 6, 1), nn.Conv2d(6, 2, 1)

        def forward(self, x):
            return self.values(self.pop(self.block_1(self.block(x))))

    torch.manual_seed(4)
    model, batch = Named().eval(), images()
    quantised = quantise(model, batch, bits=8)
    assert list(quantised.layers) == ["/block/1", "/block_1", "/pop", "/values"]
    with torch.no_grad():
        wanted = model(batch.float() / 255)
        assert relative(quantised(batch), wanted) < 0.03
        assert relative(real_outputs(quantised, batch)[0], wanted) < 0.03


FLATTENED = {
    "view(x.size(0), -1)": lambda x: x.view(x.size(0), -1),
    "view(x.shape[0], -1)": lambda x: x.view(x.shape[0], -1),
    "reshape((x.size()[0], -1))": lambda x: x.reshape((x.size()[0], -1)),
    "torch.reshape": lambda x: torch.reshape(x, (x.size(dim=0), -1)),
}


class Viewed(nn.Module):
    """A model that flattens by a function."""

    def __init__(self, flattened):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 3, 4), nn.BatchNorm2d(4)
        self.last, self.flattened = nn.Linear(4 * 16, 3), flattened

    def forward(self, x):
        x = self.first(x)
        # Asking for the shape must not keep the batch norm from being folded.
        _batch, _channels, _rows, _columns = x.shape
        return self.last(self.flattened(torch.relu(self.norm(x))))


@pytest.mark.parametrize("name", FLATTENED)
def test_views_of_the_batch_flatten(name):
    torch.manual_seed(5)
    model, batch = Viewed(FLATTENED[name]).eval(), images()
    twin = quantise(model, batch, bits=32)
    with torch.no_grad():
        torch.testing.assert_close(twin(batch), model(batch.float() / 255), atol=1e-4, rtol=1e-4)
        wanted = quantise(model, batch, bits=8)(batch)
        made = quantise(model, batch, bits=8)
        assert relative(real_outputs(made, batch)[0].flatten(1), wanted) < 1e-3


@pytest.mark.parametrize(
    "flattened",
    [
        lambda x: x.view(x.size(1), -1),
        lambda x: x.view(x.size(0), 4, -1),
        lambda x: x.reshape(-1),
        lambda x: x.view(x.shape[2], -1),
    ],
)
def test_views_that_do_not_flatten_are_named(flattened):
    with pytest.raises(UnsupportedModule, match="batch"):
        quantise(Viewed(flattened), images())


def test_tensors_are_joined_by_name_too():
    class Joined(nn.Module):
        def __init__(self, empty=False):
            super().__init__()
            self.one, self.two, self.empty = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), empty
            self.last = nn.Conv2d(8, 2, 1)

        def forward(self, x):
            if self.empty:
                return self.last(torch.cat(x, dim=1))
            return self.last(torch.cat(tensors=[self.one(x), self.two(x)], dim=1))

    torch.manual_seed(6)
    model, batch = Joined().eval(), images()
    twin = quantise(model, batch, bits=32)
    assert next(step for step in twin.steps if step.op == "concat").inputs == ["one", "two"]
    with torch.no_grad():
        torch.testing.assert_close(twin(batch), model(batch.float() / 255), atol=1e-4, rtol=1e-4)
    with pytest.raises(UnsupportedModule, match="list of tensors"):
        quantise(Joined(empty=True), batch)
