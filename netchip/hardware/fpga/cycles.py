"""Cycles of a layer on a chunk, and the bits that pass its port. Double-buffered, one result a cycle and unit.

After section 5.2 of the notes on DNA, whose structure is that of HotNAS: load, compute and store overlap, so that the slowest sets
the pace, and the first load and the last store are added. No quotient is left without rounding up.
"""

from dataclasses import dataclass
from typing import Any

from netchip.hardware.arrays import Array
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.layer_table import LayerTable
from netchip.hardware.fpga.tiling import Tiles

MULTIPLIER_STAGES = 4
"""Pipeline stages of a multiplication with its registers: our choice, as a DSP slice has three and a buffer read one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TileTimes:
    """Cycles [L, N] of one tile: to compute a step, to load its inputs and its weights, to store an output tile."""

    compute: Array
    inputs: Array
    weights: Array
    outputs: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Unrolls:
    """Units side by side along each loop, [N]: 1 where the engine does not unroll it."""

    out: Array
    inputs: Array
    rows: Array
    columns: Array

    @property
    def units(self) -> Array:
        """Multipliers."""
        return self.out * self.inputs * self.rows * self.columns


def unrolls_of(chunks: ChunkBatch, xp: Any) -> Unrolls:
    """The unrolls that the engines have."""
    return Unrolls(
        out=xp.where(chunks.has("out"), chunks.unroll_out, 1.0),
        inputs=xp.where(chunks.has("inputs"), chunks.unroll_in, 1.0),
        rows=xp.where(chunks.has("rows"), chunks.unroll_rows, 1.0),
        columns=xp.where(chunks.has("columns"), chunks.unroll_columns, 1.0),
    )


def input_rows(layers: LayerTable, tiles: Tiles) -> Array:
    """Input rows that a tile of output rows reads, [L, N]."""
    return (tiles.rows - 1) * layers.stride_height + layers.reach_height


def input_columns(layers: LayerTable, tiles: Tiles) -> Array:
    """Input columns that a tile of output columns reads, [L, N]."""
    return (tiles.columns - 1) * layers.stride_width + layers.reach_width


def tile_words(layers: LayerTable, tiles: Tiles) -> tuple[Array, Array, Array]:
    """Inputs, weights and outputs of one tile, [L, N] each."""
    kernel = layers.kernel_height * layers.kernel_width
    inputs = tiles.channels * input_rows(layers, tiles) * input_columns(layers, tiles)
    return inputs, tiles.out * tiles.depth * kernel, tiles.out * tiles.rows * tiles.columns


def tile_times(layers: LayerTable, chunks: ChunkBatch, tiles: Tiles, unrolls: Unrolls, xp: Any) -> TileTimes:
    """Cycles of one tile of each layer."""
    passes = (
        xp.ceil(tiles.out / unrolls.out)
        * xp.ceil(tiles.depth / unrolls.inputs)
        * xp.ceil(tiles.rows / unrolls.rows)
        * xp.ceil(tiles.columns / unrolls.columns)
    )
    fill = MULTIPLIER_STAGES + xp.ceil(xp.log2(unrolls.inputs))
    inputs, weights, outputs = tile_words(layers, tiles)
    return TileTimes(
        compute=passes * layers.kernel_height * layers.kernel_width + fill,
        inputs=xp.ceil(inputs * chunks.input_bits / chunks.port_bits),
        weights=xp.ceil(weights * chunks.weight_bits / chunks.port_bits),
        outputs=xp.ceil(outputs * chunks.output_bits / chunks.port_bits),
    )


def layer_cycles(chunks: ChunkBatch, tiles: Tiles, times: TileTimes, xp: Any) -> Array:
    """Cycles of a frame, [L, N]: per output tile the slowest of compute, load and store; then first load and last store."""
    shared = chunks.shared_port > 0
    load = xp.where(shared, times.inputs + times.weights, xp.maximum(times.inputs, times.weights))
    port = tiles.steps * load + xp.where(shared, times.outputs, 0.0)
    block = xp.maximum(xp.maximum(tiles.steps * times.compute, port), times.outputs)
    return tiles.blocks * block + times.inputs + times.weights + times.outputs


def layer_traffic_bits(layers: LayerTable, chunks: ChunkBatch, tiles: Tiles) -> Array:
    """Bits between DRAM and the chunk in a frame, [L, N]; every tile is loaded anew, halos included."""
    inputs, weights, outputs = tile_words(layers, tiles)
    step = inputs * chunks.input_bits + weights * chunks.weight_bits
    return tiles.blocks * (tiles.steps * step + outputs * chunks.output_bits)
