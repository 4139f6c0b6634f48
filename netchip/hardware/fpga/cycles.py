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

TO_A_SUM_CYCLES, TO_A_WORD_CYCLES = 4, 10
"""Of these, the cycles from a step's last product to its last sum, and to the first word: a shared port may be busy in them."""

WORDS_AHEAD = 5
"""Words that a store has under way, out of the sums already, while loads hold the shared port."""

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

    On a shared port loads go first until two finished tiles wait for their store: see `_taking_turns`.
    """
    shared = chunks.shared_port > 0
    load = xp.where(shared, times.inputs + times.weights, xp.maximum(times.inputs, times.weights))
    adding = xp.ceil(xp.log2(unrolls.inputs))
    steps = tiles.steps * times.compute
    computing = load + tiles.blocks * steps + times.outputs
    storing = load + steps + tiles.blocks * times.outputs
    own = tiles.blocks * tiles.steps * load + times.compute + times.outputs
    turns = _taking_turns(tiles, times, load, adding, xp)
    longest = xp.maximum(xp.maximum(computing, storing), xp.where(shared, turns, own))
    longest = xp.maximum(longest, load + _sums_in_halves(tiles, times, steps, adding, xp))
    return longest - times.idle + LAYER_CYCLES + adding


def _sums_in_halves(tiles: Tiles, times: TileTimes, steps: Array, adding: Array, xp: Any) -> Array:
    """Where tiles are so small that the way to a sum counts: a tile waits until the one before the last has left its half."""
    held = steps + TO_A_SUM_CYCLES + adding + times.outputs
    pairs = xp.floor((tiles.blocks - 1.0) / 2.0)
    single = tiles.blocks - 1.0 - 2.0 * pairs
    return pairs * held + single * steps + steps + times.outputs


def _taking_turns(tiles: Tiles, times: TileTimes, load: Array, adding: Array, xp: Any) -> Array:
    """Where a shared port bounds: all words one after the other, and what no word hides at both ends.

    At the start nothing is there to store, so the port waits where steps compute longer than they load. At the end words of the
    tile before are still to be stored while the last step is computed, and where the port was never free before, as many as the
    store had under way of the tile before that. `adding`: cycles of the adder tree.
    """
    words = tiles.blocks * (tiles.steps * load + times.outputs)
    ahead = xp.minimum((tiles.blocks - 2.0) * times.outputs, float(WORDS_AHEAD))
    pipeline, waiting = TO_A_WORD_CYCLES + adding, times.outputs + ahead
    last = times.compute + pipeline
    busy = times.compute + TO_A_SUM_CYCLES + adding <= load + times.outputs
    end = xp.where(busy, xp.maximum(last - waiting, 0.0) - pipeline, xp.maximum(times.compute - times.outputs, 0.0))
    start = tiles.steps * xp.maximum(times.compute - load, 0.0)
    return words + xp.where(tiles.blocks > 1, start + end, times.compute)


def layer_traffic_bits(chunks: ChunkBatch, tiles: Tiles, times: TileTimes) -> Array:
    """Bits between DRAM and the chunk in a frame, [L, N]: whole words; every tile is loaded anew, halos included."""
    words = tiles.blocks * (tiles.steps * (times.inputs + times.weights) + times.outputs)
    return words * chunks.port_bits
