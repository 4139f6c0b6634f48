"""What a search sees: choices, and what designs cost. Nothing of FPGAs or chips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from netchip.hardware.choices import Choices

PENALTY = 3.0
"""What a design over its limits is set back by, in natural logarithms of the cost, besides its excess."""

WORST = 40.0
"""Logarithm of the cost that a design which cannot run is given: beyond that of any which can."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """N designs: `cost` [N] to be made small (cycles, pJ s), `usage` [N] by name of the limits.

    `excess` [N]: 0 where all limits are met, else the largest relative excess (0.25 is a quarter too much), infinite where the
    design cannot run at all. Only designs of excess 0 may be returned by a search.
    """

    cost: np.ndarray
    excess: np.ndarray
    usage: Mapping[str, np.ndarray]

    @property
    def feasible(self) -> np.ndarray:
        """Which designs meet every limit, [N]."""
        return self.excess == 0

    @property
    def fitness(self) -> np.ndarray:
        """Logarithm of the cost, with a penalty that grows with the excess, so that a search learns the limits; always finite."""
        able = np.isfinite(self.cost) & np.isfinite(self.excess)
        log = np.log(np.maximum(np.where(able, self.cost, 1.0), 1e-300))
        over = np.where(able, self.excess, 0.0)
        return np.where(able, log + np.where(over > 0, PENALTY + np.log1p(over), 0.0), WORST + PENALTY)


class Problem(Protocol):
    """Designs to choose from, and their costs. A call of `score` with N designs is N predictor calls."""

    @property
    def choices(self) -> Choices:
        """What is chosen."""
        ...

    @property
    def limits(self) -> Mapping[str, float]:
        """The most that a design may use, by name; `Scores.usage` has each of them."""
        ...

    def score(self, picks: np.ndarray) -> Scores:
        """The costs of N designs `picks` [P, N]."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class PartCosts:
    """One part (a chunk) of N designs: `cycles` [N], `runs` [N]; `traffic_bits` [N] and `usage` [limit, N] add up over parts."""

    cycles: np.ndarray
    traffic_bits: np.ndarray
    usage: np.ndarray
    runs: np.ndarray


class Decoupled(Problem, Protocol):
    """A problem of parts that share only limits: cost is the slowest part's, or the traffic of all over the bandwidth.

    The order of `limits` is that of `PartCosts.usage`.
    """

    @property
    def parts(self) -> Sequence[tuple[str, Choices]]:
        """Name and choices of each part; the problem's choices are these in a row."""
        ...

    @property
    def bandwidth_bits_per_cycle(self) -> float:
        """What all parts together move in a cycle; infinite where each has its own port."""
        ...

    def part_costs(self, place: int, picks: np.ndarray) -> PartCosts:
        """The costs of N designs of one part."""
        ...


def excess_of(usage: Mapping[str, np.ndarray], limits: Mapping[str, float], size: int) -> np.ndarray:
    """The largest relative excess of `size` designs over `limits`, [N]; infinite where something is used of which there is none."""
    worst: np.ndarray = np.zeros(size)
    for name, limit in limits.items():
        used = usage[name]
        over = used / limit - 1 if limit > 0 else np.where(used > 0, np.inf, 0.0)
        worst = np.maximum(worst, over)
    return worst
