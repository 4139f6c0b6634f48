"""The tables of a network's cost, for a terminal and for a page alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netchip.hardware.cost_report import LayerResult
from netchip.report.cost_study import MODELLED, ChipCost, CostStudy, bound_of, energy_by_level
from netchip.report.quantities import ratio, written
from netchip.units import format_count

_MICROJOULE = 1e6
_THOUSAND = 999.5
"""What would be written as 1e+03."""
_RATIOS = (("energy", "energy_pj"), ("latency", "latency_s"), ("EDP", "edp_pj_s"), ("area", "area_mm2"))


@dataclass(frozen=True)
class Listing:
    """A table of text under a title; a column whose heading begins with '>' is set to the right, a heading may have lines.

    The last row may be a total, which stays where it is when a reader sorts the others.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ends_in_total: bool = False


def summary_tables(study: CostStudy) -> Iterator[Listing]:
    """The totals, and what the chips are against the first where there are several."""
    yield totals(study)
    if len(study.chips) > 1:
        yield comparison(study)


def chip_tables(cost: ChipCost) -> Iterator[Listing]:
    """The layers on one chip, by time and by energy."""
    yield layers(cost)
    yield levels(cost)


def totals(study: CostStudy) -> Listing:
    """One row a chip."""
    columns = (
        "chip", "bits", ">energy", ">latency", ">EDP", ">inputs/s", ">area", ">MACs\na cycle", ">of", "cycles bound by",
    )  # fmt: skip
    return Listing(f"Totals of a pass: {MODELLED}", columns, tuple(_totals(study, cost) for cost in study.chips))


def _totals(study: CostStudy, cost: ChipCost) -> tuple[str, ...]:
    report, (bound, share) = cost.report, cost.bound_by
    return (
        report.accelerator,
        cost.bits,
        written("energy_pj", report.energy_pj),
        written("latency_s", report.latency_s),
        written("edp_pj_s", report.edp_pj_s),
        format_count(study.inputs_per_s(cost)),
        written("area_mm2", report.area_mm2),
        f"{cost.macs_per_cycle:.3g}",
        f"{cost.chip.units / cost.chip.cycles_per_mac:g}",
        f"{bound}, {share:.0%} of them",
    )


def comparison(study: CostStudy) -> Listing:
    """Every chip against the first."""
    first = study.chips[0].report
    rows = (
        (
            each.report.accelerator,
            *(ratio(getattr(each.report, name), getattr(first, name)) or "–" for _, name in _RATIOS),
        )
        for each in study.chips
    )
    columns = ("chip", *(f">{label}" for label, _ in _RATIOS))
    return Listing(f"Against {first.accelerator}: {MODELLED}", columns, tuple(rows))


def layers(cost: ChipCost) -> Listing:
    """One row a layer: time, and what bounds it."""
    cycles = sum(layer.cost.cycles for layer in cost.report.layers)
    columns = ("layer", ">MACs", ">cycles", ">share", ">stalls", ">units\nat work", "bound by", ">energy")
    rows = tuple(_layer(layer, cycles) for layer in cost.report.layers)
    return Listing(f"Layers on {cost.report.accelerator}: {MODELLED}", columns, rows)


def _layer(layer: LayerResult, cycles: float) -> tuple[str, ...]:
    cost = layer.cost
    waiting = cost.cycles - cost.compute_cycles
    return (
        layer.name,
        format_count(layer.macs),
        f"{cost.cycles:,.0f}",
        _share(cost.cycles, cycles),
        _share(waiting, cost.cycles),
        f"{cost.utilisation:.0%}",
        bound_of(layer),
        written("energy_pj", cost.energy_pj),
    )


def levels(cost: ChipCost) -> Listing:
    """One row a layer, and one for all: energy by level in µJ, from the MACs outward."""
    names = cost.levels
    columns = ("layer", *(f">{name.replace('_', chr(10))}" for name in names), ">all")
    by_layer = [(layer.name, energy_by_level(layer)) for layer in cost.report.layers]
    whole = {name: sum(energies.get(name, 0.0) for _, energies in by_layer) for name in names}
    rows = [_levels(name, names, energies.get) for name, energies in (*by_layer, ("all layers", whole))]
    return Listing(f"Energy on {cost.report.accelerator} by level, in µJ: {MODELLED}", columns, tuple(rows), True)


def _levels(name: str, names: tuple[str, ...], energy: Callable[[str, float], float]) -> tuple[str, ...]:
    found = [energy(level, 0.0) for level in names]
    return name, *(_three_digits(each / _MICROJOULE) for each in (*found, sum(found)))


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _three_digits(value: float) -> str:
    """Three significant digits at least, never as a power of ten."""
    return f"{value:,.0f}" if value >= _THOUSAND else f"{value:.3g}"
