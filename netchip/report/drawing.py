"""Figures as inline SVG: no fixed colours, no fixed size, no time stamp, the same bytes for the same input."""

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from netchip.report import palette
from netchip.report.figure import (
    BarsFigure,
    Drawn,
    HeatmapFigure,
    LineFigure,
    LineSeries,
    ScatterFigure,
    ScatterSeries,
    without_gaps,
)

_WIDTH, _HEIGHT = 6.4, 3.3
_FEW_POINTS = 40
_MOST_TICKS = 12
_LARGE = 1e5
_BAR, _NO_BARS = 0.19, 0.9
"""Height of a lying bar with its gap, and of all that is no bar, in inches."""
_NARROW = 1000.0
"""A logarithmic axis that spans less has ticks between the powers of ten."""
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "text.color": palette.INK,
    "axes.edgecolor": palette.MUTED,
    "axes.labelcolor": palette.INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": False,
    "grid.color": palette.GRID,
    "grid.linewidth": 0.7,
    "xtick.color": palette.MUTED,
    "xtick.labelcolor": palette.INK,
    "ytick.color": palette.MUTED,
    "ytick.labelcolor": palette.INK,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.0,
}
_NOISE = re.compile(r'<style type="text/css">.*?</style>|<metadata>.*?</metadata>|<!--.*?-->', re.DOTALL)
_GROUP_ID = re.compile(r' id="[A-Za-z0-9.]+_\d+"')
_FONT = re.compile(r"""font:\s*([\d.]+)px [^;"]*|font-family:[^;"]*""")
_ROOT_SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*"|(<svg[^>]*?) height="[^"]*"')


@dataclass(frozen=True)
class LegendEntry:
    """A name beside its colour and dash ("" for bars), for the legend that the page sets in HTML."""

    name: str
    variable: str
    dash: str = ""


@dataclass(frozen=True)
class Drawing:
    """An SVG and its legend."""

    svg: str
    legend: tuple[LegendEntry, ...] = ()


def draw(figure: Drawn) -> Drawing:
    """Any figure that is drawn."""
    if isinstance(figure, LineFigure):
        return draw_line(figure)
    if isinstance(figure, ScatterFigure):
        return draw_scatter(figure)
    return draw_heatmap(figure) if isinstance(figure, HeatmapFigure) else draw_bars(figure)


def draw_line(figure: LineFigure) -> Drawing:
    """Curves with gaps where values are missing, and a labelled vertical line for each mark."""
    with _axes(figure.title) as (axes, finish):
        styles = [_style(series, index) for index, series in enumerate(figure.series)]
        for series, style in zip(figure.series, styles, strict=True):
            _draw_series(axes, series, *style)
        for index, mark in enumerate(figure.marks):
            _draw_mark(axes, mark.x, mark.label, index)
        _tick_by_value(axes, [value for series in figure.series for value in series.x])
        if figure.y_scale == "log":
            axes.set_yscale("log")
            _plain_ticks(axes.yaxis)
        axes.set_xlabel(figure.x_label)
        axes.set_ylabel(figure.y_label)
        return Drawing(finish(), _line_legend(figure.series, styles))


def draw_bars(figure: BarsFigure) -> Drawing:
    """Groups of bars, long category names slanted; or stacked bars that lie, the first on top."""
    if figure.stacked:
        return _draw_stacked(figure)
    with _axes(figure.title) as (axes, finish):
        width = 0.8 / max(1, len(figure.series))
        places = np.arange(len(figure.categories))
        for index, series in enumerate(figure.series):
            offset = (index - (len(figure.series) - 1) / 2) * width
            axes.bar(places + offset, series.values, width * 0.92, color=palette.series_colour(index))
        _name_ticks(axes.set_xticks, figure.categories, slanted=sum(map(len, figure.categories)) > 60)
        axes.set_xlim(-0.5, len(figure.categories) - 0.5)
        axes.grid(visible=False, axis="x")
        axes.set_ylabel(figure.y_label)
        return Drawing(finish(), _legend([series.name for series in figure.series]))


def draw_scatter(figure: ScatterFigure) -> Drawing:
    """Points and lines on two logarithmic axes. Lines come first in the legend, and take the first colours."""
    with _axes(figure.title) as (axes, finish):
        axes.set_xscale("log")
        axes.set_yscale("log")
        for index, line in enumerate(figure.lines):
            axes.plot(line.x, line.y, color=palette.series_colour(index))
        for index, series in enumerate(figure.series, len(figure.lines)):
            _draw_points(axes, series, index)
        for axis, values in zip((axes.xaxis, axes.yaxis), _positions(figure), strict=True):
            _spread_ticks(axis, values)
        axes.set_xlabel(figure.x_label)
        axes.set_ylabel(figure.y_label)
        lines = _line_legend(figure.lines, [(index, 0) for index in range(len(figure.lines))])
        return Drawing(finish(), lines + _legend([series.name for series in figure.series], first=len(figure.lines)))


def draw_heatmap(figure: HeatmapFigure) -> Drawing:
    """One cell a value, in the cividis colours (readable by the colour-blind); gaps stay transparent."""
    with _axes(figure.title, height=_heatmap_height(figure)) as (axes, finish):
        values = np.ma.masked_invalid(np.array(figure.values, dtype=float))
        image = axes.imshow(values, cmap="cividis", interpolation="none", aspect="auto", origin="upper")
        axes.grid(visible=False)
        _name_ticks(axes.set_xticks, figure.x)
        _name_ticks(axes.set_yticks, figure.y)
        axes.set_xlabel(figure.x_label)
        axes.set_ylabel(figure.y_label)
        bar = axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
        bar.outline.set_visible(False)
        return Drawing(finish())


@contextmanager
def _axes(title: str, height: float = _HEIGHT) -> Iterator[tuple[Any, Any]]:
    """Axes in the page's style, and the function that renders them."""
    # every setting, so that a user's own matplotlibrc does not change a page
    settings: Any = {**matplotlib.rcParamsDefault, **_STYLE, "svg.hashsalt": title, "backend": "svg"}
    with matplotlib.rc_context(settings):
        canvas = Canvas(figsize=(_WIDTH, height), layout="constrained", facecolor="none")
        FigureCanvasSVG(canvas)
        axes = canvas.add_subplot(facecolor="none")
        yield axes, lambda: _render(canvas)


def _render(canvas: Canvas) -> str:
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser's fonts draw the text, not this one
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    svg = _NOISE.sub("", text[text.index("<svg") :])
    svg = _GROUP_ID.sub("", _FONT.sub(lambda found: f"font-size: {found[1]}px" if found[1] else "", svg))
    return palette.themed(_ROOT_SIZE.sub(lambda found: found[1] or found[2], svg))


def _draw_stacked(figure: BarsFigure) -> Drawing:
    """A lying bar for each category, cut into its series; a gap is as 0."""
    with _axes(figure.title, height=_NO_BARS + _BAR * len(figure.categories)) as (axes, finish):
        places, ends = np.arange(len(figure.categories)), np.zeros(len(figure.categories))
        for index, series in enumerate(figure.series):
            values = np.nan_to_num(np.array(series.values, dtype=float))
            axes.barh(places, values, 0.8, left=ends, color=palette.series_colour(index))
            ends = ends + values
        axes.set_yticks(places, figure.categories)
        axes.set_ylim(len(figure.categories) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(figure.y_label)
        return Drawing(finish(), _legend([series.name for series in figure.series]))


def _draw_points(axes: Any, series: ScatterSeries, index: int) -> None:
    colour = palette.series_colour(index)
    axes.plot(series.x, series.y, linestyle="none", marker=palette.series_point(index), markersize=6.0, color=colour)
    for x, y, text in zip(series.x, series.y, series.labels, strict=False):
        if text and min(x, y) > 0:
            axes.annotate(text, (x, y), xytext=(6, -4), textcoords="offset points", va="top", color=palette.MUTED)


def _positions(figure: ScatterFigure) -> tuple[list[float], list[float]]:
    """All x and all y that are seen."""
    parts = (*figure.series, *figure.lines)
    seen = ([value for part in parts for value in without_gaps(getattr(part, axis)) if value > 0] for axis in "xy")
    return next(seen), next(seen)


def _spread_ticks(axis: Any, values: Sequence[float]) -> None:
    """Plain numbers on a logarithmic axis, at 1, 2, 5 of each power of ten where that is not too many."""
    if values and max(values) < _NARROW * min(values):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    _plain_ticks(axis)


def _draw_series(axes: Any, series: LineSeries, colour: int, dash: int) -> None:
    point = palette.series_point(colour) if len(without_gaps(series.y)) <= _FEW_POINTS else ""
    (line,) = axes.plot(series.x, series.y, color=palette.series_colour(colour), marker=point)
    if lengths := palette.series_dash(dash):
        line.set_dashes(lengths)


def _draw_mark(axes: Any, x: float, label: str, index: int) -> None:
    axes.axvline(x, color=palette.MARK, linestyle=(0, (2, 2)), linewidth=1.2)
    axes.annotate(
        label,
        (x, 1.0 - 0.08 * (index % 4)),
        xycoords=("data", "axes fraction"),
        xytext=(4, -3),
        textcoords="offset points",
        color=palette.MARK,
        va="top",
        bbox={"facecolor": palette.SURFACE, "edgecolor": "none", "alpha": 0.85, "pad": 1.0},
    )


def _tick_by_value(axes: Any, x: Sequence[float]) -> None:
    finite = without_gaps(x)
    if max(map(abs, finite), default=0.0) >= _LARGE:
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    elif all(float(value).is_integer() for value in finite):
        axes.xaxis.set_major_locator(MaxNLocator(nbins=_MOST_TICKS, integer=True))


def _plain_ticks(axis: Any) -> None:
    """Powers of ten as plain numbers; matplotlib's own labels are formulas."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _name_ticks(set_ticks: Any, names: Sequence[str], *, slanted: bool = False) -> None:
    step = 1 if slanted else max(1, math.ceil(len(names) / _MOST_TICKS))
    places = list(range(0, len(names), step))
    turn = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    set_ticks(places, [names[place] for place in places], **turn)


def _heatmap_height(figure: HeatmapFigure) -> float:
    return min(4.2, max(2.4, 0.9 + 4.6 * len(figure.y) / max(len(figure.x), 1)))


def _style(series: LineSeries, index: int) -> tuple[int, int]:
    """(colour, dash) of the index-th curve."""
    return index if series.colour is None else series.colour, index if series.dash is None else series.dash


def _line_legend(series: Sequence[LineSeries], styles: Sequence[tuple[int, int]]) -> tuple[LegendEntry, ...]:
    named = [(each.name, style) for each, style in zip(series, styles, strict=True) if each.name]
    return tuple(LegendEntry(name, palette.series_variable(style[0]), _dash_array(style[1])) for name, style in named)


def _legend(names: Sequence[str], first: int = 0) -> tuple[LegendEntry, ...]:
    """Names beside their colours, from the `first` on."""
    return tuple(LegendEntry(name, palette.series_variable(index)) for index, name in enumerate(names, first) if name)


def _dash_array(dash: int) -> str:
    return " ".join(f"{2 * length:g}" for length in palette.series_dash(dash)) or "none"
