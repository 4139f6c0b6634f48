"""How many units stay: shares, and budgets of MACs that are met to the last channel or refused with what is in reach."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netchip.errors import BudgetError, ConfigError
from netchip.graph.coupling import channel_groups
from netchip.graph.width_macs import WidthMacs, width_macs
from netchip.methods.early_bird.masks.amounts import parse_macs
from netchip.methods.early_bird.masks.ranking import PruneSpace, Ranking
from netchip.methods.early_bird.masks.targets import MacsBudget, Share, check_ratios, even_widths, most

SIZES = (8, 12)


def costs() -> WidthMacs:
    """3x3 convolutions 1 -> 8 -> 12 on 6x6 images and a linear layer to 3: 36 (9 a + 9 a b) + 3 b."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3),
    )  # fmt: skip
    example = torch.randn(2, 1, 6, 6)
    return width_macs(network, example, channel_groups(network, example))


COSTS = costs()


def by_hand(a: int, b: int) -> int:
    return 36 * (9 * a + 9 * a * b) + 3 * b


def test_a_share_keeps_what_it_says() -> None:
    share = Share(PruneSpace(SIZES), 0.3)
    assert (share.count(Ranking(PruneSpace(SIZES), np.arange(20.0))), share.label, share.ratio) == (14, "0.3", 0.3)
    assert share.achieved() == {"ratio": 0.3}


@settings(deadline=None, max_examples=40)
@given(st.integers(12, 95), st.integers(0, 2**32 - 1), st.sampled_from([1, 4]))
def test_a_budget_is_met_and_one_unit_more_would_break_it(percent: int, seed: int, round_to: int) -> None:
    space = PruneSpace(SIZES, 0.1, round_to)
    ranking = Ranking(space, np.random.default_rng(seed).random(20))
    budget = 0.01 * percent * by_hand(8, 12)
    if by_hand(*space.smallest) > int(budget):
        with pytest.raises(BudgetError):
            MacsBudget(space, COSTS, parse_macs(f"{percent}%"))
        return
    count = MacsBudget(space, COSTS, parse_macs(f"{percent}%")).count(ranking)
    assert by_hand(*ranking.widths(count)) <= budget
    assert count == 20 or by_hand(*ranking.widths(count + 1)) > int(budget)


def test_what_was_asked_and_what_it_came_to() -> None:
    target = MacsBudget(PruneSpace(SIZES, 0.1), COSTS, parse_macs("50%"))
    ranking = Ranking(PruneSpace(SIZES, 0.1), np.arange(20.0))
    widths = ranking.widths(target.final(ranking, nn.Identity()))
    assert target.achieved() == {"macs_budget": by_hand(8, 12) // 2, "macs": by_hand(*widths), "written": "50 %"}
    assert target.label == "macs-50%"
    assert 0.2 < target.ratio < 0.4, "about 1 - sqrt(0.5)"


def test_a_budget_below_the_narrowest_network_says_what_is_in_reach() -> None:
    """Least widths 1 and 2 of (8, 12) at min_share 0.1: 36 (9 + 18) + 6 = 978 of 33,732."""
    with pytest.raises(
        BudgetError,
        match=r"macs = 1 %: .* fewer than the narrowest network needs \(min_share = 0\.1, round_to = 1\); "
        r"reachable are 978 \(2\.9 %\) to 33\.7 k",
    ):
        MacsBudget(PruneSpace(SIZES, 0.1), COSTS, parse_macs("1%"))


def test_a_budget_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="macs = 1M: the dense network needs no more, so nothing would go"):
        MacsBudget(PruneSpace(SIZES, 0.1), COSTS, parse_macs("1M"))


def test_most_is_the_largest_that_fits() -> None:
    ranking = Ranking(PruneSpace(SIZES, 0.1), np.arange(20.0))
    assert most(ranking, lambda widths: widths.sum() <= 13) == 13
    assert most(ranking, lambda widths: False) == 3, "the least widths"
    assert most(ranking, lambda widths: True) == 20


def test_even_widths_keep_the_same_share_of_each_group() -> None:
    assert even_widths(PruneSpace((8, 12), 0.1), 0.5).tolist() == [4, 6]
    assert even_widths(PruneSpace((8, 12), 0.25), 0.0).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("ratios", "message"), [((), "give at least one"), ((0.3, 0.5, 0.3), "0.3 stands there twice; give each once")]
)
def test_a_list_of_ratios(ratios: tuple[float, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_ratios(ratios)
