"""What the model needs of some layers, as numbers a mapping: one constant where all mappings share it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.arrays import device_of
from netchip.hardware.counting.arithmetic import Number
from netchip.hardware.dimensions import DIMS, Dim
from netchip.workload.layer import Layer

EXACT = 2.0**53


@dataclass(frozen=True)
class Window:
    """How output positions p and kernel positions r meet along one axis of a map.

    `stride` and `dilation` in elements; `touched_stride` and `touched_dilation` divided by their common divisor; `limit` is
    the map's own size, without padding.
    """

    stride: Number
    dilation: Number
    touched_stride: Number
    touched_dilation: Number
    limit: Number


@dataclass(frozen=True)
class Columns:
    """Numbers of the layers that the mappings of a batch are for, each a constant or [N].

    `bits` by name: weight (as computed with), stored (as memory holds it), input, output, accumulator. `rate` is the share
    of inputs that run the layer. `rebuilds` counts actions, by name, that rebuild all weights once.
    """

    bounds: dict[Dim, Number]
    rows: Window
    columns: Window
    bits: dict[str, Number]
    macs: Number
    mac_pj: Number
    weights: Number
    rate: Number
    rebuilds: dict[str, Number]


def columns_of(layers: Sequence[Layer], index: Any, mac_pj: Sequence[float], *, like: Any, xp: Any) -> Columns:
    """The columns of `layers` for mappings of the layers `index` [N]; arrays take the type and device of `like`.

    `mac_pj` is the energy of one MAC of each layer. Raises `RequestError` where a layer is too large to be counted exactly.
    """

    def column(values: Sequence[float]) -> Number:
        return _column(values, index, like, xp)

    for layer in layers:
        _check_countable(layer)
    shapes = [layer.shape for layer in layers]
    return Columns(
        bounds={dim: column([shape.loop_bounds[dim] for shape in shapes]) for dim in DIMS},
        rows=_window(layers, 0, column),
        columns=_window(layers, 1, column),
        bits=_bits(layers, column),
        macs=column([shape.macs for shape in shapes]),
        mac_pj=column(mac_pj),
        weights=column([shape.weights for shape in shapes]),
        rate=column([layer.execution_rate for layer in layers]),
        rebuilds=_rebuilds(layers, column),
    )


def _column(values: Sequence[float], index: Any, like: Any, xp: Any) -> Number:
    if all(value == values[0] for value in values):
        return float(values[0])
    return xp.take(
        xp.asarray(np.asarray(values, dtype=np.float64), dtype=like.dtype, device=device_of(like)),
        index,
        axis=0,
    )


def _window(layers: Sequence[Layer], axis: int, column: Any) -> Window:
    strides = [layer.shape.stride[axis] for layer in layers]
    dilations = [layer.shape.dilation[axis] for layer in layers]
    common = [math.gcd(*pair) for pair in zip(strides, dilations, strict=True)]
    sizes = [
        (each.out_height, each.out_width) if each.transposed else (each.in_height, each.in_width)
        for each in (layer.shape for layer in layers)
    ]
    return Window(
        stride=column(strides),
        dilation=column(dilations),
        touched_stride=column([stride // divisor for stride, divisor in zip(strides, common, strict=True)]),
        touched_dilation=column([dilation // divisor for dilation, divisor in zip(dilations, common, strict=True)]),
        limit=column([size[axis] for size in sizes]),
    )


def _bits(layers: Sequence[Layer], column: Any) -> dict[str, Number]:
    stored = [
        layer.weights.stored_bits(layer.shape, layer.precision) / layer.shape.weights
        if layer.holds_weights
        else layer.precision.weight_bits
        for layer in layers
    ]
    return {
        "weight": column([layer.precision.weight_bits for layer in layers]),
        "stored": column(stored),
        "input": column([layer.precision.input_bits for layer in layers]),
        "output": column([layer.precision.output_bits for layer in layers]),
        "accumulator": column([layer.precision.accumulator_bits for layer in layers]),
    }


def _rebuilds(layers: Sequence[Layer], column: Any) -> dict[str, Number]:
    actions = [layer.weights.rebuild_actions(layer.shape) if layer.holds_weights else {} for layer in layers]
    names = sorted({name for each in actions for name in each})
    return {name: column([each.get(name, 0) for each in actions]) for name in names}


def _check_countable(layer: Layer) -> None:
    """Every count is at most MACs x strides x dilations x bits: below 2^53 it is a whole number in float64."""
    shape, precision = layer.shape, layer.precision
    bits = max(precision.weight_bits, precision.input_bits, precision.output_bits, precision.accumulator_bits)
    most = shape.macs * math.prod(shape.stride) * math.prod(shape.dilation) * bits
    if most >= EXACT:
        raise RequestError(
            f"{layer.name}: {shape.macs:,} MACs of {bits} bits cannot be counted exactly (2^53 is the most); split the layer"
        )
