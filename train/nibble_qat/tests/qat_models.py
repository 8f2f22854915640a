"""Small models with every kind of layer."""

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """A residual network with depthwise layers, a branch that is upsampled, and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU()
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(12, 12, 3, padding=2, dilation=2, groups=12, bias=False),
            nn.BatchNorm2d(12),
            nn.ReLU6(),
        )
        self.project = nn.Sequential(nn.Conv2d(12, 12, 1, bias=False), nn.BatchNorm2d(12))
        self.down = nn.Conv2d(12, 16, (3, 2), (2, 2), (1, 0), groups=4)
        self.swish = nn.Hardswish()
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.mask = nn.Conv2d(28, 2, 1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(16 * 2 * 2, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem(x)
        x = F.relu(x + self.project(self.depthwise(x)))
        deep = self.swish(self.down(x))
        mask = self.mask(torch.cat([x, self.up(deep)], 1))
        deep = F.avg_pool2d(self.pool(deep), 1)
        return mask, self.head(self.drop(torch.flatten(deep, 1)))


def residual(seed: int = 1) -> Residual:
    """One whose batch norms have seen something."""
    torch.manual_seed(seed)
    model = Residual()
    for _ in range(20):
        model((torch.randint(0, 256, (8, 3, 16, 16)).float() / 255 - 0.4) / 0.25)
    return model.eval()


#: Mean and deviation of its input.
MEANS, DEVIATIONS = (0.4, 0.5, 0.45), (0.25, 0.2, 0.3)


def images(count: int = 16, seed: int = 2) -> torch.Tensor:
    """Smooth random images, as bytes."""
    torch.manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4)
    return (F.interpolate(coarse, size=(16, 16), mode="bilinear") * 255).to(torch.uint8)


def normalised(bytes_: torch.Tensor, means=MEANS, deviations=DEVIATIONS) -> torch.Tensor:
    mean, deviation = torch.tensor(means)[:, None, None], torch.tensor(deviations)[:, None, None]
    # The zero points are whole bytes.
    return (bytes_.float() - (255 * mean).round()) / (255 * deviation)
