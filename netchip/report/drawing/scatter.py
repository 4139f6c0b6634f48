"""Points and lines over two axes. Lines come first in the legend, and take the first colours."""

from collections.abc import Iterator, Sequence

from netchip.report.drawing.axis import Axis, linear_axis, log_axis
from netchip.report.drawing.frame import Frame, frame
from netchip.report.drawing.labels import labels
from netchip.report.drawing.lines import line_legend, outline
from netchip.report.drawing.marks import marks
from netchip.report.drawing.svg import Drawing, LegendEntry, document, number, path
from netchip.report.figure import LineSeries, ScatterFigure, ScatterSeries
from netchip.report.palette import series_class

_HEIGHT = 250.0
_WHISKER = 3.0


def draw_scatter(figure: ScatterFigure) -> Drawing:
    """Points with their names where there is room, spreads as whiskers, and lines under them."""
    box = frame(_axis(figure, "x"), _axis(figure, "y"), _HEIGHT)
    series = list(enumerate(figure.series, len(figure.lines)))
    seen = {index: list(_places(box, each)) for index, each in series}
    points = [place for places in seen.values() for place, _ in places]
    parts = [
        box.back(),
        *(_line(box, line, index) for index, line in enumerate(figure.lines)),
        *(_whiskers(box, each, index) for index, each in series),
        *(marks([at for at, _ in places], index, index, "big") for index, places in seen.items()),
        labels(box, points, [(*at, name) for places in seen.values() for at, name in places if name]),
    ]
    legend = line_legend(figure.lines, [(index, 0) for index in range(len(figure.lines))])
    entries = tuple(_entry(each.name, index) for index, each in series if each.name)
    return Drawing(document(parts, _HEIGHT), legend + entries)


def _entry(name: str, index: int) -> LegendEntry:
    return LegendEntry(name, series_class(index), mark=marks([(0.0, 0.0)], index, index, "big"))


def _axis(figure: ScatterFigure, name: str) -> Axis:
    parts: Sequence[ScatterSeries | LineSeries] = (*figure.series, *figure.lines)
    values = [value for part in parts for value in getattr(part, name)]
    if name == "y":
        values += [end for series in figure.series for *_, low, high in _spreads(series) for end in (low, high)]
    kind, label = getattr(figure, f"{name}_scale"), getattr(figure, f"{name}_label")
    return log_axis(values, label) if kind == "log" else linear_axis(values, label, margin=0.08)


def _spreads(series: ScatterSeries) -> Iterator[tuple[float, float, float]]:
    """(x, y - spread, y + spread) of each point that has one."""
    for x, y, spread in zip(series.x, series.y, series.spread, strict=False):
        if spread > 0:
            yield x, y - spread, y + spread


def _places(box: Frame, series: ScatterSeries) -> Iterator[tuple[tuple[float, float], str]]:
    """The points that are seen, each with its name or an empty text."""
    names = series.labels or ("",) * len(series.x)
    for x, y, name in zip(series.x, series.y, names, strict=True):
        if box.shows(x, y):
            yield (box.x_at(x), box.y_at(y)), name


def _line(box: Frame, line: LineSeries, index: int) -> str:
    pairs = zip(line.x, line.y, strict=True)
    return path(f"l {series_class(index)}", outline([box.place(x, y) for x, y in pairs]))


def _whiskers(box: Frame, series: ScatterSeries, index: int) -> str:
    """A vertical line from y - spread to y + spread at each point that has one."""
    data = ""
    for x, low, high in _spreads(series):
        if box.shows(x, low):
            at, ends = box.x_at(x), (box.y_at(low), box.y_at(high))
            data += f"M{number(at)} {number(ends[0])}V{number(ends[1])}"
            data += "".join(f"M{number(at - _WHISKER)} {number(end)}h{number(2 * _WHISKER)}" for end in ends)
    return path(f"t {series_class(index)}", data)
