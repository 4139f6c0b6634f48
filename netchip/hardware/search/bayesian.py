"""Bayesian search with Optuna (extra `hpo`): a tree-structured Parzen estimator over the picks, as a baseline.

The sampler is made anew at each step from a seed of its own and all scores so far, so that a run that stopped goes on as if it had
not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.errors import MissingExtra
from netchip.hardware.choices import Choices
from netchip.hardware.search.problem import Scores
from netchip.hardware.search.searching import Searcher


@dataclass(frozen=True)
class Bayesian:
    """`batch` designs a step, the first `startup` of them at random. Options are taken in their order, as numbers.

    Scores are the logarithm of the cost with its penalty, so that the limits are learnt. Takes milliseconds a design, and
    more the longer it runs. `begin` raises `MissingExtra` where Optuna is not installed.
    """

    batch: int = 8
    startup: int = 64
    name: str = "bayesian"

    def begin(self, choices: Choices, *, seed: int, calls: int) -> Searcher:
        """A searcher that knows nothing yet."""
        return _Bayesian(self, choices, seed, _optuna())


class _Bayesian:
    def __init__(self, engine: Bayesian, choices: Choices, seed: int, optuna: Any) -> None:
        self._engine, self._choices, self._seed, self._optuna = engine, choices, seed, optuna
        self._told: list[tuple[list[int], float]] = []
        self._study = optuna.create_study()
        self._ranges = {
            f"{place}": optuna.distributions.IntDistribution(0, size - 1) for place, size in enumerate(choices.sizes)
        }

    def ask(self) -> np.ndarray:
        if len(self._told) < self._engine.startup:
            random = np.random.default_rng((self._seed, len(self._told)))
            return self._choices.drawn(random, self._engine.batch)
        self._study.sampler = self._sampler()
        asked = [self._study.ask(self._ranges) for _ in range(self._engine.batch)]
        picks = np.array([[trial.params[name] for name in self._ranges] for trial in asked], dtype=np.int64).T
        for trial in asked:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)  # told below as what it became
        return self._choices.repaired(picks)

    def tell(self, picks: np.ndarray, scores: Scores) -> None:
        fresh = [(column.tolist(), float(value)) for column, value in zip(picks.T, scores.fitness, strict=True)]
        self._told += fresh
        self._add(fresh)

    def state_dict(self) -> dict[str, Any]:
        return {"told": [[picks, value] for picks, value in self._told]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._told = [(list(picks), float(value)) for picks, value in state["told"]]
        self._study = self._optuna.create_study()
        self._add(self._told)

    def _sampler(self) -> Any:
        seed = int(np.random.default_rng((self._seed, len(self._told))).integers(2**31))
        return self._optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, constant_liar=False)

    def _add(self, told: list[tuple[list[int], float]]) -> None:
        self._study.add_trials(
            [
                self._optuna.trial.create_trial(
                    params=dict(zip(self._ranges, picks, strict=True)), distributions=self._ranges, value=value
                )
                for picks, value in told
            ]
        )


def _optuna() -> Any:
    try:
        import optuna  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise MissingExtra("optuna", "hpo", "Bayesian search") from None
    library: Any = optuna
    library.logging.set_verbosity(library.logging.WARNING)
    return library
