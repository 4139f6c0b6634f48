"""Lists of loops to be put in order: each unrolling's passes, split into loops in several ways."""

from dataclasses import dataclass

import numpy as np

from netchip.hardware.dimensions import DIMS
from netchip.hardware.mapper.unrolling import Unrollings

Loops = list[tuple[int, int]]
"""Loops as (index into `DIMS`, steps)."""


@dataclass(frozen=True, eq=False)
class Pool:
    """V lists of at most J loops: `dim` [V, J], `bound` [V, J] (1 beyond a list's end), `spatial` [V, array dimension, dim].

    `same_spatial`: all lists have one unrolling, which costs `evaluate` much less.
    """

    dim: np.ndarray
    bound: np.ndarray
    spatial: np.ndarray

    def __len__(self) -> int:
        return len(self.dim)

    @property
    def loops(self) -> int:
        """J."""
        return self.dim.shape[1]

    @property
    def whole(self) -> bool:
        """Whether no unrolling is a fraction. Float32 is then enough to search: it loses no step of rounding."""
        return bool((self.spatial % 1 == 0).all())

    @property
    def same_spatial(self) -> bool:
        """Whether the unrolling is the same in all lists."""
        return bool((self.spatial == self.spatial[:1]).all())


def prime_pool(unrollings: Unrollings) -> Pool:
    """One list for each unrolling: all prime factors as loops of their own."""
    return _pool([_prime_loops(passes) for passes in unrollings.passes], unrollings.spatial)


def mixed_pool(unrollings: Unrollings, *, splits: int, most_loops: int, rng: np.random.Generator) -> Pool:
    """`splits` lists for each unrolling, of at most `most_loops` loops where there are more prime factors.

    Primes of one dimension are merged at random: fewer loops are quicker to cost, and good orders of them likelier to be met.
    """
    lists: list[Loops] = []
    for passes in unrollings.passes:
        primes = _prime_loops(passes)
        lists += [_merged(primes, most_loops, rng) for _ in range(splits)]
    return _pool(lists, np.repeat(unrollings.spatial, splits, axis=0))


def primes_of(number: int) -> list[int]:
    """The prime factors of a number, rising; none of 1."""
    found: list[int] = []
    divisor = 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    return [*found, number] if number > 1 else found


def _prime_loops(passes: np.ndarray) -> Loops:
    return [(place, prime) for place in range(len(DIMS)) for prime in primes_of(int(passes[place]))]


def _merged(loops: Loops, most: int, rng: np.random.Generator) -> Loops:
    """The loops, two of one dimension made one at random until there are at most `most` or no two are alike."""
    groups: dict[int, list[int]] = {}
    for dim, steps in loops:
        groups.setdefault(dim, []).append(steps)
    draws = iter(rng.random(3 * len(loops)).tolist())
    for _ in range(len(loops) - most):
        many = [dim for dim, group in groups.items() for _ in group[1:]]
        if not many:
            break
        group = groups[many[int(next(draws) * len(many))]]
        steps = group.pop(int(next(draws) * len(group)))
        group[int(next(draws) * len(group))] *= steps
    return [(dim, steps) for dim, group in groups.items() for steps in group]


def _pool(lists: list[Loops], spatial: np.ndarray) -> Pool:
    longest = max(1, *(len(loops) for loops in lists))
    dim, bound = np.zeros((len(lists), longest), dtype=np.int8), np.ones((len(lists), longest), dtype=np.float32)
    for row, loops in enumerate(lists):
        for place, (index, steps) in enumerate(loops):
            dim[row, place], bound[row, place] = index, steps
    return Pool(dim, bound, spatial)
