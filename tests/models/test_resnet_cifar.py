"""CIFAR ResNets by hand, and against the published figures of both kinds of shortcut."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from netchip.models.resnet_cifar import CifarResNet


def made(depth: int, in_channels: int = 3) -> CifarResNet:
    return CifarResNet(depth, classes=10, width=1.0, in_channels=in_channels)


def macs(depth: int) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        made(depth).eval()(torch.zeros(1, 3, 32, 32))
    return counter.get_total_flops() // 2


PROJECTION_PARAMETERS = (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
PROJECTION_MACS = 16 * 32 * 16 * 16 + 32 * 64 * 8 * 8


@pytest.mark.parametrize(
    ("depth", "parameters"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)]
)
def test_parameters_of_the_papers_shortcuts_and_of_ours(depth: int, parameters: int) -> None:
    """Without projections: 0.27, 0.46, 0.66, 0.85 and 1.7 M in He et al., arXiv 1512.03385, table 6 (option A).

    By hand: stem 432, classifier 650, 2n convolutions of 9 C C' in each stage, 2 C a norm.
    """
    n = (depth - 2) // 6
    convolutions = 9 * (2 * n * 16**2 + 16 * 32 + (2 * n - 1) * 32**2 + 32 * 64 + (2 * n - 1) * 64**2)
    norms = 2 * (16 + 2 * n * (16 + 32 + 64))
    assert 432 + 650 + convolutions + norms == parameters
    assert sum(each.numel() for each in made(depth).parameters()) == parameters + PROJECTION_PARAMETERS


@pytest.mark.parametrize(
    ("depth", "option_b", "option_a"),
    [(20, 40.81, 40.55), (32, 69.12, 68.86), (44, 97.44, 97.17), (56, 125.75, 125.49)],
)
def test_macs_in_millions_as_published(depth: int, option_b: float, option_a: float) -> None:
    """Option B: the table of chenyaofo/pytorch-cifar-models. Option A: 125.49 M for ResNet-56 in HRank (arXiv 2002.10179).

    The other option A figures are ours less the projections.
    """
    assert macs(depth) / 1e6 == pytest.approx(option_b, abs=0.01)
    assert (macs(depth) - PROJECTION_MACS) / 1e6 == pytest.approx(option_a, abs=0.01)


@pytest.mark.parametrize("size", [8, 16, 33])
def test_any_image_size(size: int) -> None:
    assert made(8, in_channels=1)(torch.zeros(2, 1, size, size)).shape == (2, 10)
