"""The released predictor of the DNA lineage (Auto-NBA, analytical_prediction.py), fault for fault: an oracle, not a model to trust.

Known faults that are kept: no quotient of loops is rounded up, the stride is ignored, weights and outputs overlap nothing, weight
buffers are left out but in row-parallel engines, DSP slices may be fractions, each chunk has a port of its own, and the depthwise
row-parallel engine reads its inputs at the width of its channels.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from netchip.errors import RequestError
from netchip.hardware.arrays import Array, namespace_of
from netchip.hardware.fpga.chunk import ChunkBatch, engine_index
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.predictor import Prediction

RESOURCES = ("dsp", "bram18")
FREQUENCY_HZ = 200e6
LIMITS = {"dsp": 900.0, "bram18": 700.0}
_KNOWN = ("broadcast", "tree", "rows", "depthwise_channels", "depthwise_rows")
_BANK_BITS = 18_000


class LegacyCycles(NamedTuple):
    """Cycles of one tile and of a layer, as the released code names them: [L, N], or [N] where alike for all layers."""

    comp: Array
    input: Array
    weight: Array
    output: Array
    layer: Array


@dataclass(frozen=True)
class LegacyPredictor:
    """The released formulas, on the same layers and chunks as `FpgaPredictor`; it counts DSP slices and block RAMs only.

    `xp`: what computes (none: the namespace of the arrays).
    """

    xp: Any = None

    @property
    def resources(self) -> tuple[str, ...]:
        """What it counts."""
        return RESOURCES

    def __call__(self, layers: LayerTable, chunks: ChunkBatch, used: Array | None = None) -> Prediction:
        """The costs of every layer on every chunk; no traffic, since bandwidth is not shared.

        Raises `RequestError` for an engine that the released code does not have.
        """
        xp = self.xp or namespace_of(chunks.tile_out)
        _check_engines(chunks, xp)
        words = legacy_cycles(layers, chunks, xp)
        banks = _banks(layers, chunks, xp)
        largest = xp.max(banks if used is None else xp.where(used, banks, 0.0), axis=0)
        slices = _units(chunks, xp) * chunks.weight_bits / 16
        zero = 0.0 * largest
        groups = xp.where(chunks.has("depthwise"), 1.0, layers.groups)
        return Prediction(
            cycles=words.layer * groups * layers.rate,
            traffic_bits=0.0 * words.layer,
            runs=(layers.depthwise == chunks.has("depthwise")) & (zero == 0),
            dsp=slices + zero,
            bram18=largest,
            uram=zero,
            lut=zero,
            ff=zero,
        )


def legacy_cycles(layers: LayerTable, chunks: ChunkBatch, xp: Any) -> LegacyCycles:
    """Cycles of a tile's parts and of a layer; of a layer with groups, those of one group."""
    deep, rows = chunks.has("depthwise"), chunks.has("rows")
    maps, outs = layers.out_height, xp.where(deep, layers.groups, layers.out_channels)
    tile = chunks.tile_out * chunks.tile_rows * chunks.tile_columns
    read_rows, read_columns = _reads(layers, chunks, xp)
    read = xp.where(deep, chunks.tile_out, chunks.tile_in) * read_rows * read_columns
    width = _port(xp.where(deep, chunks.unroll_out, xp.where(rows, read_rows, chunks.unroll_in)), xp)
    share = chunks.weight_bits / 16
    lanes = xp.where(rows, chunks.unroll_rows, chunks.unroll_out)
    comp = tile * chunks.tile_in * layers.kernel_height**2 / _units(chunks, xp)
    inputs = xp.ceil(read / width) * share
    kernels = chunks.tile_out * chunks.tile_in * layers.kernel_height
    weights = xp.where(
        rows, kernels, xp.ceil(kernels * layers.kernel_height / _port(chunks.unroll_out, xp))
    ) * share  # fmt: skip
    outputs = (xp.ceil(tile / _port(lanes, xp)) + tile / lanes) * share
    tiles = (maps / chunks.tile_columns) * (maps / chunks.tile_rows) * (outs / chunks.tile_out)
    steps = xp.where(deep, 1.0, layers.in_channels / chunks.tile_in)
    return LegacyCycles(
        comp, inputs, weights, outputs, tiles * (outputs + steps * (xp.maximum(comp, inputs) + weights))
    )


def _banks(layers: LayerTable, chunks: ChunkBatch, xp: Any) -> Array:
    """Block RAMs [L, N]: inputs twice, outputs once, weights in row-parallel engines only, one bank a kernel row."""
    deep, rows, bits = chunks.has("depthwise"), chunks.has("rows"), chunks.weight_bits
    read_rows, read_columns = _reads(layers, chunks, xp)
    channels = xp.where(deep, chunks.tile_out, chunks.tile_in)
    input_banks = xp.where(rows, read_rows, xp.where(deep, chunks.unroll_out, chunks.unroll_in))
    input_words = xp.where(rows, channels * read_columns, channels * read_rows * read_columns / input_banks)
    output_banks = xp.where(rows, chunks.unroll_rows, chunks.unroll_out)
    output_words = chunks.tile_out * chunks.tile_rows * chunks.tile_columns / output_banks
    weight_words = chunks.tile_out * chunks.tile_in * layers.kernel_height
    weights = xp.where(rows, layers.kernel_height * xp.ceil(weight_words * bits / _BANK_BITS), 0.0)
    inputs = 2 * input_banks * xp.ceil(input_words * bits / _BANK_BITS)
    return inputs + output_banks * xp.ceil(output_words * bits / _BANK_BITS) + weights


def _units(chunks: ChunkBatch, xp: Any) -> Array:
    """Multipliers at work at once."""
    tree = xp.where(chunks.has("inputs"), chunks.unroll_in, 1.0)
    return xp.where(chunks.has("rows"), chunks.unroll_rows, chunks.unroll_out * tree)


def _reads(layers: LayerTable, chunks: ChunkBatch, xp: Any) -> tuple[Array, Array]:
    """Input rows and columns of a tile, as the released code has them."""
    more = layers.kernel_height - 1
    return xp.maximum(chunks.unroll_rows + more, chunks.tile_rows), xp.maximum(
        chunks.unroll_columns + more, chunks.tile_columns
    )


def _port(words: Array, xp: Any) -> Array:
    """Words moved in a cycle: 2 to 4."""
    return xp.maximum(2.0 + 0.0 * words, xp.minimum(4.0 + 0.0 * words, words))


def _check_engines(chunks: ChunkBatch, xp: Any) -> None:
    known = chunks.engine < 0
    for name in _KNOWN:
        known = known | (chunks.engine == engine_index(name))
    if not bool(xp.all(known)):
        raise RequestError(f"the released code has the engines {', '.join(_KNOWN)}; choose among them")
