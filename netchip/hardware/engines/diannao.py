"""DianNao under equal resources: 1,024 parallel 8-bit multipliers, and every product is made.

T. Chen et al., "DianNao", ASPLOS 2014: so many filters times so many inputs a cycle, summed by adder trees. Weights are read from
their buffer for every output, since nothing keeps them at the multipliers.
"""

from netchip.hardware.engines.counts import EngineCounts, Loops, dense_steps, loops_of, traffic
from netchip.hardware.engines.resources import EngineOptions, Resources
from netchip.workload.layer import Layer
from netchip.workload.sparsity import LayerSparsity


def diannao(layer: Layer, sparsity: LayerSparsity, resources: Resources, options: EngineOptions) -> EngineCounts:
    """Counts of one image. Nothing of `sparsity` is used."""
    loops = loops_of(layer)
    return dense_counts(loops, resources, stored_bytes=float(loops.weights))


def dense_counts(loops: Loops, resources: Resources, *, stored_bytes: float) -> EngineCounts:
    """The dense schedule on parallel multipliers, of weights that take `stored_bytes` in memory."""
    steps, outputs = float(dense_steps(loops, resources, lanes=1)), loops.rows * loops.columns
    dram, buffers = traffic(
        loops,
        resources,
        weight_bytes={"weights": stored_bytes},
        input_bytes=float(loops.inputs),
        weight_reads=float(loops.macs),
        input_reads=float(loops.input_groups(resources.array.slices) * loops.window * outputs),
    )
    return EngineCounts(
        compute_cycles=steps,
        least_compute_cycles=steps,
        dram_bytes=dram,
        buffer_bytes=buffers,
        work={"mac": float(loops.macs)},
    )
