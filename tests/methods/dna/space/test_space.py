"""Spaces, their networks, and the layers that stand for them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import netchip
from netchip.errors import ConfigError, DataError
from netchip.graph.to_workload import to_workload
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.files import read_description, save_network
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.space.presets import BLOCKS, preset
from netchip.methods.dna.space.quantized import BitConv2d
from netchip.methods.dna.space.space import NetworkSpace, Position

OPTIONS = ("k3_e1", "k5_e1_g2", "skip")


def tiny(**changes: object) -> NetworkSpace:
    settings = {"classes": 10, "in_channels": 1, "image_size": 8, "width": 0.5, "options": OPTIONS} | changes
    return preset("small", **settings)


@dataclass(frozen=True)
class Plain:
    """A user's own block: one bare convolution."""

    name: str = "plain"

    def build(self, inputs: int, outputs: int, stride: int) -> nn.Module:
        return nn.Conv2d(inputs, outputs, 3, stride, 1)


def test_the_released_spaces_have_nine_options_in_22_places() -> None:
    for name, strides, head in (("cifar", 8, 1504), ("imagenet", 16, 1984)):
        space = preset(name, classes=10, image_size=32 if name == "cifar" else 224)
        assert len(space.positions) == 22
        assert space.count == pytest.approx(9**22)
        assert [each.name for each in space.positions[0].options] == list(BLOCKS)
        assert space.sizes[-1] == space.image_size // strides // space.stem_stride
        assert (space.head_channels, space.positions[-1].outputs) == (head, 352)


def test_put_together_layers_are_those_of_the_network_as_it_is_captured() -> None:
    space = tiny(options=("k5_e3_g2", "k3_e6", "skip"))
    architecture = space.architecture([(0, 0), (1, 0), (2, 0), (2, 0), (0, 0), (1, 0)])  # strides, groups, both skips
    captured = to_workload(space.derive(architecture).eval(), space.example())
    found = SpaceLayers(space).workload(architecture)
    assert [(layer.name, layer.shape) for layer in found.layers] == [
        (each.name, each.shape) for each in captured.layers
    ]
    assert {layer.precision.weight_bits for layer in found.layers} == {16}


def test_a_block_of_my_own_is_searched_and_counted_like_the_others() -> None:
    space = tiny()
    mine = replace(space, positions=tuple(replace(each, options=(*each.options, Plain())) for each in space.positions))
    architecture = mine.uniform("plain")
    captured = to_workload(mine.derive(architecture).eval(), mine.example())
    assert [each.name for each in SpaceLayers(mine).workload(architecture).layers] == [
        each.name for each in captured.layers
    ]
    with pytest.raises(DataError, match="plain is a block of your own, which no file describes"):
        save_network("nowhere", mine.derive(architecture))


def test_the_expected_workload_runs_each_option_as_often_as_it_is_probable() -> None:
    space = replace(tiny(), positions=tiny().positions[:1])
    layers = SpaceLayers(space)
    chances = np.array([[0.25], [0.75], [0.0]])
    expected = layers.expected([chances])
    by_hand = (
        0.25 * layers.workload(space.uniform("k3_e1")).macs + 0.75 * layers.workload(space.uniform("k5_e1_g2")).macs
    )
    assert expected.macs == pytest.approx(by_hand)
    assert not [layer for layer in expected.layers if "skip" in layer.name]


def test_bits_of_a_position_are_those_of_its_layers_and_its_convolutions() -> None:
    space = tiny(bits=(4, 8))
    architecture = space.uniform("k3_e1", 4)
    found = SpaceLayers(space).workload(architecture)
    assert {layer.precision.weight_bits for layer in found.layers if layer.name.startswith("blocks")} == {4}
    assert {layer.precision.weight_bits for layer in found.layers if not layer.name.startswith("blocks")} == {8}
    network = space.derive(architecture)
    network(torch.randn(2, 1, 8, 8)).sum().backward()
    convolutions = [each for each in network.modules() if isinstance(each, BitConv2d)]
    assert len(convolutions) == 3 * len(space.positions)
    assert all(each.weight.grad is not None for each in convolutions)


def test_a_network_of_four_bits_has_fifteen_weights_a_channel_at_most() -> None:
    convolution = BitConv2d(nn.Conv2d(3, 2, 5), 4)
    seen: list[torch.Tensor] = []
    convolution._conv_forward = lambda x, weight, bias: seen.extend((x, weight)) or x  # type: ignore[assignment, method-assign]
    convolution(torch.rand(2, 3, 8, 8))
    assert max(len(row.unique()) for row in seen[1]) <= 15
    assert 8 < len(seen[0].unique()) <= 16


def test_a_network_comes_back_from_its_folder(tmp_path: Path) -> None:
    space = tiny(bits=(4, 16))
    network = space.derive(space.random(np.random.default_rng(1)))
    network(torch.randn(4, 1, 8, 8))  # measures the ranges
    save_network(tmp_path, network)
    read = netchip.load(tmp_path)
    assert read_description(tmp_path / "network.json") == (space, network.architecture)
    images = torch.randn(3, 1, 8, 8)
    assert torch.equal(read(images), network.eval()(images))


def test_an_architecture_reads_back_and_what_is_none_is_refused() -> None:
    space = tiny()
    one = space.random(np.random.default_rng(0))
    assert Architecture.from_json(one.to_json()) == one
    for broken, said in (({"format": 2}, "format 2"), ({"format": 1, "space": "a"}, "not an architecture")):
        with pytest.raises(DataError, match=said):
            Architecture.from_json(broken)
    with pytest.raises(DataError, match=r"block0 has no option 'k3_e2' \(did you mean"):
        space.places(replace(one, blocks=("k3_e2", *one.blocks[1:])))
    with pytest.raises(DataError, match="has no 5 bits; it has 16"):
        space.places(replace(one, bits=(5,) * 6))
    with pytest.raises(DataError, match="an architecture of space 'other' with 6 blocks and 6 bits; this is 'small'"):
        space.places(replace(one, space="other"))


def test_spaces_that_do_not_hold_together_are_refused() -> None:
    space = tiny()
    first = replace(space.positions[0], outputs=5)
    with pytest.raises(ConfigError, match="block1 takes 4 channels, but is given 5"):
        replace(space, positions=(first, *space.positions[1:]))
    with pytest.raises(ConfigError, match="give rising numbers from 2 to 24"):
        replace(space, bits=(8, 4))
    with pytest.raises(ConfigError, match="give one or more, each of another name"):
        Position("a", 1, 1, 1, ())
    with pytest.raises(ConfigError, match="no space is called 'tall'"):
        preset("tall", classes=2)  # type: ignore[arg-type]


def test_looking_at_layers_takes_no_random_numbers() -> None:
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    layers = SpaceLayers(tiny(image_size=16, width=0.75))
    layers.workload(layers.space.uniform("k3_e1"))
    assert torch.equal(torch.rand(3), wanted)
