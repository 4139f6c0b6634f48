"""Which memories have room to take the next tile while the present one is in use.

Source: ZigZag's latency model (Mei et al., DATE 2022), as ZigZag 3.9 has it.
"""

from collections.abc import Mapping

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.counting.arithmetic import Number, add, product
from netchip.hardware.counting.flows import Widths
from netchip.hardware.counting.levels import Level
from netchip.hardware.counting.timing import Timing
from netchip.hardware.dimensions import Operand

_TURNS: tuple[Operand, ...] = ("O", "W", "I")
"""Operands in the order in which they are given what room is left."""


def double_buffered(
    accelerator: Accelerator,
    levels: Mapping[Operand, list[Level]],
    timings: Mapping[Operand, list[Timing]],
    widths: Widths,
) -> dict[Operand, list[Number]]:
    """For each level of each operand's chain whether the memory below it takes the next tile during the whole period.

    It does where the parts in use of all its tiles fill at most half of it, or where a second copy of the operand's own part
    still fits; that room is then taken. The MAC's own operands never are.
    """
    flags: dict[Operand, list[Number]] = {operand: [False] for operand in _TURNS}
    for index, memory in enumerate(accelerator.memories):
        holders: list[Operand] = [operand for operand in _TURNS if memory.holds(operand)]
        if memory.bits is None or memory.double_buffered:
            for operand in holders:
                flags[operand].append(True)
            continue
        shares = {each: _share(accelerator, index, each, levels[each], timings[each], widths) for each in holders}
        used = add(shares.values())
        for operand in holders:
            fits = (used <= 0.5) | (shares[operand] <= 1 - used)
            used = widths.arithmetic.where((used <= 0.5) | ~fits, used, used + shares[operand])
            flags[operand].append(fits)
    return flags


def _share(
    accelerator: Accelerator, index: int, operand: Operand, levels: list[Level], timings: list[Timing], widths: Widths
) -> Number:
    """Share of a memory that the part in use of an operand's tile takes."""
    place = accelerator.chain(operand).index(index) + 1
    level = levels[place]
    bits = product((level.tile, widths.of(operand, index, level.unfinished)))
    return widths.arithmetic.floor(bits / timings[place].top_relevant) / accelerator.memories[index].bits
