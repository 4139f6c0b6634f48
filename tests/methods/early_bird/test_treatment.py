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
    assert found.why_not == "those of 0 have no BatchNorm scale to rank them by (importance 'l2' needs none)"


def test_a_network_without_scales_is_ranked_by_its_weights() -> None:
    found = treatment(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), torch.randn(2, 4))
    assert (found.treats, found.why_not) == (("0",), "ranked by weights (group L2), having no BatchNorm")


def test_a_network_with_nothing_to_prune_gets_the_reason() -> None:
    found = find_method("early-bird").treatment(nn.Linear(2, 3), torch.zeros(1, 2))
    assert (found.treats, found.channels) == ((), 0)
    assert "nothing an early-bird ticket can prune" in found.why_not
