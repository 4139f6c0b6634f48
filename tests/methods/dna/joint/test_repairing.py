"""The best network by scores within a limit, beside a look at every network."""

import itertools

import numpy as np
import pytest
import torch

from netchip.methods.dna.joint.repairing import Places, repaired, scored
from netchip.methods.dna.supernet.loads import LoadTable


def largest(loads: torch.Tensor) -> torch.Tensor:
    return loads.amax(-1)


def random_case(seed: int, places: int = 4, options: int = 4) -> tuple[list[np.ndarray], LoadTable]:
    random = np.random.default_rng(seed)
    scores = [random.normal(size=(options, 2)) for _ in range(places)]
    loads = tuple(random.uniform(1, 10, size=(options, 2, 3)) for _ in range(places))
    return scores, LoadTable(np.ones(3), loads)


def every(table: LoadTable) -> list[Places]:
    return list(itertools.product(*(list(np.ndindex(*each.shape[:2])) for each in table.options)))


def test_without_a_need_it_is_the_highest_score() -> None:
    scores, table = random_case(0)
    wanted = scored(scores, [()] * 4, 4)
    highest = max(every(table), key=wanted.of)
    assert repaired(wanted, table, largest, 1000.0) == wanted.best() == highest


def test_limits_are_kept_and_the_score_is_near_the_best_of_all() -> None:
    lost = []
    for seed in range(12):
        scores, table = random_case(seed)
        wanted = scored(scores, [()] * 4, 4)
        limit = 22.0
        fitting = [each for each in every(table) if table.of_places(each).max() <= limit]
        if not fitting:
            continue
        found = repaired(wanted, table, largest, limit)
        assert table.of_places(found).max() <= limit
        lost.append(max(map(wanted.of, fitting)) - wanted.of(found))
    assert len(lost) >= 8
    assert min(lost) >= -1e-9
    assert np.mean(lost) < 0.25  # scores of one position spread over about 3


def test_the_limit_on_skips_is_kept_at_the_least_loss() -> None:
    scores = [np.array([[0.0], [5.0]]), np.array([[0.0], [1.0]]), np.array([[0.0], [3.0]])]
    table = LoadTable(np.zeros(1), tuple(np.array([[[9.0]], [[1.0]]]) for _ in scores))
    skips = [(1,), (1,), (1,)]
    assert scored(scores, skips, 3).best() == ((1, 0), (1, 0), (1, 0))
    two = scored(scores, skips, 2)
    assert two.best() == ((1, 0), (0, 0), (1, 0))
    assert repaired(two, table, largest, 11.0) == ((1, 0), (0, 0), (1, 0))
    assert repaired(two, table, largest, 10.0) == ((1, 0), (0, 0), (1, 0))  # three skips would do, and are too many


def test_a_pair_of_swaps_is_found_where_no_single_one_fits() -> None:
    # 10 and 10 of 20 in use; the first could gain 3 for 5 more, if the second gave up 1 to save 5
    scores = [np.array([[1.0], [4.0]]), np.array([[2.0], [1.0]])]
    table = LoadTable(np.zeros(1), (np.array([[[10.0]], [[15.0]]]), np.array([[[10.0]], [[5.0]]])))
    wanted = scored(scores, [(), ()], 2)
    assert repaired(wanted, table, largest, 20.0) == ((1, 0), (1, 0))


def test_what_cannot_be_met_is_come_near() -> None:
    scores, table = random_case(1)
    found = repaired(scored(scores, [()] * 4, 4), table, largest, 0.1)
    costs = sorted(table.of_places(each).max() for each in every(table))
    assert table.of_places(found).max() <= costs[len(costs) // 20]


@pytest.mark.parametrize("bits", [1, 2])
def test_more_room_never_lowers_the_score(bits: int) -> None:
    scores, table = random_case(5)
    scores = [each[:, :bits] for each in scores]
    table = LoadTable(table.fixed, tuple(each[:, :bits] for each in table.options))
    wanted = scored(scores, [()] * 4, 4)
    found = [repaired(wanted, table, largest, limit) for limit in (20.0, 24.0, 30.0, 60.0)]
    values = [wanted.of(each) for each in found]
    assert table.of_places(found[0]).max() <= 20.0
    assert values == sorted(values)
