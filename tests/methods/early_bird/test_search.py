"""The search in a plain loop: what it scores, when it draws, how it is resumed, what it refuses."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import netchip
from netchip.errors import BudgetError, CheckpointMismatch, ConfigError, GraphError, NetchipWarning
from netchip.methods.early_bird.search import TicketSearch
from netchip.methods.early_bird.ticket import Ticket

Move = Callable[[nn.Module], None]


def set_scales(network: nn.Sequential, first: list[float], second: list[float]) -> None:
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor(first))
        network[4].weight.copy_(torch.tensor(second))


def drift(network: nn.Sequential) -> None:
    """Scales of one order, by magnitude; signs and sizes do not matter."""
    set_scales(network, [0.1, -0.9, 0.2, 0.8, 0.15, 0.7, 0.05, 0.6], [-0.3, 0.31, 0.01, 0.4, 0.5, 0.02] * 2)


def epochs(search: TicketSearch, network: nn.Module, count: int, move: Move) -> list[Ticket | None]:
    """What the search says at the end of each of `count` epochs in which every scale grows by one per cent."""
    found = []
    for _ in range(count):
        move(network)
        found.append(search.end_epoch())
    return found


def test_keeps_the_largest_scales_over_all_layers(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move
) -> None:
    search = TicketSearch(network, example, ratio=0.5, window=2)
    drift(network)
    first, ticket = epochs(search, network, 2, trained_on)
    assert first is None
    assert ticket is not None
    assert dict(ticket.widths) == {"0": (4, 8), "3": (6, 12)}
    assert ticket.kept_percent == 50.0
    kept = np.flatnonzero(search.masks[0]).tolist()
    assert kept == [1, 3, 5, 7, *(8 + np.array([1, 3, 4, 7, 9, 10]))]


def test_draws_when_the_official_rule_holds_and_not_before(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move
) -> None:
    search = TicketSearch(network, example)
    *before, ticket = epochs(search, network, 5, trained_on)
    assert before == [None] * 4
    assert ticket is not None
    assert (ticket.epoch, ticket.stable, ticket.distances) == (5, True, (0.0, 0.0, 0.0, 0.0))
    assert search.drawn_epoch == 5
    assert search.end_epoch() is None, "a ticket is drawn once"


def test_no_mask_is_stable_before_the_least_epochs(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move
) -> None:
    search = TicketSearch(network, example, window=2, min_epochs=4)
    assert [found is not None for found in epochs(search, network, 4, trained_on)] == [False, False, False, True]


def test_masks_of_the_warm_up_are_no_evidence(network: nn.Sequential, example: torch.Tensor, trained_on: Move) -> None:
    """Two masks after three epochs of warm-up make a window of two."""
    search = TicketSearch(network, example, window=2, warmup_epochs=3)
    assert [found is not None for found in epochs(search, network, 5, trained_on)] == [False] * 4 + [True]
    assert search.histories[0].counts == [False, False, False, True, True]


def test_masks_of_scales_that_do_not_move_are_no_evidence(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move
) -> None:
    """A frozen network, or a rate near zero, gives the same mask for ever: that is no early bird."""
    search = TicketSearch(network, example, window=2)
    for _ in range(6):
        with pytest.warns(NetchipWarning, match=r"moved by 0 of their size since the last mask.*no evidence"):
            assert search.end_epoch() is None
    assert epochs(search, network, 2, trained_on)[-1] is not None


def test_frozen_scales_are_not_scored(network: nn.Sequential, example: torch.Tensor) -> None:
    network[1].weight.requires_grad_(False)
    search = TicketSearch(network, example, window=2, eps=0.2)
    assert [group.name for group in search.groups] == ["3"]
    assert "frozen (1.weight takes no gradient)" in search.coupling.left_alone[-1].reason
    network[4].weight.requires_grad_(False)
    with pytest.raises(
        GraphError, match=r"nothing an early-bird ticket can prune.*unfreeze it, or use importance 'l2'"
    ):
        TicketSearch(network, example, eps=0.2)
    assert TicketSearch(network, example, importance="l2").importance == "l2"


@pytest.mark.parametrize("detector", ["normalized", "widths"])
def test_other_rules_draw_too(network: nn.Sequential, example: torch.Tensor, trained_on: Move, detector: str) -> None:
    search = TicketSearch(network, example, detector=detector, eps=0.3)  # type: ignore[arg-type]
    drawn = epochs(search, network, 5, trained_on)
    assert drawn[-1] is not None
    assert drawn[-1].detector == detector


def test_the_paper_rule_needs_one_mask_more(network: nn.Sequential, example: torch.Tensor, trained_on: Move) -> None:
    search = TicketSearch(network, example, detector="paper", eps=0.2)
    drawn = epochs(search, network, 6, trained_on)
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
    search = TicketSearch(network, example, window=2, eps=0.5, min_movement=0)
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
        set_scales(network, (epoch * torch.rand(8)).tolist(), (epoch * torch.rand(12)).tolist())

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


def test_state_survives_torch_save(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move, tmp_path: object
) -> None:
    search = TicketSearch(network, example, window=2)
    epochs(search, network, 2, trained_on)
    path = f"{tmp_path}/state.pt"
    torch.save(search.state_dict(), path)
    other = TicketSearch(network, example, window=2)
    other.load_state_dict(torch.load(path, weights_only=True))
    assert np.array_equal(np.stack(other.masks), np.stack(search.masks))
    trained_on(network)
    first, second = search.ticket(), other.ticket()
    assert first is not None
    assert second is not None
    assert first == second
    assert all(torch.equal(tensor, second.state[name]) for name, tensor in first.state.items()), (
        "a drawn ticket has its own weights, whatever the network is now"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"detector": "paper", "eps": 0.2}, "detector = 'official' there, 'paper' here; eps = 0.1 there, 0.2 here"),
        ({"ratio": (0.5, 0.3)}, r"ratio = \[0\.5\] there, \[0\.5, 0\.3\] here"),
        ({"window": 4}, "window = 5 there, 4 here"),
    ],
)
def test_a_search_with_other_settings_is_refused(
    network: nn.Sequential, example: torch.Tensor, settings: dict[str, object], message: str
) -> None:
    state = TicketSearch(network, example).state_dict()
    other = TicketSearch(network, example, **settings)  # type: ignore[arg-type]
    with pytest.raises(CheckpointMismatch, match=f"made with other settings .{message}.*start a search anew"):
        other.load_state_dict(state)


def test_a_search_of_another_network_is_refused(network: nn.Sequential, example: torch.Tensor) -> None:
    state = TicketSearch(network, example).state_dict()
    other = nn.Sequential(nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.Linear(5 * 16, 3))
    with pytest.raises(CheckpointMismatch, match="the saved search is of another network; channel groups that differ"):
        TicketSearch(other, example, eps=0.4).load_state_dict(state)


def test_equal_scales_are_no_stable_mask(network: nn.Sequential, example: torch.Tensor) -> None:
    set_scales(network, [1.0] * 8, [1.0] * 12)
    search = TicketSearch(network, example, window=2)
    for _ in range(3):
        with pytest.warns(NetchipWarning, match="all scores are still equal"):
            assert search.end_epoch() is None
    with pytest.raises(ConfigError, match="no mask has been drawn yet"):
        search.draw()


def test_nothing_to_prune_says_why(example: torch.Tensor) -> None:
    without_norm = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(
        GraphError, match=r"nothing an early-bird ticket can prune.*the channels of 0 have no BatchNorm scale"
    ):
        TicketSearch(without_norm, example, importance="gamma")
    with pytest.raises(GraphError, match=r"nothing an early-bird ticket can prune.*output"):
        TicketSearch(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), example)


def test_a_network_without_norms_is_ranked_by_its_weights(example: torch.Tensor, trained_on: Move) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.GroupNorm(8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)
    )
    search = TicketSearch(network, example, ratio=0.5, window=2, eps=0.2)
    assert (search.importance, search.scale_names) == ("l2", ("0", "2"))

    def stretch(model: nn.Module) -> None:  # relative scores must move: one filter more than the others
        trained_on(model)
        with torch.no_grad():
            network[0].weight[0] *= 1.05

    ticket = epochs(search, network, 2, stretch)[-1]
    assert ticket is not None
    assert ticket.importance == "l2"
    report = ticket.cut(network)
    assert report.difference is not None
    assert sum(kept for kept, _ in ticket.widths.values()) == 7


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
def test_settings_that_are_refused(
    network: nn.Sequential, example: torch.Tensor, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        TicketSearch(network, example, **settings)  # type: ignore[arg-type]


# Several targets ---------------------------------------------------------------------------------------------------------


def test_several_ratios_are_searched_at_once(network: nn.Sequential, example: torch.Tensor, trained_on: Move) -> None:
    search = TicketSearch(network, example, ratio=(0.3, 0.5, 0.7), window=2)
    alone = {ratio: TicketSearch(network, example, ratio=ratio, window=2) for ratio in (0.3, 0.5, 0.7)}
    for _ in range(2):
        trained_on(network)
        first = search.end_epoch()
        for each in alone.values():
            each.end_epoch()
    assert first is search.ticket()
    assert search.finished
    assert search.labels == ("0.3", "0.5", "0.7")
    assert [ticket.plan for ticket in search.tickets.values()] == [each.ticket().plan for each in alone.values()]  # type: ignore[union-attr]


def test_each_ratio_is_drawn_when_its_own_masks_settle(network: nn.Sequential, example: torch.Tensor) -> None:
    """The lower half keeps changing places, which the mask of 0.65 sees and that of 0.85 does not."""
    search = TicketSearch(network, example, ratio=(0.65, 0.85), window=2, min_share=0)
    for turn in range(3):
        low = [0.5, 0.6] if turn % 2 else [0.6, 0.5]
        set_scales(
            network,
            [3.0 + 0.01 * turn, 0.1, 0.1, 0.1, *low, 0.1, 0.1],
            [3.0, 2.9, *low, *low, *low, 0.2, 0.2, 0.2, 0.2],
        )
        search.end_epoch()
    assert list(search.tickets) == ["0.85"]
    assert search.ticket() is None
    assert not search.finished
    search.draw()
    assert search.finished
    assert [ticket.stable for ticket in search.tickets.values()] == [False, True]


@pytest.mark.parametrize("ratio", [(0.3, 0.3), ()])
def test_a_ratio_list_with_repeats_or_nothing(
    network: nn.Sequential, example: torch.Tensor, ratio: tuple[float, ...]
) -> None:
    with pytest.raises(ConfigError, match=r"stands there twice|give at least one"):
        TicketSearch(network, example, ratio=ratio)


def test_a_budget_of_macs_is_met_by_the_cut_network(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move
) -> None:
    dense = netchip.to_workload(network, example[:1]).macs
    ticket = epochs(TicketSearch(network, example, macs="40%", window=2), network, 2, trained_on)[-1]
    assert ticket is not None
    ticket.cut(network)
    found = netchip.to_workload(network, example[:1]).macs
    assert found <= 0.4 * dense
    assert found > 0.3 * dense
    assert ticket.target["macs"] == found


def test_a_budget_out_of_reach_is_refused_before_training(network: nn.Sequential, example: torch.Tensor) -> None:
    with pytest.raises(BudgetError, match=r"macs = 1 %: .*reachable are"):
        TicketSearch(network, example, macs="1%")


def test_widths_are_multiples(network: nn.Sequential, example: torch.Tensor, trained_on: Move) -> None:
    ticket = epochs(TicketSearch(network, example, round_to=4, window=2), network, 2, trained_on)[-1]
    assert ticket is not None
    assert all(kept % 4 == 0 for kept, _ in ticket.widths.values())


# Cadence, weights, importance, stream ------------------------------------------------------------------------------------


def test_masks_by_steps(network: nn.Sequential, example: torch.Tensor, trained_on: Move) -> None:
    search = TicketSearch(network, example, window=2, every_steps=3)
    drawn = []
    for _ in range(7):
        trained_on(network)
        drawn.append(search.end_step() is not None)
    assert drawn == [False] * 5 + [True, False]
    assert search.end_epoch() is None
    ticket = search.ticket()
    assert ticket is not None
    assert (ticket.step, ticket.epoch) == (6, 0)
    resumed = TicketSearch(network, example, window=2, every_steps=3)
    resumed.load_state_dict(search.state_dict())
    again = resumed.ticket()
    assert again is not None
    assert (again.step, again.epoch, again.stable, resumed.drawn_epoch) == (6, 0, True, 0)


def test_steps_say_nothing_without_a_cadence(network: nn.Sequential, example: torch.Tensor) -> None:
    search = TicketSearch(network, example)
    assert search.end_step() is None
    assert search.masks == ()


def test_a_rewound_ticket_has_the_weights_of_then(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move
) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    search = TicketSearch(network, example, window=2, weights="rewind", rewind_epoch=1)
    trained_on(network)
    search.end_epoch()
    first = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network(example).square().sum().backward()
    optimizer.step()
    trained_on(network)
    trained_on(network)
    ticket = search.end_epoch() or search.draw()
    assert (ticket.weights, ticket.first_epoch) == ("rewind to epoch 1", 1)
    kept = np.setdiff1d(np.arange(8), ticket.plan.removed["0", "out"])
    ticket.cut(network, optimizer)
    assert torch.equal(network[0].weight, first["0.weight"][kept])
    assert not optimizer.state, "momentum of other weights is forgotten"


def test_a_rewound_ticket_is_not_drawn_before_its_weights(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move
) -> None:
    search = TicketSearch(network, example, window=2, weights="rewind", rewind_epoch=4)
    assert [found is not None for found in epochs(search, network, 4, trained_on)] == [False, False, False, True]


def test_a_re_initialised_ticket_starts_anew(network: nn.Sequential, example: torch.Tensor, trained_on: Move) -> None:
    search = TicketSearch(network, example, window=2, weights="reinit", seed=5)
    ticket = epochs(search, network, 2, trained_on)[-1]
    assert ticket is not None
    ticket.cut(network)
    assert ticket.weights == "reinit"
    assert network[1].weight.eq(1).all()


def test_random_scores_never_draw(network: nn.Sequential, example: torch.Tensor, trained_on: Move) -> None:
    """A negative control of every rule: masks that are drawn anew are not stable."""
    for detector in ("official", "paper", "normalized"):
        search = TicketSearch(network, example, importance="random", detector=detector, eps=0.2, seed=1)
        assert epochs(search, network, 30, trained_on) == [None] * 30


def test_taylor_reads_gradients_in_regularize(network: nn.Sequential, example: torch.Tensor, trained_on: Move) -> None:
    search = TicketSearch(network, example, importance="taylor", window=2)
    for _ in range(2):
        trained_on(network)
        network.zero_grad()
        network(example).square().sum().backward()
        search.regularize()
        search.end_epoch()
    assert len(search.masks) == 2


def test_the_gradient_form_under_a_scaler(network: nn.Sequential, example: torch.Tensor) -> None:
    """Scaled gradients need a scaled pull: after unscaling both are the same."""
    search = TicketSearch(network, example, l1=0.5)
    (64.0 * network(example).sum()).backward()
    scaled = network[1].weight.grad.clone()
    search.regularize(gradient_scale=64.0)
    torch.testing.assert_close((network[1].weight.grad - scaled) / 64.0, 0.5 * network[1].weight.detach().sign())


def test_the_proximal_form_leaves_gradients_alone(network: nn.Sequential, example: torch.Tensor) -> None:
    search = TicketSearch(network, example, l1=0.5, penalty="proximal")
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    network(example).sum().backward()
    before = network[1].weight.grad.clone()
    search.regularize()
    assert torch.equal(network[1].weight.grad, before)
    scales = network[1].weight.detach().clone()
    search.shrink(optimizer)
    torch.testing.assert_close(network[1].weight.detach(), nn.functional.softshrink(scales, 0.05))
    plain = TicketSearch(network, example, l1=0.5)
    scales = network[1].weight.detach().clone()
    plain.shrink(optimizer)
    assert torch.equal(network[1].weight.detach(), scales), "one loop serves both forms"


def test_official_counts_every_norm_with_a_strict_threshold(
    network: nn.Sequential, example: torch.Tensor, trained_on: Move
) -> None:
    """20 scales that all differ, ratio 0.4: the threshold at index 8 goes too, so 11 stay; exactly 12 by our count."""
    drift(network)
    with torch.no_grad():
        network[4].weight += torch.arange(12) * 1e-3
    official = TicketSearch.official(network, example, ratio=0.4)
    ours = TicketSearch(network, example, ratio=0.4)
    for _ in range(5):
        trained_on(network)
        drawn, own = official.end_epoch(), ours.end_epoch()
    assert int(official.masks[-1].sum()) == 11
    assert int(ours.masks[-1].sum()) == 12
    assert drawn is not None
    assert own is not None
    assert sum(kept for kept, _ in drawn.widths.values()) == 11
    assert drawn.stream == "full"


def test_a_random_ticket_needs_a_drawn_one(network: nn.Sequential, example: torch.Tensor) -> None:
    with pytest.raises(ConfigError, match="draw a ticket first"):
        TicketSearch(network, example).random_plan(0)
