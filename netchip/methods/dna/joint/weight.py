"""How much the cost weighs beside the loss: a number without unit that settles where the mean cost meets the target."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from netchip.errors import ConfigError

MOST_AT_ONCE = 1.5


@dataclass(frozen=True)
class CostWeight:
    """`value` times log(cost / target) is added to the loss.

    `moved` multiplies it by (cost / target)^gain, once an epoch, never by more than 1.5 or less than its inverse (the released
    code doubles and halves), and keeps it from `least` to `most`. Raises `ConfigError` for numbers that are not above 0.
    """

    value: float = 0.3
    gain: float = 2.0
    least: float = 1e-3
    most: float = 30.0

    def __post_init__(self) -> None:
        if not (0 < self.least <= self.value <= self.most < math.inf and 0 <= self.gain < math.inf):
            raise ConfigError(f"{self}: give a gain of at least 0, and a value from least to most, all above 0")

    def moved(self, ratio: float) -> "CostWeight":
        """The weight after an epoch that ended at `ratio` times the target.

        >>> CostWeight(1.0, gain=1.0).moved(1.2).value
        1.2
        """
        factor = min(MOST_AT_ONCE, max(1 / MOST_AT_ONCE, ratio**self.gain))
        return replace(self, value=min(self.most, max(self.least, self.value * factor)))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
