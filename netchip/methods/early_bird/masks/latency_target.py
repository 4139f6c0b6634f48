"""A ticket for a latency that is measured: on this device, dense and cut network side by side.

During the search the number of channels is that of an evenly narrowed network that meets the budget; when the ticket is
drawn its own network is measured, and channels go until it meets the budget too.
"""

import copy
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from netchip.errors import BudgetError
from netchip.graph.coupling import Coupling
from netchip.graph.placing import placed
from netchip.graph.surgery import cut, plan
from netchip.measure.latency import measure_latency
from netchip.methods.early_bird.masks.amounts import Amount
from netchip.methods.early_bird.masks.ranking import PruneSpace, Ranking, Widths
from netchip.methods.early_bird.masks.targets import even_share, even_widths
from netchip.train.distributed import broadcast_object
from netchip.units import format_seconds

_HALVINGS = 8
_REPEATS = 15


class LatencyBudget:
    """Keeps about the most units whose network takes at most `budget` seconds a pass; what the ticket takes is measured.

    A share is of the dense network's latency in the same rounds. Batch of one, `threads` torch threads, the model's device.
    Raises `BudgetError` when even the narrowest network takes longer.
    """

    def __init__(
        self, space: PruneSpace, coupling: Coupling, model: nn.Module, example: Any, budget: Amount, *, threads: int = 1
    ) -> None:
        self._space, self._coupling, self._budget, self._threads = space, coupling, budget, threads
        self._example = _one(example)
        self._measured: dict[str, float] = {}
        self.label = f"latency-{budget.written.replace(' ', '')}"
        self.ratio = 1.0 - self._even_share(model)
        self._kept = int(even_widths(space, 1.0 - self.ratio).sum())

    def count(self, ranking: Ranking) -> int:
        """As many as the evenly narrowed network that meets the budget."""
        return self._kept

    def final(self, ranking: Ranking, model: nn.Module) -> int:
        """The most units, by halving, whose network was measured within the budget; rank 0 measures for all."""
        low, high, step = int(self._space.least.sum()), self._space.units, self._kept
        for _ in range(_HALVINGS):
            if self._fits_everywhere(model, ranking.widths(step)):
                low = step
            else:
                high = step - 1
            if low >= high:
                break
            step = (low + high + 1) // 2
        while not self._fits_everywhere(model, ranking.widths(low)) and low > int(self._space.least.sum()):
            low = max(int(self._space.least.sum()), low - max(1, self._space.units // 50))
        return low

    def achieved(self) -> dict[str, Any]:
        """Budget, and the medians of the last measurement."""
        return {"written": self._budget.written, "threads": self._threads, **self._measured}

    def _even_share(self, model: nn.Module) -> float:
        if not self._fits_everywhere(model, self._space.smallest):
            raise BudgetError(
                f"latency = {self._budget.written}: the narrowest network (min_share = {self._space.min_share}) was measured at "
                f"{format_seconds(self._measured['latency_s'])}, the dense one at "
                f"{format_seconds(self._measured['dense_latency_s'])}; reachable is what lies between"
            )
        return even_share(self._space, lambda widths: self._fits_everywhere(model, widths))

    def _fits_everywhere(self, model: nn.Module, widths: Widths) -> bool:
        """What rank 0 measured."""
        return broadcast_object(self._fits(model, widths))

    def _fits(self, model: nn.Module, widths: Widths) -> bool:
        """Whether the network of these widths, measured now beside the dense one, keeps to the budget."""
        keep = {
            group.name: np.arange(group.units) < width
            for group, width in zip(self._coupling.groups, widths, strict=True)
        }
        narrow = copy.deepcopy(model)
        cut(narrow, plan(self._coupling, keep))
        dense, own = self._medians({"dense": model, "cut": narrow})
        self._measured = {"dense_latency_s": dense, "latency_s": own, "latency_budget_s": self._budget.of(dense)}
        return own <= self._budget.of(dense)

    def _medians(self, networks: dict[str, nn.Module]) -> list[float]:
        device = next(networks["dense"].parameters()).device
        found = measure_latency(
            networks,
            placed(self._example, networks["dense"]),
            batch_sizes=(1,),
            repeats=_REPEATS,
            threads=self._threads,
            device=device,
        )
        return [latency.median_s for latency in found]


def _one(example: Any) -> Any:
    """The first item of the batch in every tensor of an example."""
    return pytree.tree_map_only(torch.Tensor, lambda tensor: tensor[:1] if tensor.ndim else tensor, example)
