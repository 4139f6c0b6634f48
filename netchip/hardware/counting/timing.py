"""When each tile is replaced: its period, and the part of it in which the next may arrive if the memory holds but one.

Source: ZigZag's latency model (Mei et al., "A uniform latency model for DNN accelerators", DATE 2022), as ZigZag 3.9 has it.
"""

from dataclasses import dataclass
from typing import Any

from netchip.hardware.arrays import Array, device_of
from netchip.hardware.counting.arithmetic import Number
from netchip.hardware.counting.loop_list import Loops, loops_of
from netchip.hardware.counting.nest import WINDOW
from netchip.hardware.dimensions import OPERANDS, Dim, Operand, relevant
from netchip.hardware.mapping_batch import MappingBatch


@dataclass(frozen=True)
class Timing:
    """One level of an operand's chain, [N] each: steps of a `period` and of the `window` at its start in which a memory that holds
    one tile may take the next; both as places in the list of loops too (the loops before the place make the steps).

    `top_relevant`: the product of the level's outermost loops that change the operand's elements. It divides the tile into
    the part that is in use.
    """

    period: Array
    window: Array
    period_place: Array
    window_place: Array
    top_relevant: Number


def timings_of(
    batch: MappingBatch, levels: dict[Operand, int], *, transposed: bool, holds: bool, xp: Any
) -> dict[Operand, list[Timing]]:
    """The timings of each operand's chain, from the MAC up to the outermost memory."""
    loops = loops_of(batch, xp)
    return {
        operand: _timings(operand, batch, levels[operand], loops, transposed, holds and operand != "O")
        for operand in OPERANDS
    }


def _timings(
    operand: Operand, batch: MappingBatch, levels: int, loops: Loops, transposed: bool, holds: bool
) -> list[Timing]:
    dims = relevant(operand, transposed=transposed)
    windowed = operand == ("O" if transposed else "I")
    plain: tuple[Dim, ...] = tuple(dim for dim in dims if not (windowed and dim in WINDOW))
    changes = loops.over(dims) & loops.matters
    unplain = ~loops.over(plain) & loops.matters
    table = _Table(loops)
    steps, after = table.of(loops.prefix()), table.of(_places_after(changes, loops))
    last_change, last_unplain = table.of(_places_before(changes, loops)), table.of(_places_before(unplain, loops))
    row, zero = OPERANDS.index(operand), loops.xp.zeros_like(after[0])
    ends = [_full(batch.cut[row, level], zero) for level in range(levels - 1)]
    places = [table.at(after, zero) if holds else zero, *(table.at(after, end) for end in ends), zero + loops.count]
    timings = [_timing(table, steps, places[0], places[0], 1.0)]
    for level in range(1, levels + 1):
        lower = places[level - 1] if level > 1 else zero
        window = loops.xp.maximum(lower, table.at(last_change, places[level]))
        split = loops.xp.maximum(lower, table.at(last_unplain, places[level]))
        used = table.at(steps, places[level]) / table.at(steps, split)
        timings.append(_timing(table, steps, places[level], window, used))
    return timings


@dataclass(frozen=True)
class _Table:
    """Looks up values that are known for each place j = 0 .. J."""

    loops: Loops

    def of(self, by_place: list[Array]) -> Array:
        return self.loops.xp.stack(by_place)

    def at(self, table: Array, place: Array) -> Array:
        xp = self.loops.xp
        size = table.shape[-1]
        return xp.take(xp.reshape(table, (-1,)), place * size + xp.arange(size, device=device_of(table)), axis=0)


def _timing(table: _Table, steps: Array, period: Array, window: Array, top_relevant: Number) -> Timing:
    return Timing(table.at(steps, period), table.at(steps, window), period, window, top_relevant)


def _full(place: Array, like: Array) -> Array:
    return place + like


def _places_after(marked: Array, loops: Loops) -> list[Array]:
    """For j = 0 .. J the place of the first marked loop from j on, else J."""
    places = [loops.place(loops.count)]
    for place in reversed(range(loops.count)):
        places.append(loops.xp.where(marked[place], loops.place(place), places[-1]))
    return places[::-1]


def _places_before(marked: Array, loops: Loops) -> list[Array]:
    """For j = 0 .. J the place just after the last marked loop before j, else 0."""
    places = [loops.place(0)]
    for place in range(loops.count):
        places.append(loops.xp.where(marked[place], loops.place(place + 1), places[-1]))
    return places
