"""The exact engine against trying every design."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchip.errors import BudgetError, RequestError
from netchip.hardware.search.exact import BANDWIDTH, solve, tabulate
from netchip.hardware.search.front import undominated
from tests.hardware.search.made_up import MadeUp, made_up


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 4), st.sampled_from([None, 0.7, 2.0, 9.0]), st.integers(0, 3))
def test_the_best_of_all(seed: int, parts: int, bandwidth: float | None, limits: int) -> None:
    problem = made_up(seed, parts=parts, options=5, limits=limits, bandwidth=bandwidth)
    if any(each.all() for each in problem.broken):
        with pytest.raises(RequestError, match=r"no design of 'part[0-9]' runs all layers it was given"):
            solve(problem)
        return
    picks = problem.everything()
    scores = problem.score(picks)
    if not scores.feasible.any():
        with pytest.raises(BudgetError, match="no design meets these limits; the nearest uses limit"):
            solve(problem)
        return
    found = solve(problem)
    own = problem.score(found.picks[:, None])
    assert bool(own.feasible[0])
    assert found.cost == pytest.approx(scores.cost[scores.feasible].min())
    assert float(own.cost[0]) == found.cost
    assert found.usage == {name: float(value[0]) for name, value in own.usage.items()}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 4))
def test_undominated_is_what_no_other_is_below(seed: int, rows: int) -> None:
    values = np.random.default_rng(seed).integers(0, 5, (rows, 600)).astype(float)
    kept = undominated(values)
    front = values[:, kept]
    for column in values.T:
        below = (front <= column[:, None]).all(0)
        assert below.any()
    for place, column in enumerate(front.T):
        assert (front <= column[:, None]).all(0).sum() == 1, place


def test_nothing_has_no_front() -> None:
    assert undominated(np.zeros((2, 0))).tolist() == []


def of(usage: list[list[float]], limit: float) -> MadeUp:
    parts = [np.array(each) for each in usage]
    return MadeUp(
        cycles=[10 / each for each in parts],
        traffic=[0 * each for each in parts],
        usage=[each[None] for each in parts],
        limits={"dsp": limit},
    )


def test_what_is_over_in_the_nearest_design_is_named() -> None:
    with pytest.raises(BudgetError, match=r"the nearest uses dsp 5 of 4 \(25.0% too much\); allow that much"):
        solve(of([[2, 4], [3, 6]], 4))
    with pytest.raises(BudgetError, match="dsp is limited to 0, but every design uses at least 5; allow that much"):
        solve(of([[2, 4], [3, 6]], 0))


def test_priced_once_and_asked_under_many_limits() -> None:
    tables = tabulate(of([[1, 2, 5], [1, 2, 5]], 10))
    assert tables.calls == 6
    assert [tables.best({"dsp": limit}).cost for limit in (10, 7, 4, 2)] == [2, 5, 5, 10]
    with pytest.raises(RequestError, match="no limit is called 'lut'; there are dsp"):
        tables.best({"lut": 1})


def test_the_least_limit_that_lets_a_pace_be_kept() -> None:
    tables = tabulate(of([[1, 2, 5], [1, 2, 5]], 10))  # cycles 10, 5 and 2 of each
    assert [tables.needed("dsp", cycles) for cycles in (10, 5, 2)] == pytest.approx([2, 4, 10])
    assert tables.needed("dsp", 1.9) is None
    assert tables.needed(BANDWIDTH, 5) == 0  # nothing passes the memory here
    with pytest.raises(RequestError, match="no limit is called 'lut'; there are dsp, bandwidth_bits_per_cycle"):
        tables.needed("lut", 5)


def test_too_many_designs_to_list_are_refused() -> None:
    with pytest.raises(RequestError, match="3 designs are too many to list"):
        tabulate(of([[1, 2, 5]], 10), most=2)
