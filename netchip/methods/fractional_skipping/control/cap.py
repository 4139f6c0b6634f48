"""A cap on what one input may cost, whatever its gate would choose: against slow outliers, and inputs made to be slow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from netchip.errors import BudgetError, ConfigError
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.gates.protocol import Gate
from netchip.methods.fractional_skipping.network import FractionalNetwork
from netchip.workload.layer import Layer

_SLACK = 1e-6


class Spending(NamedTuple):
    """The gate's own state, and the share of the reference that each sample has spent [B]."""

    inner: Any
    spent: Tensor | None


class CappedGate(nn.Module):
    """`gate`, closed to options with which a sample could no longer end within `cap`, a share of the reference.

    Blocks are decided in their order, so an input that spends early runs the last blocks at their cheapest. `network` is the
    one that the gate decides in, for the bias that it adds.
    """

    def __init__(self, gate: nn.Module, network: FractionalNetwork, table: CostTable, cap: float) -> None:
        super().__init__()
        self.gate, self.cap = gate, cap
        self._network = (network,)  # not registered: the gate is a part of the network
        self.options, self.upfront = cast("Gate", gate).options, cast("Gate", gate).upfront
        cheapest = table.relative.min(1)
        rest = np.append(np.cumsum(cheapest[::-1])[::-1], 0.0)[1:]
        device = network.logit_bias.device
        self.register_buffer(
            "costs", torch.tensor(table.relative, dtype=torch.float32, device=device), persistent=False
        )
        self.register_buffer("rest", torch.tensor(rest, dtype=torch.float32, device=device), persistent=False)

    def begin(self, inputs: Tensor) -> Any:
        """The gate's state; nothing is spent."""
        inner = cast("Gate", self.gate).begin(inputs)
        return inner if self.upfront else Spending(inner, None)

    def step(self, index: int, features: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits [B, K] with minus infinity where an option would break the cap."""
        if self.upfront:
            logits, plan = cast("Gate", self.gate).step(index, features, state)
            plan = self._whole(plan) if index == 0 else plan
            return plan[:, index], plan
        logits, inner = cast("Gate", self.gate).step(index, features, state.inner)
        spent = logits.new_zeros(len(logits)) if state.spent is None else state.spent
        closed, spent = self._closed(index, logits, spent)
        return closed, Spending(inner, spent)

    def layers(self, inputs: tuple[int, ...]) -> tuple[Layer, ...]:
        """Those of the gate."""
        return cast("Gate", self.gate).layers(inputs)

    def _whole(self, plan: Tensor) -> Tensor:
        spent, columns = plan.new_zeros(len(plan)), []
        for index in range(plan.shape[1]):
            closed, spent = self._closed(index, plan[:, index], spent)
            columns.append(closed)
        return torch.stack(columns, 1)

    def _closed(self, index: int, logits: Tensor, spent: Tensor) -> tuple[Tensor, Tensor]:
        costs, rest = cast("Tensor", self.costs)[index], cast("Tensor", self.rest)[index]
        over = spent[:, None] + costs + rest > self.cap + _SLACK
        closed = logits.masked_fill(over, -torch.inf)
        [network] = self._network
        chosen = (closed + network.logit_bias[index] + network.forbidden[index]).argmax(1)
        return closed, spent + costs[chosen]


@contextmanager
def capped(network: FractionalNetwork, table: CostTable, cap: float) -> Iterator[FractionalNetwork]:
    """`network` in which no input costs more than `cap`, a share of the reference, while in here.

    Raises `BudgetError` for a cap below what the cheapest route costs, `ConfigError` where `min_group` may raise options.
    """
    low, high = table.reachable
    if cap < low - _SLACK:
        raise BudgetError(
            f"a cap of {100 * cap:g} % of the gated blocks' cost is below the cheapest route's {100 * low:.4g} % "
            f"(the dearest costs {100 * high:.4g} %); raise it"
        )
    if network.min_group > 1:
        raise ConfigError(
            f"min_group = {network.min_group} runs small groups under dearer options, which breaks a cap; set it to 1"
        )
    gate = network.gate
    network.gate = CappedGate(gate, network, table, cap)
    try:
        yield network
    finally:
        network.gate = gate
