"""SmartExchange: 8,192 bit-serial multipliers that rebuild weights and skip zero rows of weights and inputs, and zero bits.

Y. Zhao et al., "SmartExchange", ISCA 2020; the model of it is ours. A slice computes one output channel, a line of it one input
channel, a lane of it one output column. Output stationary: for each tile of outputs (one row, so many columns) a line goes through
its rows of weights; a row of S weights takes S steps, each as long as the longest Booth recoding among the lanes. Slices share
their inputs. In step, with channels tied to lines, a row is done if any slice needs it (upper bound); apart, with any line taking
the next channel, a tile takes as long as its longest slice (lower). A row whose inputs are all zero is not done. Rows are rebuilt
in each tile, unless they are kept.
"""

import math
from dataclasses import dataclass

from netchip.hardware.engines.counts import EIGHT, Counts, EngineCounts, Loops, check_grouping, loops_of, traffic
from netchip.hardware.engines.resources import EngineOptions, Resources
from netchip.workload.layer import Layer
from netchip.workload.sparsity import LayerSparsity, PairedRows, WeightSparsity


@dataclass(frozen=True, kw_only=True)
class _Tiles:
    """Tiles of outputs of a layer, and their mean width in columns."""

    count: int
    width: float


def smart_exchange(layer: Layer, sparsity: LayerSparsity, resources: Resources, options: EngineOptions) -> EngineCounts:
    """Counts of one image. What meets is `sparsity.paired` where it was counted, else the product of the shares of each."""
    check_grouping(sparsity, resources)
    loops, weights = loops_of(layer), sparsity.weights
    tiles = _tiles(loops, resources)
    met = sparsity.paired or _expected(loops, sparsity, tiles, options)
    clusters = _cluster_factor(loops, weights, options)
    fetched = _weight_reads(weights, met, tiles, loops, options)
    dram, buffers = traffic(
        loops,
        resources,
        weight_bytes=_stored_bytes(weights, loops),
        input_bytes=float(loops.inputs),
        weight_reads=sum(fetched.values()),
        input_reads=met.row_pairs * _row_inputs(layer, weights, tiles) * _distinct_inputs(loops, resources),
    )
    rebuilt = 0.0 if weights.storage is None else _rebuilt_coefficients(weights, met, options)
    return EngineCounts(
        compute_cycles=met.lock_step_cycles * clusters,
        least_compute_cycles=met.free_cycles * clusters,
        dram_bytes=dram,
        buffer_bytes=buffers,
        work={
            "booth_step": met.digit_steps,
            "rebuild_add": rebuilt * weights.row_length,
            "index_check": met.row_pairs + met.skipped_pairs,
        },
        events=_events(weights, met, tiles),
    )


def _tiles(loops: Loops, resources: Resources) -> _Tiles:
    across = math.ceil(loops.columns / resources.array.lanes)
    return _Tiles(count=loops.rows * across, width=loops.columns / across)


def _expected(loops: Loops, sparsity: LayerSparsity, tiles: _Tiles, options: EngineOptions) -> PairedRows:
    """What meets if zeros of weights and of activations have nothing to do with each other."""
    weights, activations = sparsity.weights, sparsity.activations
    live = 1 - activations.zero_row_share
    depthwise = loops.channels == 1 and loops.kernel_rows > 1
    rows = weights.dealt if depthwise and options.compact_mapping else weights.by_channel
    steps = tiles.count * live * weights.row_length * activations.lane_digits
    checked = weights.filter_groups * weights.rows_per_filter * tiles.count
    pairs = weights.union_rows * tiles.count * live
    outputs = loops.rows * loops.columns
    return PairedRows(
        lock_step_cycles=rows.lock_step * steps,
        free_cycles=rows.free * steps,
        row_pairs=pairs,
        skipped_pairs=checked - pairs,
        own_rows=weights.nonzero_rows * tiles.count * live,
        digit_steps=weights.nonzero_rows * weights.row_length * outputs * activations.mean_booth_digits,
        coefficients=0.0 if weights.storage is None else weights.storage.nonzero_coefficients * tiles.count * live,
    )


def _cluster_factor(loops: Loops, weights: WeightSparsity, options: EngineOptions) -> float:
    """Share of the time that is left where two groups of filters run side by side, on half of a line's lanes each."""
    if not options.cluster_split or loops.columns > 1:
        return 1.0
    return math.ceil(weights.filter_groups / 2) / weights.filter_groups


def _stored_bytes(weights: WeightSparsity, loops: Loops) -> Counts:
    """What crosses DRAM. Plain weights: kept rows and a bit a row, or all where that is smaller. Nothing of an empty layer."""
    if weights.nonzero_rows == 0:
        return {"weights": 0.0}
    if weights.storage is None:
        kept = weights.nonzero_rows * weights.row_length
        return {"weights": min(kept + weights.rows / EIGHT, float(loops.weights))}
    storage = weights.storage
    return {
        "coefficients": storage.nonzero_coefficients * storage.coefficient_bits / EIGHT,
        "basis": storage.basis_elements * storage.basis_bits / EIGHT,
        "index": storage.index_bits / EIGHT,
    }


def _weight_reads(
    weights: WeightSparsity, met: PairedRows, tiles: _Tiles, loops: Loops, options: EngineOptions
) -> Counts:
    """Bytes from the weight buffer: bases and index once a tile, of each row that is done its coefficients or its weights."""
    if weights.nonzero_rows == 0:
        return {"weights": 0.0}
    if weights.storage is None:
        return {"weights": met.own_rows * weights.row_length}
    storage = weights.storage
    index = storage.index_bits / EIGHT * tiles.count
    if options.cache_rebuilt_rows:  # written once, read by every tile
        once = storage.nonzero_coefficients * storage.coefficient_bits + storage.basis_elements * storage.basis_bits
        return {
            "rebuilt": (weights.nonzero_rows + met.own_rows) * weights.row_length,
            "once": once / EIGHT,
            "index": index,
        }
    return {
        "coefficients": met.coefficients * storage.coefficient_bits / EIGHT,
        "basis": storage.basis_elements * storage.basis_bits / EIGHT * tiles.count,
        "index": index,
    }


def _rebuilt_coefficients(weights: WeightSparsity, met: PairedRows, options: EngineOptions) -> float:
    """Coefficients that a rebuild engine works on: each is a shift and an addition a weight of the row."""
    if weights.storage is None or not options.cache_rebuilt_rows:
        return met.coefficients
    return weights.storage.nonzero_coefficients


def _row_inputs(layer: Layer, weights: WeightSparsity, tiles: _Tiles) -> float:
    """Inputs of a row of weights in a tile: neighbours along a row of the map, or so many columns of each channel in the row."""
    shape = layer.shape
    stride = 1 if shape.transposed else shape.stride[1]
    if shape.kernel_width == 1:
        return weights.row_length * tiles.width
    reach = (tiles.width - 1) * stride + (shape.kernel_width - 1) * shape.dilation[1] + 1
    return min(reach, tiles.width * shape.kernel_width)  # those between wide strides are not fetched


def _distinct_inputs(loops: Loops, resources: Resources) -> int:
    """How many groups of channels the slices work on at once."""
    filters = math.ceil(loops.filters / loops.groups)
    return min(loops.groups, math.ceil(resources.array.slices / filters))


def _events(weights: WeightSparsity, met: PairedRows, tiles: _Tiles) -> Counts:
    bases = 0.0 if weights.storage is None else weights.storage.basis_elements * tiles.count
    return {
        "row_pairs": met.row_pairs,
        "skipped_pairs": met.skipped_pairs,
        "own_rows": met.own_rows,
        "coefficients": met.coefficients,
        "basis_elements": bases,
    }
