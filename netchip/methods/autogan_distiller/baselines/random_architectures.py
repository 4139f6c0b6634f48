"""Random networks of a space within a budget and close to it: what a search is worth is seen against these."""

import numpy as np

from netchip.data.streams import random_words
from netchip.errors import RequestError
from netchip.methods.autogan_distiller.costing.exact import require_reachable
from netchip.methods.autogan_distiller.costing.table import CostTable
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.space import INPUT, Space

TOLERANCE = 0.05
_MOST_MOVES = 20_000


def random_architectures(
    table: CostTable, budget: float, *, count: int, seed: int, tolerance: float = TOLERANCE
) -> tuple[Architecture, ...]:
    """`count` different architectures whose cost lies within `tolerance` below `budget`; a pure function of its arguments.

    Each starts with every choice drawn uniformly. While it is off, one random choice at a time is drawn anew and kept where the
    cost comes closer to the window. Raises `BudgetError` for a budget below the smallest network, `RequestError` where there
    are too few networks of that cost.
    """
    require_reachable(table, budget)
    found: dict[str, Architecture] = {}
    for attempt in range(20 * count):
        architecture = _walked(table, budget, tolerance, seed, attempt)
        if architecture is not None:
            found.setdefault(repr(architecture.to_json()), architecture)
        if len(found) == count:
            return tuple(found.values())
    raise RequestError(
        f"only {len(found)} different networks of space {table.space.name!r} were found between {1 - tolerance:.0%} and 100% of "
        f"{table.measure.written(budget)}; ask for fewer, or allow more"
    )


def _walked(table: CostTable, budget: float, tolerance: float, seed: int, attempt: int) -> Architecture | None:
    sizes = _choices(table.space)
    words = random_words(len(sizes) + 2 * _MOST_MOVES, seed, attempt)
    places = {
        name: int(word % size) for (name, size), word in zip(sizes.items(), words[: len(sizes)].tolist(), strict=True)
    }
    cost = _cost(table, places)
    names = list(sizes)
    for which, word in words[len(sizes) :].reshape(-1, 2).tolist():
        if (1 - tolerance) * budget <= cost <= budget:
            return _architecture(table.space, places)
        name = names[which % len(names)]
        moved = places | {name: int(word % sizes[name])}
        moved_cost = _cost(table, moved)
        if _distance(moved_cost, budget, tolerance) < _distance(cost, budget, tolerance):
            places, cost = moved, moved_cost
    return None


def _distance(cost: float, budget: float, tolerance: float) -> float:
    """From the window [(1 - tolerance) budget, budget], relative."""
    return max(cost / budget - 1, 1 - tolerance - cost / budget, 0.0)


def _choices(space: Space) -> dict[tuple[str, str], int]:
    """How many options each choice has: ("operator", layer) and ("width", variable)."""
    operators = {("operator", layer.name): len(layer.choices) for layer in space.layers}
    widths = {("width", name): len(given) for name, given in space.variables.items() if name != INPUT}
    return {name: size for name, size in (operators | widths).items() if size > 1}


def _architecture(space: Space, places: dict[tuple[str, str], int]) -> Architecture:
    operators = {name: place for (kind, name), place in places.items() if kind == "operator"}
    widths = {name: place for (kind, name), place in places.items() if kind == "width"}
    return space.architecture(operators, widths)


def _cost(table: CostTable, places: dict[tuple[str, str], int]) -> float:
    total = 0.0
    for each in table.layers:
        index = (places.get(("operator", each.layer), 0), *(places.get(("width", name), 0) for name in each.variables))
        total += float(np.asarray(each.costs)[index])
    return total
