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

Fits = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Whether tiles [6, N] fit, given them and what they make together with all that is below."""

Kind = type[np.float32] | type[np.float64]

_ROUNDS = 12
_LEAST_SCALE = 0.05
_EXACT = 1 << 24


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

    @cached_property
    def _of_kind(self) -> dict[Kind, np.ndarray]:
        """The table of divisors, flat, in both precisions."""
        flat = self._divisors[1].ravel()
        return {np.float32: flat.astype(np.float32), np.float64: flat}

    def least_bits(self) -> int:
        """Bits that one weight, input and sum of the widest layer take."""
        return int(self.bits.sum(0).max())

    def among(self, layer: np.ndarray, kind: Kind = np.float64) -> "Cut":
        """What tiling needs of the layers [N], gathered once, as numbers of a kind."""
        window: list[np.ndarray] = list(self.window.astype(kind)[:, layer])
        bits: list[np.ndarray] = list(self.bits.astype(kind)[:, layer])
        return Cut(self, self.depthwise[layer], window, bits)

    def divisor_rows(self, steps: np.ndarray) -> np.ndarray:
        """Where in the flat table of divisors the rows of these numbers of steps begin."""
        row, table = self._divisors
        return row[steps.astype(np.int64)] * table.shape[1]

    def largest_divisors(self, rows: np.ndarray, most: np.ndarray, place: np.ndarray, found: np.ndarray) -> None:
        """Puts into `found` the largest divisors not above `most` (at least 0), of the steps whose rows are given.

        `place`, integers, and `most` are overwritten: pages that are new at every step would take longer than the arithmetic.
        """
        np.minimum(most, self._divisors[1].shape[1] - 1, out=most)
        place[...] = most
        np.add(place, rows, out=place)
        np.take(self._of_kind[found.dtype.type], place, out=found, mode="clip")


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
    kind = _kind_for(room)
    bounds, cut = table.bounds.astype(kind)[:, layer], table.among(layer, kind)
    ratios = Ratios(*(each.astype(kind) for each in (ratios.register, ratios.array, ratios.buffer)))
    room = Room(*(each.astype(kind) for each in (room.units, room.register_bits, room.buffer_bits)))
    most = np.minimum(room.register_bits, room.buffer_bits)
    inner = _filled(table, bounds, ratios.register, lambda _, whole: cut.held_bits(whole) <= most)
    side = _filled(
        table,
        bounds / inner,
        ratios.array,
        lambda tile, whole: (tile.prod(0) <= room.units) & (cut.held_bits(whole) <= room.buffer_bits),
        inner,
    )
    below = inner * side
    outer = _filled(
        table, bounds / below, ratios.buffer, lambda _, whole: cut.held_bits(whole) <= room.buffer_bits, below
    )
    levels = [_all_dims(table, layer, tile) for tile in (inner, side, outer)]
    rest = table.all_bounds[:, layer] / (levels[0] * levels[1] * levels[2])
    return np.stack([levels[0], levels[2], rest]), levels[1][None]


def _kind_for(room: Room) -> Kind:
    """Single precision is exact for whole numbers up to 2^24; what is beyond does not fit there whatever its last digits."""
    return np.float32 if max(room.buffer_bits.max(), room.units.max()) < _EXACT else np.float64


def _filled(
    table: TilingTable, left: np.ndarray, ratios: np.ndarray, fits: Fits, below: np.ndarray | None = None
) -> np.ndarray:
    """The largest tiles in these ratios that fit, each a divisor of the steps left; 1 where even those do not."""
    rows = table.divisor_rows(left)
    place = np.empty(rows.shape, dtype=np.int64)
    scaled, tile, whole = (np.empty(rows.shape, dtype=ratios.dtype) for _ in range(3))
    low = np.full(left.shape[1], np.log(_LEAST_SCALE), dtype=ratios.dtype)
    high = np.full(left.shape[1], np.log(2 * max(2.0, float(table.bounds.max()))), dtype=ratios.dtype)
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        np.multiply(np.exp(middle), ratios, out=scaled)
        table.largest_divisors(rows, scaled, place, tile)
        fit = fits(tile, tile if below is None else np.multiply(below, tile, out=whole))
        low, high = np.where(fit, middle, low), np.where(fit, high, middle)
    np.multiply(np.exp(low), ratios, out=scaled)
    table.largest_divisors(rows, scaled, place, tile)
    return tile


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
