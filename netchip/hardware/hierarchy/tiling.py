"""Tiles from ratios: scaled until registers, array and buffer are just full, so that every design fits by construction.

The scale is found by bisection for many designs at once; tiles are floored and brought down to divisors, which keeps every count of
steps whole. What is left loops over the DRAM.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np

from netchip.hardware.dimensions import DIMS
from netchip.hardware.hierarchy.template import TILED
from netchip.workload.layer import Layer

Fits = Callable[[np.ndarray], np.ndarray]

_ROUNDS = 12
_LEAST_SCALE = 0.05


@dataclass(frozen=True, eq=False)
class TilingTable:
    """What tiling needs of L layers: bounds of the tiled loops [6, L], windows, bits, divisors. Made by `tiling_table`."""

    bounds: np.ndarray
    depthwise: np.ndarray
    window: np.ndarray
    bits: np.ndarray
    all_bounds: np.ndarray

    @cached_property
    def _divisors(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows by number of steps, and the largest divisor of it that is at most each number [row, number]."""
        steps = sorted({each for bound in np.unique(self.bounds).astype(int) for each in _divisors_of(int(bound))})
        most = steps[-1]
        row = np.zeros(most + 1, dtype=np.int64)
        table = np.ones((len(steps), most + 1))
        for place, number in enumerate(steps):
            row[number] = place
            for divisor in _divisors_of(number):
                table[place, divisor:] = divisor
        return row, table

    def least_bits(self) -> int:
        """Bits that one weight, input and sum of the widest layer take."""
        return int(self.bits.sum(0).max())

    def among(self, layer: np.ndarray) -> "Cut":
        """What tiling needs of the layers [N], gathered once."""
        window: list[np.ndarray] = list(self.window[:, layer])
        bits: list[np.ndarray] = list(self.bits[:, layer])
        return Cut(self, self.depthwise[layer], window, bits)

    def divisor_rows(self, steps: np.ndarray) -> np.ndarray:
        """Where in the flat table of divisors the rows of these numbers of steps begin."""
        row, table = self._divisors
        return row[steps.astype(np.int64)] * table.shape[1]

    def largest_divisor(self, rows: np.ndarray, most: np.ndarray) -> np.ndarray:
        """The largest divisors not above `most`, of the steps whose rows are given."""
        table = self._divisors[1]
        return table.ravel()[rows + np.clip(most, 1, table.shape[1] - 1).astype(np.int64)]


@dataclass(frozen=True, eq=False)
class Cut:
    """The layers of N designs: whether each is depthwise, its windows and its bits."""

    table: TilingTable
    depthwise: np.ndarray
    window: list[np.ndarray]
    bits: list[np.ndarray]

    def held_bits(self, tile: np.ndarray) -> np.ndarray:
        """Bits of the weights, inputs (a bounding box) and sums in tiles [6, N]."""
        out, channels, rows, columns, kernel_rows, kernel_columns = tile
        stride_y, stride_x, dilation_y, dilation_x, most_y, most_x = self.window
        read_rows = np.minimum(most_y, (rows - 1) * stride_y + (kernel_rows - 1) * dilation_y + 1)
        read_columns = np.minimum(most_x, (columns - 1) * stride_x + (kernel_columns - 1) * dilation_x + 1)
        weights = out * channels * kernel_rows * kernel_columns * self.bits[0]
        read: np.ndarray = read_rows * read_columns * self.bits[1]
        inputs = cast("np.ndarray", np.where(self.depthwise, out, channels) * read)
        return weights + inputs + out * rows * columns * self.bits[2]


def tiling_table(layers: Sequence[Layer]) -> TilingTable:
    """The table of convolutions."""
    bounds = np.array([[layer.shape.loop_bounds[dim] for dim in DIMS] for layer in layers], dtype=np.float64).T
    depthwise = np.array([layer.shape.out_channels == 1 and layer.shape.in_channels == 1 for layer in layers])
    tiled = bounds[[DIMS.index(dim) for dim in TILED]]
    tiled[0] = np.where(depthwise, bounds[DIMS.index("G")], tiled[0])
    window = [
        (*shape.stride, *shape.dilation, shape.in_height + 2 * shape.padding[0], shape.in_width + 2 * shape.padding[1])
        for shape in (layer.shape for layer in layers)
    ]
    bits = [
        (each.weight_bits, each.input_bits, max(each.accumulator_bits, each.output_bits))
        for each in (layer.precision for layer in layers)
    ]
    return TilingTable(
        tiled, depthwise, np.array(window, dtype=np.float64).T, np.array(bits, dtype=np.float64).T, bounds
    )


@dataclass(frozen=True, eq=False)
class Room:
    """What N designs have: units of the array, bits of registers in each unit and of the buffer, all [N]."""

    units: np.ndarray
    register_bits: np.ndarray
    buffer_bits: np.ndarray


@dataclass(frozen=True, eq=False)
class Ratios:
    """Ratios [6, N] of the tiled loops in registers, on the array (0: not unrolled) and in the buffer."""

    register: np.ndarray
    array: np.ndarray
    buffer: np.ndarray


def factors_by_ratio(
    table: TilingTable, layer: np.ndarray, ratios: Ratios, room: Room
) -> tuple[np.ndarray, np.ndarray]:
    """Steps [level, dim, N] in registers, buffer and DRAM, and units [1, dim, N] side by side, of designs for the layers [N]."""
    bounds, cut = table.bounds[:, layer], table.among(layer)
    most = np.minimum(room.register_bits, room.buffer_bits)
    inner = _filled(table, bounds, ratios.register, lambda tile: cut.held_bits(tile) <= most)
    side = _filled(
        table,
        bounds / inner,
        ratios.array,
        lambda tile: (tile.prod(0) <= room.units) & (cut.held_bits(inner * tile) <= room.buffer_bits),
    )
    below = inner * side
    outer = _filled(table, bounds / below, ratios.buffer, lambda tile: cut.held_bits(below * tile) <= room.buffer_bits)
    levels = [_all_dims(table, layer, tile) for tile in (inner, side, outer)]
    rest = table.all_bounds[:, layer] / (levels[0] * levels[1] * levels[2])
    return np.stack([levels[0], levels[2], rest]), levels[1][None]


def _filled(table: TilingTable, left: np.ndarray, ratios: np.ndarray, fits: Fits) -> np.ndarray:
    """The largest tiles in these ratios that fit, each a divisor of the steps left; 1 where even those do not."""

    rows = table.divisor_rows(left)

    def at(scale: np.ndarray) -> np.ndarray:
        return table.largest_divisor(rows, scale * ratios)

    low = np.full(left.shape[1], np.log(_LEAST_SCALE))
    high = np.full(left.shape[1], np.log(2 * max(2.0, float(table.bounds.max()))))
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        fit = fits(at(np.exp(middle)))
        low, high = np.where(fit, middle, low), np.where(fit, high, middle)
    return at(np.exp(low))


def _all_dims(table: TilingTable, layer: np.ndarray, tile: np.ndarray) -> np.ndarray:
    """Tiles [6, N] of the tiled loops as tiles [dim, N] of all loops."""
    found = np.ones((len(DIMS), tile.shape[1]))
    for dim, row in zip(TILED, tile, strict=True):
        found[DIMS.index(dim)] = row
    deep = table.depthwise[layer]
    found[DIMS.index("G")] = np.where(deep, tile[0], 1.0)
    found[DIMS.index("K")] = np.where(deep, 1.0, tile[0])
    return found


def _divisors_of(number: int) -> list[int]:
    low = [each for each in range(1, int(number**0.5) + 1) if number % each == 0]
    return sorted({*low, *(number // each for each in low)})
