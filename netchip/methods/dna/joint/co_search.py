"""Both searches in step, for a loop of your own: choices learn from loss and cost, the accelerator follows them.

search = CoSearch(Supernet(space), platform)
for epoch in range(epochs):
    for (images, labels), (other, its_labels) in batches:
        search.choose(lambda route: cross_entropy(search.supernet(other, route), its_labels))
        loss = cross_entropy(search.supernet(images, search.supernet.route()), labels)
        ...                                        # a step of the weights
    search.end_epoch()
pair = search.best()                               # or the best of search.candidates(...), each trained for a while
"""

import math
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from netchip.errors import ConfigError, DivergedError
from netchip.methods.dna.joint.candidates import Proposal, neighbour, proposals
from netchip.methods.dna.joint.macs import NoDesign
from netchip.methods.dna.joint.pair import Finder, Pair
from netchip.methods.dna.joint.weight import CostWeight
from netchip.methods.dna.platform.designs import design_from_json
from netchip.methods.dna.platform.platform import Design, Platform
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.supernet.loads import LoadTable
from netchip.methods.dna.supernet.route import Route
from netchip.methods.dna.supernet.supernet import Supernet

LEARNING_RATE, BETAS = 0.05, (0.5, 0.999)


@dataclass(frozen=True, kw_only=True)
class CoSearchSettings:
    """`weight` of the cost, moved every epoch where the platform has a target; the accelerator is solved anew every
    `resolve_epochs`; at most `skip_share` of the positions may skip; pairs make use of `least_use` of the target.

    Raises `ConfigError` for numbers out of range.
    """

    weight: CostWeight = field(default_factory=CostWeight)
    resolve_epochs: int = 1
    skip_share: float = 0.5
    least_use: float = 0.9

    def __post_init__(self) -> None:
        if self.resolve_epochs < 1 or not (0 <= self.skip_share <= 1 and 0 <= self.least_use < 1):
            raise ConfigError(f"{self}: give resolve_epochs of at least 1, skip_share and least_use from 0 to 1")


class CoSearch:
    """The state of a joint search over `supernet`'s choices and `platform`'s designs.

    The cost of the choices is that of the mean network under the accelerator that is best for it: its expected loads, combined as
    the hardware search combines them. So both have one objective, and the envelope theorem makes its partial derivative the whole
    one. `design` is an accelerator that is given: then only the network is searched. `optimizer` moves the logits (Adam by
    default).
    """

    def __init__(
        self,
        supernet: Supernet,
        platform: Platform,
        settings: CoSearchSettings | None = None,
        *,
        design: Design | None = None,
        optimizer: Optimizer | None = None,
        layers: SpaceLayers | None = None,
    ) -> None:
        self.supernet, self.platform = supernet, platform
        self.settings = settings or CoSearchSettings()
        self.optimizer = optimizer or Adam(supernet.architecture_parameters(), lr=LEARNING_RATE, betas=BETAS)
        self.weight = self.settings.weight
        layers = layers or SpaceLayers(supernet.space)
        most_skips = math.floor(self.settings.skip_share * len(supernet.space.positions))
        self.finder = Finder(
            layers=layers,
            platform=platform,
            most_skips=most_skips,
            design=design,
            least_use=self.settings.least_use,
        )
        self.hardware_seconds, self.epochs, self._mean_solves = 0.0, 0, 0
        self._reference = platform.target
        self._solved: tuple[Design, LoadTable] | None = None

    @property
    def design(self) -> Design:
        """The accelerator at this moment: the given one, or the best for the mean network when it was last solved."""
        return self._now()[0]

    def cost(self, route: Route | None = None) -> Tensor:
        """The mean network's cost under the accelerator at this moment, a scalar; gradients to what is active on `route`."""
        return self.platform.combine(self._now()[1].expected(self.supernet.chances(route)))

    def penalty(self, route: Route) -> Tensor:
        """The weight times log(cost / target); without a target, times log(cost / the first cost)."""
        cost = self.cost(route)
        if not math.isfinite(self._reference):
            self._reference = float(cost.detach())
        return (self._weight(float(cost.detach())) * torch.log(cost / self._reference)).float()

    def choose(
        self, loss_of: Callable[[Route], Tensor], *, backward: Callable[[Tensor], None] = torch.Tensor.backward
    ) -> dict[str, Tensor]:
        """One step of the choices: draws a route, and descends `loss_of(route)` plus the penalty; the weights stand still.

        Raises `DivergedError` where the logits are not finite.
        """
        route = self.supernet.route(learn=True)
        weights = self.supernet.weight_parameters()
        learning = [each.requires_grad for each in weights]
        self._learn(weights, [False] * len(weights))
        before = self.supernet.logits()
        self.optimizer.zero_grad()
        loss, penalty = loss_of(route), self.penalty(route)
        backward(loss + penalty.to(loss.device))
        self.optimizer.step()
        self.supernet.settle(before, route)
        self._learn(weights, learning)
        return {"architecture_loss": loss.detach(), "penalty": penalty.detach()}

    def end_epoch(self) -> None:
        """Moves the weight; every `resolve_epochs` epochs solves the accelerator anew for the mean network."""
        self.epochs += 1
        if math.isfinite(self.platform.target):
            self.weight = self.weight.moved(float(self.cost()) / self.platform.target)
        if self.epochs % self.settings.resolve_epochs == 0:
            self.resolve()

    def resolve(self) -> None:
        """Solves the accelerator for the mean network as it is now; a given accelerator stays."""
        self._solved = self._solve(None if self._solved is None else self._solved[0])

    def best(self) -> Pair:
        """The best pair that fits, by the logarithms of the probabilities; raises `BudgetError` where none does."""
        with self._timed():
            return self.finder.best(self._scores(), self.design)

    def candidates(self, drawn: int, *, seed: int = 0) -> list[Proposal]:
        """The best pair and at most `drawn` others that fit and make use of the target; raises `BudgetError` where none fits."""
        best = self.best()
        with self._timed():
            return proposals(self.finder, best, self._scores(), drawn, seed)

    def neighbour(self, parent: Pair, random: np.random.Generator) -> Pair | None:
        """A pair that fits, a few choices from `parent`; none where none was found."""
        with self._timed():
            return neighbour(self.finder, parent, random)

    @property
    def hardware_solves(self) -> int:
        """Accelerators that were solved: for mean networks, and for networks of their own."""
        return self._mean_solves + self.finder.solved.solves

    def state_dict(self) -> dict[str, Any]:
        """Everything but the supernet, as plain values."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "weight": self.weight.to_json(),
            "reference": self._reference,
            "epochs": self.epochs,
            "design": None if self._solved is None else self._solved[0].to_json(),
            "hardware_seconds": self.hardware_seconds,
            "mean_solves": self._mean_solves,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.weight = CostWeight(**state["weight"])
        self._reference, self.epochs = state["reference"], state["epochs"]
        design = _read(state["design"])
        self._solved = None if design is None else (design, LoadTable.of(self.finder.layers, self.platform, design))
        self.hardware_seconds, self._mean_solves = state["hardware_seconds"], state["mean_solves"]

    def _scores(self) -> list[np.ndarray]:
        return [np.log(each + 1e-12) for each in self.supernet.joint_chances()]

    def _weight(self, cost: float) -> float:
        target = self.platform.target
        return self.weight.at(cost / target) if math.isfinite(target) else self.weight.free

    def _now(self) -> tuple[Design, LoadTable]:
        if self._solved is None:
            self._solved = self._solve(None)
        return self._solved

    def _solve(self, start: Design | None) -> tuple[Design, LoadTable]:
        layers, design = self.finder.layers, self.finder.design
        with self._timed():
            if design is None:
                design = self.platform.best(layers.expected(self.supernet.joint_chances()), start=start)
                self._mean_solves += 1
            table = LoadTable.of(layers, self.platform, design)
        _check(table)
        return design, table

    @contextmanager
    def _timed(self) -> Generator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.hardware_seconds += time.monotonic() - started

    def _learn(self, weights: list[torch.nn.Parameter], learning: list[bool]) -> None:
        for weight, learns in zip(weights, learning, strict=True):
            weight.requires_grad_(learns)


def _read(data: Mapping[str, Any] | None) -> Design | None:
    if data is None:
        return None
    return NoDesign() if data.get("kind") == NoDesign().kind else design_from_json(data)


def _check(table: LoadTable) -> None:
    if not all(np.isfinite(each).all() for each in (table.fixed, *table.options)):
        raise DivergedError("the platform gave loads that are not finite; its loads() must price every layer")
