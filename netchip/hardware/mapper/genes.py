"""What is drawn at random: a list of loops, their order, who is given room first. Decoded into mappings by greedy allocation."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from netchip.hardware.dimensions import DIMS
from netchip.hardware.mapper.allocation import TURNS, Allocation, Wishes
from netchip.hardware.mapper.pool import Pool
from netchip.hardware.mapper.problem import Problem
from netchip.hardware.mapping_batch import MappingBatch

_PLACE_BITS, _KEY_BITS = 6, 21
_MASK = np.uint32((1 << _PLACE_BITS) - 1)


@dataclass(frozen=True, eq=False)
class Genes:
    """N mappings to be: `variant` [N] the list of loops, `key` [N, J] which orders them (the lowest runs inside), and the wishes
    of `allocation` (`turn` [N], `share` [N]).
    """

    variant: np.ndarray
    key: np.ndarray
    turn: np.ndarray
    share: np.ndarray

    def at(self, index: np.ndarray | slice) -> Self:
        """Those at `index`."""
        return replace(self, **{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def followed_by(self, other: Self) -> Self:
        """These, then the others."""
        names = [field.name for field in fields(self)]
        return replace(self, **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names})


def drawn(rng: np.random.Generator, size: int, pool: Pool) -> Genes:
    """`size` genes, all choices equally likely; half of the first operands may take all the room there is."""
    share = rng.random(size, dtype=np.float32)
    return Genes(
        variant=rng.integers(len(pool), size=size),
        key=rng.integers(1 << _KEY_BITS, size=(size, pool.loops), dtype=np.uint32),
        turn=rng.integers(len(TURNS), size=size),
        share=np.minimum(share * 2, np.float32(1)),
    )


class Decoder:
    """Makes mappings of genes."""

    def __init__(self, problem: Problem, pool: Pool) -> None:
        ranks = problem.constraints.ranks(transposed=problem.layer.shape.transposed)
        self._allocation = Allocation(problem.layer, problem.accelerator, problem.conventions)
        self._pool, self._bound = pool, pool.bound.astype(np.float32 if pool.whole else np.float64)
        table = np.array([ranks[dim] for dim in DIMS], dtype=np.uint32)
        head = table[pool.dim] << np.uint32(_PLACE_BITS + _KEY_BITS)
        self._head = head | np.arange(pool.loops, dtype=np.uint32)
        self._spatial = np.ascontiguousarray(np.moveaxis(pool.spatial, 0, -1))

    def __call__(self, genes: Genes) -> MappingBatch:
        """The mappings, their bounds in float32 where that is enough."""
        keyed = self._head[genes.variant] | (genes.key << np.uint32(_PLACE_BITS))
        keyed.sort(axis=1)
        flat = (keyed & _MASK).astype(np.int64) + (genes.variant * self._pool.loops)[:, None]
        flat = np.ascontiguousarray(flat.T)
        dim, bound = self._pool.dim.ravel()[flat], self._bound.ravel()[flat]
        spatial = self._spatial[..., :1] if self._pool.same_spatial else self._spatial[..., genes.variant]
        cut = self._allocation.cuts(dim, bound, spatial.astype(bound.dtype), Wishes(genes.turn, genes.share))
        layer = np.zeros(1, dtype=np.int64)
        return MappingBatch(dim=dim, bound=bound, cut=cut, spatial=spatial, layer=layer)
