"""Training with quantisation: learned step sizes (LSQ, arXiv 1902.08153) for weights and codes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .graph import TOPS, GraphError
from .structure import MAX_WEIGHTS, PASSING, bits_of_layers, plan
from .tracing import IMAGE, Step, UnsupportedModule, trace

__all__ = ["Quantised", "UnsupportedModule", "quantise"]

#: Step sizes tried at the beginning, as shares of the largest one.
SHARES = torch.linspace(0.2, 1.0, 33)
#: Values of a tensor that the first step size is fitted to.
MAX_FITTED = 50_000


def scaled_gradient(value: Tensor, factor: float) -> Tensor:
    """`value`, with its gradient multiplied by `factor`."""
    return (value - value * factor).detach() + value * factor


def rounded(value: Tensor) -> Tensor:
    """`value`, rounded to even, with the gradient of `value`."""
    return (value.round() - value).detach() + value


def fitted_step(values: Tensor, low: int, high: int) -> Tensor:
    """The step size with the least squared error of each row's codes, which are `low` to `high`."""
    full = values.amax(1, keepdim=True) / max(high, 1)
    if low < 0:
        full = torch.maximum(full, values.amin(1, keepdim=True) / low)
    full = full.clamp(min=1e-7)
    best, best_error = full, torch.full_like(full, torch.inf)
    for share in SHARES:
        step = full * share
        error = ((values / step).round().clamp(low, high) * step - values).square()
        error = error.mean(1, keepdim=True)
        best = torch.where(error < best_error, step, best)
        best_error = torch.minimum(error, best_error)
    return best[:, 0]


class Codes(nn.Module):
    """The codes of a tensor: fake quantisation with a learned step.

    The zero point is 0 where no value is negative, and otherwise fitted once.
    """

    zero: Tensor

    def __init__(self, bits: int, positive: bool):
        super().__init__()
        self.bits, self.positive = bits, positive
        self.top = TOPS[f"u{bits}"]
        self.step = nn.Parameter(torch.ones(()))
        self.register_buffer("zero", torch.zeros((), dtype=torch.int64))

    @property
    def size(self) -> Tensor:
        """The step, which is positive."""
        return self.step.abs().clamp(min=1e-8)

    @torch.no_grad()
    def fit(self, values: Tensor) -> None:
        """Fits the zero point and the step to values."""
        values = values.detach().flatten()
        if len(values) > MAX_FITTED:
            values = values[:: len(values) // MAX_FITTED]
        if not self.positive:
            low, high = min(values.min().item(), 0.0), max(values.max().item(), 0.0)
            self.zero.fill_(round(-low / max(high - low, 1e-6) * self.top))
        zero = int(self.zero)
        self.step.copy_(fitted_step(values[None], -zero, self.top - zero)[0])

    def forward(self, x: Tensor) -> Tensor:
        step = scaled_gradient(self.size, (x[0].numel() * self.top) ** -0.5)
        zero = self.zero.to(x.dtype)
        codes = torch.minimum(torch.maximum(x / step, -zero), self.top - zero)
        return rounded(codes) * step


class Layer(nn.Module):
    """A convolution or a fully connected layer whose weights have a learned step each channel.

    With `single` all channels share one step: the sums of a last layer can then be compared.
    """

    def __init__(self, step: Step, bits: int, single: bool):
        super().__init__()
        self.bits, self.op, self.attributes = bits, step.op, step.attributes
        self.weight, self.bias = nn.Parameter(step.weight), nn.Parameter(step.bias)
        if bits != 32:
            largest = MAX_WEIGHTS[bits]
            flat = step.weight.flatten()[None] if single else step.weight.flatten(1)
            self.steps = nn.Parameter(fitted_step(flat, -largest, largest))

    @property
    def sizes(self) -> Tensor:
        """The step of each output channel."""
        return self.steps.abs().clamp(min=1e-8).expand(len(self.weight))

    def codes(self) -> Tensor:
        """The weights as integers."""
        largest = MAX_WEIGHTS[self.bits]
        sizes = self.sizes.view(-1, *[1] * (self.weight.dim() - 1))
        return (self.weight / sizes).clamp(-largest, largest).round()

    def quantised(self) -> Tensor:
        largest = MAX_WEIGHTS[self.bits]
        sizes = scaled_gradient(self.sizes, (self.weight[0].numel() * largest) ** -0.5)
        sizes = sizes.view(-1, *[1] * (self.weight.dim() - 1))
        return rounded((self.weight / sizes).clamp(-largest, largest)) * sizes

    def forward(self, x: Tensor, size: Tensor | float | None) -> Tensor:
        """The layer on codes with a step of `size`; in single precision where there is none."""
        weight, bias = self.weight, self.bias
        if size is not None:
            weight = self.quantised()
            # The file has the bias as a whole number of the sum's steps.
            unit = (self.sizes * size).detach()
            bias = rounded(bias / unit) * unit
        if self.op == "linear":
            return F.linear(x, weight, bias)
        top, left, bottom, right = self.attributes["padding"]
        x = F.pad(x, (left, right, top, bottom))
        stride, dilation = self.attributes["stride"], self.attributes["dilation"]
        return F.conv2d(x, weight, bias, stride, 0, dilation, self.attributes["groups"])


class Quantised(nn.Module):
    """A model with fake quantisation, to be trained as usual and exported.

    It reads images as bytes, `[batch, channels, rows, columns]` of 0 to 255, and normalises them
    itself. `layers` has the layers under the names that they have in the model, with a `/` at the
    beginning and in the place of each `.`.
    """

    def __init__(
        self,
        steps: list[Step],
        outputs: list[str],
        bits: int,
        layer_bits: Mapping[str, int],
        means: Sequence[float],
        deviations: Sequence[float],
    ):
        super().__init__()
        self.steps, self.outputs, self.bits = steps, outputs, bits
        self.quantising = bits != 32
        #: Zero points of the channels, and the value of one step of the bytes.
        self.zeros = [min(255, max(0, round(255 * mean))) for mean in means]
        self.input_step = 1.0 / (255.0 * max(deviations))
        self._fold_deviations(deviations)
        self.layers = nn.ModuleDict()
        self.codes = nn.ModuleDict()
        #: The name of the codes of each value; absent where it has none.
        self.codes_of: dict[str, str] = {}
        planned = plan(steps, [IMAGE], bits, layer_bits)
        for step in steps:
            if step.is_layer:
                single = step.name in planned.endings
                self.layers[key(step.name)] = Layer(step, layer_bits[step.name], single)
        if not self.quantising:
            return
        self.codes_of = {name: key(source) for name, source in planned.codes_of.items()}
        for name, tensor_bits in planned.bits.items():
            self.codes[key(name)] = Codes(tensor_bits, name in planned.positive)

    def _fold_deviations(self, deviations: Sequence[float]) -> None:
        """Folds what the steps of the channels differ by into the weights that read them."""
        shares = torch.tensor([max(deviations) / deviation for deviation in deviations])
        readers = [step for step in self.steps if IMAGE in step.inputs]
        plain = len(set(self.zeros)) == 1 and bool((shares == 1).all())
        for step in readers:
            if step.op != "conv2d":
                if plain:
                    continue
                raise UnsupportedModule(
                    f"`{step.name}` reads the image, whose channels differ in mean or deviation: "
                    "only a convolution can"
                )
            groups = step.attributes["groups"]
            inputs = step.weight.shape[1]
            channels = torch.arange(step.weight.shape[0]) // (step.weight.shape[0] // groups)
            places = channels[:, None] * inputs + torch.arange(inputs)
            step.weight = step.weight * shares[places][:, :, None, None]

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        values = self.run(images)
        found = tuple(values[name] for name in self.outputs)
        return found[0] if len(found) == 1 else found

    def run(self, images: Tensor, fit: bool = False) -> dict[str, Tensor]:
        """All values. With `fit`, steps are fitted to them, and nothing is quantised."""
        zeros = torch.tensor(self.zeros, device=images.device, dtype=torch.float32)
        values = {IMAGE: (images.float() - zeros[:, None, None]) * self.input_step}
        quantising = self.quantising and not fit
        for step in self.steps:
            inputs = [values[name] for name in step.inputs]
            if step.is_layer:
                size = self.size_of(step.inputs[0]) if quantising else None
                value = self.layers[key(step.name)](inputs[0], size)
            else:
                value = apply(step, inputs)
            value = activated(step.attributes.get("activation"), value)
            codes = self.codes_of.get(step.name)
            if codes is not None and step.op not in PASSING:
                if fit:
                    self.codes[codes].fit(value)
                else:
                    value = self.codes[codes](value)
            values[step.name] = value
        return values

    def size_of(self, name: str) -> Tensor | float:
        """The step of a value that layers read."""
        # What passes the image on has no codes of its own.
        return self.codes[self.codes_of[name]].size if name in self.codes_of else self.input_step


def key(name: str) -> str:
    """A name as `nn.ModuleDict` allows it: the module `block.1` is under `/block/1`.

    No two names have the same key, and none is that of a method of `nn.ModuleDict`, such as
    `values`.
    """
    return "/" + name.replace("~", "~0").replace("/", "~1").replace(".", "/")


def activated(activation: str | None, x: Tensor) -> Tensor:
    match activation:
        case "relu":
            return F.relu(x)
        case "relu6":
            return F.relu6(x)
    return x


def apply(step: Step, inputs: list[Tensor]) -> Tensor:
    """A step without weights."""
    x, given = inputs[0], step.attributes
    match step.op:
        case "add":
            return x + inputs[1]
        case "concat":
            return torch.cat(inputs, 1)
        case "max_pool":
            top, left, bottom, right = given["padding"]
            x = F.pad(x, (left, right, top, bottom), value=-torch.inf)
            return F.max_pool2d(x, given["kernel"], given["stride"])
        case "average_pool":
            return F.avg_pool2d(
                x,
                given["kernel"],
                given["stride"],
                given["padding"][:2],
                count_include_pad=given["count_padding"],
            )
        case "global_average_pool":
            return x.mean((2, 3), keepdim=True)
        case "global_max_pool":
            return x.amax((2, 3), keepdim=True)
        case "upsample_nearest":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        case "upsample_bilinear":
            return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        case "flatten":
            # The order of the file format: channels fastest.
            return x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x
        case "hard_swish":
            return F.hardswish(x)
        case "hard_sigmoid":
            return F.hardsigmoid(x)
        case "softmax":
            return x.softmax(1)
        case "argmax":
            return x.argmax(1, keepdim=True)
        case "relu" | "relu6":
            return activated(step.op, x)
    raise GraphError(f"`{step.name}`: unknown operation `{step.op}`")


def _reorder(steps: list[Step], shapes: dict[str, torch.Size]) -> None:
    """Reorders the weights behind `flatten`: PyTorch has channels slowest, the format fastest."""
    order: dict[str, torch.Size] = {}
    for step in steps:
        sources = [order[name] for name in step.inputs if name in order]
        if step.op == "flatten":
            shape = shapes[step.inputs[0]]
            if len(shape) == 4 and shape[2] * shape[3] > 1:
                order[step.name] = shape
        elif step.op == "linear" and sources:
            _, channels, rows, columns = sources[0]
            weight = step.weight.view(-1, channels, rows, columns)
            step.weight = weight.permute(0, 2, 3, 1).flatten(1).contiguous()
        elif sources and step.op in ("concat", "softmax", "argmax"):
            raise UnsupportedModule(f"`{step.name}` reads a flattened map of several positions")
        elif sources:
            order[step.name] = sources[0]


def quantise(
    model: nn.Module,
    example: Tensor,
    bits: int = 4,
    keep: Mapping[str, int] | None = None,
    mean: float | Sequence[float] = 0.0,
    deviation: float | Sequence[float] = 1.0,
) -> Quantised:
    """A copy of a model with quantised weights and activations, ready to be trained or exported.

    `example` is a batch of images as bytes (uint8), `[batch, channels, rows, columns]`, such as the
    model will see: the first step sizes are fitted to it. The model itself reads
    `(bytes / 255 - mean) / deviation`, with a mean and a deviation, or one for each channel.

    `bits` is 4 or 8, or 32 for a float twin of the same graph. `keep` gives single layers another
    number of bits, by their path, or as `first` and `last`. The input of the first layer has 8 bits
    in any case.

    Raises `UnsupportedModule`, which names the module, where the file format has no operation.
    """
    if bits not in (4, 8, 32):
        raise GraphError(f"bits must be 4, 8 or 32, not {bits}")
    if example.dtype != torch.uint8 or example.dim() != 4:
        raise GraphError("the example must be bytes, [batch, channels, rows, columns]")
    channels = example.shape[1]
    means, deviations = (
        [float(value)] * channels if isinstance(value, int | float) else [float(v) for v in value]
        for value in (mean, deviation)
    )
    if len(means) != channels or len(deviations) != channels or min(deviations) <= 0:
        raise GraphError(f"mean and deviation must have 1 or {channels} values, these above 0")
    model = copy.deepcopy(model).eval().cpu()
    steps, outputs = trace(model)
    layer_bits = bits_of_layers(steps, bits, keep)
    if IMAGE in outputs:
        raise UnsupportedModule("the model returns its input")
    # A float run tells the shapes, which decide the order of weights behind `flatten`.
    probe = Quantised(
        copy.deepcopy(steps), outputs, 32, dict.fromkeys(layer_bits, 32), means, deviations
    )
    shapes = _shapes(probe, example[:1])
    _reorder(steps, shapes)
    quantised = Quantised(steps, outputs, bits, layer_bits, means, deviations)
    with torch.no_grad():
        quantised.run(example, fit=True)
    return quantised


@torch.no_grad()
def _shapes(probe: Quantised, example: Tensor) -> dict[str, torch.Size]:
    """The shapes of all values."""
    return {name: value.shape for name, value in probe.run(example).items()}
