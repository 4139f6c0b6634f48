"""A choice among K options as logits that are learned: drawn one-hot with straight-through gradients, or mixed by softmax.

Gumbel noise makes the largest of noisy logits a draw from their softmax (Jang et al., arXiv 1611.01144). Forward, a draw is
exactly one-hot, so a network that runs only the drawn option computes what it would compute without the choice, bit for bit;
backward, its gradient is that of the softmax at a temperature.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from netchip.errors import ConfigError, DivergedError
from netchip.nn.straight_through import straight_through

START = 1e-3


class Choice(nn.Module):
    """Logits [K] over `options` alternatives, all alike at the start. `name` is what an error calls it.

    >>> Choice(4).probabilities.tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    def __init__(self, options: int, *, name: str = "choice") -> None:
        super().__init__()
        if options < 1:
            raise ConfigError(f"{name}: a choice among {options} options; give at least one")
        self.name = name
        self.logits = nn.Parameter(torch.full((options,), START))

    @property
    def options(self) -> int:
        """K."""
        return self.logits.shape[0]

    @property
    def probabilities(self) -> Tensor:
        """The softmax of the logits, [K], with gradients."""
        return self.logits.softmax(0)

    def draw(self, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """One option drawn by its probability: exactly one-hot [K] forward, the softmax at `temperature` backward."""
        return gumbel_one_hot(self.logits, temperature, generator, name=self.name)

    def most_likely(self) -> int:
        """The option with the largest logit; of several the first. Raises `DivergedError` for logits that are not finite."""
        _check_finite(self.logits, self.name)
        return int(self.logits.argmax())

    def expected(self, costs: Tensor) -> Tensor:
        """The mean of `costs` [K] under the probabilities, a scalar with gradients."""
        return self.probabilities @ costs


def gumbel_one_hot(
    logits: Tensor, temperature: float = 1.0, generator: torch.Generator | None = None, *, name: str = "choice"
) -> Tensor:
    """Draws along the last axis of `logits` [..., K]: exactly one-hot forward, softmax((log p + noise) / temperature) backward.

    The noise is drawn on the CPU, so that one seed gives the same draws on every device. Raises `ConfigError` for a temperature
    that is not above 0, `DivergedError` for logits that are not finite.
    """
    if not temperature > 0:
        raise ConfigError(f"{name}: temperature = {temperature}; give one above 0")
    _check_finite(logits, name)
    uniform = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
    noise = -torch.log(-torch.log(uniform.clamp(1e-12, 1 - 1e-12)))
    noisy = logits.log_softmax(-1) + noise.to(logits)
    return straight_through(one_hot(noisy), (noisy / temperature).softmax(-1))


def one_hot(scores: Tensor) -> Tensor:
    """1 at the largest of `scores` [..., K] along the last axis, the first of several, 0 elsewhere; no gradient."""
    return torch.zeros_like(scores).scatter_(-1, scores.detach().argmax(-1, keepdim=True), 1.0)


def mixed(outputs: Sequence[Tensor], weights: Tensor) -> Tensor:
    """The sum of K `outputs` of one shape, each times its entry of `weights` [K] (a softmax: DARTS, arXiv 1806.09055)."""
    total = outputs[0] * weights[0]
    for index, output in enumerate(outputs[1:], start=1):
        total = total + output * weights[index]
    return total


@dataclass(frozen=True)
class Annealing:
    """A temperature that goes from `start` to `end` over `steps` steps, and stays there.

    Raises `ConfigError` for a temperature that is not above 0, or for less than one step.
    """

    start: float = 1.0
    end: float = 1.0
    steps: int = 1
    shape: Literal["exponential", "linear"] = "exponential"

    def __post_init__(self) -> None:
        if not (0 < self.start < math.inf and 0 < self.end < math.inf) or self.steps < 1:
            raise ConfigError(
                f"temperature from {self.start} to {self.end} in {self.steps} steps: give temperatures above 0 and a step or more"
            )

    def at(self, step: int) -> float:
        """The temperature at `step`, counted from 0."""
        done = min(max(step / self.steps, 0.0), 1.0)
        if self.shape == "linear":
            return self.start + (self.end - self.start) * done
        return self.start * (self.end / self.start) ** done


def _check_finite(logits: Tensor, name: str) -> None:
    if not bool(torch.isfinite(logits).all()):
        raise DivergedError(
            f"{name}: its logits are {logits.detach().flatten().tolist()}; lower the learning rate of the choices"
        )
