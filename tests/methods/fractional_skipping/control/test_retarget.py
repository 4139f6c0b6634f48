"""Another budget without training: on recorded logits exactly, on the network by real passes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from netchip.errors import BudgetError
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.control.retarget import curve, retarget, share_under, steps_of, strength_for
from netchip.methods.fractional_skipping.costs import CostTable, cost_table
from netchip.methods.fractional_skipping.network import FractionalNetwork, make_fractional
from netchip.methods.fractional_skipping.options import INT8, PAPER_4, OptionSet
from netchip.methods.fractional_skipping.seeing.recording import record

Batches = list[tuple[Tensor, Tensor]]


def _table(options: OptionSet, blocks: int) -> CostTable:
    return cost_table("paper", [BlockSite(name=f"b{index}") for index in range(blocks)], options)


@given(st.integers(0, 2**32 - 1))
def test_the_share_rises_with_the_strength(seed: int) -> None:
    """For logits that stay as they are: each argmax can only move to a dearer option."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(8, 3, 4)) * random.choice([0.1, 1, 10])
    shares = [share_under(logits, _table(PAPER_4, 3), t) for t in np.linspace(-30, 30, 25)]
    assert shares == sorted(shares)


def test_a_strength_found_by_hand() -> None:
    """Two options, costs 0 and 1: a sample takes the full one where its lead of skip is below t."""
    leads = np.array([1.0, 2.0, 3.0, 4.0])
    logits = np.stack([leads, np.zeros(4)], 1)[:, None]
    table = _table(OptionSet.parse("skip, full"), 1)
    assert steps_of(table).tolist() == [[0.0, 1.0]]
    assert share_under(logits, table, 2.5) == 0.5
    for target, strength in ((0.25, 1.0), (0.5, 2.0), (0.75, 3.0), (1.0, 4.0)):
        assert strength_for(logits, table, target) == pytest.approx(strength, abs=1e-6)


def test_a_forbidden_option_is_never_counted() -> None:
    logits = np.zeros((5, 1, 2))
    closed = np.array([[-np.inf, 0.0]])
    assert share_under(logits, _table(OptionSet.parse("skip, full"), 1), -9.0, closed) == 1.0


@pytest.fixture
def network(resnet14: nn.Module) -> FractionalNetwork:
    """Routes that differ between inputs, at six options."""
    torch.manual_seed(3)
    made = make_fractional(resnet14, INT8, example=torch.randn(16, 3, 12, 12))
    with torch.no_grad():
        for parameter in made.gate.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    return made


@pytest.fixture
def batches() -> Batches:
    """120 images."""
    images = torch.randn(120, 3, 12, 12, generator=torch.Generator().manual_seed(5))
    return [(part, torch.zeros(len(part), dtype=torch.long)) for part in images.split(50)]


def _own_table(network: FractionalNetwork) -> CostTable:
    return cost_table("paper", network.sites, network.options)


@pytest.mark.parametrize("budget", [0.1, 0.4, 0.8])
def test_a_budget_is_met_by_a_real_pass(network: FractionalNetwork, batches: Batches, budget: float) -> None:
    table = _own_table(network)
    found = retarget(network, table, batches, budget, tolerance=0.02)
    assert found.met, found.describe()
    again = table.gated(record(network, batches).routes).mean()
    assert again == pytest.approx(found.share)
    assert again == pytest.approx(budget, abs=0.02)
    assert torch.equal(network.logit_bias, found.bias)


def test_a_curve_rises_and_leaves_the_network_as_it_was(network: FractionalNetwork, batches: Batches) -> None:
    before = network.logit_bias.clone()
    points = curve(network, _own_table(network), batches, ["20%", "50%", "90%"], tolerance=0.02)
    assert [point.share for point in points] == sorted(point.share for point in points)
    assert [point.strength for point in points] == sorted(point.strength for point in points)
    assert torch.equal(network.logit_bias, before)


def test_a_budget_in_a_jump_is_said_not_to_be_met(resnet14: nn.Module, batches: Batches) -> None:
    """A gate that tells no two inputs apart: all of them change over at once."""
    network = make_fractional(resnet14, "skip, full")
    with torch.no_grad():
        for parameter in network.gate.parameters():
            parameter.zero_()
    found = retarget(network, _own_table(network), batches, "50%")
    assert not found.met
    assert found.share in (0.0, 1.0)
    assert "budget of 50 %: not met on held-out data" in found.describe()


def test_out_of_reach_is_said_before_any_pass(resnet14: nn.Module) -> None:
    network = make_fractional(resnet14, "8, 16, full")
    with pytest.raises(BudgetError, match=r"reach 6\.25 % to 100 %"):
        retarget(network, _own_table(network), [], "3%")
