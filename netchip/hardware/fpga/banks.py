"""Memory banks in block RAMs of 18 kbit or in look-up tables: whole blocks only."""

from typing import Any, NamedTuple

from netchip.hardware.arrays import Array

SHAPES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
"""Depth and width that one BRAM18 can take (FINN)."""

LUTRAM_BELOW_BITS = 1024
"""Banks below this go into look-up tables (fpgaConvNet)."""

LUTS_PER_BIT, LUTRAM_DEPTH = 2, 64
"""Look-up tables of a bit of simple dual-port memory 64 deep (RAM64X1D); from memory of Xilinx UG474."""


class Banks(NamedTuple):
    """What banks take, [N]."""

    bram18: Array
    lut: Array


def banks(count: Array, width_bits: Array, depth: Array, *, padded: bool, xp: Any) -> Banks:
    """`count` banks of `depth` words of `width_bits` bits. `padded`: depth goes up to a power of two (7-series, fpgaConvNet).

    A bank takes the shape of which it needs the fewest blocks.
    """
    deep = 2.0 ** xp.ceil(xp.log2(xp.maximum(depth, 1.0))) if padded else depth
    blocks = None
    for shape_depth, shape_width in SHAPES:
        need = xp.ceil(width_bits / shape_width) * xp.ceil(deep / shape_depth)
        blocks = need if blocks is None else xp.minimum(blocks, need)
    small = width_bits * depth < LUTRAM_BELOW_BITS
    luts = LUTS_PER_BIT * width_bits * xp.ceil(depth / LUTRAM_DEPTH)
    return Banks(count * xp.where(small, 0.0, blocks), count * xp.where(small, luts, 0.0))
