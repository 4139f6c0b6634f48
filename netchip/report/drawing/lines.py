"""Curves with gaps where values are missing, and a labelled vertical line for each mark."""

import math
from collections.abc import Iterator, Sequence

from netchip.report.drawing.axis import linear_axis, log_axis
from netchip.report.drawing.frame import Frame, frame
from netchip.report.drawing.marks import marks
from netchip.report.drawing.svg import TEXT, Drawing, LegendEntry, document, number, path, text, text_width
from netchip.report.figure import LineFigure, LineSeries, Mark
from netchip.report.palette import dash_class, series_class

_HEIGHT = 220.0
_FEW_POINTS, _MOST_POINTS = 40, 400
_ROWS = 4
"""Labels of marks are set in so many rows."""


def draw_line(figure: LineFigure) -> Drawing:
    """Curves over a shared axis, with marks."""
    styles = [_style(series, index) for index, series in enumerate(figure.series)]
    across = [value for series in figure.series for value in series.x] + [mark.x for mark in figure.marks]
    x = linear_axis(across, figure.x_label, margin=0.02)
    values = [value for series in figure.series for value in series.y]
    y = (log_axis if figure.y_scale == "log" else linear_axis)(values, figure.y_label)
    box = frame(x, y, _HEIGHT)
    curves = [_curve(box, series, *style) for series, style in zip(figure.series, styles, strict=True)]
    labels = [_mark(box, mark, index) for index, mark in enumerate(figure.marks)]
    return Drawing(document([box.back(), *curves, *labels], _HEIGHT), line_legend(figure.series, styles))


def line_legend(series: Sequence[LineSeries], styles: Sequence[tuple[int, int]]) -> tuple[LegendEntry, ...]:
    """The named series with their colour and dash."""
    return tuple(
        LegendEntry(each.name, series_class(colour), dash_class(dash))
        for each, (colour, dash) in zip(series, styles, strict=True)
        if each.name
    )


def outline(places: Sequence[tuple[float, float] | None]) -> str:
    """A path through the places, broken where there is none."""
    found: list[str] = []
    pen = "M"
    for place in places:
        if place is None:
            pen = "M"
            continue
        found.append(f"{pen}{number(place[0])} {number(place[1])}")
        pen = "L"
    return "".join(found)


def _curve(box: Frame, series: LineSeries, colour: int, dash: int) -> str:
    points = list(_thinned(series.x, series.y))
    places = [box.place(x, y) for x, y in points]
    seen = [place for place in places if place is not None]
    line = path(f"l {series_class(colour)} {dash_class(dash)}", outline(places))
    return line + (marks(seen, colour, colour) if len(seen) <= _FEW_POINTS else "")


def _thinned(x: Sequence[float], y: Sequence[float]) -> Iterator[tuple[float, float]]:
    """The points, of very many only the lowest and the highest of each stretch, so that no peak is lost."""
    points = list(zip(x, y, strict=True))
    if len(points) <= _MOST_POINTS:
        yield from points
        return
    stretch = math.ceil(2 * len(points) / _MOST_POINTS)
    for start in range(0, len(points), stretch):
        part = range(start, min(start + stretch, len(points)))
        finite = [index for index in part if math.isfinite(points[index][1])]
        ends = (
            {min(finite, key=lambda at: points[at][1]), max(finite, key=lambda at: points[at][1])}
            if finite
            else {start}
        )
        yield from (points[index] for index in sorted(ends))


def _mark(box: Frame, mark: Mark, index: int) -> str:
    at, row = box.x_at(mark.x), box.top + TEXT * (0.9 + 1.15 * (index % _ROWS))
    flip = at + text_width(mark.label) > box.right
    label = text(at - 4 if flip else at + 4, row, mark.label, anchor="end" if flip else "start", kind="k")
    return path("k", f"M{number(at)} {number(box.top)}V{number(box.bottom)}") + (label if mark.label else "")


def _style(series: LineSeries, index: int) -> tuple[int, int]:
    """(colour, dash) of the index-th curve."""
    return index if series.colour is None else series.colour, index if series.dash is None else series.dash
