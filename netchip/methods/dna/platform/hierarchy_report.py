"""A hierarchy's costs in the words of a pair."""

from collections.abc import Mapping, Sequence

from netchip.hardware.accelerator import Accelerator
from netchip.hardware.cost import evaluate
from netchip.hardware.costs import LayerCost
from netchip.hardware.counting.pricing import width_of
from netchip.hardware.hierarchy.problem import Objective
from netchip.hardware.mapping import Mapping as LoopMapping
from netchip.hardware.mapping_batch import MappingBatch
from netchip.hardware.network_cost import area_mm2
from netchip.methods.dna.platform.platform import LayerRow, PairReport, PartRow
from netchip.units import joules_to_pj
from netchip.workload.layer import Layer
from netchip.workload.network import Workload

ARRAY, DRAM = "array", "dram"


def array_report(
    workload: Workload,
    accelerator: Accelerator,
    mappings: Sequence[LoopMapping],
    limits: Mapping[str, float],
    objective: Objective,
) -> PairReport:
    """One part, the array; all layers run on it one after the other."""
    batch = MappingBatch.of(list(mappings), accelerator, layers=range(len(workload.layers)))
    costs = evaluate(workload.layers, accelerator, batch)
    rows = tuple(_row(layer, costs.row(place), accelerator) for place, layer in enumerate(workload.layers))
    cycles = sum(row.cycles for row in rows)
    energy = sum(row.energy_pj or 0.0 for row in rows)
    latency, area = cycles / accelerator.frequency_hz, area_mm2(accelerator)
    usage = {
        "energy_pj": energy,
        "latency_s": latency,
        "frame_s": latency,
        "power_w": energy / joules_to_pj(1.0) / latency,
        "edp_pj_s": energy * latency,
        **({} if area is None else {"area_mm2": area}),
    }
    return PairReport(
        platform=accelerator.name,
        cost={"edp": energy * latency, "energy": energy, "latency": latency}[objective],
        fps=1 / latency,
        latency_s=latency,
        bound_by=max(rows, key=lambda row: row.cycles).bound_by,
        parts=(
            PartRow(
                name=ARRAY,
                cycles=cycles,
                traffic_share=1.0,
                macs_per_cycle=accelerator.units,
                usage=_sizes(accelerator),
            ),
        ),
        layers=rows,
        usage=usage,
        limits=dict(limits),
        dram_bits_per_cycle=sum(port.bits_per_cycle for port in accelerator.memory(DRAM).ports),
        energy_pj=energy,
    )


def _row(layer: Layer, cost: LayerCost, accelerator: Accelerator) -> LayerRow:
    traffic = 0.0
    for action, count in cost.accesses.items():
        width = width_of(accelerator, action) if action.memory == DRAM else None
        traffic += count * width.full if width else 0.0
    return LayerRow(
        name=layer.name,
        part=ARRAY,
        cycles=cost.cycles,
        traffic_bits=traffic,
        utilisation=cost.utilisation * cost.compute_cycles / cost.cycles if cost.cycles else 0.0,
        bound_by=cost.bound_by,
        macs=layer.macs,
        energy_pj=cost.energy_pj,
    )


def _sizes(accelerator: Accelerator) -> dict[str, float]:
    return {
        "units": float(accelerator.units),
        "register_bits": float(accelerator.memory("register").bits or 0),
        "buffer_bits": float(accelerator.memory("buffer").bits or 0),
    }
