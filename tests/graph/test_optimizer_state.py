"""Every torch optimizer's memory is cut with its parameters, and goes on."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import GraphError
from netchip.graph.coupling import channel_groups
from netchip.graph.optimizer_state import cut_state, cut_tensor, inner_optimizers
from netchip.graph.surgery import cut, plan

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "plain sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "adam": lambda p: torch.optim.Adam(p, amsgrad=True),
    "adamw": torch.optim.AdamW,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": lambda p: torch.optim.RMSprop(p, momentum=0.5, centered=True),
    "adadelta": torch.optim.Adadelta,
    "adamax": torch.optim.Adamax,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rprop": torch.optim.Rprop,
    "asgd": torch.optim.ASGD,
    "adafactor": torch.optim.Adafactor,
}


def _network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_sliced_rebound_and_goes_on(name):
    model, example = _network(), torch.randn(4, 5)
    optimizer = OPTIMIZERS[name](model.parameters())
    for _ in range(2):
        optimizer.zero_grad()
        model(example).square().sum().backward()
        optimizer.step()
    before = {key: copy.deepcopy(optimizer.state[p]) for key, p in model.named_parameters()}
    keep = {"0": np.arange(8) % 2 == 0, "2": np.arange(8) > 2}
    cut(model, plan(channel_groups(model, example), keep), optimizer=optimizer, example=example)
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(p) for p in model.parameters()]
    assert all(any(key is p for p in model.parameters()) for key in optimizer.state)
    middle = before["2.weight"]
    for key, value in optimizer.state[model[2].weight].items():
        old = middle[key]
        if isinstance(value, torch.Tensor) and value.dim() == 2:
            rows = old[3:] if old.shape[0] == 8 else old
            assert torch.equal(value, rows[:, ::2] if old.shape[1] == 8 else rows)
        else:
            assert value == old
    kept = [parameter.detach().clone() for parameter in model.parameters()]
    for _ in range(3):  # Rprop stands still for a step where signs change
        optimizer.zero_grad()
        model(example).square().sum().backward()
        optimizer.step()
    assert not all(torch.equal(one, other) for one, other in zip(kept, model.parameters(), strict=True))


def test_factored_moments_lose_what_their_dimension_loses():
    parameter = torch.zeros(6, 6, 3)
    dims = {0: np.array([0, 1]), 1: np.array([2, 3, 4])}
    state = {
        "row": torch.randn(6, 6),
        "col": torch.randn(6, 3),
        "row_var": torch.randn(6, 6, 1),
        "step": torch.tensor(3.0),
    }
    found = cut_state(state, parameter, dims, "w")
    assert torch.equal(found["row"], state["row"][:2, 2:5])
    assert torch.equal(found["col"], state["col"][:2])
    assert torch.equal(found["row_var"], state["row_var"][:2, 2:5])
    assert found["step"] is state["step"]


@pytest.mark.parametrize("value", [torch.zeros(36), torch.zeros(5, 6), [torch.zeros(6, 6)], {"a": torch.zeros(2)}])
def test_state_that_cannot_be_placed_is_refused(value):
    with pytest.raises(GraphError, match=r"layer\.weight: the optimizer keeps 'odd'.*cannot be cut"):
        cut_state({"odd": value}, torch.zeros(6, 6), {0: np.array([0])}, "layer.weight")


def test_wrapped_and_several_optimizers_are_found():
    model = _network()
    first, second = torch.optim.SGD(model[0].parameters(), lr=0.1), torch.optim.Adam(model[2].parameters())

    class Wrapper:
        optimizer = first

    assert inner_optimizers([Wrapper(), second]) == (first, second)
    assert inner_optimizers(None) == ()


def test_a_cut_tensor_is_a_copy_in_the_same_format():
    image = torch.randn(2, 4, 3, 3).to(memory_format=torch.channels_last)
    found = cut_tensor(image, {1: np.array([1, 3])})
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, image[:, [1, 3]])
    whole = cut_tensor(image, {})
    whole.zero_()
    assert image.abs().sum() > 0
