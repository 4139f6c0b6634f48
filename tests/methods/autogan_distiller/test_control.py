"""The multiplier brings the mean cost to the budget, whatever the scale of loss, cost or network, and goes on after a stop."""

import math

import pytest
import torch
from torch import Tensor

from netchip.errors import ConfigError, DivergedError
from netchip.methods.autogan_distiller.control import BudgetControl, ControlSettings
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.table import CostTable, cost_table
from netchip.methods.autogan_distiller.space import presets
from netchip.methods.autogan_distiller.supernet.supernet import Supernet

COSTS = torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=torch.float64)


def search(control: BudgetControl, loss_scale: float, cost_scale: float, steps: int = 600) -> float:
    """Choices whose loss falls with their cost: left alone they become dear. The mean cost over budget at the end."""
    logits = torch.zeros(6, 4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.02)
    cost = torch.ones(())
    for _ in range(steps):
        chances = logits.softmax(-1)
        cost = (chances @ COSTS).sum() * cost_scale
        loss = loss_scale * (1 + (chances @ (8 - COSTS)).sum() / 42)
        optimizer.zero_grad()
        control.penalized(loss, cost).backward()
        optimizer.step()
    return cost.item() / control.budget


@pytest.mark.parametrize("loss_scale", [1e-5, 1.0, 1e4])
@pytest.mark.parametrize(("cost_scale", "start"), [(1.0, "below"), (1e9, "above")])
def test_the_mean_cost_settles_at_the_budget(loss_scale: float, cost_scale: float, start: str) -> None:
    budget = (30.0 if start == "below" else 12.0) * cost_scale  # all alike at the start cost 22.5
    assert search(BudgetControl(budget), loss_scale, cost_scale) == pytest.approx(1.0, abs=0.05)


def test_without_a_multiplier_it_would_not() -> None:
    free = BudgetControl(12.0, ControlSettings(proportional=0, integral=0))
    assert search(free, 1.0, 1.0) > 3


def test_a_step_by_hand() -> None:
    control = BudgetControl(2.0, ControlSettings(proportional=0.5, integral=0.1, memory=0.5))
    cost = torch.tensor(2.0 * math.e, requires_grad=True)
    total = control.penalized(torch.tensor(3.0), cost)
    assert control.multiplier == pytest.approx(0.6)
    assert total.item() == pytest.approx(3.0 + 0.6 * 3.0)
    total.backward()
    assert cost.grad is not None
    assert cost.grad.item() == pytest.approx(0.6 * 3.0 / cost.item())
    control.penalized(torch.tensor(1.0), torch.tensor(2.0))
    assert control.multiplier == pytest.approx(0.1)
    control.penalized(torch.tensor(1.0), torch.tensor(2.0 / math.e**3))  # clipped to -1 in the sum; never below 0
    assert control.multiplier == 0.0


def test_with_a_lowest_below_0_it_holds_the_cost_from_below_too() -> None:
    """A loss that rises with cost: left alone, or with a multiplier of at least 0, the budget stays unused."""
    for lowest, expected in ((0.0, 0.3), (-5.0, 1.0)):
        control = BudgetControl(22.5, ControlSettings(lowest=lowest))
        logits = torch.zeros(6, 4, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.Adam([logits], lr=0.02)
        cost = torch.ones(())
        for _ in range(600):
            cost = (logits.softmax(-1) @ COSTS).sum()
            optimizer.zero_grad()
            control.penalized(1 + cost / 48, cost).backward()
            optimizer.step()
        assert cost.item() / control.budget == pytest.approx(expected, abs=0.05)
    with pytest.raises(ConfigError, match="lowest at most 0"):
        ControlSettings(lowest=0.5)


def test_it_goes_on_where_it_stopped() -> None:
    whole, first, second = (BudgetControl(2.0) for _ in range(3))
    steps = [(1.0, 3.0), (0.5, 2.5), (0.7, 1.5), (0.2, 2.2)]
    for loss, cost in steps:
        whole.penalized(torch.tensor(loss), torch.tensor(cost))
    for loss, cost in steps[:2]:
        first.penalized(torch.tensor(loss), torch.tensor(cost))
    second.load_state_dict(first.state_dict())
    for loss, cost in steps[2:]:
        second.penalized(torch.tensor(loss), torch.tensor(cost))
    assert second.state_dict() == whole.state_dict()


def descend(supernet: Supernet, table: CostTable, control: BudgetControl) -> Tensor:
    optimizer = torch.optim.Adam(supernet.architecture_parameters(), lr=0.05)
    cost, start = torch.zeros(()), supernet.expected_cost(table).detach()
    for _ in range(200):
        optimizer.zero_grad()
        cost = supernet.expected_cost(table)
        loss = 1 - 0.3 * (cost / start).log()  # what is cheaper is worse
        control.penalized(loss, cost).backward()
        optimizer.step()
    return cost.detach()


def test_a_supernets_mean_cost_comes_down_to_the_budget() -> None:
    supernet = Supernet(presets.translation(8, 2))
    table = cost_table(supernet.space, Macs(), (16, 16))
    start = supernet.expected_cost(table).item()
    assert descend(supernet, table, BudgetControl(0.5 * start)).item() == pytest.approx(0.5 * start, rel=0.05)


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="a budget is above 0"):
        BudgetControl(0.0)
    with pytest.raises(ConfigError, match="gains are at least 0"):
        ControlSettings(proportional=-1)
    with pytest.raises(DivergedError, match="the search's loss is nan"):
        BudgetControl(1.0).penalized(torch.tensor(math.nan), torch.tensor(1.0))
