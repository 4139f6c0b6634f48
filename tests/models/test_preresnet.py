"""PreResNets by hand: norm channels as the Early-Bird code counts them, weights block by block."""

import pytest
import torch
from torch import nn

from netchip.models.preresnet import PreResNet


def made(depth: int) -> PreResNet:
    return PreResNet(depth, classes=10, width=1.0, in_channels=3)


def blocks(depth: int) -> list[tuple[int, int]]:
    """(input channels, inner channels) of each block: the first of a stage reads the stage before, 4 x as wide as inside."""
    n, found, inputs = (depth - 2) // 9, [], 16
    for inner in (16, 32, 64):
        found += [(inputs, inner)] + [(4 * inner, inner)] * (n - 1)
        inputs = 4 * inner
    return found


@pytest.mark.parametrize(("depth", "channels"), [(101, 7408), (164, 12_112)])
def test_norm_channels(depth: int, channels: int) -> None:
    """A norm before each of three convolutions and one at the end; 7,408 for depth 101, 12,112 in slimming's 164."""
    assert sum(inputs + 2 * inner for inputs, inner in blocks(depth)) + 256 == channels
    norms = [each for each in made(depth).modules() if isinstance(each, nn.BatchNorm2d)]
    assert sum(each.num_features for each in norms) == channels


@pytest.mark.parametrize(("depth", "parameters"), [(101, 1_054_106), (164, 1_703_258)])
def test_parameters_block_by_block(depth: int, parameters: int) -> None:
    """A block: C I + 9 I I + 4 I I weights, a 4 C I shortcut where C is not 4 I; stem 432, norms 2 a channel, classifier 2570.

    1,703,258 agrees with the 1.70 M of network slimming's ResNet-164 (arXiv 1708.06519, table 1).
    """
    total = 432 + 2570 + 2 * 256
    for index, (inputs, inner) in enumerate(blocks(depth)):
        first = index % ((depth - 2) // 9) == 0
        total += inputs * inner + 13 * inner**2 + 4 * inputs * inner * first + 2 * (inputs + 2 * inner)
    assert total == parameters
    assert sum(each.numel() for each in made(depth).parameters()) == total


def test_the_shortcut_reads_what_no_norm_has_touched() -> None:
    block = made(20).layer1[0]
    for norm in (block.bn1, block.bn2, block.bn3):
        nn.init.zeros_(norm.weight)
    x = torch.randn(1, 16, 4, 4)
    assert torch.equal(block(x), block.downsample(x))
