"""Small networks with BatchNorm that the tests of this room train and cut."""

from collections.abc import Callable

import pytest
import torch
from torch import nn


def block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


@pytest.fixture
def network() -> nn.Sequential:
    """1 -> 8 -> 12 channels -> 3 classes, with scales that all differ."""
    torch.manual_seed(0)
    made = nn.Sequential(*block(1, 8), *block(8, 12), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3))
    with torch.no_grad():
        for module in made:
            if isinstance(module, nn.BatchNorm2d):
                module.weight.copy_(torch.randn(module.num_features))
                module.running_mean.normal_()
                module.bias.normal_()
    return made


@pytest.fixture
def trained_on() -> Callable[[nn.Module], None]:
    """Every scale and weight one per cent larger: an epoch in which something moves and no channel overtakes another."""

    def grow(network: nn.Module) -> None:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.01)

    return grow


@pytest.fixture
def example() -> torch.Tensor:
    return torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(1))
