"""SCNN under equal resources: 64 units of 4 x 4 multipliers that skip zero weights and zero activations.

A. Parashar et al., "SCNN", ISCA 2017. Each unit holds one tile of the map and multiplies vectors of its non-zero activations with
vectors of non-zero weights of the same channel, all with all. All wait for the fullest tile of each channel (upper bound), or
for none (lower). Layers of one output position, with a stride, or transposed gain nothing: they run the dense schedule.
"""

import math

from netchip.hardware.engines.counts import EIGHT, EngineCounts, Loops, loops_of, traffic
from netchip.hardware.engines.diannao import dense_counts
from netchip.hardware.engines.resources import EngineOptions, Resources
from netchip.workload.layer import Layer
from netchip.workload.sparsity import LayerSparsity


def scnn(layer: Layer, sparsity: LayerSparsity, resources: Resources, options: EngineOptions) -> EngineCounts:
    """Counts of one image; weights and inputs are stored as non-zeros with run lengths, or dense where that is smaller."""
    loops, weights, activations = loops_of(layer), sparsity.weights, sparsity.activations
    bytes_each = 1 + resources.scnn.run_length_bits.value / EIGHT
    stored = min(weights.nonzero_elements * bytes_each, float(loops.weights))
    if not _gains(layer):
        return dense_counts(loops, resources, stored_bytes=stored)
    kept = 1 - activations.zero_share
    inputs = min(loops.inputs * kept * bytes_each, float(loops.inputs))
    handed = math.ceil(loops.filters / loops.groups / resources.array.slices)
    units = resources.scnn.tiles**2
    mean_vectors = activations.tile_vectors / activations.maps
    dram, buffers = traffic(
        loops,
        resources,
        weight_bytes={"weights": stored},
        input_bytes=inputs,
        weight_reads=mean_vectors * units * stored,
        input_reads=inputs * handed,
    )
    products = _inputs_a_channel(loops) * kept * weights.nonzero_elements
    cycles = weights.channel_vectors * resources.scnn.conflict_factor.value
    return EngineCounts(
        compute_cycles=cycles * activations.busiest_vectors / activations.maps,
        least_compute_cycles=cycles * mean_vectors,
        dram_bytes=dram,
        buffer_bytes={**buffers, "accumulators": 2 * products * resources.scnn.accumulator_bytes.value},
        work={"mac": products},
    )


def _gains(layer: Layer) -> bool:
    """Whether the layer is one that SCNN was made for."""
    shape = layer.shape
    single = shape.out_height == shape.out_width == 1
    return shape.kind == "conv" and not single and shape.stride == (1, 1) and not shape.transposed


def _inputs_a_channel(loops: Loops) -> float:
    return loops.inputs / (loops.channels * loops.groups)
