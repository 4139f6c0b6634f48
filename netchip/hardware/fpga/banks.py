"""Memory banks in block RAMs of 18 kbit, in UltraRAMs or in look-up tables: whole blocks only."""

from functools import reduce
from typing import Any, NamedTuple

from netchip.hardware.arrays import Array

SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
"""Depth and width that one BRAM18 can take (FINN)."""

LUTRAM_BELOW_BITS = 1024
"""Banks below this go into look-up tables (fpgaConvNet)."""

LUTS_PER_BIT, LUTRAM_DEPTH = 2, 64
"""Look-up tables of a bit of simple dual-port memory 64 deep (RAM64X1D); from memory of Xilinx UG474."""

URAM_DEPTH, URAM_WIDTH = 4096, 72
"""The one shape of an UltraRAM (Xilinx UG573, from memory)."""

URAM_WORTH = 4
"""A bank moves to UltraRAM where each stands for at least so many BRAM18: our choice, a quarter of what holds as many bits."""


class Banks(NamedTuple):
    """What banks take, [N]."""

    bram18: Array
    uram: Array
    lut: Array


def banks(count: Array, width_bits: Array, depth: Array, *, padded: bool, xp: Any, uram: Array | float = 0.0) -> Banks:
    """`count` banks of `depth` words of `width_bits` bits. `padded`: depth goes up to a power of two (7-series, fpgaConvNet).

    A bank takes the shape of which it needs the fewest blocks. Where `uram` is above 0, large ones take UltraRAMs instead.
    """
    deep = 2.0 ** xp.ceil(xp.log2(xp.maximum(depth, 1.0))) if padded else depth
    needs = [xp.ceil(width_bits / width) * xp.ceil(deep / most) for most, width in SHAPES]
    blocks: Array = reduce(xp.minimum, needs)
    ultra = xp.ceil(width_bits / URAM_WIDTH) * xp.ceil(depth / URAM_DEPTH)
    moved = (uram + 0.0 * blocks > 0) & (blocks >= URAM_WORTH * ultra) & (ultra > 0)
    small = width_bits * depth < LUTRAM_BELOW_BITS
    luts = LUTS_PER_BIT * width_bits * xp.ceil(depth / LUTRAM_DEPTH)
    return Banks(
        bram18=count * xp.where(small | moved, 0.0, blocks),
        uram=count * xp.where(moved, ultra, 0.0),
        lut=count * xp.where(small, luts, 0.0),
    )
