"""The scales of a network as one vector, and their means over units, by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from netchip.graph.groups import ChannelGroup, Member
from netchip.methods.early_bird.scoring.scales import (
    as_scores,
    flat_scales,
    frozen_scales,
    scale_names,
    unit_means,
    zero_scales,
)


def test_every_batchnorm_with_a_scale_in_module_order(network: nn.Sequential) -> None:
    network.append(nn.BatchNorm1d(3, affine=False))
    assert scale_names(network) == ("1", "4")


def test_magnitudes_one_after_another(network: nn.Sequential) -> None:
    flat = as_scores(flat_scales(network, ("4", "1")))
    assert flat[:12] == pytest.approx(network[4].weight.detach().abs().double().numpy())
    assert flat[12:] == pytest.approx(network[1].weight.detach().abs().double().numpy())


def test_which_are_frozen_and_which_are_zero(network: nn.Sequential) -> None:
    network[1].weight.requires_grad_(False)
    nn.init.zeros_(network[4].weight)
    assert frozen_scales(network, ("1", "4")) == ("1",)
    assert zero_scales(network, ("1", "4")) == ("4",)


def group(name: str, norms: dict[str, list[list[int]]]) -> ChannelGroup:
    members = tuple(Member(norm, "channels", np.array(index)) for norm, index in norms.items())
    return ChannelGroup(name, len(next(iter(norms.values()))), members, tuple(norms))


def test_means_over_norms_and_over_the_channels_of_a_unit() -> None:
    """Two units of two channels in `a` (1 and 3, 2 and 4) and of one channel in `b`: means 2, 3 of `a`; 10, 20 of `b`."""
    found = unit_means([group("g", {"a": [[0, 2], [1, 3]], "b": [[0], [1]]})], {"a": 4, "b": 2})
    assert found.of(np.array([1.0, 2.0, 3.0, 4.0, 10.0, 20.0])).tolist() == [6.0, 11.5]


def test_groups_follow_one_another() -> None:
    groups = [group("g", {"b": [[1], [0]]}), group("h", {"a": [[0]]})]
    assert unit_means(groups, {"a": 1, "b": 2}).of(np.array([5.0, 7.0, 8.0])).tolist() == [8.0, 7.0, 5.0]


def test_a_norm_is_left_out_where_there_are_others() -> None:
    groups = [group("g", {"a": [[0]], "b": [[0]]}), group("h", {"c": [[0]]})]
    found = unit_means(groups, {"a": 1, "b": 1, "c": 1}, without=("b", "c"))
    assert found.of(np.array([1.0, 100.0, 3.0])).tolist() == [1.0, 3.0]


def test_scores_are_exact_float64() -> None:
    assert as_scores(torch.tensor([0.1], dtype=torch.float32))[0] == float(np.float32(0.1))
