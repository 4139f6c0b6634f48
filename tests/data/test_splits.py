"""Splits are disjoint, complete, stratified, and do not move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.data.splits import hold_out, take
from netchip.errors import DataError


@given(counts=st.lists(st.integers(3, 40), min_size=1, max_size=6), parts=st.integers(1, 2), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_held_out_parts_are_disjoint_complete_and_stratified(counts: list[int], parts: int, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    labels = labels[np.random.default_rng(seed).permutation(len(labels))]
    split = hold_out(labels, parts)
    assert len(split) == parts + 1
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(len(labels)))
    for part in split[1:]:
        found = np.bincount(labels[part], minlength=len(counts))
        assert (np.abs(found - 0.2 * np.array(counts)) <= 0.8).all()
        assert found.min() >= 1


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=6), share=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_taking_a_count_is_exact_and_within_one_of_every_class_share(counts: list[int], share: float) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    count = int(share * len(labels))
    taken, rest = take(labels, count)
    assert len(taken) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([taken, rest])), np.arange(len(labels)))
    found = np.bincount(labels[taken], minlength=len(counts))
    assert (np.abs(found - np.array(counts) * count / len(labels)) < 1).all()


def test_parts_are_mixed_and_repeatable() -> None:
    labels = np.repeat(np.arange(4), 50)
    train, *_ = hold_out(labels)
    assert len(set(labels[train[:20]])) == 4, "the first images hold all classes"
    np.testing.assert_array_equal(train, hold_out(labels)[0])


def test_too_few_are_refused() -> None:
    with pytest.raises(DataError, match="a class has 2 images; 3 parts need 3 of each class"):
        hold_out(np.array([0, 0, 0, 1, 1]))
    with pytest.raises(DataError, match="9 images were asked for, but there are only 5"):
        take(np.zeros(5, dtype=np.int64), 9)
