"""Bit-pragmatic under equal resources: 8,192 bit-serial multipliers that skip zero bits of activations.

J. Albericio et al., "Bit-pragmatic deep neural network computing", MICRO 2017. The dense schedule, each step as long as the
longest activation that goes with it: of a pallet (so many channels of so many columns, upper bound), or of a brick (the channels
of one column, lower). A step takes at least one cycle, also for zeros.
"""

import math

from netchip.hardware.engines.counts import EngineCounts, dense_steps, loops_of, traffic
from netchip.hardware.engines.resources import EngineOptions, Resources
from netchip.workload.layer import Layer
from netchip.workload.sparsity import LayerSparsity


def bit_pragmatic(layer: Layer, sparsity: LayerSparsity, resources: Resources, options: EngineOptions) -> EngineCounts:
    """Counts of one image, by one bits or by Booth digits as `options.pragmatic_steps` says."""
    loops, activations, array = loops_of(layer), sparsity.activations, resources.array
    booth = options.pragmatic_steps == "booth"
    serial = activations.booth if booth else activations.bits
    steps = dense_steps(loops, resources, lanes=array.lanes)
    tiles = loops.rows * math.ceil(loops.columns / array.lanes)
    dram, buffers = traffic(
        loops,
        resources,
        weight_bytes={"weights": float(loops.weights)},
        input_bytes=float(loops.inputs),
        weight_reads=float(loops.weights * tiles),
        input_reads=float(loops.input_groups(array.slices) * loops.window * loops.rows * loops.columns),
    )
    mean = serial.elements / activations.elements
    return EngineCounts(
        compute_cycles=steps * serial.pallets / activations.pallets,
        least_compute_cycles=steps * serial.bricks / activations.bricks,
        dram_bytes=dram,
        buffer_bytes=buffers,
        work={"booth_step" if booth else "bit_step": loops.macs * mean},
    )
