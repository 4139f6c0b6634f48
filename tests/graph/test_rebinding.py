"""A cut is worked out whole before anything is assigned; what is shared is cut once, and never torn."""

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import CheckpointMismatch, GraphError
from netchip.graph.cut_plan import CutPlan, GroupCut
from netchip.graph.rebinding import apply, find, prepare
from netchip.graph.selection import INDEX


def _plan(removed, lengths):
    return CutPlan((GroupCut("g", 9, 1, {w: np.array(p) for w, p in removed.items()}),), lengths, {})


def test_nothing_changes_before_it_is_applied():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    prepared = prepare(
        model, _plan({("0", "out"): [1], ("1", "channels"): [1]}, {("0", "out"): 4, ("1", "channels"): 4})
    )
    assert model[0].weight.shape == (4, 3)
    assert model[0].out_features == 4
    weight, mean = model[0].weight.detach().clone(), model[1].running_mean
    apply(model, prepared)
    assert torch.equal(model[0].weight, weight[[0, 2, 3]])
    assert model[1].running_mean.shape == (3,)
    assert mean.shape == (4,)
    assert "running_mean" in dict(model[1].named_buffers())


def test_tied_parameters_stay_one_parameter():
    model = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
    model["b"].weight = model["a"].weight
    lengths = {("a", "in"): 4, ("b", "in"): 4}
    apply(model, prepare(model, _plan({("a", "in"): [0], ("b", "in"): [0]}, lengths)))
    assert model["a"].weight is model["b"].weight
    assert model["b"].weight.shape == (4, 3)


def test_tied_parameters_are_not_torn():
    model = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
    model["b"].weight = model["a"].weight
    with pytest.raises(GraphError, match=r"b\.weight is the same tensor as a\.weight, but the cut plan cuts only"):
        prepare(model, _plan({("a", "in"): [0]}, {("a", "in"): 4}))
    with pytest.raises(GraphError, match=r"b\.weight and a\.weight are one tensor, but would lose different channels"):
        prepare(model, _plan({("a", "in"): [0], ("b", "in"): [1]}, {("a", "in"): 4, ("b", "in"): 4}))


def test_plans_that_do_not_fit_are_refused():
    model = nn.Sequential(nn.Linear(3, 4), nn.Conv2d(4, 4, 1, groups=2))
    with pytest.raises(CheckpointMismatch, match=r"'9', and this model has no such layer"):
        prepare(model, _plan({("9", "out"): [0]}, {("9", "out"): 4}))
    with pytest.raises(
        CheckpointMismatch, match=r"0: the cut plan has 4 positions on axis 'channels', this Linear has no"
    ):
        prepare(model, _plan({("0", "channels"): [0]}, {("0", "channels"): 4}))
    with pytest.raises(CheckpointMismatch, match=r"1: a Conv2d can lose channels of axis 'out' only together"):
        prepare(model, _plan({("1", "out"): [0]}, {("1", "out"): 4}))
    lazy = nn.Sequential(nn.LazyLinear(4))
    lazy[0].out_features = 4
    with pytest.raises(GraphError, match=r"0\.weight is a UninitializedParameter"):
        prepare(lazy, _plan({("0", "out"): [0]}, {("0", "out"): 4}))


def _selecting(positions, length, *cuts):
    selected = GroupCut("s", 9, 1, {("1", "in"): np.array(positions, dtype=np.int64)}, selects=True)
    return CutPlan((selected, *cuts), {("1", "in"): length, ("0", "out"): length}, {})


def test_a_layer_that_deselects_reads_by_an_index_among_what_arrives():
    model = nn.Sequential(nn.Linear(3, 6), nn.Linear(6, 2))
    weight, example = model[1].weight.detach().clone(), torch.randn(4, 3)
    really = GroupCut("r", 6, 2, {("0", "out"): np.array([1, 3]), ("1", "in"): np.array([1, 3])})
    prepared = prepare(model, _selecting([0, 4], 6, really))
    assert not hasattr(model[1], INDEX)
    hidden = model[0](example)
    apply(model, prepared)
    assert model[1].get_buffer(INDEX).tolist() == [1, 3]  # 2 and 5 of the arriving 0, 2, 4, 5
    assert (model[0].out_features, model[1].in_features) == (4, 2)
    assert torch.equal(model[1].weight, weight[:, [2, 5]])
    assert torch.allclose(model(example), nn.functional.linear(hidden[:, [2, 5]], weight[:, [2, 5]], model[1].bias))


def test_no_index_where_nothing_is_deselected():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    apply(model, prepare(model, _selecting([], 4)))
    assert not hasattr(model[1], INDEX)
    assert not model[1]._forward_pre_hooks


def test_a_layer_that_selects_loses_no_more_of_what_it_reads():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    apply(model, prepare(model, _selecting([1], 4)))
    with pytest.raises(GraphError, match=r"1: reads a selection of its input already \(buffer 'input_index'\)"):
        prepare(model, _selecting([1], 3))
    with pytest.raises(GraphError, match="1: reads a selection"):
        prepare(model, _plan({("1", "in"): [0]}, {("1", "in"): 3}))
    apply(model, prepare(model, _plan({("1", "out"): [0]}, {("1", "out"): 2})))
    assert model[1].weight.shape == (1, 3)


def test_the_index_is_made_where_the_weight_is():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)).to("meta")
    with torch.inference_mode():
        prepared = prepare(model, _selecting([1], 4))
    [(layer, index)] = prepared.selections
    assert layer is model[1]
    assert (index.device.type, index.shape, index.dtype, index.is_inference()) == ("meta", (3,), torch.int64, False)


def test_bare_parameters_and_aliases_are_found():
    model = nn.Module()
    model.scale = nn.Parameter(torch.arange(4.0).reshape(4, 1, 1))
    model.again = model.scale
    assert find(model, "scale") is model.scale
    apply(model, prepare(model, _plan({("scale", "channels"): [1, 2]}, {("scale", "channels"): 4})))
    assert model.scale.ravel().tolist() == [0.0, 3.0]
    assert model.again is model.scale


def test_fully_sharded_modules_are_refused():
    class FSDPModule(nn.Linear):
        """Named as torch's `fully_shard` names the class it swaps in."""

    with pytest.raises(GraphError, match=r"wrapped in FSDPModule, .*cut the plain module on every rank"):
        prepare(FSDPModule(2, 2), _plan({}, {}))
