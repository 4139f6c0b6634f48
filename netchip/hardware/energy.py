"""What one action costs, and who says so. Every constant carries its source."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from netchip.spec import Spec

Picojoules = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Source = Annotated[str, Field(min_length=1, description="paper, table, tool run, or 'from memory'")]


_Bits = Annotated[int, Field(ge=1)]


class Constant(Spec):
    """Energy of one action in pJ, with its source."""

    pj: Picojoules
    source: Source


class MemoryEnergy(Spec):
    """Energy of one access to a memory in pJ: of its full width (`Memory.access_bits`, else the port's width)."""

    read_pj: Picojoules
    write_pj: Picojoules
    source: Source


class EnergyTable(Spec):
    """Prices of all actions of an accelerator.

    `mac` is one multiply-accumulate; where `mac_bits` (weight bits, input bits) says at which width that was quoted, MACs at
    other widths cost in proportion to the product of both, as a multiplier's array does (Timeloop, pat.cpp). `memories`
    has one entry a memory, by name. `hop` moves one element past one unit of the array. `actions` are other work by
    name, such as those of a `WeightEncoding`'s `rebuild_actions`.
    """

    mac: Constant
    memories: Mapping[str, MemoryEnergy]
    mac_bits: tuple[_Bits, _Bits] | None = None
    hop: Constant | None = None
    actions: Mapping[str, Constant] = {}

    def mac_pj(self, weight_bits: int, input_bits: int) -> float:
        """Energy of one MAC in pJ on weights and inputs of these widths in bits."""
        if self.mac_bits is None:
            return self.mac.pj
        return self.mac.pj * (weight_bits * input_bits) / (self.mac_bits[0] * self.mac_bits[1])
