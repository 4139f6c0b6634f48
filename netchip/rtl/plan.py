"""How a chunk runs a layer, as whole numbers: tiles, loops, what each word of the port holds, how deep the memories are.

Units that run side by side share one loop counter: unit i of the rows takes the rows i * row_passes and on, so that all banks
are read at one address. Tiles pass the port padded up to whole unrolls.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from netchip.errors import RequestError
from netchip.hardware.fpga.chunk import ENGINES, Chunk, EngineTemplate, engine_index
from netchip.workload.shape import LayerShape

BITS = (8, 16)


@dataclass(frozen=True)
class Packing:
    """How elements for `lanes` banks lie in words of `per_word` elements.

    Few lanes: a word holds `positions` (a power of two) addresses of every bank, lane by lane. Many: an address takes `words`
    words.
    """

    lanes: int
    per_word: int

    @property
    def positions(self) -> int:
        """Addresses of each bank that one word holds."""
        return 1 << (self.per_word // self.lanes).bit_length() - 1 if self.lanes <= self.per_word else 1

    @property
    def words(self) -> int:
        """Words that one address of all banks takes."""
        return -(-self.lanes // self.per_word)


@dataclass(frozen=True)
class EngineSize:
    """What of a chunk is built whatever the layer: units side by side, packings, bits.

    Raises `RequestError` where the chunk asks for what is not built: other bits than 8 and 16, multipliers of look-up tables, a
    port that holds no power of two of elements.
    """

    chunk: Chunk

    def __post_init__(self) -> None:
        for name in ("weight_bits", "input_bits", "output_bits"):
            bits = getattr(self.chunk, name)
            if bits not in BITS:
                raise RequestError(f"{name} = {bits}: no engine is built for that; give 8 or 16")
            count = self.chunk.port_bits // bits
            if self.chunk.port_bits % bits or count & (count - 1):
                raise RequestError(
                    f"port_bits = {self.chunk.port_bits} holds no power of two of {bits}-bit elements; give 64, 128 or the like"
                )
        if self.chunk.sum_bits != 32:
            raise RequestError(f"sum_bits = {self.chunk.sum_bits}: sums of 32 bits are built; give 32")
        if self.chunk.lut_multipliers:
            raise RequestError("lut_multipliers: only multipliers of DSP slices are built; leave it out")

    @property
    def engine(self) -> EngineTemplate:
        """The template."""
        return ENGINES[engine_index(self.chunk.engine)]

    @property
    def out(self) -> int:
        """Output channels side by side."""
        return self.chunk.unroll_out if self.engine.out else 1

    @property
    def inputs(self) -> int:
        """Input channels side by side."""
        return self.chunk.unroll_in if self.engine.inputs else 1

    @property
    def rows(self) -> int:
        """Output rows side by side."""
        return self.chunk.unroll_rows if self.engine.rows else 1

    @property
    def columns(self) -> int:
        """Output columns side by side."""
        return self.chunk.unroll_columns if self.engine.columns else 1

    @property
    def input_packing(self) -> Packing:
        """Words of inputs: one lane a channel that is read at once."""
        lanes = self.out if self.engine.depthwise else self.inputs
        return Packing(lanes, self.chunk.port_bits // self.chunk.input_bits)

    @property
    def weight_packing(self) -> Packing:
        """Words of weights: one lane a pair of output and input channel."""
        return Packing(self.out * self.inputs, self.chunk.port_bits // self.chunk.weight_bits)

    @property
    def output_packing(self) -> Packing:
        """Words of outputs: lanes are channels, padded so that they fill words or divide them, then columns, then rows."""
        return Packing(self.padded_out * self.rows * self.columns, self.outputs_per_word)

    @property
    def outputs_per_word(self) -> int:
        """Outputs that pass the port in a cycle; as many are requantised at once."""
        return self.chunk.port_bits // self.chunk.output_bits

    @property
    def padded_out(self) -> int:
        """Output channels side by side as the port sees them."""
        per_word = self.outputs_per_word
        return 1 << (self.out - 1).bit_length() if self.out <= per_word else -(-self.out // per_word) * per_word

    @property
    def parameter_lanes(self) -> int:
        """Memories of biases and scales side by side."""
        return min(self.padded_out, self.outputs_per_word)

    @property
    def parameter_words(self) -> int:
        """Addresses that the channels of one pass take there."""
        return self.padded_out // self.parameter_lanes


@dataclass(frozen=True)
class LayerPlan:
    """One layer on a chunk. Raises `RequestError` where its engine cannot run it."""

    shape: LayerShape
    size: EngineSize

    def __post_init__(self) -> None:
        shape, name = self.shape, self.size.chunk.engine
        if shape.kind != "conv" or shape.transposed or shape.batch != 1:
            raise RequestError("only convolutions and linear layers, an image at a time, run on a chunk")
        if self.deep and (shape.in_channels, shape.out_channels) != (1, 1):
            raise RequestError(f"it is not depthwise, but the engine is {name!r}; give the layer to another chunk")

    @property
    def deep(self) -> bool:
        """Whether the engine is a depthwise one."""
        return self.size.engine.depthwise

    # Tiles ------------------------------------------------------------------------------------------------------------------

    @property
    def out_bound(self) -> int:
        """Channels that output tiles are cut from: the groups of a depthwise layer, else the outputs of a group."""
        return self.shape.groups if self.deep else self.shape.out_channels

    @property
    def outer_groups(self) -> int:
        """Groups taken one after the other."""
        return 1 if self.deep else self.shape.groups

    @property
    def tile_out(self) -> int:
        """Output channels of a tile."""
        return min(self.size.chunk.tile_out, self.out_bound)

    @property
    def tile_in(self) -> int:
        """Input channels summed in one step."""
        return min(self.size.chunk.tile_in, self.shape.in_channels)

    @property
    def tile_rows(self) -> int:
        """Output rows of a tile."""
        return min(self.size.chunk.tile_rows, self.shape.out_height)

    @property
    def tile_columns(self) -> int:
        """Output columns of a tile."""
        return min(self.size.chunk.tile_columns, self.shape.out_width)

    @property
    def out_tiles(self) -> int:
        """Tiles of output channels in a group."""
        return -(-self.out_bound // self.tile_out)

    @property
    def row_tiles(self) -> int:
        """Tiles down the map."""
        return -(-self.shape.out_height // self.tile_rows)

    @property
    def column_tiles(self) -> int:
        """Tiles across the map."""
        return -(-self.shape.out_width // self.tile_columns)

    @property
    def steps(self) -> int:
        """Tiles of input channels summed up in a block."""
        return -(-self.shape.in_channels // self.tile_in)

    @property
    def outer(self) -> int:
        """Blocks that have other channels: groups, and in each the tiles of output channels."""
        return self.outer_groups * self.out_tiles

    @property
    def words_back(self) -> int:
        """Words that come back of the layer in a frame."""
        return self.outer * self.inner * self.output_words

    @property
    def inner(self) -> int:
        """Blocks of the same channels: places on the map."""
        return self.row_tiles * self.column_tiles

    # Loops of one step ------------------------------------------------------------------------------------------------------

    @property
    def out_passes(self) -> int:
        """Passes over the output channels of a tile."""
        return -(-self.tile_out // self.size.out)

    @property
    def in_passes(self) -> int:
        """Passes over the input channels of a step."""
        return -(-self.tile_in // self.size.inputs)

    @property
    def row_passes(self) -> int:
        """Rows that one unit computes."""
        return -(-self.tile_rows // self.size.rows)

    @property
    def column_passes(self) -> int:
        """Columns that one unit computes."""
        return -(-self.tile_columns // self.size.columns)

    @property
    def passes(self) -> int:
        """Cycles of multiplying in a step."""
        outer = self.out_passes * self.row_passes * self.column_passes
        return outer * self.in_passes * self.shape.kernel_height * self.shape.kernel_width

    # Inputs -----------------------------------------------------------------------------------------------------------------

    @property
    def input_planes(self) -> int:
        """Planes of input lanes in a tile."""
        return self.out_passes if self.deep else self.in_passes

    @cached_property
    def rows(self) -> "Span":
        """How the input rows of a tile lie in the banks of rows."""
        return Span.of(self.shape, 0, self.row_passes, self.size.rows, 1)

    @cached_property
    def columns(self) -> "Span":
        """How the input columns of a tile lie in the banks of columns, in words."""
        return Span.of(self.shape, 1, self.column_passes, self.size.columns, self.size.input_packing.positions)

    @property
    def input_words(self) -> int:
        """Words of a tile of inputs."""
        return self.input_planes * self.rows.words * self.columns.words * self.size.input_packing.words

    @property
    def input_depth(self) -> int:
        """Addresses of an input bank that a tile takes."""
        return self.input_planes * self.rows.bank_words * self.columns.bank_words

    # Weights and outputs ----------------------------------------------------------------------------------------------------

    @property
    def weight_addresses(self) -> int:
        """Weights of one lane in a tile."""
        return self.out_passes * self.in_passes * self.shape.kernel_height * self.shape.kernel_width

    @property
    def weight_depth(self) -> int:
        """Addresses of a weight bank that a tile takes."""
        return -(-self.weight_addresses // self.size.weight_packing.positions)

    @property
    def weight_words(self) -> int:
        """Words of a tile of weights."""
        return self.weight_depth * self.size.weight_packing.words

    @property
    def plane_depth(self) -> int:
        """Addresses of an output bank that one pass over the map takes."""
        return -(-self.row_passes * self.column_passes // self.size.output_packing.positions)

    @property
    def output_depth(self) -> int:
        """Addresses of an output bank that a tile takes."""
        return self.out_passes * self.plane_depth

    @property
    def output_words(self) -> int:
        """Words of a tile of outputs."""
        return self.output_depth * self.size.output_packing.words

    @property
    def parameter_depth(self) -> int:
        """Addresses of a parameter memory that the layer takes."""
        return self.outer * self.out_passes * self.size.parameter_words

    @property
    def words(self) -> int:
        """Words that pass the ports in a frame."""
        step = self.input_words + self.weight_words
        return self.outer * self.inner * (self.steps * step + self.output_words)


@dataclass(frozen=True)
class Span:
    """One axis of an input tile. Bank i holds `bank_words` words from `first[i]` on; its outputs begin `offset[i]` elements on.

    The tile has `words` words of `positions` elements.

    >>> shape = LayerShape.conv(in_channels=1, out_channels=1, in_size=(8, 8), kernel=(3, 3), padding=(1, 1))
    >>> Span.of(shape, 0, passes=2, units=4, positions=1)
    Span(first=(0, 2, 4, 6), offset=(0, 0, 0, 0), bank_words=4, words=10, positions=1)
    """

    first: tuple[int, ...]
    offset: tuple[int, ...]
    bank_words: int
    words: int
    positions: int

    @classmethod
    def of(cls, shape: LayerShape, axis: int, passes: int, units: int, positions: int) -> "Span":
        """The span of `passes` outputs for each of `units` units along an axis (0 rows, 1 columns)."""
        kernel = (shape.kernel_height, shape.kernel_width)[axis]
        reach = shape.dilation[axis] * (kernel - 1) + 1
        apart = passes * shape.stride[axis]
        loose = positions - 1 if units > 1 and apart % positions else 0
        first = tuple(unit * apart // positions for unit in range(units))
        offset = tuple(unit * apart % positions for unit in range(units))
        bank_words = math.ceil((loose + (passes - 1) * shape.stride[axis] + reach) / positions)
        return cls(first, offset, bank_words, first[-1] + bank_words, positions)

    @property
    def pitch(self) -> int:
        """Elements from one line of a bank to the next."""
        return self.bank_words * self.positions


def plans_of(shapes: Sequence[LayerShape], chunk: Chunk) -> tuple[LayerPlan, ...]:
    """The plans of layers on a chunk; raises `RequestError` that names, by its place, the first layer which does not run."""
    if not shapes:
        raise RequestError("no layer was given; give at least one")
    size = EngineSize(chunk)
    return tuple(_plan(place, shape, size) for place, shape in enumerate(shapes))


def _plan(place: int, shape: LayerShape, size: EngineSize) -> LayerPlan:
    try:
        return LayerPlan(shape, size)
    except RequestError as error:
        raise RequestError(f"layer {place}: {error}") from error
