"""A network and its accelerator, the pair that a search returns; and the best pair by scores within every limit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netchip.errors import BudgetError
from netchip.methods.dna.joint.repairing import Places, Scored, repaired, scored
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
    """Finds pairs on one platform. `design`: a given accelerator, which is never changed. `most_skips`: positions that may skip."""

    layers: SpaceLayers
    platform: Platform
    most_skips: int
    design: Design | None = None

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

    def best(self, scores: Sequence[np.ndarray], start: Design | None = None) -> Pair:
        """The pair of the highest score ([options, bits] a position, such as log-probabilities) that fits.

        Network and accelerator are found in turns: under one design the network is repaired to the target, then it gets its own
        best design, which leaves room or not. Raises `BudgetError` where no turn comes to a pair that fits.
        """
        wanted = scored(scores, [position.skips for position in self.layers.space.positions], self.most_skips)
        first = self.pair(self._architecture(wanted.best()), start)
        if self.fits(first):
            return first
        return self._in_turns(wanted, first)

    def _in_turns(self, wanted: Scored, first: Pair) -> Pair:
        best: tuple[float, Pair] | None = None
        nearest = last = first
        seen, limit = set[Architecture](), self.platform.target
        for turn in range(_TURNS + _TIGHTENED):
            table = LoadTable.of(self.layers, self.platform, last.design)
            places = repaired(wanted, table, self.platform.combine, limit)
            architecture = self._architecture(places)
            again = architecture in seen if best is not None else architecture == last.architecture
            if again or (best is not None and turn >= _TURNS):
                break
            seen.add(architecture)
            last = self.pair(architecture, last.design)
            nearest = min(nearest, last, key=lambda each: each.cost)
            fits, ratio = self.fits(last), self.platform.target / last.cost
            if fits and (best is None or wanted.of(places) > best[0]):
                best = wanted.of(places), last
            limit *= min(1.25, max(1.01, ratio)) if fits else min(0.97, max(0.8, ratio))
        if best is None:
            raise BudgetError(self._refusal(nearest))
        return best[1]

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
