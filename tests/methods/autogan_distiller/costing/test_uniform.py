from collections import Counter

import pytest

from netchip.errors import BudgetError
from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.table import cost_table
from netchip.methods.autogan_distiller.costing.uniform import nearly_uniform, uniform_architecture
from netchip.methods.autogan_distiller.space.presets import super_resolution, translation


def test_a_uniform_architecture_has_one_operator_and_one_share_of_width() -> None:
    table = cost_table(super_resolution(2, width=16, cells=2, layers=2), Macs(), (8, 8))
    smallest, largest = reach(table)
    budget = (smallest.cost + largest.cost) / 3
    found = uniform_architecture(table, budget)
    assert found is not None
    assert table.of(found) <= budget
    assert len({name for layer, name in found.operators.items() if layer.startswith("cell")}) == 1
    assert len({width for name, width in found.widths.items() if name == "first" or name.startswith("cell")}) == 1
    assert uniform_architecture(table, 1.0) is None


@pytest.mark.parametrize(
    ("space", "image"),
    [(super_resolution(2, width=16, cells=2, layers=2), (8, 8)), (translation(8, 3), (16, 16))],
    ids=["super_resolution", "translation"],
)
def test_nearly_uniform_networks_fill_the_budget_and_keep_their_operator_where_they_can(space, image) -> None:
    table = cost_table(space, Macs(), image)
    smallest, largest = reach(table)
    budget = (smallest.cost + largest.cost) / 3
    searched = [layer for layer in space.layers if len(layer.choices) > 1]
    offered = Counter(each.name for layer in searched for each in layer.choices)
    found = nearly_uniform(table, budget, least=0.8)
    assert 2 <= len(found) <= len(offered)
    kept = set()
    for each in found:
        assert 0.8 * budget <= table.of(each) <= budget
        taken = Counter(each.operators[layer.name] for layer in searched)
        kept |= {name for name, count in taken.items() if count == offered[name]}
    assert {"residual", "conv3x3"} <= kept


def test_nothing_is_nearly_uniform_where_nothing_is_that_cheap() -> None:
    table = cost_table(translation(8, 1), Macs(), (16, 16))
    with pytest.raises(BudgetError, match="no network of space"):
        nearly_uniform(table, 1.0, least=0.8)
