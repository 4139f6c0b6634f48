"""One cell a value, dark for the lowest and bright for the highest; gaps stay clear."""

import math
from collections.abc import Sequence
from dataclasses import replace

from netchip.report.drawing.axis import Axis, linear_axis, names_axis
from netchip.report.drawing.frame import frame
from netchip.report.drawing.heat import picture
from netchip.report.drawing.svg import TEXT, Drawing, document, number, text, text_width
from netchip.report.figure import HeatmapFigure, without_gaps

_MOST_NAMES = 24
_ROW, _LEAST, _MOST = 15.0, 110.0, 330.0
_NO_ROWS = 60.0
_STEPS = 32
"""Shades of the bar that explains the colours."""
_BAR, _AFTER_BAR = 10.0, 22.0


def draw_heatmap(figure: HeatmapFigure) -> Drawing:
    """Cells under the names of their columns, a bar of the colours to the right."""
    scale = linear_axis(without_gaps([value for row in figure.values for value in row]), margin=0.0, most=5)
    numbers = max(text_width(name) for _, name in scale.ticks)
    x = replace(names_axis(figure.x, most=_MOST_NAMES), label=figure.x_label)
    y = replace(names_axis(figure.y, most=_MOST_NAMES), label=figure.y_label)
    rows = min(max(_ROW * len(figure.y), _LEAST), _MOST)
    slanted = 0.35 * max(text_width(name) for name in figure.x)
    box = frame(x, y, rows + _NO_ROWS + slanted, y_down=True, right=_BAR + numbers + _AFTER_BAR)
    shares = [[scale.share(value) if math.isfinite(value) else math.nan for value in row] for row in figure.values]
    height = box.bottom - box.top
    cells = _image(shares, box.left, box.top, box.right - box.left, height)
    bar = _image([[1 - step / (_STEPS - 1)] for step in range(_STEPS)], box.right + 8, box.top, _BAR, height)
    beside = _numbers(scale, box.right + _BAR + 13, box.bottom, height)
    return Drawing(document([box.back(x_grid=False, y_grid=False), cells, bar, beside], box.height))


def _numbers(scale: Axis, x: float, bottom: float, height: float) -> str:
    return "".join(text(x, bottom - scale.share(at) * height + 0.35 * TEXT, name) for at, name in scale.ticks)


def _image(shares: Sequence[Sequence[float]], x: float, y: float, width: float, height: float) -> str:
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<image {place} preserveAspectRatio="none" href="data:image/png;base64,{picture(shares)}"/>'
