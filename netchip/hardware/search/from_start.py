"""Any engine with one more design among its first: a search that goes on from what an earlier one found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.choices import Choices
from netchip.hardware.search.problem import Scores
from netchip.hardware.search.searching import Engine, Searcher


@dataclass(frozen=True, eq=False)
class FromStart:
    """`engine`, whose first designs hold `start` [P] in place of the first; raises `RequestError` where that is no design."""

    engine: Engine
    start: np.ndarray

    @property
    def name(self) -> str:
        """The engine's."""
        return self.engine.name

    def begin(self, choices: Choices, *, seed: int, calls: int) -> Searcher:
        """The engine's searcher with its first question changed."""
        picks = np.asarray(self.start, dtype=np.int64)
        if picks.shape != (len(choices),) or (picks < 0).any() or (picks >= np.asarray(choices.sizes)).any():
            raise RequestError(
                f"start has the shape {list(picks.shape)} or picks beyond the options of {len(choices)} choices"
            )
        return _FromStart(self.engine.begin(choices, seed=seed, calls=calls), choices.repaired(picks[:, None])[:, 0])


class _FromStart:
    def __init__(self, searcher: Searcher, start: np.ndarray) -> None:
        self._searcher, self._start, self._begun = searcher, start, False

    def ask(self) -> np.ndarray:
        picks = self._searcher.ask()
        if not self._begun:
            picks[:, 0] = self._start
        return picks

    def tell(self, picks: np.ndarray, scores: Scores) -> None:
        self._begun = True
        self._searcher.tell(picks, scores)

    def state_dict(self) -> dict[str, Any]:
        return {"begun": self._begun, "searcher": self._searcher.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._begun = state["begun"]
        self._searcher.load_state_dict(state["searcher"])
