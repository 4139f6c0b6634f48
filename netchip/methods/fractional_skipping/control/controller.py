"""Controllers: the term of the loss that takes the cost of decisions to a budget and holds it there.

All work on the cost as a share of the reference, averaged over the batch, so that neither the batch size nor the depth nor
the unit of the cost changes their strength. The paper's term is a sum over samples and blocks times 1e-5: at batch 128 a
strength of 0.022 / 0.045 / 0.068 here for ResNet-38 / 74 / 110.
"""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.control.budgets import check_reachable, share_of
from netchip.methods.fractional_skipping.costs import CostTable

Rule = Literal["sign", "dead_band", "squared_hinge", "pi"]

_INSIDE = 0.1  # share of the push that is left inside the dead band, as in FracTrain (arXiv 2012.13113)
_MEMORY = 0.9  # weight of the past in the moving average
_INTEGRAL, _LIMIT = 0.02, 10.0  # growth of the integral a step, and the largest push, both in units of the strength


class Controller(Protocol):
    """What a training asks of a controller."""

    target: float

    def loss_of_shares(self, shares: Tensor, *, observed: Tensor | None = None) -> Tensor:
        """The term of the loss, from each sample's share of the reference [B]; one call an optimizer step."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        ...


class BudgetController:
    """Holds the mean cost of routes at `budget`: add `loss(masks)` to the task's loss.

        passed = network(images, detail=True)
        loss = cross_entropy(passed.outputs, labels) + controller.loss(passed.masks)

    `table` prices the decisions; `budget` is a share of its reference ("50%" or 0.5). Rules, with s the batch's share, a its
    moving average, t the budget: "sign" pushes by `strength` down where s > t and up where not (the paper); "dead_band" the
    same by a, a tenth as hard within `tolerance` of t; "squared_hinge" by the slope of strength (|a - t| - tolerance)^2
    outside of it; "pi" by strength (a - t) and an integral of it, which finds the push that the task's loss needs.

    Raises `BudgetError` for a budget that no route reaches, `ConfigError` for settings that make no sense.
    """

    def __init__(
        self,
        table: CostTable,
        budget: str | float,
        rule: Rule = "pi",
        *,
        strength: float = 1.0,
        tolerance: float = 0.01,
    ) -> None:
        _check(rule, strength, tolerance)
        self.table, self.rule, self.strength, self.tolerance = table, rule, strength, tolerance
        self.target = check_reachable(table, share_of(budget))
        self._average: Tensor | None = None
        self._integral: Tensor | None = None

    @property
    def average(self) -> float | None:
        """The moving average of the share; None before the first step."""
        return None if self._average is None else float(self._average)

    @property
    def met(self) -> bool:
        """Whether the moving average is within the tolerance."""
        return self._average is not None and abs(float(self._average) - self.target) <= self.tolerance

    def loss(self, masks: Tensor, *, observed: Tensor | None = None) -> Tensor:
        """A scalar from masks [B, L, K], as `detail` returns them; one call an optimizer step.

        `observed` is the mean share over all processes, where there are several.
        """
        return self.loss_of_shares(self.table.gated_of_masks(masks), observed=observed)

    def loss_of_shares(self, shares: Tensor, *, observed: Tensor | None = None) -> Tensor:
        """The same from each sample's share of the reference [B], with its gradient."""
        share = shares.mean()
        seen = share.detach() if observed is None else observed.detach()
        average = seen if self._average is None else _MEMORY * self._average.to(seen) + (1 - _MEMORY) * seen
        self._average = average
        push, value = self._push(seen, average)
        # the value is that of the rule, the slope is its push, whatever the batch's own share is
        return value + push * (share - share.detach())

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        integral = None if self._integral is None else float(self._integral)
        return {"average": self.average, "integral": integral}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        self._average, self._integral = _tensor(state["average"]), _tensor(state["integral"])

    def _push(self, seen: Tensor, average: Tensor) -> tuple[Tensor, Tensor]:
        """The slope on the share, and the value of the loss."""
        off = average - self.target
        if self.rule == "sign":
            push = self.strength * _sign(seen - self.target)
            return push, push * seen
        if self.rule == "dead_band":
            push = self.strength * _sign(off) * torch.where(off.abs() > self.tolerance, 1.0, _INSIDE)
            return push, push * seen
        if self.rule == "squared_hinge":
            beyond = (off.abs() - self.tolerance).clamp(min=0)
            return 2 * self.strength * beyond * _sign(off), self.strength * beyond**2
        before = torch.zeros_like(off) if self._integral is None else self._integral.to(off)
        limit = self.strength * _LIMIT
        self._integral = (before + self.strength * _INTEGRAL * off).clamp(-limit, limit)
        push = self.strength * off + self._integral
        return push, push * off


def _sign(value: Tensor) -> Tensor:
    """1 above 0, else -1: at the budget the paper pushes up."""
    return torch.where(value > 0, 1.0, -1.0)


def _tensor(value: float | None) -> Tensor | None:
    return None if value is None else torch.tensor(value)


def _check(rule: str, strength: float, tolerance: float) -> None:
    if rule not in get_args(Rule):
        raise ConfigError(f"rule = {rule!r}: there are {', '.join(get_args(Rule))}")
    if not strength > 0:
        raise ConfigError(f"strength = {strength}: how hard the cost is pushed, above 0")
    if not 0 < tolerance < 1:
        raise ConfigError(f"tolerance = {tolerance}: a share of the reference, above 0 and below 1")
