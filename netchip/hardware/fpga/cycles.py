"""Cycles of a layer on a chunk, and the bits that pass its port. Double-buffered, one result a cycle and unit.

Load, compute and store overlap (section 5.2 of the notes on DNA), and what is not overlapped is a path through the layer: the
first load, the last step, the last store. Held to the chip of `rtl/`, simulated cycle by cycle: see `docs/chip.md`.
"""

from dataclasses import dataclass
from typing import Any

from netchip.hardware.arrays import Array
from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.packing import TileWords
from netchip.hardware.fpga.tiling import Tiles
from netchip.hardware.fpga.unrolls import Unrolls

LAYER_CYCLES = 13
"""Cycles of a layer in which nothing overlaps: its row of the table, the pipelines from a word to a sum and to a word again."""

LEAST_STEP_CYCLES = 2
"""A step of one cycle is followed by an idle one, so that no sum is read before it is written."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TileTimes:
    """Cycles [L, N] of one tile: to compute a step (`idle` of them at its end), to load its inputs and weights, to store a tile."""

    compute: Array
    idle: Array
    inputs: Array
    weights: Array
    outputs: Array


def tile_times(words: TileWords, xp: Any) -> TileTimes:
    """Cycles of one tile of each layer."""
    compute = xp.maximum(words.passes, float(LEAST_STEP_CYCLES))
    return TileTimes(
        compute=compute,
        idle=compute - words.passes,
        inputs=words.inputs,
        weights=words.weights,
        outputs=words.outputs,
    )


def layer_cycles(chunks: ChunkBatch, tiles: Tiles, times: TileTimes, unrolls: Unrolls, xp: Any) -> Array:
    """Cycles of a frame, [L, N]: the longest of the paths that are bound by computing, by loading or by storing.

    On a shared port loads go first until two finished tiles wait for their store, so that one store at most hides the last step.
    """
    shared = chunks.shared_port > 0
    load = xp.where(shared, times.inputs + times.weights, xp.maximum(times.inputs, times.weights))
    steps = tiles.steps * times.compute
    computing = load + tiles.blocks * steps + times.outputs
    storing = load + steps + tiles.blocks * times.outputs
    hidden = xp.where(tiles.blocks > 1, times.outputs, 0.0)
    own = tiles.blocks * tiles.steps * load + times.compute + times.outputs
    taking_turns = tiles.blocks * (tiles.steps * load + times.outputs) + xp.maximum(times.compute - hidden, 0.0)
    longest = xp.maximum(xp.maximum(computing, storing), xp.where(shared, taking_turns, own))
    return longest - times.idle + LAYER_CYCLES + xp.ceil(xp.log2(unrolls.inputs))


def layer_traffic_bits(chunks: ChunkBatch, tiles: Tiles, times: TileTimes) -> Array:
    """Bits between DRAM and the chunk in a frame, [L, N]: whole words; every tile is loaded anew, halos included."""
    words = tiles.blocks * (tiles.steps * (times.inputs + times.weights) + times.outputs)
    return words * chunks.port_bits
