"""A budget held by a bias on the gate's logits, moved a little at every step, in place of a term of the loss.

Where a gate's logits hardly differ between inputs, as in short trainings, whole blocks change over at once, and a push on the
loss swings between two costs (measured on digits: 25 % and 100 % around a budget of 50 %). A bias acts at once and leaves the
task's gradient alone, which then decides who gets the budget: as in the balancing of experts without a loss (arXiv 2408.15664).
The bias is of the family that retargeting moves later.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from netchip.errors import ConfigError
from netchip.methods.fractional_skipping.control.budgets import check_reachable, share_of
from netchip.methods.fractional_skipping.costs import CostTable

_LEARNING = 0.04  # of the drift, a step


class Biased(Protocol):
    """A network whose gate's logits get a bias [L, K]."""

    logit_bias: Tensor


class BiasController:
    """Holds the mean cost at `budget` by `network.logit_bias`: call `hold(masks)` once an optimizer step, add nothing to the loss.

    The bias of option k of a block is t times its cost, in units of the mean block's reference; every step moves t by `gain` times
    what the batch's share lacks of the budget, and by a drift that learns how fast the task's loss pulls the other way (without
    it, skipping held at 50 % stayed at 60 % and more through a training on digits). Raises as `BudgetController` does.
    """

    def __init__(self, network: Biased, table: CostTable, budget: str | float, *, gain: float = 0.5) -> None:
        if not gain > 0:
            raise ConfigError(f"gain = {gain}: how far a step moves the bias, above 0")
        self.table, self.gain = table, gain
        self.target = check_reachable(table, share_of(budget))
        self.strength, self.drift = 0.0, 0.0
        self._network = network

    def hold(self, masks: Tensor) -> None:
        """Moves the bias by what masks [B, L, K] cost, for the next step."""
        self.loss_of_shares(self.table.gated_of_masks(masks))

    def loss_of_shares(self, shares: Tensor, *, observed: Tensor | None = None) -> Tensor:
        """The same from each sample's share [B]; the term of the loss is 0."""
        seen = shares.detach().mean() if observed is None else observed
        lacks = self.gain * (self.target - float(seen))
        self.drift += _LEARNING * lacks
        self.strength += lacks + self.drift
        self._apply()
        return shares.new_zeros(())

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"strength": self.strength, "drift": self.drift}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state_dict` gave."""
        self.strength, self.drift = state["strength"], state["drift"]
        self._apply()

    @torch.no_grad()
    def _apply(self) -> None:
        bias = torch.from_numpy(self.strength * len(self.table.blocks) * self.table.relative)
        self._network.logit_bias.copy_(bias)
