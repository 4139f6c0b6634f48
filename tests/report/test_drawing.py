"""Drawings as SVG text: what is in them, and that odd input does not break them."""

import re

import matplotlib
import pytest

from netchip.report.drawing import Drawing, draw_bars, draw_heatmap, draw_line
from netchip.report.figure import BarsFigure, HeatmapFigure, LineFigure


def line(**changes: object) -> LineFigure:
    series = [{"name": "a", "x": [0, 1, 2], "y": [1.0, None, 3.0]}]
    return LineFigure.model_validate({"kind": "line", "title": "t", "series": series, **changes})


def texts(drawing: Drawing) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawing.svg)


def test_a_line_has_labels_marks_and_a_legend() -> None:
    drawing = draw_line(line(x_label="epoch", y_label="loss", marks=[{"x": 1, "label": "ticket"}]))
    assert {"epoch", "loss", "ticket"} <= set(texts(drawing))
    assert [(entry.name, entry.variable, entry.dash) for entry in drawing.legend] == [("a", "series-1", "none")]


def test_it_scales_with_the_page() -> None:
    root = draw_line(line()).svg.split(">")[0]
    assert "viewBox" in root
    assert "width=" not in root


@pytest.mark.parametrize("series", [[], [{"name": "a", "x": [], "y": []}], [{"name": "", "x": [1], "y": [None]}]])
def test_a_figure_without_points_is_drawn_empty(series: list[object]) -> None:
    assert draw_line(line(series=series)).svg.startswith("<svg")


def test_more_series_than_colours_still_differ_by_dash() -> None:
    drawing = draw_line(line(series=[{"name": str(index), "x": [0, 1], "y": [0, index]} for index in range(12)]))
    assert len({(entry.variable, entry.dash) for entry in drawing.legend}) == 12


def test_text_is_taken_literally() -> None:
    drawing = draw_line(line(x_label="$\\frac{", y_label="<b>&"))
    assert "$\\frac{" in texts(drawing)
    assert "&lt;b&gt;&amp;" in texts(drawing)


def test_large_values_get_a_prefix() -> None:
    assert "2 M" in texts(draw_line(line(series=[{"name": "a", "x": [0, 1e6, 2e6], "y": [1, 2, 3]}])))


def test_bars_and_heatmaps_with_gaps() -> None:
    bars = BarsFigure.model_validate(
        {"kind": "bars", "title": "t", "categories": ["one", "two"], "series": [{"name": "s", "values": [1, None]}]}
    )
    assert {"one", "two"} <= set(texts(draw_bars(bars)))
    heat = HeatmapFigure.model_validate(
        {"kind": "heatmap", "title": "t", "x": ["a", "b"], "y": ["c"], "values": [[1, None]]}
    )
    drawing = draw_heatmap(heat)
    assert {"a", "b", "c"} <= set(texts(drawing))
    assert "data:image/png;base64," in drawing.svg


def test_a_users_own_style_changes_nothing() -> None:
    before = draw_line(line()).svg
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30}):
        assert draw_line(line()).svg == before


def test_logarithmic_axes_are_labelled_in_plain_numbers() -> None:
    drawing = draw_line(line(y_scale="log", series=[{"name": "a", "x": [0, 1], "y": [0.01, 100]}]))
    assert {"0.01", "1", "100"} <= set(texts(drawing))
    assert "mathdefault" not in drawing.svg
