"""The masked model zeroes what is read, at every reader, and nothing else."""

import numpy as np
import torch
from torch import nn

from netchip.graph.cut_plan import CutPlan, GroupCut
from netchip.graph.masked import changed_input, channel_dim, masked


def _plan(where, length, positions):
    return CutPlan((GroupCut("g", length, len(positions), {where: np.array(positions)}),), {where: length}, {})


def test_a_linear_layer_reads_zeros_at_the_end_and_a_convolution_at_its_channels():
    linear, example = nn.Sequential(nn.Linear(3, 2)), torch.randn(4, 5, 3)
    zeroed = example.clone()
    zeroed[..., 1] = 0
    with masked(linear, _plan(("0", "in"), 3, [1])):
        assert torch.equal(linear(example), nn.functional.linear(zeroed, linear[0].weight, linear[0].bias))
    assert torch.equal(linear(example), nn.functional.linear(example, linear[0].weight, linear[0].bias))
    conv, image = nn.Sequential(nn.Conv2d(3, 2, 1)), torch.randn(3, 4, 4)
    silent = image.clone()
    silent[[0, 2]] = 0
    with masked(conv, _plan(("0", "in"), 3, [0, 2])):
        assert torch.equal(conv(image), nn.functional.conv2d(silent, conv[0].weight, conv[0].bias))


def test_inputs_by_name_and_broken_values_are_masked_too():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x):
            return self.layer(input=x)

    model = Named()
    example = torch.tensor([[1.0, float("nan"), 2.0]])
    with masked(model, _plan(("layer", "in"), 3, [1])):
        assert model(example).isfinite().all()
    assert not model.layer._forward_pre_hooks


def test_what_is_only_made_or_passed_on_is_not_masked():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval()
    example = torch.randn(1, 3, 2, 2)
    cuts = CutPlan(
        (GroupCut("0", 4, 1, {("0", "out"): np.array([1]), ("1", "channels"): np.array([1])}),),
        {("0", "out"): 4, ("1", "channels"): 4},
        {},
    )
    expected = model(example)
    with masked(model, cuts):
        assert torch.equal(model(example), expected)


def test_the_input_is_changed_where_it_was_given():
    one, other = torch.ones(2), torch.zeros(2)
    args, kwargs = changed_input((one, other), {"output_size": 3}, lambda x: 2 * x)
    assert (args[0].tolist(), args[1].tolist(), kwargs) == ([2, 2], [0, 0], {"output_size": 3})
    given = {"input": one, "output_size": 3}
    args, kwargs = changed_input((), given, lambda x: 2 * x)
    assert (args, kwargs["input"].tolist(), kwargs["output_size"]) == ((), [2, 2], 3)
    assert given["input"] is one


def test_what_is_deselected_is_masked_like_what_is_cut():
    conv, image = nn.Sequential(nn.Conv2d(4, 2, 1)), torch.randn(1, 4, 2, 2)
    groups = (
        GroupCut("cut", 2, 1, {("0", "in"): np.array([0])}),
        GroupCut("selected", 2, 1, {("0", "in"): np.array([3])}, selects=True),
    )
    silent = image.clone()
    silent[:, [0, 3]] = 0
    with masked(conv, CutPlan(groups, {("0", "in"): 4}, {})):
        assert torch.equal(conv(image), nn.functional.conv2d(silent, conv[0].weight, conv[0].bias))


def test_channel_dimensions():
    assert (channel_dim(nn.Linear(1, 1)), channel_dim(nn.Conv1d(1, 1, 1)), channel_dim(nn.Conv3d(1, 1, 1))) == (
        -1,
        -2,
        -4,
    )
