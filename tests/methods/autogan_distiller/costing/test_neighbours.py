"""Neighbours are a few choices away, cost what they may, and are none of another space."""

import numpy as np
import pytest

from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.neighbours import neighbour
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.space.operators import conv
from netchip.methods.autogan_distiller.space.presets import super_resolution
from netchip.methods.autogan_distiller.space.space import Layer, Space


def test_a_neighbour_differs_in_one_to_three_choices_and_keeps_to_the_range() -> None:
    space = super_resolution(2, width=16, cells=2, layers=2)
    table = cost_table(space, Macs(), (8, 8))
    smallest, largest = reach(table)
    budget, rng = (smallest.cost + largest.cost) / 2, np.random.default_rng(0)
    start, seen = largest.architecture, set()
    for _ in range(30):
        found = neighbour(table, start, budget, rng, least=0.7)
        if found is None:  # the largest network is more than three choices away
            start = smallest.architecture if start == largest.architecture else largest.architecture
            continue
        space.check(found.architecture)
        before, after = (
            {**{f"operator {name}": value for name, value in each.operators.items()}, **each.widths}
            for each in (start, found.architecture)
        )
        assert 1 <= sum(before[name] != after[name] for name in before) <= 3
        assert 0.7 * budget <= found.cost <= budget
        assert found.cost == table.of(found.architecture)
        start = found.architecture
        seen.add(start.digest)
    assert len(seen) > 20


def test_one_choice_alone_by_hand() -> None:
    """One width, 2 or 4, before a 3x3 to 3 channels of a map of one pixel: 9 x (3 + 3) x width MACs."""
    space = Space("one", (Layer("a", conv(3), (2, 4)), Layer("out", conv(3), 3)))
    table, rng = cost_table(space, Macs(), (1, 1)), np.random.default_rng(0)
    narrow, wide = space.architecture({}, {"a": 0}), space.architecture({}, {"a": 1})
    found = neighbour(table, narrow, 216.0, rng)
    assert found is not None
    assert (found.architecture, found.cost) == (wide, pytest.approx(216.0))
    assert neighbour(table, wide, 216.0, rng) is None  # the narrow one costs half of the budget
    assert neighbour(table, wide, 216.0, rng, least=0.5) is not None
    fixed = Space("fixed", (Layer("out", conv(3), 3),))
    only = cost_table(fixed, Macs(), (1, 1))
    assert neighbour(only, fixed.architecture({}, {}), 1e9, rng, least=0.0) is None
