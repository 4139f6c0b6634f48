"""The best trade-offs between energy and latency that a search has met."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    """The front of some mappings."""
    index = undominated(priced.energy_pj, priced.cycles)
    mappings = priced.mappings
    arrays = {
        name: array[..., index] if array.shape[-1] > 1 else np.broadcast_to(array, (*array.shape[:-1], len(index)))
        for name, array in mappings.arrays().items()
    }
    return Priced(MappingBatch(**arrays), priced.energy_pj[index], priced.cycles[index])


def front_of(problem: Problem, parts: Sequence[Priced], *, tried: int, legal: int) -> Front:
    """The front of several parts, costed anew in float64."""
    exact = [problem.priced(_exact(part.mappings)) for part in parts if len(part.energy_pj)]
    places: list[tuple[MappingBatch, int]] = [
        (part.mappings, index) for part in exact for index in range(len(part.energy_pj))
    ]
    energy, cycles = (np.concatenate([getattr(part, name) for part in exact]) for name in ("energy_pj", "cycles"))
    index = undominated(energy, cycles)
    rows = tuple(batch.row(row, problem.accelerator) for batch, row in (places[int(place)] for place in index))
    return Front(energy[index], cycles[index], rows, tried, legal)


def _exact(mappings: MappingBatch) -> MappingBatch:
    return replace(mappings, bound=mappings.bound.astype(np.float64))
