"""Who is heard, in which order, and who is taken, with a judge that is a plain function of the cost."""

import pytest

from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.spec import SearchSpec
from netchip.methods.autogan_distiller.stages.auditions import auditioned, by_quality


@pytest.fixture
def budget(toy) -> float:
    return 0.5 * sum(found.cost for found in reach(toy.table))


def heard(toy, budget: float, judge, given=(), **settings):
    return auditioned(toy.table, budget, given, judge, SearchSpec(**settings), seed=1)


def test_all_cost_what_they_may_and_nobody_is_heard_twice(toy, budget: float) -> None:
    asked: list[str] = []

    def judge(architecture: Architecture) -> float:
        asked.append(architecture.digest)
        return toy.table.of(architecture)

    found = heard(toy, budget, judge, drawn=4, neighbours=6, least_use=0.7)
    assert len(set(asked)) == len(asked) == len(found)
    assert [each.origin for each in found[:4]] == ["drawn"] * 4
    assert {each.origin for each in found[4:]} == {"neighbour"}
    for each in found:
        assert 0.7 * budget <= each.found.cost <= budget
        assert each.found.score == each.found.cost == toy.table.of(each.found.architecture)
    best = by_quality(found)
    assert best[0].found.score == max(each.found.score for each in found)
    again = heard(toy, budget, judge, drawn=4, neighbours=6, least_use=0.7)
    assert again == found


def choices(architecture: Architecture) -> dict[str, object]:
    return {f"operator {name}": each for name, each in architecture.operators.items()} | dict(architecture.widths)


def test_each_neighbour_is_one_of_the_three_best_so_far(toy, budget: float) -> None:
    def judge(architecture: Architecture) -> float:
        return -abs(toy.table.of(architecture) - 0.8 * budget)

    found = heard(toy, budget, judge, drawn=8, neighbours=8, least_use=0.3)
    assert len(found) > 8
    for index, each in enumerate(found[8:], start=8):
        best = by_quality(found[:index])[:3]
        mine = choices(each.found.architecture)
        apart = [
            sum(mine[name] != value for name, value in choices(other.found.architecture).items()) for other in best
        ]
        assert min(apart) <= 3


def test_what_uses_little_of_the_budget_or_exceeds_it_is_not_heard_where_there_are_others(toy) -> None:
    smallest, largest = (found.architecture for found in reach(toy.table))
    dearest = toy.table.of(largest)
    alone = heard(toy, dearest, toy.table.of, [smallest], drawn=0, neighbours=0)
    assert [each.found.architecture for each in alone] == [smallest]
    both = heard(toy, dearest, toy.table.of, [smallest, largest], drawn=0, neighbours=0)
    assert [(each.found.architecture, each.origin) for each in both] == [(largest, "logits")]
    within = heard(toy, toy.table.of(smallest), toy.table.of, [smallest, largest], drawn=0, neighbours=0)
    assert [each.found.architecture for each in within] == [smallest]
