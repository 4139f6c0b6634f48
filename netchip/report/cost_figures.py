"""The two figures of a network's cost on a chip: where the energy of each layer goes, and the layers under the chip's roof."""

import math
from collections.abc import Sequence

from netchip.hardware.roofline import Roof, RooflinePoint, roof_of, roofline_points
from netchip.report.cost_study import MODELLED, ChipCost, bound_of, energy_by_level
from netchip.report.figure import BarSeries, BarsFigure, LineSeries, ScatterFigure, ScatterSeries

_MICROJOULE = 1e6
_NAMED = 5
_NAME_WIDTH, _NAME_HEIGHT = 0.4, 0.08
"""Room of a name, as shares of what all points span."""
_MARGIN = 2.0
"""The roof is drawn this many times beyond the outermost points."""


def energy_stack(cost: ChipCost) -> BarsFigure:
    """A bar a layer, cut by level."""
    by_layer = [energy_by_level(layer) for layer in cost.report.layers]
    return BarsFigure(
        kind="bars",
        title=f"Energy of each layer on {cost.report.accelerator} by level: {MODELLED}",
        y_label="energy (µJ)",
        categories=tuple(layer.name for layer in cost.report.layers),
        series=tuple(
            BarSeries(name=name.replace("_", " "), values=tuple(each.get(name, 0.0) / _MICROJOULE for each in by_layer))
            for name in cost.levels
        ),
        stacked=True,
    )


def roofline(cost: ChipCost) -> ScatterFigure | None:
    """The layers under the roof, in the colour of what bounds them; nothing where no layer has a place."""
    points = roofline_points(cost.report, cost.chip)
    if not points:
        return None
    named = _named(points)
    bounds = {layer.name: bound_of(layer) for layer in cost.report.layers}
    return ScatterFigure(
        kind="scatter",
        title=f"Roofline of {cost.report.accelerator}: {MODELLED}",
        x_label="MACs for a byte of the outermost memory",
        y_label="MACs a cycle",
        series=tuple(
            _bound_by(name, [point for point in points if bounds[point.layer] == name], named)
            for name in dict.fromkeys(bounds[point.layer] for point in points)
        ),
        lines=(_roof(roof_of(cost.chip), points),),
    )


def _roof(roof: Roof, points: Sequence[RooflinePoint]) -> LineSeries:
    """The roof from left of all points to right of them, with its ridge."""
    places = [point.macs_per_byte for point in points]
    left, right = min(places) / _MARGIN, max(places) * _MARGIN
    ridge = roof.macs_per_cycle / roof.bytes_per_cycle if roof.bytes_per_cycle else left
    x = sorted({left, min(max(ridge, left), right), right})
    return LineSeries(name="roof", x=tuple(x), y=tuple(roof.at(place) for place in x))


def _bound_by(name: str, own: Sequence[RooflinePoint], named: Sequence[RooflinePoint]) -> ScatterSeries:
    return ScatterSeries(
        name=f"bound by {name}",
        x=tuple(point.macs_per_byte for point in own),
        y=tuple(point.macs_per_cycle for point in own),
        labels=tuple(point.layer if point in named else "" for point in own),
    )


def _named(points: Sequence[RooflinePoint]) -> list[RooflinePoint]:
    """Those of most cycles whose names do not run into each other."""
    wide, high = (_decades(points, axis) for axis in ("macs_per_byte", "macs_per_cycle"))
    found: list[RooflinePoint] = []
    for point in sorted(points, key=lambda each: -each.cycles):
        apart = all(
            _decades((point, other), "macs_per_byte") > _NAME_WIDTH * wide
            or _decades((point, other), "macs_per_cycle") > _NAME_HEIGHT * high
            for other in found
        )
        if apart and len(found) < _NAMED:
            found.append(point)
    return found


def _decades(points: Sequence[RooflinePoint], axis: str) -> float:
    values = [getattr(point, axis) for point in points]
    return math.log10(max(values) / min(values))
