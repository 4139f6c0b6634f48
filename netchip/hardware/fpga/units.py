"""What an engine's arithmetic takes: whole DSP slices, look-up tables, flip-flops."""

from typing import Any, NamedTuple

from netchip.hardware.arrays import Array
from netchip.hardware.fpga.board import Family
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.packing import outputs_per_word
from netchip.hardware.fpga.unrolls import Unrolls

DSP_WIDTHS: dict[Family, tuple[int, int]] = {"7-series": (25, 18), "ultrascale+": (27, 18)}
"""Bits of the two operands of one slice, DSP48E1 and DSP48E2."""

PAIRED_UP_TO_BITS, QUADRUPLED_UP_TO_BITS = 8, 4
"""Two multiplications of 8 bits, or four of 4, share a slice where they share an operand; vendor notes, from memory."""

SLICES_OF_A_REQUANTISER = 2
"""A sum of 32 bits times a multiplier of 24, in two parts of at most 18 bits; there is one for each output of a word."""

LUT_BASE, LUT_REQUANTISER, LUT_PER_ADDER_BIT, LUT_PER_SUM_BIT = 365, 357, 0.98, 1.63
FF_BASE, FF_REQUANTISER, FF_PER_ADDER_BIT, FF_PER_SUM_BIT = 346, 135, 0.93, 0.29
"""Control and loaders, a requantiser with its parameters, an adder tree's bit, a sum's bit: least squares of relative errors on 30
chunks as Yosys synthesised them before place and route (`benchmarks/chip_resources.py`, `docs/chip.md`)."""

LUT_FACTOR = 1.1
"""What routing adds to multipliers of look-up tables (FINN's c1); those have not been synthesised."""


class Units(NamedTuple):
    """What the arithmetic takes, [N]."""

    dsp: Array
    lut: Array
    ff: Array


def units_of(chunks: ChunkBatch, unrolls: Unrolls, family: Family, xp: Any) -> Units:
    """Slices for the multipliers and requantisers; look-up tables and flip-flops for those, adder trees and control."""
    in_luts = chunks.lut_multipliers > 0
    bits = chunks.weight_bits + chunks.input_bits
    trees = unrolls.out * unrolls.rows * unrolls.columns
    adders = trees * (unrolls.inputs - 1)
    adder_bits = adders * (bits + xp.ceil(xp.log2(unrolls.inputs)))
    multiplier_luts = unrolls.units * (2 * xp.ceil(bits / 6) - 1) * bits
    requantisers = outputs_per_word(chunks, xp)
    slices = _slices(chunks, unrolls, family, xp)
    return Units(
        dsp=xp.where(in_luts, 0.0, slices) + SLICES_OF_A_REQUANTISER * requantisers,
        lut=xp.ceil(
            LUT_BASE
            + LUT_REQUANTISER * requantisers
            + LUT_PER_ADDER_BIT * adder_bits
            + LUT_PER_SUM_BIT * trees * chunks.sum_bits
            + xp.where(in_luts, LUT_FACTOR * multiplier_luts, 0.0)
        ),
        ff=xp.ceil(
            FF_BASE
            + FF_REQUANTISER * requantisers
            + FF_PER_ADDER_BIT * adder_bits
            + FF_PER_SUM_BIT * trees * chunks.sum_bits
        ),
    )


def _slices(chunks: ChunkBatch, unrolls: Unrolls, family: Family, xp: Any) -> Array:
    """DSP slices: as few as pairing along one shared operand allows, never a fraction.

    Output channels side by side share an input (not in a depthwise engine), rows and columns side by side share a weight.
    """
    widest = xp.maximum(chunks.weight_bits, chunks.input_bits)
    packed = xp.where(widest <= QUADRUPLED_UP_TO_BITS, 4.0, xp.where(widest <= PAIRED_UP_TO_BITS, 2.0, 1.0))
    wide, narrow = DSP_WIDTHS[family]
    each = xp.minimum(
        xp.ceil(chunks.weight_bits / wide) * xp.ceil(chunks.input_bits / narrow),
        xp.ceil(chunks.weight_bits / narrow) * xp.ceil(chunks.input_bits / wide),
    )
    units = unrolls.units
    least, anywhere = units, chunks.engine >= 0
    for share, sharing in (
        (unrolls.out, ~chunks.has("depthwise")),
        (unrolls.rows, anywhere),
        (unrolls.columns, anywhere),
    ):
        least = xp.minimum(least, xp.where(sharing, xp.ceil(share / packed) * (units / share), units))
    return least * each
