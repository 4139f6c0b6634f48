"""Loads of a space's options, as they add up and as the least of several designs."""

import numpy as np

from netchip.methods.dna.supernet.loads import LoadTable


def table(fixed: list[float], *options: list[list[float]]) -> LoadTable:
    """One number of bits; `options` [options, loads] a position."""
    return LoadTable(np.array(fixed), tuple(np.array(each)[:, None] for each in options))


def test_a_network_has_what_is_fixed_and_what_its_options_add() -> None:
    own = table([1, 2], [[10, 0], [0, 20]], [[3, 3]])
    assert own.of_places(((1, 0), (0, 0))).tolist() == [4, 25]


def test_each_option_is_told_by_the_design_that_suits_it_best() -> None:
    one, other = table([1, 5], [[10, 2], [4, 4]]), table([2, 3], [[8, 9], [4, 1]])
    both = one.least(other)
    assert both.fixed.tolist() == [1, 3]
    assert both.options[0][:, 0].tolist() == [[8, 2], [4, 1]]
    for places in (((0, 0),), ((1, 0),)):
        assert (both.of_places(places) <= np.minimum(one.of_places(places), other.of_places(places))).all()
