"""The front: what is kept of some mappings, and several parts costed as one batch."""

from collections.abc import Callable

import numpy as np
import pytest

from netchip.hardware.mapper.front import best_part, front_of, undominated
from netchip.hardware.mapper.genes import Decoder, drawn
from netchip.hardware.mapper.pool import mixed_pool
from netchip.hardware.mapper.problem import Priced, Problem
from netchip.hardware.mapper.unrolling import Unrollings
from netchip.workload.layer import Layer


def test_the_front_by_hand() -> None:
    energy = np.array([3.0, 1.0, 2.0, 2.0, np.inf, 1.0])
    cycles = np.array([1.0, 9.0, 5.0, 5.0, 0.0, 8.0])
    assert undominated(energy, cycles).tolist() == [5, 2, 0]
    assert undominated(np.full(2, np.inf), np.ones(2)).tolist() == []


def _priced(problem: Problem, unrollings: Unrollings, *, most_loops: int, size: int) -> Priced:
    rng = np.random.default_rng(most_loops)
    pool = mixed_pool(unrollings, splits=2, most_loops=most_loops, rng=rng)
    return problem.priced(Decoder(problem, pool)(drawn(rng, size, pool)))


@pytest.mark.parametrize("shared", [True, False], ids=["one unrolling", "many"])
def test_parts_of_other_lengths_cost_together_what_they_cost_alone(
    problem: Callable[..., Problem], conv: Layer, shared: bool
) -> None:
    """Parts with 4 and 12 loops, the smallest tiles with all primes; of one mapping, and of none that fits."""
    asked = problem(conv)
    unrollings = asked.unrollings(8)
    unrollings = unrollings.at(np.zeros(1, dtype=int)) if shared else unrollings
    parts = [
        asked.priced(asked.least(unrollings)),
        _priced(asked, unrollings, most_loops=4, size=300),
        _priced(asked, unrollings, most_loops=12, size=1),
        _priced(asked, unrollings, most_loops=12, size=300),
    ]
    none = Priced(parts[1].mappings, np.full(300, np.inf), np.full(300, np.inf))
    front = front_of(asked, [best_part(part) for part in (*parts, none)], tried=1, legal=1)
    energy, cycles = (np.concatenate([getattr(part, name) for part in parts]) for name in ("energy_pj", "cycles"))
    best = undominated(energy, cycles)
    np.testing.assert_allclose(front.energy_pj, energy[best], rtol=1e-5)  # float32 beside float64
    np.testing.assert_allclose(front.cycles, cycles[best], rtol=1e-5)
    assert len(front.mappings) == len(best) > 1
