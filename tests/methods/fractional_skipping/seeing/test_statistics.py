"""Statistics of routes, against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.blocks.site import BlockSite
from netchip.methods.fractional_skipping.costs import CostTable, cost_table
from netchip.methods.fractional_skipping.options import OptionSet
from netchip.methods.fractional_skipping.seeing.statistics import (
    cost_spread,
    entropy_bits,
    extremes,
    information_bits,
    route_statistics,
)

OPTIONS = OptionSet.parse("skip, 16, full")
TABLE: CostTable = cost_table("paper", [BlockSite(name="a"), BlockSite(name="b"), BlockSite(name="c")], OPTIONS)
# block a is static; b goes with the class; c is a fair coin that knows nothing of the class
ROUTES = np.array([[2, 0, 1], [2, 0, 2], [2, 2, 1], [2, 2, 2]] * 25)
LABELS = np.array([0, 0, 1, 1] * 25)


def test_shares_and_what_depends() -> None:
    found = route_statistics(ROUTES, TABLE, LABELS)
    assert found.shares.tolist() == [[0, 0, 1], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    assert found.modal.tolist() == [2, 0, 1]
    assert found.entropy_bits.tolist() == [0, 1, 1]
    assert found.depends.tolist() == [False, True, True]
    assert found.dependent_blocks == 2
    assert (found.distinct_routes, found.route_entropy_bits) == (4, 2.0)


def test_information_about_the_class() -> None:
    found = route_statistics(ROUTES, TABLE, LABELS)
    assert found.class_bits is not None
    # block b: 1 bit; chance is (2 cells - 2 - 2 + 1) / (2 N ln 2) = -0.0072, so the correction adds a little
    assert found.class_bits.tolist() == pytest.approx([0.0, 1.0 + 1 / (200 * math.log(2)), 0.0])


def test_costs_by_class_and_in_all() -> None:
    found = route_statistics(ROUTES, TABLE, LABELS)
    assert found.class_costs is not None
    assert found.class_costs.tolist() == [[1.0, 0.0, 0.625], [1.0, 1.0, 0.625]]
    assert found.costs[:4].tolist() == pytest.approx([1.25 / 3, 2 / 3, 2.25 / 3, 1.0])
    assert found.spread.mean == pytest.approx(np.mean([1.25, 2, 2.25, 3]) / 3)


def test_how_rare_another_option_may_be() -> None:
    routes = np.zeros((100, 3), dtype=int)
    routes[:4, 0], routes[:5, 1] = 1, 1
    assert route_statistics(routes, TABLE).depends.tolist() == [False, True, False]
    assert route_statistics(routes, TABLE, least_share=0.01).depends.tolist() == [True, True, False]


def test_a_class_that_no_input_has_is_a_gap() -> None:
    found = route_statistics(ROUTES[:2], TABLE, [0, 2])
    assert found.class_costs is not None
    assert np.isnan(found.class_costs[1]).all()
    assert not np.isnan(found.class_costs[[0, 2]]).any()


def test_percentiles_are_costs_that_occur() -> None:
    spread = cost_spread(np.arange(1, 101) / 100)
    assert (spread.p50, spread.p95, spread.p99, spread.largest) == (0.5, 0.95, 0.99, 1.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=60))
def test_information_is_bounded_by_what_chance_leaves(pairs: list[tuple[int, int]]) -> None:
    options, labels = (np.array(column) for column in zip(*pairs, strict=True))
    chance = 20 / (2 * len(pairs) * math.log(2))
    assert 0 <= information_bits(options, labels) <= math.log2(4) + chance
    assert information_bits(options, labels) == pytest.approx(information_bits(labels, options))


def test_information_of_independent_columns_is_near_nothing() -> None:
    random = np.random.default_rng(0)
    found = [information_bits(random.integers(0, 4, 300), random.integers(0, 10, 300)) for _ in range(50)]
    assert np.mean(found) < 0.015
    assert (27 / (2 * 300 * math.log(2))) > 0.06, "which is what it would be without the correction"


def test_entropy() -> None:
    assert entropy_bits(np.array([0.5, 0.25, 0.25, 0.0])) == 1.5


def test_extremes_break_ties_by_the_loss() -> None:
    costs, losses = np.array([0.5, 0.2, 0.2, 0.9, 0.9]), np.array([1.0, 2.0, 1.0, 3.0, 4.0])
    easiest, hardest = extremes(costs, losses, 2)
    assert easiest.tolist() == [2, 1]
    assert hardest.tolist() == [4, 3]


def test_it_is_written_as_plain_values() -> None:
    plain = route_statistics(ROUTES, TABLE, LABELS).to_json()
    assert plain["modal"] == ["full", "skip", "16"]
    assert plain["cost"]["largest"] == 1.0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="routes of 2 blocks; the table has 3"):
        route_statistics(ROUTES[:, :2], TABLE)
    with pytest.raises(ConfigError, match=r"labels of shape \(3,\) for 100 routes"):
        route_statistics(ROUTES, TABLE, [0, 1, 2])
