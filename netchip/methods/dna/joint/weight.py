"""How much the cost weighs beside the loss: a number without unit that holds the mean cost at the target."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from netchip.errors import ConfigError


@dataclass(frozen=True)
class CostWeight:
    """The weight of log(cost) in the loss of the choices: `proportional` x log(cost / target) + `sum`.

    `sum` gains `integral` x log(cost / target), at most 1 at a time, with every epoch. The weight moves smoothly (the released code
    doubles and halves) and has a sign: below the target cost is asked for, since shared weights favour small networks, and one
    that leaves the target unused is no better for it (TuNAS, arXiv 2008.06120). It stays from -`most` to `most`. Without a target
    it is `free`, always. Raises `ConfigError` for numbers below 0.
    """

    proportional: float = 3.0
    integral: float = 0.5
    free: float = 0.1
    most: float = 10.0
    sum: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= each < math.inf for each in (self.proportional, self.integral, self.free, self.most)):
            raise ConfigError(f"{self}: give numbers of at least 0")

    def at(self, ratio: float) -> float:
        """The weight while the mean cost is `ratio` times the target.

        >>> CostWeight(proportional=2.0).at(1.0)
        0.0
        """
        return self._kept(self.proportional * math.log(ratio) + self.sum)

    def moved(self, ratio: float) -> "CostWeight":
        """After an epoch that ended at `ratio` times the target."""
        return replace(self, sum=self._kept(self.sum + self.integral * max(-1.0, min(1.0, math.log(ratio)))))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def _kept(self, value: float) -> float:
        return max(-self.most, min(self.most, value))
