"""The CycleGAN generator against its published counts."""

import pytest
import torch

from netchip.graph.to_workload import to_workload
from netchip.models.resnet_generator import ResNetGenerator


def test_weights_and_macs_are_the_published_ones() -> None:
    """11.37 M weights; 49.55 GMACs at 256x256, transposed convolutions counted once per input position."""
    network = ResNetGenerator().eval()
    assert sum(each.numel() for each in network.parameters()) / 1e6 == pytest.approx(11.373, abs=0.001)
    workload = to_workload(network, torch.zeros(1, 3, 32, 32))
    assert workload.macs * 64 / 1e9 == pytest.approx(49.55, abs=0.01)


def test_images_keep_their_size_and_range() -> None:
    image = ResNetGenerator(width=4, blocks=1)(torch.randn(2, 3, 16, 24))
    assert image.shape == (2, 3, 16, 24)
    assert image.abs().max() <= 1
