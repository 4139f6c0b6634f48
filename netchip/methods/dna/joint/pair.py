"""A network and its accelerator, the pair that a search returns; and the best pair by scores within every limit."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import torch

from netchip.errors import BudgetError, RequestError
from netchip.methods.dna.joint.repairing import Places, Scored, filled, scored
from netchip.methods.dna.platform.platform import Design, Platform
from netchip.methods.dna.space.architecture import Architecture
from netchip.methods.dna.space.layers import SpaceLayers
from netchip.methods.dna.supernet.loads import LoadTable

_TURNS = 6
_TIGHTENED = 24
_LOOKED_AT = 6
_TIGHTER = 0.97
_GAP = 1e-3


@dataclass(frozen=True, eq=False)
class Pair:
    """A network, the accelerator for it, and the platform's objective of the two."""

    architecture: Architecture
    design: Design
    cost: float


@dataclass(eq=False)
class Solved:
    """What one search has solved so far, so that no accelerator is solved twice: pairs by network, and whether each keeps every
    limit; `outlook`, what each option adds to the loads under the design that suits it best of those there are. `solves` counts
    the accelerators.
    """

    pairs: dict[Architecture, Pair] = field(default_factory=dict[Architecture, Pair])
    fits: dict[Architecture, bool] = field(default_factory=dict[Architecture, bool])
    outlook: LoadTable | None = None
    solves: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Finder:
    """Finds pairs on one platform. `design`: a given accelerator, which is never changed. `most_skips`: positions that may skip.

    `least_use`: the share of the target that a pair makes use of, where there is a target and the space has such networks. Shared
    weights favour small networks; what is trained on its own is the better for every cycle that it may use.
    """

    layers: SpaceLayers
    platform: Platform
    most_skips: int
    design: Design | None = None
    least_use: float = 0.0
    solved: Solved = field(default_factory=Solved, repr=False)

    def pair(self, architecture: Architecture, start: Design | None = None) -> Pair:
        """An architecture with the best accelerator for it, or the given one; solved once."""
        found = self.solved.pairs.get(architecture)
        if found is None:
            workload = self.layers.workload(architecture)
            design = self.design or self.platform.best(workload, start=start)
            found = Pair(architecture, design, self.platform.cost(design, workload))
            self._note(found)
        return found

    def fits(self, pair: Pair) -> bool:
        """Whether every limit is kept, the target included."""
        if not pair.cost <= self.platform.target:
            return False
        if pair.architecture not in self.solved.fits:
            report = self.platform.report(pair.design, self.layers.workload(pair.architecture))
            self.solved.fits[pair.architecture] = not report.over
        return self.solved.fits[pair.architecture]

    def uses(self, pair: Pair) -> bool:
        """Whether enough of the target is made use of."""
        return not np.isfinite(self.platform.target) or pair.cost >= self.least_use * self.platform.target

    def in_use(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Those that make enough use of the target, or the one that makes the most."""
        return [pair for pair in pairs if self.uses(pair)] or [max(pairs, key=lambda pair: pair.cost)]

    def best(self, scores: Sequence[np.ndarray], start: Design | None = None) -> Pair:
        """The pair of the highest score ([options, bits] a position, such as log-probabilities) that fits; raises `BudgetError`
        where none is found.
        """
        wanted = self._scored(scores)
        first = self.pair(self._architecture(wanted.best()), start)
        if self.fits(first) and self.uses(first):
            return first
        return self.near(scores, first)

    def near(self, scores: Sequence[np.ndarray], first: Pair) -> Pair:
        """The pair of the highest score that fits and uses the target, as far as it is found from `first` in turns.

        Loads of a network are told before its accelerator is solved: those of its options, each under the design that suits it best
        of all that were solved. (Under one design alone, and the exact ones use no more of the board than they must, every network
        but its own looks slow, so that a search stays where it began.) A network is brought to the target by that outlook, then
        solved; what it truly takes moves the next turn's limit. Raises `BudgetError` where no turn comes to a pair that fits.
        """
        wanted, tried = self._scored(scores), {first.architecture: first}
        self._look_around()
        if not self._in_turns(wanted, first, tried):
            cheapest = self.pair(self._architecture(self._scored(self.thrift()).best()), first.design)
            tried[cheapest.architecture] = cheapest
            self._in_turns(wanted, cheapest, tried)
        fitting = [pair for pair in tried.values() if self.fits(pair)]
        if not fitting:
            raise BudgetError(self._refusal(min(tried.values(), key=lambda pair: pair.cost)))
        return max(self.in_use(fitting), key=lambda pair: wanted.of(self.layers.space.places(pair.architecture)))

    def outlook(self) -> LoadTable:
        """Least loads of every option under the designs solved so far, one at least."""
        if self.solved.outlook is None:
            raise RequestError("no accelerator was solved yet; ask for a pair first")
        return self.solved.outlook

    def expected_cost(self, architecture: Architecture) -> float:
        """What a network would take by the outlook, as the platform combines loads."""
        loads = self.outlook().of_network(self.layers, architecture)
        return float(self.platform.combine(torch.from_numpy(loads)))

    def thrift(self) -> list[np.ndarray]:
        """Scores that are high for what multiplies little, in MACs times bits."""
        bits, count = self.layers.space.bits, range(len(self.layers.space.bits))
        return [
            np.array([[-self._macs(place, block, at) * bits[at] for at in count] for block in range(len(each.options))])
            for place, each in enumerate(self.layers.space.positions)
        ]

    def _note(self, pair: Pair) -> None:
        solved = self.solved
        solved.pairs[pair.architecture] = pair
        if self.design is None:
            solved.solves += 1
        elif solved.outlook is not None:  # the one design there is
            return
        table = LoadTable.of(self.layers, self.platform, pair.design)
        solved.outlook = table if solved.outlook is None else solved.outlook.least(table)

    def _look_around(self) -> None:
        """Solves a few networks drawn evenly, so that the outlook is broad; those that no accelerator runs are passed over."""
        if self.design is not None or not np.isfinite(self.platform.target):
            return
        random = np.random.default_rng(0)
        for _ in range(2 * _LOOKED_AT):
            if len(self.solved.pairs) < _LOOKED_AT:
                with suppress(BudgetError):
                    self.pair(self.layers.space.random(random))

    def _in_turns(self, wanted: Scored, first: Pair, tried: dict[Architecture, Pair]) -> bool:
        """Adds pairs around the target, under limits that follow it, to `tried`; whether one of them fits."""
        last, target = first, self.platform.target
        limit, least, any_fits = self._limit(last), 0.0, self.fits(first)
        for turn in range(_TURNS + _TIGHTENED):
            if any_fits and turn >= _TURNS:
                break
            least = max(least, self.least_use * limit) if np.isfinite(limit) else 0.0
            architecture = self._architecture(filled(wanted, self.outlook(), self.platform.combine, least, limit))
            told = self.expected_cost(architecture)
            try:
                last = self.pair(architecture, last.design)
            except BudgetError:  # no accelerator for it can be built
                limit, least = min(limit * _TIGHTER, (1 - _GAP) * told), 0.0
                continue
            tried[architecture] = last
            fits, ratio = self.fits(last), target / last.cost
            any_fits |= fits
            if fits and self.uses(last):
                break
            if fits:
                limit, least = limit * min(1.25, max(1.03, ratio)), (1 + _GAP) * told
            else:
                limit, least = min(limit * min(_TIGHTER, max(0.8, ratio)), (1 - _GAP) * told), 0.0
        return any_fits

    def _limit(self, pair: Pair) -> float:
        """The target in the measure of the outlook, by what a pair takes and what it was told to."""
        if not np.isfinite(self.platform.target) or not np.isfinite(pair.cost):
            return self.platform.target
        return self.platform.target * self.expected_cost(pair.architecture) / pair.cost

    def _macs(self, place: int, block: int, bits: int) -> float:
        return sum(each.macs for each in self.layers.of_option(place, block, bits))

    def _scored(self, scores: Sequence[np.ndarray]) -> Scored:
        return scored(scores, [position.skips for position in self.layers.space.positions], self.most_skips)

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
