"""The best trade-offs between energy and latency that a search has met."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netchip.hardware.mapper.problem import Priced, Problem
from netchip.hardware.mapping import Mapping
from netchip.hardware.mapping_batch import MappingBatch


@dataclass(frozen=True, eq=False)
class Front:
    """Mappings of one layer of which none is better in both energy and latency than another: the least energy first.

    `energy_pj` [F] and `cycles` [F] for a layer that always runs, `mappings` in the same order. `tried` mappings were costed,
    `legal` of them fit.
    """

    energy_pj: np.ndarray
    cycles: np.ndarray
    mappings: tuple[Mapping, ...]
    tried: int
    legal: int


def undominated(energy_pj: np.ndarray, cycles: np.ndarray) -> np.ndarray:
    """Indices of the front, the least energy first; of equals the first. What is infinite is left out."""
    finite = np.flatnonzero(np.isfinite(energy_pj) & np.isfinite(cycles))
    order = finite[np.lexsort((cycles[finite], energy_pj[finite]))]
    if not len(order):
        return order
    sorted_cycles = cycles[order]
    before = np.concatenate([[np.inf], np.minimum.accumulate(sorted_cycles)[:-1]])
    return order[sorted_cycles < before]


def best_part(priced: Priced) -> Priced:
    """The front of some mappings. What is the same for all stays one for all."""
    index, mappings = undominated(priced.energy_pj, priced.cycles), priced.mappings
    arrays = {name: array[..., index] if array.shape[-1] > 1 else array for name, array in mappings.arrays().items()}
    return Priced(MappingBatch(**arrays), priced.energy_pj[index], priced.cycles[index])


def front_of(problem: Problem, parts: Sequence[Priced], *, tried: int, legal: int) -> Front:
    """The front of several parts, costed anew in float64."""
    exact = problem.priced(_together([part for part in parts if len(part.energy_pj)]))
    index = undominated(exact.energy_pj, exact.cycles)
    rows = tuple(exact.mappings.row(int(place), problem.accelerator) for place in index)
    return Front(exact.energy_pj[index], exact.cycles[index], rows, tried, legal)


def _together(parts: Sequence[Priced]) -> MappingBatch:
    """The mappings of all parts as one batch in float64: one call of `evaluate` costs less than many."""
    loops = max(part.mappings.dim.shape[0] for part in parts)
    arrays = [_stretched(part.mappings, loops) for part in parts]
    sizes = [len(part.energy_pj) for part in parts]
    return MappingBatch(**{name: _joined([each[name] for each in arrays], sizes) for name in arrays[0]})


def _stretched(mappings: MappingBatch, loops: int) -> dict[str, np.ndarray]:
    """The arrays of some mappings with `loops` loops each, the last of them of no step."""
    own, more = mappings.dim.shape[0], ((0, loops - mappings.dim.shape[0]), (0, 0))
    return mappings.arrays() | {
        "dim": np.pad(mappings.dim, more),
        "bound": np.pad(mappings.bound.astype(np.float64), more, constant_values=1.0),
        "cut": np.where(mappings.cut == own, loops, mappings.cut),
    }


def _joined(arrays: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    first = arrays[0]
    if all(array.shape[-1] == 1 and np.array_equal(array, first) for array in arrays):
        return first
    full = [np.broadcast_to(array, (*array.shape[:-1], size)) for array, size in zip(arrays, sizes, strict=True)]
    return np.concatenate(full, axis=-1)
