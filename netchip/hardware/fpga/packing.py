"""How tiles lie in the words of a port and in the banks of the buffers: padded up to whole unrolls, as the chip of `rtl/` has them.

Units side by side along rows or columns each take a run of them, so that all banks are read at one address; runs of inputs
overlap by their halos, which lie in both banks. A word that holds more elements than there are banks holds several addresses of
each.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from netchip.hardware.arrays import Array
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.tiling import Tiles
from netchip.hardware.fpga.unrolls import Unrolls


class Packing(NamedTuple):
    """Words of elements for some lanes, [N]: `positions` addresses of each lane in a word, or `words` of them for an address.

    `beats` are the cycles of a word: more than 1 where the port is narrower than an element.
    """

    positions: Array
    words: Array
    beats: Array

    @classmethod
    def of(cls, lanes: Array, bits: Array, port_bits: Array, xp: Any) -> "Packing":
        """The packing of elements of so many bits. Whole quotients are written with ceil alone, which a gradient can pass."""
        per_word = xp.maximum(_whole(port_bits, bits, xp), 1.0)
        each = xp.maximum(_whole(per_word, lanes, xp), 1.0)
        positions = 2.0 ** (xp.ceil(xp.log2(each + 1.0)) - 1.0)
        return cls(positions, xp.ceil(lanes / per_word), xp.maximum(xp.ceil(bits / port_bits), 1.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class TileWords:
    """Cycles on the port [L, N] of a tile's inputs, weights and outputs, and by name the `depth` of a bank, `lanes` and `width`.

    `lanes` [N] counts banks that are there once (inputs and weights in both their halves, outputs in one), `width` [N] their
    bits. `passes` [L, N] are the cycles of a step's multiplications.
    """

    inputs: Array
    weights: Array
    outputs: Array
    passes: Array
    depth: dict[str, Array]
    lanes: dict[str, Array]
    width: dict[str, Array]


def outputs_per_word(chunks: ChunkBatch, xp: Any) -> Array:
    """Outputs that pass the port in a cycle, [N]; as many are requantised at once."""
    return xp.maximum(_whole(chunks.port_bits, chunks.output_bits, xp), 1.0)


def padded_outputs(unrolls: Unrolls, chunks: ChunkBatch, xp: Any) -> Array:
    """Output channels side by side as the port sees them, [N]: as many as fill words, or divide one."""
    per_word = outputs_per_word(chunks, xp)
    within = 2.0 ** xp.ceil(xp.log2(unrolls.out))
    return xp.where(unrolls.out <= per_word, within, xp.ceil(unrolls.out / per_word) * per_word)


def tile_words(layers: LayerTable, chunks: ChunkBatch, tiles: Tiles, unrolls: Unrolls, xp: Any) -> TileWords:
    """Words, passes and banks of one tile of each layer."""
    deep = chunks.has("depthwise")
    out, depth = xp.ceil(tiles.out / unrolls.out), xp.ceil(tiles.depth / unrolls.inputs)
    rows, columns = xp.ceil(tiles.rows / unrolls.rows), xp.ceil(tiles.columns / unrolls.columns)
    kernel = layers.kernel_height * layers.kernel_width
    across = unrolls.rows * unrolls.columns
    lanes = {
        "inputs": xp.where(deep, unrolls.out, unrolls.inputs),
        "weights": unrolls.out * unrolls.inputs,
        "outputs": padded_outputs(unrolls, chunks, xp) * across,
    }
    packings = {
        name: Packing.of(lanes[name], bits, chunks.port_bits, xp)
        for name, bits in (
            ("inputs", chunks.input_bits), ("weights", chunks.weight_bits), ("outputs", chunks.output_bits)
        )
    }  # fmt: skip
    planes = xp.where(deep, out, depth)
    down = _span(rows, unrolls.rows, layers.stride_height, layers.reach_height, 1.0, xp)
    over = _span(columns, unrolls.columns, layers.stride_width, layers.reach_width, packings["inputs"].positions, xp)
    weights = xp.ceil(out * depth * kernel / packings["weights"].positions)
    outputs = out * xp.ceil(rows * columns / packings["outputs"].positions)
    counts = {"inputs": planes * down.words * over.words, "weights": weights, "outputs": outputs}
    cycles = {name: count * packings[name].words * packings[name].beats for name, count in counts.items()}
    return TileWords(
        **cycles,
        passes=out * depth * rows * columns * kernel,
        depth={"inputs": planes * down.bank * over.bank, "weights": weights, "outputs": outputs},
        lanes={
            **lanes,
            "inputs": lanes["inputs"] * across,
            "outputs": unrolls.out * across * packings["outputs"].positions,
        },
        width={
            "inputs": chunks.input_bits * packings["inputs"].positions,
            "weights": chunks.weight_bits * packings["weights"].positions,
            "outputs": chunks.sum_bits,
        },
    )


class _Span(NamedTuple):
    """Words of a tile along one axis, and those of a bank."""

    words: Array
    bank: Array


def _span(passes: Array, units: Array, stride: Array, reach: Array, positions: Any, xp: Any) -> _Span:
    """Inputs of `passes` outputs for each of some units, in words that hold some positions."""
    apart = passes * stride
    aligned = positions * xp.ceil(apart / positions) == apart
    loose = xp.where((units > 1) & ~aligned, positions - 1.0, 0.0)
    bank = xp.ceil((loose + (passes - 1.0) * stride + reach) / positions)
    return _Span(_whole((units - 1.0) * apart, positions, xp) + bank, bank)


def _whole(number: Any, divisor: Any, xp: Any) -> Array:
    """The whole part of a quotient of whole numbers."""
    return xp.ceil((number + 1.0) / divisor) - 1.0
