"""Networks that differ from a given one in a choice or two, for about the same cost: where a search looks further."""

import numpy as np

from netchip.methods.autogan_distiller.costing.exact import Found
from netchip.methods.autogan_distiller.costing.table import CostTable
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.space.space import INPUT

_TRIES = 2_000
_MOST_CHANGES = 3


def neighbour(
    table: CostTable, architecture: Architecture, budget: float, rng: np.random.Generator, *, least: float = 0.8
) -> Found | None:
    """`architecture` with one to three of its choices drawn anew, that costs `least` to 1 times `budget`; scored 0.

    None where no such network came up in many tries.
    """
    free = _free(table)
    for _ in range(_TRIES if free else 0):
        count = min(len(free), int(rng.integers(1, _MOST_CHANGES + 1)))
        changed = _changed(table, architecture, [free[index] for index in rng.permutation(len(free))[:count]], rng)
        cost = table.of(changed)
        if changed != architecture and least * budget <= cost <= budget:
            return Found(changed, cost, 0.0)
    return None


def _free(table: CostTable) -> list[tuple[str, str]]:
    """What there is to choose: ("operator", layer) and ("width", variable)."""
    operators = [("operator", layer.name) for layer in table.space.layers if len(layer.choices) > 1]
    widths = [("width", name) for name, given in table.space.variables.items() if name != INPUT and len(given) > 1]
    return operators + widths


def _changed(
    table: CostTable, architecture: Architecture, choices: list[tuple[str, str]], rng: np.random.Generator
) -> Architecture:
    operators, widths = dict(architecture.operators), dict(architecture.widths)
    names = {layer.name: [each.name for each in layer.choices] for layer in table.space.layers}
    for kind, name in choices:
        if kind == "operator":
            operators[name] = names[name][int(rng.integers(len(names[name])))]
        else:
            given = table.space.variables[name]
            widths[name] = given[int(rng.integers(len(given)))]
    return Architecture(architecture.space, operators, widths)
