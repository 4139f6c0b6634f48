"""ResNet-18 and ResNet-50: torchvision's names where it is installed, and the stem of small images."""

import importlib

import pytest
import torch
from torch import nn

from netchip.models.optional import ensure_torchvision
from netchip.models.resnet import ResNet


def made(depth: int, image_size: int = 224) -> ResNet:
    return ResNet(depth, classes=1000, width=1.0, image_size=image_size, in_channels=3)


@pytest.mark.parametrize("depth", [18, 50])
def test_torchvisions_weights_fit_and_compute_the_same(depth: int) -> None:
    if ensure_torchvision() == "absent":
        pytest.skip("the extra 'vision' is not installed")
    theirs = getattr(importlib.import_module("torchvision.models"), f"resnet{depth}")().eval()
    ours = made(depth).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize(("size", "stride", "last"), [(64, 1, 8), (65, 2, 3), (8, 1, 1)])
def test_small_images_are_not_halved_in_the_stem(size: int, stride: int, last: int) -> None:
    network = made(18, size).eval()
    assert network.conv1.stride == (stride, stride)
    assert isinstance(network.maxpool, nn.Identity) == (stride == 1)
    x = network.maxpool(network.conv1(torch.zeros(1, 3, size, size)))
    assert network.layer4(network.layer3(network.layer2(network.layer1(x)))).shape[-1] == last
