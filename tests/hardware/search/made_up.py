"""Problems with made-up costs, small enough to try every design."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from netchip.hardware.choices import Choice, Choices, side_by_side
from netchip.hardware.search.problem import PartCosts, Scores, excess_of


@dataclass(frozen=True, eq=False)
class MadeUp:
    """Parts of one choice each; `cycles`, `traffic` and `usage` of every option are given."""

    cycles: Sequence[np.ndarray]
    traffic: Sequence[np.ndarray]
    usage: Sequence[np.ndarray]
    limits: Mapping[str, float]
    bandwidth_bits_per_cycle: float = float("inf")
    broken: Sequence[np.ndarray] = field(default=())

    @property
    def parts(self) -> tuple[tuple[str, Choices], ...]:
        return tuple(
            (f"part{place}", Choices((Choice("option", tuple(map(float, range(len(each))))),)))
            for place, each in enumerate(self.cycles)
        )

    @property
    def choices(self) -> Choices:
        return side_by_side(self.parts)

    def part_costs(self, place: int, picks: np.ndarray) -> PartCosts:
        at = picks[0]
        runs = ~self.broken[place][at] if self.broken else at >= 0
        return PartCosts(
            cycles=self.cycles[place][at],
            traffic_bits=self.traffic[place][at],
            usage=self.usage[place][:, at],
            runs=runs,
        )

    def score(self, picks: np.ndarray) -> Scores:
        parts = [self.part_costs(place, picks[place : place + 1]) for place in range(len(self.cycles))]
        total = np.sum([part.usage for part in parts], axis=0)
        usage = {name: total[row] for row, name in enumerate(self.limits)}
        traffic = np.sum([part.traffic_bits for part in parts], axis=0)
        cost = np.maximum(np.max([part.cycles for part in parts], axis=0), traffic / self.bandwidth_bits_per_cycle)
        runs = np.all([part.runs for part in parts], axis=0)
        return Scores(
            cost=np.where(runs, cost, np.inf),
            excess=np.where(runs, excess_of(usage, self.limits, picks.shape[1]), np.inf),
            usage=usage,
        )

    def everything(self) -> np.ndarray:
        return np.array(list(itertools.product(*(range(len(each)) for each in self.cycles)))).T


def made_up(seed: int, *, parts: int = 3, options: int = 6, limits: int = 2, bandwidth: float | None = None) -> MadeUp:
    random = np.random.default_rng(seed)
    draw = lambda *size: random.integers(1, 12, size).astype(float)  # noqa: E731
    return MadeUp(
        cycles=[draw(options) for _ in range(parts)],
        traffic=[draw(options) for _ in range(parts)],
        usage=[draw(limits, options) for _ in range(parts)],
        limits={f"limit{place}": float(random.integers(2 * parts, 8 * parts)) for place in range(limits)},
        bandwidth_bits_per_cycle=float("inf") if bandwidth is None else bandwidth,
        broken=[random.random(options) < 0.1 for _ in range(parts)],
    )
