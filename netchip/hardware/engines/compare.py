"""Five engines on one network, under equal resources: SmartExchange beside DianNao, Cambricon-X, SCNN and Bit-pragmatic."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from netchip.errors import RequestError
from netchip.hardware.engines.bit_pragmatic import bit_pragmatic
from netchip.hardware.engines.cambricon_x import cambricon_x
from netchip.hardware.engines.diannao import diannao
from netchip.hardware.engines.engine_cost import DRAM_FACTORS, Engine, EngineCost, engine_cost, estimate
from netchip.hardware.engines.resources import EngineOptions, Resources, load_resources
from netchip.hardware.engines.scnn import scnn
from netchip.hardware.engines.smart_exchange import smart_exchange
from netchip.units import format_bytes, format_count, format_energy_pj
from netchip.workload.layer import Layer
from netchip.workload.network import Workload
from netchip.workload.sparsity import LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity
from netchip.workload.weight_statistics import assumed_weights

BASE = "diannao"
OWN = "smart_exchange"
ENGINES: Mapping[str, Engine] = {
    OWN: smart_exchange,
    BASE: diannao,
    "cambricon_x": cambricon_x,
    "scnn": scnn,
    "bit_pragmatic": bit_pragmatic,
}
BaselineWeights = Literal["same_sparsified", "own"]
_WORDS = {
    "same_sparsified": "the SmartExchange-sparsified network's, as 8-bit weights",
    "own": "their own, {}",
}


@dataclass(frozen=True, kw_only=True)
class EngineComparison:
    """What the engines cost, by name; ratios are DianNao's figure over the engine's, so that more is better."""

    costs: Mapping[str, EngineCost]
    baseline_weights: str
    sparsity_source: str

    def energy_gain(self, engine: str, dram_factor: float = 1.0) -> float:
        """How many times less energy than DianNao, were DRAM `dram_factor` times as dear."""
        return _ratio(self.costs[BASE].energy_at_pj(dram_factor), self.costs[engine].energy_at_pj(dram_factor))

    def speed_gain(self, engine: str, *, lock_step: bool = True, compute_only: bool = False) -> float:
        """How many times faster than DianNao, DRAM included unless `compute_only`; not in `lock_step`: the least imbalance."""
        kind = "compute" if compute_only else "latency"
        name = f"{kind}_cycles" if lock_step else f"least_{kind}_cycles"
        return _ratio(getattr(self.costs[BASE], name), getattr(self.costs[engine], name))

    def dram_gain(self, engine: str) -> float:
        """How many times fewer bytes of DRAM than DianNao."""
        return _ratio(self.costs[BASE].dram_bytes, self.costs[engine].dram_bytes)

    def rows(self) -> list[dict[str, Any]]:
        """One row an engine, for tables and figures."""
        return [self._row(engine) for engine in self.costs]

    def _row(self, engine: str) -> dict[str, Any]:
        cost = self.costs[engine]
        return {
            "engine": engine,
            "energy_pj": cost.energy_pj,
            "latency_cycles": cost.latency_cycles,
            "least_latency_cycles": cost.least_latency_cycles,
            "dram_bytes": cost.dram_bytes,
            "energy_gain": self.energy_gain(engine),
            "speed_gain": self.speed_gain(engine),
            "least_imbalance_speed_gain": self.speed_gain(engine, lock_step=False),
            "compute_speed_gain": self.speed_gain(engine, compute_only=True),
            "least_imbalance_compute_speed_gain": self.speed_gain(engine, lock_step=False, compute_only=True),
            "dram_gain": self.dram_gain(engine),
        } | {f"energy_gain_dram_x{factor:g}": self.energy_gain(engine, factor) for factor in DRAM_FACTORS}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "baseline_weights": self.baseline_weights,
            "sparsity": self.sparsity_source,
            "rows": self.rows(),
            "engines": {name: cost.to_json() for name, cost in self.costs.items()},
        }

    def text(self) -> str:
        """A table; what it rests on stands above it."""
        head = (
            f"{estimate(self.costs[BASE].constants)}",
            f"sparsity: {self.sparsity_source}; weights of the other engines: {self.baseline_weights}",
            f"{'engine':<16}{'energy':>10}{'cycles':>22}{'DRAM':>10}  over DianNao: energy (DRAM x0.5, x2), speed (bounds), "
            "compute alone",
        )
        return "\n".join((*head, *(self._line(engine) for engine in self.costs)))

    def _line(self, engine: str) -> str:
        cost = self.costs[engine]
        low, high = (self.energy_gain(engine, factor) for factor in DRAM_FACTORS)
        cycles = _bounds(format_count(cost.least_latency_cycles), format_count(cost.latency_cycles))
        speeds = [self.speed_gain(engine, lock_step=together) for together in (True, False)]
        alone = [self.speed_gain(engine, lock_step=together, compute_only=True) for together in (True, False)]
        return (
            f"{engine:<16}{format_energy_pj(cost.energy_pj):>10}{cycles:>22}{format_bytes(round(cost.dram_bytes)):>10}"
            f"  x{self.energy_gain(engine):.2f} (x{low:.2f}, x{high:.2f}), {_gains(speeds)}, {_gains(alone)}"
        )


def compare_engines(
    workload: Workload,
    sparsity: NetworkSparsity,
    *,
    baseline_weights: BaselineWeights = "own",
    own: NetworkSparsity | None = None,
    resources: Resources | None = None,
    options: EngineOptions | None = None,
) -> EngineComparison:
    """The five engines on `workload`, whose SmartExchange weights and activations are as sparse as `sparsity` says.

    `baseline_weights` says which weights the other four are given, since that decides the result and the paper's choice is not
    known: "same_sparsified" (the rebuilt weights, zeros and all, as 8-bit numbers) or "own" (those of `own`; none: dense 8-bit
    weights, with the same activations). Raises `RequestError` as `engine_cost` does, and where `own` is given but not asked for.
    """
    if baseline_weights not in get_args(BaselineWeights):
        raise RequestError(f"baseline_weights = {baseline_weights!r}; give 'same_sparsified' or 'own'")
    if own is not None and baseline_weights != "own":
        raise RequestError(
            "own sparsity was given, but baseline_weights = 'same_sparsified'; leave own out, or ask for 'own'"
        )
    given, words = _baseline(workload, sparsity, baseline_weights, own)
    shared, chosen = resources or load_resources(), options or EngineOptions()
    costs = {
        name: engine_cost(
            name,
            engine,
            workload,
            sparsity if name == OWN else given,
            shared,
            chosen,
            weights="SmartExchange's" if name == OWN else words,
        )
        for name, engine in ENGINES.items()
    }
    return EngineComparison(costs=costs, baseline_weights=words, sparsity_source=sparsity.source)


def _baseline(
    workload: Workload, sparsity: NetworkSparsity, kind: BaselineWeights, own: NetworkSparsity | None
) -> tuple[NetworkSparsity, str]:
    if kind == "same_sparsified":
        return sparsity, _WORDS[kind]
    if own is not None:
        return own, _WORDS[kind].format(own.source)
    dense = tuple(_densified(layer, sparsity.of(layer.name)) for layer in workload.layers)
    return NetworkSparsity(dense, "dense"), _WORDS[kind].format("dense 8-bit weights")


def _densified(layer: Layer, sparsity: LayerSparsity) -> LayerSparsity:
    """The layer with dense weights and the same activations."""
    old = sparsity.weights
    dense = assumed_weights(layer.shape, row_length=old.row_length, grouping=old.grouping)
    return replace(sparsity, weights=dense, paired=None)


def _bounds(low: str, high: str) -> str:
    return low if low == high else f"{low} - {high}"


def _gains(pair: list[float]) -> str:
    return _bounds(*(f"x{gain:.2f}" for gain in pair))


def _ratio(base: float, other: float) -> float:
    return base / other if other else float("inf") if base else 1.0
