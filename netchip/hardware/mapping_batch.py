"""Many mappings at once, as arrays whose last axis is the batch: what is searched over and evaluated."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.arrays import Array, check_axes, column, namespace_of, on_host, require, require_shared, taken
from netchip.hardware.dimensions import DIMS, OPERANDS, Dim, Operand
from netchip.hardware.mapping import Loop, Mapping


@dataclass(frozen=True, kw_only=True, eq=False)
class MappingBatch:
    """N mappings with at most J temporal loops each, for one accelerator. Every last axis is N, or 1 for all alike.

    - `dim` [J, N]: which dimension (index into `DIMS`) each loop runs over, inner to outer; `bound` [J, N]: its steps.
      Loops that a mapping does not need have bound 1, anywhere.
    - `cut` [operand, memory, N]: how many inner loops stay at or below a memory, by place in the operand's chain (0 nearest
      the MACs). It does not fall along the chain and is J from the outermost memory on.
    - `spatial` [array dimension, dim, N]: factors unrolled along each dimension of the array, in the accelerator's order.
    - `layer` [N]: which layer of those evaluated the mapping is for.

    Made from readable mappings with `of`; `row` goes back. Raises `RequestError` where shapes do not agree or a value is
    impossible whatever the layer; whether factors fit a layer is checked by `evaluate`.
    """

    dim: Array
    bound: Array
    cut: Array
    spatial: Array
    layer: Array

    def __post_init__(self) -> None:
        loops = self.dim.shape[0]
        check_axes(
            self.arrays(),
            {
                "dim": (loops, None),
                "bound": (loops, None),
                "cut": (len(OPERANDS), None, None),
                "spatial": (None, len(DIMS), None),
                "layer": (None,),
            },
        )
        if loops == 0:
            raise RequestError("the mappings have no loops; give at least one, of bound 1")
        require((self.dim >= 0) & (self.dim < len(DIMS)), "dim", f"indices of dimensions from 0 to {len(DIMS) - 1}")
        require(self.bound >= 1, "bound", "loop bounds of at least 1; a loop that is not needed has 1")
        require((self.cut >= 0) & (self.cut <= loops), "cut", f"numbers of loops from 0 to {loops}")
        rising = self.cut[:, 1:] >= self.cut[:, :-1]
        require(rising, "cut", "numbers that do not fall from a memory to the one above")
        require(self.cut[:, -1] == loops, "cut", f"all {loops} loops at the outermost memory")
        require_shared(self.spatial, self.layer)

    def __len__(self) -> int:
        return max(array.shape[-1] for array in self.arrays().values())

    def arrays(self) -> dict[str, Array]:
        """All arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def temporal(self, dim: int) -> Array:
        """Product of the temporal factors of a dimension (index into `DIMS`), [N] or [1]."""
        xp = namespace_of(self.bound)
        return xp.prod(xp.where(self.dim == dim, self.bound, xp.ones_like(self.bound)), axis=0)

    def at(self, index: Array, layer: Array, xp: Any) -> Self:
        """The mappings at `index`, for the layers `layer`."""
        return replace(
            self, **{name: taken(array, index, xp) for name, array in self.arrays().items()} | {"layer": layer}
        )

    @classmethod
    def of(
        cls, mappings: Sequence[Mapping], accelerator: Accelerator, *, layers: Sequence[int] | None = None, xp: Any = np
    ) -> Self:
        """The batch of some mappings; `layers[i]` is the layer of the i-th (all of layer 0 where it is left out).

        Raises `RequestError` where a mapping names a memory or array dimension that the accelerator does not have, a
        memory that does not hold the operand, or unrolls more than the array's size.
        """
        if not mappings:
            raise RequestError("no mapping was given; give at least one")
        loops = max(1, *(len(mapping.loops) for mapping in mappings))
        return cls(
            dim=xp.asarray(np.stack([_dims(each, loops) for each in mappings], -1)),
            bound=xp.asarray(np.stack([_bounds(each, loops) for each in mappings], -1)),
            cut=xp.asarray(np.stack([_cuts(each, accelerator, loops) for each in mappings], -1)),
            spatial=xp.asarray(np.stack([_spatial(each, accelerator) for each in mappings], -1)),
            layer=xp.asarray(np.array(layers if layers is not None else [0] * len(mappings))),
        )

    def row(self, index: int, accelerator: Accelerator) -> Mapping:
        """One mapping of the batch in its readable form, without loops of bound 1."""
        dim, bound, cut, spatial = (
            on_host(column(array, index)) for array in (self.dim, self.bound, self.cut, self.spatial)
        )
        loops = tuple(
            Loop(dim=DIMS[int(dim[place])], bound=int(bound[place]), at=_places(cut, place, accelerator))
            for place in range(len(dim))
            if bound[place] > 1
        )
        across = {name: _unrolled(factors) for name, factors in zip(accelerator.array, spatial, strict=True)}
        return Mapping(loops=loops, spatial={name: factors for name, factors in across.items() if factors})


def _dims(mapping: Mapping, loops: int) -> np.ndarray:
    return np.array(
        [DIMS.index(loop.dim) for loop in mapping.loops] + [0] * (loops - len(mapping.loops)), dtype=np.int64
    )


def _bounds(mapping: Mapping, loops: int) -> np.ndarray:
    return np.array([loop.bound for loop in mapping.loops] + [1] * (loops - len(mapping.loops)), dtype=np.float64)


def _cuts(mapping: Mapping, accelerator: Accelerator, loops: int) -> np.ndarray:
    levels = max(len(accelerator.chain(operand)) for operand in OPERANDS)
    cuts = np.full((len(OPERANDS), levels), loops, dtype=np.int64)
    for row, operand in zip(cuts, OPERANDS, strict=True):
        names = [accelerator.memories[index].name for index in accelerator.chain(operand)]
        places = [_place(names, loop, operand) for loop in mapping.loops]
        for inner, outer in pairwise(places):
            if outer < inner:
                raise RequestError(
                    f"{operand}: a loop kept at {names[outer]!r} runs outside one kept at {names[inner]!r}, the memory above; "
                    "keep outer loops at outer memories"
                )
        for level in range(len(names) - 1):
            row[level] = sum(place <= level for place in places)
    return cuts


def _place(names: list[str], loop: Loop, operand: Operand) -> int:
    if loop.at[operand] not in names:
        close = difflib.get_close_matches(loop.at[operand], names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"give one of {', '.join(names)}"
        raise RequestError(f"loop {loop}: no memory {loop.at[operand]!r} holds {operand}; {hint}")
    return names.index(loop.at[operand])


def _spatial(mapping: Mapping, accelerator: Accelerator) -> np.ndarray:
    factors = np.ones((len(accelerator.array), len(DIMS)))
    for name, unrolled in mapping.spatial.items():
        if name not in accelerator.array:
            raise RequestError(
                f"the array of {accelerator.name} has no dimension {name!r}; it has {', '.join(accelerator.array)}"
            )
        row = factors[list(accelerator.array).index(name)]
        for dim, factor in unrolled.items():
            row[DIMS.index(dim)] = factor
    return factors


def _unrolled(factors: np.ndarray) -> dict[Dim, float]:
    return {dim: float(factor) for dim, factor in zip(DIMS, factors, strict=True) if factor > 1}


def _places(cut: np.ndarray, place: int, accelerator: Accelerator) -> dict[Operand, str]:
    found: dict[Operand, str] = {}
    for operand, cuts in zip(OPERANDS, cut, strict=True):
        level = int(np.sum(cuts <= place))
        found[operand] = accelerator.memories[accelerator.chain(operand)[level]].name
    return found
