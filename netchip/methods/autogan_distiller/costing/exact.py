"""The best architecture within a budget, exactly: labels of (cost, score) along the stages, kept where none beats them.

Every label is held against two bounds: the least cost that is still to come, and the best score that is still possible by
Lagrange multipliers (Handler and Zang, Networks 10, 1980: the shortest path problem with a knapsack constraint). These also
give a first architecture within the budget, nearly always the best; the labels prove that it is, or find a better one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from netchip.errors import BudgetError, RequestError
from netchip.methods.autogan_distiller.costing.stages import Scores, Stage, stages
from netchip.methods.autogan_distiller.costing.table import CostTable
from netchip.methods.autogan_distiller.space.architecture import Architecture

_MOST_LABELS = 2_000_000
_MOST_MULTIPLIERS = 60
_PARTS = 500
_SLACK = 1e-9


@dataclass(frozen=True)
class Found:
    """An architecture with its cost and its score."""

    architecture: Architecture
    cost: float
    score: float


def reach(table: CostTable) -> tuple[Found, Found]:
    """The cheapest architecture of a space and the dearest."""
    return _extreme(table, 1.0), _extreme(table, -1.0)


def require_reachable(table: CostTable, budget: float) -> None:
    """Raises `BudgetError`, with the smallest and the largest of the space, where no architecture meets `budget`."""
    smallest, largest = reach(table)
    if budget < smallest.cost:
        write, (height, width) = table.measure.written, table.image
        raise BudgetError(
            f"{table.measure.name} = {write(budget)}: no network of space {table.space.name!r} at {height}x{width} "
            f"is that small; it reaches from {write(smallest.cost)} to {write(largest.cost)}. Allow more, or take a space with "
            "narrower widths"
        )


def best(table: CostTable, scores: Scores, budget: float) -> Found:
    """The architecture of the highest total score whose cost is at most `budget`; of equal ones the cheapest, then the first.

    Raises `BudgetError` where none is that cheap.
    """
    require_reachable(table, budget)
    path = stages(table, scores)
    bounds, floor = _multipliers(path, budget)
    return _all_found(table, path, _labels(path, budget, bounds, floor))[-1]


def best_filling(table: CostTable, scores: Scores, budget: float, *, least: float = 0.9) -> Found:
    """The network of the highest score that makes use of the budget: it costs `least` to 1 times as much.

    A search that has not settled leaves a budget unused, since its pressure to be cheap works on all choices before its loss has
    told them apart. The budget is kept exactly; of ways to one state whose costs differ by less than a part of the budget
    (a `_PARTS`th) only the best scored is followed. What `best` finds is returned where it costs enough, or where nothing does.
    """
    found = best(table, scores, budget)
    if found.cost >= least * budget:
        return found
    path = stages(table, scores, all_edges=True)
    fewest, most = _bound(path, 1.0, 0.0), _bound(path, -1.0, 0.0)
    none = np.zeros(1, dtype=np.int64)
    history = [_Labels(none, np.zeros(1), np.zeros(1), none, none)]
    for index, stage in enumerate(path, start=1):
        labels = _extended(history[-1], stage)
        reached = labels.cost + most.values[index][labels.state] >= least * budget * (1 - _SLACK)
        keep = reached & (labels.cost - fewest.values[index][labels.state] <= budget * (1 + _SLACK))
        if index == len(path):
            keep &= (labels.cost <= budget) & (labels.cost >= least * budget)
        history.append(_thinned(_chosen(labels, np.flatnonzero(keep)), budget / _PARTS))
    filling = _all_found(table, path, history)
    return max(filling, key=lambda each: each.score) if filling else found


def front(table: CostTable, scores: Scores) -> tuple[Found, ...]:
    """Every architecture that none beats in both cost and score, by ascending cost.

    Raises `RequestError` where there are too many: then ask `best` for the budgets of interest.
    """
    path = stages(table, scores)
    return _all_found(table, path, _labels(path, np.inf, (), -np.inf))


def _all_found(table: CostTable, path: Sequence[Stage], history: "list[_Labels]") -> tuple[Found, ...]:
    final = history[-1]
    return tuple(
        Found(architecture_of(table, path, _edges(history, index)), float(final.cost[index]), float(final.score[index]))
        for index in range(len(final.cost))
    )


# Bounds ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Bound:
    """The best of score - multiplier x cost that is still to come, by stage and state; `values[0][0]` is that of a whole path."""

    multiplier: float
    values: list[np.ndarray]


def _bound(path: Sequence[Stage], multiplier: float, share: float = 1.0) -> _Bound:
    """`share` times the scores; with 0 and a multiplier of 1 the least cost to come, negated."""
    values = [np.zeros(1)]
    for stage in reversed(path):
        gain = share * stage.score - multiplier * stage.cost + values[0][stage.after]
        values.insert(0, np.maximum.reduceat(gain, stage.first[:-1]))
    return _Bound(multiplier, values)


def _path(path: Sequence[Stage], bound: _Bound, share: float = 1.0) -> tuple[float, float, list[int]]:
    """Cost, score and edges of the path that reaches a bound."""
    state, cost, score, edges = 0, 0.0, 0.0, []
    for stage, rest in zip(path, bound.values[1:], strict=True):
        own = slice(stage.first[state], stage.first[state + 1])
        gain = share * stage.score[own] - bound.multiplier * stage.cost[own] + rest[stage.after[own]]
        edge = int(stage.first[state]) + int(gain.argmax())
        edges.append(edge)
        cost, score, state = cost + float(stage.cost[edge]), score + float(stage.score[edge]), int(stage.after[edge])
    return cost, score, edges


def _multipliers(path: Sequence[Stage], budget: float) -> tuple[list[_Bound], float]:
    """Bounds at the multipliers on the way to the tightest one, and the best score of a path within the budget on that way."""
    least = _bound(path, 1.0, 0.0)
    within = _path(path, least, 0.0)
    bounds = [_bound(path, 0.0)]
    over = _path(path, bounds[0])
    if over[0] <= budget:
        return bounds, over[1]
    floor = within[1]
    for _ in range(_MOST_MULTIPLIERS):
        if over[1] <= within[1]:
            break
        bound = _bound(path, (over[1] - within[1]) / (over[0] - within[0]))
        bounds.append(bound)
        found = _path(path, bound)
        ahead = found[1] - bound.multiplier * found[0] - (over[1] - bound.multiplier * over[0])
        if found[0] <= budget:
            floor = max(floor, found[1])
        if ahead <= _SLACK * (1 + abs(over[1])):
            break
        over, within = (over, found) if found[0] <= budget else (found, within)
    return bounds, floor


# Labels ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Labels:
    """Ways to reach the states of a stage: each the edge it came by and the label it came from, one stage before."""

    state: np.ndarray
    cost: np.ndarray
    score: np.ndarray
    parent: np.ndarray
    edge: np.ndarray


def _labels(path: Sequence[Stage], budget: float, bounds: Sequence[_Bound], floor: float) -> list[_Labels]:
    """The labels of every stage; those of the last are all that none beats, by ascending cost."""
    none = np.zeros(1, dtype=np.int64)
    history = [_Labels(none, np.zeros(1), np.zeros(1), none, none)]
    least = _bound(path, 1.0, 0.0)
    for index, stage in enumerate(path, start=1):
        labels = _extended(history[-1], stage)
        keep = labels.cost - least.values[index][labels.state] <= budget * (1 + _SLACK)
        for bound in bounds:
            possible = labels.score - bound.multiplier * (labels.cost - budget) + bound.values[index][labels.state]
            keep &= possible >= floor - _SLACK * (1 + abs(floor))
        if index == len(path):
            keep &= labels.cost <= budget
        labels = _unbeaten(_chosen(labels, np.flatnonzero(keep)))
        if len(labels.cost) > _MOST_LABELS:
            raise RequestError(
                f"after {stage.layer!r} there are {len(labels.cost)} networks that none beats; ask for the best within a budget, "
                "or take a smaller space"
            )
        history.append(labels)
    return history


def _extended(labels: _Labels, stage: Stage) -> _Labels:
    """Every label along every edge of its state."""
    begin, count = stage.first[labels.state], np.diff(stage.first)[labels.state]
    parent = np.repeat(np.arange(len(labels.state)), count)
    inside = np.arange(len(parent)) - np.repeat(np.cumsum(count) - count, count)
    edge = np.repeat(begin, count) + inside
    return _Labels(
        stage.after[edge],
        labels.cost[parent] + stage.cost[edge],
        labels.score[parent] + stage.score[edge],
        parent,
        edge,
    )


def _unbeaten(labels: _Labels) -> _Labels:
    """Of each state, the labels that no cheaper or equal one reaches in score, by ascending cost; of equals the first."""
    order = np.lexsort((-labels.score, labels.cost, labels.state))
    sorted_labels = _chosen(labels, order)
    _, rank = np.unique(sorted_labels.score, return_inverse=True)
    key = sorted_labels.state * (len(order) + 1) + rank + 1
    best_before = np.concatenate(([0], np.maximum.accumulate(key)[:-1])) if len(key) else key
    return _chosen(sorted_labels, np.flatnonzero(key > best_before))


def _thinned(labels: _Labels, width: float) -> _Labels:
    """Of each state and each stretch of cost of that `width`, the label with the best score."""
    stretch = np.floor(labels.cost / width).astype(np.int64)
    order = np.lexsort((labels.cost, -labels.score, stretch, labels.state))
    state, stretch = labels.state[order], stretch[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (state[1:] != state[:-1]) | (stretch[1:] != stretch[:-1])
    return _chosen(labels, order[first])


def _chosen(labels: _Labels, index: np.ndarray) -> _Labels:
    return _Labels(
        labels.state[index], labels.cost[index], labels.score[index], labels.parent[index], labels.edge[index]
    )


def _edges(history: Sequence[_Labels], index: int) -> list[int]:
    """The edges that lead to the label `index` of the last stage."""
    edges: list[int] = []
    for labels in reversed(history[1:]):
        edges.append(int(labels.edge[index]))
        index = int(labels.parent[index])
    return edges[::-1]


def architecture_of(table: CostTable, path: Sequence[Stage], edges: Sequence[int]) -> Architecture:
    """The architecture that a path's edges choose."""
    operators: dict[str, int] = {}
    widths: dict[str, int] = {}
    for stage, edge in zip(path, edges, strict=True):
        operators[stage.layer] = int(stage.operator[edge])
        for name, place in zip(stage.variables, stage.places[edge], strict=True):
            widths.setdefault(name, int(place))
    return table.space.architecture(operators, widths)


def _extreme(table: CostTable, sign: float) -> Found:
    """The cheapest (sign 1) or dearest (sign -1) architecture."""
    ends = Scores({each.layer: np.zeros(each.costs.shape[0]) for each in table.layers}, {})
    path = stages(table, ends) if sign > 0 else stages(_negated(table), ends)
    cost, _, edges = _path(path, _bound(path, 1.0, 0.0), 0.0)
    return Found(architecture_of(table, path, edges), sign * cost, 0.0)


def _negated(table: CostTable) -> CostTable:
    return replace(table, layers=tuple(replace(each, costs=-each.costs) for each in table.layers))
