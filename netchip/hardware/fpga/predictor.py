"""What layers cost on chunks, for many designs at once: cycles, DRAM bits, resources, and whether the chunk can run them."""

from dataclasses import dataclass, fields
from typing import Any, Protocol

from netchip.hardware.arrays import Array, namespace_of
from netchip.hardware.fpga.banks import Banks, banks
from netchip.hardware.fpga.board import RESOURCES, Board
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.cycles import layer_cycles, layer_traffic_bits, tile_times
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.packing import TileWords, outputs_per_word, padded_outputs, tile_words
from netchip.hardware.fpga.tiling import Tiles, tiles_of
from netchip.hardware.fpga.units import units_of
from netchip.hardware.fpga.unrolls import Unrolls, unrolls_of

PARAMETER_BITS = 61
"""A bias of 32 bits, a multiplier of 24, a shift of 5."""

BLOCK = 1 << 15
"""Layer-designs of which arithmetic is done at a time: what stays in a core's cache."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """N designs of a chunk: `cycles` [L, N] and `traffic_bits` [L, N] of each layer in a frame, resources [N] by name.

    `runs` [L, N] says whether the engine takes the layer, at its bits. Numbers are finite also where it does not.
    """

    cycles: Array
    traffic_bits: Array
    runs: Array
    dsp: Array
    bram18: Array
    uram: Array
    lut: Array
    ff: Array

    @property
    def usage(self) -> dict[str, Array]:
        """Resources by name, [N] each."""
        return {name: getattr(self, name) for name in RESOURCES}


class ChunkPredictor(Protocol):
    """What costs layers on chunks of one kind."""

    @property
    def resources(self) -> tuple[str, ...]:
        """Names of the resources it counts, among those with a limit."""
        ...

    def __call__(self, layers: LayerTable, chunks: ChunkBatch, used: Array | None = None) -> Prediction:
        """The costs of every layer on every chunk; `used` [L, N] names the layers that buffers are built for (none: all)."""
        ...


@dataclass(frozen=True)
class FpgaPredictor:
    """Our model, for the slices and memories of one board's family. `xp`: what computes (none: the namespace of the arrays)."""

    board: Board
    xp: Any = None

    @property
    def resources(self) -> tuple[str, ...]:
        """What it counts."""
        return RESOURCES

    def __call__(self, layers: LayerTable, chunks: ChunkBatch, used: Array | None = None) -> Prediction:
        """The costs of every layer on every chunk.

        Exact for whole numbers below 2^53. Buffers hold the largest tile of the layers that are `used` ([L, N], none: of all).
        """
        size, step = len(chunks), max(1, BLOCK // len(layers))
        parts = [
            self._block(layers, chunks.at(slice(start, start + step)), _columns(used, start, step))
            for start in range(0, size, step)
        ]
        return parts[0] if len(parts) == 1 else _joined(parts)

    def _block(self, layers: LayerTable, chunks: ChunkBatch, used: Array | None) -> Prediction:
        xp = self.xp or namespace_of(chunks.tile_out)
        unrolls, tiles = unrolls_of(chunks, xp), tiles_of(layers, chunks, xp)
        words = tile_words(layers, chunks, tiles, unrolls, xp)
        times = tile_times(words, xp)
        units = units_of(chunks, unrolls, self.board.family, xp)
        buffers, parameters = self._memory(words, chunks, used, xp), _parameters(chunks, unrolls, tiles, used, xp)
        memory = Banks(*(mine + more for mine, more in zip(buffers, parameters, strict=True)))
        zero = 0.0 * chunks.tile_out
        for name in ("engine", "port_bits", "shared_port"):  # so that every figure is [N], whichever choice varies
            zero = zero + 0.0 * getattr(chunks, name)
        wide = _runs(layers, chunks)
        return Prediction(
            cycles=(layer_cycles(chunks, tiles, times, unrolls, xp) + zero) * layers.rate,
            traffic_bits=(layer_traffic_bits(chunks, tiles, times) + zero) * layers.rate,
            runs=wide & (zero == 0),
            dsp=units.dsp + zero + 0.0 * memory.bram18,
            bram18=memory.bram18 + zero,
            uram=memory.uram + zero,
            lut=units.lut + memory.lut + zero,
            ff=units.ff + memory.ff + zero,
        )

    @staticmethod
    def _memory(words: TileWords, chunks: ChunkBatch, used: Array | None, xp: Any) -> Banks:
        """The three buffers, in as many banks as are read or written at once: both halves in one bank, but for the outputs.

        An output bank is read by the adders in one half and by the store in the other. The lower half begins at a power of two.
        """
        found: list[Banks] = []
        for name, halves in (("inputs", 2.0), ("weights", 2.0), ("outputs", 1.0)):
            deepest = xp.max(words.depth[name] if used is None else xp.where(used, words.depth[name], 0.0), axis=0)
            depth = halves * 2.0 ** xp.ceil(xp.log2(xp.maximum(deepest, 1.0)))
            count = (3.0 - halves) * words.lanes[name]
            found.append(banks(count, words.width[name], depth, padded=True, xp=xp, uram=chunks.uram))
        return Banks(*(sum(parts) for parts in zip(*found, strict=True)))


def _parameters(chunks: ChunkBatch, unrolls: Unrolls, tiles: Tiles, used: Array | None, xp: Any) -> Banks:
    """Biases and scales of all channels of all layers, in as many banks as channels are requantised at once."""
    padded = padded_outputs(unrolls, chunks, xp)
    lanes = xp.minimum(padded, outputs_per_word(chunks, xp))
    each = tiles.channel_blocks * xp.ceil(tiles.out / unrolls.out) * (padded / lanes)
    depth = xp.sum(each if used is None else xp.where(used, each, 0.0), axis=0)
    return banks(lanes, xp.zeros_like(depth) + PARAMETER_BITS, depth, padded=False, xp=xp, only_read=True)


def _runs(layers: LayerTable, chunks: ChunkBatch) -> Array:
    """Whether a chunk's engine takes a layer: depthwise engines only depthwise ones, none a layer of more bits than it has."""
    wide = (layers.weight_bits <= chunks.weight_bits) & (layers.input_bits <= chunks.input_bits)
    return wide & (layers.depthwise | ~chunks.has("depthwise"))


def _columns(used: Array | None, start: int, step: int) -> Array | None:
    return used if used is None or used.shape[-1] == 1 else used[:, start : start + step]


def _joined(parts: list[Prediction]) -> Prediction:
    xp = namespace_of(parts[0].cycles)
    return Prediction(
        **{each.name: xp.concat([getattr(part, each.name) for part in parts], axis=-1) for each in fields(Prediction)}
    )
