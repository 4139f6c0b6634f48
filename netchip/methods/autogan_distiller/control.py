"""The weight of the cost during the search: a multiplier that settles where the mean cost meets the budget.

Everything is a ratio. The cost counts as the logarithm of cost over budget, and the multiplier in units of the loss's own size (a
moving average), so that neither units nor the loss's scale nor the network's size matter, and one setting serves all. It moves
by a proportional and an integral part, never by jumps of 2 as in the paper's code. With `lowest` below 0 it holds the mean cost
at the budget from below too, for a search whose loss would leave the budget unused.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from netchip.errors import ConfigError, DivergedError


@dataclass(frozen=True)
class ControlSettings:
    """`proportional` is the multiplier at a cost e times the budget, `integral` what it gains there a step; `memory` is how much of
    the loss's average stays from step to step; `aim` is the share of the budget that the mean cost is held at; `lowest`, at most
    0, is how far the multiplier may fall.
    """

    proportional: float = 2.0
    integral: float = 0.02
    memory: float = 0.95
    aim: float = 1.0
    lowest: float = 0.0

    def __post_init__(self) -> None:
        if (
            self.proportional < 0
            or self.integral < 0
            or not 0 <= self.memory < 1
            or not 0 < self.aim <= 1
            or self.lowest > 0
        ):
            raise ConfigError(f"{self}: gains are at least 0, memory is in [0, 1), aim in (0, 1], lowest at most 0")


class BudgetControl:
    """Adds the cost to an architecture step's loss: `total = control.penalized(loss, mean_cost)`, once a step, then backward.

    `budget` and costs are in one unit, whichever. Raises `ConfigError` for a budget that is not above 0.
    """

    def __init__(self, budget: float, settings: ControlSettings | None = None) -> None:
        if not 0 < budget < math.inf:
            raise ConfigError(f"budget = {budget}: a budget is above 0")
        self.budget, self.settings = budget, settings or ControlSettings()
        self._sum = 0.0
        self._average, self._steps = 0.0, 0
        self.multiplier = 0.0

    def penalized(self, loss: Tensor, cost: Tensor) -> Tensor:
        """`loss` plus the multiplier times the loss's size times log(cost / budget), scalars with gradients.

        Raises `DivergedError` where loss or cost is not finite.
        """
        over = torch.log(cost / (self.budget * self.settings.aim))
        self._observe(float(loss.detach()), float(over.detach()))
        return loss + (self.multiplier * self._size * over).to(loss.dtype)

    @property
    def _size(self) -> float:
        """The loss's moving average, without the pull of its start at 0."""
        return self._average / (1 - self.settings.memory**self._steps)

    def _observe(self, loss: float, over: float) -> None:
        if not (math.isfinite(loss) and math.isfinite(over)):
            raise DivergedError(f"the search's loss is {loss} and log(cost / budget) {over}; lower the learning rates")
        memory, clipped = self.settings.memory, max(-1.0, min(1.0, over))
        self._steps += 1
        self._average = memory * self._average + (1 - memory) * abs(loss)
        self._sum = max(self.settings.lowest, self._sum + self.settings.integral * clipped)
        self.multiplier = max(self.settings.lowest, self._sum + self.settings.proportional * over)

    def state_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return {
            "budget": self.budget,
            "settings": asdict(self.settings),
            "sum": self._sum,
            "average": self._average,
            "steps": self._steps,
            "multiplier": self.multiplier,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.budget, self.settings = state["budget"], ControlSettings(**state["settings"])
        self._sum, self._average, self._steps = state["sum"], state["average"], state["steps"]
        self.multiplier = state["multiplier"]
