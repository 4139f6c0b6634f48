"""How many units stay: a share of the channels, or as many as a budget of MACs allows."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from torch import nn

from netchip.errors import BudgetError, ConfigError
from netchip.graph.width_macs import WidthMacs
from netchip.methods.early_bird.masks.amounts import Amount
from netchip.methods.early_bird.masks.ranking import PruneSpace, Ranking, Widths, channels_kept, check_ratio
from netchip.units import format_count

_HALVINGS = 10


class Target(Protocol):
    """What a ticket must come to. `label` names it, `ratio` is the share removed that it amounts to, about, before training."""

    @property
    def label(self) -> str:
        """As in file names and legends."""
        ...

    @property
    def ratio(self) -> float:
        """The share of units removed: exact for a ratio, for a budget that of a network narrowed evenly."""
        ...

    def count(self, ranking: Ranking) -> int:
        """The units to keep at a check, which happens often."""
        ...

    def final(self, ranking: Ranking, model: nn.Module) -> int:
        """The units to keep in the ticket of `model`, which is drawn once."""
        ...

    def achieved(self) -> dict[str, Any]:
        """What was asked and what the ticket came to, for its file; plain values."""
        ...


class Share:
    """Removes exactly the share `ratio` of all units: round(C (1 - ratio)) stay (before rounding to `round_to`)."""

    def __init__(self, space: PruneSpace, ratio: float) -> None:
        check_ratio(space, ratio)
        self._kept, self.ratio = channels_kept(space, ratio), ratio
        self.label = f"{ratio:g}"

    def count(self, ranking: Ranking) -> int:
        """round(C (1 - ratio))."""
        return self._kept

    def final(self, ranking: Ranking, model: nn.Module) -> int:
        """As at every check."""
        return self._kept

    def achieved(self) -> dict[str, Any]:
        """The ratio."""
        return {"ratio": self.ratio}


class MacsBudget:
    """Keeps the most units whose network needs at most `budget` multiply-accumulates an image; never more.

    Raises `BudgetError` when even the narrowest network needs more, `ConfigError` when the dense one needs less.
    """

    def __init__(self, space: PruneSpace, macs: WidthMacs, budget: Amount) -> None:
        self._macs, self._budget = macs, int(budget.of(macs.dense))
        self._written, self._found = budget.written, 0
        smallest = int(macs.macs(space.smallest))
        reach = f"reachable are {format_count(smallest)} ({100 * smallest / macs.dense:.1f} %) to {format_count(macs.dense)}"
        if self._budget < smallest:
            raise BudgetError(
                f"macs = {budget.written}: {format_count(self._budget)} multiply-accumulates an image are fewer than the "
                f"narrowest network needs (min_share = {space.min_share}, round_to = {space.round_to}); {reach}"
            )
        if self._budget >= macs.dense:
            raise ConfigError(f"macs = {budget.written}: the dense network needs no more, so nothing would go; {reach}")
        self.label = f"macs-{budget.written.replace(' ', '')}"
        self.ratio = 1.0 - even_share(space, lambda widths: macs.macs(widths) <= self._budget)

    def count(self, ranking: Ranking) -> int:
        """By halving: masks of one ranking lie inside one another, so MACs only grow with the count."""
        kept = most(ranking, lambda widths: int(self._macs.macs(widths)) <= self._budget)
        self._found = int(self._macs.macs(ranking.widths(kept)))
        return kept

    def final(self, ranking: Ranking, model: nn.Module) -> int:
        """As at every check: the count is exact."""
        return self.count(ranking)

    def achieved(self) -> dict[str, Any]:
        """Budget and MACs."""
        return {"macs_budget": self._budget, "macs": self._found, "written": self._written}


def most(ranking: Ranking, fits: Any) -> int:
    """The largest count whose widths `fits`, between the least widths and all units; at least the least."""
    low, high = int(ranking.space.least.sum()), ranking.space.units
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(ranking.widths(middle)) else (low, middle - 1)
    return low


def even_share(space: PruneSpace, fits: Any) -> float:
    """The largest share of units that `fits` when every group keeps the same share of its own, to a thousandth."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(even_widths(space, middle)) else (low, middle)
    return low


def even_widths(space: PruneSpace, share: float) -> Widths:
    """The widths [groups] when every group keeps `share` of its units, its minimum at least."""
    return space.rounded(np.maximum(np.round(np.array(space.sizes) * share).astype(np.int64), space.least))


def check_ratios(ratios: Sequence[float]) -> None:
    """Raises `ConfigError` for none, or for one that stands there twice."""
    if not ratios:
        raise ConfigError("ratio = (): give at least one share of channels to remove, such as 0.5")
    twice = sorted({ratio for ratio in ratios if list(ratios).count(ratio) > 1})
    if twice:
        raise ConfigError(
            f"ratio = {', '.join(f'{each:g}' for each in ratios)}: {twice[0]:g} stands there twice; give each once"
        )
