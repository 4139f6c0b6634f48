"""The units of an engine side by side along each loop."""

from dataclasses import dataclass
from typing import Any

from netchip.hardware.arrays import Array
from netchip.hardware.fpga.chunk import ChunkBatch


@dataclass(frozen=True, kw_only=True, eq=False)
class Unrolls:
    """Units side by side along each loop, [N]: 1 where the engine does not unroll it."""

    out: Array
    inputs: Array
    rows: Array
    columns: Array

    @property
    def units(self) -> Array:
        """Multipliers."""
        return self.out * self.inputs * self.rows * self.columns


def unrolls_of(chunks: ChunkBatch, xp: Any) -> Unrolls:
    """The unrolls that the engines have."""
    return Unrolls(
        out=xp.where(chunks.has("out"), chunks.unroll_out, 1.0),
        inputs=xp.where(chunks.has("inputs"), chunks.unroll_in, 1.0),
        rows=xp.where(chunks.has("rows"), chunks.unroll_rows, 1.0),
        columns=xp.where(chunks.has("columns"), chunks.unroll_columns, 1.0),
    )
