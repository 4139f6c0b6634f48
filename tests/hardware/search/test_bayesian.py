"""Bayesian search: better than chance, resumed exactly, and a plain word where Optuna is not installed."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from netchip.errors import MissingExtra
from netchip.hardware.choices import Choice, Choices
from netchip.hardware.search.bayesian import Bayesian
from netchip.hardware.search.problem import Scores, excess_of
from netchip.hardware.search.random_draws import RandomDraws
from netchip.hardware.search.searching import SearchRun, search


class Bowl:
    """The cost rises with the distance from one design; half of the designs are over a limit."""

    choices = Choices(tuple(Choice(f"choice{place}", tuple(map(float, range(20)))) for place in range(5)))

    @property
    def limits(self) -> dict[str, float]:
        return {"sum": 50.0}

    def score(self, picks: np.ndarray) -> Scores:
        cost = 1.0 + ((picks - np.array([[3], [15], [7], [0], [12]])) ** 2).sum(0)
        usage = {"sum": picks.sum(0).astype(float)}
        return Scores(cost=cost, excess=excess_of(usage, self.limits, picks.shape[1]), usage=usage)


PROBLEM = Bowl()


@pytest.fixture
def optuna() -> Iterator[None]:
    library = pytest.importorskip("optuna", reason="optuna is not installed (pip install 'netchip[hpo]')")
    before = library.logging.get_verbosity()
    yield
    library.logging.set_verbosity(before)


@pytest.mark.usefixtures("optuna")
def test_it_finds_more_than_chance() -> None:
    costs = {
        engine.name: [search(PROBLEM, engine, calls=80, seed=seed).require().cost for seed in range(2)]
        for engine in (Bayesian(startup=32), RandomDraws(batch=8))
    }
    assert np.mean(costs["bayesian"]) < 0.6 * np.mean(costs["random"])


@pytest.mark.usefixtures("optuna")
def test_it_goes_on_where_it_stopped() -> None:
    engine = Bayesian(batch=4, startup=8)
    whole, first, second = (SearchRun(PROBLEM, engine, calls=24, seed=1) for _ in range(3))
    while not whole.done:
        whole.step()
    for _ in range(4):
        first.step()
    second.load_state_dict(first.state_dict())
    while not second.done:
        second.step()
    assert second.state_dict() == whole.state_dict()


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"Bayesian search needs the package 'optuna'.*pip install 'netchip\[hpo\]'"):
        search(PROBLEM, Bayesian(), calls=8, seed=0)
