"""The search in a plain loop: what it scores, when it draws, how it is resumed, what it refuses."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from netchip.errors import CheckpointMismatch, ConfigError, GraphError, NetchipWarning
from netchip.methods.early_bird.search import TicketSearch


def set_scales(network: nn.Sequential, first: list[float], second: list[float]) -> None:
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor(first))
        network[4].weight.copy_(torch.tensor(second))


def drift(network: nn.Sequential) -> None:
    """Scales of one order, by magnitude; signs and sizes do not matter."""
    set_scales(network, [0.1, -0.9, 0.2, 0.8, 0.15, 0.7, 0.05, 0.6], [-0.3, 0.31, 0.01, 0.4, 0.5, 0.02] * 2)


def test_keeps_the_largest_scales_over_all_layers(network: nn.Sequential, example: torch.Tensor) -> None:
    drift(network)
    search = TicketSearch(network, example, ratio=0.5, window=2)
    assert search.end_epoch() is None
    ticket = search.end_epoch()
    assert ticket is not None
    assert dict(ticket.widths) == {"0": (4, 8), "3": (6, 12)}
    assert ticket.kept_percent == 50.0
    kept = np.flatnonzero(search.masks[0]).tolist()
    assert kept == [1, 3, 5, 7, *(8 + np.array([1, 3, 4, 7, 9, 10]))]


def test_draws_when_the_official_rule_holds_and_not_before(network: nn.Sequential, example: torch.Tensor) -> None:
    search = TicketSearch(network, example)
    assert [search.end_epoch() is not None for _ in range(4)] == [False] * 4
    ticket = search.end_epoch()
    assert ticket is not None
    assert (ticket.epoch, ticket.stable, ticket.distances) == (5, True, (0.0, 0.0, 0.0, 0.0))
    assert search.drawn_epoch == 5
    assert search.end_epoch() is None, "a ticket is drawn once"


def test_no_mask_is_stable_before_the_least_epochs(network: nn.Sequential, example: torch.Tensor) -> None:
    search = TicketSearch(network, example, window=2, min_epochs=4)
    assert [search.end_epoch() is not None for _ in range(4)] == [False, False, False, True]


@pytest.mark.parametrize("detector", ["normalized", "widths"])
def test_other_rules_draw_too(network: nn.Sequential, example: torch.Tensor, detector: str) -> None:
    search = TicketSearch(network, example, detector=detector)
    drawn = [search.end_epoch() for _ in range(5)]
    assert drawn[-1] is not None
    assert drawn[-1].detector == detector


def test_the_paper_rule_needs_one_mask_more(network: nn.Sequential, example: torch.Tensor) -> None:
    search = TicketSearch(network, example, detector="paper")
    drawn = [search.end_epoch() for _ in range(6)]
    assert [ticket is not None for ticket in drawn] == [False] * 5 + [True]


def test_a_moving_mask_is_not_stable_but_can_be_drawn(network: nn.Sequential, example: torch.Tensor) -> None:
    search = TicketSearch(network, example, window=2)
    for seed in range(6):
        torch.manual_seed(seed)
        set_scales(network, torch.rand(8).tolist(), torch.rand(12).tolist())
        assert search.end_epoch() is None
    ticket = search.draw()
    assert (ticket.stable, ticket.epoch) == (False, 6)
    assert ticket is search.ticket()


def test_coupled_layers_count_once_by_their_mean(example: torch.Tensor) -> None:
    """Two branches added: one group, scored by the mean of both scales."""

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 4, 1), nn.Conv2d(1, 4, 1)
            self.norm_a, self.norm_b = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
            self.head = nn.Conv2d(4, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.norm_a(self.a(x)) + self.norm_b(self.b(x)))

    network = Sum()
    with torch.no_grad():
        network.norm_a.weight.copy_(torch.tensor([1.0, 0.0, -0.6, 0.1]))
        network.norm_b.weight.copy_(torch.tensor([0.0, 0.2, 0.6, 0.1]))
    search = TicketSearch(network, example, window=2)
    assert search.scale_names == ("norm_a", "norm_b")
    search.end_epoch()
    assert search.masks[0].tolist() == [True, False, True, False]  # means 0.5, 0.1, 0.6, 0.1


def test_regularize_pulls_the_scored_scales_only(network: nn.Sequential, example: torch.Tensor) -> None:
    search = TicketSearch(network, example, l1=0.5)
    network(example).sum().backward()
    before = {
        name: parameter.grad.clone() for name, parameter in network.named_parameters() if parameter.grad is not None
    }
    search.regularize()
    for name, parameter in network.named_parameters():
        pull = 0.5 * parameter.detach().sign() if name in ("1.weight", "4.weight") else torch.zeros_like(parameter)
        torch.testing.assert_close(parameter.grad, before[name] + pull)


def test_a_resumed_search_draws_at_the_same_epoch(network: nn.Sequential, example: torch.Tensor) -> None:
    """Masks settle with the fourth; the search is saved and taken up after every single epoch."""

    def scales(epoch: int) -> None:
        torch.manual_seed(min(epoch, 4))
        set_scales(network, torch.rand(8).tolist(), torch.rand(12).tolist())

    whole, resumed = TicketSearch(network, example), TicketSearch(network, example)
    for epoch in range(1, 12):
        scales(epoch)
        first = whole.end_epoch()
        saved = copy.deepcopy(resumed.state_dict())
        resumed = TicketSearch(network, example)
        resumed.load_state_dict(saved)
        second = resumed.end_epoch()
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert first == second
            break
    assert whole.drawn_epoch == resumed.drawn_epoch == 8


def test_state_survives_torch_save(network: nn.Sequential, example: torch.Tensor, tmp_path: object) -> None:
    search = TicketSearch(network, example, window=2)
    search.end_epoch()
    search.end_epoch()
    path = f"{tmp_path}/state.pt"
    torch.save(search.state_dict(), path)
    other = TicketSearch(network, example, window=2)
    other.load_state_dict(torch.load(path, weights_only=True))
    assert np.array_equal(np.stack(other.masks), np.stack(search.masks))
    assert other.ticket() == search.ticket()


def test_a_search_of_another_network_is_refused(network: nn.Sequential, example: torch.Tensor) -> None:
    state = TicketSearch(network, example).state_dict()
    other = nn.Sequential(nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(5 * 16, 3))
    with pytest.raises(CheckpointMismatch, match="the saved search is of another network; channel groups that differ"):
        TicketSearch(other, example).load_state_dict(state)


def test_equal_scales_are_no_stable_mask(network: nn.Sequential, example: torch.Tensor) -> None:
    set_scales(network, [1.0] * 8, [1.0] * 12)
    search = TicketSearch(network, example, window=2)
    for _ in range(3):
        with pytest.warns(NetchipWarning, match="all BatchNorm scales are still equal"):
            assert search.end_epoch() is None
    with pytest.raises(ConfigError, match="no mask has been drawn yet"):
        search.draw()


def test_nothing_to_prune_says_why(example: torch.Tensor) -> None:
    without_norm = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(
        GraphError, match=r"nothing an early-bird ticket can prune.*the channels of 0 have no BatchNorm scale"
    ):
        TicketSearch(without_norm, example)
    with pytest.raises(GraphError, match=r"nothing an early-bird ticket can prune.*output"):
        TicketSearch(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), example)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ratio": 1.0}, "ratio = 1.0: it is the share of channels to remove"),
        ({"ratio": 0.95}, "would keep 1 of 20 channels, but 2 groups need at least 3"),
        ({"detector": "offical"}, "detector = 'offical': there are official, paper, normalized, widths"),
        ({"eps": 0.0}, "eps = 0.0: it is a mask distance"),
        ({"window": 1}, "window = 1: official needs at least 2"),
        (
            {"ratio": 0.05, "eps": 0.1},
            r"at ratio 0.05 no two masks lie further apart than 0.1 .* every mask would count",
        ),
    ],
)
def test_settings_that_cannot_work(
    network: nn.Sequential, example: torch.Tensor, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        TicketSearch(network, example, **settings)  # type: ignore[arg-type]
