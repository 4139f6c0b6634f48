"""Designs drawn at random: the baseline, and in effect the released search (its learning rate moves nothing)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.hardware.choices import Choices
from netchip.hardware.search.problem import Scores
from netchip.hardware.search.searching import Searcher, random_state


@dataclass(frozen=True)
class RandomDraws:
    """Every pick uniform among its allowed options; `batch` designs a step."""

    batch: int = 256
    name: str = "random"

    def begin(self, choices: Choices, *, seed: int, calls: int) -> Searcher:
        """A searcher that learns nothing."""
        return _RandomDraws(choices, np.random.default_rng(seed), self.batch)


class _RandomDraws:
    def __init__(self, choices: Choices, random: np.random.Generator, batch: int) -> None:
        self._choices, self._random, self._batch = choices, random, batch

    def ask(self) -> np.ndarray:
        return self._choices.drawn(self._random, self._batch)

    def tell(self, picks: np.ndarray, scores: Scores) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {"random": random_state(self._random)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._random.bit_generator.state = state["random"]
