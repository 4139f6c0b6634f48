"""One size for the whole network: which share of its rows each weight loses so that the total fits, at the least error.

factored = meet(weights, tilings, parse_target("12x"))
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch import Tensor

from netchip.errors import BudgetError, ConfigError
from netchip.methods.smart_exchange.decomposition.decompose import USUAL, Settings, decompose_traced
from netchip.methods.smart_exchange.decomposition.factored import Factored
from netchip.methods.smart_exchange.decomposition.ladder import Ladder, Loss, ladder_of
from netchip.methods.smart_exchange.decomposition.sparsity import without_share
from netchip.methods.smart_exchange.decomposition.target import Target
from netchip.methods.smart_exchange.decomposition.tiling import Tiling
from netchip.methods.smart_exchange.packing.sizes import Counts, predicted_size
from netchip.units import BITS_PER_BYTE

_ATTEMPTS = 8  # searches, each with a smaller allowance, until the real size fits


@dataclass(frozen=True)
class Rest:
    """What is stored as it is beside the packed weights and counts too: so many `weights` in `bits` bits."""

    weights: int = 0
    bits: int = 0


@dataclass(frozen=True)
class Choice:
    """The share of rows that each weight loses, by name, and what that is predicted to take: bits, or rows that stay."""

    shares: Mapping[str, float]
    predicted: float


def choose(ladders: Sequence[Ladder], target: Target, rest: Rest = Rest(), *, allowance: float | None = None) -> Choice:
    """The shares at which all ladders together fit the target, the cheapest steps first: greedy on their convex hulls.

    `allowance`: bits (or rows) other than the target's. Raises `BudgetError`, with the nearest size that can be reached.
    """
    if not ladders:
        raise ConfigError(f"target = {target.written!r}: there is no weight to choose rows of")
    weights, rows = sum(each.weights for each in ladders) + rest.weights, sum(each.all_rows for each in ladders)
    most = target.most(weights, rows) if allowance is None else allowance
    costs = [(each.rows if target.of_rows else each.bits).astype(np.float64) for each in ladders]
    rungs = [0] * len(ladders)
    total = sum(float(cost[0]) for cost in costs) + (0 if target.of_rows else rest.bits)
    for _, index, start, end in _steps(ladders, costs):
        if total <= most:
            break
        within = costs[index][start : end + 1]
        enough = np.flatnonzero(total - within[0] + within <= most)
        rungs[index] = start + (int(enough[0]) if len(enough) else end - start)
        total += float(costs[index][rungs[index]] - within[0])
    if total > most:
        nearest = target.said(total, weights, rows)
        raise BudgetError(
            f"target {target.written} cannot be reached: the nearest is {nearest}, with as many rows removed as may be;"
            " ask for that, take fewer bits, or allow more rows to go"
        )
    return Choice({each.name: float(each.shares[rung]) for each, rung in zip(ladders, rungs, strict=True)}, total)


def _steps(ladders: Sequence[Ladder], costs: Sequence[np.ndarray]) -> list[tuple[float, int, int, int]]:
    """All steps of all hulls, (error a unit saved, ladder, rung, next rung), the cheapest first."""
    steps = []
    for index, (ladder, cost) in enumerate(zip(ladders, costs, strict=True)):
        for start, end in pairwise(_hull(cost, ladder.errors)):
            slope = (ladder.errors[end] - ladder.errors[start]) / (cost[start] - cost[end])
            steps.append((float(slope), index, start, end))
    return sorted(steps)


def _hull(cost: np.ndarray, errors: np.ndarray) -> list[int]:
    """Rungs on the lower convex hull of error against what is saved; the first rung is one of them."""
    hull = [0]
    for rung in range(1, len(cost)):
        if cost[rung] >= cost[hull[-1]]:
            continue
        while len(hull) > 1 and _above(cost, errors, hull[-2], hull[-1], rung):
            hull.pop()
        hull.append(rung)
    return hull


def _above(cost: np.ndarray, errors: np.ndarray, first: int, middle: int, last: int) -> bool:
    """Whether the middle point lies on or above the line between the others."""
    rise = (errors[last] - errors[first]) * (cost[first] - cost[middle])
    return (errors[middle] - errors[first]) * (cost[first] - cost[last]) >= rise


def meet(
    weights: Mapping[str, Tensor],
    tilings: Mapping[str, Tiling],
    target: Target,
    *,
    settings: Settings = USUAL,
    group: int = 1,
    most: float = 0.95,
    by_hand: Mapping[str, float] | None = None,
    rest: Rest = Rest(),
    loss: Loss | None = None,
) -> dict[str, Factored]:
    """All `weights` decomposed, so much of their rows removed that what is really stored fits the target, whole bytes counted.

    `most`: of the rows of any weight that may go; `by_hand`: shares that are set, by name; `loss` puts a loss in the place of the
    error of the weights. A mapping that loads weights when asked is asked for one at a time. Raises `BudgetError` for a target
    that cannot be met, `ConfigError` for a name by hand that is no weight.
    """
    by_hand = by_hand or {}
    if unknown := sorted(set(by_hand) - set(tilings)):
        raise ConfigError(f"rows by hand of {', '.join(unknown)}: no such weight; there are {', '.join(tilings)}")
    ladders = [
        ladder_of(
            name, weights[name], tiling, settings=settings, group=group, most=most, share=by_hand.get(name), loss=loss
        )
        for name, tiling in tilings.items()
    ]
    return _met(weights, tilings, ladders, target, rest, settings, group)


def _met(
    weights: Mapping[str, Tensor],
    tilings: Mapping[str, Tiling],
    ladders: Sequence[Ladder],
    target: Target,
    rest: Rest,
    settings: Settings,
    group: int,
) -> dict[str, Factored]:
    """Chooses and decomposes until the real size fits; weights whose share stays are not decomposed again."""
    count, rows = sum(each.weights for each in ladders) + rest.weights, sum(each.all_rows for each in ladders)
    most = allowance = target.most(count, rows)
    shares: Mapping[str, float] = {}
    found: dict[str, Factored] = {}
    real = 0.0
    for _ in range(_ATTEMPTS):
        choice = choose(ladders, target, rest, allowance=allowance)
        for name, share in choice.shares.items():
            if shares.get(name) != share:
                mask = without_share(weights[name], tilings[name], share, group=group)
                found[name] = _decomposed(weights[name], tilings[name], settings, mask.kept, name)
        shares = choice.shares
        real = size_of(found.values(), target, rest)
        if real <= most:
            return found
        allowance = min(allowance, choice.predicted) - 1.1 * (real - most)
    nearest = target.said(real, count, rows)
    raise BudgetError(
        f"target {target.written} was not met: the nearest found is {nearest}; ask for that or a little more"
    )


def _decomposed(weight: Tensor, tiling: Tiling, settings: Settings, row_mask: Tensor, name: str) -> Factored:
    """`decompose` with settings as a value."""
    return decompose_traced(weight, tiling, settings, row_mask=row_mask, name=name)[0]


def size_of(found: Iterable[Factored], target: Target, rest: Rest = Rest()) -> float:
    """What is really stored, in the target's measure: bits, or rows that stay."""
    if target.of_rows:
        return float(sum(int(each.kept_rows.sum()) for each in found))
    return float(sum(predicted_size(Counts.of(each)).bytes * BITS_PER_BYTE for each in found) + rest.bits)
