"""Another budget for a trained network, without training: a bias on the gate's logits, found on held-out data.

One number t moves all blocks: option k of block l gets t times its cost there. The option of the largest sum then costs more
the larger t is, so for logits that were recorded the mean cost is a rising function of t, and halving finds the budget. A
decision changes the features that later gates read, so what was found is checked by a real pass, and mended until it holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netchip.methods.fractional_skipping.control.budgets import check_reachable, share_of
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.network import FractionalNetwork
from netchip.methods.fractional_skipping.seeing.recording import Recorded, record

_HALVINGS = 50
_MOST_PASSES = 12
_WIDEST = 1e6


@dataclass(frozen=True, eq=False)
class Retargeted:
    """What a budget came to on the data it was calibrated on, after `passes` real passes.

    `bias` [L, K] belongs into the network's `logit_bias`; `strength` is t. `share` is the mean share of the reference that the last
    pass cost, `met` whether it lies within the tolerance of `target`.
    """

    target: float
    share: float
    strength: float
    bias: Tensor
    met: bool
    passes: int
    recorded: Recorded

    def describe(self) -> str:
        """In a line."""
        how = "met" if self.met else "not met"
        return f"budget of {100 * self.target:g} %: {how} on held-out data, {100 * self.share:.1f} % after {self.passes} passes"


def retarget(
    network: FractionalNetwork,
    table: CostTable,
    batches: Iterable[tuple[Tensor, ...]],
    budget: str | float,
    *,
    tolerance: float = 0.01,
    start: float = 0.0,
) -> Retargeted:
    """Moves `network` to `budget` in place, by its `logit_bias`; `batches` are held-out (inputs, labels), read several times.
    `start` is the strength that is tried first.

    Where the budget lies in a jump of the cost (whole blocks that change over at once), the nearest that was found is kept and
    `met` says so. Raises `BudgetError` for a budget that no route reaches, before any pass.
    """
    target = check_reachable(table, share_of(budget))
    search = _Search(network, table, list(batches), target)
    search.run(start, tolerance)
    share, strength, recorded = search.best
    _set(network, table, strength)
    bias = network.logit_bias.detach().clone()
    met = abs(share - target) <= tolerance
    return Retargeted(target, share, strength, bias, met, search.passes, recorded)


def curve(
    network: FractionalNetwork,
    table: CostTable,
    batches: Iterable[tuple[Tensor, ...]],
    budgets: Sequence[str | float],
    *,
    tolerance: float = 0.01,
    start: float = 0.0,
) -> list[Retargeted]:
    """One network at several budgets; its own bias is as before afterwards."""
    kept, before = list(batches), network.logit_bias.detach().clone()
    try:
        return [retarget(network, table, kept, budget, tolerance=tolerance, start=start) for budget in budgets]
    finally:
        network.logit_bias.copy_(before)


def share_under(logits: np.ndarray, table: CostTable, strength: float, forbidden: np.ndarray | None = None) -> float:
    """The mean share of routes that recorded logits [N, L, K] give under a bias of `strength` times the cost."""
    scores = logits + strength * steps_of(table) + (0 if forbidden is None else forbidden)
    return float(table.gated(scores.argmax(2)).mean())


def strength_for(logits: np.ndarray, table: CostTable, target: float, forbidden: np.ndarray | None = None) -> float:
    """The strength whose share on recorded logits is nearest above `target`, within what floats tell apart."""

    def share(strength: float) -> float:
        return share_under(logits, table, strength, forbidden)

    low, high = -1.0, 1.0
    while share(low) > target and low > -_WIDEST:
        low *= 2
    while share(high) < target and high < _WIDEST:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if share(middle) >= target else (middle, high)
    return high


def steps_of(table: CostTable) -> np.ndarray:
    """[L, K]: what a bias is a multiple of: costs in units of the mean block's reference."""
    return table.relative * len(table.blocks)


class _Search:
    """Real passes at strengths that recorded logits suggest, between the nearest known from below and from above."""

    def __init__(
        self, network: FractionalNetwork, table: CostTable, batches: list[tuple[Tensor, ...]], target: float
    ) -> None:
        self.network, self.table, self.batches, self.target = network, table, batches, target
        self.forbidden = network.forbidden.cpu().numpy()
        self.tried: list[tuple[float, float, Recorded]] = []

    @property
    def passes(self) -> int:
        return len(self.tried)

    @property
    def best(self) -> tuple[float, float, Recorded]:
        """(share, strength, what was recorded) nearest to the target."""
        return min(self.tried, key=lambda each: abs(each[0] - self.target))

    def run(self, strength: float, tolerance: float) -> None:
        while self.passes < _MOST_PASSES:
            self._try(strength)
            if abs(self.best[0] - self.target) <= tolerance / 2:
                return
            proposed = self._next(self.tried[-1][2])
            if any(proposed == known for _, known, _ in self.tried):
                return
            strength = proposed

    def _try(self, strength: float) -> None:
        _set(self.network, self.table, strength)
        recorded = record(self.network, self.batches, logits=True)
        self.tried.append((float(self.table.gated(recorded.routes).mean()), strength, recorded))

    def _next(self, recorded: Recorded) -> float:
        """What the newest logits suggest, if it lies between the nearest known on both sides; else their middle."""
        if recorded.logits is None:
            raise TypeError("a pass without logits")
        proposed = strength_for(recorded.logits, self.table, self.target, self.forbidden)
        below = [strength for share, strength, _ in self.tried if share <= self.target]
        above = [strength for share, strength, _ in self.tried if share > self.target]
        if not below or not above:
            return proposed
        low, high = max(below), min(above)
        if low < high and not low < proposed < high:
            return (low + high) / 2
        return proposed


def _set(network: FractionalNetwork, table: CostTable, strength: float) -> None:
    bias = torch.from_numpy(strength * steps_of(table))
    network.logit_bias.copy_(bias.to(network.logit_bias))
