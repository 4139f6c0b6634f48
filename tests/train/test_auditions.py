"""Who is heard, in which order and for how long: candidates are numbers, and a judge likes them as it says."""

from dataclasses import dataclass

import numpy as np

from netchip.train.auditions import auditions, best_first


@dataclass
class Plan:
    audition_epochs: int = 1
    neighbours: int = 0
    finalists: int = 0
    finalist_epochs: int = 5


def heard(first, plan, *, near=lambda parent: None, judge=lambda what, epochs: float(what)):
    asked = []

    def asking(what, epochs):
        asked.append((what, epochs))
        return judge(what, epochs)

    found = auditions(
        [(each, "first") for each in first],
        near,
        asking,
        plan,
        key=lambda what: what,
        follower="near",
        random=np.random.default_rng(0),
    )
    return found, asked


def test_the_first_are_heard_in_order_and_the_best_come_first() -> None:
    found, asked = heard([3, 9, 5], Plan())
    assert asked == [(3, 1), (9, 1), (5, 1)]
    assert [each.what for each in found] == [3, 9, 5]
    assert [(each.what, each.score, each.origin) for each in best_first(found)] == [
        (9, 9.0, "first"),
        (5, 5.0, "first"),
        (3, 3.0, "first"),
    ]


def test_a_neighbour_is_one_of_the_three_best_at_that_moment_and_none_is_heard_twice() -> None:
    parents = []

    def near(parent):
        parents.append(parent)
        return parent + 10 if parent < 20 else 1

    found, asked = heard([1, 2, 3, 4], Plan(neighbours=12), near=near)
    assert parents[0] in (2, 3, 4)
    assert all(each in (2, 3, 4) or each > 10 for each in parents)
    assert len(parents) == 12
    assert len({what for what, _ in asked}) == len(asked) == len(found)
    assert {each.origin for each in found if each.what > 10} == {"near"}


def test_no_neighbour_is_no_hearing() -> None:
    assert len(heard([1], Plan(neighbours=3))[0]) == 1


def test_finalists_are_heard_for_longer_and_that_counts() -> None:
    """After one epoch the largest lead, after five the smallest: of the two largest the smaller is taken."""
    found, asked = heard([1, 2, 3], Plan(finalists=2), judge=lambda what, epochs: what if epochs == 1 else -what)
    assert asked[3:] == [(3, 5), (2, 5)]
    assert [(each.what, each.epochs) for each in best_first(found)] == [(2, 5), (3, 5), (1, 1)]
