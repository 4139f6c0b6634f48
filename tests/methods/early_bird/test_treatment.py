"""What a ticket could prune, before any training."""

import torch
from torch import nn

from netchip.methods import find_method
from netchip.methods.early_bird.treatment import treatment


def test_groups_with_scales_are_treated(network: nn.Sequential, example: torch.Tensor) -> None:
    found = treatment(network, example)
    assert (found.treats, found.channels, found.why_not) == (("0", "3"), 20, "")


def test_what_has_no_scale_is_named(network: nn.Sequential, example: torch.Tensor) -> None:
    found = treatment(nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Conv2d(4, 1, 1), network), example)
    assert found.treats == ("3.0", "3.3")
    assert found.why_not == "no BatchNorm scale ranks the channels of: 0"


def test_a_network_with_nothing_to_prune_gets_the_reason() -> None:
    found = find_method("early-bird").treatment(nn.Linear(2, 3), torch.zeros(1, 2))
    assert (found.treats, found.channels) == ((), 0)
    assert "nothing an early-bird ticket can prune" in found.why_not
