"""A cost table as a path: layer by layer, from the widths that are still needed before a layer to those needed after it.

For a chain that state is one width. A width shared by a residual group, or read again by a skip connection, stays in the state
until its last reader, so that the path is exact for these spaces too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from netchip.methods.autogan_distiller.costing.table import CostTable, LayerCosts
from netchip.methods.autogan_distiller.space.space import INPUT


@dataclass(frozen=True, eq=False)
class Scores:
    """How good each choice is: of operators [K] by layer, of widths by variable; they add up. What is missing scores 0."""

    operators: Mapping[str, np.ndarray]
    widths: Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Stage:
    """One layer's edges, sorted by the state they leave: `before` and `after` are states, `operator` and `places` the choice.

    `places` [edges, variables] are the indices of the widths of `variables` on each edge. `first` [states + 1] is where the edges
    of each state begin.
    """

    layer: str
    variables: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    operator: np.ndarray
    places: np.ndarray
    cost: np.ndarray
    score: np.ndarray
    first: np.ndarray

    @property
    def states(self) -> int:
        """How many states there are before the layer."""
        return len(self.first) - 1


def stages(table: CostTable, scores: Scores, *, all_edges: bool = False) -> tuple[Stage, ...]:
    """The stages of a table, in the order of its layers; the first and the last have one state outside.

    Operators that another one beats in cost and score at the same widths are left out, unless `all_edges` are wanted.
    """
    counts = {name: len(widths) for name, widths in table.space.variables.items()}
    last = {name: index for index, each in enumerate(table.layers) for name in each.variables}
    live: tuple[str, ...] = (INPUT,)
    made: list[Stage] = []
    for index, each in enumerate(table.layers):
        known = tuple(dict.fromkeys((*live, *each.variables)))
        after = tuple(name for name in known if last.get(name, -1) > index)
        made.append(_stage(each, scores, counts, live, known, after, all_edges))
        live = after
    return tuple(made)


def _stage(
    each: LayerCosts,
    scores: Scores,
    counts: Mapping[str, int],
    live: tuple[str, ...],
    known: tuple[str, ...],
    after: tuple[str, ...],
    all_edges: bool,
) -> Stage:
    sizes = [counts[name] for name in known]
    grid = np.indices(sizes).reshape(len(known), -1)
    place = dict(zip(known, grid, strict=True))
    options = each.costs.shape[0]
    cost = each.costs[(slice(None), *(place[name] for name in each.variables))]
    gained = np.zeros(grid.shape[1])
    for name in known:
        if name not in live:
            gained = gained + scores.widths.get(name, np.zeros(counts[name]))[place[name]]
    score = scores.operators.get(each.layer, np.zeros(options))[:, None] + gained
    keep = np.ones(cost.shape, dtype=bool) if all_edges else ~_beaten(cost, score)
    operator, column = np.nonzero(keep)
    before = _state(live, place, counts, grid.shape[1])[column]
    order = np.lexsort((operator, column, before))
    operator, column, before = operator[order], column[order], before[order]
    states = int(np.prod([counts[name] for name in live], dtype=np.int64))
    return Stage(
        layer=each.layer,
        variables=known,
        before=before,
        after=_state(after, place, counts, grid.shape[1])[column],
        operator=operator,
        places=grid[:, column].T,
        cost=cost[operator, column],
        score=score[operator, column],
        first=np.searchsorted(before, np.arange(states + 1)),
    )


def _state(names: tuple[str, ...], place: Mapping[str, np.ndarray], counts: Mapping[str, int], size: int) -> np.ndarray:
    state = np.zeros(size, dtype=np.int64)
    for name in names:
        state = state * counts[name] + place[name]
    return state


def _beaten(cost: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Operators [K, choices of widths] that another one is no worse than in cost and score; of equals the first stays."""
    options = cost.shape[0]
    beaten = np.zeros(cost.shape, dtype=bool)
    for one in range(options):
        for other in range(options):
            if one != other:
                no_worse = (cost[other] <= cost[one]) & (score[other] >= score[one])
                better = (cost[other] < cost[one]) | (score[other] > score[one])
                beaten[one] |= no_worse & (better | (other < one))
    return beaten
