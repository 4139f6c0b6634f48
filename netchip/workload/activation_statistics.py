"""The sparsity of 8-bit activations, counted in chunks that merge; and of activations that are not there yet, assumed."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netchip.errors import RequestError
from netchip.workload.booth import Codes, bit_steps, booth_steps, checked_codes
from netchip.workload.shape import LayerShape
from netchip.workload.sparsity import DEFAULT_GROUPING, ActivationSparsity, Grouping, StepCounts


def activation_sparsity(
    codes: Any, *, channels_in_row: int = 1, grouping: Grouping = DEFAULT_GROUPING
) -> ActivationSparsity:
    """Counts of what a layer reads: integers [images, channels, height, width], or without the last one or two.

    `codes` are 8-bit, signed or 0 to 255, and their 0 means the number 0 (take an asymmetric zero point off first). Of a linear
    layer on tokens give [images, features, tokens]. `channels_in_row` is that of the layer's weights. Chunks: `a.merged(b)`.
    Raises `RequestError` for other types, ranges and shapes, or where there are none.
    """
    maps = _maps(codes)
    rows = _nonzero_rows(maps != 0, channels_in_row)
    busiest, mean = _vectors(maps != 0, grouping)
    live = np.repeat(rows, channels_in_row, axis=1)[:, : maps.shape[1]]
    images, channels, height, width = maps.shape
    columns, bricks = math.ceil(width / grouping.lanes), math.ceil(channels / grouping.lines)
    return ActivationSparsity(
        grouping=grouping,
        channels_in_row=channels_in_row,
        elements=maps.size,
        zero_elements=int((maps == 0).sum()),
        rows=rows.size,
        zero_rows=int((~rows).sum()),
        lane_groups=int(live.sum()) * columns,
        bricks=images * bricks * height * width,
        pallets=images * bricks * height * columns,
        maps=images * channels,
        busiest_vectors=busiest,
        tile_vectors=mean,
        booth=_step_counts(booth_steps(maps), live, grouping),
        bits=_step_counts(bit_steps(maps), live, grouping),
    )


class AssumedSteps(NamedTuple):
    """Serial steps of an activation that is not zero: of one, and of the longest of those that go in step."""

    mean: float
    lanes: float
    bricks: float
    pallets: float


ALL_DIGITS = AssumedSteps(4, 4, 4, 4)
ALL_BITS = AssumedSteps(8, 8, 8, 8)


def assumed_activations(
    shape: LayerShape,
    *,
    zero_rows: float = 0.0,
    zero_elements: float | None = None,
    booth: AssumedSteps = ALL_DIGITS,
    bits: AssumedSteps = ALL_BITS,
    channels_in_row: int = 1,
    grouping: Grouping = DEFAULT_GROUPING,
) -> ActivationSparsity:
    """Counts of one image whose zeros are spread evenly: a share of rows, and of elements (at least that of the rows).

    As it stands: dense 8-bit activations of which each takes all 4 Booth digits, or all 8 bits.
    """
    zeros = zero_rows if zero_elements is None else zero_elements
    if not 0 <= zero_rows <= zeros <= 1:
        raise RequestError(f"zero_rows = {zero_rows}, zero_elements = {zeros}: give shares, 0 <= rows <= elements <= 1")
    channels, height, width = shape.total_in_channels, shape.in_height, shape.in_width
    rows = math.ceil(channels / channels_in_row) * height
    columns, bricks = math.ceil(width / grouping.lanes), math.ceil(channels / grouping.lines)
    elements = channels * height * width
    groups = channels * height * columns * (1 - zero_rows)
    sizes = np.outer(np.diff(_borders(height, grouping)), np.diff(_borders(width, grouping))) * (1 - zeros)
    vectors = np.ceil(np.round(sizes, 9) / grouping.vector)
    counts = (elements * (1 - zeros), groups, bricks * height * width, bricks * height * columns)
    made = [_assumed_steps(counts, each) for each in (booth, bits)]
    return ActivationSparsity(
        grouping=grouping,
        channels_in_row=channels_in_row,
        elements=elements,
        zero_elements=elements * zeros,
        rows=rows,
        zero_rows=rows * zero_rows,
        lane_groups=groups,
        bricks=counts[2],
        pallets=counts[3],
        maps=channels,
        busiest_vectors=channels * float(vectors.max()),
        tile_vectors=channels * float(vectors.mean()),
        booth=made[0],
        bits=made[1],
    )


def _assumed_steps(counts: tuple[float, float, float, float], steps: AssumedSteps) -> StepCounts:
    elements, lanes, bricks, pallets = (count * each for count, each in zip(counts, steps, strict=True))
    return StepCounts(elements=elements, lanes=lanes, bricks=bricks, pallets=pallets)


def _maps(codes: Any) -> Codes:
    values = checked_codes(codes)
    if not 2 <= values.ndim <= 4 or values.size == 0:
        raise RequestError(
            f"activations of shape {list(values.shape)}; give [images, channels], and the map's one or two sizes"
        )
    images, channels, *sizes = values.shape
    return values.reshape(images, channels, *(1, 1, *sizes)[-2:])


def _nonzero_rows(nonzero: NDArray[np.bool_], channels_in_row: int) -> NDArray[np.bool_]:
    """Which rows [images, channels / channels_in_row, height] are not all zero."""
    if channels_in_row < 1:
        raise RequestError(f"channels_in_row = {channels_in_row}; give that of the layer's weights, at least 1")
    rows = _padded(np.logical_or.reduce(nonzero, axis=-1), 1, channels_in_row)
    images, channels, height = rows.shape
    return np.logical_or.reduce(rows.reshape(images, channels // channels_in_row, channels_in_row, height), axis=2)


def _step_counts(steps: NDArray[np.uint8], live: NDArray[np.bool_], grouping: Grouping) -> StepCounts:
    """Sums over `steps` [images, channels, height, width] and over the longest of each group, at least 1."""
    lanes = np.maximum(_longest(steps, 3, grouping.lanes), 1)
    bricks = np.maximum(_longest(steps, 1, grouping.lines), 1)
    return StepCounts(
        elements=int(steps.sum(dtype=np.int64)),
        lanes=int((lanes.sum(-1, dtype=np.int64) * live).sum()),
        bricks=int(bricks.sum(dtype=np.int64)),
        pallets=int(_longest(bricks, 3, grouping.lanes).sum(dtype=np.int64)),
    )


def _longest(steps: NDArray[np.uint8], axis: int, size: int) -> NDArray[np.uint8]:
    """The largest of each `size` neighbours along an axis, the last ones fewer."""
    return np.maximum.reduceat(steps, list(range(0, steps.shape[axis], size)), axis=axis)


def _vectors(nonzero: NDArray[np.bool_], grouping: Grouping) -> tuple[int, float]:
    """SCNN's vectors of non-zero activations, summed over maps: of the fullest tile and of the mean tile."""
    height, width = nonzero.shape[-2:]
    sums = np.pad(nonzero.cumsum(-2, dtype=np.int32).cumsum(-1, dtype=np.int32), ((0, 0), (0, 0), (1, 0), (1, 0)))
    corners = sums[:, :, _borders(height, grouping)][..., _borders(width, grouping)]
    counts = np.diff(np.diff(corners, axis=-2), axis=-1)
    vectors = -(-counts // grouping.vector)
    return int(vectors.max((-2, -1)).sum()), float(vectors.mean((-2, -1)).sum())


def _borders(size: int, grouping: Grouping) -> NDArray[np.int64]:
    """Where the tiles of an axis begin and end: as even as can be; some are empty where there are more than positions."""
    return np.arange(grouping.tiles + 1) * size // grouping.tiles


def _padded(array: NDArray[Any], axis: int, multiple: int) -> NDArray[Any]:
    missing = -array.shape[axis] % multiple
    return np.pad(array, [(0, missing if each == axis else 0) for each in range(array.ndim)])
