"""Memory banks in block RAMs of 18 kbit, in UltraRAMs or in look-up tables: whole blocks only."""

from functools import reduce
from typing import Any, NamedTuple

from netchip.hardware.arrays import Array

SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
"""Depth and width that one BRAM18 can take (FINN)."""

LUTRAM_BELOW_BITS = 1024
"""Banks below this go into look-up tables (fpgaConvNet)."""

LUTS_OF_LUTRAM = 4
SHALLOW, SHALLOW_BITS = 32, 6
DEEP, DEEP_BITS = 64, 3
"""Four look-up tables hold 6 bits 32 deep (RAM32M) or 3 bits 64 deep (RAM64M), read and written at once (Xilinx UG474, from memory;
so does Yosys)."""

URAM_DEPTH, URAM_WIDTH = 4096, 72
"""The one shape of an UltraRAM (Xilinx UG573, from memory)."""

URAM_WORTH = 4
"""A bank moves to UltraRAM where each stands for at least so many BRAM18: our choice, a quarter of what holds as many bits."""


class Banks(NamedTuple):
    """What banks take, [N]; flip-flops are the registers behind look-up tables, which block RAMs have inside."""

    bram18: Array
    uram: Array
    lut: Array
    ff: Array


def banks(
    count: Array,
    width_bits: Array,
    depth: Array,
    *,
    padded: bool,
    xp: Any,
    uram: Array | float = 0.0,
    only_read: bool = False,
) -> Banks:
    """`count` banks of `depth` words of `width_bits` bits. `padded`: depth goes up to a power of two (7-series, fpgaConvNet).

    Small ones that are `only_read` are no memories but logic, which is counted with what reads it (`units.py`). A bank takes the
    shape of which it needs the fewest blocks. Where `uram` is above 0, large ones take UltraRAMs instead.
    """
    deep = 2.0 ** xp.ceil(xp.log2(xp.maximum(depth, 1.0))) if padded else depth
    needs = [xp.ceil(width_bits / width) * xp.ceil(deep / most) for most, width in SHAPES]
    blocks: Array = reduce(xp.minimum, needs)
    ultra = xp.ceil(width_bits / URAM_WIDTH) * xp.ceil(depth / URAM_DEPTH)
    moved = (uram + 0.0 * blocks > 0) & (blocks >= URAM_WORTH * ultra) & (ultra > 0)
    small = width_bits * depth < LUTRAM_BELOW_BITS
    return Banks(
        bram18=count * xp.where(small | moved, 0.0, blocks),
        uram=count * xp.where(moved, ultra, 0.0),
        lut=count * xp.where(small, 0.0 if only_read else _luts(width_bits, depth, xp), 0.0),
        ff=count * xp.where(small & (depth > 0), 0.0 if only_read else width_bits, 0.0),
    )


def _luts(width_bits: Array, depth: Array, xp: Any) -> Array:
    shallow = xp.ceil(width_bits / SHALLOW_BITS)
    deep = xp.ceil(width_bits / DEEP_BITS) * xp.ceil(depth / DEEP)
    return LUTS_OF_LUTRAM * xp.where(depth <= SHALLOW, xp.where(depth > 0, shallow, 0.0), deep)
