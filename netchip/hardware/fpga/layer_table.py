"""Layers of a network as columns of numbers, for arithmetic over many layers and designs at once."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from netchip.errors import RequestError
from netchip.hardware.arrays import Array
from netchip.workload.layer import Layer


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerTable:
    """L layers. Every field but the names is [L, 1], so that it meets designs [N]; counts are whole numbers as floats.

    `out_channels` and `in_channels` are those of one group. `reach_*` is the extent of a dilated kernel. `rate` is the share of
    the frames that run a layer. `bits` is the widest of its weights and inputs.
    """

    names: tuple[str, ...]
    groups: Array
    out_channels: Array
    in_channels: Array
    out_height: Array
    out_width: Array
    kernel_height: Array
    kernel_width: Array
    stride_height: Array
    stride_width: Array
    reach_height: Array
    reach_width: Array
    weight_bits: Array
    input_bits: Array
    rate: Array

    @classmethod
    def of(cls, layers: Sequence[Layer], *, xp: Any = np) -> Self:
        """The table of convolutions and linear layers, one frame at a time.

        Raises `RequestError` that names a layer that is none, is transposed, multiplies activations or has a batch.
        """
        if not layers:
            raise RequestError("no layer was given; give at least one")
        for layer in layers:
            _check(layer)
        rows = [_numbers(layer) for layer in layers]
        columns = {name: xp.asarray([row[name] for row in rows], dtype=xp.float64)[:, None] for name in rows[0]}
        return cls(names=tuple(layer.name for layer in layers), **columns)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def depthwise(self) -> Array:
        """Whether each group has one input and one output channel, [L, 1]; then a depthwise engine can run it."""
        return (self.in_channels == 1) & (self.out_channels == 1)

    @property
    def macs(self) -> Array:
        """Multiply-accumulates of a frame that runs the layer, [L, 1]."""
        channels = self.groups * self.out_channels * self.in_channels
        return channels * self.out_height * self.out_width * self.kernel_height * self.kernel_width

    def at(self, places: Sequence[int]) -> "LayerTable":
        """The layers at these places."""
        index = list(places)
        arrays = {each.name: getattr(self, each.name)[index] for each in fields(self) if each.name != "names"}
        return LayerTable(names=tuple(self.names[place] for place in index), **arrays)


def _check(layer: Layer) -> None:
    shape = layer.shape
    if shape.kind != "conv" or shape.transposed:
        kind = "a transposed convolution" if shape.kind == "conv" else "a product of two activations"
        raise RequestError(
            f"{layer.name} is {kind}, which no engine of this template runs; leave it out, or cost it on a chip of presets/"
        )
    if shape.batch != 1:
        raise RequestError(
            f"{layer.name} has batch = {shape.batch}; engines take a frame at a time, so count the network at batch 1"
        )


def _numbers(layer: Layer) -> dict[str, float]:
    shape, precision = layer.shape, layer.precision
    reach = [
        dilation * (kernel - 1) + 1
        for dilation, kernel in zip(shape.dilation, (shape.kernel_height, shape.kernel_width), strict=True)
    ]
    return {
        "groups": shape.groups,
        "out_channels": shape.out_channels,
        "in_channels": shape.in_channels,
        "out_height": shape.out_height,
        "out_width": shape.out_width,
        "kernel_height": shape.kernel_height,
        "kernel_width": shape.kernel_width,
        "stride_height": shape.stride[0],
        "stride_width": shape.stride[1],
        "reach_height": reach[0],
        "reach_width": reach[1],
        "weight_bits": precision.weight_bits,
        "input_bits": precision.input_bits,
        "rate": layer.execution_rate,
    }
