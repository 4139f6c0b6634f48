"""Any figure is drawn by its kind, and carries no colour of its own."""

import re
from importlib.resources import files

from netchip.report.drawing.bars import draw_bars
from netchip.report.drawing.draw import draw
from netchip.report.drawing.heatmap import draw_heatmap
from netchip.report.drawing.lines import draw_line
from netchip.report.drawing.scatter import draw_scatter

from .test_bars import bars
from .test_heatmap import heat
from .test_lines import line
from .test_scatter import scatter

FIGURES = (
    (line(marks=[{"x": 1, "label": "m"}]), draw_line),
    (scatter(), draw_scatter),
    (bars([1.0, 2.0]), draw_bars),
    (bars([1.0, 2.0], stacked=True), draw_bars),
    (heat([[1.0, None]]), draw_heatmap),
)


def test_any_figure_is_drawn_by_its_kind() -> None:
    for figure, own in FIGURES:
        assert draw(figure) == own(figure)


def test_colours_are_classes_that_the_sheet_knows() -> None:
    sheet = files("netchip.report").joinpath("style.css").read_text()
    for figure, _ in FIGURES:
        svg = draw(figure).svg
        assert not re.search(r"(?:fill|stroke)=|#[0-9a-f]{3}|style=", svg)
        names = {name for found in re.findall(r'class="([^"]*)"', svg) for name in found.split()}
        assert {name for name in names if f".{name} " not in sheet} <= {"d1", "big"}
