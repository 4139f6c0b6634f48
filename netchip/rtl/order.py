"""The order in which words pass the ports: what a DMA engine has to send, and where it puts what comes back.

Blocks in order: group, tile of output channels, row of tiles, tile in the row; in each the steps over the input channels. The
first element of a word is its lowest bits. What lies beyond the layer is sent as zeros, and not read when it comes back.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchip.errors import RequestError
from netchip.rtl.plan import LayerPlan, Packing

Integers = NDArray[np.integer[Any]]

_KINDS = {8: "<i1", 16: "<i2"}


class Block(NamedTuple):
    """One output tile: its group, the first of its output channels there, its first row and column."""

    group: int
    out: int
    row: int
    column: int


def blocks(plan: LayerPlan) -> Iterator[Block]:
    """The output tiles of a layer in their order."""
    shape = plan.shape
    for group in range(plan.outer_groups):
        for out in range(0, plan.out_bound, plan.tile_out):
            for row in range(0, shape.out_height, plan.tile_rows):
                for column in range(0, shape.out_width, plan.tile_columns):
                    yield Block(group, out, row, column)


def input_words(plan: LayerPlan, inputs: Integers, zero_point: int = 0) -> list[list[int]]:
    """Words of each tile of inputs [C, H, W], block by block and step by step."""
    stride, rows = plan.shape.stride, plan.rows.words
    columns = plan.columns.words * plan.columns.positions
    padded = _padded(plan, inputs, (rows, columns), zero_point)
    found: list[list[int]] = []
    for block in blocks(plan):
        row, column = block.row * stride[0], block.column * stride[1]
        window = padded[:, row : row + rows, column : column + columns]
        for step in range(plan.steps):
            lanes = _input_lanes(plan, block, step)
            tile = np.where((lanes < 0)[..., None, None], 0, window[lanes])  # plane, lane, row, column
            lines = tile.transpose(0, 2, 3, 1).reshape(-1, columns, lanes.shape[1])
            found.append(_packed(lines, plan.size.input_packing, plan.size.chunk.input_bits))
    return found


def weight_words(plan: LayerPlan, weights: Integers) -> list[list[int]]:
    """Words of each tile of weights [M, C, R, S], block by block and step by step."""
    found: list[list[int]] = []
    tiles: dict[tuple[int, int, int], list[int]] = {}
    for block in blocks(plan):
        for step in range(plan.steps):
            key = (block.group, block.out, step)
            if key not in tiles:
                tiles[key] = _weight_tile(plan, weights, block, step)
            found.append(tiles[key])
    return found


def channels_of(plan: LayerPlan, block: Block) -> Integers:
    """Output channel of each pass and unit of a block, [out_passes, out]; -1 where there is none."""
    inside = np.arange(plan.out_passes * plan.size.out).reshape(plan.out_passes, plan.size.out)
    there = (inside < plan.tile_out) & (block.out + inside < plan.out_bound)
    return np.where(there, block.group * plan.shape.out_channels + block.out + inside, -1)


def outputs_of(plan: LayerPlan, words: list[int]) -> Integers:
    """Outputs [M, OY, OX] out of the words that came back; raises `RequestError` where their number is another."""
    each, shape = plan.output_words, plan.shape
    expected = each * plan.outer * plan.inner
    if len(words) != expected:
        raise RequestError(f"{len(words)} words came back, but the layer gives {expected}")
    outputs = np.zeros((shape.total_out_channels, shape.out_height, shape.out_width), np.int64)
    for place, block in enumerate(blocks(plan)):
        _put(outputs, plan, block, _tile(plan, words[place * each : (place + 1) * each]))
    return outputs


def _tile(plan: LayerPlan, words: list[int]) -> Integers:
    """The outputs [channels, rows, columns] of a block, padded up to whole unrolls, out of its words."""
    size, packing, chunk = plan.size, plan.size.output_packing, plan.size.chunk
    data = b"".join(word.to_bytes(chunk.port_bits // 8, "little") for word in words)
    values = (
        np.frombuffer(data, _KINDS[chunk.output_bits]).astype(np.int64).reshape(plan.out_passes, plan.plane_depth, -1)
    )
    held = values[:, :, : packing.lanes * packing.positions]
    places = held.reshape(plan.out_passes, -1, size.rows, size.columns, size.padded_out)
    passes = places[:, : plan.row_passes * plan.column_passes].reshape(
        plan.out_passes, plan.row_passes, plan.column_passes, size.rows, size.columns, size.padded_out
    )
    ordered = passes.transpose(0, 5, 3, 1, 4, 2)[:, : size.out]  # pass, channel, unit row, row, unit column, column
    return ordered.reshape(-1, size.rows * plan.row_passes, size.columns * plan.column_passes)


def _put(outputs: Integers, plan: LayerPlan, block: Block, tile: Integers) -> None:
    channels = channels_of(plan, block).reshape(-1)
    rows = min(plan.tile_rows, plan.shape.out_height - block.row)
    columns = min(plan.tile_columns, plan.shape.out_width - block.column)
    there = channels >= 0
    outputs[channels[there], block.row : block.row + rows, block.column : block.column + columns] = tile[
        there, :rows, :columns
    ]


def _padded(plan: LayerPlan, inputs: Integers, tile: tuple[int, int], zero_point: int) -> Integers:
    """Inputs with their padding, and enough below and to the right for whole tiles of so many rows and columns."""
    shape = plan.shape
    steps = (plan.row_tiles * plan.tile_rows * shape.stride[0], plan.column_tiles * plan.tile_columns * shape.stride[1])
    held = (shape.in_height, shape.in_width)
    sides = [
        (pad, max(pad, step + size - pad - own))
        for pad, step, size, own in zip(shape.padding, steps, tile, held, strict=True)
    ]
    return np.pad(inputs, ((0, 0), *sides), constant_values=zero_point)


def _input_lanes(plan: LayerPlan, block: Block, step: int) -> Integers:
    """Input channel of each plane and lane, [planes, lanes]; -1 where there is none."""
    if plan.deep:
        return channels_of(plan, block)
    inside = _step_channels(plan, step)
    return np.where(inside < 0, -1, block.group * plan.shape.in_channels + inside)


def _step_channels(plan: LayerPlan, step: int) -> Integers:
    """Input channel in its group of each pass and unit of a step, [in_passes, inputs]; -1 where there is none."""
    inside = np.arange(plan.in_passes * plan.size.inputs).reshape(plan.in_passes, plan.size.inputs)
    channel = step * plan.tile_in + inside
    return np.where((inside < plan.tile_in) & (channel < plan.shape.in_channels), channel, -1)


def _weight_tile(plan: LayerPlan, weights: Integers, block: Block, step: int) -> list[int]:
    """Words of a tile; its lanes are the input units of the first output unit, then those of the next."""
    size = plan.size
    filters, channels = channels_of(plan, block)[:, None, :, None], _step_channels(plan, step)[None, :, None, :]
    missing = (filters < 0) | (channels < 0)
    chosen = np.where(missing[..., None, None], 0, weights[filters, channels])  # pass, pass, unit, unit, R, S
    lanes = chosen.transpose(0, 1, 4, 5, 2, 3).reshape(1, plan.weight_addresses, size.out * size.inputs)
    return _packed(lanes, size.weight_packing, size.chunk.weight_bits)


def _packed(values: Integers, packing: Packing, bits: int) -> list[int]:
    """Words of values [lines, addresses, lanes]; each line begins with a new word."""
    lines, addresses, _ = values.shape
    up = -addresses % packing.positions
    held = np.pad(values, ((0, 0), (0, up), (0, 0))).reshape(lines, -1, packing.positions * packing.lanes)
    full = np.pad(held, ((0, 0), (0, 0), (0, packing.words * packing.per_word - held.shape[2])))
    data, width = full.astype(_KINDS[bits]).tobytes(), packing.per_word * bits // 8
    return [int.from_bytes(data[start : start + width], "little") for start in range(0, len(data), width)]


def expected_words(plan: LayerPlan, outputs: Integers) -> tuple[list[int], list[int]]:
    """The words that come back for outputs [M, OY, OX], and masks whose bits are set where a word holds any of them."""
    there = np.ones_like(outputs)
    words, masks = (_words_back(plan, values) for values in (outputs, -there))
    return words, masks


def _words_back(plan: LayerPlan, outputs: Integers) -> list[int]:
    size, packing = plan.size, plan.size.output_packing
    per_channel, held = plan.row_passes * plan.column_passes, plan.plane_depth * packing.positions
    found: list[int] = []
    for block in blocks(plan):
        tile = _gathered(outputs, plan, block).reshape(
            plan.out_passes, size.out, size.rows, plan.row_passes, size.columns, plan.column_passes
        )
        places = tile.transpose(0, 3, 5, 2, 4, 1).reshape(
            plan.out_passes, per_channel, size.rows, size.columns, size.out
        )
        ends = ((0, 0), (0, held - per_channel), (0, 0), (0, 0), (0, size.padded_out - size.out))
        lanes = np.pad(places, ends).reshape(1, plan.out_passes * held, packing.lanes)
        found += _packed(lanes, packing, size.chunk.output_bits)
    return found


def _gathered(outputs: Integers, plan: LayerPlan, block: Block) -> Integers:
    """The outputs of a block, [channels, rows, columns], padded with zeros up to whole unrolls."""
    channels = channels_of(plan, block).reshape(-1)
    rows = min(plan.tile_rows, plan.shape.out_height - block.row)
    columns = min(plan.tile_columns, plan.shape.out_width - block.column)
    size = (len(channels), plan.size.rows * plan.row_passes, plan.size.columns * plan.column_passes)
    tile = np.zeros(size, outputs.dtype)
    window = outputs[:, block.row : block.row + rows, block.column : block.column + columns]
    tile[channels >= 0, :rows, :columns] = window[channels[channels >= 0]]
    return tile
