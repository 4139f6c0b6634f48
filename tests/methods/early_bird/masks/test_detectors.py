"""Both published stopping rules against traces worked out by hand.

Masks have ten channels of which five stay; swapping one kept channel for another changes two positions: distance 0.2.
A mask of 20 channels with one swap lies at 0.1, exactly eps.
"""

import numpy as np
import pytest

from netchip.methods.early_bird.masks.detectors import RULES

OFFICIAL, PAPER = RULES["official"], RULES["paper"]


def kept(*channels: int, of: int = 20) -> np.ndarray:
    mask = np.zeros(of, dtype=bool)
    mask[list(channels)] = True
    return mask


BASE = kept(*range(10))
ONE_SWAP = kept(*range(9), 10)  # 0.1 from BASE: inclusive in the code, exclusive in the paper
TWO_SWAPS = kept(*range(8), 10, 11)  # 0.2 from BASE, 0.1 from ONE_SWAP


def first_trigger(name: str, masks: list[np.ndarray], eps: float = 0.1, window: int = 5) -> int | None:
    """The number of masks after which the rule first holds."""
    rule, sizes = RULES[name], (masks[0].size,)
    return next((n for n in range(1, len(masks) + 1) if rule.stable(masks[:n], eps, window, sizes)), None)


def watched(name: str, masks: list[np.ndarray]) -> list[float]:
    return RULES[name].distances(masks, 5, (masks[0].size,))


def test_constant_masks_trigger_as_early_as_each_rule_can() -> None:
    assert first_trigger("official", [BASE] * 9) == 5 == OFFICIAL.masks_needed(5)
    assert first_trigger("paper", [BASE] * 9) == 6 == PAPER.masks_needed(5)


def test_official_includes_eps_and_paper_excludes_it() -> None:
    masks = [BASE, ONE_SWAP, BASE, ONE_SWAP, BASE, ONE_SWAP, BASE, ONE_SWAP]
    assert watched("official", masks[:5]) == pytest.approx([0.0, 0.1, 0.0, 0.1])
    assert first_trigger("official", masks) == 5
    assert watched("paper", masks[:6]) == pytest.approx([0.1] * 5)
    assert first_trigger("paper", masks) is None
    assert first_trigger("paper", masks, eps=0.100001) == 6


def test_slow_drift_holds_back_the_official_rule_only() -> None:
    """One swap an epoch, always another channel: neighbours lie at 0.1, the newest and the oldest of five at 0.4."""
    masks = [kept(*range(10 - n), *range(10, 10 + n)) for n in range(9)]
    assert watched("official", masks[:5]) == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert first_trigger("official", masks) is None
    assert first_trigger("paper", masks, eps=0.11) == 6


def test_one_jump_delays_both_until_it_leaves_the_window() -> None:
    """Masks 1..3 are BASE, from the 4th on TWO_SWAPS (distance 0.2)."""
    masks = [BASE] * 3 + [TWO_SWAPS] * 9
    assert first_trigger("official", masks) == 8  # masks 4..8 are equal
    assert first_trigger("paper", masks) == 9  # the distance 3-4 leaves the last five with mask 9


def test_only_the_window_counts() -> None:
    masks = [kept(*range(10, 20))] * 4 + [BASE] * 5
    assert first_trigger("official", masks) == 9
    assert OFFICIAL.stable(masks, 0.1, 5, (20,))
    assert not OFFICIAL.stable(masks, 0.1, 6, (20,))


def test_too_few_masks_never_trigger() -> None:
    assert watched("official", [BASE]) == watched("paper", [BASE]) == []
    assert not OFFICIAL.stable([BASE] * 4, 1.0, 5, (20,))
    assert not PAPER.stable([BASE] * 5, 1.0, 5, (20,))


def test_normalized_measures_in_units_of_chance() -> None:
    """Ten of 20 kept: two random masks lie 0.5 apart, so one swap (0.1) is 0.2; two of 20: 0.18, one swap 0.1 is 0.556."""
    assert watched("normalized", [BASE, ONE_SWAP]) == pytest.approx([0.2])
    few = [kept(0, 1), kept(0, 2)]
    assert watched("normalized", few) == pytest.approx([0.1 / 0.18])
    assert first_trigger("official", few * 5) == 5
    assert first_trigger("normalized", few * 5, eps=0.2) is None
    assert first_trigger("normalized", [BASE, ONE_SWAP] * 5, eps=0.2) == 5


def test_widths_see_how_channels_are_spent_not_which() -> None:
    """Layers of 10 and 10: 10 + 0, then 9 + 1 kept: |10-9|/19 and |0-1|/1, mean 0.526; swaps inside a layer are nothing."""
    rule = RULES["widths"]
    assert rule.distances([BASE, ONE_SWAP], 5, (10, 10)) == pytest.approx([(1 / 19 + 1) / 2])
    inside = [kept(*range(10 - 5), *range(10, 15)), kept(*range(5, 10), *range(15, 20))]
    assert rule.distances(inside, 5, (10, 10)) == [0.0]
    assert rule.stable(inside * 3, 0.1, 5, (10, 10))
    assert not OFFICIAL.stable(inside * 3, 0.1, 5, (10, 10))


@pytest.mark.parametrize(("ratio", "largest"), [(0.5, 1.0), (0.2, 0.4), (0.95, 0.1)])
def test_no_masks_of_a_ratio_lie_further_apart_than_the_rule_says(ratio: float, largest: float) -> None:
    count = round(20 * (1 - ratio))
    first, last = kept(*range(count)), kept(*range(20 - count, 20))
    assert OFFICIAL.distances([first, last], 5, (20,)) == pytest.approx([largest])
    assert OFFICIAL.largest(ratio) == pytest.approx(largest)
    assert RULES["normalized"].largest(ratio) == pytest.approx(largest / (2 * ratio * (1 - ratio)))
