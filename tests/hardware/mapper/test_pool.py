"""Pools: all loops of a list multiply to the passes, whether primes stand alone or are merged."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchip.hardware.dimensions import DIMS
from netchip.hardware.mapper.pool import mixed_pool, prime_pool, primes_of
from netchip.hardware.mapper.unrolling import Unrollings


@pytest.mark.parametrize(("number", "primes"), [(1, []), (2, [2]), (97, [97]), (360, [2, 2, 2, 3, 3, 5])])
def test_primes(number: int, primes: list[int]) -> None:
    assert primes_of(number) == primes


passes = st.lists(st.integers(1, 200), min_size=len(DIMS), max_size=len(DIMS))


@given(passes, st.integers(1, 12))
def test_loops_multiply_to_the_passes(steps: list[int], most: int) -> None:
    unrollings = Unrollings(np.ones((1, 2, len(DIMS))), np.array([steps]))
    needed = sum(step > 1 for step in steps)
    for pool in (
        prime_pool(unrollings),
        mixed_pool(unrollings, splits=3, most_loops=most, rng=np.random.default_rng(0)),
    ):
        for dim, bound in zip(pool.dim, pool.bound, strict=True):
            for place, wanted in enumerate(steps):
                assert math.prod(int(each) for each in bound[dim == place]) == wanted
    assert pool.loops <= max(most, needed, 1)


def test_alike_unrollings_are_known_as_such() -> None:
    steps = np.array([[1, 1, 4, 1, 1, 1, 1, 1]])
    one = prime_pool(Unrollings(np.ones((1, 2, len(DIMS))), steps))
    other = np.concatenate([np.ones((1, 2, len(DIMS))), np.full((1, 2, len(DIMS)), 2.0)])
    assert one.same_spatial
    assert not prime_pool(Unrollings(other, np.repeat(steps, 2, 0))).same_spatial
