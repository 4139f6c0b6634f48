"""VGG by hand: weights and MACs stage by stage, and the pools that a small image leaves out."""

import pytest
import torch
from torch import nn

from netchip.models.vgg import VGG

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def made(image_size: int, **changes: float) -> VGG:
    return VGG(16, **{"classes": 10, "width": 1.0, "image_size": image_size, "in_channels": 3, **changes})  # type: ignore[arg-type]


def test_parameters_stage_by_stage() -> None:
    """3x3 weights without bias, two numbers a norm channel, one linear layer: 14,724,042."""
    total, channels = 512 * 10 + 10, 3
    for stage in STAGES:
        for planes in stage:
            total += 9 * channels * planes + 2 * planes
            channels = planes
    assert total == 14_724_042
    assert sum(each.numel() for each in made(32).parameters()) == total


@pytest.mark.parametrize(("size", "pools", "last"), [(32, 4, 2), (16, 4, 1), (8, 3, 1), (4, 2, 1), (64, 4, 4)])
def test_pools_stop_at_one_pixel(size: int, pools: int, last: int) -> None:
    network = made(size, width=0.125).eval()
    assert sum(isinstance(each, nn.MaxPool2d) for each in network.modules()) == pools
    assert network.features(torch.zeros(1, 3, size, size)).shape[-2:] == (last, last)


def test_the_deeper_one_has_its_published_norm_channels() -> None:
    """5,504 in network slimming's VGG-19: 2x64 + 2x128 + 4x256 + 8x512."""
    network = VGG(19, classes=10, width=1.0, image_size=32, in_channels=3)
    assert sum(each.num_features for each in network.modules() if isinstance(each, nn.BatchNorm2d)) == 5504
