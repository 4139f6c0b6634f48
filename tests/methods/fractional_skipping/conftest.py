"""Small networks that several tests gate."""

import pytest
import torch
from torch import Tensor, nn

from netchip.models.resnet_cifar import CifarResNet


def _stir(model: nn.Module, seed: int) -> nn.Module:
    """BatchNorm statistics and scales that differ from their start, so that leaving one out shows."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = 0.3 * torch.randn(module.num_features, generator=generator)
            module.running_var = 0.5 + torch.rand(module.num_features, generator=generator)
            module.weight.data = 0.5 + torch.rand(module.num_features, generator=generator)
    return model


@pytest.fixture
def resnet14() -> CifarResNet:
    """Six blocks, five of them to gate, two with a shortcut; in evaluation."""
    torch.manual_seed(0)
    model = CifarResNet(14, classes=10, width=0.5, in_channels=3)
    _stir(model, 1)
    return model.eval()


@pytest.fixture
def images() -> Tensor:
    """Nine images of 12 x 12."""
    return torch.randn(9, 3, 12, 12, generator=torch.Generator().manual_seed(2))
