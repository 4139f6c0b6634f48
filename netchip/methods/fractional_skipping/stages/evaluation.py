"""What the arms come to on the test set: accuracy, the cost of every input, the work that is done on average."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from torch import Tensor, nn

from netchip.data.batches import Batches
from netchip.methods.fractional_skipping.blocks.site import BlockSite, layers_of
from netchip.methods.fractional_skipping.control.budgets import share_of
from netchip.methods.fractional_skipping.control.cap import capped
from netchip.methods.fractional_skipping.control.retarget import Retargeted, curve
from netchip.methods.fractional_skipping.costs import CostTable
from netchip.methods.fractional_skipping.gates.protocol import Gate
from netchip.methods.fractional_skipping.seeing.recording import Recorded, record
from netchip.methods.fractional_skipping.stages.trained import OURS, Outcome, Trained
from netchip.methods.fractional_skipping.training.early_exit import (
    EarlyExitNetwork,
    exit_costs,
    exits_at,
    leaving,
    threshold_for,
)
from netchip.methods.fractional_skipping.training.routes import FixedRoute, drawn_once, shuffled
from netchip.methods.fractional_skipping.workload import fractional_workload, rates_of
from netchip.train.fit import FitResult
from netchip.workload.network import Workload


@dataclass(frozen=True, eq=False)
class Moved:
    """One model at another budget: how the bias was found, and the outcome."""

    budget: str
    found: Retargeted
    outcome: Outcome


@dataclass(frozen=True, eq=False)
class Judge:
    """The test set, touched by nothing else, and the workload of the plain network for one image."""

    test: Batches
    plain: Workload

    def outcome(self, arm: Trained) -> Outcome:
        """An arm as it was trained."""
        routes = None if arm.routes is None else drawn_once(arm.routes, self.test)
        found = record(arm.network, self.test.epoch(0), routes=routes)
        role = "ours" if arm.name.startswith(OURS) else "baseline"
        return self._outcome(arm, arm.name, role, found, arm.seconds)

    def moved(
        self, arm: Trained, held_out: Iterable[tuple[Tensor, ...]], budgets: Iterable[str], tolerance: float
    ) -> list[Moved]:
        """One trained network at several budgets, each found on held-out data."""
        points: list[Moved] = []
        kept, before = list(held_out), arm.network.logit_bias.detach().clone()
        for budget in budgets:
            [found] = curve(arm.network, arm.table, kept, [budget], tolerance=tolerance)
            arm.network.logit_bias.copy_(found.bias)
            recorded = record(arm.network, self.test.epoch(0))
            arm.network.logit_bias.copy_(before)
            name = f"moved-{budget.replace(' ', '')}"
            points.append(Moved(budget, found, self._outcome(arm, name, "ours", recorded, None)))
        return points

    def capped(self, arm: Trained, cap: str) -> Outcome:
        """The trained network in which no input may cost more than `cap`."""
        with capped(arm.network, arm.table, share_of(cap)):
            found = record(arm.network, self.test.epoch(0))
        return self._outcome(arm, "capped", "ours", found, None)

    def untrained_controls(self, arm: Trained, outcome: Outcome, seed: int) -> dict[str, Recorded]:
        """The gated network's own weights on routes that know nothing of the input: its modal one, and its own shuffled."""
        ours = outcome.found
        if ours is None:
            return {}
        modal = rates_of(ours.routes, arm.network.options).argmax(1)
        routes = {"modal": modal, "shuffled": shuffled(ours.routes, seed)}
        return {name: record(arm.network, self.test.epoch(0), routes=each) for name, each in routes.items()}

    def workload(self, arm: Trained, found: Recorded) -> Workload:
        """The work of an arm on the routes it took; a gate's where it decided."""
        gate = cast("Gate", arm.network.gate).layers(self.image_shape) if arm.routes is None else ()
        rates = rates_of(found.routes, arm.network.options)
        return fractional_workload(self.plain, arm.network.sites, arm.network.options, rates, gate=gate)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Channels, height and width."""
        return tuple(self.test.split.images.shape[1:])

    def early_exit(
        self,
        network: EarlyExitNetwork,
        trained: FitResult,
        table: CostTable,
        held_out: Iterable[tuple[Tensor, ...]],
        budget: str,
    ) -> Outcome:
        """Early exit at the threshold whose mean cost on held-out data is nearest below the budget."""
        costs = exit_costs(table, network.route.tolist(), network.after)
        sure, _ = leaving(network, held_out)
        threshold = threshold_for(sure, costs, share_of(budget))
        sure, right = leaving(network, self.test.epoch(0))
        left = exits_at(sure, threshold)
        share = float(costs[left].mean())
        return Outcome(
            name="early-exit",
            role="baseline",
            accuracy_percent=100.0 * float(right[left, np.arange(len(left))].mean()),
            costs=costs[left],
            seconds=trained.seconds,
            parameters=_parameters(network.network.plain()) + _parameters(network.heads),
            macs=self.plain.macs - (1 - share) * _inside(self.plain, network.network.sites),
            whole_percent=100.0 * table.whole_of_gated(share),
        )

    def _outcome(self, arm: Trained, name: str, role: str, found: Recorded, seconds: float | None) -> Outcome:
        costs = arm.scale * arm.table.gated(found.routes)
        return Outcome(
            name=name,
            role=role,
            accuracy_percent=found.accuracy_percent,
            costs=costs,
            seconds=seconds,
            parameters=_parameters_of(arm),
            macs=self.workload(arm, found).macs,
            whole_percent=100.0 * arm.scale * arm.table.whole_of_gated(float(arm.table.gated(found.routes).mean())),
            found=found,
        )


def _parameters_of(arm: Trained) -> int:
    """All of a gated network; of a static one the plain network's."""
    static = isinstance(arm.routes, FixedRoute)
    return _parameters(arm.network.plain() if static else arm.network)


def _parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def _inside(plain: Workload, sites: Sequence[BlockSite]) -> float:
    """Multiply-accumulates of the gated blocks."""
    return sum(each.macs for each in layers_of(plain, sites))
