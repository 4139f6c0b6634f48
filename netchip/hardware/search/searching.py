"""`search`: an engine on a problem until a number of predictor calls is spent. Seeded, and it can stop and go on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import numpy as np

from netchip.errors import BudgetError, RequestError
from netchip.hardware.choices import Choices
from netchip.hardware.search.problem import Problem, Scores


class Searcher(Protocol):
    """An engine at work on some choices: it asks for designs to be scored, and is told what came of them.

    `state_dict` is plain values; a searcher begun alike and loaded with it goes on as if nothing had happened.
    """

    def ask(self) -> np.ndarray:
        """The designs to score next, [P, n]; at least one, all allowed."""
        ...

    def tell(self, picks: np.ndarray, scores: Scores) -> None:
        """What they cost. At the end of a budget these may be fewer than were asked for."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes, the random generator included."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""
        ...


class Engine(Protocol):
    """A way to search, with its settings."""

    @property
    def name(self) -> str:
        """What tables and plots call it."""
        ...

    def begin(self, choices: Choices, *, seed: int, calls: int) -> Searcher:
        """A searcher for these choices that means to spend `calls` predictor calls."""
        ...


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found: the best design that meets every limit, or none, and the nearest to that.

    `picks` [P], `cost`, `usage` and `limits` by name. `excess` is 0 where limits are met. `trace`: (calls, cost) whenever the best
    got better.
    """

    picks: np.ndarray
    cost: float
    excess: float
    usage: Mapping[str, float]
    limits: Mapping[str, float]
    calls: int
    trace: tuple[tuple[int, float], ...]

    def require(self) -> "Found":
        """Itself; raises `BudgetError` where no design met the limits."""
        if self.excess > 0:
            raise BudgetError(
                f"none of {self.calls:,} designs met all limits; the nearest {self._fault()}; allow more, search longer, or change "
                "the space"
            )
        return self

    def _fault(self) -> str:
        over = [
            f"{name} {self.usage[name]:,.6g} of {limit:,.6g}{_too_much(self.usage[name], limit)}"
            for name, limit in self.limits.items()
            if self.usage[name] > limit
        ]
        return f"uses {', '.join(over)}" if over and np.isfinite(self.cost) else "cannot run every layer"


def _too_much(used: float, limit: float) -> str:
    return f" ({used / limit - 1:.1%} too much)" if limit > 0 else ""


class SearchRun:
    """A search that goes on step by step; `search` is one run to its end."""

    def __init__(self, problem: Problem, engine: Engine, *, calls: int, seed: int) -> None:
        if calls < 1:
            raise RequestError(f"calls = {calls}: a search needs at least one predictor call")
        self._problem, self._most = problem, calls
        self._searcher = engine.begin(problem.choices, seed=seed, calls=calls)
        self._best: Found | None = None
        self.calls = 0

    @property
    def done(self) -> bool:
        """Whether all calls are spent."""
        return self.calls >= self._most

    @property
    def best(self) -> Found:
        """The best so far; raises `RequestError` before the first step."""
        if self._best is None:
            raise RequestError("nothing was searched yet; take a step first")
        return self._best

    def step(self) -> None:
        """Scores the designs that the engine asks for, as far as the budget goes."""
        picks = self._searcher.ask()[:, : self._most - self.calls]
        scores = self._problem.score(picks)
        self._keep(picks, scores)
        self._searcher.tell(picks, scores)

    def state_dict(self) -> dict[str, Any]:
        """Plain values from which a run begun alike goes on."""
        best = None if self._best is None else {**vars(self._best), "picks": self._best.picks.tolist()}
        return {"calls": self.calls, "best": best, "searcher": self._searcher.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""
        self.calls, best = state["calls"], state["best"]
        self._searcher.load_state_dict(state["searcher"])
        if best is not None:
            trace = tuple((int(calls), float(cost)) for calls, cost in best["trace"])
            picks = np.asarray(best["picks"], dtype=np.int64)
            self._best = Found(picks, best["cost"], best["excess"], best["usage"], best["limits"], best["calls"], trace)

    def _keep(self, picks: np.ndarray, scores: Scores) -> None:
        """Counts the calls, and keeps what is better than the best: less excess first, then less cost."""
        trace = [] if self._best is None else list(self._best.trace)
        if scores.feasible.any():
            costs = np.where(scores.feasible, scores.cost, np.inf)
            falling = np.minimum.accumulate(costs)
            limit = min((cost for _, cost in trace), default=np.inf)
            for place in np.flatnonzero(costs == falling):
                if costs[place] < limit:
                    limit = float(costs[place])
                    trace.append((self.calls + int(place) + 1, limit))
        place = int(np.lexsort((scores.cost, scores.excess))[0])
        rank = (float(scores.excess[place]), float(scores.cost[place]))
        self.calls += picks.shape[1]
        if self._best is not None and rank >= (self._best.excess, self._best.cost):
            self._best = replace(self._best, calls=self.calls)
            return
        self._best = Found(
            picks=picks[:, place].copy(),
            cost=rank[1],
            excess=rank[0],
            usage={name: float(value[place]) for name, value in scores.usage.items()},
            limits=dict(self._problem.limits),
            calls=self.calls,
            trace=tuple(trace),
        )


def search(
    problem: Problem, engine: Engine, *, calls: int, seed: int = 0, progress: Callable[[SearchRun], None] | None = None
) -> Found:
    """The best design that `engine` finds in `calls` predictor calls; `progress` is told after each step.

    Nothing over a limit counts as found: `Found.require` raises where no design met them all.
    """
    run = SearchRun(problem, engine, calls=calls, seed=seed)
    while not run.done:
        run.step()
        if progress is not None:
            progress(run)
    return run.best


def random_state(random: np.random.Generator) -> dict[str, Any]:
    """The state of a generator as plain values."""
    return cast("dict[str, Any]", random.bit_generator.state)
