"""Small networks that several tests gate."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
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


@dataclass
class Exported:
    """A gated network whose decisions differ from image to image, and its ONNX pieces."""

    network: FractionalNetwork
    images: Tensor
    pieces: Any


@pytest.fixture(scope="session")
def exported() -> Exported:
    """ResNet-14 of half width with skip, 4 and 8 bits and full, its LSTM gate turned up; exported once for all tests."""
    pytest.importorskip("onnxruntime")
    from netchip.methods.fractional_skipping.export.pieces import export_pieces

    torch.manual_seed(0)
    network, images = gated("skip, 4, 8, full", "recurrent")
    return Exported(network, images, export_pieces(network, images))


def gated(options: str, gate: str) -> tuple[FractionalNetwork, Tensor]:
    """ResNet-14 of half width on nine images of 12 x 12, whose gate takes every option about as often."""
    images = torch.randn(9, 3, 12, 12, generator=torch.Generator().manual_seed(2))
    model = _stir(CifarResNet(14, classes=10, width=0.5, in_channels=3), 1).eval()
    network = make_fractional(model, options, gate, example=images).eval()
    with torch.no_grad():
        network.gate.head.weight.mul_(30)  # pyright: ignore
        for _ in range(6):
            mean = network(images, detail=True, form="static").logits.mean(0)
            network.logit_bias -= mean - mean.mean(1, keepdim=True)
    return network, images
