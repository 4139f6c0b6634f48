"""Mask distances against values worked out by hand, and as properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from netchip.methods.early_bird.masks.mask_distance import (
    distance_matrix,
    mask_distance,
    normalized_distance,
    width_distance,
)

masks_of_twenty = arrays(bool, 20)


def mask(text: str) -> np.ndarray:
    return np.array([letter == "1" for letter in text])


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("1100", "1100", 0.0), ("1100", "1010", 0.5), ("1100", "0011", 1.0), ("11111", "11110", 0.2)],
)
def test_by_hand(first: str, second: str, distance: float) -> None:
    assert mask_distance(mask(first), mask(second)) == pytest.approx(distance)


@given(masks_of_twenty, masks_of_twenty, masks_of_twenty)
def test_is_a_metric(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> None:
    assert mask_distance(a, b) == mask_distance(b, a)
    assert (mask_distance(a, b) == 0) == bool((a == b).all())
    assert mask_distance(a, c) <= mask_distance(a, b) + mask_distance(b, c) + 1e-12


@given(st.lists(masks_of_twenty, min_size=1, max_size=6))
def test_matrix_holds_all_pairs(masks: list[np.ndarray]) -> None:
    pairs = [[mask_distance(a, b) for b in masks] for a in masks]
    np.testing.assert_allclose(distance_matrix(masks), pairs, atol=1e-12)


def test_equal_ratio_bounds_the_distance() -> None:
    """At ratio p no two masks lie further apart than 2 min(p, 1-p): here 2 of 10 kept, disjoint."""
    assert mask_distance(mask("1100000000"), mask("0011000000")) == pytest.approx(2 * min(0.8, 0.2))


def test_other_widths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"masks of \(4,\) and \(5,\) channels"):
        mask_distance(mask("1100"), mask("11000"))


def test_masks_without_a_random_level() -> None:
    assert normalized_distance(mask("1111"), mask("1111")) == 0.0
    assert normalized_distance(mask("1111"), mask("1110")) == 1.0


@given(masks_of_twenty, masks_of_twenty)
def test_width_distance_is_symmetric_and_bounded(a: np.ndarray, b: np.ndarray) -> None:
    sizes = (3, 10, 7)
    assert width_distance(a, b, sizes) == width_distance(b, a, sizes)
    assert 0.0 <= width_distance(a, b, sizes) <= 1.0
    assert width_distance(a, a, sizes) == 0.0
