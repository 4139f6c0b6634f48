"""A genetic search: the better of three drawn designs are parents, children mix and change their picks, the best live on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.hardware.choices import Choices
from netchip.hardware.search.changing import changed
from netchip.hardware.search.problem import Scores
from netchip.hardware.search.searching import Searcher, random_state


@dataclass(frozen=True)
class Genetic:
    """A population of `size`, all of its children scored each step; a child changes `changes` of its picks on average."""

    size: int = 64
    changes: float = 1.5
    name: str = "genetic"

    def begin(self, choices: Choices, *, seed: int, calls: int) -> Searcher:
        """A population that begins at random."""
        return _Genetic(self, choices, np.random.default_rng(seed))


class _Genetic:
    def __init__(self, engine: Genetic, choices: Choices, random: np.random.Generator) -> None:
        self._engine, self._choices, self._random = engine, choices, random
        self._population = choices.drawn(random, engine.size)
        self._fitness = np.zeros(0)

    def ask(self) -> np.ndarray:
        if len(self._fitness) == 0:
            return self._population
        shape, random = (len(self._choices), self._engine.size), self._random
        mixed = np.where(random.random(shape) < 0.5, self._parents(), self._parents())
        where = random.random(shape) < self._engine.changes / shape[0]
        return changed(self._choices, mixed, where, random)

    def tell(self, picks: np.ndarray, scores: Scores) -> None:
        everyone = picks if len(self._fitness) == 0 else np.concatenate([self._population, picks], axis=1)
        fitness = np.concatenate([self._fitness, scores.fitness])
        _, first = np.unique(everyone, axis=1, return_index=True)  # a design lives once
        kept = first[np.argsort(fitness[first], kind="stable")][: self._engine.size]
        self._population, self._fitness = everyone[:, kept], fitness[kept]

    def state_dict(self) -> dict[str, Any]:
        return {
            "random": random_state(self._random),
            "population": self._population.tolist(),
            "fitness": self._fitness.tolist(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._random.bit_generator.state = state["random"]
        self._population = np.asarray(state["population"], dtype=np.int64)
        self._fitness = np.asarray(state["fitness"], dtype=np.float64)

    def _parents(self) -> np.ndarray:
        drawn = self._random.integers(0, len(self._fitness), (3, self._engine.size))
        best = np.take_along_axis(drawn, self._fitness[drawn].argmin(0)[None], axis=0)[0]
        return self._population[:, best]
