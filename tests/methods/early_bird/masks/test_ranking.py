"""Global exact top-k with a minimum per group: counts, ties, order, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.methods.early_bird.masks.ranking import PruneSpace, Ranking, channels_kept, check_ratio


def scores(*groups: list[float]) -> list[np.ndarray]:
    return [np.array(group, dtype=np.float64) for group in groups]


def top_channels(groups: list[np.ndarray], ratio: float, min_share: float = 0.0) -> list[np.ndarray]:
    space = PruneSpace(tuple(group.size for group in groups), min_share)
    check_ratio(space, ratio)
    mask = Ranking(space, np.concatenate(groups)).mask(channels_kept(space, ratio))
    return np.split(mask, np.cumsum(space.sizes)[:-1])


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
    values, space = scores(*groups), PruneSpace(tuple(len(group) for group in groups), min_share)
    least = space.least
    if channels_kept(space, ratio) < sum(least):
        with pytest.raises(ConfigError, match="use a ratio of at most"):
            top_channels(values, ratio, min_share)
        return
    masks = top_channels(values, ratio, min_share)
    assert sum(int(mask.sum()) for mask in masks) == round(space.units * (1 - ratio))
    assert all(mask.sum() >= low for mask, low in zip(masks, least, strict=True))
    for value, mask in zip(values, masks, strict=True):  # inside a group nothing removed outranks what stays
        assert mask.all() or value[~mask].max() <= value[mask].min()


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.2, 1.5])
def test_a_ratio_that_is_no_share(ratio: float) -> None:
    with pytest.raises(ConfigError, match=f"ratio = {ratio}: it is the share of channels to remove"):
        check_ratio(PruneSpace((8, 8), 0.1), ratio)


def test_a_ratio_that_would_empty_a_layer_says_what_can_be_reached() -> None:
    with pytest.raises(
        ConfigError, match=r"would keep 1 of 20 channels, but 4 groups need at least 4 .* at most 0\.800"
    ):
        check_ratio(PruneSpace((5, 5, 5, 5), 0.1), 0.95)


def test_one_sort_gives_masks_that_lie_inside_one_another() -> None:
    values = np.random.default_rng(0).random(60)
    ranking = Ranking(PruneSpace((10, 20, 30), 0.1), values)
    masks = [ranking.mask(count) for count in range(6, 61)]
    assert [int(mask.sum()) for mask in masks] == list(range(6, 61))
    assert all((small <= large).all() for small, large in itertools.pairwise(masks))


def test_widths_are_rounded_to_the_nearest_multiple_by_hand() -> None:
    """Groups of 12, 20 and 6 keep 5, 11 and 2; to multiples of 4: 4 (nearest), 12, and 4 (never below its own least)."""
    space = PruneSpace((12, 20, 6), min_share=0.25, round_to=4)
    assert space.rounded(np.array([5, 11, 2])).tolist() == [4, 12, 4]
    assert space.rounded(np.array([6, 20, 6])).tolist() == [8, 20, 6], "a half rounds up; a whole group stays whole"
    assert space.smallest.tolist() == [4, 8, 4]


def test_a_group_smaller_than_the_multiple_stays_whole() -> None:
    assert PruneSpace((6,), round_to=8).rounded(np.array([3])).tolist() == [6]


def test_units_of_several_channels_are_rounded_in_channels() -> None:
    """Units of 4 channels (a grouped convolution): 8 channels are 2 units."""
    space = PruneSpace((10, 10), round_to=8, channels=(4, 1))
    assert space.rounded(np.array([5, 5])).tolist() == [6, 8]


@given(st.integers(5, 40), st.sampled_from([1, 2, 4, 8]), st.integers(0, 2**32 - 1))
def test_rounded_masks(count: int, round_to: int, seed: int) -> None:
    space = PruneSpace((16, 9, 15), 0.1, round_to)
    values = np.random.default_rng(seed).random(40)
    ranking = Ranking(space, values)
    widths, mask = ranking.widths(count), ranking.mask(count)
    assert [int(part.sum()) for part in np.split(mask, [16, 25])] == widths.tolist()
    assert all(w % round_to == 0 or w == size for w, size in zip(widths, space.sizes, strict=True))
    for value, part in zip(np.split(values, [16, 25]), np.split(mask, [16, 25]), strict=True):
        assert part.all() or value[~part].max() <= value[part].min(), "a group keeps its own best"
