"""The choice for a whole network: as good as trying every combination."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.hardware.budget import Budget
from netchip.hardware.mapper.selection import chosen

numbers = st.lists(st.integers(1, 1000), min_size=4, max_size=4, unique=True)


@st.composite
def fronts(draw: st.DrawFn) -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    for _ in range(draw(st.integers(1, 4))):
        energy, latency = sorted(draw(numbers)), sorted(draw(numbers), reverse=True)
        size = draw(st.integers(1, 4))
        found.append((np.array(energy[:size], dtype=float), np.array(latency[:size], dtype=float)))
    return found


def totals(points: list[tuple[np.ndarray, np.ndarray]], picks: tuple[int, ...]) -> tuple[float, float]:
    energy, latency = (sum(each[side][pick] for each, pick in zip(points, picks, strict=True)) for side in (0, 1))
    return float(energy), float(latency)


def every(points: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[float, float]]:
    return [totals(points, picks) for picks in product(*(range(len(energy)) for energy, _ in points))]


@given(fronts())
def test_the_product_of_the_sums_is_the_least_there_is(points: list[tuple[np.ndarray, np.ndarray]]) -> None:
    energy, latency = totals(points, tuple(chosen(points, "edp")))
    assert energy * latency == pytest.approx(min(e * t for e, t in every(points)))


@given(fronts())
def test_single_objectives_take_the_ends(points: list[tuple[np.ndarray, np.ndarray]]) -> None:
    assert totals(points, tuple(chosen(points, "energy")))[0] == min(e for e, _ in every(points))
    assert totals(points, tuple(chosen(points, "latency")))[1] == min(t for _, t in every(points))


@given(fronts(), st.floats(0.2, 1.0))
def test_a_budget_that_one_layer_can_meet_is_met(points: list[tuple[np.ndarray, np.ndarray]], share: float) -> None:
    one = points[:1]
    most = float(one[0][1][0]) * share
    budget = Budget(latency_s=most)
    energy, latency = totals(one, tuple(chosen(one, budget)))
    best = [e * t for e, t in every(one) if t <= most]
    if best:
        assert energy * latency == pytest.approx(min(best))
    else:
        assert latency == min(t for _, t in every(one))


def test_layers_help_each_other_to_meet_a_budget() -> None:
    cheap_to_speed_up = (np.array([10.0, 11.0]), np.array([10.0, 2.0]))
    dear_to_speed_up = (np.array([10.0, 90.0]), np.array([10.0, 2.0]))
    assert chosen([dear_to_speed_up, cheap_to_speed_up], Budget(latency_s=12.0)) == [0, 1]


def test_a_layer_that_no_input_runs_changes_nothing() -> None:
    never = (np.zeros(3), np.zeros(3))
    runs = (np.array([10.0, 20.0]), np.array([10.0, 2.0]))
    assert chosen([never, runs], "edp") == [0, 1]
    assert chosen([never], "edp") == [0]
