"""The L1 sub-gradient on scales, by hand."""

import pytest
import torch
from torch import nn

from netchip.methods.early_bird.scoring.slimming import (
    add_lasso_gradient,
    add_slimming_gradient,
    learning_rates,
    shrink_filters,
    shrink_scales,
)


def test_adds_the_sign_once_to_what_has_a_gradient() -> None:
    norm, frozen, plain = nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.BatchNorm2d(3, affine=False)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, 0.0, -2.0]))
    norm.weight.grad = torch.tensor([1.0, 1.0, 1.0])
    norm.bias.grad = torch.zeros(3)
    add_slimming_gradient([norm, frozen, plain], 0.25)
    assert norm.weight.grad.tolist() == [1.25, 1.0, 0.75]
    assert norm.bias.grad.eq(0).all()
    assert frozen.weight.grad is None


def test_one_sgd_step_pulls_scales_by_rate_times_l1() -> None:
    norm = nn.BatchNorm1d(2)
    norm.weight.grad, norm.bias.grad = torch.zeros(2), torch.zeros(2)
    add_slimming_gradient([norm], 1e-2)
    torch.optim.SGD(norm.parameters(), lr=0.1).step()
    assert norm.weight.tolist() == pytest.approx([1 - 1e-3] * 2)


@pytest.mark.parametrize("norms", [[], [nn.BatchNorm2d(2)]])
def test_nothing_to_pull_is_no_error(norms: list[nn.Module]) -> None:
    add_slimming_gradient(norms, 1e-4)
    assert all(norm.weight.grad is None for norm in norms)


def test_the_proximal_step_by_hand() -> None:
    """Rate 0.1, l1 2: everything comes 0.2 nearer to zero, and what is nearer than that becomes zero."""
    norm = nn.BatchNorm2d(4)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, -0.5, 0.1, 0.0]))
    shrink_scales([norm], 2.0, {norm.weight: 0.1})
    assert norm.weight.tolist() == pytest.approx([0.3, -0.3, 0.0, 0.0])


def test_scales_that_no_optimizer_trains_are_not_shrunk() -> None:
    norm = nn.BatchNorm2d(2)
    shrink_scales([norm], 2.0, {})
    assert norm.weight.tolist() == [1.0, 1.0]


def test_the_lasso_pulls_each_filter_along_itself() -> None:
    """Filters (3, 4) of length 5 and (0, 0): gradients l1 (3, 4) / 5 and none."""
    layer = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    layer.weight.grad = torch.ones(2, 2)
    add_lasso_gradient([(layer.weight, 0)], 0.5)
    assert layer.weight.grad.tolist() == [pytest.approx([1.3, 1.4]), [1.0, 1.0]]


def test_the_proximal_step_of_the_lasso_shortens_each_filter() -> None:
    """Rate 0.5, l1 2: (3, 4) becomes 4 long, (0.6, 0.8) becomes zero; across columns for dimension 1."""
    rows, columns = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    values = torch.tensor([[3.0, 4.0], [0.6, 0.8]])
    with torch.no_grad():
        rows.weight.copy_(values)
        columns.weight.copy_(values.T)
    shrink_filters([(rows.weight, 0), (columns.weight, 1)], 2.0, {rows.weight: 0.5, columns.weight: 0.5})
    wanted = torch.tensor([[2.4, 3.2], [0.0, 0.0]])
    torch.testing.assert_close(rows.weight.detach(), wanted)
    torch.testing.assert_close(columns.weight.detach(), wanted.T)


def test_adam_divides_the_gradient_form_away_but_not_the_proximal_one() -> None:
    """Zero loss gradient: Adam moves a scale by its rate whatever l1 is; the proximal step moves it by rate x l1."""
    by_gradient, by_step = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    for norm in (by_gradient, by_step):
        norm.weight.grad, norm.bias.grad = torch.zeros(1), torch.zeros(1)
    adam = torch.optim.Adam(by_gradient.parameters(), lr=0.01)
    add_slimming_gradient([by_gradient], 1e-4)
    adam.step()
    other = torch.optim.Adam(by_step.parameters(), lr=0.01)
    other.step()
    shrink_scales([by_step], 1e-4, learning_rates(other))
    assert 1 - by_gradient.weight.item() == pytest.approx(0.01, rel=1e-3)
    assert 1 - by_step.weight.item() == pytest.approx(0.01 * 1e-4, rel=0.1)


def test_every_group_has_its_own_rate() -> None:
    norm, other = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    first = torch.optim.SGD([{"params": [norm.weight], "lr": 0.5}, {"params": [norm.bias]}], lr=0.1)
    rates = learning_rates([first, torch.optim.SGD(other.parameters(), lr=0.2)])
    assert [rates[each] for each in (norm.weight, norm.bias, other.weight)] == [0.5, 0.1, 0.2]
