"""The general form: a list of loops and cut positions, even (Timeloop's) or uneven (ZigZag's), as a `Nest`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from netchip.hardware.arrays import Array, device_of
from netchip.hardware.counting.arithmetic import Number
from netchip.hardware.counting.nest import WINDOW, Extent, Nest, Slide
from netchip.hardware.dimensions import DIMS, OPERANDS, Dim, Operand, relevant
from netchip.hardware.mapping_batch import MappingBatch


@dataclass(frozen=True)
class Loops:
    """Loops of a batch: `bound` [J, N], where a dimension runs (bool [J, N] or [J, 1]), and where a loop does anything."""

    xp: Any
    bound: Array
    runs: dict[Dim, Array]
    matters: Array

    @property
    def count(self) -> int:
        """J."""
        return self.bound.shape[0]

    def place(self, place: int) -> Array:
        """A place in the list, for each mapping."""
        return self.xp.full(self.bound.shape[1:], place, dtype=self.xp.int64, device=device_of(self.bound))

    def over(self, dims: Sequence[Dim]) -> Array:
        """Where one of `dims` runs."""
        found = self.runs[dims[0]]
        for dim in dims[1:]:
            found = found | self.runs[dim]
        return found

    def prefix(self, dims: Sequence[Dim] = DIMS) -> list[Array]:
        """For j = 0 .. J the product of the bounds of the loops before j that run over one of `dims`."""
        bound = self.bound if len(dims) == len(DIMS) else self.xp.where(self.over(dims), self.bound, 1.0)
        products = [self.xp.ones_like(bound[0])]
        for place in range(bound.shape[0]):
            products.append(products[-1] * bound[place])
        return products

    def next_period(self, dims: Sequence[Dim], prefix: list[Array]) -> list[Array]:
        """For j = 0 .. J the steps between loads of a tile cut at j: those below the first loop from j on that changes it."""
        changes = self.over(dims) & self.matters
        periods = [prefix[-1]]
        for place in reversed(range(self.bound.shape[0])):
            periods.append(self.xp.where(changes[place], prefix[place], periods[-1]))
        return periods[::-1]


def nest_of_loops(
    batch: MappingBatch, levels: dict[Operand, int], *, transposed: bool, holds: bool, slides: bool, xp: Any
) -> Nest:
    """The nest of a batch whose operands have chains of `levels` memories.

    `holds`: weights and inputs stay at the MAC while the innermost loops reuse them. `slides`: find the loop that slides a
    window too.
    """
    loops, picks = loops_of(batch, xp), _Picks(batch, levels, xp)
    windowed: Operand = "O" if transposed else "I"
    prefix = loops.prefix()
    extents: dict[Operand, tuple[Extent, ...]] = {}
    loads: dict[Operand, tuple[Number, ...]] = {}
    for operand in OPERANDS:
        dims = relevant(operand, transposed=transposed)
        extents[operand] = _extents(picks, operand, dims, loops, window=operand == windowed)
        periods = loops.next_period(dims, prefix)
        at_mac = prefix[-1] / periods[0] if holds and operand != "O" else prefix[-1]
        loads[operand] = (at_mac, *(prefix[-1] / period for period in picks(operand, periods)), 1.0)
    found = _slides(picks, windowed, batch, loops) if slides else ()
    return Nest(steps=prefix[-1], extents=extents, loads=loads, slides=found)


def loops_of(batch: MappingBatch, xp: Any) -> Loops:
    """The loops of a batch, by place."""
    size = len(batch)
    bound = xp.broadcast_to(batch.bound, (batch.bound.shape[0], size))
    dim = xp.astype(batch.dim, xp.int8)
    return Loops(xp, bound, {name: dim == index for index, name in enumerate(DIMS)}, bound > 1)


class _Picks:
    """Takes, of something known for each place in the list of loops, what stands at an operand's cuts."""

    def __init__(self, batch: MappingBatch, levels: dict[Operand, int], xp: Any) -> None:
        self._cut, self._levels, self._xp, self._size = batch.cut, levels, xp, len(batch)
        self._flat = batch.cut * self._size + xp.arange(self._size, device=batch.cut.device)

    def __call__(self, operand: Operand, by_place: list[Array]) -> list[Array]:
        """[N] for each memory below the outermost one."""
        row, inner = OPERANDS.index(operand), range(self._levels[operand] - 1)
        if self._cut.shape[-1] == 1:
            return [by_place[int(self._cut[row, level, 0])] for level in inner]
        table = self._xp.reshape(self._xp.stack(by_place), (-1,))
        return [self._xp.take(table, self._flat[row, level], axis=0) for level in inner]


def _extents(
    picks: _Picks, operand: Operand, dims: tuple[Dim, ...], loops: Loops, *, window: bool
) -> tuple[Extent, ...]:
    if not window:
        prefix = loops.prefix(dims)
        return (Extent(1.0), *map(Extent, picks(operand, prefix)), Extent(prefix[-1]))
    plain = loops.prefix([dim for dim in dims if dim not in WINDOW])
    axes = [loops.prefix([dim]) for dim in WINDOW]
    inner = zip(picks(operand, plain), *(picks(operand, axis) for axis in axes), strict=True)
    levels = [*inner, (plain[-1], *(axis[-1] for axis in axes))]
    return (Extent(1.0, ((1.0, 1.0), (1.0, 1.0))), *(Extent(p, ((oy, fy), (ox, fx))) for p, oy, fy, ox, fx in levels))


def _slides(picks: _Picks, operand: Operand, batch: MappingBatch, loops: Loops) -> tuple[Slide, ...]:
    """The first loop from each cut on that does anything: its axis and bound."""
    xp, bound = loops.xp, loops.bound
    axis = xp.full_like(bound, -1.0)
    for code, dim in enumerate(WINDOW):
        axis = xp.where(loops.runs[dim], float(code), axis)
    axes, bounds = [xp.full_like(bound[0], -1.0)], [xp.ones_like(bound[0])]
    for place in reversed(range(bound.shape[0])):
        axes.append(xp.where(loops.matters[place], axis[place], axes[-1]))
        bounds.append(xp.where(loops.matters[place], bound[place], bounds[-1]))
    inner = zip(picks(operand, axes[::-1]), picks(operand, bounds[::-1]), strict=True)
    still = Slide(-1.0, 1.0)
    return (still, *(Slide(code, steps) for code, steps in inner), still)
