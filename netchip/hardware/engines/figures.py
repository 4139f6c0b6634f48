"""A comparison of the engines as tables and figures: plain JSON as a run's `figures/` holds it, drawn elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from netchip.hardware.engines.compare import BASE, OWN, EngineComparison
from netchip.hardware.engines.engine_cost import DRAM_FACTORS, EngineCost, LayerEngineCost, estimate
from netchip.units import format_bytes, format_count, format_energy_pj
from netchip.workload.sparsity import LayerSparsity
from netchip.workload.sparsity_file import NetworkSparsity

Figure = dict[str, Any]
NAMES: Mapping[str, str] = {
    "smart_exchange": "SmartExchange",
    "diannao": "DianNao",
    "cambricon_x": "Cambricon-X",
    "scnn": "SCNN",
    "bit_pragmatic": "Bit-pragmatic",
}
_WORDS = {"dram": "DRAM", "mac": "multipliers", "booth_step": "multipliers", "bit_step": "multipliers"}
_MICROJOULE_PJ = 1e6


def basis(comparison: EngineComparison) -> tuple[str, ...]:
    """What every figure of a comparison rests on, a sentence each."""
    constants = comparison.costs[BASE].constants
    return (
        estimate(constants),
        f"sparsity: {comparison.sparsity_source}",
        f"weights of the other engines: {comparison.baseline_weights}",
        "speed counts DRAM unless it says compute alone; two figures are the bounds of lane imbalance: everything that may go in "
        "step does, and no more waits than must",
    )


def headline(comparison: EngineComparison) -> str:
    """The result in one sentence."""
    low, high = sorted(comparison.speed_gain(OWN, lock_step=together) for together in (True, False))
    speed = f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f}"
    return f"{NAMES[OWN]}: {comparison.energy_gain(OWN):.1f} times less energy than DianNao, {speed} times its speed."


def engine_figures(comparison: EngineComparison, sparsity: NetworkSparsity) -> dict[str, Figure]:
    """All figures by name: the engines in a table, energy by level, speed and energy layer by layer."""
    return {
        "engines": engines_table(comparison),
        "engines-energy": _energy_by_level(comparison),
        "engines-speed-layers": _gain_by_layer(comparison, "speed"),
        "engines-energy-own": _energy_of_layers(comparison.costs[OWN]),
        "engines-energy-base": _energy_of_layers(comparison.costs[BASE]),
        "engines-energy-layers": _gain_by_layer(comparison, "energy"),
        "engines-layers": layers_table(comparison, sparsity),
    }


def engines_table(comparison: EngineComparison) -> Figure:
    """One row an engine; ratios are over DianNao."""
    low, high = (f"x{factor:g}" for factor in DRAM_FACTORS)
    columns = (
        "engine",
        ">energy",
        ">DRAM",
        ">cycles",
        ">energy\nover DianNao",
        f">with DRAM\n{low}, {high}",
        ">speed\nover DianNao",
        ">compute\nalone",
    )
    return {
        "kind": "table",
        "title": "Five engines under equal resources (estimate)",
        "columns": columns,
        "rows": [_engine_row(comparison, engine) for engine in comparison.costs],
        "notes": basis(comparison),
    }


def _engine_row(comparison: EngineComparison, engine: str) -> tuple[str, ...]:
    cost = comparison.costs[engine]
    dram = [comparison.energy_gain(engine, factor) for factor in DRAM_FACTORS]
    speeds = [comparison.speed_gain(engine, lock_step=together) for together in (True, False)]
    alone = [comparison.speed_gain(engine, lock_step=together, compute_only=True) for together in (True, False)]
    return (
        NAMES.get(engine, engine),
        format_energy_pj(cost.energy_pj),
        format_bytes(round(cost.dram_bytes)),
        _bounds(format_count(cost.least_latency_cycles), format_count(cost.latency_cycles)),
        _times(comparison.energy_gain(engine)),
        ", ".join(map(_times, dram)),
        _bounds(*map(_times, speeds)),
        _bounds(*map(_times, alone)),
    )


def layers_table(
    comparison: EngineComparison, sparsity: NetworkSparsity, more: Mapping[str, Mapping[str, str]] | None = None
) -> Figure:
    """One row a layer: its sparsity, and what it costs on SmartExchange's engine beside DianNao's.

    `more`: further columns after the MACs, by heading and layer.
    """
    others = more or {}
    columns = (
        "layer",
        ">MACs",
        *others,
        ">rows\nzero",
        ">weights\nzero",
        ">bits/weight",
        ">inputs\nzero",
        ">input\nrows zero",
        ">digits: mean,\nlongest of lanes",
        ">cycles",
        "bound by",
        ">energy",
        ">DianNao:\ncycles",
        ">energy",
    )
    pairs = zip(comparison.costs[OWN].layers, comparison.costs[BASE].layers, strict=True)
    return {
        "kind": "table",
        "title": "Layers on SmartExchange's engine (estimate), DianNao beside it",
        "columns": columns,
        "rows": [
            (own.name, format_count(own.macs), *(each.get(own.name, "–") for each in others.values()), *rest)
            for own, base in pairs
            for rest in [_layer_row(own, base, sparsity.of(own.name))]
        ],
        "notes": basis(comparison)[:2],
    }


def _layer_row(own: LayerEngineCost, base: LayerEngineCost, sparsity: LayerSparsity) -> tuple[str, ...]:
    weights, inputs = sparsity.weights, sparsity.activations
    waits = own.dram_cycles > own.counts.compute_cycles
    return (
        f"{1 - weights.nonzero_rows / weights.rows:.1%}",
        f"{1 - weights.density:.1%}",
        f"{weights.storage.stored_bits / weights.elements:.2f}" if weights.storage else "8",
        f"{inputs.zero_share:.1%}",
        f"{inputs.zero_row_share:.1%}",
        f"{inputs.mean_booth_digits:.2f}, {inputs.lane_digits:.2f}",
        _bounds(format_count(own.least_latency_cycles), format_count(own.latency_cycles)),
        "DRAM" if waits else "compute",
        format_energy_pj(own.energy_pj),
        format_count(base.latency_cycles),
        format_energy_pj(base.energy_pj),
    )


def energy_table(comparison: EngineComparison) -> Figure:
    """One row an engine: energy by level in µJ."""
    costs = comparison.costs
    series = _series([cost.energy_by_level_pj for cost in costs.values()])
    return {
        "kind": "table",
        "title": "Energy of an input by level, in µJ (estimate)",
        "columns": ("engine", *(f">{each['name'].replace(' ', chr(10))}" for each in series)),
        "rows": [
            (NAMES.get(engine, engine), *(f"{each['values'][place]:.4g}" for each in series))
            for place, engine in enumerate(costs)
        ],
    }


def _energy_by_level(comparison: EngineComparison) -> Figure:
    """A stacked bar an engine."""
    costs = comparison.costs
    return {
        "kind": "bars",
        "title": "Energy of an input by level (estimate)",
        "y_label": "µJ",
        "categories": [NAMES.get(engine, engine) for engine in costs],
        "series": _series([cost.energy_by_level_pj for cost in costs.values()]),
        "stacked": True,
    }


def _energy_of_layers(cost: EngineCost) -> Figure:
    """A stacked bar a layer."""
    return {
        "kind": "bars",
        "title": f"{NAMES.get(cost.engine, cost.engine)}: energy of each layer by level (estimate)",
        "y_label": "µJ",
        "categories": [layer.name for layer in cost.layers],
        "series": _series([layer.energy_by_level_pj for layer in cost.layers]),
        "stacked": True,
    }


def _series(by_level: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """What anything is spent on, each with its energy in µJ in every table; each engine's way to multiply under one name."""
    tables = [_in_words(table) for table in by_level]
    levels = dict.fromkeys(level for table in tables for level, energy in table.items() if energy > 0)
    return [{"name": level, "values": [table.get(level, 0.0) / _MICROJOULE_PJ for table in tables]} for level in levels]


def _in_words(table: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for level, energy in table.items():
        name = _WORDS.get(level, level.replace("_", " "))
        found[name] = found.get(name, 0.0) + energy
    return found


def _gain_by_layer(comparison: EngineComparison, what: str) -> Figure:
    """A cell for each engine and layer; speed is the cautious bound."""
    base = comparison.costs[BASE].layers
    costs = {engine: cost for engine, cost in comparison.costs.items() if engine != BASE}
    return {
        "kind": "heatmap",
        "title": f"Times {'faster' if what == 'speed' else 'less energy'} than DianNao, layer by layer (estimate)",
        "x": [NAMES.get(engine, engine) for engine in costs],
        "y": [layer.name for layer in base],
        "values": [
            [_gain(_amount(first, what), _amount(cost.layers[place], what)) for cost in costs.values()]
            for place, first in enumerate(base)
        ],
    }


def _amount(layer: LayerEngineCost, what: str) -> float:
    return layer.latency_cycles if what == "speed" else layer.energy_pj


def _gain(base: float, other: float) -> float | None:
    return base / other if other else None


def _bounds(low: str, high: str) -> str:
    return low if low == high else f"{low} – {high}"


def _times(gain: float) -> str:
    return f"×{gain:.2f}"
