"""What each layer type loses, against slices written out by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import GraphError
from netchip.graph.slicing import (
    axis_length,
    bare_parameter_dim,
    computed_tensors,
    is_per_channel_conv,
    layer_cut,
    positions_that_go_together,
)


def cut(layer, **keep):
    return layer_cut(layer, {axis: np.array(kept) for axis, kept in keep.items()})


def plain(found):
    return {name: {dim: kept.tolist() for dim, kept in dims.items()} for name, dims in found.tensors.items()}


@pytest.mark.parametrize(
    ("layer", "keep", "tensors", "numbers"),
    [
        (nn.Conv2d(4, 6, 3), {"out": [0, 5]}, {"weight": {0: [0, 5]}, "bias": {0: [0, 5]}}, {"out_channels": 2}),
        (nn.Conv2d(4, 6, 3, bias=False), {"in": [1, 2]}, {"weight": {1: [1, 2]}}, {"in_channels": 2}),
        (nn.Conv1d(4, 6, 3, groups=2), {"in": [1, 3]}, {"weight": {1: [1]}}, {"in_channels": 2}),
        (
            nn.Conv2d(4, 6, 3, groups=2),
            {"out": [0, 2, 3, 5]},
            {"weight": {0: [0, 2, 3, 5]}, "bias": {0: [0, 2, 3, 5]}},
            {"out_channels": 4},
        ),
        (nn.ConvTranspose2d(4, 6, 2), {"in": [3]}, {"weight": {0: [3]}}, {"in_channels": 1}),
        (
            nn.ConvTranspose2d(4, 6, 2, groups=2),
            {"out": [0, 1, 3, 4]},
            {"weight": {1: [0, 1]}, "bias": {0: [0, 1, 3, 4]}},
            {"out_channels": 4},
        ),
        (
            nn.Conv2d(3, 6, 3, groups=3),
            {"channels": [0, 2]},
            {"weight": {0: [0, 1, 4, 5]}, "bias": {0: [0, 1, 4, 5]}},
            {"groups": 2, "in_channels": 2, "out_channels": 4},
        ),
        (
            nn.ConvTranspose2d(3, 6, 3, groups=3),
            {"channels": [1]},
            {"weight": {0: [1]}, "bias": {0: [2, 3]}},
            {"groups": 1, "in_channels": 1, "out_channels": 2},
        ),
        (
            nn.Linear(4, 5),
            {"in": [0, 3], "out": [1]},
            {"weight": {1: [0, 3], 0: [1]}, "bias": {0: [1]}},
            {"in_features": 2, "out_features": 1},
        ),
        (nn.Embedding(9, 4), {"out": [2, 3]}, {"weight": {1: [2, 3]}}, {"embedding_dim": 2}),
        (
            nn.BatchNorm2d(4),
            {"channels": [1]},
            {name: {0: [1]} for name in ("weight", "bias", "running_mean", "running_var")},
            {"num_features": 1},
        ),
        (nn.InstanceNorm1d(4), {"channels": [1, 2]}, {}, {"num_features": 2}),
        (
            nn.GroupNorm(2, 6),
            {"channels": [3, 4, 5]},
            {"weight": {0: [3, 4, 5]}, "bias": {0: [3, 4, 5]}},
            {"num_channels": 3, "num_groups": 1},
        ),
        (nn.LayerNorm(4, bias=False), {"channels": [0]}, {"weight": {0: [0]}}, {"normalized_shape": (1,)}),
        (nn.RMSNorm(4), {"channels": [0, 1]}, {"weight": {0: [0, 1]}}, {"normalized_shape": (2,)}),
        (nn.PReLU(4), {"channels": [0, 1]}, {"weight": {0: [0, 1]}}, {"num_parameters": 2}),
        (nn.Parameter(torch.zeros(4, 1, 1)), {"channels": [0, 1]}, {"": {0: [0, 1]}}, {}),
    ],
)
def test_what_is_left(layer, keep, tensors, numbers):
    found = cut(layer, **keep)
    assert plain(found) == tensors
    assert dict(found.numbers) == numbers


@pytest.mark.parametrize(
    ("layer", "keep"),
    [
        (nn.Conv2d(4, 6, 3, groups=2), {"in": [0, 3]}),
        (nn.Conv2d(4, 6, 3, groups=2), {"out": [0, 1, 2, 3]}),
        (nn.GroupNorm(2, 6), {"channels": [0, 1, 2, 3]}),
    ],
)
def test_what_goes_together_is_not_torn_apart(layer, keep):
    with pytest.raises(GraphError, match="only together with their partners"):
        cut(layer, **keep)


def test_labels_of_what_goes_together():
    assert positions_that_go_together(nn.Conv2d(4, 6, 3, groups=2), "out").tolist() == [0, 1, 2, 0, 1, 2]
    assert positions_that_go_together(nn.GroupNorm(2, 6), "channels").tolist() == [0, 0, 0, 1, 1, 1]
    assert positions_that_go_together(nn.Linear(2, 3), "out").tolist() == [0, 1, 2]
    with pytest.raises(GraphError, match="Linear has no axis 'channels'"):
        positions_that_go_together(nn.Linear(2, 3), "channels")


def test_axes():
    assert axis_length(nn.PReLU(), "channels") is None
    assert axis_length(nn.LayerNorm((4, 4)), "channels") is None
    assert axis_length(nn.LSTM(3, 4), "out") is None
    assert axis_length(nn.Conv2d(4, 4, 1, groups=4), "out") is None
    assert axis_length(torch.zeros(5, 1), "channels") == 5
    assert (bare_parameter_dim((1, 3, 7)), bare_parameter_dim((1, 1)), bare_parameter_dim((3, 1, 1))) == (2, -1, 0)
    assert is_per_channel_conv(nn.Conv2d(4, 8, 1, groups=4))
    assert not is_per_channel_conv(nn.Conv2d(8, 4, 1, groups=4))
    assert not is_per_channel_conv(nn.Conv2d(1, 4, 1))


def test_computed_tensors_are_named():
    assert computed_tensors(nn.Linear(2, 2)) is None
    assert "parametrization" in (computed_tensors(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))) or "")
    assert "spectral_norm" in (computed_tensors(nn.utils.spectral_norm(nn.Linear(2, 2))) or "")
