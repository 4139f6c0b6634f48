"""What meets on the SmartExchange array when weights and activations are there: counted on both together, not from shares.

The same counts as the cycle-level simulation (`simulation.py`) comes to step by step, here on whole arrays.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchip.errors import RequestError
from netchip.hardware.engines.resources import EngineArray
from netchip.workload.booth import booth_steps, checked_codes
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import PairedRows
from netchip.workload.weight_statistics import RowLayout, row_layout, row_units

Steps = NDArray[np.int64]
Mask = NDArray[np.bool_]


class RowInputs(NamedTuple):
    """What the rows of one group of filters read: channel, row and column of each weight's input, for each output.

    `channel` [rows, length], -1 where a row is filled up; `top` [rows, length, output rows]; `left` [rows, length, output columns].
    Positions outside the map are those of padding.
    """

    channel: Steps
    top: Steps
    left: Steps


@dataclass(frozen=True, kw_only=True)
class _Met:
    """Of one group of channels: which rows have inputs `live` [rows, output rows], how many cycles a row takes `steps`
    [rows, output rows, tiles], and how many digits all of a filter's lanes work on `digits` [rows, output rows]."""

    live: Mask
    steps: Steps
    digits: Steps


def row_inputs(shape: LayerShape, layout: RowLayout) -> RowInputs:
    """Where the inputs of a layer's rows lie; raises `RequestError` for a transposed convolution or a product of activations."""
    if shape.transposed or shape.kind != "conv":
        raise RequestError("weights and activations are counted together for convolutions and linear layers only")
    flat = np.arange(layout.rows * layout.length).reshape(layout.rows, layout.length)
    channel, inside = np.divmod(flat, shape.kernel_height * shape.kernel_width)
    row, column = np.divmod(inside, shape.kernel_width)
    top = np.arange(shape.out_height) * shape.stride[0] - shape.padding[0]
    left = np.arange(shape.out_width) * shape.stride[1] - shape.padding[1]
    return RowInputs(
        np.where(channel < shape.in_channels, channel, -1),
        row[..., None] * shape.dilation[0] + top,
        column[..., None] * shape.dilation[1] + left,
    )


def paired_rows(
    shape: LayerShape,
    rows: Mask,
    codes: Any,
    array: EngineArray,
    *,
    row_length: int | None = None,
    coefficients: Any = None,
    compact_mapping: bool = True,
) -> PairedRows:
    """Counts of one image on the array.

    `rows` [filters, rows]: those that are not zero (`nonzero_rows`); `codes` [channels, height, width]: 8-bit activations;
    `coefficients` [filters, rows]: non-zero ones of each row, none where plain weights are stored. Memory grows with the
    outputs of the layer times the weights of a filter.
    """
    layout = row_layout(shape.in_channels, shape.kernel_height, shape.kernel_width, row_length)
    values = _checked(shape, rows, codes, layout)
    per_group = shape.out_channels
    met = [_met(part, row_inputs(shape, layout), array) for part in np.split(values, shape.groups)]
    dealt = compact_mapping and shape.in_channels == 1 and shape.kernel_height > 1
    unit = row_units(layout)[int(dealt)]
    tiles = math.ceil(shape.out_width / array.lanes)
    amounts = rows if coefficients is None else np.asarray(coefficients) * rows
    total = np.zeros(5, np.int64)
    for start in range(0, len(rows), array.slices):
        filters = range(start, min(start + array.slices, len(rows)))
        own = [(rows[each], amounts[each], met[each // per_group]) for each in filters]
        total += _group_counts(own, unit, array.lines, tiles)
    lock_step, free, pairs, own_rows, fetched = map(int, total)
    groups = math.ceil(len(rows) / array.slices)
    digits = sum(int((rows[each] @ met[each // per_group].digits).sum()) for each in range(len(rows)))
    return PairedRows(
        lock_step_cycles=lock_step,
        free_cycles=free,
        row_pairs=pairs,
        skipped_pairs=groups * layout.rows * shape.out_height * tiles - pairs,
        own_rows=own_rows,
        digit_steps=digits,
        coefficients=0 if coefficients is None else fetched,
    )


def _checked(shape: LayerShape, rows: Mask, codes: Any, layout: RowLayout) -> NDArray[Any]:
    values = checked_codes(codes)
    wanted = (shape.total_in_channels, shape.in_height, shape.in_width)
    if values.shape != wanted:
        raise RequestError(
            f"activations of shape {list(values.shape)}; the layer reads {list(wanted)}, one image at a time"
        )
    if rows.shape != (shape.total_out_channels, layout.rows):
        raise RequestError(
            f"rows of shape {list(rows.shape)}; the layer has {[shape.total_out_channels, layout.rows]} (filters, rows)"
        )
    return values


def _met(codes: NDArray[Any], inputs: RowInputs, array: EngineArray) -> _Met:
    """Of the channels `codes` [channels, height, width] that the inputs are in."""
    steps = _at(booth_steps(codes)[..., None], inputs)[..., 0]
    live = _at((codes != 0).any(-1)[:, :, None, None], RowInputs(inputs.channel, inputs.top, inputs.left[..., :1] * 0))
    tiles = list(range(0, steps.shape[-1], array.lanes))
    longest = np.maximum(np.maximum.reduceat(steps, tiles, axis=-1), 1).sum(1, dtype=np.int64)
    alive = np.logical_or.reduce(live[..., 0, 0], axis=1)
    return _Met(live=alive, steps=longest * alive[..., None], digits=steps.sum((1, 3), dtype=np.int64) * alive)


def _at(values: NDArray[Any], inputs: RowInputs) -> NDArray[Any]:
    """`values` [channels, height, width, ...] at [rows, length, output rows, output columns], 0 outside."""
    height, width = values.shape[1:3]
    channel = inputs.channel[..., None, None]
    top, left = inputs.top[..., None], inputs.left[..., None, :]
    inside = (channel >= 0) & (top >= 0) & (top < height) & (left >= 0) & (left < width)
    found = values[channel, top.clip(0, height - 1), left.clip(0, width - 1)]
    return found * inside[..., None]


def _group_counts(own: list[tuple[Mask, Any, _Met]], unit: Steps, lines: int, tiles: int) -> NDArray[np.int64]:
    """Cycles in step and apart, forwarded pairs, own rows and coefficients of filters that go together."""
    together, pairs = 0, 0
    longest, own_rows, fetched = 0, 0, 0
    deal = np.eye(lines, dtype=np.int64)[unit % lines]
    starts = np.flatnonzero(np.diff(unit, prepend=-1)).tolist()
    for rows, amounts, met in own:
        done = rows[:, None] & met.live
        steps = met.steps * rows[:, None, None]
        together, pairs = np.maximum(together, steps), np.logical_or(pairs, done)
        whole = np.add.reduceat(steps, starts, axis=0)
        longest = np.maximum(longest, np.maximum(-(-whole.sum(0) // lines), whole.max(0)))
        own_rows += int(done.sum()) * tiles
        fetched += int((amounts[:, None] * done).sum()) * tiles
    in_step = np.tensordot(deal, together, (0, 0)).max(0)
    return np.array([in_step.sum(), np.sum(longest), np.sum(pairs) * tiles, own_rows, fetched], np.int64)
