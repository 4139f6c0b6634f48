"""All mappings of a small nest: every order of the loops' prime factors, every way to keep them in memories."""

import math
from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from netchip.errors import RequestError
from netchip.hardware.dimensions import DIMS, OPERANDS
from netchip.hardware.mapper.front import Front, best_part, front_of
from netchip.hardware.mapper.mappers import CHUNK, Score
from netchip.hardware.mapper.pool import Pool, prime_pool
from netchip.hardware.mapper.problem import Priced, Problem
from netchip.hardware.mapping_batch import MappingBatch
from netchip.spec import Spec


class ExhaustiveMapper(Spec):
    """Tries all there is, for the `unrollings` quickest ways to use the array; refuses more than `most` mappings."""

    most: Annotated[int, Field(ge=1)] = 2_000_000
    unrollings: Annotated[int, Field(ge=1)] = 64

    def settings(self) -> dict[str, Any]:
        """What its result depends on, as plain values."""
        return {"mapper": type(self).__name__} | self.model_dump(mode="json")

    def search(self, problem: Problem, score: Score) -> Front:
        """The best trade-offs there are, whatever the score; raises `RequestError` where the nest is too large."""
        pool = prime_pool(problem.unrollings(self.unrollings))
        spaces = [_Space(problem, pool, index) for index in range(len(pool))]
        total = sum(space.size_bound for space in spaces)
        if total > self.most:
            raise RequestError(
                f"{problem.layer.name}: all mappings are up to {total:,}, more than {self.most:,}; use RandomMapper, or fix the "
                "unrolling or the order"
            )
        parts: list[Priced] = []
        tried = legal = 0
        for space in spaces:
            for batch in space.batches():
                priced = problem.priced(batch)
                parts.append(best_part(priced))
                tried, legal = tried + len(batch), legal + priced.legal
        return front_of(problem, parts, tried=tried, legal=legal)


class _Space:
    """The mappings with one unrolling."""

    def __init__(self, problem: Problem, pool: Pool, index: int) -> None:
        ranks = problem.constraints.ranks(transposed=problem.layer.shape.transposed)
        self._loops = [
            (int(dim), int(bound)) for dim, bound in zip(pool.dim[index], pool.bound[index], strict=True) if bound > 1
        ]
        self._ranks = {place: ranks[dim] for place, dim in enumerate(DIMS)}
        self._spatial = np.ascontiguousarray(pool.spatial[index][..., None])
        chains = [len(problem.accelerator.chain(operand)) for operand in OPERANDS]
        self._longest = max(chains)
        self._cuts = [_cuts(len(self._loops), levels, self._longest) for levels in chains]

    @property
    def size_bound(self) -> int:
        """Orders times cuts; loops that are alike counted once, orders the constraints forbid counted too."""
        alike = math.prod(math.factorial(self._loops.count(loop)) for loop in set(self._loops))
        return math.factorial(len(self._loops)) // alike * math.prod(map(len, self._cuts))

    def batches(self) -> Iterator[MappingBatch]:
        """All mappings, in batches."""
        listed = list(_orders(self._loops, self._ranks))
        orders = np.array(listed, dtype=np.int64).reshape(len(listed), len(self._loops), 2)
        counts = [len(orders), *map(len, self._cuts)]
        for start in range(0, math.prod(counts), CHUNK):
            flat = np.arange(start, min(start + CHUNK, math.prod(counts)))
            order, *cuts = np.unravel_index(flat, counts)
            yield self._batch(orders[order], [table[at] for table, at in zip(self._cuts, cuts, strict=True)])

    def _batch(self, orders: np.ndarray, cuts: list[np.ndarray]) -> MappingBatch:
        loops = np.ascontiguousarray(orders.transpose(2, 1, 0))
        dim, bound, cut = loops[0], loops[1].astype(np.float64), np.stack(cuts).transpose(0, 2, 1)
        if not self._loops:
            dim, bound, cut = np.zeros((1, len(orders)), np.int64), np.ones((1, len(orders))), np.ones_like(cut)
        return MappingBatch(dim=dim, bound=bound, cut=cut, spatial=self._spatial, layer=np.zeros(1, dtype=np.int64))


def _cuts(loops: int, levels: int, longest: int) -> np.ndarray:
    """Every row of cuts [C, memory] of a chain of `levels`, filled up to `longest`."""
    inner = list(combinations_with_replacement(range(loops + 1), levels - 1))
    return np.array([[*row, *[loops] * (longest - levels + 1)] for row in inner], dtype=np.int64)


def _orders(loops: list[tuple[int, int]], ranks: dict[int, int]) -> Iterator[list[tuple[int, int]]]:
    """Every distinct order that keeps loops of lower rank inside."""
    if not loops:
        yield []
        return
    least = min(ranks[dim] for dim, _ in loops)
    for first in sorted({loop for loop in loops if ranks[loop[0]] == least}):
        rest = list(loops)
        rest.remove(first)
        for order in _orders(rest, ranks):
            yield [first, *order]
