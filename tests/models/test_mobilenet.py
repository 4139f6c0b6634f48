"""MobileNetV2 against torchvision, weight by weight, its widths and its small-image strides."""

import importlib

import pytest
import torch
from torch import nn

from netchip.models.mobilenet import MobileNetV2
from netchip.models.optional import ensure_torchvision


def made(image_size: int = 224, width: float = 1.0) -> MobileNetV2:
    return MobileNetV2(classes=1000, width=width, image_size=image_size, in_channels=3)


@pytest.mark.parametrize("width", [1.0, 0.5, 1.4])
def test_torchvisions_weights_in_order_compute_the_same(width: float) -> None:
    if ensure_torchvision() == "absent":
        pytest.skip("the extra 'vision' is not installed")
    models = importlib.import_module("torchvision.models")
    theirs = models.mobilenet_v2(width_mult=width).eval()
    ours = made(width=width).eval()
    values = list(theirs.state_dict().values())
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize(("size", "last"), [(224, 7), (32, 8), (8, 2)])
def test_small_images_are_halved_three_times_fewer(size: int, last: int) -> None:
    assert made(size, width=0.25).features(torch.zeros(1, 3, size, size)).shape[-1] == last


def test_channels_are_multiples_of_eight_and_the_last_never_shrinks() -> None:
    convolutions = [each for each in made(width=0.35).modules() if isinstance(each, nn.Conv2d)]
    assert all(each.out_channels % 8 == 0 for each in convolutions)
    assert convolutions[-1].out_channels == 1280
