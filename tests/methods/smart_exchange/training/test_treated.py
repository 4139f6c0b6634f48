"""Which weights are treated, under which name, and why not the rest."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from netchip.errors import ConfigError
from netchip.methods.smart_exchange.training.treated import find_weights


class Many(nn.Module):
    """One of each kind, with a head tied to the embedding and a parameter of no known layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 12)
        self.conv = nn.Conv2d(4, 6, 3, groups=2)
        self.line = nn.Conv1d(4, 6, 5, dilation=2)
        self.volume = nn.Conv3d(2, 3, 3)
        self.up = nn.ConvTranspose2d(4, 6, 3, groups=2)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(12, 7)
        self.head.weight = self.embedding.weight
        self.table = nn.Parameter(torch.zeros(5, 4))


def test_each_kind_is_found_and_a_tied_weight_once() -> None:
    treated, passed = find_weights(Many())
    assert [(found.name, found.kind, found.groups) for found in treated] == [
        ("embedding.weight", "embedding", 1),
        ("conv.weight", "conv", 2),
        ("line.weight", "conv", 1),
        ("volume.weight", "conv", 1),
        ("up.weight", "transposed", 2),
    ]
    assert treated[0].tied == ("head.weight",)
    assert treated[1].shape == (6, 2, 3, 3)
    assert {each.name: each.reason for each in passed} == {
        "table": "belongs to no convolution, linear layer or embedding"
    }


def test_patterns_choose_by_weight_or_module_name_and_reach_tied_names() -> None:
    treated, passed = find_weights(Many(), only=("conv", "table", "v*"), skip=("volume.weight",))
    assert [found.name for found in treated] == ["table", "conv.weight"]
    reasons = {each.name: each.reason for each in passed}
    assert reasons["volume.weight"] == "left out by the pattern 'volume.weight'"
    assert reasons["up.weight"] == "not among the patterns of only"
    treated, passed = find_weights(Many(), skip=("head",))
    assert "embedding.weight" not in {found.name for found in treated}


def test_a_pattern_that_fits_nothing_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"'convv' fits no weight of this network; did you mean 'conv'\?"):
        find_weights(Many(), skip=("convv",))
    with pytest.raises(ConfigError, match=r"weights are named .*table"):
        find_weights(Many(), only=("?",))


def test_a_weight_that_is_computed_is_left_alone() -> None:
    network = nn.Sequential(weight_norm(nn.Linear(6, 4)), nn.Linear(4, 2))
    treated, passed = find_weights(network)
    assert [found.name for found in treated] == ["1.weight"]
    assert [(each.name, each.reason) for each in passed] == [
        ("0.weight", "computed by a parametrisation; remove that first")
    ]
