"""A space's networks of one operator and one share of width throughout: a baseline, and where a search may begin."""

from collections import Counter

import numpy as np

from netchip.methods.autogan_distiller.costing.exact import Found, best_filling
from netchip.methods.autogan_distiller.costing.stages import Scores
from netchip.methods.autogan_distiller.costing.table import CostTable
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.space import INPUT

_OPERATOR = 100.0  # what the wanted operator in one layer is worth, in places of one width


def uniform_architecture(table: CostTable, budget: float) -> Architecture | None:
    """The dearest network within `budget` that has one operator in all layers that offer it, and one place in every list of
    widths; None where no such network is that cheap.

    Layers without that operator take their first; of equal costs the first found stays.
    """
    dearest = [_dearest(table, budget, name) for name in _operators(table)]
    found = max((each for each in dearest if each is not None), key=lambda each: each.cost, default=None)
    return None if found is None else found.architecture


def nearly_uniform(table: CostTable, budget: float, *, least: float) -> list[Architecture]:
    """For every operator of the blocks, the network nearest to its dearest uniform one that costs `least` to 1 times
    `budget`, or as much as there is: widths, and where they do not suffice operators, leave a coarse grid's gaps filled.

    Raises `BudgetError` where nothing is that cheap.
    """
    found = [best_filling(table, _scores(table, budget, name), budget, least=least) for name in _operators(table)]
    return list({each.architecture.digest: each.architecture for each in found}.values())


def _operators(table: CostTable) -> tuple[str, ...]:
    """The choices that the most layers have: the blocks' operators, not the ways to enlarge."""
    lists = Counter(
        tuple(each.name for each in layer.choices) for layer in table.space.layers if len(layer.choices) > 1
    )
    return max(lists, key=lambda names: lists[names], default=("",))


def _dearest(table: CostTable, budget: float, operator: str) -> Found | None:
    space = table.space
    operators = {layer.name: _place(operator, [each.name for each in layer.choices]) for layer in space.layers}
    found: Found | None = None
    for place in range(max(len(given) for given in space.variables.values())):
        widths = {key: min(place, len(given) - 1) for key, given in space.variables.items() if key != INPUT}
        architecture = space.architecture(operators, widths)
        cost = table.of(architecture)
        if cost <= budget and (found is None or cost > found.cost):
            found = Found(architecture, cost, float(place))
    return found


def _scores(table: CostTable, budget: float, operator: str) -> Scores:
    """The wanted operator wherever it is offered, then widths as near as can be to the dearest uniform network's place."""
    uniform = _dearest(table, budget, operator)
    place = 0.0 if uniform is None else uniform.score
    operators = {
        layer.name: np.array([_OPERATOR * (each.name == operator) for each in layer.choices])
        for layer in table.space.layers
    }
    widths = {key: -((np.arange(len(given)) - place) ** 2) for key, given in table.space.variables.items()}
    return Scores(operators, widths)


def _place(name: str, names: list[str]) -> int:
    return names.index(name) if name in names else 0
