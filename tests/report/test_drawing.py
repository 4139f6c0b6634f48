"""Drawings as SVG text: what is in them, and that odd input does not break them."""

import re

import matplotlib
import pytest

from netchip.report.drawing import Drawing, draw, draw_bars, draw_heatmap, draw_line, draw_scatter
from netchip.report.figure import BarsFigure, HeatmapFigure, LineFigure, ScatterFigure


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


def stacked(categories: int, values: tuple[float | None, ...] = (1.0, 2.0)) -> BarsFigure:
    names = [f"layer{index}.conv" for index in range(categories)]
    series = [{"name": f"level {value}", "values": [value] * categories} for value in values]
    return BarsFigure.model_validate(
        {
            "kind": "bars",
            "title": "t",
            "y_label": "energy (µJ)",
            "categories": names,
            "series": series,
            "stacked": True,
        }
    )


def test_stacked_bars_name_every_category_and_grow_with_them() -> None:
    few, many = draw_bars(stacked(3)), draw_bars(stacked(54))
    assert {f"layer{index}.conv" for index in range(54)} <= set(texts(many))
    assert "energy (µJ)" in texts(few)
    assert [(entry.name, entry.variable) for entry in few.legend] == [
        ("level 1.0", "series-1"),
        ("level 2.0", "series-2"),
    ]
    heights = [float(re.findall(r'viewBox="0 0 [\d.]+ ([\d.]+)"', each.svg)[0]) for each in (few, many)]
    assert heights[1] > 4 * heights[0]


def test_stacked_bars_begin_where_the_one_before_ends() -> None:
    def reach(values: tuple[float | None, ...]) -> float:
        """The right end of the axis, by its largest number."""
        return max(float(text) for text in texts(draw_bars(stacked(1, values))) if re.fullmatch(r"[\d.]+", text))

    assert reach((3.0, 4.0)) == 7.0
    assert reach((3.0, None, 4.0)) == 7.0  # a gap is as 0


def scatter(**changes: object) -> ScatterFigure:
    series = [{"name": "compute", "x": [1, 20], "y": [100, 160], "labels": ["conv1", ""]}]
    lines = [{"name": "roof", "x": [0.5, 40], "y": [64, 168]}]
    return ScatterFigure.model_validate(
        {"kind": "scatter", "title": "t", "x_label": "MACs a byte", "series": series, "lines": lines, **changes}
    )


def test_points_and_lines_share_a_legend_and_differ_in_colour() -> None:
    drawing = draw_scatter(scatter())
    assert [(entry.name, entry.variable, entry.dash) for entry in drawing.legend] == [
        ("roof", "series-1", "none"),
        ("compute", "series-2", ""),
    ]
    assert {"conv1", "MACs a byte"} <= set(texts(drawing))


def test_a_narrow_logarithmic_axis_still_has_numbers() -> None:
    assert {"1", "2", "5", "10", "20", "100"} <= set(texts(draw_scatter(scatter())))
    wide = draw_scatter(scatter(series=[{"name": "a", "x": [0.001, 1e4], "y": [0.01, 1e4]}]))
    assert "5" not in texts(wide)


@pytest.mark.parametrize("x", [None, 0, -3.0])
def test_what_a_logarithmic_axis_cannot_show_is_left_out(x: float | None) -> None:
    series = [{"name": "a", "x": [x, 2.0], "y": [1.0, 1.0], "labels": ["hidden", "seen"]}]
    found = texts(draw_scatter(scatter(series=series)))
    assert "seen" in found
    assert "hidden" not in found
    assert draw_scatter(scatter(series=[], lines=[])).svg.startswith("<svg")


def test_any_figure_is_drawn_by_its_kind() -> None:
    heat = HeatmapFigure.model_validate({"kind": "heatmap", "title": "t", "x": ["a"], "y": ["b"], "values": [[1]]})
    for figure, own in ((line(), draw_line), (scatter(), draw_scatter), (stacked(2), draw_bars), (heat, draw_heatmap)):
        assert draw(figure) == own(figure)
