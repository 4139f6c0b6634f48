"""A measured latency budget. The clock is simulated where the figure matters, real where only the order does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import BudgetError
from netchip.methods.early_bird.masks import latency_target
from netchip.methods.early_bird.masks.amounts import parse_latency
from netchip.methods.early_bird.masks.latency_target import LatencyBudget
from netchip.methods.early_bird.masks.ranking import PruneSpace, Ranking
from netchip.methods.early_bird.scoring.prunable import prunable
from netchip.methods.early_bird.search import TicketSearch


@dataclass(frozen=True)
class Simulated:
    median_s: float


def simulated_clock(networks: dict[str, nn.Module], example: Any, **settings: Any) -> list[Simulated]:
    """1 ms and 0.1 ms for every channel: dense 1 + 0.1 x (8 + 12) = 3 ms."""
    assert example.shape[0] == 1
    return [Simulated(1e-3 + 1e-4 * (net[0].out_channels + net[3].out_channels)) for net in networks.values()]  # type: ignore[index, operator]


def budget(network: nn.Module, example: torch.Tensor, written: str, **space: Any) -> LatencyBudget:
    found = prunable(network, example, importance="auto", stream="coupled")
    sizes = PruneSpace(tuple(group.units for group in found.groups), **({"min_share": 0.1} | space))
    return LatencyBudget(sizes, found.coupling, network, example, parse_latency(written))


def test_the_most_channels_that_keep_to_it(
    network: nn.Sequential, example: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2 ms of 3 are 10 of 20 channels: exactly those stay, during the search and in the ticket."""
    monkeypatch.setattr(latency_target, "measure_latency", simulated_clock)
    target = budget(network, example, "2.05 ms")
    ranking = Ranking(PruneSpace((8, 12), 0.1), np.random.default_rng(0).random(20))
    assert target.count(ranking) == 10
    assert target.final(ranking, network) == 10
    assert target.achieved()["latency_s"] == pytest.approx(2e-3)
    assert target.achieved()["dense_latency_s"] == pytest.approx(3e-3)
    assert target.ratio == pytest.approx(0.5, abs=0.05)


def test_a_share_is_of_the_dense_network(
    network: nn.Sequential, example: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency_target, "measure_latency", simulated_clock)
    target = budget(network, example, "71%")
    ranking = Ranking(PruneSpace((8, 12), 0.1), np.random.default_rng(0).random(20))
    assert target.final(ranking, network) == 11, "2.1 ms are 70 % of 3, 2.2 more than 73 %"


def test_out_of_reach_says_what_was_measured(
    network: nn.Sequential, example: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency_target, "measure_latency", simulated_clock)
    with pytest.raises(
        BudgetError,
        match=r"latency = 1\.2 ms: the narrowest network \(min_share = 0\.1\) was measured at 1\.30 ms, the dense one at 3\.00 ms",
    ):
        budget(network, example, "1.2 ms")


def test_measured_for_real_the_ticket_keeps_to_its_budget(trained_on: Callable[[nn.Module], None]) -> None:
    """Half of the latency of a network whose time lies in its channels; measured when drawn, as the ticket says."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1),
        nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 4),
    )  # fmt: skip
    with torch.no_grad():
        for at in (1, 4):
            network[at].weight.uniform_(0.1, 1.0)
    search = TicketSearch(network, torch.randn(2, 3, 48, 48), latency="60%", window=2)
    for _ in range(2):
        trained_on(network)
        ticket = search.end_epoch()
    assert ticket is not None
    asked = ticket.target
    assert asked["latency_s"] <= asked["latency_budget_s"]
    assert asked["latency_budget_s"] == pytest.approx(0.6 * asked["dense_latency_s"])
    assert 0.02 < ticket.kept_percent / 100 < 0.98
