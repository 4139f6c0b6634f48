"""A case to be costed: the batch with all that every step of the evaluation needs of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.conventions import Conventions
from netchip.hardware.counting.arithmetic import Arithmetic
from netchip.hardware.counting.columns import Columns, columns_of
from netchip.hardware.counting.factors import nest_of_factors
from netchip.hardware.counting.flows import Flow, Widths, flows_of
from netchip.hardware.counting.levels import Level, levels_of
from netchip.hardware.counting.loop_list import nest_of_loops
from netchip.hardware.counting.nest import Nest
from netchip.hardware.counting.spread import Factors, Spread, are_whole, factors_of, spread, whole
from netchip.hardware.counting.tiles import Tiler
from netchip.hardware.dimensions import OPERANDS, Operand
from netchip.hardware.even_batch import EvenBatch
from netchip.hardware.mapping_batch import MappingBatch
from netchip.workload.layer import Layer

Levels = dict[Operand, list[Level]]
Spreads = dict[Operand, Spread]
Batch = MappingBatch | EvenBatch


@dataclass(frozen=True)
class Case:
    """Mappings of layers, which are either all transposed or none, on an accelerator, under some conventions.

    `layers` is what was read of the batch's layers, `means` and `wholes` what each operand sees of its unrolling: as it is on
    average, and in whole units (nothing where it is whole anyway). All that is not array arithmetic is done.
    """

    accelerator: Accelerator
    mappings: Batch
    conventions: Conventions
    layers: Columns
    factors: Factors
    means: Spreads
    wholes: Spreads | None
    transposed: bool
    arithmetic: Arithmetic

    def of(self, mappings: Batch) -> Self:
        """The case of other mappings of the same layers, in the same places, with the same unrolling."""
        return replace(self, mappings=mappings)

    @property
    def widths(self) -> Widths:
        """Bits of elements in each memory."""
        return Widths(self.accelerator, self.layers, self.arithmetic)

    def nest(self) -> Nest:
        """The temporal loops."""
        accelerator, mappings, xp = self.accelerator, self.mappings, self.arithmetic.xp
        holds, slides = self.conventions.mac_holds_operands, self.conventions.window_slides
        chains: dict[Operand, tuple[int, ...]] = {operand: accelerator.chain(operand) for operand in OPERANDS}
        if isinstance(mappings, EvenBatch):
            levels: dict[Operand, list[int]] = {
                operand: [mappings.levels[index] for index in chain] for operand, chain in chains.items()
            }
            return nest_of_factors(mappings, levels, transposed=self.transposed, holds=holds, slides=slides, xp=xp)
        lengths: dict[Operand, int] = {operand: len(chain) for operand, chain in chains.items()}
        return nest_of_loops(mappings, lengths, transposed=self.transposed, holds=holds, slides=slides, xp=xp)

    def levels(self, nest: Nest, spreads: Spreads, *, rounds: bool) -> Levels:
        """The levels of each operand's chain under some unrolling; `rounds` tells a mean one, rounded to whole elements."""
        tiler = Tiler(self.arithmetic, self.layers, self.conventions, rounds)
        shared = self.conventions.windows_shared
        return {operand: levels_of(operand, nest, spreads[operand], tiler, shared) for operand in OPERANDS}

    def flows(self, levels: Levels) -> list[Flow]:
        """Every move of every memory."""
        return [
            flow for operand in OPERANDS for flow in flows_of(operand, levels[operand], self.widths, self.conventions)
        ]


def case_of(
    layers: Sequence[Layer], accelerator: Accelerator, mappings: Batch, conventions: Conventions, xp: Any
) -> Case:
    """The case of some layers of one kind; raises `RequestError` where a layer is too large to be counted exactly."""
    mac_pj = [accelerator.energy.mac_pj(each.precision.weight_bits, each.precision.input_bits) for each in layers]
    like = mappings.factor if isinstance(mappings, EvenBatch) else mappings.bound
    columns = columns_of(layers, mappings.layer, mac_pj, like=like, xp=xp)
    factors, arithmetic, transposed = factors_of(mappings.spatial), Arithmetic(xp, like), layers[0].shape.transposed
    wholes = None
    if not are_whole(factors, arithmetic):
        units = whole(factors, conventions.uneven_unrolling, arithmetic)
        wholes = spread(accelerator, units, transposed=transposed)
    return Case(
        accelerator=accelerator,
        mappings=mappings,
        conventions=conventions,
        layers=columns,
        factors=factors,
        means=spread(accelerator, factors, transposed=transposed),
        wholes=wholes,
        transposed=transposed,
        arithmetic=arithmetic,
    )
