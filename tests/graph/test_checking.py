"""The comparison of cut and masked networks, and its refusals."""

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import CutMismatch
from netchip.graph.checking import TOLERANCE, Comparison, compare, verify
from netchip.graph.cut_plan import CutPlan, GroupCut


def _network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2))


def _plan(model, made, read):
    removed = {("0", "out"): np.array(made), ("2", "in"): np.array(read)}
    tensors = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    return CutPlan((GroupCut("0", 4, 1, removed),), {("0", "out"): 4, ("2", "in"): 4}, tensors)


def test_right_and_wrong():
    model, example = _network(), torch.randn(5, 3)
    assert verify(model, _plan(model, [1], [1]), example) <= TOLERANCE
    with pytest.raises(CutMismatch, match=r"differs by .* \(allowed: 1e-05\).*already differ: 0\. Nothing was changed"):
        verify(model, _plan(model, [1], [2]), example)
    assert model[0].out_features == 4


def test_a_sigmoid_of_a_removed_channel_is_gone_too():
    """sigmoid(0) is 1/2: zeroing scales instead of what is read would leave that half in the masked network."""
    model, example = _network(), torch.randn(5, 3)
    with torch.no_grad():
        halved = model[2](torch.sigmoid(model[0](example) * torch.tensor([1.0, 0.0, 1.0, 1.0])))
        silent = model[2](torch.sigmoid(model[0](example)) * torch.tensor([1.0, 0.0, 1.0, 1.0]))
    assert not torch.allclose(halved, silent, atol=1e-3)
    assert compare(model, _plan(model, [1], [1]), example).equal


def test_failures_and_values_that_are_not_finite():
    model, example = _network(), torch.randn(5, 3)
    broken = _plan(model, [1], [1])
    lone = CutPlan((GroupCut("0", 4, 1, {("0", "out"): np.array([1])}),), broken.lengths, broken.tensors)
    found = compare(model, lone, example)
    assert "it fails with RuntimeError" in str(found)
    assert not found.within(1.0)
    with torch.no_grad():
        model[2].bias.fill_(float("inf"))
    assert compare(model, _plan(model, [1], [1]), example).equal
    assert Comparison(2e-5).within(1e-4)
    assert not Comparison(float("nan")).equal


def test_outputs_of_another_shape_differ():
    class Open(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 4)

        def forward(self, x):
            return {"hidden": (self.layer(x), 1)}

    model = Open()
    cuts = CutPlan((GroupCut("layer", 4, 1, {("layer", "out"): np.array([0])}),), {("layer", "out"): 4}, {})
    assert "other shapes" in str(compare(model, cuts, torch.randn(2, 3)))
