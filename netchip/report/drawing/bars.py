"""Bars: groups of standing ones, or stacked ones that lie and so leave room for many long names."""

import math

from netchip.report.drawing.axis import linear_axis, names_axis
from netchip.report.drawing.frame import frame
from netchip.report.drawing.svg import Drawing, LegendEntry, document, number, thick_path
from netchip.report.figure import BarsFigure
from netchip.report.palette import series_class

_HEIGHT, _TALLER = 220.0, 260.0
_ROW, _NO_ROWS = 16.0, 54.0
"""Height of a lying bar with its gap, and of all that is no bar."""
_MANY = 8
"""More categories than these get a taller drawing."""
_GROUP, _FULL = 0.8, 0.92
"""Share of a place that its bars take, and of a bar's share that it fills."""


def draw_bars(figure: BarsFigure) -> Drawing:
    """Groups of bars, one group a category; or stacked bars that lie, the first on top."""
    legend = tuple(
        LegendEntry(series.name, series_class(index)) for index, series in enumerate(figure.series) if series.name
    )
    return Drawing(_stacked(figure) if figure.stacked else _standing(figure), legend)


def _standing(figure: BarsFigure) -> str:
    values = [value for series in figure.series for value in series.values]
    height = _TALLER if len(figure.categories) > _MANY else _HEIGHT
    box = frame(names_axis(figure.categories), linear_axis(values, figure.y_label, from_zero=True), height)
    width = _GROUP / max(1, len(figure.series))
    parts = [box.back(x_grid=False)]
    zero = number(box.y_at(0.0))
    for index, series in enumerate(figure.series):
        bars = (
            f"M{number(box.x_at(place + (index + 0.5) * width - _GROUP / 2))} {zero}V{number(box.y_at(value))}"
            for place, value in enumerate(series.values)
            if math.isfinite(value) and value
        )
        step = (box.right - box.left) / max(1, len(figure.categories))
        parts.append(thick_path(index, "".join(bars), _FULL * width * step))
    return document(parts, height)


def _stacked(figure: BarsFigure) -> str:
    """A lying bar for each category, cut into its series; a gap is as 0."""
    pieces = _pieces(figure)
    height = _NO_ROWS + _ROW * len(figure.categories)
    reach = [end for own in pieces for _, start, stop in own for end in (start, stop)]
    x = linear_axis(reach, figure.y_label, from_zero=True, most=5)
    box = frame(x, names_axis(figure.categories), height, y_down=True)
    thick = _GROUP * (box.bottom - box.top) / max(1, len(figure.categories))
    parts = [box.back(y_grid=False)]
    for index, own in enumerate(pieces):
        bars = (
            f"M{number(box.x_at(start))} {number(box.y_at(place))}H{number(box.x_at(stop))}"
            for place, start, stop in own
            if start != stop
        )
        parts.append(thick_path(index, "".join(bars), thick))
    return document(parts, height)


def _pieces(figure: BarsFigure) -> list[list[tuple[int, float, float]]]:
    """For each series (place, begin, end) of its part of every bar."""
    ends = [0.0] * len(figure.categories)
    pieces: list[list[tuple[int, float, float]]] = []
    for series in figure.series:
        values = [value if math.isfinite(value) else 0.0 for value in series.values]
        pieces.append([(place, ends[place], ends[place] + value) for place, value in enumerate(values)])
        ends = [end + value for end, value in zip(ends, values, strict=True)]
    return pieces
