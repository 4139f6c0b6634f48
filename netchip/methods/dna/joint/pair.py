"""A network and its accelerator, the pair that a search returns; and the best pair by scores within every limit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netchip.errors import BudgetError
from netchip.methods.dna.joint.repairing import Places, Scored, filled, scored
from netchip.methods.dna.platform.platform import Design, Platform
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.supernet.loads import LoadTable

_TURNS = 6
_TIGHTENED = 24


@dataclass(frozen=True, eq=False)
class Pair:
    """A network, the accelerator for it, and the platform's objective of the two."""

    architecture: Architecture
    design: Design
    cost: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Finder:
    """Finds pairs on one platform. `design`: a given accelerator, which is never changed. `most_skips`: positions that may skip.

    `least_use`: the share of the target that a pair makes use of, where there is a target and the space has such networks. Shared
    weights favour small networks; what is trained on its own is the better for every MAC.
    """

    layers: SpaceLayers
    platform: Platform
    most_skips: int
    design: Design | None = None
    least_use: float = 0.0

    def pair(self, architecture: Architecture, start: Design | None = None) -> Pair:
        """An architecture with the best accelerator for it, or the given one."""
        workload = self.layers.workload(architecture)
        design = self.design or self.platform.best(workload, start=start)
        return Pair(architecture, design, self.platform.cost(design, workload))

    def fits(self, pair: Pair) -> bool:
        """Whether every limit is kept, the target included."""
        if not pair.cost <= self.platform.target:
            return False
        return not self.platform.report(pair.design, self.layers.workload(pair.architecture)).over

    def uses(self, pair: Pair) -> bool:
        """Whether enough of the target is made use of."""
        return not np.isfinite(self.platform.target) or pair.cost >= self.least_use * self.platform.target

    def in_use(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Those that make enough use of the target, or the one that makes the most."""
        return [pair for pair in pairs if self.uses(pair)] or [max(pairs, key=lambda pair: pair.cost)]

    def best(self, scores: Sequence[np.ndarray], start: Design | None = None) -> Pair:
        """The pair of the highest score ([options, bits] a position, such as log-probabilities) that fits.

        Network and accelerator are found in turns: under one design the network is brought to the target, then it gets its own best
        design, which leaves room or not. Raises `BudgetError` where no turn comes to a pair that fits.
        """
        wanted = scored(scores, [position.skips for position in self.layers.space.positions], self.most_skips)
        first = self.pair(self._architecture(wanted.best()), start)
        if self.fits(first) and self.uses(first):
            return first
        tried = self._in_turns(wanted, first)
        fitting = [pair for pair in tried if self.fits(pair)]
        if not fitting:
            raise BudgetError(self._refusal(min(tried, key=lambda pair: pair.cost)))
        return max(self.in_use(fitting), key=lambda pair: wanted.of(self.layers.space.places(pair.architecture)))

    def _in_turns(self, wanted: Scored, first: Pair) -> list[Pair]:
        """Pairs around the target, under limits that follow it; they fall as long as none fits."""
        tried, last, target = {first.architecture: first}, first, self.platform.target
        limit, any_fits = target, self.fits(first)
        for turn in range(_TURNS + _TIGHTENED):
            if any_fits and turn >= _TURNS:
                break
            table = LoadTable.of(self.layers, self.platform, last.design)
            least = self.least_use * limit if np.isfinite(limit) else 0.0
            architecture = self._architecture(filled(wanted, table, self.platform.combine, least, limit))
            last = tried[architecture] if architecture in tried else self.pair(architecture, last.design)
            tried[architecture] = last
            fits, ratio = self.fits(last), target / last.cost
            any_fits |= fits
            if fits and self.uses(last):
                break
            limit *= min(1.25, max(1.03, ratio)) if fits else min(0.97, max(0.8, ratio))
        return list(tried.values())

    def _architecture(self, places: Places) -> Architecture:
        return self.layers.space.architecture(places)

    def _refusal(self, nearest: Pair) -> str:
        report = self.platform.report(nearest.design, self.layers.workload(nearest.architecture))
        over = [
            f"{name} {report.usage[name]:,.4g} of {report.limits[name]:,.4g} ({excess:.0%} too much)"
            for name, excess in report.over.items()
        ]
        return (
            f"no network of space {self.layers.space.name!r} keeps the limits on {self.platform.name}; the nearest that was found "
            f"uses {', '.join(over)}; allow that much, or give the space cheaper options"
        )
