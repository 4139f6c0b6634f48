"""The sparsity of a weight array, counted; and that of weights that are not there yet, assumed."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchip.errors import RequestError
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import DEFAULT_GROUPING, CoefficientStorage, Grouping, LineRows, WeightSparsity

Mask = NDArray[np.bool_]


class RowLayout(NamedTuple):
    """How a filter of [channels, kernel height, kernel width] weights becomes rows.

    `rows` of `length` weights, zeros added at the end of the last; `rows_in_channel` that lie in one channel one after another;
    `channels_in_row` that a row spans.
    """

    rows: int
    length: int
    rows_in_channel: int
    channels_in_row: int


def row_layout(channels: int, height: int, width: int, row_length: int | None = None) -> RowLayout:
    """The rows of a filter. The usual length is the kernel's width: 1 for a 1x1 convolution and a linear layer.

    Raises `RequestError` where rows of a wider kernel are to have another length than its width: a row slides along a map.
    """
    length = row_length or width
    if width > 1 and length != width:
        raise RequestError(
            f"row_length = {length}, but the kernel is {width} wide; leave row_length out, or give {width}"
        )
    rows = math.ceil(channels * height * width / length)
    inside = height if length == width else 1
    return RowLayout(rows, length, inside, length if height == width == 1 else 1)


def row_units(layout: RowLayout) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which rows stay on one line, by number: those of an input channel, and where rows are dealt each by itself.

    With its own units a line has those of its number, its number plus the lines, and so on.
    """
    rows = np.arange(layout.rows)
    return rows // layout.rows_in_channel, rows


def nonzero_rows(weight: Any, row_length: int | None = None) -> tuple[Mask, RowLayout]:
    """Which rows of each filter hold a non-zero weight: [filters, rows]; `weight` as `weight_sparsity` takes it."""
    elements, (channels, height, width) = _mask(weight)
    layout = row_layout(channels, height, width, row_length)
    flat = elements.reshape(len(elements), -1)
    padded = np.pad(flat, ((0, 0), (0, layout.rows * layout.length - flat.shape[1])))
    return np.logical_or.reduce(padded.reshape(len(flat), layout.rows, layout.length), axis=-1), layout


def weight_sparsity(
    weight: Any,
    *,
    groups: int = 1,
    row_length: int | None = None,
    grouping: Grouping = DEFAULT_GROUPING,
    storage: CoefficientStorage | None = None,
) -> WeightSparsity:
    """Counts of `weight`, an array [filters, channels, kernel height, kernel width], or without the last one or two.

    Filters are those of all `groups`, channels those of one. Of a transposed convolution give [filters, channels, ...] too. Only
    which weights are zero matters. Raises `RequestError` for NaN, for other shapes, for groups that do not divide the filters.
    """
    elements, (channels, _, _) = _mask(weight)
    rows, layout = nonzero_rows(weight, row_length)
    if groups < 1 or len(rows) % groups:
        raise RequestError(f"groups = {groups} do not divide {len(rows)} filters; give the layer's own groups")
    counts = np.count_nonzero(elements.reshape(len(elements), -1), axis=1)
    parts = range(0, len(rows), grouping.filters)
    filter_groups = [rows[start : start + grouping.filters] for start in parts]
    group_counts = [counts[start : start + grouping.filters] for start in parts]
    by_channel, dealt = (_line_rows(filter_groups, unit, grouping.lines) for unit in row_units(layout))
    return WeightSparsity(
        grouping=grouping,
        filters=len(rows),
        rows_per_filter=layout.rows,
        row_length=layout.length,
        channels_in_row=layout.channels_in_row,
        elements=elements.size,
        nonzero_elements=int(counts.sum()),
        nonzero_rows=int(rows.sum()),
        union_rows=sum(int(group.any(0).sum()) for group in filter_groups),
        by_channel=by_channel,
        dealt=dealt,
        busiest_elements=sum(int(each.max()) for each in group_counts),
        mean_elements=sum(float(each.mean()) for each in group_counts),
        channel_vectors=_channel_vectors(elements.reshape(groups, len(rows) // groups, channels, -1), grouping),
        storage=storage,
    )


def assumed_weights(
    shape: LayerShape,
    *,
    zero_rows: float = 0.0,
    zero_elements: float | None = None,
    row_length: int | None = None,
    grouping: Grouping = DEFAULT_GROUPING,
    storage: CoefficientStorage | None = None,
) -> WeightSparsity:
    """Counts of a layer whose zeros are spread evenly: a share `zero_rows` of rows, the same in all filters, and a share
    `zero_elements` (at least that of the rows; none: just those) of weights. Both 0: dense weights."""
    zeros = zero_rows if zero_elements is None else zero_elements
    if not 0 <= zero_rows <= zeros <= 1:
        raise RequestError(f"zero_rows = {zero_rows}, zero_elements = {zeros}: give shares, 0 <= rows <= elements <= 1")
    filters, layout = shape.total_out_channels, row_layout(
        shape.in_channels, shape.kernel_height, shape.kernel_width, row_length
    )  # fmt: skip
    kept, groups = 1 - zero_rows, math.ceil(filters / grouping.filters)
    by_channel, dealt = (_even_rows(unit, kept, groups, grouping.lines) for unit in row_units(layout))
    each = shape.weights * (1 - zeros) / filters
    return WeightSparsity(
        grouping=grouping,
        filters=filters,
        rows_per_filter=layout.rows,
        row_length=layout.length,
        channels_in_row=layout.channels_in_row,
        elements=shape.weights,
        nonzero_elements=shape.weights * (1 - zeros),
        nonzero_rows=filters * layout.rows * kept,
        union_rows=groups * layout.rows * kept,
        by_channel=by_channel,
        dealt=dealt,
        busiest_elements=groups * each,
        mean_elements=groups * each,
        channel_vectors=_assumed_vectors(shape, 1 - zeros, grouping),
        storage=storage,
    )


def assumed_storage(
    shape: LayerShape, *, zero_rows: float = 0.0, row_length: int | None = None, rows_in_block: int = 192
) -> CoefficientStorage:
    """SmartExchange's storage where no coefficient of a kept row is zero: one square basis a block of `rows_in_block` rows of a
    filter, 1 bit a row. Blocks without a kept row store no basis; with rows spread evenly there are none before all are zero.
    """
    layout = row_layout(shape.in_channels, shape.kernel_height, shape.kernel_width, row_length)
    rows = shape.total_out_channels * layout.rows
    blocks = shape.total_out_channels * math.ceil(layout.rows / rows_in_block) if zero_rows < 1 else 0
    return CoefficientStorage(
        nonzero_coefficients=rows * (1 - zero_rows) * layout.length,
        basis_elements=blocks * layout.length**2,
        index_bits=rows,
    )


def _mask(weight: Any) -> tuple[Mask, tuple[int, int, int]]:
    """Where `weight` is not zero, and channels, height and width of a filter."""
    values = np.asarray(weight)
    if not 2 <= values.ndim <= 4 or values.size == 0:
        raise RequestError(
            f"weights of shape {list(values.shape)}; give [filters, channels], and the kernel's one or two sizes"
        )
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise RequestError("the weights hold NaN; nothing can be counted on them")
    channels, *kernel = values.shape[1:]
    height, width = (1, 1, *kernel)[-2:]
    return values != 0, (channels, height, width)


def _line_rows(groups: list[Mask], unit: NDArray[np.int64], lines: int) -> LineRows:
    deal = np.eye(lines, dtype=np.float32)[unit % lines]
    starts = np.flatnonzero(np.diff(unit, prepend=-1)).tolist()
    lock_step, free = 0, 0
    for group in groups:
        together = np.logical_or.reduce(group, axis=0).astype(np.float32)
        lock_step += int((together @ deal).max())
        unit_rows = np.add.reduceat(group, starts, axis=1, dtype=np.int64)
        free += max(int(-(-unit_rows.sum(1).max() // lines)), int(unit_rows.max()))
    return LineRows(lock_step=lock_step, free=free)


def _even_rows(unit: NDArray[np.int64], kept: float, groups: int, lines: int) -> LineRows:
    """The same where a share of rows is kept, evenly."""
    longest = kept * float(np.bincount(unit % lines).max())
    balanced = max(math.ceil(round(kept * len(unit) / lines, 9)), kept * float(np.bincount(unit).max()))
    return LineRows(lock_step=groups * longest, free=groups * min(longest, balanced))


def _channel_vectors(elements: Mask, grouping: Grouping) -> int:
    """SCNN's vectors of non-zero weights: of each input channel, of so many filters at a time; [groups, filters, channels, ...]."""
    total, filters = 0, elements.shape[1]
    for start in range(0, filters, grouping.filters):
        counts = np.count_nonzero(elements[:, start : start + grouping.filters], axis=(1, 3))
        total += int((-(-counts // grouping.vector)).sum())
    return total


def _assumed_vectors(shape: LayerShape, kept: float, grouping: Grouping) -> int:
    kernel, total = shape.kernel_height * shape.kernel_width, 0
    for start in range(0, shape.out_channels, grouping.filters):
        filters = min(grouping.filters, shape.out_channels - start)
        total += math.ceil(round(filters * kernel * kept, 9) / grouping.vector)
    return total * shape.total_in_channels
