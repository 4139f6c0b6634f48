"""The exact optimum of parts that share only limits: each part's designs listed, and combined under the limits.

The cost is the slowest part's cycles or the traffic of all over the bandwidth, so the least cycles that can be kept are found by
bisection. Whether a number of cycles can be kept is a question of sums only; it is mostly answered by one choice of the
thriftiest designs, and else by merging the parts' fronts, which is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from netchip.errors import BudgetError, RequestError
from netchip.hardware.search.front import undominated
from netchip.hardware.search.problem import Decoupled

LISTED_MOST = 2_000_000
MERGED_MOST = 2_000_000
_WIDER = 1e-9
BANDWIDTH = "bandwidth_bits_per_cycle"
"""What `Tables.needed` calls the memory that all parts share."""


@dataclass(frozen=True, eq=False)
class PartTable:
    """All designs of a part that can run: `picks` [P, M], `cycles` [M], `sums` [limit + 1, M], the last of them traffic in bits."""

    name: str
    picks: np.ndarray
    cycles: np.ndarray
    sums: np.ndarray


@dataclass(frozen=True, eq=False)
class Tables:
    """All parts' designs, priced once; `best` can then be asked under many limits. `calls`: designs of parts that were priced."""

    parts: tuple[PartTable, ...]
    limits: Mapping[str, float]
    bandwidth_bits_per_cycle: float
    calls: int

    def best(self, limits: Mapping[str, float] | None = None) -> "Optimum":
        """The design of the fewest cycles within limits; `limits` changes some of the problem's own.

        Raises `BudgetError` where there is none: it names what is over, by how much, in the design that is nearest.
        """
        bounds = {**self.limits, **(limits or {})}
        self._check_names(bounds)
        most = np.array([bounds[name] for name in self.limits])
        levels = np.unique(np.concatenate([part.cycles for part in self.parts]))
        levels = levels[levels >= max(part.cycles.min() for part in self.parts)]
        if self._within(np.inf, most, np.inf) is None:
            raise BudgetError(self._refusal(most))
        return self._optimum(self._fastest(levels, most))

    def needed(
        self, name: str, cycles: float, limits: Mapping[str, float] | None = None, *, precision: float = 0.005
    ) -> float | None:
        """The least limit of one resource at which some design takes at most so many cycles, to within a share `precision`.

        The other limits are the problem's, or those of `limits`; `BANDWIDTH` asks for the bits a cycle of the shared memory.
        None where no limit of it is enough.
        """
        bounds = {**self.limits, **(limits or {})}
        self._check_names(bounds)
        bounds = {**bounds, BANDWIDTH: self.bandwidth_bits_per_cycle}
        if name not in bounds:
            raise RequestError(f"no limit is called {name!r}; there are {', '.join(bounds)}")
        low, high = 0.0, self._used_of(bounds | {name: np.inf}, name, cycles)
        while high is not None and high - low > precision * high:
            middle = (low + high) / 2
            found = self._used_of(bounds | {name: middle}, name, cycles)
            low, high = (middle, high) if found is None else (low, min(middle, found))
        return high

    def _used_of(self, bounds: Mapping[str, float], name: str, cycles: float) -> float | None:
        """What a design of at most so many cycles within bounds uses of one resource; none where there is no such design."""
        most = np.array([bounds[each] for each in self.limits])
        with np.errstate(invalid="ignore"):
            traffic = np.nan_to_num(np.float64(cycles) * bounds[BANDWIDTH], nan=np.inf, posinf=np.inf)
        found = self._within(cycles, most, float(traffic))
        if found is None:
            return None
        sums = self._sums(found)
        return float(sums[-1]) / cycles if name == BANDWIDTH else float(sums[list(self.limits).index(name)])

    def _fastest(self, levels: np.ndarray, most: np.ndarray) -> np.ndarray:
        """The designs [part] of the least cost, among those that use little."""
        low, high = 0, len(levels)  # the first level at which cycles and traffic can both be kept; none at len(levels)
        while low < high:
            middle = (low + high) // 2
            if self._within(levels[middle], most, levels[middle] * self.bandwidth_bits_per_cycle) is not None:
                high = middle
            else:
                low = middle + 1
        kept = None
        if low < len(levels):
            kept = self._within(levels[low], most, levels[low] * self.bandwidth_bits_per_cycle)
        if low > 0 and np.isfinite(self.bandwidth_bits_per_cycle):  # between two levels only the traffic decides
            between = self._merged(levels[low - 1], most, np.inf, by_traffic=True)
            if between is not None and (kept is None or self._cost(between) < self._cost(kept)):
                kept = between
        if kept is None:  # no bandwidth is needed where none is limited, so a level is kept
            raise RequestError("no design keeps its own cycles; this is a fault of the problem's costs")
        return kept

    def _within(self, cycles: float, most: np.ndarray, traffic: float) -> np.ndarray | None:
        """Designs [part] of at most so many cycles whose sums are at most `most` and `traffic`; none where there are none."""
        bounds = np.append(most, traffic)
        able = [np.flatnonzero(part.cycles <= cycles) for part in self.parts]
        if any(len(each) == 0 for each in able):
            return None
        least = sum(part.sums[:, each].min(1) for part, each in zip(self.parts, able, strict=True))
        if (least > bounds).any():
            return None
        for weights in self._weights(bounds):
            picked = [
                each[np.argmin(weights @ part.sums[:, each])] for part, each in zip(self.parts, able, strict=True)
            ]
            found = np.array(picked)
            if (self._sums(found) <= bounds).all():
                return found
        return self._merged(cycles, most, traffic, by_traffic=False)

    def _weights(self, bounds: np.ndarray) -> list[np.ndarray]:
        """Prices of a unit of each sum: alike relative to their bounds, then with each in turn ten times dearer."""
        scale = 1 / np.where(np.isfinite(bounds) & (bounds > 0), bounds, np.inf)
        return [scale, *(scale * np.where(np.arange(len(scale)) == dear, 10.0, 1.0) for dear in np.flatnonzero(scale))]

    def _merged(self, cycles: float, most: np.ndarray, traffic: float, *, by_traffic: bool) -> np.ndarray | None:
        """As `_within`, by merging fronts: of what fits, the least traffic or the least use relative to the limits."""
        bounds = np.append(most, traffic)
        able = [np.flatnonzero(part.cycles <= cycles) for part in self.parts]
        if any(len(each) == 0 for each in able):
            return None
        sums = [part.sums[:, each] for part, each in zip(self.parts, able, strict=True)]
        binding = sum(each.max(1) for each in sums) > bounds
        binding[-1] |= by_traffic
        kept = [undominated(each[binding]) if binding.any() else np.array([0]) for each in sums]
        merged = _combined([each[binding][:, index] for each, index in zip(sums, kept, strict=True)], bounds[binding])
        if merged is None:
            return None
        total, chosen = merged
        weights = np.zeros(len(total))
        if by_traffic:
            weights[-1] = 1.0
        else:
            weights = self._weights(bounds)[0][binding]
        pick = chosen[:, int(np.argmin(weights @ total))]
        return np.array([each[index[at]] for each, index, at in zip(able, kept, pick, strict=True)])

    def _sums(self, found: np.ndarray) -> np.ndarray:
        return np.sum([part.sums[:, at] for part, at in zip(self.parts, found, strict=True)], axis=0)

    def _cost(self, found: np.ndarray) -> float:
        slowest = max(float(part.cycles[at]) for part, at in zip(self.parts, found, strict=True))
        return max(slowest, float(self._sums(found)[-1]) / self.bandwidth_bits_per_cycle)

    def _optimum(self, found: np.ndarray) -> "Optimum":
        sums = self._sums(found)
        return Optimum(
            picks=np.concatenate([part.picks[:, at] for part, at in zip(self.parts, found, strict=True)]),
            cost=self._cost(found),
            part_cycles={part.name: float(part.cycles[at]) for part, at in zip(self.parts, found, strict=True)},
            usage={name: float(sums[row]) for row, name in enumerate(self.limits)},
            traffic_bits=float(sums[-1]),
            calls=self.calls,
        )

    def _check_names(self, bounds: Mapping[str, float]) -> None:
        for name in bounds:
            if name not in self.limits:
                raise RequestError(f"no limit is called {name!r}; there are {', '.join(self.limits)}")

    def _refusal(self, most: np.ndarray) -> str:
        """What is over, and by how much, in a design whose largest relative excess is the least."""
        least = np.sum([part.sums[:-1].min(1) for part in self.parts], axis=0)
        names = list(self.limits)
        for row in np.flatnonzero((most <= 0) & (least > 0)):
            return f"{names[row]} is limited to 0, but every design uses at least {least[row]:g}; allow that much"
        low, high = 1.0, 2.0
        while self._within(np.inf, most * high, np.inf) is None:
            low, high = high, high * 2
        while high / low > 1 + _WIDER:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if self._within(np.inf, most * middle, np.inf) is None else (low, middle)
        nearest = self._within(np.inf, most * high, np.inf)
        used = self._sums(np.zeros(0) if nearest is None else nearest)
        over = [
            f"{names[row]} {used[row]:g} of {most[row]:g} ({used[row] / most[row] - 1:.1%} too much)"
            for row in np.flatnonzero(used[:-1] > most)
        ]
        return f"no design meets these limits; the nearest uses {', '.join(over)}; allow that much, or change the space"


@dataclass(frozen=True, eq=False)
class Optimum:
    """The best design: `picks` [P] of the whole problem, its cost, its parts' cycles, what it uses. `calls`: parts priced."""

    picks: np.ndarray
    cost: float
    part_cycles: Mapping[str, float]
    usage: Mapping[str, float]
    traffic_bits: float
    calls: int


def tabulate(problem: Decoupled, *, most: int = LISTED_MOST) -> Tables:
    """All designs of every part, priced.

    Raises `RequestError` where a part has more than `most` designs, or none that can run its layers.
    """
    tables: list[PartTable] = []
    calls = 0
    for place, (name, choices) in enumerate(problem.parts):
        picks = choices.all(most)
        found = problem.part_costs(place, picks)
        calls += picks.shape[1]
        runs = np.flatnonzero(found.runs)
        if len(runs) == 0:
            raise RequestError(
                f"no design of {name!r} runs all layers it was given; give it another engine or more bits, or them to another"
            )
        sums = np.concatenate([found.usage, found.traffic_bits[None]])
        tables.append(PartTable(name, picks[:, runs], found.cycles[runs], sums[:, runs]))
    return Tables(tuple(tables), problem.limits, problem.bandwidth_bits_per_cycle, calls)


def solve(problem: Decoupled) -> Optimum:
    """The exact optimum; raises as `tabulate` and `Tables.best` do."""
    return tabulate(problem).best()


def _combined(fronts: list[np.ndarray], bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Sums [D, F] within `bounds` of one point of each front [D, K], and which [part, F]: the undominated, or none."""
    rest = np.cumsum([front.min(1) for front in fronts[::-1]], axis=0)[::-1]
    total, chosen = np.zeros((len(bounds), 1)), np.zeros((0, 1), dtype=np.int64)
    for place, front in enumerate(fronts):
        after = rest[place + 1] if place + 1 < len(fronts) else np.zeros(len(bounds))
        if total.shape[1] * front.shape[1] > MERGED_MOST * 10:
            raise RequestError(
                f"{total.shape[1]} x {front.shape[1]} trade-offs are too many to combine; shorten the lists of options, or "
                "use another engine"
            )
        pair = (total[:, :, None] + front[:, None, :]).reshape(len(bounds), -1)
        fits = np.flatnonzero((pair + after[:, None] <= bounds[:, None]).all(0))
        if len(fits) == 0:
            return None
        fits = fits[undominated(pair[:, fits])] if len(bounds) else fits[:1]
        total = pair[:, fits]
        chosen = np.concatenate([chosen[:, fits // front.shape[1]], (fits % front.shape[1])[None]])
    return total, chosen
