"""Which layers of a workload belong to a block, by name."""

import pytest

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.site import BlockSite, layers_of
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.shape import LayerShape

FOUR = LayerShape.linear(in_features=2, out_features=2)
NAMES = ("a.1.conv", "a.1.down.0", "a.1.down.0#2", "a.10.conv", "a.1", "a.1#2", "b.down")


def test_by_whole_parts_of_the_name() -> None:
    workload = Workload(tuple(Layer(name, FOUR) for name in NAMES))
    [found] = layers_of(workload, [BlockSite(name="a.1", shortcut="a.1.down")])
    assert [layer.name for layer in found.body] == ["a.1.conv", "a.1", "a.1#2"]
    assert [layer.name for layer in found.shortcut] == ["a.1.down.0", "a.1.down.0#2"]
    assert (found.macs, found.shortcut_macs) == (20, 8)


def test_a_block_without_layers() -> None:
    with pytest.raises(ConfigError, match=r"block 'c' has no layer in this workload, whose layers are a.1, \.\.\."):
        layers_of(Workload((Layer("a.1", FOUR),)), [BlockSite(name="c")])
