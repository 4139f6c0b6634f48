"""No input costs more than the cap, in both forms and under every gate; and those below it are left alone."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netchip.errors import BudgetError, ConfigError
from netchip.methods.fractional_skipping.control.cap import capped
from netchip.methods.fractional_skipping.costs import CostTable, cost_table
from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
from netchip.methods.fractional_skipping.options import PAPER_4


def _network(model: nn.Module, gate: str) -> tuple[FractionalNetwork, CostTable]:
    torch.manual_seed(1)
    network = make_fractional(model, PAPER_4, gate, example=torch.randn(8, 3, 12, 12)).eval()
    with torch.no_grad():
        for parameter in network.gate.parameters():
            parameter.copy_(torch.randn(parameter.shape))
        network.logit_bias.copy_(torch.randn(5, 4))
    return network, cost_table("paper", network.sites, network.options)


def _first_that_fits(logits: np.ndarray, table: CostTable, cap: float) -> list[int]:
    """One sample's route, written out: at each block the best option that leaves enough for the cheapest rest."""
    spent, route = 0.0, []
    for index, row in enumerate(logits):
        rest = table.relative[index + 1 :].min(1).sum()
        fits = [option for option in range(4) if spent + table.relative[index, option] + rest <= cap + 1e-6]
        route.append(max(fits, key=lambda option: row[option]))
        spent += table.relative[index, route[-1]]
    return route


@pytest.mark.parametrize("gate", ["recurrent", "feed_forward", "upfront"])
@pytest.mark.parametrize("form", ["static", "routed"])
def test_no_input_costs_more(resnet14: nn.Module, images: Tensor, gate: str, form: str) -> None:
    network, table = _network(resnet14, gate)
    images = images * torch.linspace(0.1, 4, 9)[:, None, None, None]  # unlike enough to be routed apart
    free = network(images, detail=True, form=form)
    cap = float(np.median(table.gated(free.routes)))
    assert table.gated(free.routes).max() > cap
    with capped(network, table, cap):
        held = network(images, detail=True, form=form)
        alone = network(images[:1], detail=True, form=form)
    assert table.gated(held.routes).max() <= cap + 1e-5
    assert torch.equal(alone.routes, held.routes[:1])
    below = table.gated(free.routes) <= cap
    assert torch.equal(held.routes[below], free.routes[below]), "those within the cap decide as they did"
    assert torch.equal(network(images, detail=True, form=form).routes, free.routes), "only while in there"


def test_it_is_the_best_that_fits_block_by_block(resnet14: nn.Module, images: Tensor) -> None:
    network, table = _network(resnet14, "upfront")
    passed = network(images, detail=True, form="static")
    biased = passed.logits.detach().numpy()
    with capped(network, table, 0.3):
        routes = network(images, detail=True).routes
    assert routes.tolist() == [_first_that_fits(rows, table, 0.3) for rows in biased]


def test_gradients_pass_by_what_is_closed(resnet14: nn.Module, images: Tensor) -> None:
    network, table = _network(resnet14, "recurrent")
    with capped(network.train(), table, 0.3):
        passed = network(images, detail=True)
        passed.outputs.logsumexp(1).sum().backward()
    grads = [parameter.grad for parameter in network.gate.parameters()]
    assert all(grad is not None and bool(grad.isfinite().all()) for grad in grads)


def test_what_cannot_be_capped_is_refused(resnet14: nn.Module) -> None:
    network = make_fractional(resnet14, "8, 16, full")
    table = cost_table("paper", network.sites, network.options)
    with (
        pytest.raises(BudgetError, match=r"a cap of 5 % .* below the cheapest route's 6\.25 %"),
        capped(network, table, 0.05),
    ):
        pass
    network.min_group = 4
    with pytest.raises(ConfigError, match="min_group = 4"), capped(network, table, 0.5):
        pass
