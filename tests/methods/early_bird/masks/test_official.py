"""The released code's masks, by hand: floor index, strict threshold, ties that go together, layers that are not emptied."""

import numpy as np
import pytest

from netchip.errors import ConfigError
from netchip.methods.early_bird.masks.official import official_mask, official_threshold, official_units
from netchip.methods.early_bird.masks.ranking import PruneSpace

SCALES = np.array([0.5, 0.1, 0.9, 0.3, 0.7, 0.2])


def test_the_threshold_is_the_value_at_the_floor_index() -> None:
    """Sorted: 0.1 0.2 0.3 0.5 0.7 0.9; floor(6 x 0.4) = 2."""
    assert official_threshold(SCALES, 0.4) == 0.3


def test_what_is_strictly_larger_stays() -> None:
    """C - floor(C p) - 1 = 3 of 6 stay: the channel at the threshold goes too."""
    assert official_mask(SCALES, 0.4).tolist() == [True, False, True, False, True, False]


def test_all_that_tie_with_the_threshold_go() -> None:
    assert official_mask(np.array([0.2, 0.5, 0.5, 0.5, 0.9]), 0.3).tolist() == [False, False, False, False, True]


def test_equal_scales_give_an_empty_mask() -> None:
    """The first mask of the released code, drawn before any training."""
    assert not official_mask(np.full(8, 0.5), 0.5).any()


def test_no_layer_is_emptied() -> None:
    """The second group lies whole below the threshold and keeps its best; the released code would empty it."""
    space = PruneSpace((3, 3))
    units = official_units(space, np.array([0.9, 0.8, 0.1, 0.2, 0.3, 0.05]), threshold=0.5)
    assert units.tolist() == [True, True, False, False, True, False]


def test_a_ratio_that_is_no_share() -> None:
    with pytest.raises(ConfigError, match="ratio = 1: it is the share of channels to remove"):
        official_mask(SCALES, 1)
