"""What a network costs on an engine: counts with prices, layer by layer and in all. An estimate, and it says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netchip.errors import RequestError
from netchip.hardware.engines.counts import EngineCounts, check_grouping
from netchip.hardware.engines.resources import EngineOptions, Resources
from netchip.units import format_bytes, format_count, format_energy_pj, format_seconds
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.sparsity import LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity

Engine = Callable[[Layer, LayerSparsity, Resources, EngineOptions], EngineCounts]
"""From a layer and its sparsity to the counts of one image."""

FORMAT = 1
DRAM_FACTORS = (0.5, 2.0)
"""The prices of DRAM that a sensitivity is told for, times the stated one."""


@dataclass(frozen=True, kw_only=True)
class LayerEngineCost:
    """One layer: its counts, what they cost by level in pJ, and the cycles that its DRAM traffic takes."""

    name: str
    macs: float
    counts: EngineCounts
    energy_by_level_pj: Mapping[str, float]
    dram_cycles: float

    @property
    def energy_pj(self) -> float:
        """Energy of a pass over the batch."""
        return sum(self.energy_by_level_pj.values())

    @property
    def latency_cycles(self) -> float:
        """Compute or DRAM, whichever is longer, with all in step that may be."""
        return max(self.counts.compute_cycles, self.dram_cycles)

    @property
    def least_latency_cycles(self) -> float:
        """The same with the least imbalance of lanes."""
        return max(self.counts.least_compute_cycles, self.dram_cycles)


@dataclass(frozen=True, kw_only=True)
class EngineCost:
    """A network on an engine: sums over layers, which run one after another. `weights`: whose weights it was given."""

    engine: str
    weights: str
    constants: str
    frequency_hz: float
    layers: tuple[LayerEngineCost, ...]

    @property
    def energy_by_level_pj(self) -> dict[str, float]:
        """Energy by memory and kind of work."""
        return _added(layer.energy_by_level_pj for layer in self.layers)

    @property
    def energy_pj(self) -> float:
        """Energy."""
        return sum(layer.energy_pj for layer in self.layers)

    @property
    def compute_cycles(self) -> float:
        """Cycles of the array alone, with all in step that may be."""
        return sum(layer.counts.compute_cycles for layer in self.layers)

    @property
    def least_compute_cycles(self) -> float:
        """Cycles of the array alone, with the least imbalance of lanes."""
        return sum(layer.counts.least_compute_cycles for layer in self.layers)

    @property
    def dram_cycles(self) -> float:
        """Cycles of the DRAM alone."""
        return sum(layer.dram_cycles for layer in self.layers)

    @property
    def latency_cycles(self) -> float:
        """Compute or DRAM of each layer, whichever is longer, added up."""
        return sum(layer.latency_cycles for layer in self.layers)

    @property
    def least_latency_cycles(self) -> float:
        """The same with the least imbalance of lanes."""
        return sum(layer.least_latency_cycles for layer in self.layers)

    @property
    def latency_s(self) -> float:
        """Latency, with all in step that may be."""
        return self.latency_cycles / self.frequency_hz

    @property
    def dram_bytes_by_operand(self) -> dict[str, float]:
        """Bytes from and to DRAM."""
        return _added(layer.counts.dram_bytes for layer in self.layers)

    @property
    def dram_bytes(self) -> float:
        """Bytes from and to DRAM, all operands."""
        return sum(self.dram_bytes_by_operand.values())

    def energy_at_pj(self, dram_factor: float) -> float:
        """Energy, were a byte of DRAM `dram_factor` times as dear."""
        return self.energy_pj + self.energy_by_level_pj.get("dram", 0.0) * (dram_factor - 1)

    @property
    def sensitivity(self) -> dict[float, float]:
        """Energy in pJ by the factor on the price of DRAM."""
        return {factor: self.energy_at_pj(factor) for factor in DRAM_FACTORS}

    def to_json(self) -> dict[str, Any]:
        """Plain values, totals included."""
        return {
            "format": FORMAT,
            "engine": self.engine,
            "weights": self.weights,
            "estimate": f"constants: {self.constants}",
            "frequency_hz": self.frequency_hz,
            "totals": self.totals() | {"sensitivity_pj": {f"dram x{k:g}": v for k, v in self.sensitivity.items()}},
            "layers": [_layer_to_json(layer) for layer in self.layers],
        }

    def totals(self) -> dict[str, Any]:
        """All totals by name."""
        return {
            "energy_pj": self.energy_pj,
            "energy_by_level_pj": self.energy_by_level_pj,
            "compute_cycles": self.compute_cycles,
            "least_compute_cycles": self.least_compute_cycles,
            "dram_cycles": self.dram_cycles,
            "latency_cycles": self.latency_cycles,
            "least_latency_cycles": self.least_latency_cycles,
            "dram_bytes_by_operand": self.dram_bytes_by_operand,
        }

    def text(self) -> str:
        """The totals in words."""
        levels = sorted(self.energy_by_level_pj.items(), key=lambda item: -item[1])
        shares = (
            ", ".join(f"{name} {value / self.energy_pj:.1%}" for name, value in levels if value > 0) or "nothing runs"
        )
        low, high = (format_energy_pj(value) for value in self.sensitivity.values())
        return "\n".join(
            (
                f"{self.engine}, weights: {self.weights}; {estimate(self.constants)}",
                f"  energy {format_energy_pj(self.energy_pj)} ({shares}); {low} - {high} with DRAM x0.5 - x2",
                f"  latency {format_seconds(self.latency_s)}, {format_count(self.latency_cycles)} cycles "
                f"({format_count(self.least_latency_cycles)} with the least imbalance; compute alone "
                f"{format_count(self.compute_cycles)}, {format_count(self.least_compute_cycles)}; "
                f"DRAM alone {format_count(self.dram_cycles)})",
                f"  DRAM {format_bytes(round(self.dram_bytes))}",
            )
        )


def estimate(constants: str) -> str:
    """What every printed figure of these engines is preceded or followed by."""
    return f"estimate; constants: {constants}"


def engine_cost(
    name: str,
    engine: Engine,
    workload: Workload,
    sparsity: NetworkSparsity,
    resources: Resources,
    options: EngineOptions,
    *,
    weights: str,
) -> EngineCost:
    """The cost of a workload on an engine; `weights` says in words whose weights `sparsity` is of.

    Images of a batch run one after another and weights come anew for each. Raises `RequestError` where the sparsity of a layer is
    missing, of other weights, or counted for another array.
    """
    if not workload.layers:
        raise RequestError("this network has no layer to cost; give one that multiplies")
    sparsity.check_covers(workload)
    layers = tuple(_layer_cost(each, sparsity.of(each.name), engine, resources, options) for each in workload.layers)
    return EngineCost(
        engine=name,
        weights=weights,
        constants=resources.constants,
        frequency_hz=resources.frequency_hz.value,
        layers=layers,
    )


def _layer_cost(
    layer: Layer, sparsity: LayerSparsity, engine: Engine, resources: Resources, options: EngineOptions
) -> LayerEngineCost:
    check_grouping(sparsity, resources)
    counts = engine(layer, sparsity, resources, options).scaled(layer.shape.batch * layer.execution_rate)
    return LayerEngineCost(
        name=layer.name,
        macs=layer.macs,
        counts=counts,
        energy_by_level_pj=priced(counts, resources),
        dram_cycles=sum(counts.dram_bytes.values()) / resources.dram_bytes_per_cycle.value,
    )


def priced(counts: EngineCounts, resources: Resources) -> dict[str, float]:
    """Energy in pJ by level: bytes of DRAM and of each buffer, and each kind of work, times its price."""
    prices = resources.level_pj
    amounts = {"dram": sum(counts.dram_bytes.values()), **counts.buffer_bytes, **counts.work}
    return {level: amount * prices[level] for level, amount in amounts.items()}


def _added(tables: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for table in tables:
        for name, value in table.items():
            found[name] = found.get(name, 0.0) + value
    return found


def _layer_to_json(layer: LayerEngineCost) -> dict[str, Any]:
    counts = layer.counts
    return {
        "name": layer.name,
        "macs": layer.macs,
        "compute_cycles": counts.compute_cycles,
        "least_compute_cycles": counts.least_compute_cycles,
        "dram_cycles": layer.dram_cycles,
        "dram_bytes": dict(counts.dram_bytes),
        "buffer_bytes": dict(counts.buffer_bytes),
        "work": dict(counts.work),
        "events": dict(counts.events),
        "energy_by_level_pj": dict(layer.energy_by_level_pj),
    }
