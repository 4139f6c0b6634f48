"""Cambricon-X under equal resources: 1,024 parallel 8-bit multipliers that skip zero weights.

S. Zhang et al., "Cambricon-X", MICRO 2016: each unit is handed the inputs of its own non-zero weights. The units of a group
of filters wait for the fullest filter (upper bound), or share its work evenly (lower).
"""

from netchip.hardware.engines.counts import EIGHT, EngineCounts, dense_steps, loops_of, traffic
from netchip.hardware.engines.resources import EngineOptions, Resources
from netchip.workload.layer import Layer
from netchip.workload.sparsity import LayerSparsity


def cambricon_x(layer: Layer, sparsity: LayerSparsity, resources: Resources, options: EngineOptions) -> EngineCounts:
    """Counts of one image. A layer whose non-zero weights with their index take more room than all of them is stored dense."""
    loops, weights = loops_of(layer), sparsity.weights
    steps, outputs = dense_steps(loops, resources, lanes=1), loops.rows * loops.columns
    bytes_each = 1 + resources.cambricon_x.index_bits.value / EIGHT
    stored = min(weights.nonzero_elements * bytes_each, float(loops.weights))
    dram, buffers = traffic(
        loops,
        resources,
        weight_bytes={"weights": stored},
        input_bytes=float(loops.inputs),
        weight_reads=stored * outputs,
        input_reads=float(loops.input_groups(resources.array.slices) * loops.window * outputs),
    )
    return EngineCounts(
        compute_cycles=steps * weights.busiest_share,
        least_compute_cycles=steps * weights.mean_share,
        dram_bytes=dram,
        buffer_bytes=buffers,
        work={"mac": weights.nonzero_elements * outputs},
    )
