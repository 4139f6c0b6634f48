"""Who is heard, in which order, and who is taken, with a judge that is a plain function of the cost."""

import pytest

from netchip.methods.autogan_distiller.costing.exact import reach
from netchip.methods.autogan_distiller.costing.uniform import nearly_uniform
from netchip.methods.autogan_distiller.space.architecture import Architecture
from netchip.methods.autogan_distiller.spec import SearchSpec
from netchip.methods.autogan_distiller.stages.auditions import auditioned, by_quality


def costs(toy):
    return lambda architecture, epochs: toy.table.of(architecture)


@pytest.fixture
def budget(toy) -> float:
    return 0.5 * sum(found.cost for found in reach(toy.table))


def heard(toy, budget: float, judge, given=(), *, finalists: int = 0, **settings):
    settings = {"uniform": False} | settings | {"finalists": finalists}
    return auditioned(toy.table, budget, given, judge, SearchSpec(**settings), seed=1)


def test_all_cost_what_they_may_and_nobody_is_heard_twice(toy, budget: float) -> None:
    asked: list[str] = []

    def judge(architecture: Architecture, epochs: int) -> float:
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


def test_uniform_networks_are_heard_before_random_ones(toy, budget: float) -> None:
    found = heard(toy, budget, costs(toy), uniform=True, drawn=2, neighbours=0, least_use=0.7)
    uniform = nearly_uniform(toy.table, budget, least=0.9)
    assert [each.found.architecture for each in found[: len(uniform)]] == uniform
    assert [each.origin for each in found] == ["uniform"] * len(uniform) + ["drawn"] * (len(found) - len(uniform))
    assert len(found) > len(uniform)


def choices(architecture: Architecture) -> dict[str, object]:
    return {f"operator {name}": each for name, each in architecture.operators.items()} | dict(architecture.widths)


def test_each_neighbour_is_one_of_the_three_best_so_far(toy, budget: float) -> None:
    def judge(architecture: Architecture, epochs: int) -> float:
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
    alone = heard(toy, dearest, costs(toy), [smallest], drawn=0, neighbours=0)
    assert [each.found.architecture for each in alone] == [smallest]
    both = heard(toy, dearest, costs(toy), [smallest, largest], drawn=0, neighbours=0)
    assert [(each.found.architecture, each.origin) for each in both] == [(largest, "logits")]
    within = heard(toy, toy.table.of(smallest), costs(toy), [smallest, largest], drawn=0, neighbours=0)
    assert [each.found.architecture for each in within] == [smallest]


def test_the_best_few_are_heard_again_for_longer_and_that_counts(toy, budget: float) -> None:
    """After one epoch the dearest lead, after three the cheapest: of the three dearest the cheapest is taken."""
    asked: list[tuple[str, int]] = []

    def judge(architecture: Architecture, epochs: int) -> float:
        asked.append((architecture.digest, epochs))
        return toy.table.of(architecture) * (1 if epochs == 1 else -1)

    found = heard(toy, budget, judge, drawn=6, neighbours=0, finalists=3, least_use=0.3)
    dearest = sorted(found, key=lambda each: each.found.cost)[-3:]
    assert [epochs for _, epochs in asked] == [1] * 6 + [3] * 3
    assert {digest for digest, epochs in asked if epochs == 3} == {each.found.architecture.digest for each in dearest}
    best = by_quality(found)
    assert [each.epochs for each in best] == [3] * 3 + [1] * 3
    assert best[0].found.architecture == min(dearest, key=lambda each: each.found.cost).found.architecture
    assert best[0].found.score == -best[0].found.cost
