"""What an engine does for a layer, as counts without prices; and the loops and the traffic that all engines share."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from netchip.errors import RequestError
from netchip.hardware.engines.resources import Resources
from netchip.workload.layer import Layer
from netchip.workload.sparsity import LayerSparsity

Counts = Mapping[str, float]
EIGHT = 8
"""Bits of a byte, of a weight and of an activation: all engines are 8-bit ones."""


@dataclass(frozen=True, kw_only=True)
class EngineCounts:
    """Counts of a layer, of a pass over the batch and on average over inputs.

    `compute_cycles` and `least_compute_cycles` are the bounds of lane imbalance: all that may go in step does, and the least that
    has to. `dram_bytes` by operand, `buffer_bytes` read and written by buffer, `work` by kind of priced work, `events` without
    a price.
    """

    compute_cycles: float
    least_compute_cycles: float
    dram_bytes: Counts
    buffer_bytes: Counts
    work: Counts
    events: Counts = field(default_factory=dict[str, float])

    def scaled(self, factor: float) -> Self:
        """All counts times `factor`."""
        return type(self)(
            compute_cycles=self.compute_cycles * factor,
            least_compute_cycles=self.least_compute_cycles * factor,
            dram_bytes=_times(self.dram_bytes, factor),
            buffer_bytes=_times(self.buffer_bytes, factor),
            work=_times(self.work, factor),
            events=_times(self.events, factor),
        )


@dataclass(frozen=True, kw_only=True)
class Loops:
    """The loops of a layer for one image. `filters` of all groups, `channels` of one; `rows`, `columns` of the output."""

    groups: int
    filters: int
    channels: int
    kernel_rows: int
    kernel_columns: int
    rows: int
    columns: int
    inputs: int
    outputs: int
    weights: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of an image, those with padding included."""
        return self.filters * self.channels * self.kernel_rows * self.kernel_columns * self.rows * self.columns

    @property
    def window(self) -> int:
        """Inputs of one output."""
        return self.channels * self.kernel_rows * self.kernel_columns

    def input_groups(self, slices: int) -> int:
        """How often an input is handed to filters: once for each group of filters that share it."""
        return self.groups * math.ceil(self.filters / self.groups / slices)


def loops_of(layer: Layer) -> Loops:
    """The loops of a layer."""
    shape, bounds = layer.shape, layer.shape.loop_bounds
    return Loops(
        groups=shape.groups,
        filters=shape.total_out_channels,
        channels=shape.in_channels,
        kernel_rows=shape.kernel_height,
        kernel_columns=shape.kernel_width,
        rows=bounds["OY"],
        columns=bounds["OX"],
        inputs=shape.inputs // shape.batch,
        outputs=shape.outputs // shape.batch,
        weights=shape.weights,
    )


def dense_steps(loops: Loops, resources: Resources, lanes: int) -> int:
    """Steps of the array where nothing is skipped, `lanes` columns at once.

    Filters of all groups are dealt over the slices, each with its own inputs; lines stay idle where a group has fewer channels.
    """
    array = resources.array
    inner = math.ceil(loops.channels / array.lines) * loops.kernel_rows * loops.kernel_columns
    return math.ceil(loops.filters / array.slices) * inner * loops.rows * math.ceil(loops.columns / lanes)


def traffic(
    loops: Loops,
    resources: Resources,
    *,
    weight_bytes: Counts,
    input_bytes: float,
    weight_reads: float,
    input_reads: float,
) -> tuple[Counts, Counts]:
    """Bytes by operand from and to DRAM, and bytes by buffer, reads and fills together.

    `weight_bytes` and `input_bytes`: what is stored, as it crosses DRAM once. Where inputs do not fit into their buffer, nor
    weights into theirs, the cheaper is done: inputs again for each group of filters, or weights again for each part of the inputs.
    """
    weights = sum(weight_bytes.values())
    again_weights, again_inputs = _passes(loops, resources, weights, input_bytes)
    dram = {name: size * again_weights for name, size in weight_bytes.items()}
    dram |= {"inputs": input_bytes * again_inputs, "outputs": float(loops.outputs)}
    buffers = {
        "input_buffer": dram["inputs"] + input_reads,
        "weight_buffer": weights * again_weights + weight_reads,
        "output_buffer": 2.0 * loops.outputs,
    }
    return dram, buffers


def check_grouping(sparsity: LayerSparsity, resources: Resources) -> None:
    """Raises `RequestError` where statistics were counted for another array than the one they are used for."""
    if sparsity.weights.grouping != resources.grouping:
        raise RequestError(
            f"{sparsity.layer}: its sparsity was counted for {sparsity.weights.grouping}, {resources.name} has "
            f"{resources.grouping}; count it with grouping=resources.grouping"
        )


def _passes(loops: Loops, resources: Resources, weights: float, inputs: float) -> tuple[int, int]:
    """How often weights and inputs cross DRAM."""
    room = resources.buffers
    if inputs <= room.input.bytes or weights <= room.weight.bytes:
        return 1, 1
    again_inputs = math.ceil(loops.filters / loops.groups / resources.array.slices)
    again_weights = math.ceil(inputs / room.input.bytes)
    if weights + inputs * again_inputs <= weights * again_weights + inputs:
        return 1, again_inputs
    return again_weights, 1


def _times(counts: Counts, factor: float) -> Counts:
    return {name: count * factor for name, count in counts.items()}
