"""The gradient search of DNA with its faults mended: a categorical distribution a choice, moved toward cheap designs.

Designs are drawn by the Gumbel trick, option lists that depend on earlier picks masked. The gradient of the mean logarithm of the
cost is estimated from scores alone, so that predictors need not be differentiable (DNA, equation of its accelerator search). What
the released code lacks: the logarithm, a moving baseline, penalties that teach the limits, a learning rate that moves anything.
`released()` is that code's estimator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.hardware.choices import Choices
from netchip.hardware.search.problem import Scores
from netchip.hardware.search.searching import Searcher, random_state

_BETAS, _TINY = (0.5, 0.999), 1e-8


@dataclass(frozen=True)
class Gumbel:
    """`samples` designs a step. `hot` and `cold` are the temperatures at the start and when calls are spent; draws are the
    more even the hotter.

    `baseline` is the share of the old in the moving mean and spread of the fitness, 0 for none. `seconds_per_cycle` makes the loss
    the cost in seconds instead of its logarithm, and designs over a limit give no gradient: the released loss.
    """

    samples: int = 64
    learning_rate: float = 0.05
    hot: float = 2.0
    cold: float = 0.5
    baseline: float = 0.9
    seconds_per_cycle: float | None = None
    name: str = "gumbel"

    def begin(self, choices: Choices, *, seed: int, calls: int) -> Searcher:
        """Distributions that begin even."""
        return _Gumbel(self, choices, np.random.default_rng(seed), calls)


def released(seconds_per_cycle: float, *, learning_rate: float = 1e-7) -> Gumbel:
    """The estimator of the released code: one sample a step, the cost in seconds, no baseline, Adam at a rate of 1e-7."""
    return Gumbel(
        samples=1,
        learning_rate=learning_rate,
        hot=1.0,
        cold=1.0,
        baseline=0.0,
        seconds_per_cycle=seconds_per_cycle,
        name="released",
    )


class _Gumbel:
    def __init__(self, engine: Gumbel, choices: Choices, random: np.random.Generator, calls: int) -> None:
        self._engine, self._choices, self._random, self._most = engine, choices, random, calls
        self._logits = [np.zeros(size) for size in choices.sizes]
        self._moments = [(np.zeros(size), np.zeros(size)) for size in choices.sizes]
        self._mean, self._spread = 0.0, 0.0
        self._steps = self._calls = 0
        self._shares: list[np.ndarray] = []

    def ask(self) -> np.ndarray:
        picks = np.zeros((len(self._choices), self._engine.samples), dtype=np.int64)
        self._shares = []
        for place, logits in enumerate(self._logits):
            allowed = self._choices.allowed(place, picks)
            masked = np.where(allowed, logits[:, None] / self._temperature(), -np.inf)
            noisy = masked + self._random.gumbel(size=masked.shape)
            picks[place] = noisy.argmax(0)
            self._shares.append(_softmax(noisy if self._engine.seconds_per_cycle else masked))
        return picks

    def tell(self, picks: np.ndarray, scores: Scores) -> None:
        self._steps += 1
        weight = self._weights(scores)
        self._calls += picks.shape[1]
        for place, shares in enumerate(self._shares):
            own = shares[:, : picks.shape[1]]
            drawn = np.arange(len(own))[:, None] == picks[place]
            toward = drawn - own
            if self._engine.seconds_per_cycle:  # through the drawn option's own share, as the released code has it
                toward = toward * np.take_along_axis(own, picks[place][None], axis=0)
            self._descend(place, (toward * weight).mean(1) / self._temperature())

    def state_dict(self) -> dict[str, Any]:
        return {
            "random": random_state(self._random),
            "logits": [each.tolist() for each in self._logits],
            "moments": [[first.tolist(), second.tolist()] for first, second in self._moments],
            "mean": self._mean,
            "spread": self._spread,
            "steps": self._steps,
            "calls": self._calls,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._random.bit_generator.state = state["random"]
        self._logits = [np.asarray(each) for each in state["logits"]]
        self._moments = [(np.asarray(first), np.asarray(second)) for first, second in state["moments"]]
        self._mean, self._spread = state["mean"], state["spread"]
        self._steps, self._calls = state["steps"], state["calls"]

    def _weights(self, scores: Scores) -> np.ndarray:
        """What each sample's option is pushed down by."""
        seconds = self._engine.seconds_per_cycle
        if seconds:
            return np.where(scores.feasible, np.where(np.isfinite(scores.cost), scores.cost, 0.0) * seconds, 0.0)
        fitness = scores.fitness
        if self._engine.baseline == 0:
            return fitness
        keep = self._engine.baseline if self._steps > 1 else 0.0
        self._mean = keep * self._mean + (1 - keep) * float(fitness.mean())
        self._spread = keep * self._spread + (1 - keep) * float(np.abs(fitness - self._mean).mean())
        return (fitness - self._mean) / max(self._spread, _TINY)

    def _temperature(self) -> float:
        share = min(1.0, self._calls / self._most)
        return self._engine.hot * (self._engine.cold / self._engine.hot) ** share

    def _descend(self, place: int, gradient: np.ndarray) -> None:
        """A step of Adam, as released but for its rate."""
        first, second = self._moments[place]
        first = _BETAS[0] * first + (1 - _BETAS[0]) * gradient
        second = _BETAS[1] * second + (1 - _BETAS[1]) * gradient**2
        self._moments[place] = (first, second)
        mean, square = first / (1 - _BETAS[0] ** self._steps), second / (1 - _BETAS[1] ** self._steps)
        self._logits[place] = self._logits[place] - self._engine.learning_rate * mean / (np.sqrt(square) + _TINY)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(0))
    return powers / powers.sum(0)
