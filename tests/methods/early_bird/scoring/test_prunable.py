"""What a search can prune in networks of every kind, and why not the rest."""

from typing import Any

import pytest
import torch
from torch import nn

from netchip.methods.early_bird.scoring.prunable import prunable
from netchip.models.build import build, example_input
from netchip.models.spec import ModelSpec


def found(name: str, **settings: Any) -> Any:
    spec = ModelSpec(name=name, image_size=16, width=0.25)
    return prunable(build(spec), example_input(spec, 2), **({"importance": "auto", "stream": "coupled"} | settings))


@pytest.mark.parametrize("name", ["vgg16_bn", "resnet20", "preresnet20", "mobilenet_v2"])
def test_networks_with_batchnorm_are_ranked_by_gamma(name: str) -> None:
    result = found(name)
    assert result.importance == "gamma"
    assert result.groups
    assert result.unranked == ()


def test_without_any_norm_by_weights() -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2))
    result = prunable(network, torch.randn(2, 4), importance="auto", stream="coupled")
    assert (result.importance, [group.name for group in result.groups]) == ("l2", ["3"])


def test_where_some_have_scales_the_others_are_named() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 1), nn.ReLU(), nn.Conv2d(6, 2, 1)
    )
    result = prunable(network, torch.randn(2, 1, 4, 4), importance="auto", stream="coupled")
    assert [group.name for group in result.groups] == ["0"]
    assert [(left.name, left.channels) for left in result.unranked] == [("3", 6)]
    assert "no BatchNorm scale to rank them by" in result.unranked[0].reason
    assert len(prunable(network, torch.randn(2, 1, 4, 4), importance="l2", stream="coupled").groups) == 2


def test_a_stream_kept_whole_is_read_by_selection() -> None:
    groups = found("preresnet20", stream="full").groups
    selecting = [member.module for group in groups if group.selects for member in group.members if member.axis == "in"]
    assert selecting == [f"layer{stage}.{block}.conv1" for stage in (1, 2, 3) for block in (0, 1)] + ["fc"]
    assert not any(group.selects for group in found("preresnet20").groups)
