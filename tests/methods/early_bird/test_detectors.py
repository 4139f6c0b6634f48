"""Both published stopping rules against traces worked out by hand.

Masks have ten channels of which five stay; swapping one kept channel for another changes two positions: distance 0.2.
A mask of 20 channels with one swap lies at 0.1, exactly eps.
"""

import numpy as np
import pytest

from netchip.methods.early_bird.detectors import (
    DETECTORS,
    masks_needed,
    official_distances,
    paper_distances,
    watched_distances,
)


def kept(*channels: int, of: int = 20) -> np.ndarray:
    mask = np.zeros(of, dtype=bool)
    mask[list(channels)] = True
    return mask


BASE = kept(*range(10))
ONE_SWAP = kept(*range(9), 10)  # 0.1 from BASE: inclusive in the code, exclusive in the paper
TWO_SWAPS = kept(*range(8), 10, 11)  # 0.2 from BASE, 0.1 from ONE_SWAP


def first_trigger(name: str, masks: list[np.ndarray], eps: float = 0.1, window: int = 5) -> int | None:
    """The number of masks after which the rule first holds."""
    rule = DETECTORS[name]
    return next((n for n in range(1, len(masks) + 1) if rule(masks[:n], eps, window)), None)


def test_constant_masks_trigger_as_early_as_each_rule_can() -> None:
    assert first_trigger("official", [BASE] * 9) == 5 == masks_needed("official", 5)
    assert first_trigger("paper", [BASE] * 9) == 6 == masks_needed("paper", 5)


def test_official_includes_eps_and_paper_excludes_it() -> None:
    masks = [BASE, ONE_SWAP, BASE, ONE_SWAP, BASE, ONE_SWAP, BASE, ONE_SWAP]
    assert official_distances(masks[:5], 5) == pytest.approx([0.0, 0.1, 0.0, 0.1])
    assert first_trigger("official", masks) == 5
    assert paper_distances(masks[:6], 5) == pytest.approx([0.1] * 5)
    assert first_trigger("paper", masks) is None
    assert first_trigger("paper", masks, eps=0.100001) == 6


def test_slow_drift_holds_back_the_official_rule_only() -> None:
    """One swap an epoch, always another channel: neighbours lie at 0.1, the newest and the oldest of five at 0.4."""
    masks = [kept(*range(10 - n), *range(10, 10 + n)) for n in range(9)]
    assert official_distances(masks[:5], 5) == pytest.approx([0.4, 0.3, 0.2, 0.1])
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
    assert DETECTORS["official"](masks, 0.1, 5)
    assert not DETECTORS["official"](masks, 0.1, 6)


def test_too_few_masks_never_trigger() -> None:
    assert watched_distances("official", [BASE], 5) == []
    assert not DETECTORS["official"]([BASE] * 4, 1.0, 5)
    assert not DETECTORS["paper"]([BASE] * 5, 1.0, 5)
