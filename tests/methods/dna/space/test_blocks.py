"""Blocks by hand: what they hold, how large they are, what is refused."""

import pytest
import torch
from torch import nn

from netchip.errors import ConfigError, DataError
from netchip.methods.dna.space.blocks import Block, MBConv, Skip, block_named
from netchip.methods.dna.space.modules import ChannelShuffle


@pytest.mark.parametrize("name", ["k3_e1", "k5_e1_g2", "k3_e6", "skip"])
def test_a_name_reads_back(name: str) -> None:
    assert block_named(name).name == name


def test_weights_of_an_inverted_residual() -> None:
    # 8 -> 24 in 2 groups: 4 x 24; depthwise 25 x 24; 24 -> 12 in 2 groups: 12 x 12; norms 2 x (24 + 24 + 12)
    module = MBConv(5, 3, 2).build(8, 12, 1)
    assert sum(weights.numel() for weights in module.parameters()) == 4 * 24 + 25 * 24 + 12 * 12 + 2 * 60


def test_a_shortcut_is_there_where_shapes_agree() -> None:
    maps = torch.randn(2, 8, 6, 6)
    for stride, outputs, alike in ((1, 8, True), (2, 8, False), (1, 10, False)):
        module = MBConv(3, 1).build(8, outputs, stride).eval()
        nn.init.zeros_(module.project.norm.weight)  # the block itself makes nothing
        made = module(maps)
        assert made.shape == (2, outputs, 6 // stride, 6 // stride)
        assert torch.equal(made, maps) == alike


def test_the_shuffle_lets_each_group_see_the_other() -> None:
    maps = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert ChannelShuffle(2)(maps).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_a_skip_is_nothing_or_a_convolution() -> None:
    assert isinstance(Skip().build(8, 8, 1), nn.Identity)
    made = Skip().build(8, 12, 2)
    assert made(torch.zeros(1, 8, 5, 5)).shape == (1, 12, 3, 3)
    assert sum(weights.numel() for weights in made.parameters()) == 8 * 12 + 2 * 12


def test_what_is_no_block_is_refused() -> None:
    with pytest.raises(DataError, match="no block is called 'k3'; write 'skip', or such as"):
        block_named("k3")
    with pytest.raises(ConfigError, match="give an odd kernel"):
        MBConv(4, 1)
    with pytest.raises(ConfigError, match="2 groups do not divide 5 and 8 channels"):
        MBConv(3, 1, 2).build(5, 8, 1)


def test_blocks_are_values_of_the_protocol() -> None:
    assert isinstance(MBConv(3, 1), Block)
    assert {MBConv(3, 1), MBConv(3, 1), Skip()} == {Skip(), MBConv(3, 1)}
