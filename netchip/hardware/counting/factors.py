"""The even form: factors and an order a level, as a `Nest`. Needs no lookup, so it is quick and compiles well."""

from typing import Any

from netchip.hardware.arrays import Array
from netchip.hardware.counting.arithmetic import Arithmetic, Number, product
from netchip.hardware.counting.nest import WINDOW, Extent, Nest, Slide
from netchip.hardware.dimensions import DIMS, OPERANDS, Dim, Operand, relevant
from netchip.hardware.even_batch import EvenBatch

_OUTSIDE = float(len(DIMS) * 1000)
"""A place beyond those of all loops."""


def nest_of_factors(
    batch: EvenBatch, chains: dict[Operand, list[int]], *, transposed: bool, holds: bool, slides: bool, xp: Any
) -> Nest:
    """The nest of a batch; `chains` gives for each operand the level of each of its memories.

    `holds`: weights and inputs stay at the MAC while the innermost loops reuse them. `slides`: find the loop that slides a
    window too.
    """
    rows = _Rows(batch, xp)
    windowed: Operand = "O" if transposed else "I"
    steps = [product(level.values()) for level in rows.factors]
    outside = _products(steps[::-1])[::-1]
    extents: dict[Operand, tuple[Extent, ...]] = {}
    loads: dict[Operand, tuple[Number, ...]] = {}
    for operand in OPERANDS:
        dims, chain = relevant(operand, transposed=transposed), chains[operand]
        extents[operand] = _extents(rows, dims, chain, window=operand == windowed)
        reuse = _reuse(rows, dims)
        at_mac = outside[0] / reuse[0] if holds and operand != "O" else outside[0]
        loads[operand] = (at_mac, *(outside[level + 1] / reuse[level + 1] for level in chain[:-1]), 1.0)
    found = _slides(rows, chains[windowed]) if slides else ()
    return Nest(steps=outside[0], extents=extents, loads=loads, slides=found)


class _Rows:
    """Factors and places by level and dimension, [N] each."""

    def __init__(self, batch: EvenBatch, xp: Any) -> None:
        self.arithmetic = Arithmetic(xp, batch.factor)
        self.factors: list[dict[Dim, Array]] = [dict(zip(DIMS, level, strict=True)) for level in batch.factor]
        self.places: list[dict[Dim, Array]] = [dict(zip(DIMS, level, strict=True)) for level in batch.place]
        self.runs = [{dim: factor > 1 for dim, factor in level.items()} for level in self.factors]

    def first(self, level: int, dims: tuple[Dim, ...]) -> Array:
        """The lowest place of a loop of more than one step over one of `dims`, or one beyond all."""
        first: Number = _OUTSIDE
        for dim in dims:
            place = self.arithmetic.where(self.runs[level][dim], self.places[level][dim], _OUTSIDE)
            first = self.arithmetic.least(first, place)
        return first


def _products(factors: list[Number]) -> list[Number]:
    """1, then the products of the first, of the first two, and so on."""
    products: list[Number] = [1.0]
    for factor in factors:
        products.append(product((products[-1], factor)))
    return products


def _reuse(rows: _Rows, dims: tuple[Dim, ...]) -> list[Number]:
    """For each level the steps that run directly above the one below it without another element of `dims`, from outside in."""
    others: list[Dim] = [dim for dim in DIMS if dim not in dims]
    reuse: list[Number] = [1.0]
    for level in reversed(range(len(rows.factors))):
        first = rows.first(level, dims)
        run = product(
            rows.arithmetic.where(rows.places[level][dim] < first, rows.factors[level][dim], 1.0) for dim in others
        )
        reuse.append(product((run, rows.arithmetic.where(first == _OUTSIDE, reuse[-1], 1.0))))
    return reuse[::-1]


def _extents(rows: _Rows, dims: tuple[Dim, ...], chain: list[int], *, window: bool) -> tuple[Extent, ...]:
    if not window:
        reach = _reach(rows, dims)
        return (Extent(1.0), *(Extent(reach[level + 1]) for level in chain))
    plain = _reach(rows, tuple(dim for dim in dims if dim not in WINDOW))
    oy, fy, ox, fx = (_reach(rows, (dim,)) for dim in WINDOW)
    levels = [level + 1 for level in chain]
    return (
        Extent(1.0, ((1.0, 1.0), (1.0, 1.0))),
        *(Extent(plain[at], ((oy[at], fy[at]), (ox[at], fx[at]))) for at in levels),
    )


def _reach(rows: _Rows, dims: tuple[Dim, ...]) -> list[Number]:
    return _products([product(level[dim] for dim in dims) for level in rows.factors])


def _slides(rows: _Rows, chain: list[int]) -> tuple[Slide, ...]:
    """The innermost loop of more than one step above each tile: its axis and bound."""
    still = Slide(-1.0, 1.0)
    above = [still]
    for level in reversed(range(len(rows.factors))):
        above.append(_first_slide(rows, level, above[-1]))
    inward = above[::-1]
    return (still, *(inward[level + 1] for level in chain[:-1]), still)


def _first_slide(rows: _Rows, level: int, otherwise: Slide) -> Slide:
    where, first = rows.arithmetic.where, rows.first(level, DIMS)
    axis, bound = where(first == _OUTSIDE, otherwise.axis, -1.0), where(first == _OUTSIDE, otherwise.bound, 1.0)
    for code, dim in enumerate(WINDOW):
        here = rows.runs[level][dim] & (rows.places[level][dim] == first)
        axis, bound = where(here, float(code), axis), where(here, rows.factors[level][dim], bound)
    return Slide(axis, bound)
