"""One layer on one accelerator, as a search sees it: what may be unrolled, and what a mapping costs."""

from dataclasses import dataclass, field, replace

import array_api_compat.numpy
import numpy as np

from netchip.errors import RequestError
from netchip.hardware.accelerator import Accelerator
from netchip.hardware.arrays import on_host
from netchip.hardware.checks import check_layers
from netchip.hardware.conventions import Conventions
from netchip.hardware.cost import price
from netchip.hardware.costs import Costs
from netchip.hardware.counting.case import Case, case_of
from netchip.hardware.dimensions import DIMS, OPERANDS, Dim
from netchip.hardware.mapper.constraints import Constraints
from netchip.hardware.mapper.pool import prime_pool
from netchip.hardware.mapper.unrolling import Unrollings, fixed_unrolling, free_unrollings
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer


@dataclass(frozen=True, eq=False)
class Priced:
    """N mappings with their energy in pJ and latency in cycles; both are infinite where a mapping does not fit."""

    mappings: MappingBatch
    energy_pj: np.ndarray
    cycles: np.ndarray

    @property
    def legal(self) -> int:
        """How many fit."""
        return int(np.isfinite(self.energy_pj).sum())


@dataclass(frozen=True)
class Problem:
    """A layer to be mapped, which always runs; `accelerator` is the one with bypass applied. Made by `problem_of`."""

    layer: Layer
    accelerator: Accelerator
    conventions: Conventions
    constraints: Constraints
    _cases: dict[tuple[bytes, str], Case] = field(
        default_factory=dict[tuple[bytes, str], Case], init=False, repr=False, compare=False
    )

    def unrollings(self, most: int) -> Unrollings:
        """The unrollings whose smallest tiles fit, at most `most`; raises `RequestError` where there is none."""
        wanted = self.constraints.spatial
        bounds: dict[Dim, int] = {dim: self.layer.shape.loop_bounds[dim] for dim in DIMS}
        if wanted is not None:
            found = fixed_unrolling(bounds, self.accelerator, wanted)
        else:
            found = free_unrollings(bounds, self.accelerator, most)
        least = self.least(found)
        fits = np.broadcast_to(on_host(np.asarray(self.costs(least).fits)), (len(found.passes),))
        if not fits.any():
            raise RequestError(self._refusal(least, int(np.argmax(found.passes.prod(1)))))
        return found.at(np.flatnonzero(fits))

    def least(self, unrollings: Unrollings) -> MappingBatch:
        """For each unrolling the mapping whose tiles are the smallest: every memory but the outermost keeps no loop."""
        pool = prime_pool(unrollings)
        longest = max(len(self.accelerator.chain(operand)) for operand in OPERANDS)
        cut = np.full((len(OPERANDS), longest, 1), pool.loops)
        for row, operand in zip(cut, OPERANDS, strict=True):
            row[: len(self.accelerator.chain(operand)) - 1] = 0
        return MappingBatch(
            dim=np.ascontiguousarray(pool.dim.T),
            bound=np.ascontiguousarray(pool.bound.T.astype(np.float64)),
            cut=cut,
            spatial=np.ascontiguousarray(np.moveaxis(pool.spatial, 0, -1)),
            layer=np.zeros(1, dtype=np.int64),
        )

    def costs(self, mappings: MappingBatch) -> Costs:
        """What mappings cost by the plain bound, in the precision of their bounds."""
        if mappings.spatial.shape[-1] == 1:
            return price(self._prepared(mappings).of(mappings))
        if mappings.spatial.dtype != mappings.bound.dtype:
            mappings = replace(mappings, spatial=mappings.spatial.astype(mappings.bound.dtype))
        return price(self._case(mappings))

    def _prepared(self, mappings: MappingBatch) -> Case:
        """The case of an unrolling that all mappings share, made once for each and type of bounds."""
        key = mappings.spatial.tobytes(), mappings.bound.dtype.str
        if key not in self._cases:
            self._cases[key] = self._case(mappings)
        return self._cases[key]

    def _case(self, mappings: MappingBatch) -> Case:
        return case_of([self.layer], self.accelerator, mappings, self.conventions, array_api_compat.numpy)

    def priced(self, mappings: MappingBatch) -> Priced:
        """The mappings with energy and latency."""
        costs, size = self.costs(mappings), (len(mappings),)
        fits = np.broadcast_to(np.asarray(costs.fits), size)
        energy, cycles = (
            np.where(fits, np.broadcast_to(each, size), np.inf) for each in (costs.energy_pj, costs.cycles)
        )
        return Priced(mappings, energy, cycles)

    def _refusal(self, least: MappingBatch, index: int) -> str:
        row = self.costs(least).row(index)
        return (
            f"{self.layer.name}: no mapping fits {self.accelerator.name}, not even one loop at a time: "
            f"{'; '.join(row.too_small)}; give that memory more bits, lower the precision or unroll less"
        )


def problem_of(layer: Layer, accelerator: Accelerator, conventions: Conventions, constraints: Constraints) -> Problem:
    """The problem of a layer, with an `execution_rate` of 1.

    Raises `RequestError` where the accelerator cannot run the layer or a memory cannot hold one element.
    """
    own = constraints.applied_to(accelerator)
    check_layers([layer], own)
    return Problem(replace(layer, execution_rate=1.0), own, conventions, constraints)
