"""Where the time of one call went."""

from dataclasses import dataclass


@dataclass
class Spent:
    """Seconds: deciding (the gate), moving (sort, gather, scatter), and all else."""

    deciding_s: float = 0.0
    moving_s: float = 0.0
    computing_s: float = 0.0

    @property
    def routing_s(self) -> float:
        """What a static network would not spend."""
        return self.deciding_s + self.moving_s
