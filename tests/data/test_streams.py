"""Random words are pinned: another value would change every split and every run."""

import numpy as np

from netchip.data.streams import permutation, random_words


def test_words_are_pinned_and_depend_on_the_whole_key() -> None:
    assert [int(word) for word in random_words(2, 0)] == [5355612043264381979, 12972753510986548491]
    keys = [(0,), (1,), (1, 0), (1, 1), (0, 1)]
    assert len({int(random_words(1, *key)[0]) for key in keys}) == len(keys)


def test_more_words_begin_with_the_fewer() -> None:
    np.testing.assert_array_equal(random_words(100, 7, 3)[:10], random_words(10, 7, 3))


def test_a_permutation_holds_every_index_once() -> None:
    np.testing.assert_array_equal(np.sort(permutation(1000, 5)), np.arange(1000))
    assert (permutation(1000, 5) != np.arange(1000)).any()
