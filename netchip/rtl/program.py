"""What a chunk has to know of its layers: a row of its table for each, and the biases and scales of their channels."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from netchip.errors import RequestError
from netchip.rtl.components.controller import LOOPS
from netchip.rtl.order import blocks, channels_of
from netchip.rtl.plan import LayerPlan
from netchip.rtl.scaling import LEAST_SHIFT, MULTIPLIER_BITS, SHIFT_BITS

SIGNED = ("zero_point", "lowest")
BIAS_BITS = 32
PARAMETER_BITS = BIAS_BITS + MULTIPLIER_BITS + SHIFT_BITS


@dataclass(frozen=True)
class Scaling:
    """From sums to outputs: whole numbers a channel, and those of the layer."""

    bias: tuple[int, ...]
    multipliers: tuple[int, ...]
    shifts: tuple[int, ...]
    zero_point: int
    lowest: int

    def word(self, channel: int) -> int:
        """The parameters of a channel in a word: bias, multiplier, shift from the lowest bit up; 0 where there is none (-1)."""
        if channel < 0:
            return 0
        bias = self.bias[channel] % 2**BIAS_BITS
        above = self.multipliers[channel] | (self.shifts[channel] - LEAST_SHIFT) << MULTIPLIER_BITS
        return bias | above << BIAS_BITS


@dataclass(frozen=True)
class Program:
    """The layers of a chunk in their order. Raises `RequestError` where a scaling has another number of channels than its layer."""

    plans: tuple[LayerPlan, ...]
    scalings: tuple[Scaling, ...]

    def __post_init__(self) -> None:
        for place, (plan, scaling) in enumerate(zip(self.plans, self.scalings, strict=True)):
            if len(scaling.bias) != plan.shape.total_out_channels:
                raise RequestError(
                    f"layer {place} has {plan.shape.total_out_channels} channels, but there are {len(scaling.bias)} biases"
                )

    @property
    def layer_bits(self) -> int:
        """Bits of the port that says which layer runs."""
        return max(1, (len(self.plans) - 1).bit_length())

    @property
    def patience(self) -> int:
        """Cycles after which a frame has surely stuck: many times what it takes."""
        return 20 * sum(
            plan.outer * plan.inner * plan.steps * (plan.passes + 20) + plan.words + 100 for plan in self.plans
        )

    @cached_property
    def rows(self) -> tuple[dict[str, int], ...]:
        """A row of the table a layer."""
        first, rows = 0, []
        for plan, scaling in zip(self.plans, self.scalings, strict=True):
            rows.append(
                {
                    **fields_of(plan),
                    "first_parameter": first,
                    "zero_point": scaling.zero_point,
                    "lowest": scaling.lowest,
                }
            )
            first += plan.parameter_depth
        return tuple(rows)

    @cached_property
    def parameters(self) -> tuple[tuple[int, ...], ...]:
        """What each memory of parameters holds, [lane][address]."""
        size = self.plans[0].size
        lanes: list[list[int]] = [[] for _ in range(size.parameter_lanes)]
        for plan, scaling in zip(self.plans, self.scalings, strict=True):
            for channels in _channels(plan):
                padded = [*channels, *[-1] * (size.padded_out - len(channels))]
                for place, channel in enumerate(padded):
                    lanes[place % size.parameter_lanes].append(scaling.word(channel))
        return tuple(map(tuple, lanes))

    @property
    def bits(self) -> dict[str, int]:
        """Bits of each field of the table: those of the register that it sets."""
        return {name: self._bits(name) for name in self.rows[0]}

    def _bits(self, name: str) -> int:
        if name in SIGNED:
            return self.plans[0].size.chunk.output_bits
        if name == "first_parameter":
            return max(1, (len(self.parameters[0]) - 1).bit_length())
        if name.endswith("_stride"):
            positions = self.plans[0].size.input_packing.positions
            return max(1, (max(plan.input_depth for plan in self.plans) * positions - 1).bit_length())
        alike = [other for other in self.rows[0] if _kind(other) == _kind(name)]
        return max(1, max(row[other] for row in self.rows for other in alike).bit_length())


def _kind(name: str) -> str:
    """Fields of lines are alike, and those of words: each of them meets the same counter."""
    return next((kind for kind in ("line", "word") if kind in name), name)


def _channels(plan: LayerPlan) -> list[list[int]]:
    """The output channels of each pass, block after block of other channels."""
    seen: dict[tuple[int, int], list[list[int]]] = {}
    for block in blocks(plan):
        if (block.group, block.out) not in seen:
            seen[block.group, block.out] = channels_of(plan, block).tolist()
    return [channels for passes in seen.values() for channels in passes]


def fields_of(plan: LayerPlan) -> Mapping[str, int]:
    """Counters' ends, strides and bounds of a layer, by the name of the table's field."""
    return {**_loops(plan), **_loads(plan), **_stores(plan)}


def _loops(plan: LayerPlan) -> dict[str, int]:
    shape, rows, columns = plan.shape, plan.rows, plan.columns
    plane = rows.bank_words * columns.pitch
    bounds = (
        shape.kernel_width,
        shape.kernel_height,
        plan.in_passes,
        plan.column_passes,
        plan.row_passes,
        plan.out_passes,
    )
    strides = (
        shape.dilation[1], shape.dilation[0] * columns.pitch, plane, shape.stride[1], shape.stride[0] * columns.pitch,
        plane if plan.deep else 0,
    )  # fmt: skip
    ends = {f"{loop}_end": bound - 1 for loop, bound in zip(LOOPS, bounds, strict=True)}
    return {**ends, **{f"{loop}_stride": stride for loop, stride in zip(LOOPS, strides, strict=True)},
            "single": int(plan.passes == 1), "steps_end": plan.steps - 1}  # fmt: skip


def _loads(plan: LayerPlan) -> dict[str, int]:
    rows, columns = plan.rows, plan.columns
    found = {
        "tiles": plan.outer * plan.inner * plan.steps,
        "words_end": columns.words - 1,
        "lines_end": rows.words - 1,
        "planes_end": plan.input_planes - 1,
        "weights_end": plan.weight_depth - 1,
    }
    for axis, span in (("line", rows), ("word", columns)):
        for unit, first in enumerate(span.first):
            found |= {f"first_{axis}_{unit}": first, f"last_{axis}_{unit}": first + span.bank_words - 1}
    return found | {f"column_offset_{unit}": offset for unit, offset in enumerate(columns.offset)}


def _stores(plan: LayerPlan) -> dict[str, int]:
    return {"blocks": plan.outer * plan.inner, "depth_end": plan.plane_depth - 1, "inner_end": plan.inner - 1}
