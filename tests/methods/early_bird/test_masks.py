"""Global exact top-k with a minimum per group: counts, ties, order, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.methods.early_bird.masks import channels_kept, check_ratio, minimum_widths, top_channels


def scores(*groups: list[float]) -> list[np.ndarray]:
    return [np.array(group, dtype=np.float64) for group in groups]


def kept(masks: list[np.ndarray]) -> list[list[int]]:
    return [np.flatnonzero(mask).tolist() for mask in masks]


def test_global_ranking_by_hand() -> None:
    assert kept(top_channels(scores([0.9, 0.1, 0.8], [0.2, 0.7, 0.3]), 0.5)) == [[0, 2], [1]]


def test_every_group_keeps_its_best() -> None:
    """Four of six stay; the second group's scores are all lower, yet it keeps its best one."""
    assert kept(top_channels(scores([0.9, 0.8, 0.7], [0.1, 0.3, 0.2]), 1 / 3)) == [[0, 1, 2], [1]]


def test_minimum_share_protects_more() -> None:
    assert kept(top_channels(scores([9, 8, 7, 6], [1, 2, 3, 4]), 0.5, min_share=0.5)) == [[0, 1], [2, 3]]


def test_ties_are_cut_exactly_and_in_order() -> None:
    """A strict threshold would remove all five ties; exactly half of six stay, the earliest first."""
    assert kept(top_channels(scores([1, 1, 1], [1, 1, 0]), 0.5)) == [[0, 1], [0]]


def test_signs_and_zero_scores_are_kept_by_rank() -> None:
    assert kept(top_channels(scores([0.0, 0.0], [0.0, 0.0]), 0.5)) == [[0], [0]]


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=9), min_size=1, max_size=5),
    st.floats(0.05, 0.95),
    st.floats(0.0, 0.4),
)
def test_properties(groups: list[list[int]], ratio: float, min_share: float) -> None:
    values, sizes = scores(*groups), [len(group) for group in groups]
    least = minimum_widths(sizes, min_share)
    if channels_kept(sizes, ratio) < sum(least):
        with pytest.raises(ConfigError, match="use a ratio of at most"):
            top_channels(values, ratio, min_share)
        return
    masks = top_channels(values, ratio, min_share)
    assert sum(int(mask.sum()) for mask in masks) == round(sum(sizes) * (1 - ratio))
    assert all(mask.sum() >= low for mask, low in zip(masks, least, strict=True))
    for value, mask in zip(values, masks, strict=True):  # inside a group nothing removed outranks what stays
        assert mask.all() or value[~mask].max() <= value[mask].min()


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.2, 1.5])
def test_a_ratio_that_is_no_share(ratio: float) -> None:
    with pytest.raises(ConfigError, match=f"ratio = {ratio}: it is the share of channels to remove"):
        check_ratio([8, 8], ratio, 0.1)


def test_a_ratio_that_would_empty_a_layer_says_what_can_be_reached() -> None:
    with pytest.raises(
        ConfigError, match=r"would keep 1 of 20 channels, but 4 groups need at least 4 .* at most 0\.800"
    ):
        check_ratio([5, 5, 5, 5], 0.95, 0.1)
