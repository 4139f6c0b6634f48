"""What the memories beside a line of SmartExchange's array hold for a layer, made of the stored tensors of a compressed weight.

The stored tensors are those of a compressed file (`docs/smart_exchange_format.md`): 4-bit codes of kept rows, a bit a row, a basis
of int8 for each block that has a row. Whole numbers throughout; the scale of a layer comes after the sums.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netchip.errors import DataError, RequestError
from netchip.hardware.engines.paired import row_inputs
from netchip.hardware.engines.simulation import Coefficients
from netchip.rtl.components.line_size import CODE_BITS, INPUT_BITS, POWERS, LineSize
from netchip.workload.shape import LayerShape
from netchip.workload.weight_statistics import row_layout

Integers = NDArray[np.integer[Any]]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedRows:
    """The stored tensors of a weight: `codes`, `row_bitmap` and where there is one `element_bitmap` uint8 as in the file, `basis`
    int8 [kept blocks, width, width].

    Zeros that a bitmap tells are codes of 0 in the line's memory. `filters` of `filter_rows` rows each, `block_rows` rows of a
    filter a block. Raises `DataError` where the sizes do not agree, as they do not in a file that was cut off.
    """

    filters: int
    filter_rows: int
    block_rows: int
    codes: Bytes
    row_bitmap: Bytes
    basis: Integers
    element_bitmap: Bytes | None = None

    def __post_init__(self) -> None:
        coefficients = int(np.unpackbits(self.row_bitmap).sum()) * self.basis.shape[-1]
        stored, needs = coefficients, {"row_bitmap": -(-self.filters * self.filter_rows // 8)}
        if self.element_bitmap is not None:
            stored, needs["element_bitmap"] = int(np.unpackbits(self.element_bitmap).sum()), -(-coefficients // 8)
        for name, size in {**needs, "codes": -(-stored * CODE_BITS // 8)}.items():
            found = getattr(self, name)
            if found.dtype != np.uint8 or found.shape != (size,):
                raise DataError(
                    f"{name} holds {found.size} bytes of {found.dtype}, but {size} of uint8 belong to {self.filters} filters of "
                    f"{self.filter_rows} rows; is the file whole?"
                )
        if len(self.basis) != int(self.kept_blocks.sum()):
            raise DataError(
                f"{len(self.basis)} bases for {int(self.kept_blocks.sum())} blocks with rows; is the file whole?"
            )

    @cached_property
    def kept(self) -> NDArray[np.bool_]:
        """Which rows [filters, filter rows] have coefficients."""
        bits = np.unpackbits(self.row_bitmap, bitorder="little")[: self.filters * self.filter_rows]
        return bits.astype(bool).reshape(self.filters, self.filter_rows)

    @cached_property
    def kept_blocks(self) -> NDArray[np.bool_]:
        """Which blocks [filters, blocks] have coefficients."""
        starts = list(range(0, self.filter_rows, self.block_rows))
        return np.logical_or.reduceat(self.kept, starts, axis=1)

    @cached_property
    def kept_codes(self) -> Bytes:
        """The codes [kept rows, width] of 4 bits, 0 for a coefficient that is zero."""
        nibbles = np.stack([self.codes & 15, self.codes >> CODE_BITS], axis=1).reshape(-1)
        rows, width = int(self.kept.sum()), self.basis.shape[-1]
        if self.element_bitmap is None:
            return nibbles[: rows * width].reshape(rows, width).astype(np.uint8)
        nonzero = np.unpackbits(self.element_bitmap, bitorder="little")[: rows * width].astype(bool)
        found = np.zeros(rows * width, np.uint8)
        found[nonzero] = nibbles[: int(nonzero.sum())]
        return found.reshape(rows, width)

    def coefficients(self) -> Coefficients:
        """The same as numbers, for the engine model."""
        width = self.basis.shape[-1]
        signs = np.zeros((self.filters, self.filter_rows, width), np.int64)
        exponents, bases = np.zeros_like(signs), np.zeros((*self.kept_blocks.shape, width, width), np.int8)
        magnitude = self.kept_codes.astype(np.int64) & 7
        signs[self.kept] = np.where(magnitude == 0, 0, 1 - 2 * (self.kept_codes >> 3).astype(np.int64))
        exponents[self.kept] = np.where(magnitude == 0, 0, POWERS - magnitude)
        bases[self.kept_blocks] = self.basis
        return Coefficients(signs, exponents, bases, self.block_rows)


@dataclass(frozen=True, kw_only=True)
class LineProgram:
    """Words of each memory, and the ends of the line's counters. `tiles` of so many output columns make `shape`'s rows."""

    size: LineSize
    shape: LayerShape
    row_index: tuple[int, ...]
    input_index: tuple[int, ...]
    codes: tuple[int, ...]
    basis: tuple[int, ...]
    inputs: tuple[int, ...]
    words: int
    block_words: int
    tiles: int

    @property
    def filters(self) -> int:
        """How many filters one after another."""
        return self.shape.out_channels

    @property
    def across(self) -> int:
        """Tiles of an output row."""
        return -(-self.shape.out_width // self.size.lanes)


def line_program(packed: PackedRows, shape: LayerShape, inputs: Integers, size: LineSize) -> LineProgram:
    """The memories for one image, `inputs` [channels, height, width] of whole numbers of 8 bits.

    Raises `RequestError` where the line cannot run the layer, or its counters are too narrow for it: each says why.
    """
    _check(packed, shape, inputs, size)
    block_words = -(-packed.block_rows // size.rows_in_word)
    padded = _Padded(packed.filter_rows, packed.block_rows, size.rows_in_word)
    live, windows = _windows(shape, inputs, size)
    made = LineProgram(
        size=size,
        shape=shape,
        row_index=tuple(word for rows in packed.kept for word in padded.words(rows)),
        input_index=tuple(word for tile in live for word in padded.words(tile)),
        codes=tuple(_joined(row, CODE_BITS) for row in packed.kept_codes),
        basis=tuple(_joined(row, 8) for block in packed.basis for row in _to_power_of_two(block)),
        inputs=tuple(int(word) for tile in windows for word in padded.rows(tile, 0)),
        words=padded.count,
        block_words=block_words,
        tiles=len(windows),
    )
    longest = max(map(len, (made.row_index, made.input_index, made.codes)))
    if longest > 2**size.address_bits:
        raise RequestError(f"{longest:,} words do not fit into address_bits = {size.address_bits}; give the line more")
    return made


class _Padded:
    """Rows of a filter in words: each block is filled up to whole ones."""

    def __init__(self, rows: int, block_rows: int, in_word: int) -> None:
        self.in_word, self.starts, self.block_rows = in_word, range(0, rows, block_rows), block_rows
        self.count = sum(-(-min(block_rows, rows - start) // in_word) for start in self.starts)

    def rows(self, values: Any, filler: Any) -> list[Any]:
        """The values of rows with fillers."""
        found: list[Any] = []
        for start in self.starts:
            part = list(values[start : start + self.block_rows])
            found += [*part, *[filler] * (-len(part) % self.in_word)]
        return found

    def words(self, bits: Any) -> list[int]:
        """Bits of rows, the first the lowest."""
        flat = self.rows(bits, False)
        return [_joined(flat[start : start + self.in_word], 1) for start in range(0, len(flat), self.in_word)]


def _check(packed: PackedRows, shape: LayerShape, inputs: Integers, size: LineSize) -> None:
    if shape.groups != 1 or shape.transposed or shape.dilation != (1, 1) or shape.kernel_width != size.length:
        raise RequestError(
            f"the line runs plain convolutions of kernels {size.length} wide; this one has a kernel {shape.kernel_width} wide, "
            f"groups {shape.groups}, dilation {shape.dilation}"
        )
    if shape.stride[1] != size.stride:
        raise RequestError(f"the line is built for stride {size.stride}, the layer has {shape.stride[1]}")
    rows = shape.in_channels * shape.kernel_height
    if (packed.filters, packed.filter_rows, packed.basis.shape[-1]) != (shape.out_channels, rows, size.length):
        raise RequestError(
            f"the weight has {packed.filters} filters of {packed.filter_rows} rows of {packed.basis.shape[-1]}, the layer "
            f"{shape.out_channels} of {rows} of {size.length}"
        )
    low, high = (-128, 127) if size.signed_inputs else (0, 255)
    if (
        inputs.shape != (shape.in_channels, shape.in_height, shape.in_width)
        or inputs.min() < low
        or inputs.max() > high
    ):
        raise RequestError(
            f"inputs are {list(inputs.shape)} from {inputs.min()} to {inputs.max()}; the line reads whole numbers {low} to {high} "
            f"of {[shape.in_channels, shape.in_height, shape.in_width]}"
        )


def _windows(shape: LayerShape, inputs: Integers, size: LineSize) -> tuple[list[list[bool]], list[list[int]]]:
    """For each tile and row: whether the row of the map that it meets has a number but 0, and the word of inputs."""
    layout = row_layout(shape.in_channels, shape.kernel_height, shape.kernel_width)
    meets = row_inputs(shape, layout)
    live, words = [], []
    for y in range(shape.out_height):
        for left in range(0, shape.out_width, size.lanes):
            places = [(int(meets.channel[row, 0]), int(meets.top[row, 0, y])) for row in range(layout.rows)]
            lines = [inputs[channel, top] if 0 <= top < shape.in_height else None for channel, top in places]
            live.append([line is not None and bool(line.any()) for line in lines])
            words.append([_window(line, shape, left, size) for line in lines])
    return live, words


def _window(line: Integers | None, shape: LayerShape, left: int, size: LineSize) -> int:
    """The inputs under a tile of columns, and above them which lanes have an output."""
    start = left * size.stride - shape.padding[1]
    values = [
        int(line[column]) % 2**INPUT_BITS if line is not None and 0 <= column < shape.in_width else 0
        for column in range(start, start + size.window)
    ]
    lanes = (1 << min(size.lanes, shape.out_width - left)) - 1
    return _joined(values, INPUT_BITS) | lanes << size.window * INPUT_BITS


def _to_power_of_two(rows: Integers) -> list[Any]:
    """Rows of a basis, filled up so that they begin at a multiple of a power of two."""
    return [*rows, *[np.zeros_like(rows[0])] * ((1 << (len(rows) - 1).bit_length()) - len(rows))]


def _joined(values: Any, bits: int) -> int:
    """Whole numbers side by side, the first the lowest."""
    return sum((int(value) % 2**bits) << place * bits for place, value in enumerate(values))
