"""The baseline that the paper's search time is held against: a controller that samples pairs, each network trained on its own.

Probabilities of every option at every position, moved by REINFORCE with a moving baseline; the reward is MnasNet's (arXiv
1807.11626), accuracy x (cost / target) ^ -w. Each sample gets the best hardware, so that network search is what is compared.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from netchip.errors import BudgetError, RequestError
from netchip.methods.dna.platform.platform import Platform
from netchip.workload.network import Workload

Picks = tuple[int, ...]
_KEPT = 0.8
"""Share of the old in the moving baseline."""


class Counting(Platform, Protocol):
    """A platform that says how many designs are priced in one `best`."""

    @property
    def calls_each(self) -> int:
        """Predictor calls of a search."""
        ...


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One pair: the option at each position, accuracy after its own training, the platform's cost, whether it keeps every limit."""

    picks: Picks
    accuracy: float
    cost: float
    fits: bool
    reward: float


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What sampling took: networks trained, designs priced, seconds of both."""

    trained: int = 0
    predictor_calls: int = 0
    training_seconds: float = 0.0
    hardware_seconds: float = 0.0


class SamplingRun:
    """Samples step by step; what was found and spent is there at any time, and `state_dict` goes on in another process.

    `sizes`: options at each position. `workload_of` and `train` see one index a position; `train` gives back an accuracy, 0 to 1.
    A pair whose hardware cannot be built is not trained and has no reward.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        platform: Counting,
        *,
        workload_of: Callable[[Picks], Workload],
        train: Callable[[Picks], float],
        seed: int = 0,
        learning_rate: float = 0.3,
        cost_power: float = 0.07,
    ) -> None:
        if not sizes or min(sizes) < 1:
            raise RequestError(f"sizes = {list(sizes)}: give at least one position, each with an option")
        self._platform, self._workload_of, self._train = platform, workload_of, train
        self._rate, self._power = learning_rate, cost_power
        self._random = np.random.default_rng(seed)
        self._logits = [np.zeros(size) for size in sizes]
        self._baseline: float | None = None
        self._reference = platform.target if np.isfinite(platform.target) else None
        self.samples: tuple[Sample, ...] = ()
        self.spent = Spent()

    @property
    def best(self) -> Sample:
        """The most accurate sample that keeps every limit; raises `BudgetError` where there is none."""
        fitting = [sample for sample in self.samples if sample.fits]
        if not fitting:
            raise BudgetError(
                f"none of {len(self.samples)} sampled pairs keeps every limit; sample more, or allow more"
            )
        return max(fitting, key=lambda sample: (sample.accuracy, -sample.cost))

    def step(self) -> Sample:
        """Samples a pair, trains it, and moves the probabilities."""
        shares = [_softmax(each) for each in self._logits]
        picks = tuple(int(self._random.choice(len(share), p=share)) for share in shares)
        sample = self._tried(picks)
        baseline = sample.reward if self._baseline is None else self._baseline
        for logits, share, pick in zip(self._logits, shares, picks, strict=True):
            logits += self._rate * (sample.reward - baseline) * (np.eye(len(share))[pick] - share)
        self._baseline = _KEPT * baseline + (1 - _KEPT) * sample.reward
        self.samples = (*self.samples, sample)
        return sample

    def probabilities(self) -> list[np.ndarray]:
        """Of each option at each position."""
        return [_softmax(each) for each in self._logits]

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "random": self._random.bit_generator.state,
            "logits": [each.tolist() for each in self._logits],
            "baseline": self._baseline,
            "reference": self._reference,
            "samples": [asdict(sample) for sample in self.samples],
            "spent": asdict(self.spent),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from `state`."""
        self._random.bit_generator.state = state["random"]
        self._logits = [np.asarray(each) for each in state["logits"]]
        self._baseline, self._reference = state["baseline"], state["reference"]
        self.samples = tuple(Sample(**{**each, "picks": tuple(each["picks"])}) for each in state["samples"])
        self.spent = Spent(**state["spent"])

    def _tried(self, picks: Picks) -> Sample:
        begun = time.perf_counter()
        workload, calls = self._workload_of(picks), self._platform.calls_each
        try:
            design = self._platform.best(workload)
        except BudgetError:
            self._pay(calls, time.perf_counter() - begun)
            return Sample(picks=picks, accuracy=0.0, cost=float("inf"), fits=False, reward=0.0)
        cost, fits = self._platform.cost(design, workload), not self._platform.report(design, workload).over
        self._pay(calls, time.perf_counter() - begun)
        begun = time.perf_counter()
        accuracy = self._train(picks)
        self._pay(0, 0.0, trained=1, seconds=time.perf_counter() - begun)
        self._reference = self._reference or cost
        reward = accuracy * (cost / self._reference) ** -self._power
        return Sample(picks=picks, accuracy=accuracy, cost=cost, fits=fits, reward=reward)

    def _pay(self, calls: int, hardware: float, *, trained: int = 0, seconds: float = 0.0) -> None:
        old = self.spent
        self.spent = Spent(
            trained=old.trained + trained,
            predictor_calls=old.predictor_calls + calls,
            training_seconds=old.training_seconds + seconds,
            hardware_seconds=old.hardware_seconds + hardware,
        )


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()
