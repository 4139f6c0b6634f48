"""Simulated annealing: several walks that take one change at a time, worse ones the rarer the colder it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from netchip.hardware.choices import Choices
from netchip.hardware.search.changing import changed
from netchip.hardware.search.problem import Scores
from netchip.hardware.search.searching import Searcher, random_state


@dataclass(frozen=True)
class Annealing:
    """`walks` side by side, a design of each a step. Temperatures are of the logarithm of the cost, and fall geometrically."""

    walks: int = 16
    hot: float = 0.3
    cold: float = 0.003
    name: str = "annealing"

    def begin(self, choices: Choices, *, seed: int, calls: int) -> Searcher:
        """Walks from random designs, cold when `calls` are spent."""
        return _Annealing(self, choices, np.random.default_rng(seed), calls)


class _Annealing:
    def __init__(self, engine: Annealing, choices: Choices, random: np.random.Generator, calls: int) -> None:
        self._engine, self._choices, self._random, self._most = engine, choices, random, calls
        self._at = choices.drawn(random, engine.walks)
        self._fitness = np.full(engine.walks, np.inf)
        self._calls = 0

    def ask(self) -> np.ndarray:
        if self._calls == 0:
            return self._at
        count = len(self._choices)
        chosen = self._random.integers(0, count, self._engine.walks)
        return changed(self._choices, self._at, np.arange(count)[:, None] == chosen, self._random)

    def tell(self, picks: np.ndarray, scores: Scores) -> None:
        fitness, size = scores.fitness, picks.shape[1]
        share = min(1.0, self._calls / max(1, self._most - 1))
        temperature = self._engine.hot * math.pow(self._engine.cold / self._engine.hot, share)
        before = self._fitness[:size]
        with np.errstate(invalid="ignore"):
            worse = np.where(np.isfinite(before), np.maximum(fitness - before, 0.0), 0.0)
        taken = cast("np.ndarray", self._random.random(size) < np.exp(-worse / temperature))
        self._at[:, :size] = np.where(taken, picks, self._at[:, :size])
        self._fitness[:size] = np.where(taken, fitness, before)
        self._calls += size

    def state_dict(self) -> dict[str, Any]:
        return {
            "random": random_state(self._random),
            "at": self._at.tolist(),
            "fitness": self._fitness.tolist(),
            "calls": self._calls,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._random.bit_generator.state = state["random"]
        self._at, self._fitness = np.asarray(state["at"], dtype=np.int64), np.asarray(state["fitness"])
        self._calls = state["calls"]
