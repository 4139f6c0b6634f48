"""Networks drawn at random around a cost: each with a chance in proportion to exp(-tilt x cost), exactly, along the stages."""

import numpy as np

from netchip.methods.autogan_distiller.costing.exact import Found, architecture_of
from netchip.methods.autogan_distiller.costing.stages import Scores, Stage, stages
from netchip.methods.autogan_distiller.costing.table import CostTable

_HALVINGS = 60


class Sampler:
    """Draws networks of `table`; the tilt is such that their mean cost is `mean`, or as near as any tilt brings it."""

    def __init__(self, table: CostTable, mean: float) -> None:
        self._table = table
        self._path = stages(table, Scores({}, {}), all_edges=True)
        self._unit = max(float(sum(each.costs.max() for each in table.layers)), 1e-30)
        self.tilt = self._tilt(mean / self._unit)
        self._rest = self._sums(self.tilt)

    def draw(self, rng: np.random.Generator) -> Found:
        """One network, with its cost; scored 0."""
        state, cost, edges = 0, 0.0, []
        for stage, rest in zip(self._path, self._rest[1:], strict=True):
            first, last = stage.first[state], stage.first[state + 1]
            weight = -self.tilt * stage.cost[first:last] / self._unit + rest[stage.after[first:last]]
            chance = np.exp(weight - weight.max())
            edge = int(first) + int(rng.choice(len(chance), p=chance / chance.sum()))
            edges.append(edge)
            cost, state = cost + float(stage.cost[edge]), int(stage.after[edge])
        return Found(architecture_of(self._table, self._path, edges), cost, 0.0)

    def even(self, cost: float, low: float, high: float) -> float:
        """The chance to keep a network of this cost, so that all between `low` and `high` become equally likely."""
        rarest = high if self.tilt > 0 else low
        return float(np.exp(self.tilt * (cost - rarest) / self._unit))

    def _sums(self, tilt: float) -> list[np.ndarray]:
        """The logarithm of the sum of exp(-tilt cost) over all ways from a state to the end, by stage and state."""
        sums = [np.zeros(1)]
        for stage in reversed(self._path):
            sums.insert(0, _log_sums(-tilt * stage.cost / self._unit + sums[0][stage.after], stage))
        return sums

    def _mean(self, tilt: float) -> float:
        """The mean cost under a tilt: the slope of the logarithm of the whole sum, summed up edge by edge."""
        sums, chance, mean = self._sums(tilt), np.ones(1), 0.0
        for stage, here, rest in zip(self._path, sums, sums[1:], strict=False):
            weight = -tilt * stage.cost / self._unit + rest[stage.after] - here[stage.before]
            flow = chance[stage.before] * np.exp(weight)
            mean += float(flow @ stage.cost) / self._unit
            chance = np.bincount(stage.after, flow, minlength=len(rest))
        return mean

    def _tilt(self, mean: float) -> float:
        low, high = -1e4, 1e4  # the mean falls with the tilt
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._mean(middle) > mean else (low, middle)
        return (low + high) / 2


def _log_sums(weight: np.ndarray, stage: Stage) -> np.ndarray:
    """log sum exp over the edges of each state."""
    first = stage.first[:-1]
    top = np.maximum.reduceat(weight, first)
    return top + np.log(np.add.reduceat(np.exp(weight - top[stage.before]), first))
