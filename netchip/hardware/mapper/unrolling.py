"""Which steps of a layer may run side by side on the array, and how many passes are left of each dimension."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.dimensions import DIMS, Dim

BEAM = 1024
"""Unrollings kept while the dimensions of an array are filled one after the other: the quickest."""

_AHEAD = 4
"""So many times the wanted number are looked at first, where there are more."""


@dataclass(frozen=True, eq=False)
class Unrollings:
    """U ways to use the array: `spatial` [U, array dimension, dim] factors, `passes` [U, dim] steps left in time."""

    spatial: np.ndarray
    passes: np.ndarray

    def at(self, index: np.ndarray) -> "Unrollings":
        """Those at `index`."""
        return Unrollings(self.spatial[index], self.passes[index])


def fixed_unrolling(
    bounds: Mapping[Dim, int], accelerator: Accelerator, spatial: Mapping[str, Mapping[Dim, int]]
) -> Unrollings:
    """The one unrolling with the wanted units."""
    state = _start(bounds, accelerator)
    for place, name in enumerate(accelerator.array):
        wanted = np.ones((1, len(DIMS)), dtype=np.int64)
        for dim, units in spatial.get(name, {}).items():
            wanted[0, DIMS.index(dim)] = units
        state = _filled(state, place, wanted)
    return state


def free_unrollings(bounds: Mapping[Dim, int], accelerator: Accelerator, most: int) -> Unrollings:
    """The `most` quickest unrollings with at most two dimensions of the layer along each of the array.

    One that uses no unit but the first is always among them.
    """
    state, idle = _start(bounds, accelerator), _start(bounds, accelerator)
    for place, size in enumerate(accelerator.array.values()):
        state = _quickest(_filled(state, place, np.array(list(_options(bounds, size)))), BEAM)
    best = _quickest(state, most - 1 if most > 1 else 1)
    if most == 1 or best.passes.shape[0] == 0:
        return best
    return Unrollings(np.concatenate([best.spatial, idle.spatial]), np.concatenate([best.passes, idle.passes]))


def _start(bounds: Mapping[Dim, int], accelerator: Accelerator) -> Unrollings:
    passes = np.array([[bounds[dim] for dim in DIMS]], dtype=np.int64)
    return Unrollings(np.ones((1, len(accelerator.array), len(DIMS))), passes)


def _filled(state: Unrollings, place: int, wanted: np.ndarray) -> Unrollings:
    """Every unrolling of `state` with every one of `wanted` [Q, dim] units along array dimension `place`."""
    left = state.passes[:, None, :]
    passes = -(-left // np.minimum(wanted[None], left))
    spatial = np.repeat(state.spatial[:, None], len(wanted), axis=1)
    spatial[:, :, place] = left / passes
    return Unrollings(spatial.reshape(-1, *state.spatial.shape[1:]), passes.reshape(-1, len(DIMS)))


def _quickest(state: Unrollings, most: int) -> Unrollings:
    """The first of those that are alike, the ones of the fewest steps first."""
    steps = state.passes.prod(1)
    if len(steps) > _AHEAD * most:  # the rest of many is mostly not needed, and telling which are alike takes long
        few = np.flatnonzero(steps <= np.partition(steps, _AHEAD * most)[_AHEAD * most])
        found = _distinct(state.at(few))
        if len(found.passes) >= most:
            return found.at(np.arange(most))
    found = _distinct(state)
    return found.at(np.arange(min(most, len(found.passes))))


def _distinct(state: Unrollings) -> Unrollings:
    """One of those that are alike, the ones of the fewest steps first."""
    flat = state.spatial.reshape(len(state.spatial), -1)
    _, first = np.unique(flat, axis=0, return_index=True)
    return state.at(first[np.argsort(state.passes[first].prod(1), kind="stable")])


def _options(bounds: Mapping[Dim, int], size: int) -> Iterator[np.ndarray]:
    """Units wanted along one array dimension: none, one dimension of the layer, or two."""
    yield np.ones(len(DIMS), dtype=np.int64)
    for place, dim in enumerate(DIMS):
        for units in _units(bounds[dim], size):
            one = np.ones(len(DIMS), dtype=np.int64)
            one[place] = units
            yield one
            for other in range(place + 1, len(DIMS)):
                for more in _units(bounds[DIMS[other]], size // units):
                    two = one.copy()
                    two[other] = more
                    yield two


def _units(bound: int, size: int) -> list[int]:
    """Numbers of units above 1 for `bound` steps: the most there are, and the largest divisors."""
    most = min(bound, size)
    divisors = [units for units in _divisors(bound) if 1 < units <= most]
    return sorted({*divisors[-3:], *([most] if most > 1 else [])})


@lru_cache(maxsize=1024)
def _divisors(number: int) -> tuple[int, ...]:
    """All divisors, rising; quick also where there are thousands of millions of steps and as many units."""
    low = [each for each in range(1, math.isqrt(number) + 1) if number % each == 0]
    return tuple(sorted({*low, *(number // each for each in low)}))
