"""A search that begins with a given design: never worse than it, and otherwise the engine's own."""

import numpy as np
import pytest

from netchip.errors import RequestError
from netchip.hardware.search.annealing import Annealing
from netchip.hardware.search.from_start import FromStart
from netchip.hardware.search.genetic import Genetic
from netchip.hardware.search.gumbel import Gumbel
from netchip.hardware.search.searching import Engine, SearchRun, search
from tests.hardware.search.made_up import made_up

PROBLEM = made_up(3, parts=3, options=40, limits=1, bandwidth=None)
SCORES = PROBLEM.score(PROBLEM.everything())
BEST = PROBLEM.everything()[:, np.where(SCORES.feasible, SCORES.cost, np.inf).argmin()]


@pytest.mark.parametrize("engine", [Genetic(size=8), Annealing(walks=4), Gumbel(samples=8)], ids=lambda each: each.name)
def test_what_is_given_is_among_the_first(engine: Engine) -> None:
    found = search(PROBLEM, FromStart(engine, BEST), calls=4, seed=0).require()
    assert found.cost == SCORES.cost[SCORES.feasible].min()
    assert found.picks.tolist() == BEST.tolist()


def test_it_stops_and_goes_on() -> None:
    engine = FromStart(Genetic(size=8), BEST)
    whole, first, second = (SearchRun(PROBLEM, engine, calls=64, seed=0) for _ in range(3))
    while not whole.done:
        whole.step()
    first.step()
    second.load_state_dict(first.state_dict())
    while not second.done:
        second.step()
    assert second.best.trace == whole.best.trace
    assert second.state_dict()["searcher"] == whole.state_dict()["searcher"]


def test_a_start_that_is_no_design_is_refused() -> None:
    for start in (BEST[:1], BEST + 10_000):
        with pytest.raises(RequestError, match="picks beyond the options of 3 choices"):
            search(PROBLEM, FromStart(Genetic(), start), calls=4, seed=0)
