"""Which epoch's network is kept: the most accurate of those that meet the budget, not of all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kept:
    """What is known of the epoch that is kept. `share` is the cost as a share of the reference."""

    epoch: int
    accuracy_percent: float
    share: float
    within: bool


class BestWithin:
    """Keeps the weights of the most accurate epoch whose share lies within `tolerance` of `target`.

    While no epoch does, the latest is kept, and `kept.within` says so: a bias can still move its cost, and what is not trained
    yet no bias mends.
    """

    def __init__(self, target: float, tolerance: float) -> None:
        self.target, self.tolerance = target, tolerance
        self.kept: Kept | None = None
        self.weights: Mapping[str, Any] | None = None

    def offer(
        self, epoch: int, accuracy_percent: float, share: float, weights: Callable[[], Mapping[str, Any]]
    ) -> bool:
        """Whether this epoch is the one to keep from now on; `weights` is called only then."""
        within = abs(share - self.target) <= self.tolerance + 1e-12
        found = Kept(epoch, accuracy_percent, share, within)
        if self.kept is not None and self._rank(found) <= self._rank(self.kept):
            return False
        self.kept, self.weights = found, weights()
        return True

    def state_dict(self) -> dict[str, Any]:
        """Plain types and tensors."""
        kept = None if self.kept is None else list(vars(self.kept).values())
        return {"kept": kept, "weights": None if self.weights is None else dict(self.weights)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        self.kept = None if state["kept"] is None else Kept(*state["kept"])
        self.weights = state["weights"]

    def _rank(self, kept: Kept) -> tuple[bool, float]:
        return (kept.within, kept.accuracy_percent if kept.within else kept.epoch)
