"""Engines on problems small enough to know the answer: they find it, stop and go on, never return what is over."""

import json
from dataclasses import replace

import numpy as np
import pytest

from netchip.errors import BudgetError, RequestError
from netchip.hardware.search.annealing import Annealing
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.gumbel import Gumbel, released
from netchip.hardware.search.problem import Scores, excess_of
from netchip.hardware.search.random_draws import RandomDraws
from netchip.hardware.search.searching import Engine, SearchRun, search
from tests.hardware.search.made_up import MadeUp, made_up

ENGINES: list[Engine] = [
    RandomDraws(batch=32),
    Annealing(walks=8),
    Genetic(size=16),
    Gumbel(samples=16, learning_rate=0.03),
    released(1e-6),
]


def feasible(seed: int) -> tuple[MadeUp, float]:
    """A problem of 4 parts of 6 options where a third of the designs meet each limit, and its least cost."""
    problem = made_up(seed, parts=4, options=6)
    usage = problem.score(problem.everything()).usage
    problem = replace(problem, limits={name: float(np.quantile(value, 0.3)) for name, value in usage.items()})
    scores = problem.score(problem.everything())
    return problem, float(scores.cost[scores.feasible].min())


@pytest.mark.parametrize("engine", ENGINES, ids=lambda each: each.name)
def test_every_engine_finds_the_best_of_a_few_thousand_designs(engine: Engine) -> None:
    problem, best = feasible(5)
    found = search(problem, engine, calls=4000, seed=0).require()
    assert found.cost == best
    assert found.calls == 4000
    own = problem.score(found.picks[:, None])
    assert (float(own.cost[0]), float(own.excess[0])) == (found.cost, 0.0)
    calls, costs = zip(*found.trace, strict=True)
    assert list(calls) == sorted(set(calls))
    assert list(costs) == sorted(set(costs), reverse=True)
    assert costs[-1] == best


@pytest.mark.parametrize("engine", ENGINES, ids=lambda each: each.name)
def test_a_search_stopped_anywhere_ends_as_one_that_was_not(engine: Engine) -> None:
    problem, _ = feasible(6)
    whole = search(problem, engine, calls=300, seed=3)
    first = SearchRun(problem, engine, calls=300, seed=3)
    for _ in range(4):
        first.step()
    kept = json.loads(json.dumps(first.state_dict()))
    second = SearchRun(problem, engine, calls=300, seed=99)
    second.load_state_dict(kept)
    while not second.done:
        second.step()
    assert second.best.picks.tolist() == whole.picks.tolist()
    assert (second.best.cost, second.best.calls, second.best.trace) == (whole.cost, whole.calls, whole.trace)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda each: each.name)
def test_equal_seeds_search_alike_and_others_do_not(engine: Engine) -> None:
    problem, _ = feasible(7)
    one, same, other = (search(problem, engine, calls=40, seed=seed) for seed in (1, 1, 2))
    assert one.trace == same.trace
    assert one.trace != other.trace or one.picks.tolist() != other.picks.tolist()


@pytest.mark.parametrize("engine", ENGINES, ids=lambda each: each.name)
def test_what_is_over_is_never_found(engine: Engine) -> None:
    problem = MadeUp(
        cycles=[np.array([1.0, 2.0])] * 2,
        traffic=[np.zeros(2)] * 2,
        usage=[np.array([[4.0, 3.0]])] * 2,
        limits={"dsp": 5.0},
    )
    found = search(problem, engine, calls=100, seed=0)
    assert (found.excess, found.trace, found.usage) == (pytest.approx(0.2), (), {"dsp": 6.0})
    with pytest.raises(
        BudgetError, match=r"none of 100 designs met all limits; the nearest uses dsp 6 of 5 \(20.0% too much\)"
    ):
        found.require()


def test_what_cannot_run_is_said() -> None:
    problem = replace(feasible(5)[0], broken=[np.ones(6, dtype=bool)] * 4)
    with pytest.raises(BudgetError, match="none of 10 designs met all limits; the nearest cannot run every layer"):
        search(problem, RandomDraws(), calls=10).require()


def test_the_released_rate_is_random_search() -> None:
    problem, _ = feasible(8)
    slow = search(problem, released(5e-9), calls=200, seed=0)
    still = search(problem, released(5e-9, learning_rate=0.0), calls=200, seed=0)
    assert slow.trace == still.trace


def test_gumbel_learns_limits() -> None:
    """All but one option in each part are over together; a search that is taught by penalties draws them ever less."""
    options, parts = 6, 5
    usage = np.full((1, options), 10.0)
    usage[0, 2] = 1.0
    problem = MadeUp(
        cycles=[np.where(np.arange(options) == 2, 100.0, 90.0)] * parts,
        traffic=[np.zeros(options)] * parts,
        usage=[usage] * parts,
        limits={"dsp": float(parts)},
    )
    found = search(problem, Gumbel(samples=32, learning_rate=0.1), calls=3000, seed=0).require()
    assert found.picks.tolist() == [2] * parts


def test_fitness_puts_what_cannot_run_last() -> None:
    scores = Scores(
        cost=np.array([10.0, 1.0, 1e9, np.inf]), excess=np.array([0.0, 0.5, 0.0, np.inf]), usage={"dsp": np.zeros(4)}
    )
    assert scores.fitness.argsort().tolist() == [0, 1, 2, 3]
    assert scores.feasible.tolist() == [True, False, True, False]
    assert np.isfinite(scores.fitness).all()


def test_excess_of_nothing_allowed() -> None:
    used = {"dsp": np.array([0.0, 1.0, 2.0]), "uram": np.array([0.0, 0.0, 1.0])}
    assert excess_of(used, {"dsp": 1.0, "uram": 0.0}, 3).tolist() == [0.0, 0.0, np.inf]


def test_a_search_needs_calls() -> None:
    with pytest.raises(RequestError, match="calls = 0: a search needs at least one predictor call"):
        search(feasible(5)[0], RandomDraws(), calls=0)
    with pytest.raises(RequestError, match="nothing was searched yet; take a step first"):
        _ = SearchRun(feasible(5)[0], RandomDraws(), calls=1, seed=0).best
