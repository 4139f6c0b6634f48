import pytest

from netchip.errors import BudgetError, RequestError
from netchip.methods.autogan_distiller.baselines.random_architectures import random_architectures
from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.measures import Macs
from netchip.methods.autogan_distiller.costing.table import CostTable, cost_table
from netchip.methods.autogan_distiller.space.operators import conv
from netchip.methods.autogan_distiller.space.presets import super_resolution, translation
from netchip.methods.autogan_distiller.space.space import Layer, Space


@pytest.fixture(scope="module")
def table() -> CostTable:
    return cost_table(super_resolution(2, width=16, cells=2, layers=2), Macs(), (16, 16))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_they_are_different_and_cost_what_is_allowed(table: CostTable, share: float) -> None:
    smallest, largest = reach(table)
    budget = smallest.cost + share * (largest.cost - smallest.cost)
    found = random_architectures(table, budget, count=6, seed=1)
    assert len({repr(each) for each in found}) == 6
    assert all(0.95 * budget <= table.of(each) <= budget for each in found)


def test_they_are_a_function_of_the_seed(table: CostTable) -> None:
    budget = reach(table)[1].cost / 2
    first = random_architectures(table, budget, count=2, seed=1)
    assert first == random_architectures(table, budget, count=2, seed=1)
    assert first != random_architectures(table, budget, count=2, seed=2)


def test_the_translation_space_has_them_too() -> None:
    table = cost_table(translation(8, 2), Macs(), (32, 32))
    budget = 0.3 * reach(table)[1].cost
    assert all(table.of(each) <= budget for each in random_architectures(table, budget, count=3, seed=1))


def test_what_cannot_be_had_is_refused(table: CostTable) -> None:
    smallest = reach(table)[0].cost
    with pytest.raises(BudgetError, match="no network of space"):
        random_architectures(table, smallest / 2, count=1, seed=1)
    two = Space("two", (Layer("inner", conv(3), (4, 8)), Layer("out", conv(1), 3)))
    with pytest.raises(RequestError, match="only 1 different networks of space 'two' were found between 95% and 100%"):
        random_architectures(cost_table(two, Macs(), (8, 8)), 3 * 8 * 9 * 64 + 8 * 3 * 64, count=2, seed=1)
