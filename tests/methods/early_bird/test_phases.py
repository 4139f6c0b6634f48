"""The search phase ends with its ticket, at the latest when it must."""

import pytest
import torch
from torch import nn

from netchip.methods.early_bird.phases import SearchPhase, retrain_phase
from netchip.methods.early_bird.search import TicketSearch
from netchip.train.spec import OptimizerSpec


def phase(network: nn.Module, example: torch.Tensor, latest: int | None, **rule: int) -> SearchPhase:
    return SearchPhase(network, OptimizerSpec(), TicketSearch(network, example, **rule), latest)


def test_ends_with_a_stable_mask(network: nn.Sequential, example: torch.Tensor) -> None:
    search = phase(network, example, None, window=3)
    assert [search.end_epoch(epoch) for epoch in range(3)] == [False, False, True]


def test_the_latest_epoch_draws_what_there_is(network: nn.Sequential, example: torch.Tensor) -> None:
    search = phase(network, example, 2)
    assert [search.end_epoch(epoch) for epoch in range(2)] == [False, True]
    ticket = search.search.ticket()
    assert ticket is not None
    assert (ticket.epoch, ticket.stable) == (2, False)


def test_retraining_goes_on_with_the_same_network_and_optimizer(network: nn.Sequential, example: torch.Tensor) -> None:
    search = phase(network, example, 1)
    search.end_epoch(0)
    ticket = search.search.ticket()
    assert ticket is not None
    ticket.cut(search.model, search.optimizer)
    retrain = retrain_phase(search, OptimizerSpec())
    assert retrain.model is network
    assert retrain.optimizer is search.optimizer
    assert retrain.after_backward is not None
    network(example).sum().backward()
    before = network[1].weight.grad.clone()
    retrain.after_backward()
    torch.testing.assert_close(
        network[1].weight.grad - before, 1e-4 * network[1].weight.detach().sign(), atol=1e-6, rtol=0
    )


def test_state_is_that_of_the_search(network: nn.Sequential, example: torch.Tensor) -> None:
    first, second = phase(network, example, None), phase(network, example, None)
    first.end_epoch(0)
    second.load_state_dict(first.state_dict())
    assert len(second.search.masks) == 1
    assert second.search.masks[0].tolist() == pytest.approx(first.search.masks[0].tolist())
