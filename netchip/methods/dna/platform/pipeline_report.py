"""A pipeline's report in the words of a pair."""

import numpy as np

from netchip.hardware.fpga.chunk import ChunkBatch
from netchip.hardware.fpga.pipeline import ChunkReport, PipelineReport
from netchip.hardware.fpga.unrolls import unrolls_of
from netchip.methods.dna.platform.platform import LayerRow, PairReport, PartRow
from netchip.workload.network import Workload


def pair_report(found: PipelineReport, workload: Workload, *, fps: float | None, latency_s: float | None) -> PairReport:
    """The rows in the order of the network; targets stand among the limits as "frame_s" and "latency_s"."""
    macs = {layer.name: layer.macs for layer in workload.layers}
    rows = {
        layer.name: LayerRow(
            name=layer.name,
            part=chunk.name,
            cycles=layer.cycles,
            traffic_bits=layer.traffic_bits,
            utilisation=layer.utilisation,
            bound_by=layer.bound_by,
            macs=macs[layer.name],
        )
        for chunk in found.chunks
        for layer in chunk.layers
    }
    frame_s, targets = found.cycles / found.frequency_hz, {}
    if fps is not None:
        targets["frame_s"] = 1 / fps
    if latency_s is not None:
        targets["latency_s"] = latency_s
    return PairReport(
        platform=found.board,
        cost=found.cycles,
        fps=found.fps,
        latency_s=found.first_frame_s,
        bound_by=found.bound_by,
        parts=tuple(_part(chunk) for chunk in found.chunks),
        layers=tuple(rows[layer.name] for layer in workload.layers),
        usage={**found.usage, "frame_s": frame_s, "latency_s": found.first_frame_s},
        limits={**found.limits, **targets},
        dram_bits_per_cycle=found.bandwidth_bits_per_cycle,
    )


def _part(chunk: ChunkReport) -> PartRow:
    units = unrolls_of(ChunkBatch.of([chunk.chunk]), np).units
    return PartRow(
        name=chunk.name,
        cycles=chunk.cycles,
        traffic_share=chunk.traffic_share,
        macs_per_cycle=float(units[0]),
        usage=dict(chunk.usage),
    )
