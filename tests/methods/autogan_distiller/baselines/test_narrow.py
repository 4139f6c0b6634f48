import pytest
import torch
from torch import nn

from netchip.errors import BudgetError
from netchip.methods.autogan_distiller.baselines.narrow import fullest_within, widest_within
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.models.srgan import SRGANGenerator

EXAMPLE = torch.zeros(1, 3, 8, 8)


def wide(width: int) -> nn.Module:
    return nn.Conv2d(3, width, 1)


def test_the_widest_network_within_by_hand() -> None:
    """3 x width x 64 MACs: 1000 are 5 channels (960), and no more than `most` however much is allowed."""
    for budget, expected in ((1000.0, 5), (960.0, 5), (192.0, 1), (1e9, 16)):
        network = widest_within(wide, Macs(), EXAMPLE, budget, most=16, what="a convolution")
        assert network.out_channels == expected
    with pytest.raises(
        BudgetError, match=r"a convolution of width 1 costs 192 ?MACs, more than 100 ?MACs; leave this baseline out"
    ):
        widest_within(wide, Macs(), EXAMPLE, 100.0, most=16, what="a convolution")


def test_of_several_depths_the_dearest_is_taken() -> None:
    """64 pixels: 3 x w x 64 within 1000 MACs is 960 at 5 channels; twice as deep, (3 w + w^2) x 64 is 640 at 2."""

    def deep(width: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, width, 1), nn.Conv2d(width, width, 1))

    def taken(budget: float) -> nn.Module:
        return fullest_within([deep, wide], Macs(), EXAMPLE, budget, most=16, what="a convolution")

    assert isinstance(taken(1000.0), nn.Conv2d)
    assert isinstance(taken(256.0), nn.Sequential)  # 256 at 1 channel, against 192
    assert isinstance(taken(200.0), nn.Conv2d)  # the deep one is too dear at any width
    with pytest.raises(BudgetError, match=r"a convolution of width 1 costs 192 ?MACs, more than 100 ?MACs"):
        taken(100.0)


def test_a_narrow_teacher_is_as_dear_as_it_may_be() -> None:
    budget = 0.1 * Macs().of_model(SRGANGenerator(2, channels=16, blocks=2).eval(), EXAMPLE)

    def make(width: int) -> nn.Module:
        return SRGANGenerator(2, channels=width, blocks=2)

    network = widest_within(make, Macs(), EXAMPLE, budget, most=16, what="the teacher's shape")
    width = network.block1[0].out_channels
    assert Macs().of_model(network.eval(), EXAMPLE) <= budget < Macs().of_model(make(width + 1).eval(), EXAMPLE)
