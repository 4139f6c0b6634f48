"""A layer that reads a selection: the right channels, in copies and files, under export, compilation and DDP."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.hooks import RemovableHandle

from netchip.errors import GraphError
from netchip.graph.selection import INDEX, InputSelection, refuse_selected, select_inputs, selected_positions

PICKED = [0, 2, 3]


def selecting(layer, picked=PICKED):
    select_inputs(layer, torch.tensor(picked))
    return layer


@pytest.mark.parametrize(
    ("layer", "shape", "dim"),
    [
        (nn.Linear(3, 2), (4, 5, 5), -1),
        (nn.Conv2d(3, 2, 1), (4, 5, 3, 3), 1),
        (nn.Conv2d(3, 2, 1), (5, 3, 3), 0),
        (nn.Conv1d(3, 2, 1), (4, 5, 3), 1),
        (nn.ConvTranspose2d(3, 2, 2), (4, 5, 3, 3), 1),
        (nn.Conv2d(3, 6, 1, groups=3), (4, 5, 3, 3), 1),
    ],
    ids=["linear", "conv", "conv, one image", "conv1d", "transposed", "grouped"],
)
def test_what_is_read_is_what_was_picked(layer, shape, dim):
    example = torch.randn(shape)
    expected = layer(torch.stack([example.select(dim, place) for place in PICKED], dim))
    selecting(layer)
    assert torch.equal(layer(example), expected)
    assert torch.equal(layer(input=example), expected)


def test_gradients_reach_the_picked_channels_and_no_others():
    layer, example = selecting(nn.Linear(3, 1)), torch.randn(2, 5, requires_grad=True)
    layer(example).sum().backward()
    assert torch.equal(example.grad[0], torch.zeros(5).index_put((torch.tensor(PICKED),), layer.weight[0]))
    assert layer.weight.grad.shape == (1, 3)


def test_the_index_is_a_buffer_that_is_not_saved():
    layer = selecting(nn.Linear(3, 2))
    assert dict(layer.named_buffers())[INDEX].dtype == torch.int64
    assert set(layer.state_dict()) == {"weight", "bias"}
    layer.load_state_dict(nn.Linear(3, 2).state_dict())
    assert layer.half().get_buffer(INDEX).tolist() == PICKED
    assert layer.to("meta").get_buffer(INDEX).device.type == "meta"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_and_pickles_select_by_their_own_index(copied):
    layer, example = selecting(nn.Linear(3, 2)), torch.randn(4, 5)
    expected = layer(example)
    other = copied(layer)
    assert torch.equal(other(example), expected)
    layer.get_buffer(INDEX).copy_(torch.tensor([1, 1, 1]))
    assert torch.equal(other(example), expected)
    assert not torch.equal(layer(example), expected)


def test_a_later_hook_does_not_take_the_place_of_an_unpickled_selection(monkeypatch):
    """In a new process torch counts its hooks from zero again."""
    layer, example = selecting(nn.Linear(3, 2)), torch.randn(4, 5)
    (number,) = layer._forward_pre_hooks
    pickled = pickle.dumps(layer)
    monkeypatch.setattr(RemovableHandle, "next_id", number)
    other = pickle.loads(pickled)
    other.register_forward_pre_hook(lambda module, args: None)
    assert torch.equal(other(example), layer(example))
    assert any(isinstance(hook, InputSelection) for hook in other._forward_pre_hooks.values())


@pytest.mark.parametrize("strict", [False, True])
def test_it_can_be_exported(strict):
    model, example = nn.Sequential(selecting(nn.Conv2d(3, 2, 1)), nn.ReLU()).eval(), torch.randn(2, 5, 4, 4)
    program = torch.export.export(model, (example,), strict=strict)
    assert torch.equal(program.module()(example), model(example))


def test_it_reads_no_values_on_the_host():
    """On the meta device there are none, so that any read of them fails."""
    layer = selecting(nn.Conv2d(3, 2, 1)).to("meta")
    assert layer(torch.empty(2, 5, 4, 4, device="meta")).shape == (2, 2, 4, 4)


def test_it_is_compiled_without_a_break():
    model, example = nn.Sequential(selecting(nn.Conv2d(3, 2, 1)), nn.ReLU()), torch.randn(2, 5, 4, 4)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    assert torch.equal(compiled(example), model(example))


@pytest.mark.usefixtures("process_group")
def test_it_trains_under_ddp():
    model, example = nn.Sequential(selecting(nn.Conv2d(3, 2, 1)), nn.BatchNorm2d(2)), torch.randn(2, 5, 4, 4)
    alone = copy.deepcopy(model)
    wrapped = nn.parallel.DistributedDataParallel(model)
    for _ in range(2):
        wrapped(example).square().sum().backward()
        alone(example).square().sum().backward()
    assert torch.equal(model[0].weight.grad, alone[0].weight.grad)


def test_positions_are_counted_among_those_that_arrive():
    kept, gone, unread = np.array([0, 3, 5]), np.array([1, 4]), np.array([2])
    assert len(kept) + len(gone) + len(unread) == 6
    assert selected_positions(kept, unread).tolist() == [0, 2, 3]
    assert selected_positions(kept, unread).dtype == np.int64


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["kept", "unread", "gone"]), min_size=1, max_size=12))
def test_picking_from_what_arrives_gives_what_is_kept(fates):
    fates = np.array(fates)
    kept, unread = np.flatnonzero(fates == "kept"), np.flatnonzero(fates == "unread")
    arriving = np.flatnonzero(fates != "gone")
    assert arriving[selected_positions(kept, unread)].tolist() == kept.tolist()


def test_what_reads_a_selection_loses_no_more_of_what_it_reads():
    layer = nn.Linear(3, 2)
    refuse_selected(layer, "fc", ["in"])
    refuse_selected(selecting(layer), "fc", ["out"])
    with pytest.raises(
        GraphError, match=r"fc: reads a selection of its input already .* plan all cuts of it on the dense"
    ):
        refuse_selected(layer, "fc", ["out", "in"])
    with pytest.raises(GraphError, match="fc: reads a selection"):
        refuse_selected(layer, "fc", ["channels"])
