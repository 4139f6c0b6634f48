"""The SmartExchange array step by step, on one small layer: rebuild engines, index selector, bit-serial lanes, adder trees.

Its result is that of the plain integer convolution, bit for bit, and its counts are those that `smart_exchange.py` states for
slices in step. Whole numbers throughout: rebuilt weights keep all their bits, where the chip would round them to 8. Slow on
purpose, and plain Python.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchip.errors import RequestError
from netchip.hardware.engines.paired import RowInputs, row_inputs
from netchip.hardware.engines.resources import EngineArray
from netchip.workload.booth import booth_digits, checked_codes
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import CoefficientStorage
from netchip.workload.weight_statistics import row_layout, row_units

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Coefficients:
    """A layer as coefficients times bases, in whole numbers.

    `signs` [filters, rows, length] of -1, 0, 1; `exponents` alike, of at least 0: a coefficient is sign * 2^exponent.
    `bases` [filters, blocks, length, length] of int8: rows b * rows_in_block and on belong to block b.
    """

    signs: Integers
    exponents: Integers
    bases: Integers
    rows_in_block: int

    def __post_init__(self) -> None:
        filters, rows, length = self.signs.shape
        blocks = math.ceil(rows / self.rows_in_block)
        if self.exponents.shape != self.signs.shape or self.bases.shape != (filters, blocks, length, length):
            raise RequestError(
                f"signs {list(self.signs.shape)}, exponents {list(self.exponents.shape)}, bases {list(self.bases.shape)} do not "
                f"belong together; with {self.rows_in_block} rows a block bases are {[filters, blocks, length, length]}"
            )
        if self.exponents.min() < 0 or not np.isin(self.signs, (-1, 0, 1)).all():
            raise RequestError("signs are -1, 0 or 1 and exponents whole numbers of at least 0; shift the exponents up")

    @property
    def values(self) -> Integers:
        """The coefficients as numbers."""
        return self.signs * 2 ** self.exponents.astype(np.int64)

    @property
    def rows(self) -> NDArray[np.bool_]:
        """Which rows [filters, rows] have a coefficient."""
        return np.logical_or.reduce(self.signs != 0, axis=-1)

    @property
    def stored_blocks(self) -> NDArray[np.bool_]:
        """Which blocks [filters, blocks] have a coefficient, so that their basis is stored."""
        starts = list(range(0, self.signs.shape[1], self.rows_in_block))
        return np.logical_or.reduceat(self.rows, starts, axis=1)

    def weights(self) -> Integers:
        """The rebuilt rows [filters, rows, length]."""
        rows: int = self.signs.shape[1]
        block: Integers = np.arange(rows) // self.rows_in_block
        return np.einsum("frk,frkn->frn", self.values, self.bases.astype(np.int64)[:, block])

    def storage(self) -> CoefficientStorage:
        """What memory holds: non-zero coefficients, bases of blocks that have any, a bit a row."""
        return CoefficientStorage(
            nonzero_coefficients=int(np.count_nonzero(self.signs)),
            basis_elements=int(self.stored_blocks.sum()) * self.signs.shape[2] ** 2,
            index_bits=self.signs.shape[0] * self.signs.shape[1],
        )


@dataclass
class Simulated:
    """The outputs [filters, output rows, output columns] and what happened on the way."""

    outputs: Integers
    cycles: int = 0
    row_pairs: int = 0
    skipped_pairs: int = 0
    own_rows: int = 0
    rebuild_adds: int = 0
    digit_steps: int = 0
    coefficients: int = 0
    basis_elements: int = 0


class _Tile(NamedTuple):
    """Outputs that are made together: filters of the slices, one output row, columns of the lanes."""

    filters: range
    row: int
    columns: range


@dataclass
class _Slice:
    """One output channel: its rebuild engine with the bases of the tile at hand, and the sums of each line and lane."""

    filter: int
    sums: list[list[int]]
    bases: dict[int, Integers] = field(default_factory=dict[int, Integers])


def simulate(
    shape: LayerShape,
    layer: Coefficients,
    codes: Any,
    array: EngineArray,
    *,
    row_length: int | None = None,
    compact_mapping: bool = True,
) -> Simulated:
    """Runs one image, `codes` [channels, height, width], through the array; slices go in step, lines each at its own pace."""
    layout = row_layout(shape.in_channels, shape.kernel_height, shape.kernel_width, row_length)
    if layer.signs.shape != (shape.total_out_channels, layout.rows, layout.length):
        raise RequestError(
            f"coefficients of shape {list(layer.signs.shape)}; the layer has {layout.rows} rows of {layout.length} in "
            f"{shape.total_out_channels} filters"
        )
    dealt = compact_mapping and shape.in_channels == 1 and shape.kernel_height > 1
    machine = _Machine(
        shape, layer, checked_codes(codes), array, row_inputs(shape, layout), row_units(layout)[dealt] % array.lines
    )
    for tile in _tiles(shape, array):
        machine.run(tile)
    return machine.done


def _tiles(shape: LayerShape, array: EngineArray) -> Iterator[_Tile]:
    filters, width = shape.total_out_channels, shape.out_width
    for first in range(0, filters, array.slices):
        for row in range(shape.out_height):
            for left in range(0, width, array.lanes):
                yield _Tile(
                    range(first, min(first + array.slices, filters)), row, range(left, min(left + array.lanes, width))
                )


class _Machine:
    """The array at work on one layer."""

    def __init__(
        self,
        shape: LayerShape,
        layer: Coefficients,
        codes: Integers,
        array: EngineArray,
        inputs: RowInputs,
        line: NDArray[np.int64],
    ) -> None:
        self.shape, self.layer, self.codes, self.array, self.inputs, self.line = (
            shape,
            layer,
            codes,
            array,
            inputs,
            line,
        )
        self.row_index = layer.rows  # a bit for each row of weights
        self.map_index = np.logical_or.reduce(codes != 0, axis=-1)  # a bit for each row of the map
        outputs = np.zeros((shape.total_out_channels, shape.out_height, shape.out_width), np.int64)
        self.done = Simulated(outputs)

    def run(self, tile: _Tile) -> None:
        """One tile: every line goes through its rows, the tile ends with the longest, and adder trees sum the lines up."""
        slices = [self._slice(each, len(tile.columns)) for each in tile.filters]
        busy = [0] * self.array.lines
        for row in range(self.layer.signs.shape[1]):
            selected = [each for each in slices if self._selects(each.filter, row, tile.row)]
            if not selected:
                self.done.skipped_pairs += 1
                continue
            self.done.row_pairs += 1
            busy[self.line[row]] += max(self._work(each, row, tile) for each in selected)
        self.done.cycles += max(busy)
        for each in slices:
            for lane, column in enumerate(tile.columns):
                self.done.outputs[each.filter, tile.row, column] = sum(line[lane] for line in each.sums)

    def _slice(self, index: int, lanes: int) -> _Slice:
        """A slice with cleared sums, whose rebuild engine is given every basis that is stored for its filter."""
        made = _Slice(index, [[0] * lanes for _ in range(self.array.lines)])
        for block in np.flatnonzero(self.layer.stored_blocks[index]):
            made.bases[int(block)] = self.layer.bases[index, block]
            self.done.basis_elements += self.layer.bases[index, block].size
        return made

    def _selects(self, index: int, row: int, out_row: int) -> bool:
        """The index selector: the row has a coefficient, and one of the rows of the map that it meets is not zero."""
        return bool(self.row_index[index, row]) and any(
            channel >= 0 and 0 <= top < self.shape.in_height and self.map_index[self._first(index) + channel, top]
            for channel, top in zip(self.inputs.channel[row], self.inputs.top[row, :, out_row], strict=True)
        )

    def _first(self, index: int) -> int:
        """The first input channel that a filter sees."""
        return index // self.shape.out_channels * self.shape.in_channels

    def _rebuild(self, each: _Slice, row: int) -> list[int]:
        """A row of weights: for each non-zero coefficient a row of the basis, shifted, added or subtracted."""
        basis = each.bases[row // self.layer.rows_in_block]
        weights = [0] * len(basis)
        for k, (sign, exponent) in enumerate(
            zip(self.layer.signs[each.filter, row], self.layer.exponents[each.filter, row], strict=True)
        ):
            if sign == 0:
                continue
            self.done.coefficients += 1
            for n in range(len(weights)):
                weights[n] += int(sign) * (int(basis[k, n]) << int(exponent))
                self.done.rebuild_adds += 1
        return weights

    def _work(self, each: _Slice, row: int, tile: _Tile) -> int:
        """One slice on one row: each weight is handed to all lanes for as many cycles as the longest of them needs."""
        self.done.own_rows += 1
        cycles, sums = 0, each.sums[int(self.line[row])]
        for place, weight in enumerate(self._rebuild(each, row)):
            queues = [self._digits(each.filter, row, place, tile.row, column) for column in tile.columns]
            longest = max(1, *map(len, queues))
            for cycle in range(longest):
                for lane, queue in enumerate(queues):
                    if cycle < len(queue):
                        position, digit = queue[cycle]
                        sums[lane] += (digit * weight) << (2 * position)
                        self.done.digit_steps += 1
            cycles += longest
        return cycles

    def _digits(self, index: int, row: int, place: int, out_row: int, column: int) -> list[tuple[int, int]]:
        """Places and values of the non-zero Booth digits of the input that a weight meets for one output; none outside the map."""
        channel = self.inputs.channel[row, place]
        top, left = self.inputs.top[row, place, out_row], self.inputs.left[row, place, column]
        if channel < 0 or not (0 <= top < self.shape.in_height and 0 <= left < self.shape.in_width):
            return []
        digits = booth_digits(self.codes[self._first(index) + channel, top, left])
        return [(position, int(digit)) for position, digit in enumerate(digits) if digit]
