"""Curves as SVG text: what is in them, and that odd input does not break them."""

import pytest

from netchip.report.drawing.lines import draw_line, outline
from netchip.report.figure import LineFigure

from .reading import paths, texts


def line(**changes: object) -> LineFigure:
    series = [{"name": "a", "x": [0, 1, 2], "y": [1.0, None, 3.0]}]
    return LineFigure.model_validate({"kind": "line", "title": "t", "series": series, **changes})


def test_a_line_has_labels_marks_and_a_legend() -> None:
    drawing = draw_line(line(x_label="epoch", y_label="loss", marks=[{"x": 1, "label": "ticket"}]))
    assert {"epoch", "loss", "ticket"} <= set(texts(drawing))
    assert [(entry.name, entry.colour, entry.dash) for entry in drawing.legend] == [("a", "s1", "d1")]


def test_it_scales_with_the_page() -> None:
    root = draw_line(line()).svg.split(">")[0]
    assert "viewBox" in root
    assert "width=" not in root


def test_a_gap_breaks_the_line() -> None:
    assert outline([(0.0, 1.0), (2.0, 3.0), None, (4.0, 5.0)]) == "M0 1L2 3M4 5"
    (curve,) = paths(draw_line(line()), "l")
    assert curve.count("M") == 2
    assert "nan" not in draw_line(line()).svg


@pytest.mark.parametrize("series", [[], [{"name": "a", "x": [], "y": []}], [{"name": "", "x": [1], "y": [None]}]])
def test_a_figure_without_points_is_drawn_empty(series: list[object]) -> None:
    assert draw_line(line(series=series)).svg.startswith("<svg")


def test_more_series_than_colours_still_differ_by_dash() -> None:
    drawing = draw_line(line(series=[{"name": str(index), "x": [0, 1], "y": [0, index]} for index in range(12)]))
    assert len({(entry.colour, entry.dash) for entry in drawing.legend}) == 12


def test_text_is_taken_literally() -> None:
    drawing = draw_line(line(x_label="$\\frac{", y_label="<b>&"))
    assert "$\\frac{" in texts(drawing)
    assert "&lt;b&gt;&amp;" in texts(drawing)


def test_a_peak_among_very_many_points_is_kept() -> None:
    y = [0.0] * 5000
    y[3217] = 9.0
    drawing = draw_line(line(series=[{"name": "a", "x": list(range(5000)), "y": y}]))
    (curve,) = paths(drawing, "l")
    assert len(curve) < 8000
    heights = [float(part.split(" ")[1]) for part in curve[1:].replace("M", "L").split("L")]
    assert min(heights) < 20 < max(heights)


def test_a_label_near_the_right_edge_is_set_to_the_left_of_its_mark() -> None:
    drawing = draw_line(line(marks=[{"x": 0, "label": "left"}, {"x": 2, "label": "a long label"}]))
    assert 'class="e k">a long label' in drawing.svg
    assert 'class="k">left' in drawing.svg


def test_logarithmic_axes_are_labelled_in_plain_numbers() -> None:
    drawing = draw_line(line(y_scale="log", series=[{"name": "a", "x": [0, 1, 2], "y": [0.01, 100, -1]}]))
    assert {"0.01", "1", "100"} <= set(texts(drawing))
