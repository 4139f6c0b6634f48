"""Even mappings, whose operands share their levels (Timeloop's form), as factors and an order: quicker than a list of loops."""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.arrays import Array, check_axes, device_of, require, require_shared, taken
from netchip.hardware.dimensions import DIMS, OPERANDS
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch


@dataclass(frozen=True, kw_only=True, eq=False)
class EvenBatch:
    """N even mappings for one accelerator. Every last axis is N, or 1 for all alike.

    - `levels`: for each memory of the accelerator the level of loops it keeps, from 0 inside to the outermost memories'; memories
      side by side (registers of three operands) share one. A tile holds the loops of its memory's level and of those below.
    - `factor` [level, dim, N]: steps of each dimension at each level.
    - `place` [level, dim, N]: numbers that order the loops of a level, the lowest innermost; no two loops of more than one step
      have the same.
    - `spatial` [array dimension, dim, N] and `layer` [N]: as in `MappingBatch`.

    Raises `RequestError` where shapes do not agree or a value is impossible whatever the layer.
    """

    levels: tuple[int, ...]
    factor: Array
    place: Array
    spatial: Array
    layer: Array

    def __post_init__(self) -> None:
        count, dims = self.factor.shape[0], len(DIMS)
        check_axes(
            self.arrays(),
            {
                "factor": (count, dims, None),
                "place": (count, dims, None),
                "spatial": (None, dims, None),
                "layer": (None,),
            },
        )
        if sorted(set(self.levels)) != list(range(count)):
            raise RequestError(
                f"levels = {list(self.levels)}: factor has {count} levels, so use each of 0 to {count - 1}"
            )
        require(self.factor >= 1, "factor", "steps of at least 1; a dimension without a loop has 1")
        require_shared(self.spatial, self.layer)

    def __len__(self) -> int:
        return max(array.shape[-1] for array in self.arrays().values())

    def arrays(self) -> dict[str, Array]:
        """All arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "levels"}

    def temporal(self, dim: int) -> Array:
        """Product of the temporal factors of a dimension (index into `DIMS`), [N] or [1]."""
        product = self.factor[0, dim]
        for level in range(1, self.factor.shape[0]):
            product = product * self.factor[level, dim]
        return product

    def at(self, index: Array, layer: Array, xp: Any) -> Self:
        """The mappings at `index`, for the layers `layer`."""
        return replace(
            self, **{name: taken(array, index, xp) for name, array in self.arrays().items()} | {"layer": layer}
        )

    def as_loops(self, accelerator: Accelerator, xp: Any) -> MappingBatch:
        """The same mappings as lists of loops, eight a level."""
        count, dims, _ = self.factor.shape
        order = xp.argsort(self.place, axis=1, stable=True)
        bound = xp.take_along_axis(xp.broadcast_to(self.factor, (count, dims, len(self))), order, axis=1)
        chains = [[self.levels[index] for index in accelerator.chain(operand)] for operand in OPERANDS]
        longest = max(map(len, chains))
        cut = [[dims * (level + 1) for level in chain] + [dims * count] * (longest - len(chain)) for chain in chains]
        return MappingBatch(
            dim=xp.reshape(order, (count * dims, -1)),
            bound=xp.reshape(bound, (count * dims, -1)),
            cut=xp.asarray(cut, device=device_of(self.factor))[..., None],
            spatial=self.spatial,
            layer=self.layer,
        )

    def row(self, index: int, accelerator: Accelerator, xp: Any) -> Mapping:
        """One mapping of the batch in its readable form."""
        one = xp.asarray([index], device=device_of(self.factor))
        layer = taken(self.layer, one, xp)
        return self.at(one, layer, xp).as_loops(accelerator, xp).row(0, accelerator)


def even_levels(accelerator: Accelerator) -> tuple[int, ...]:
    """For each memory the level of loops it keeps in an even mapping: above all that it fills, the outermost ones at the top."""
    found: list[int] = []
    chains = [accelerator.chain(operand) for operand in OPERANDS]
    for index in range(len(accelerator.memories)):
        filled = [found[chain[chain.index(index) - 1]] for chain in chains if index in chain[1:]]
        found.append(max(filled, default=-1) + 1)
    outermost = {chain[-1] for chain in chains}
    tops = [max(found) if index in outermost else level for index, level in enumerate(found)]
    return tuple(sorted(set(tops)).index(level) for level in tops)
